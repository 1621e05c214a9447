//! The types a column may have, and which values each of them admits. Reads no text: see `text.rs`.

use super::{Real, Value, ValueError};
use std::fmt;
use std::str::FromStr;

/// The type of a column.
///
/// ```
/// use reunite::value::{Type, Value};
/// let kind: Type = "timestamp".parse()?;
/// assert_eq!((kind, kind.to_string()), (Type::Timestamp, "TIMESTAMP".into()));
/// assert!(kind.admits(&Value::Null) && !kind.admits(&Value::from(0)));
/// # Ok::<(), reunite::value::ValueError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// `BOOLEAN`: true or false.
    Boolean,
    /// `INTEGER`: a signed 64-bit integer.
    Integer,
    /// `REAL`: a 64-bit floating point number, never NaN; `-0.0` is stored as `0.0`.
    Real,
    /// `TEXT`: a UTF-8 string.
    Text,
    /// `BLOB`: bytes.
    Blob,
    /// `UUID`: 128 bits.
    Uuid,
    /// `TIMESTAMP`: microseconds since 1970 in UTC.
    Timestamp,
    /// `JSON`: any JSON value, stored in canonical form (RFC 8785).
    Json,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Boolean => "BOOLEAN",
            Type::Integer => "INTEGER",
            Type::Real => "REAL",
            Type::Text => "TEXT",
            Type::Blob => "BLOB",
            Type::Uuid => "UUID",
            Type::Timestamp => "TIMESTAMP",
            Type::Json => "JSON",
        })
    }
}

impl Type {
    /// Every type, in their order.
    pub const ALL: [Type; 8] = [
        Type::Boolean,
        Type::Integer,
        Type::Real,
        Type::Text,
        Type::Blob,
        Type::Uuid,
        Type::Timestamp,
        Type::Json,
    ];

    /// Whether a column of this type may hold `value` as it is. Every type admits `Null` here: whether
    /// a column does is a matter of the column.
    #[must_use]
    pub fn admits(self, value: &Value) -> bool {
        match value {
            Value::Timestamp(timestamp) => self == Type::Timestamp && timestamp.in_range(),
            other => other.kind().is_none_or(|kind| kind == self),
        }
    }

    /// The value as a column of this type stores it: itself, or the REAL that an INTEGER exactly is.
    /// No text becomes a number, no number becomes a boolean.
    ///
    /// ```
    /// use reunite::value::{Type, Value};
    /// assert_eq!(Type::Real.coerce(Value::from(2)), Value::try_from(2.0));
    /// assert!(Type::Integer.coerce(Value::from("2")).is_err());
    /// ```
    ///
    /// # Errors
    /// The value has another type, has no exact REAL, or is a timestamp out of range.
    pub fn coerce(self, value: Value) -> Result<Value, ValueError> {
        match (self, value) {
            (Type::Real, Value::Integer(number)) => {
                Real::exactly(number).map(Value::Real).ok_or(ValueError::NotExact { number })
            }
            (_, value) if self.admits(&value) => Ok(value),
            (Type::Timestamp, Value::Timestamp(timestamp)) => {
                Err(ValueError::OutOfRange { number: timestamp.to_string(), target: "TIMESTAMP" })
            }
            (_, value) => Err(value.is_not(self)),
        }
    }
}

impl FromStr for Type {
    type Err = ValueError;

    /// Reads the name, in any case.
    fn from_str(name: &str) -> Result<Type, ValueError> {
        Type::ALL
            .into_iter()
            .find(|kind| kind.to_string().eq_ignore_ascii_case(name))
            .ok_or_else(|| ValueError::UnknownType { name: name.to_owned() })
    }
}
