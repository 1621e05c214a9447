//! Gives constants the types of the columns they are compared with. SQL has no constants of the types
//! UUID, TIMESTAMP and JSON: they are written as texts. Converts nothing else.

use super::{Expression, ExpressionError};
use crate::value::{Type, Value};

impl Expression {
    /// The expression with texts that are compared with UUID, TIMESTAMP and JSON columns read as such.
    /// To be called on what SQL gives, before [`Expression::validate`]. The size must have been checked.
    ///
    /// ```
    /// use reunite::schema::{Binary, Expression};
    /// use reunite::value::{Type, Value};
    /// let after = |literal| Expression::Binary(
    ///     Binary::Greater,
    ///     Box::new(Expression::Column(0)),
    ///     Box::new(Expression::Literal(literal)),
    /// );
    /// let fitted = after(Value::from("2024-01-01T00:00:00Z")).fit(&[Type::Timestamp])?;
    /// assert_eq!(fitted, after(Type::Timestamp.parse("2024-01-01T00:00:00Z")?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Such a text is not a value of the column's type.
    pub fn fit(mut self, types: &[Type]) -> Result<Expression, ExpressionError> {
        fit(&mut self, types)?;
        Ok(self)
    }
}

fn fit(expression: &mut Expression, types: &[Type]) -> Result<(), ExpressionError> {
    let compared = match expression {
        Expression::Binary(operator, ..) => operator.is_comparison(),
        Expression::In { .. } | Expression::Between { .. } => true,
        _ => false,
    };
    let mut operands = operands_mut(expression);
    if compared && let Some(kind) = operands.iter().find_map(|operand| written_as_text(operand, types)) {
        operands.iter_mut().try_for_each(|operand| read_literal(operand, kind))?;
    }
    operands.into_iter().try_for_each(|operand| fit(operand, types))
}

/// The type of a column whose values SQL writes as texts.
fn written_as_text(operand: &Expression, types: &[Type]) -> Option<Type> {
    let Expression::Column(position) = operand else { return None };
    types.get(*position).copied().filter(|kind| matches!(kind, Type::Uuid | Type::Timestamp | Type::Json))
}

fn read_literal(operand: &mut Expression, kind: Type) -> Result<(), ExpressionError> {
    if let Expression::Literal(value) = operand
        && let Value::Text(text) = value
    {
        *value = kind.parse(text).map_err(|source| ExpressionError::Literal { kind, source })?;
    }
    Ok(())
}

fn operands_mut(expression: &mut Expression) -> Vec<&mut Expression> {
    match expression {
        Expression::Literal(_) | Expression::Column(_) => vec![],
        Expression::Unary(_, operand) => vec![operand],
        Expression::Binary(_, left, right) => vec![left, right],
        Expression::In { item, list, .. } => std::iter::once(&mut **item).chain(list).collect(),
        Expression::Between { item, low, high, .. } => vec![item, low, high],
        Expression::Like { item, pattern, .. } => vec![item, pattern],
        Expression::Regexp { item, .. } => vec![item],
    }
}
