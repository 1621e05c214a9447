//! Conversions between [`Value`] and Rust types. None of them rounds, cuts or guesses.

use super::{Json, Real, Timestamp, Type, Value, ValueError};
use uuid::Uuid;

macro_rules! from {
    ($($source:ty => |$given:ident| $value:expr;)*) => {$(
        impl From<$source> for Value {
            fn from($given: $source) -> Value {
                $value
            }
        }
    )*};
}

from! {
    bool => |boolean| Value::Boolean(boolean);
    i64 => |integer| Value::Integer(integer);
    i32 => |integer| Value::Integer(integer.into());
    u32 => |integer| Value::Integer(integer.into());
    Real => |real| Value::Real(real);
    &str => |text| Value::Text(text.to_owned());
    String => |text| Value::Text(text);
    Vec<u8> => |bytes| Value::Blob(bytes);
    &[u8] => |bytes| Value::Blob(bytes.to_owned());
    Uuid => |uuid| Value::Uuid(uuid);
    Timestamp => |timestamp| Value::Timestamp(timestamp);
    Json => |json| Value::Json(json);
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(given: Option<T>) -> Value {
        given.map_or(Value::Null, Into::into)
    }
}

impl TryFrom<u64> for Value {
    type Error = ValueError;

    fn try_from(integer: u64) -> Result<Value, ValueError> {
        i64::try_from(integer)
            .map(Value::Integer)
            .map_err(|_| ValueError::OutOfRange { number: integer.to_string(), target: "INTEGER" })
    }
}

impl TryFrom<f64> for Real {
    type Error = ValueError;

    fn try_from(number: f64) -> Result<Real, ValueError> {
        Real::new(number).ok_or(ValueError::NotANumber)
    }
}

impl TryFrom<f64> for Value {
    type Error = ValueError;

    fn try_from(number: f64) -> Result<Value, ValueError> {
        Real::try_from(number).map(Value::Real)
    }
}

macro_rules! try_from_value {
    ($($variant:ident => $target:ty;)*) => {$(
        impl TryFrom<Value> for $target {
            type Error = ValueError;

            fn try_from(value: Value) -> Result<$target, ValueError> {
                match value {
                    Value::$variant(inner) => Ok(inner),
                    other => Err(other.is_not(Type::$variant)),
                }
            }
        }
    )*};
}

try_from_value! {
    Boolean => bool;
    Integer => i64;
    Real => Real;
    Text => String;
    Blob => Vec<u8>;
    Uuid => Uuid;
    Timestamp => Timestamp;
    Json => Json;
}

impl TryFrom<Value> for f64 {
    type Error = ValueError;

    fn try_from(value: Value) -> Result<f64, ValueError> {
        Real::try_from(value).map(Real::get)
    }
}

macro_rules! try_from_integer {
    ($($target:ident)*) => {$(
        impl TryFrom<Value> for $target {
            type Error = ValueError;

            fn try_from(value: Value) -> Result<$target, ValueError> {
                let integer = i64::try_from(value)?;
                $target::try_from(integer).map_err(|_| ValueError::OutOfRange {
                    number: integer.to_string(),
                    target: stringify!($target),
                })
            }
        }
    )*};
}

try_from_integer! { i32 u32 u64 usize }

impl Value {
    /// The value as a Rust type, or none for `Null`.
    ///
    /// ```
    /// use reunite::value::Value;
    /// assert_eq!(Value::from(7).optional::<u32>(), Ok(Some(7)));
    /// assert_eq!(Value::Null.optional::<String>(), Ok(None));
    /// assert!(Value::from("7").optional::<i64>().is_err());
    /// ```
    ///
    /// # Errors
    /// The value is neither `Null` nor of this type.
    pub fn optional<T: TryFrom<Value, Error = ValueError>>(self) -> Result<Option<T>, ValueError> {
        if self.is_null() { Ok(None) } else { T::try_from(self).map(Some) }
    }

    /// The error for this value where one of the type `expected` belongs.
    #[must_use]
    pub fn is_not(&self, expected: Type) -> ValueError {
        let found = self.kind().map_or_else(|| "NULL".to_owned(), |kind| kind.to_string());
        ValueError::WrongType { expected, found }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub const fn as_boolean(&self) -> Option<bool> {
        if let Value::Boolean(boolean) = self { Some(*boolean) } else { None }
    }

    /// The integer, if it is one.
    #[must_use]
    pub const fn as_integer(&self) -> Option<i64> {
        if let Value::Integer(integer) = self { Some(*integer) } else { None }
    }

    /// The real, if it is one. An integer is none.
    #[must_use]
    pub const fn as_real(&self) -> Option<f64> {
        if let Value::Real(real) = self { Some(real.get()) } else { None }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The bytes, if it is a blob.
    #[must_use]
    pub fn as_blob(&self) -> Option<&[u8]> {
        if let Value::Blob(bytes) = self { Some(bytes) } else { None }
    }

    /// The UUID, if it is one.
    #[must_use]
    pub const fn as_uuid(&self) -> Option<Uuid> {
        if let Value::Uuid(uuid) = self { Some(*uuid) } else { None }
    }

    /// The timestamp, if it is one.
    #[must_use]
    pub const fn as_timestamp(&self) -> Option<Timestamp> {
        if let Value::Timestamp(timestamp) = self { Some(*timestamp) } else { None }
    }

    /// The JSON, if it is one.
    #[must_use]
    pub const fn as_json(&self) -> Option<&Json> {
        if let Value::Json(json) = self { Some(json) } else { None }
    }
}
