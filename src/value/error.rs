//! Why a value was refused. Says what was expected and what was found; knows no table and no column.

use super::Type;

/// A value, or a text that should be one, was refused. Nothing was changed.
///
/// ```
/// use reunite::value::{Type, Value, ValueError};
/// let error = Type::Integer.coerce(Value::from("7"));
/// assert_eq!(error, Err(ValueError::WrongType { expected: Type::Integer, found: "TEXT".into() }));
/// assert_eq!(i32::try_from(Value::from(1_i64 << 40)).map_err(|error| error.to_string()),
///     Err("1099511627776 is out of the range of i32".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The value has another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// The type that was expected.
        expected: Type,
        /// What was found instead: a type, `NULL`, or a kind of JSON value.
        found: String,
    },
    /// The text is not one of this type.
    #[error("'{text}' is not a valid {expected}: {reason}")]
    Syntax {
        /// The type that was expected.
        expected: Type,
        /// The text, or its beginning.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The number is too small or too large for its target.
    #[error("{number} is out of the range of {target}")]
    OutOfRange {
        /// The number.
        number: String,
        /// The type it was to become.
        target: &'static str,
    },
    /// The integer has no exact REAL. Beyond 2^53 not every integer has one.
    #[error("{number} has no exact REAL: give the nearest number that has, or use an INTEGER column")]
    NotExact {
        /// The integer.
        number: i64,
    },
    /// NaN is not a value. Use `NULL` for an unknown number.
    #[error("NaN is not a value: use NULL for an unknown number")]
    NotANumber,
    /// A number in JSON would change: JSON numbers are doubles (RFC 8785).
    #[error(
        "the JSON number {number} would be rounded, since JSON numbers are doubles: write it as a string"
    )]
    JsonNumber {
        /// The number.
        number: String,
    },
    /// The JSON nests too deep.
    #[error("the JSON nests deeper than {limit} levels")]
    JsonDepth {
        /// The greatest depth allowed.
        limit: usize,
    },
    /// The JSON is valid but not in the canonical form of RFC 8785, where that form was required.
    #[error("the JSON is not in the canonical form of RFC 8785")]
    JsonForm,
    /// No collation has this name.
    #[error("there is no collation '{name}': use BINARY, NOCASE or UNICODE_NOCASE")]
    UnknownCollation {
        /// The name.
        name: String,
    },
    /// No type has this name.
    #[error("there is no type '{name}': use BOOLEAN, INTEGER, REAL, TEXT, BLOB, UUID, TIMESTAMP or JSON")]
    UnknownType {
        /// The name.
        name: String,
    },
}

impl ValueError {
    /// A text that is not one of the type `expected`. A long text is cut for the message.
    pub(super) fn syntax(expected: Type, text: &str, reason: impl ToString) -> ValueError {
        const SHOWN: usize = 60;
        let mut shown: String = text.chars().take(SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        ValueError::Syntax { expected, text: shown, reason: reason.to_string() }
    }
}

/// For conversions that cannot fail, beside those that can.
impl From<std::convert::Infallible> for ValueError {
    fn from(never: std::convert::Infallible) -> ValueError {
        match never {}
    }
}
