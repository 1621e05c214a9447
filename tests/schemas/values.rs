//! The values of random rows: so few that keys collide, with what collations and types make special.

use reunite::schema::Column;
use reunite::value::{Collation, Json, Timestamp, Type, Value};
use uuid::Uuid;

use crate::random::Random;

/// A random value of a column; now and then `Null`, seldom even where it may not be.
pub fn value(column: &Column, random: &mut Random) -> Value {
    if random.chance(if column.nullable { 20 } else { 1 }) {
        return Value::Null;
    }
    if random.chance(3) && column.default != Value::Null {
        return column.default.clone();
    }
    let wide = if random.chance(10) { 8 } else { 6 };
    match column.kind {
        Type::Boolean => Value::Boolean(random.chance(50)),
        Type::Integer => Value::Integer([0, 1, 2, 3, 4, 5, i64::MIN, -1][random.below(wide)]),
        Type::Real => Value::try_from([0.0, -0.0, 1.0, 0.5, -1e300][random.below(5)]).unwrap(),
        Type::Text => {
            Value::from(["a", "A", "b", "B", "ä", "Ä", "ß", "SS", "ss", "", "a\u{308}"][random.below(11)])
        }
        Type::Blob => Value::Blob(vec![0; random.below(3)]),
        Type::Uuid => Value::Uuid(Uuid::from_u128(random.below(3) as u128)),
        Type::Timestamp => Value::Timestamp(Timestamp([0, 1, -1, 1_700_000_000_000_000][random.below(4)])),
        Type::Json => {
            Value::Json(Json::parse(["null", "1", "{\"b\":1,\"a\":[]}", "\"a\""][random.below(4)]).unwrap())
        }
    }
}

/// Another way to write a value that is the same under its collation.
pub fn spelled(column: &Column, value: &Value, random: &mut Random) -> Value {
    let Value::Text(text) = value else { return value.clone() };
    let ascii: String = text
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    match (column.collation, text.as_str()) {
        (Collation::Binary, _) => value.clone(),
        _ if random.chance(70) => value.clone(),
        (Collation::UnicodeNoCase, "ß") => Value::from("SS"),
        (Collation::UnicodeNoCase, "ss") => Value::from("ß"),
        (Collation::UnicodeNoCase, "ä") => Value::from("A\u{308}"),
        _ => Value::from(ascii),
    }
}
