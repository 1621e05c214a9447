//! Values and numbers in keys: the order of the bytes is the order of what they stand for.
//!
//! Every value ends by itself and no value's bytes begin another's, so lists order as lists do. Texts
//! are folded by their collation before; nothing here knows one, and keys are not read back: the row
//! has the values. The scheme is that of FoundationDB's tuple layer, with a terminator of one byte.

use crate::error::Error;
use crate::value::Value;

/// The greatest length of the values in one key, in bytes as encoded.
pub const MAX_KEY_BYTES: usize = 4096;

// Each type has a range of first bytes, in the order of the types.
const NULL: u8 = 0x01;
const FALSE: u8 = 0x02;
const TRUE: u8 = 0x03;
/// Zero; above it positive numbers by their count of bytes, below it negative ones.
const INTEGER: u8 = 0x18;
const REAL: u8 = 0x30;
const TEXT: u8 = 0x40;
const BLOB: u8 = 0x48;
const UUID: u8 = 0x50;
/// As for `INTEGER`.
const TIMESTAMP: u8 = 0x68;
const JSON: u8 = 0x80;

/// Ends texts and blobs; those bytes and `ESCAPE` are written as two bytes inside.
const END: u8 = 0;
const ESCAPE: u8 = 1;

/// Writes the values of a key, or the first ones: their bytes are a prefix of the whole key's.
///
/// ```
/// use reunite::codec::key::encode_values;
/// use reunite::value::Value;
/// let bytes = |values: &[Value]| {
///     let mut bytes = Vec::new();
///     encode_values(values, &mut bytes);
///     bytes
/// };
/// assert!(bytes(&[Value::from("ann"), Value::Integer(10)]) < bytes(&[Value::from("anna"), Value::Integer(9)]));
/// assert!(bytes(&[Value::Integer(9)]) < bytes(&[Value::Integer(10)]));
/// ```
pub fn encode_values(values: &[Value], bytes: &mut Vec<u8>) {
    for value in values {
        encode_value(value, bytes);
    }
}

fn encode_value(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Null => bytes.push(NULL),
        Value::Boolean(boolean) => bytes.push(if *boolean { TRUE } else { FALSE }),
        Value::Integer(integer) => put_signed(INTEGER, *integer, bytes),
        Value::Timestamp(timestamp) => put_signed(TIMESTAMP, timestamp.0, bytes),
        Value::Real(real) => put_real(real.get(), bytes),
        Value::Text(text) => put_escaped(TEXT, text.as_bytes(), bytes),
        Value::Blob(blob) => put_escaped(BLOB, blob, bytes),
        Value::Json(json) => put_escaped(JSON, json.as_str().as_bytes(), bytes),
        Value::Uuid(uuid) => {
            bytes.push(UUID);
            bytes.extend(uuid.as_bytes());
        }
    }
}

/// The first byte says the sign and how many bytes follow.
fn put_signed(zero: u8, integer: i64, bytes: &mut Vec<u8>) {
    let size = integer.unsigned_abs();
    let width = super::bytes::width(size);
    let (first, number) = if integer < 0 { (zero - width, !size) } else { (zero + width, size) };
    bytes.push(first);
    bytes.extend(number.to_be_bytes().iter().skip(8 - usize::from(width)));
}

/// The bits of a positive number order as the numbers do; those of a negative one the other way.
fn put_real(real: f64, bytes: &mut Vec<u8>) {
    let bits = real.to_bits();
    let ordered = if real.is_sign_negative() { !bits } else { bits | 1 << 63 };
    bytes.push(REAL);
    bytes.extend(ordered.to_be_bytes());
}

fn put_escaped(tag: u8, content: &[u8], bytes: &mut Vec<u8>) {
    bytes.reserve(content.len() + 2);
    bytes.push(tag);
    for byte in content {
        if *byte <= ESCAPE {
            bytes.push(ESCAPE);
            bytes.push(byte + 1);
        } else {
            bytes.push(*byte);
        }
    }
    bytes.push(END);
}

/// Refuses a key that is too long to be stored.
///
/// # Errors
/// [`Error::Limit`] if the values take more than [`MAX_KEY_BYTES`] as encoded. `what` names the key.
pub(crate) fn check_key_size(what: &str, values: &[Value]) -> Result<(), Error> {
    let size: usize = values.iter().map(encoded_size).sum();
    if size <= MAX_KEY_BYTES {
        return Ok(());
    }
    Err(Error::Limit { what: what.to_owned(), size: size as u64, limit: MAX_KEY_BYTES as u64 })
}

/// How many bytes a value takes in a key.
fn encoded_size(value: &Value) -> usize {
    let escaped = |content: &[u8]| content.len() + content.iter().filter(|byte| **byte <= ESCAPE).count() + 2;
    let signed = |integer: i64| 1 + usize::from(super::bytes::width(integer.unsigned_abs()));
    match value {
        Value::Null | Value::Boolean(_) => 1,
        Value::Integer(integer) => signed(*integer),
        Value::Timestamp(timestamp) => signed(timestamp.0),
        Value::Real(_) => 9,
        Value::Uuid(_) => 17,
        Value::Text(text) => escaped(text.as_bytes()),
        Value::Blob(blob) => escaped(blob),
        Value::Json(json) => escaped(json.as_str().as_bytes()),
    }
}

/// The first byte of numbers that take more than one: plus how many follow.
const LONG: u8 = 0xf0;

/// Writes an id or a replica's number: one byte below 240, and greater numbers after smaller ones.
///
/// ```
/// use reunite::codec::key::{put_ordered_u32, take_ordered_u32};
/// let mut bytes = Vec::new();
/// put_ordered_u32(1000, &mut bytes);
/// bytes.push(7); // what follows in the key
/// assert_eq!(take_ordered_u32(&bytes), Some((1000, &[7][..])));
/// ```
pub fn put_ordered_u32(number: u32, bytes: &mut Vec<u8>) {
    match u8::try_from(number) {
        Ok(short) if short < LONG => bytes.push(short),
        _ => {
            let width = super::bytes::width(u64::from(number));
            bytes.push(LONG + width);
            bytes.extend(number.to_be_bytes().iter().skip(4 - usize::from(width)));
        }
    }
}

/// Reads what [`put_ordered_u32`] wrote, and tells what follows; none if it is not one.
///
/// See [`put_ordered_u32`] for an example.
#[must_use]
pub fn take_ordered_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if *first < LONG {
        return Some((u32::from(*first), rest));
    }
    let width = usize::from(first - LONG);
    let (low, rest) = rest.split_at_checked(width)?;
    let mut number = [0; 4];
    number.get_mut(4_usize.checked_sub(width)?..)?.copy_from_slice(low);
    let number = u32::from_be_bytes(number);
    let shortest = number >= u32::from(LONG) && usize::from(super::bytes::width(u64::from(number))) == width;
    shortest.then_some((number, rest))
}
