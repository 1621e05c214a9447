//! Expressions of checks: a tree, because rules are data that replicates.
//!
//! They mean what they mean in SQLite: NULL passes, LIKE, lower and upper fold ASCII, integers divide
//! as integers, length counts characters. An expression reads one row and nothing else: no clock, no
//! locale, no randomness, no other rows. It differs from SQLite in four ways:
//!
//! - it is typed: what SQLite would convert (a TEXT compared with an INTEGER, a number as a condition)
//!   is refused when the schema is built ([`Expression::validate`]);
//! - an integer overflow fails the check, where SQLite goes on with a rounded REAL;
//! - a NUL character is a character like others, where SQLite stops at it;
//! - `UNICODE_NOCASE`, which SQLite lacks.
//!
//! This file holds the tree alone. It does not parse SQL: see the DDL.

#[cfg(test)]
pub(crate) mod arbitrary;
mod check;
mod display;
mod error;
mod evaluate;
mod fit;
mod like;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

pub use error::ExpressionError;
pub use evaluate::Fault;

use std::collections::BTreeSet;

use crate::value::Value;

/// An expression over the columns of one row.
///
/// ```
/// use reunite::schema::{Binary, Expression, Schema, Unary};
/// use reunite::value::Value;
/// // length(name) > 0
/// let length = Expression::Unary(Unary::Length, Box::new(Expression::Column(0)));
/// let zero = Expression::Literal(Value::from(0));
/// let rule = Expression::Binary(Binary::Greater, Box::new(length), Box::new(zero));
/// let schema = Schema::from_sql("CREATE TABLE t (name TEXT CHECK (length(name) > 0))")?;
/// assert_eq!(schema.tables()[0].checks[0].rule, rule);
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
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
///
/// See [`Expression`] for an example.
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
    /// `length(x)`: characters of a text (NUL counts), bytes of a blob.
    Length,
    /// `lower(x)`: ASCII only.
    Lower,
    /// `upper(x)`: ASCII only.
    Upper,
}

/// Operators of two operands.
///
/// See [`Expression`] for an example.
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

impl Expression {
    /// The most operators and functions an expression may have. Bounds every walk over it, also that of
    /// a SQL parser over its text.
    pub const MAX_OPERATORS: usize = 100;

    /// The positions of the columns that it reads, ascending.
    ///
    /// ```
    /// use reunite::schema::{Binary, Expression};
    /// let column = |position| Box::new(Expression::Column(position));
    /// let rule = Expression::Binary(Binary::LessOrEqual, column(4), column(2));
    /// assert_eq!(rule.columns(), [2, 4]);
    /// ```
    #[must_use]
    pub fn columns(&self) -> Vec<usize> {
        let mut columns = BTreeSet::new();
        self.walk(&mut |part| {
            if let Expression::Column(position) = part {
                columns.insert(*position);
            }
        });
        columns.into_iter().collect()
    }

    /// How many operators and functions it has; `IN`, `BETWEEN`, `LIKE` and `REGEXP` count one each.
    #[must_use]
    pub fn operators(&self) -> usize {
        let mut operators = 0;
        self.walk(&mut |part| {
            if !matches!(part, Expression::Literal(_) | Expression::Column(_)) {
                operators += 1;
            }
        });
        operators
    }

    /// Visits every part, the whole first. Uses no stack, so it is safe on a tree that is not validated.
    fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        let mut pending = vec![self];
        while let Some(part) = pending.pop() {
            visit(part);
            pending.extend(part.operands());
        }
    }

    /// Gives columns other positions. To be called on what is validated: its size bounds the recursion.
    pub(super) fn renumber(&mut self, position: &dyn Fn(usize) -> usize) {
        let all = |operands: &mut [&mut Expression]| {
            operands.iter_mut().for_each(|operand| operand.renumber(position));
        };
        match self {
            Expression::Literal(_) => {}
            Expression::Column(column) => *column = position(*column),
            Expression::Unary(_, operand) => operand.renumber(position),
            Expression::Binary(_, left, right) => all(&mut [left, right]),
            Expression::In { item, list, .. } => {
                item.renumber(position);
                list.iter_mut().for_each(|item| item.renumber(position));
            }
            Expression::Between { item, low, high, .. } => all(&mut [item, low, high]),
            Expression::Like { item, pattern, .. } => all(&mut [item, pattern]),
            Expression::Regexp { item, .. } => item.renumber(position),
        }
    }

    /// The operands, in the order they are written.
    fn operands(&self) -> Vec<&Expression> {
        match self {
            Expression::Literal(_) | Expression::Column(_) => vec![],
            Expression::Unary(_, operand) => vec![operand],
            Expression::Binary(_, left, right) => vec![left, right],
            Expression::In { item, list, .. } => std::iter::once(&**item).chain(list).collect(),
            Expression::Between { item, low, high, .. } => vec![item, low, high],
            Expression::Like { item, pattern, .. } => vec![item, pattern],
            Expression::Regexp { item, .. } => vec![item],
        }
    }
}

impl Binary {
    /// Whether it compares two values by order or equality.
    const fn is_comparison(self) -> bool {
        use Binary::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        matches!(self, Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual)
    }

    /// As it is written in SQL.
    const fn sql(self) -> &'static str {
        match self {
            Binary::And => "AND",
            Binary::Or => "OR",
            Binary::Equal => "=",
            Binary::NotEqual => "<>",
            Binary::Less => "<",
            Binary::LessOrEqual => "<=",
            Binary::Greater => ">",
            Binary::GreaterOrEqual => ">=",
            Binary::Add => "+",
            Binary::Subtract => "-",
            Binary::Multiply => "*",
            Binary::Divide => "/",
            Binary::Remainder => "%",
            Binary::Concat => "||",
        }
    }
}
