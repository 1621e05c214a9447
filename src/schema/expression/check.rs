//! Whether an expression is a valid rule: its size, its patterns, and the types of its operands.

use super::{Binary, Expression, ExpressionError, Unary, evaluate};
use crate::value::{Type, Value};

/// The type of a part; none for the constant `NULL`, which fits everywhere.
type Kind = Option<Type>;

impl Expression {
    /// Checks that the expression may be the rule of a table whose columns have these types: it is a
    /// condition, has at most [`Expression::MAX_OPERATORS`] operators, and passes
    /// [`Expression::check_types`].
    ///
    /// ```
    /// use reunite::schema::{Binary, Expression};
    /// use reunite::value::{Type, Value};
    /// let rule = Expression::Binary(
    ///     Binary::Greater,
    ///     Box::new(Expression::Column(0)),
    ///     Box::new(Expression::Literal(Value::from(0))),
    /// );
    /// assert!(rule.validate(&[Type::Integer]).is_ok());
    /// let Err(error) = rule.validate(&[Type::Text]) else { unreachable!("TEXT is no number") };
    /// assert!(error.to_string().starts_with("> cannot compare TEXT with INTEGER"));
    /// ```
    ///
    /// # Errors
    /// What is wrong first, in the order above.
    pub fn validate(&self, types: &[Type]) -> Result<(), ExpressionError> {
        let operators = self.operators();
        if operators > Expression::MAX_OPERATORS {
            return Err(ExpressionError::TooLarge { operators, limit: Expression::MAX_OPERATORS });
        }
        Checker { types }.condition(self, "a check")
    }

    /// The type of its values, none if it is always `NULL`. Checks that the columns exist, that every
    /// operator takes the types of its operands, that patterns compile, and that SQL can write it. Size
    /// is not checked, and the depth of the tree is the depth of the stack.
    ///
    /// # Errors
    /// What is wrong first, from left to right.
    pub fn check_types(&self, types: &[Type]) -> Result<Option<Type>, ExpressionError> {
        Checker { types }.kind(self)
    }
}

struct Checker<'a> {
    types: &'a [Type],
}

