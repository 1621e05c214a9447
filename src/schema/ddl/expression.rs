//! Expressions of checks in SQL, with the precedence of SQLite, by operator-precedence parsing
//! (Pratt 1973).
//!
//! Operators are counted before the tree grows, and parentheses nest to a limit, so that neither text
//! from a peer nor a slip can exhaust the stack.

use sqlparser::tokenizer::Token;

use super::DdlError;
use super::literal::literal;
use super::tokens::Cursor;
use crate::schema::builder::{Name, convert};
use crate::schema::{Binary, Expression, Unary};
use crate::value::{Type, Value};

/// How deep parentheses may nest. Printed rules have fewer, since they have at most as many operators.
const MAX_PARENTHESES: usize = Expression::MAX_OPERATORS;

/// Words that would begin something in SQL which no check may have.
const UNSUPPORTED: [&str; 10] = [
    "CASE",
    "CAST",
    "COLLATE",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "EXISTS",
    "GLOB",
    "MATCH",
    "SELECT",
];

/// How tightly an operator binds, as in SQLite; greater is tighter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Not,
    /// `=`, `<>`, `IS`, `IN`, `LIKE`, `REGEXP`, `BETWEEN`.
    Equality,
    /// `<`, `<=`, `>`, `>=`.
    Order,
    Sum,
    Product,
    Concat,
}

/// Passes an expression. `position` gives the position of a column.
pub(in crate::schema) fn expression(
    cursor: &mut Cursor,
    position: &dyn Fn(&Name) -> Result<usize, DdlError>,
) -> Result<Expression, DdlError> {
    Parser { cursor, position, operators: 0, depth: 0 }.expression(Level::Or)
}

struct Parser<'a> {
    cursor: &'a mut Cursor,
    position: &'a dyn Fn(&Name) -> Result<usize, DdlError>,
    operators: usize,
    /// Parentheses that are open.
    depth: usize,
}

