//! The types a column may have. Does not convert anything.

use std::fmt;

/// The type of a column.
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
