//! Evaluates an expression over one row, as SQLite would: three-valued logic, exact comparison of
//! integers with reals, no conversion of texts. Does not check types beforehand: what
//! `Expression::validate` refuses is a [`Fault`] here, never a panic.

use super::{Binary, Expression, Unary, like};
use crate::value::{Collation, Real, Value};
use regex_lite::{Regex, RegexBuilder};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Why an expression has no value for a row. It fails a check.
///
/// ```
/// use reunite::schema::{Binary, Expression, Fault};
/// use reunite::value::Value;
/// let one = Expression::Literal(Value::from(1));
/// let next = Expression::Binary(Binary::Add, Box::new(Expression::Column(0)), Box::new(one));
/// assert_eq!(next.evaluate(&[Value::from(i64::MAX)], &[]), Err(Fault::Overflow));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The result of an integer operation does not fit in 64 bits.
    #[error("an integer overflows")]
    Overflow,
    /// A pattern does not compile.
    #[error("the pattern of a REGEXP does not compile")]
    Regexp,
    /// The row lacks a column.
    #[error("the row lacks a column that the expression reads")]
    Column,
    /// An operand has a type that its operator does not take.
    #[error("an operand has a type that its operator does not take")]
    Types,
}

/// True, false, or unknown: `NULL`.
type Truth = Option<bool>;

/// What a compiled pattern may take, in bytes. A pattern is run once for each row and REGEXP.
const MAX_PATTERN_SIZE: usize = 64 * 1024;

impl Expression {
    /// Whether a row passes a check with this rule: the rule is true or `NULL`. A [`Fault`] fails it.
    ///
    /// `row` holds the value of each column, `collations` its collation, both by position; a column without
    /// a collation compares as `BINARY`.
    ///
    /// ```
    /// use reunite::schema::{Binary, Expression};
    /// use reunite::value::Value;
    /// let rule = Expression::Binary(
    ///     Binary::Greater,
    ///     Box::new(Expression::Column(0)),
    ///     Box::new(Expression::Literal(Value::from(0))),
    /// );
    /// let passes = |value: Value| rule.passes(&[value], &[]);
    /// assert!(passes(Value::from(1)) && passes(Value::Null) && !passes(Value::from(0)));
    /// ```
    #[must_use]
    pub fn passes(&self, row: &[Value], collations: &[Collation]) -> bool {
        !matches!(self.evaluate(row, collations).as_deref(), Ok(Value::Boolean(false)) | Err(_))
    }

    /// Whether the expression is true for a row, neither `NULL` nor a [`Fault`]: what selects rows.
    ///
    /// ```
    /// use reunite::schema::Expression;
    /// use reunite::value::Value;
    /// let (rule, unknown) = (Expression::Column(0), [Value::Null]);
    /// assert!(rule.passes(&unknown, &[]) && !rule.holds(&unknown, &[]));
    /// ```
    #[must_use]
    pub fn holds(&self, row: &[Value], collations: &[Collation]) -> bool {
        matches!(self.evaluate(row, collations).as_deref(), Ok(Value::Boolean(true)))
    }

    /// The value for a row; see [`Expression::passes`].
    ///
    /// Operands are evaluated from left to right. `AND`, `OR`, `IN` and `BETWEEN` stop where the result
    /// is certain, so a condition can guard what follows it against overflow.
    ///
    /// # Errors
    /// The expression has no value for this row.
    pub fn evaluate<'a>(
        &'a self,
        row: &'a [Value],
        collations: &[Collation],
    ) -> Result<Cow<'a, Value>, Fault> {
        Evaluator { row, collations }.value(self)
    }
}

struct Evaluator<'a, 'row> {
    row: &'a [Value],
    collations: &'row [Collation],
}