impl Parser<'_> {
    /// An expression of operators that bind at least as tightly as `least`.
    fn expression(&mut self, least: Level) -> Result<Expression, DdlError> {
        let mut left = self.operand()?;
        while let Some(level) = self.level().filter(|level| *level >= least) {
            left = if level == Level::Equality { self.predicate(left)? } else { self.binary(left, level)? };
        }
        Ok(left)
    }

    /// How tightly the next token binds what is before it; none if it is no operator.
    fn level(&self) -> Option<Level> {
        Some(match self.cursor.peek()? {
            Token::Eq | Token::DoubleEq | Token::Neq => Level::Equality,
            Token::Lt | Token::LtEq | Token::Gt | Token::GtEq => Level::Order,
            Token::Plus | Token::Minus => Level::Sum,
            Token::Mul | Token::Div | Token::Mod => Level::Product,
            Token::StringConcat => Level::Concat,
            Token::Word(word) if word.quote_style.is_none() => {
                match word.value.to_ascii_uppercase().as_str() {
                    "OR" => Level::Or,
                    "AND" => Level::And,
                    "IS" | "ISNULL" | "NOTNULL" | "NOT" | "IN" | "BETWEEN" | "LIKE" | "REGEXP" => {
                        Level::Equality
                    }
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// Counts an operator.
    fn count(&mut self) -> Result<(), DdlError> {
        self.operators += 1;
        if self.operators > Expression::MAX_OPERATORS {
            let limit = Expression::MAX_OPERATORS;
            let message = format!("the expression has more than {limit} operators: make it several checks");
            return Err(DdlError::new(self.cursor.at(), message));
        }
        Ok(())
    }

    /// An operator of two operands and its right operand. Operators of one level group to the left.
    fn binary(&mut self, left: Expression, level: Level) -> Result<Expression, DdlError> {
        let (operator, tighter) = match (level, self.cursor.peek()) {
            (Level::Or, _) => (Binary::Or, Level::And),
            (Level::And, _) => (Binary::And, Level::Not),
            (_, Some(Token::Neq)) => (Binary::NotEqual, Level::Order),
            (Level::Equality, _) => (Binary::Equal, Level::Order),
            (_, Some(Token::Lt)) => (Binary::Less, Level::Sum),
            (_, Some(Token::LtEq)) => (Binary::LessOrEqual, Level::Sum),
            (_, Some(Token::Gt)) => (Binary::Greater, Level::Sum),
            (Level::Order, _) => (Binary::GreaterOrEqual, Level::Sum),
            (_, Some(Token::Plus)) => (Binary::Add, Level::Product),
            (Level::Sum, _) => (Binary::Subtract, Level::Product),
            (_, Some(Token::Mul)) => (Binary::Multiply, Level::Concat),
            (_, Some(Token::Div)) => (Binary::Divide, Level::Concat),
            (Level::Product, _) => (Binary::Remainder, Level::Concat),
            _ => (Binary::Concat, Level::Concat),
        };
        self.count()?;
        self.cursor.skip();
        // Nothing binds tighter than `||` but prefix operators.
        let right = if operator == Binary::Concat { self.operand()? } else { self.expression(tighter)? };
        Ok(Expression::Binary(operator, Box::new(left), Box::new(right)))
    }

    /// An operator of the level of equality, and what follows it.
    fn predicate(&mut self, left: Expression) -> Result<Expression, DdlError> {
        if self.cursor.peek_word().is_none() {
            return self.binary(left, Level::Equality);
        }
        self.count()?;
        if let Some(operator) = self.null_test()? {
            return Ok(Expression::Unary(operator, Box::new(left)));
        }
        let negated = self.cursor.eat_words(&["NOT"]);
        let item = Box::new(left);
        if self.cursor.eat_words(&["IN"]) {
            return Ok(Expression::In { item, list: self.list()?, negated });
        }
        if self.cursor.eat_words(&["BETWEEN"]) {
            let low = Box::new(self.expression(Level::Order)?);
            self.cursor.expect_words(&["AND"])?;
            let high = Box::new(self.expression(Level::Order)?);
            return Ok(Expression::Between { item, low, high, negated });
        }
        if self.cursor.eat_words(&["LIKE"]) {
            let pattern = Box::new(self.expression(Level::Order)?);
            return Ok(Expression::Like { item, pattern, escape: self.escape()?, negated });
        }
        if self.cursor.eat_words(&["REGEXP"]) {
            return Ok(Expression::Regexp {
                item,
                pattern: self.text("a pattern in single quotes")?,
                negated,
            });
        }
        Err(self.cursor.expected("IN, BETWEEN, LIKE or REGEXP"))
    }

    /// `IS NULL` and its other spellings, if it is next.
    fn null_test(&mut self) -> Result<Option<Unary>, DdlError> {
        let operator = if self.cursor.eat_words(&["IS"]) {
            let operator = if self.cursor.eat_words(&["NOT"]) { Unary::IsNotNull } else { Unary::IsNull };
            if !self.cursor.eat_words(&["NULL"]) {
                return Err(self.cursor.expected("NULL after IS (to compare values, write =)"));
            }
            // SQLite would take `a IS NULL < b` for `a IS (NULL < b)`.
            if self.level().is_some_and(|level| level > Level::Equality) {
                return Err(DdlError::new(self.cursor.at(), "put IS NULL and its operand in parentheses"));
            }
            operator
        } else if self.cursor.eat_words(&["ISNULL"]) {
            Unary::IsNull
        } else if self.cursor.eat_words(&["NOTNULL"]) || self.cursor.eat_words(&["NOT", "NULL"]) {
            Unary::IsNotNull
        } else {
            return Ok(None);
        };
        Ok(Some(operator))
    }

    /// The list of an `IN`; as in SQLite it may be empty.
    fn list(&mut self) -> Result<Vec<Expression>, DdlError> {
        self.cursor.expect(&Token::LParen, "( and a list of values")?;
        let mut list = Vec::new();
        if self.cursor.eat(&Token::RParen) {
            return Ok(list);
        }
        loop {
            list.push(self.expression(Level::Or)?);
            if !self.cursor.eat(&Token::Comma) {
                break;
            }
        }
        self.cursor.expect(&Token::RParen, ", or )")?;
        Ok(list)
    }

    fn escape(&mut self) -> Result<Option<char>, DdlError> {
        if !self.cursor.eat_words(&["ESCAPE"]) {
            return Ok(None);
        }
        let at = self.cursor.at();
        let text = self.text("a character in single quotes")?;
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) => Ok(Some(letter)),
            _ => Err(DdlError::new(at, "ESCAPE takes a single character")),
        }
    }

    fn text(&mut self, expected: &str) -> Result<String, DdlError> {
        let Some(Token::SingleQuotedString(text)) = self.cursor.peek() else {
            return Err(self.cursor.expected(expected));
        };
        let text = text.clone();
        self.cursor.skip();
        Ok(text)
    }

    /// A constant, a column, a call, something in parentheses, or a prefix operator with its operand.
    fn operand(&mut self) -> Result<Expression, DdlError> {
        if let Some(value) = literal(self.cursor)? {
            return Ok(Expression::Literal(value));
        }
        if self.cursor.eat_words(&["NOT"]) {
            self.count()?;
            return Ok(Expression::Unary(Unary::Not, Box::new(self.expression(Level::Not)?)));
        }
        if self.cursor.eat(&Token::Minus) {
            self.count()?;
            return Ok(Expression::Unary(Unary::Negate, Box::new(self.operand()?)));
        }
        if matches!(self.cursor.peek(), Some(Token::LParen | Token::Plus)) {
            return self.grouped();
        }
        if self.cursor.peek_word().is_some() && self.cursor.peek_second() == Some(&Token::LParen) {
            return self.call();
        }
        self.column()
    }

    /// What follows `(` or `+`, which leave no trace in the tree and hence are counted by themselves.
    fn grouped(&mut self) -> Result<Expression, DdlError> {
        self.depth += 1;
        if self.depth > MAX_PARENTHESES {
            let message = format!("parentheses nest more than {MAX_PARENTHESES} deep: leave some out");
            return Err(DdlError::new(self.cursor.at(), message));
        }
        let inner = if self.cursor.eat(&Token::Plus) {
            self.operand()?
        } else {
            self.cursor.skip();
            let inner = self.expression(Level::Or)?;
            self.cursor.expect(&Token::RParen, "an operator, or )")?;
            inner
        };
        self.depth -= 1;
        Ok(inner)
    }

    fn call(&mut self) -> Result<Expression, DdlError> {
        let name = self.cursor.peek_word().unwrap_or_default().to_owned();
        let function = match name.to_ascii_lowercase().as_str() {
            "length" => Unary::Length,
            "lower" => Unary::Lower,
            "upper" => Unary::Upper,
            _ => {
                let message = format!("there is no function {name} in checks: only length, lower and upper");
                return Err(DdlError::new(self.cursor.at(), message));
            }
        };
        self.count()?;
        self.cursor.skip();
        self.cursor.skip();
        let operand = self.expression(Level::Or)?;
        self.cursor.expect(&Token::RParen, "an operator, or )")?;
        Ok(Expression::Unary(function, Box::new(operand)))
    }

    fn column(&mut self) -> Result<Expression, DdlError> {
        if let Some(word) = self.cursor.peek_word().map(str::to_ascii_uppercase)
            && UNSUPPORTED.contains(&word.as_str())
        {
            let message = format!("{word} is not supported in checks");
            return Err(DdlError::new(self.cursor.at(), message));
        }
        let name = self.cursor.name("a column, a constant or a function")?;
        if self.cursor.peek() == Some(&Token::Period) {
            let message = "a check reads the columns of its own table: leave the table out";
            return Err(DdlError::new(name.at, message));
        }
        Ok(Expression::Column((self.position)(&name)?))
    }
}

/// Passes a constant that may be in parentheses, as after `DEFAULT`.
pub(super) fn constant(cursor: &mut Cursor) -> Result<Value, DdlError> {
    let in_parentheses = cursor.eat(&Token::LParen);
    let value = literal(cursor)?.ok_or_else(|| cursor.expected("a constant"))?;
    if in_parentheses {
        cursor.expect(&Token::RParen, ") after the constant: a default is a single constant")?;
    }
    Ok(value)
}

/// The value of a default that was written as SQL; none if there is no such value.
pub(in crate::schema) fn default_value(sql: &str, kind: Type) -> Option<Value> {
    let mut cursor = Cursor::new(sql).ok()?;
    let value = constant(&mut cursor).ok()?;
    convert(&value, kind).filter(|value| cursor.peek().is_none() && !value.is_null())
}

/// A rule that was written as SQL, with constants of the types of the columns beside them; none if it
/// is no rule over columns that `position` knows.
pub(in crate::schema) fn rule_of(
    sql: &str,
    types: &[Type],
    position: &dyn Fn(&str) -> Option<usize>,
) -> Option<Expression> {
    let mut cursor = Cursor::new(sql).ok()?;
    let position =
        |name: &Name| position(&name.text).ok_or_else(|| DdlError::new(name.at, "there is no such column"));
    let rule = expression(&mut cursor, &position).ok().filter(|_| cursor.peek().is_none())?;
    let fits = rule.operators() <= Expression::MAX_OPERATORS;
    rule.fit(types).ok().filter(|rule| fits && rule.validate(types).is_ok())
}
