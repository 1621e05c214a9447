//! Values in records: one byte that says the type and, where it can, the length or the size.
//!
//! Sizes in the tag are the idea of SQLite's serial types. For values in keys see `key`.

use uuid::Uuid;

use super::MAX_VALUE_BYTES;
use super::bytes::{Input, Malformed, Origin, Output, unzigzag, width, zigzag};
use crate::error::Error;
use crate::value::{Json, Real, Timestamp, Value};

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const UUID: u8 = 3;
const BLOB: u8 = 4;
const JSON: u8 = 5;
/// A text of 128 bytes or more, behind its length.
const LONG_TEXT: u8 = 6;
/// The three types of 64 bits: tag + how many bytes follow, 0 to 8.
const INTEGER: u8 = 8;
const REAL: u8 = 17;
const TIMESTAMP: u8 = 26;
/// Tag + length of a text shorter than 128 bytes.
const TEXT: u8 = 128;

/// Writes a value.
pub(super) fn put_value(out: &mut Output, value: &Value) {
    match value {
        Value::Null => out.byte(NULL),
        Value::Boolean(false) => out.byte(FALSE),
        Value::Boolean(true) => out.byte(TRUE),
        Value::Integer(integer) => put_number(out, INTEGER, zigzag(*integer)),
        Value::Real(real) => put_number(out, REAL, real.get().to_bits().swap_bytes()),
        Value::Timestamp(timestamp) => put_number(out, TIMESTAMP, zigzag(timestamp.0)),
        Value::Text(text) => put_text(out, text),
        Value::Blob(blob) => {
            out.byte(BLOB);
            out.sized(blob);
        }
        Value::Json(json) => {
            out.byte(JSON);
            put_json(out, json);
        }
        Value::Uuid(uuid) => {
            out.byte(UUID);
            out.raw(uuid.as_bytes());
        }
    }
}

/// Writes JSON behind its length, without a tag.
pub(super) fn put_json(out: &mut Output, json: &Json) {
    out.sized(json.as_str().as_bytes());
}

fn put_number(out: &mut Output, tag: u8, number: u64) {
    let width = width(number);
    out.byte(tag + width);
    out.trimmed(number, width);
}

fn put_text(out: &mut Output, text: &str) {
    match u8::try_from(text.len()) {
        Ok(length) if length < TEXT => {
            out.byte(TEXT + length);
            out.raw(text.as_bytes());
        }
        _ => {
            out.byte(LONG_TEXT);
            out.sized(text.as_bytes());
        }
    }
}

/// Refuses a value that is too long to be stored.
///
/// # Errors
/// [`Error::Limit`] if it is longer than [`MAX_VALUE_BYTES`]. `what` names its column.
pub(crate) fn check_value_size(what: &str, value: &Value) -> Result<(), Error> {
    let size = value_size(value);
    if size <= MAX_VALUE_BYTES {
        return Ok(());
    }
    Err(Error::Limit { what: what.to_owned(), size: size as u64, limit: MAX_VALUE_BYTES as u64 })
}

/// The bytes of a text, blob or JSON; other values count nothing.
#[must_use]
pub(crate) fn value_size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(blob) => blob.len(),
        Value::Json(json) => json.as_str().len(),
        _ => 0,
    }
}

/// Reads a value.
pub(super) fn take_value(input: &mut Input<'_>) -> Result<Value, Malformed> {
    Ok(match input.byte()? {
        NULL => Value::Null,
        FALSE => Value::Boolean(false),
        TRUE => Value::Boolean(true),
        UUID => Value::Uuid(Uuid::from_bytes(input.array()?)),
        BLOB => Value::Blob(input.sized()?.to_vec()),
        JSON => Value::Json(take_json(input)?),
        LONG_TEXT => match input.sized()? {
            short if short.len() < usize::from(TEXT) => {
                return Err(Malformed::new("a short text in the long form"));
            }
            long => Value::Text(text(long)?.to_owned()),
        },
        tag @ INTEGER..REAL => Value::Integer(unzigzag(input.trimmed(tag - INTEGER)?)),
        tag @ REAL..TIMESTAMP => real(input.trimmed(tag - REAL)?)?,
        tag @ TIMESTAMP..=34 => timestamp(input.trimmed(tag - TIMESTAMP)?, input.origin)?,
        tag @ TEXT.. => Value::Text(text(input.raw(usize::from(tag - TEXT))?)?.to_owned()),
        tag => return Err(Malformed::new(format!("there is no value with tag {tag}"))),
    })
}

/// Passes over a value.
pub(super) fn skip_value(input: &mut Input<'_>) -> Result<(), Malformed> {
    let length = match input.byte()? {
        NULL | FALSE | TRUE => 0,
        UUID => 16,
        BLOB | JSON | LONG_TEXT => input.length(1)?,
        tag @ INTEGER..REAL => usize::from(tag - INTEGER),
        tag @ REAL..TIMESTAMP => usize::from(tag - REAL),
        tag @ TIMESTAMP..=34 => usize::from(tag - TIMESTAMP),
        tag @ TEXT.. => usize::from(tag - TEXT),
        tag => return Err(Malformed::new(format!("there is no value with tag {tag}"))),
    };
    input.raw(length).map(|_| ())
}

fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed::new("a text is not UTF-8"))
}

/// Reads JSON behind its length.
pub(super) fn take_json(input: &mut Input<'_>) -> Result<Json, Malformed> {
    let text = text(input.sized()?)?.to_owned();
    match input.origin {
        Origin::Disk => Ok(Json::from_stored(text)),
        Origin::Peer => Json::from_canonical(text).map_err(|error| Malformed::new(error.to_string())),
    }
}

fn real(bytes: u64) -> Result<Value, Malformed> {
    let number = f64::from_bits(bytes.swap_bytes());
    let negative_zero = number == 0.0 && number.is_sign_negative();
    let real = Real::new(number).filter(|_| !negative_zero);
    real.map(Value::Real).ok_or_else(|| Malformed::new("a REAL is NaN or -0"))
}

fn timestamp(number: u64, origin: Origin) -> Result<Value, Malformed> {
    let timestamp = Timestamp(unzigzag(number));
    if origin == Origin::Peer && !timestamp.in_range() {
        return Err(Malformed::new("a TIMESTAMP is outside the years 0000 to 9999"));
    }
    Ok(Value::Timestamp(timestamp))
}