impl<'a> Evaluator<'a, '_> {
    fn value(&self, expression: &'a Expression) -> Result<Cow<'a, Value>, Fault> {
        Ok(match expression {
            Expression::Literal(value) => Cow::Borrowed(value),
            Expression::Column(position) => Cow::Borrowed(self.row.get(*position).ok_or(Fault::Column)?),
            Expression::Unary(operator, operand) => Cow::Owned(self.unary(*operator, operand)?),
            Expression::Binary(operator, left, right) => Cow::Owned(self.binary(*operator, left, right)?),
            Expression::In { item, list, negated } => truth_value(self.is_in(item, list)?, *negated),
            Expression::Between { item, low, high, negated } => {
                truth_value(self.is_between(item, low, high)?, *negated)
            }
            Expression::Like { item, pattern, escape, negated } => {
                truth_value(self.is_like(item, pattern, *escape)?, *negated)
            }
            Expression::Regexp { item, pattern, negated } => {
                truth_value(self.is_match(item, pattern)?, *negated)
            }
        })
    }

    fn truth(&self, expression: &'a Expression) -> Result<Truth, Fault> {
        match *self.value(expression)? {
            Value::Null => Ok(None),
            Value::Boolean(boolean) => Ok(Some(boolean)),
            _ => Err(Fault::Types),
        }
    }

    fn unary(&self, operator: Unary, operand: &'a Expression) -> Result<Value, Fault> {
        let value = self.value(operand)?;
        Ok(match (operator, value.as_ref()) {
            (Unary::IsNull, value) => value.is_null().into(),
            (Unary::IsNotNull, value) => (!value.is_null()).into(),
            (_, Value::Null) => Value::Null,
            (Unary::Not, Value::Boolean(boolean)) => (!boolean).into(),
            (Unary::Negate, Value::Integer(integer)) => integer.checked_neg().ok_or(Fault::Overflow)?.into(),
            (Unary::Negate, Value::Real(real)) => real_value(-real.get()),
            (Unary::Length, Value::Text(text)) => count(text.chars().count())?,
            (Unary::Length, Value::Blob(bytes)) => count(bytes.len())?,
            (Unary::Lower, Value::Text(text)) => text.to_ascii_lowercase().into(),
            (Unary::Upper, Value::Text(text)) => text.to_ascii_uppercase().into(),
            _ => return Err(Fault::Types),
        })
    }

    fn binary(&self, operator: Binary, left: &'a Expression, right: &'a Expression) -> Result<Value, Fault> {
        match operator {
            Binary::And => {
                let first = self.truth(left)?;
                if first == Some(false) {
                    return Ok(false.into());
                }
                Ok(and(first, self.truth(right)?).into())
            }
            Binary::Or => {
                let first = self.truth(left)?;
                if first == Some(true) {
                    return Ok(true.into());
                }
                Ok(or(first, self.truth(right)?).into())
            }
            _ if operator.is_comparison() => {
                let collation = self.collation(left, right);
                let order = compare(&*self.value(left)?, &*self.value(right)?, collation)?;
                Ok(order.map(|order| operator.accepts(order)).into())
            }
            _ => calculate(operator, &*self.value(left)?, &*self.value(right)?),
        }
    }

    /// As SQLite has it, `NULL IN ()` is false; else the item is unknown if it or a value that could
    /// have been it is.
    fn is_in(&self, item: &'a Expression, list: &'a [Expression]) -> Result<Truth, Fault> {
        let collation = self.column_collation(item).unwrap_or_default();
        let value = self.value(item)?;
        let mut found = Some(false);
        for candidate in list {
            let order = compare(&value, &*self.value(candidate)?, collation)?;
            found = or(found, order.map(Ordering::is_eq));
            if found == Some(true) {
                break;
            }
        }
        Ok(found)
    }

    fn is_between(
        &self,
        item: &'a Expression,
        low: &'a Expression,
        high: &'a Expression,
    ) -> Result<Truth, Fault> {
        let value = self.value(item)?;
        let order = compare(&value, &*self.value(low)?, self.collation(item, low))?;
        let above = order.map(Ordering::is_ge);
        if above == Some(false) {
            return Ok(above);
        }
        let order = compare(&value, &*self.value(high)?, self.collation(item, high))?;
        Ok(and(above, order.map(Ordering::is_le)))
    }

    fn is_like(
        &self,
        item: &'a Expression,
        pattern: &'a Expression,
        escape: Option<char>,
    ) -> Result<Truth, Fault> {
        match (&*self.value(item)?, &*self.value(pattern)?) {
            (Value::Text(text), Value::Text(pattern)) => Ok(Some(like::matches(text, pattern, escape))),
            (Value::Null, Value::Null | Value::Text(_)) | (Value::Text(_), Value::Null) => Ok(None),
            _ => Err(Fault::Types),
        }
    }

    fn is_match(&self, item: &'a Expression, pattern: &str) -> Result<Truth, Fault> {
        match &*self.value(item)? {
            Value::Null => Ok(None),
            Value::Text(text) => {
                let regex = compile(pattern).map_err(|_| Fault::Regexp)?;
                Ok(Some(regex.is_match(text)))
            }
            _ => Err(Fault::Types),
        }
    }

    /// The collation of a comparison: that of the left operand if it is a column, else that of the right.
    fn collation(&self, left: &Expression, right: &Expression) -> Collation {
        self.column_collation(left).or_else(|| self.column_collation(right)).unwrap_or_default()
    }

    fn column_collation(&self, expression: &Expression) -> Option<Collation> {
        match expression {
            Expression::Column(position) => Some(self.collations.get(*position).copied().unwrap_or_default()),
            _ => None,
        }
    }
}

