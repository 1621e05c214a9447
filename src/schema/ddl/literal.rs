//! Constants in SQL.

use sqlparser::tokenizer::Token;

use super::DdlError;
use super::tokens::Cursor;
use crate::schema::builder::Position;
use crate::value::{Type, Value};

/// Passes a constant, with a sign if it is a number; none if the next token begins no constant.
pub(super) fn literal(cursor: &mut Cursor) -> Result<Option<Value>, DdlError> {
    let at = cursor.at();
    let sign = match cursor.peek() {
        Some(Token::Minus) => Some("-"),
        Some(Token::Plus) => Some(""),
        _ => None,
    };
    if let (Some(sign), Some(Token::Number(digits, long))) = (sign, cursor.peek_second()) {
        let value = number(&format!("{sign}{digits}"), *long, at)?;
        cursor.skip();
        cursor.skip();
        return Ok(Some(value));
    }
    let value = match cursor.peek() {
        Some(Token::Number(digits, long)) => number(digits, *long, at)?,
        Some(Token::SingleQuotedString(text)) => Value::Text(text.clone()),
        Some(Token::HexStringLiteral(digits)) => blob(digits, at)?,
        _ => match cursor.peek_word().map(str::to_ascii_uppercase).as_deref() {
            Some("NULL") => Value::Null,
            Some("TRUE") => Value::Boolean(true),
            Some("FALSE") => Value::Boolean(false),
            _ => return Ok(None),
        },
    };
    cursor.skip();
    Ok(Some(value))
}

fn number(digits: &str, long: bool, at: Position) -> Result<Value, DdlError> {
    if long {
        return Err(DdlError::new(at, format!("{digits}L is no number: leave the L out")));
    }
    let kind = if digits.contains(['.', 'e', 'E']) { Type::Real } else { Type::Integer };
    kind.parse(digits).map_err(|error| DdlError::new(at, error.to_string()))
}

fn blob(digits: &str, at: Position) -> Result<Value, DdlError> {
    let odd = || DdlError::new(at, "a BLOB is written x'…' with two hexadecimal digits a byte");
    let pair = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok().filter(|_| !pair.starts_with('+'))
    };
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(pair).collect();
    bytes.map(Value::Blob).ok_or_else(odd)
}
