//! Why an expression is no valid rule. Found when a schema is built, never while rows are checked.

use crate::value::{Type, ValueError};

/// An expression is refused as a rule.
///
/// ```
/// use reunite::schema::{Expression, ExpressionError};
/// use reunite::value::Type;
/// let rule = Expression::Column(0); // a number is no condition, as it is in SQLite
/// let error = ExpressionError::NotACondition { place: "a check", found: Type::Integer };
/// assert_eq!(rule.validate(&[Type::Integer]), Err(error));
/// assert_eq!(rule.validate(&[Type::Boolean]), Ok(()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// It is too large.
    #[error("the expression has {operators} operators, at most {limit} are allowed: make it several checks")]
    TooLarge {
        /// The operators and functions it has.
        operators: usize,
        /// The most that are allowed.
        limit: usize,
    },
    /// It reads a column that the table does not have.
    #[error("the table has no column at position {position}")]
    UnknownColumn {
        /// The position, from zero.
        position: usize,
    },
    /// A condition is needed, and this is something else.
    #[error("{place} takes a BOOLEAN, found {found}: compare it with something")]
    NotACondition {
        /// Where: `a check`, `AND`, `OR` or `NOT`.
        place: &'static str,
        /// The type found.
        found: Type,
    },
    /// Values of two types do not compare. Only INTEGER and REAL compare with each other.
    #[error("{operator} cannot compare {left} with {right}: both must have one type, or be numbers")]
    Incomparable {
        /// The operator.
        operator: &'static str,
        /// The type of the first operand.
        left: Type,
        /// The type of the other one.
        right: Type,
    },
    /// The operator or function does not take operands of this type.
    #[error("{operator} takes {supported}, found {found}")]
    Operand {
        /// The operator or function.
        operator: &'static str,
        /// What it takes.
        supported: &'static str,
        /// The type found.
        found: Type,
    },
    /// A text next to a column of another type is not a value of that type.
    #[error("next to a {kind} column: {source}")]
    Literal {
        /// The type of the column.
        kind: Type,
        /// What is wrong with the text.
        #[source]
        source: ValueError,
    },
    /// SQL has no constants of this type: a text is taken for one only if it is compared with a column.
    #[error("a {kind} constant must be compared with a {kind} column")]
    LoneLiteral {
        /// The type of the constant.
        kind: Type,
    },
    /// A constant that no column may hold and SQL cannot write: an infinite REAL, a TIMESTAMP out of range.
    #[error("{literal} cannot be a constant of an expression")]
    Unwritable {
        /// The constant.
        literal: String,
    },
    /// The pattern of a REGEXP does not compile, or compiles to something too large.
    #[error("the pattern '{pattern}' of REGEXP: {reason}")]
    Regexp {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}