impl Binary {
    /// Whether this comparison is true of operands in this order.
    const fn accepts(self, order: Ordering) -> bool {
        match self {
            Binary::Equal => order.is_eq(),
            Binary::NotEqual => order.is_ne(),
            Binary::Less => order.is_lt(),
            Binary::LessOrEqual => order.is_le(),
            Binary::Greater => order.is_gt(),
            Binary::GreaterOrEqual => order.is_ge(),
            _ => false,
        }
    }
}

/// Compiles a pattern of REGEXP, with a limit on the size of the result. The crate's message on failure.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(MAX_PATTERN_SIZE).build().map_err(|error| error.to_string())
}

const fn and(left: Truth, right: Truth) -> Truth {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

const fn or(left: Truth, right: Truth) -> Truth {
    match (left, right) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

fn truth_value<'a>(truth: Truth, negated: bool) -> Cow<'a, Value> {
    Cow::Owned(truth.map(|truth| truth != negated).into())
}

/// A result of floating point arithmetic; NaN is `NULL`, as in SQLite.
fn real_value(number: f64) -> Value {
    Real::new(number).into()
}

fn count(length: usize) -> Result<Value, Fault> {
    i64::try_from(length).map(Value::Integer).map_err(|_| Fault::Overflow)
}

/// The order of two values, none if one is `NULL`.
fn compare(left: &Value, right: &Value, collation: Collation) -> Result<Option<Ordering>, Fault> {
    Ok(Some(match (left, right) {
        (Value::Null, _) | (_, Value::Null) => return Ok(None),
        (Value::Integer(left), Value::Real(right)) => compare_exactly(*left, right.get()),
        (Value::Real(left), Value::Integer(right)) => compare_exactly(*right, left.get()).reverse(),
        (Value::Text(left), Value::Text(right)) => collation.compare(left, right),
        _ if left.kind() == right.kind() => left.cmp(right),
        _ => return Err(Fault::Types),
    }))
}

/// The order of an integer and a real, without rounding either. `real` is not NaN.
#[allow(clippy::cast_possible_truncation)] // Truncation is meant: the fraction is compared after it.
fn compare_exactly(integer: i64, real: f64) -> Ordering {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if real >= TWO_TO_63 {
        Ordering::Less
    } else if real < -TWO_TO_63 {
        Ordering::Greater
    } else {
        integer.cmp(&(real as i64)).then_with(|| 0.0f64.total_cmp(&(real.fract() + 0.0)))
    }
}

/// Arithmetic and `||`.
fn calculate(operator: Binary, left: &Value, right: &Value) -> Result<Value, Fault> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
        (Value::Text(left), Value::Text(right)) if operator == Binary::Concat => {
            Ok(Value::Text(format!("{left}{right}")))
        }
        (Value::Integer(left), Value::Integer(right)) => calculate_integer(operator, *left, *right),
        _ => {
            let left = number(left).ok_or(Fault::Types)?;
            let right = number(right).ok_or(Fault::Types)?;
            calculate_real(operator, left, right)
        }
    }
}

/// An integer becomes the nearest real, as in SQLite.
#[allow(clippy::cast_precision_loss)]
const fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(integer) => Some(*integer as f64),
        Value::Real(real) => Some(real.get()),
        _ => None,
    }
}

fn calculate_integer(operator: Binary, left: i64, right: i64) -> Result<Value, Fault> {
    let result = match operator {
        Binary::Add => left.checked_add(right),
        Binary::Subtract => left.checked_sub(right),
        Binary::Multiply => left.checked_mul(right),
        Binary::Divide | Binary::Remainder if right == 0 => return Ok(Value::Null),
        Binary::Divide => left.checked_div(right),
        // Wrapping, for the least integer % -1 is 0.
        Binary::Remainder => Some(left.wrapping_rem(right)),
        _ => return Err(Fault::Types),
    };
    result.map(Value::Integer).ok_or(Fault::Overflow)
}

fn calculate_real(operator: Binary, left: f64, right: f64) -> Result<Value, Fault> {
    Ok(match operator {
        Binary::Add => real_value(left + right),
        Binary::Subtract => real_value(left - right),
        Binary::Multiply => real_value(left * right),
        Binary::Divide if right == 0.0 => Value::Null,
        Binary::Divide => real_value(left / right),
        _ => return Err(Fault::Types),
    })
}
