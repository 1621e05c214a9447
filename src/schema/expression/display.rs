//! Expressions as SQL, which reads back as the same tree: by SQLite, and by this crate's DDL.
//!
//! Parentheses stand only where they are needed, or where parsers disagree about precedence: SQLite
//! and `sqlparser` rank `||` and the comparisons among each other differently, so these are never mixed
//! without. A minus sign directly before a number belongs to the number: `-5` is a constant, `-(5)` an
//! operator with an operand.

use super::{Binary, Expression, Unary};
use crate::value::Value;
use std::fmt::{self, Write as _};

/// How tightly a part holds together; greater is tighter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Not,
    Comparison,
    Sum,
    Product,
    Negation,
    Concat,
    Atom,
}

/// The name of the column at a position, quoted where it must be.
type Names<'a> = &'a dyn Fn(usize) -> String;

impl Expression {
    /// The expression as SQL. `name` gives the name of the column at a position, as SQL: it is written
    /// as it is, so quote it where that is needed.
    ///
    /// ```
    /// use reunite::schema::{Binary, Expression, Unary};
    /// use reunite::value::Value;
    /// let rule = Expression::Binary(
    ///     Binary::Greater,
    ///     Box::new(Expression::Unary(Unary::Length, Box::new(Expression::Column(1)))),
    ///     Box::new(Expression::Literal(Value::from(0))),
    /// );
    /// assert_eq!(rule.to_sql(&|_| "name".to_owned()), "length(name) > 0");
    /// ```
    #[must_use]
    pub fn to_sql(&self, name: &dyn Fn(usize) -> String) -> String {
        let mut sql = String::new();
        // Writing to a String does not fail.
        let _ = self.write(&mut sql, name);
        sql
    }

    fn level(&self) -> Level {
        match self {
            Expression::Literal(Value::Integer(number)) if *number < 0 => Level::Negation,
            Expression::Literal(Value::Real(number)) if number.get() < 0.0 => Level::Negation,
            Expression::Literal(_) | Expression::Column(_) => Level::Atom,
            Expression::Unary(operator, _) => match operator {
                Unary::Not => Level::Not,
                Unary::Negate => Level::Negation,
                Unary::IsNull | Unary::IsNotNull => Level::Comparison,
                Unary::Length | Unary::Lower | Unary::Upper => Level::Atom,
            },
            Expression::Binary(operator, ..) => operator.level(),
            Expression::In { .. }
            | Expression::Between { .. }
            | Expression::Like { .. }
            | Expression::Regexp { .. } => Level::Comparison,
        }
    }

    fn write(&self, sql: &mut String, names: Names) -> fmt::Result {
        match self {
            Expression::Literal(value) => write_literal(sql, value),
            Expression::Column(position) => sql.write_str(&names(*position)),
            Expression::Unary(operator, operand) => write_unary(sql, names, *operator, operand),
            Expression::Binary(operator, left, right) => {
                left.write_within(sql, names, operator.left())?;
                write!(sql, " {} ", operator.sql())?;
                right.write_within(sql, names, operator.right())
            }
            Expression::In { item, list, negated } => {
                item.write_compared(sql, names, *negated, "IN (")?;
                for (index, candidate) in list.iter().enumerate() {
                    sql.write_str(if index == 0 { "" } else { ", " })?;
                    candidate.write(sql, names)?;
                }
                sql.write_char(')')
            }
            Expression::Between { item, low, high, negated } => {
                item.write_compared(sql, names, *negated, "BETWEEN ")?;
                low.write_within(sql, names, |level| level > Level::Comparison)?;
                sql.write_str(" AND ")?;
                high.write_within(sql, names, |level| level > Level::Comparison)
            }
            Expression::Like { item, pattern, escape, negated } => {
                item.write_compared(sql, names, *negated, "LIKE ")?;
                pattern.write_within(sql, names, |level| level > Level::Comparison)?;
                escape.map_or(Ok(()), |escape| {
                    sql.write_str(" ESCAPE ")?;
                    write_text(sql, &escape.to_string())
                })
            }
            Expression::Regexp { item, pattern, negated } => {
                item.write_compared(sql, names, *negated, "REGEXP ")?;
                write_text(sql, pattern)
            }
        }
    }