impl Checker<'_> {
    fn kind(&self, expression: &Expression) -> Result<Kind, ExpressionError> {
        let condition = match expression {
            Expression::Literal(value) => return literal(value, false),
            Expression::Column(position) => {
                let unknown = ExpressionError::UnknownColumn { position: *position };
                return self.types.get(*position).copied().map(Some).ok_or(unknown);
            }
            Expression::Unary(operator, operand) => return self.unary(*operator, operand),
            Expression::Binary(operator, left, right) => return self.binary(*operator, left, right),
            Expression::In { item, list, .. } => self.comparable("IN", item, list.iter()),
            Expression::Between { item, low, high, .. } => {
                self.comparable("BETWEEN", item, [&**low, &**high].into_iter())
            }
            Expression::Like { item, pattern, .. } => self.text("LIKE", &[item, pattern]),
            Expression::Regexp { item, pattern, .. } => {
                check_pattern(pattern).and_then(|()| self.text("REGEXP", &[item]))
            }
        };
        condition.map(|()| Some(Type::Boolean))
    }

    fn unary(&self, operator: Unary, operand: &Expression) -> Result<Kind, ExpressionError> {
        match operator {
            Unary::Not => self.condition(operand, "NOT").map(|()| Some(Type::Boolean)),
            Unary::IsNull | Unary::IsNotNull => self.kind(operand).map(|_| Some(Type::Boolean)),
            Unary::Negate => self.number("-", "numbers", &[Type::Integer, Type::Real], operand),
            Unary::Lower => self.text("lower", &[operand]).map(|()| Some(Type::Text)),
            Unary::Upper => self.text("upper", &[operand]).map(|()| Some(Type::Text)),
            Unary::Length => match self.kind(operand)? {
                None | Some(Type::Text | Type::Blob) => Ok(Some(Type::Integer)),
                Some(found) => {
                    Err(ExpressionError::Operand { operator: "length", supported: "a TEXT or a BLOB", found })
                }
            },
        }
    }

    fn binary(
        &self,
        operator: Binary,
        left: &Expression,
        right: &Expression,
    ) -> Result<Kind, ExpressionError> {
        let sql = operator.sql();
        match operator {
            Binary::And | Binary::Or => {
                self.condition(left, sql)?;
                self.condition(right, sql).map(|()| Some(Type::Boolean))
            }
            Binary::Concat => self.text(sql, &[left, right]).map(|()| Some(Type::Text)),
            _ if operator.is_comparison() => {
                self.comparable(sql, left, std::iter::once(right)).map(|()| Some(Type::Boolean))
            }
            Binary::Remainder => {
                let left = self.number(sql, "integers", &[Type::Integer], left)?;
                Ok(left.max(self.number(sql, "integers", &[Type::Integer], right)?))
            }
            _ => {
                // INTEGER comes before REAL in the order of types: with a REAL operand the result is one.
                let left = self.number(sql, "numbers", &[Type::Integer, Type::Real], left)?;
                Ok(left.max(self.number(sql, "numbers", &[Type::Integer, Type::Real], right)?))
            }
        }
    }

    fn condition(&self, expression: &Expression, place: &'static str) -> Result<(), ExpressionError> {
        match self.kind(expression)? {
            None | Some(Type::Boolean) => Ok(()),
            Some(found) => Err(ExpressionError::NotACondition { place, found }),
        }
    }

    fn text(&self, operator: &'static str, operands: &[&Expression]) -> Result<(), ExpressionError> {
        for operand in operands {
            match self.kind(operand)? {
                None | Some(Type::Text) => {}
                Some(found) => return Err(ExpressionError::Operand { operator, supported: "a TEXT", found }),
            }
        }
        Ok(())
    }

    fn number(
        &self,
        operator: &'static str,
        supported: &'static str,
        kinds: &[Type],
        operand: &Expression,
    ) -> Result<Kind, ExpressionError> {
        match self.kind(operand)? {
            Some(found) if !kinds.contains(&found) => {
                Err(ExpressionError::Operand { operator, supported, found })
            }
            kind => Ok(kind),
        }
    }

    /// Checks that the item compares with each of the others.
    fn comparable<'e>(
        &self,
        operator: &'static str,
        item: &'e Expression,
        others: impl Iterator<Item = &'e Expression> + Clone,
    ) -> Result<(), ExpressionError> {
        let mut kind = None;
        let mut only_constants = true;
        for operand in std::iter::once(item).chain(others) {
            let found = match operand {
                Expression::Literal(value) => literal(value, true)?,
                other => {
                    only_constants = false;
                    self.kind(other)?
                }
            };
            if let (Some(left), Some(right)) = (kind, found)
                && class(left) != class(right)
            {
                return Err(ExpressionError::Incomparable { operator, left, right });
            }
            kind = kind.or(found);
        }
        match kind {
            Some(kind) if only_constants && !has_constants(kind) => {
                Err(ExpressionError::LoneLiteral { kind })
            }
            _ => Ok(()),
        }
    }
}

/// INTEGER and REAL compare with each other.
const fn class(kind: Type) -> Type {
    if matches!(kind, Type::Real) { Type::Integer } else { kind }
}

/// Whether SQL has constants of this type. Others are written as texts next to a column.
const fn has_constants(kind: Type) -> bool {
    !matches!(kind, Type::Uuid | Type::Timestamp | Type::Json)
}

fn literal(value: &Value, compared: bool) -> Result<Kind, ExpressionError> {
    let Some(kind) = value.kind() else { return Ok(None) };
    let infinite = value.as_real().is_some_and(f64::is_infinite);
    if infinite || !kind.admits(value) {
        return Err(ExpressionError::Unwritable { literal: value.to_string() });
    }
    if !compared && !has_constants(kind) {
        return Err(ExpressionError::LoneLiteral { kind });
    }
    Ok(Some(kind))
}

fn check_pattern(pattern: &str) -> Result<(), ExpressionError> {
    match evaluate::compile(pattern) {
        Ok(_) => Ok(()),
        Err(reason) => Err(ExpressionError::Regexp { pattern: pattern.to_owned(), reason }),
    }
}
