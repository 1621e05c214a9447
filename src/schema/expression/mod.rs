//! Expressions of checks: a tree, because rules are data that replicates.
//!
//! They mean what they mean in SQLite: NULL passes, LIKE, lower and upper fold ASCII, integers divide
//! as integers, length counts characters; overflow fails the check. An expression reads one row and
//! nothing else: no clock, no locale, no randomness, no other rows.

use crate::value::Value;

/// An expression over the columns of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A constant.
    Literal(Value),
    /// The column at this position of the table.
    Column(usize),
    /// One operand.
    Unary(Unary, Box<Expression>),
    /// Two operands.
    Binary(Binary, Box<Expression>, Box<Expression>),
    /// `item [NOT] IN (list)`.
    In {
        /// What is looked for.
        item: Box<Expression>,
        /// Where.
        list: Vec<Expression>,
        /// Whether `NOT` was written.
        negated: bool,
    },
    /// `item [NOT] BETWEEN low AND high`.
    Between {
        /// What is compared.
        item: Box<Expression>,
        /// The least value, inclusive.
        low: Box<Expression>,
        /// The greatest value, inclusive.
        high: Box<Expression>,
        /// Whether `NOT` was written.
        negated: bool,
    },
    /// `item [NOT] LIKE pattern [ESCAPE 'c']`.
    Like {
        /// The text.
        item: Box<Expression>,
        /// The pattern: `%` any run of characters, `_` any one.
        pattern: Box<Expression>,
        /// The character that makes the next one of the pattern literal.
        escape: Option<char>,
        /// Whether `NOT` was written.
        negated: bool,
    },
    /// `item [NOT] REGEXP 'pattern'`: the pattern is found somewhere in the text. Unicode classes are off.
    Regexp {
        /// The text.
        item: Box<Expression>,
        /// The pattern, in the syntax of the crate `regex-lite`.
        pattern: String,
        /// Whether `NOT` was written.
        negated: bool,
    },
}

/// Operators and functions of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// `NOT x`
    Not,
    /// `-x`
    Negate,
    /// `x IS NULL`
    IsNull,
    /// `x IS NOT NULL`
    IsNotNull,
    /// `length(x)`: characters of a text, bytes of a blob.
    Length,
    /// `lower(x)`: ASCII only.
    Lower,
    /// `upper(x)`: ASCII only.
    Upper,
}

/// Operators of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `AND`
    And,
    /// `OR`
    Or,
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `||`
    Concat,
}
