//! New keys for rows that clash: made from the old key and the row id, so that every replica makes the same.

use crate::db::Row;
use crate::ids::RowId;
use crate::schema::{Table, UniqueKey};
use crate::value::{Timestamp, Type, Value};

/// What has to change so that the row no longer has this key; none if no column of it can take a made-up value.
///
/// Of the key's columns that refer to no other row, and do not name their own, the last TEXT gets a suffix; without one, the last UUID
/// becomes the row id; without that, the last INTEGER a number from it; else the last TIMESTAMP is moved by
/// less than a minute.
pub(super) fn fresh_key(table: &Table, key: &UniqueKey, shown: &Row, row: RowId) -> Option<Row> {
    let refers = |column: usize| table.foreign_keys.iter().any(|foreign| foreign.columns.contains(&column));
    let names = |column: usize| table.natural_key().is_some_and(|key| key.columns.contains(&column));
    let kinds = [Type::Text, Type::Uuid, Type::Integer, Type::Timestamp];
    let column = kinds.into_iter().find_map(|kind| {
        let fits = |column: &usize| table.columns.get(*column).is_some_and(|column| column.kind == kind);
        key.columns.iter().rev().copied().find(|column| fits(column) && !refers(*column) && !names(*column))
    })?;
    let definition = table.columns.get(column)?;
    let bytes = row.as_bytes();
    let value = match (definition.kind, shown.get(&definition.name)) {
        (Type::Text, Some(Value::Text(old))) => Value::from(format!("{old}-{}", ending(row))),
        (Type::Uuid, _) => Value::Uuid(row.0),
        (Type::Integer, _) => Value::Integer(number(bytes)),
        (Type::Timestamp, Some(Value::Timestamp(old))) => {
            let moved = old.0.saturating_add(1 + number(bytes) % 59_999_999);
            Value::Timestamp(Timestamp(moved.min(Timestamp::MAX.0)))
        }
        _ => return None,
    };
    let mut fresh = Row::new();
    fresh.set(&definition.name, value);
    Some(fresh)
}

/// The last digits of a row id, which are random.
fn ending(row: RowId) -> String {
    let text = row.to_string();
    text.get(text.len().saturating_sub(8)..).unwrap_or_default().to_string()
}

/// A positive number from the random end of a row id: below 2^53, so that JavaScript can have it too.
fn number(bytes: &[u8; 16]) -> i64 {
    let end = bytes.iter().skip(9).fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    1 + end % ((1 << 53) - 1)
}
