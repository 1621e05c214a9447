//! Values as text: how they print, and how a column of a known type reads them back.
//!
//! What is printed is read back as the same value, bit by bit, by the type it came from. The text of
//! `NULL` is not told from the TEXT `NULL`: who reads and writes texts marks `NULL` in another way.

use super::{Json, Real, Timestamp, Type, Value, ValueError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

impl Type {
    /// Reads a value of this type from its text form. Never gives `Null`, and never trims.
    ///
    /// | type | text |
    /// |---|---|
    /// | `BOOLEAN` | `true`, `false`, `1`, `0`; letters in any case |
    /// | `INTEGER` | decimal digits with an optional sign |
    /// | `REAL` | decimal, with an optional exponent; `Infinity`, `-Infinity` |
    /// | `TEXT` | as it is |
    /// | `BLOB` | base64, the standard alphabet with padding |
    /// | `UUID` | hexadecimal, with or without hyphens |
    /// | `TIMESTAMP` | RFC 3339: with an offset or `Z`, up to six digits of a second |
    /// | `JSON` | JSON |
    ///
    /// ```
    /// use reunite::value::{Type, Value};
    /// assert_eq!(Type::Integer.parse("-7"), Ok(Value::Integer(-7)));
    /// assert!(Type::Integer.parse("7.0").is_err());
    /// let noon = Type::Timestamp.parse("2024-01-01T13:00:00+01:00")?;
    /// assert_eq!(noon.to_string(), "2024-01-01T12:00:00.000000Z");
    /// # Ok::<(), reunite::value::ValueError>(())
    /// ```
    ///
    /// # Errors
    /// The text is not one of this type; or it is a number that does not fit.
    pub fn parse(self, text: &str) -> Result<Value, ValueError> {
        match self {
            Type::Boolean => parse_boolean(text),
            Type::Integer => parse_integer(text),
            Type::Real => text.parse().map(Value::Real),
            Type::Text => Ok(Value::from(text)),
            Type::Blob => STANDARD
                .decode(text)
                .map(Value::Blob)
                .map_err(|error| ValueError::syntax(Type::Blob, text, format!("not base64: {error}"))),
            Type::Uuid => Uuid::parse_str(text)
                .map(Value::Uuid)
                .map_err(|error| ValueError::syntax(Type::Uuid, text, error)),
            Type::Timestamp => text.parse().map(Value::Timestamp),
            Type::Json => Json::parse(text).map(Value::Json),
        }
    }
}

fn parse_boolean(text: &str) -> Result<Value, ValueError> {
    if text == "1" || text.eq_ignore_ascii_case("true") {
        Ok(Value::Boolean(true))
    } else if text == "0" || text.eq_ignore_ascii_case("false") {
        Ok(Value::Boolean(false))
    } else {
        Err(ValueError::syntax(Type::Boolean, text, "write true or false"))
    }
}

fn parse_integer(text: &str) -> Result<Value, ValueError> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse().map(Value::Integer).map_err(|error: std::num::ParseIntError| match error.kind() {
        PosOverflow | NegOverflow => ValueError::OutOfRange { number: text.to_owned(), target: "INTEGER" },
        _ => ValueError::syntax(Type::Integer, text, error),
    })
}

impl FromStr for Real {
    type Err = ValueError;

    /// Reads the nearest real. A number beyond the greatest finite one is refused, not made infinite.
    fn from_str(text: &str) -> Result<Real, ValueError> {
        let number: f64 = text.parse().map_err(|error| ValueError::syntax(Type::Real, text, error))?;
        if number.is_infinite() && text.contains(|letter: char| letter.is_ascii_digit()) {
            return Err(ValueError::OutOfRange { number: text.to_owned(), target: "REAL" });
        }
        Real::try_from(number)
    }
}

impl fmt::Display for Real {
    /// The shortest decimal that is read back as the same number, always with a point or an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.get();
        if number.is_infinite() {
            f.write_str(if number > 0.0 { "Infinity" } else { "-Infinity" })
        } else {
            write!(f, "{number:?}")
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Value {
    /// The text form that [`Type::parse`] reads; `NULL` for `Null`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Boolean(boolean) => boolean.fmt(f),
            Value::Integer(integer) => integer.fmt(f),
            Value::Real(real) => real.fmt(f),
            Value::Text(text) => f.write_str(text),
            Value::Blob(bytes) => f.write_str(&STANDARD.encode(bytes)),
            Value::Uuid(uuid) => uuid.hyphenated().fmt(f),
            Value::Timestamp(timestamp) => Timestamp::fmt(timestamp, f),
            Value::Json(json) => json.fmt(f),
        }
    }
}
