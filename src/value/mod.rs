//! Dynamic values: what a column holds, its type, the total order, text forms, collations.
//!
//! Equal values have equal bytes: `-0.0` is `0.0`, NaN does not exist, JSON is canonical (RFC 8785).
//! Nothing here knows a table, and nothing reads a locale or a clock.

mod collation;
mod convert;
mod error;
mod field;
mod json;
mod kind;
mod real;
mod serialize;
mod text;
mod timestamp;

#[cfg(test)]
pub(crate) mod arbitrary;
#[cfg(test)]
mod tests;

pub use collation::Collation;
pub use error::ValueError;
pub use field::{FieldError, FieldProblem};
pub use json::Json;
pub use kind::Type;
pub use real::Real;
pub use timestamp::Timestamp;

use uuid::Uuid;

/// The value of one column of one row.
///
/// The order is total: `Null` first, then by type in the order of the variants, then by value.
///
/// ```
/// use reunite::value::Value;
/// assert!(Value::Null < Value::Integer(-1));
/// assert!(Value::from("ANN") < Value::from("BOB"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// `BOOLEAN`.
    Boolean(bool),
    /// `INTEGER`: 64 bits, signed.
    Integer(i64),
    /// `REAL`: 64 bits, never NaN.
    Real(Real),
    /// `TEXT`: UTF-8.
    Text(String),
    /// `BLOB`: bytes.
    Blob(Vec<u8>),
    /// `UUID`.
    Uuid(Uuid),
    /// `TIMESTAMP`: microseconds, UTC.
    Timestamp(Timestamp),
    /// `JSON`, in canonical form.
    Json(Json),
}

impl Value {
    /// Whether this is `Null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The type of this value; none for `Null`.
    #[must_use]
    pub const fn kind(&self) -> Option<Type> {
        Some(match self {
            Value::Null => return None,
            Value::Boolean(_) => Type::Boolean,
            Value::Integer(_) => Type::Integer,
            Value::Real(_) => Type::Real,
            Value::Text(_) => Type::Text,
            Value::Blob(_) => Type::Blob,
            Value::Uuid(_) => Type::Uuid,
            Value::Timestamp(_) => Type::Timestamp,
            Value::Json(_) => Type::Json,
        })
    }
}