    /// Writes it, in parentheses unless its level fits where it stands.
    fn write_within(&self, sql: &mut String, names: Names, fits: impl Fn(Level) -> bool) -> fmt::Result {
        if fits(self.level()) {
            return self.write(sql, names);
        }
        sql.write_char('(')?;
        self.write(sql, names)?;
        sql.write_char(')')
    }

    /// Writes the first operand of a comparison and the words after it.
    fn write_compared(&self, sql: &mut String, names: Names, negated: bool, words: &str) -> fmt::Result {
        self.write_within(sql, names, |level| level > Level::Comparison)?;
        write!(sql, " {}{words}", if negated { "NOT " } else { "" })
    }
}

impl Binary {
    const fn level(self) -> Level {
        match self {
            Binary::Or => Level::Or,
            Binary::And => Level::And,
            Binary::Add | Binary::Subtract => Level::Sum,
            Binary::Multiply | Binary::Divide | Binary::Remainder => Level::Product,
            Binary::Concat => Level::Concat,
            _ => Level::Comparison,
        }
    }

    /// What may stand on the left without parentheses. Operators of one level group to the left.
    fn left(self) -> impl Fn(Level) -> bool {
        let own = self.level();
        let unclear = own == Level::Comparison;
        move |level| level > own && self.mixes(level) || level == own && !unclear
    }

    /// What may stand on the right without parentheses.
    fn right(self) -> impl Fn(Level) -> bool {
        let own = self.level();
        move |level| level > own && self.mixes(level)
    }

    /// Whether parsers agree about this operator next to one of that level: not for `||` and arithmetic.
    fn mixes(self, level: Level) -> bool {
        level != Level::Concat || !matches!(self.level(), Level::Sum | Level::Product)
    }
}

fn write_unary(sql: &mut String, names: Names, operator: Unary, operand: &Expression) -> fmt::Result {
    match operator {
        Unary::Not => {
            sql.write_str("NOT ")?;
            operand.write_within(sql, names, |level| level == Level::Not || level == Level::Atom)
        }
        Unary::Negate => {
            let number = matches!(operand, Expression::Literal(Value::Integer(_) | Value::Real(_)));
            sql.write_char('-')?;
            operand.write_within(sql, names, |level| level == Level::Atom && !number)
        }
        Unary::IsNull => operand.write_compared(sql, names, false, "IS NULL"),
        Unary::IsNotNull => operand.write_compared(sql, names, false, "IS NOT NULL"),
        Unary::Length => write_call(sql, names, "length", operand),
        Unary::Lower => write_call(sql, names, "lower", operand),
        Unary::Upper => write_call(sql, names, "upper", operand),
    }
}

fn write_call(sql: &mut String, names: Names, function: &str, operand: &Expression) -> fmt::Result {
    write!(sql, "{function}(")?;
    operand.write(sql, names)?;
    sql.write_char(')')
}

/// UUID, TIMESTAMP and JSON have no constants in SQL: they are texts. The infinities are out of range
/// as SQLite writes them; neither may be in a valid rule.
fn write_literal(sql: &mut String, value: &Value) -> fmt::Result {
    match value {
        Value::Null => sql.write_str("NULL"),
        Value::Boolean(boolean) => sql.write_str(if *boolean { "TRUE" } else { "FALSE" }),
        Value::Integer(integer) => write!(sql, "{integer}"),
        Value::Real(real) if real.get().is_infinite() => {
            sql.write_str(if real.get() > 0.0 { "9e999" } else { "-9e999" })
        }
        Value::Real(real) => write!(sql, "{real}"),
        Value::Blob(bytes) => {
            sql.write_str("X'")?;
            bytes.iter().try_for_each(|byte| write!(sql, "{byte:02x}"))?;
            sql.write_char('\'')
        }
        Value::Text(text) => write_text(sql, text),
        Value::Json(json) => write_text(sql, json.as_str()),
        Value::Uuid(_) | Value::Timestamp(_) => write_text(sql, &value.to_string()),
    }
}

fn write_text(sql: &mut String, text: &str) -> fmt::Result {
    write!(sql, "'{}'", text.replace('\'', "''"))
}
