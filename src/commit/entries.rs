//! What a row shows in the keys, foreign keys and indexes of its table, as a transaction finds rows by it.
//!
//! Knows nothing of what is stored.

use crate::codec::key::{MAX_KEY_BYTES, encode_values};
use crate::derive::folded;
use crate::error::Error;
use crate::ids::{ConstraintId, RowId};
use crate::schema::Table;
use crate::value::Value;

/// What a shown row holds in the keys, foreign keys and indexes of its table.
pub(super) fn entries(table: &Table, row: RowId, shown: &[Value]) -> Vec<(ConstraintId, Vec<u8>, RowId)> {
    let held = encoded(table, shown).filter(|value| value.is_held);
    held.map(|value| (value.id, value.bytes, row)).collect()
}

/// The same of a row that is written: keys and index entries have a greatest size.
pub(super) fn checked_entries(
    table: &Table,
    row: RowId,
    shown: &[Value],
) -> Result<Vec<(ConstraintId, Vec<u8>, RowId)>, Error> {
    let mut entries = Vec::with_capacity(table.keys.len() + table.foreign_keys.len() + table.indexes.len());
    for Encoded { id, columns, bytes, is_held } in encoded(table, shown) {
        if bytes.len() > MAX_KEY_BYTES {
            let what =
                format!("the key ({}) of table {}", table.column_names(columns).join(", "), table.name);
            return Err(Error::Limit { what, size: bytes.len() as u64, limit: MAX_KEY_BYTES as u64 });
        }
        if is_held {
            entries.push((id, bytes, row));
        }
    }
    Ok(entries)
}

/// Whether two rows of a table show the same in all keys, foreign keys and indexes.
pub(super) fn hold_the_same(table: &Table, one: &[Value], other: &[Value]) -> bool {
    let mut columns = table.indexed_columns().flatten();
    columns.all(|column| one.get(*column) == other.get(*column))
}

/// What a row shows in the columns of a key, a foreign key or an index.
struct Encoded<'t> {
    id: ConstraintId,
    columns: &'t [usize],
    bytes: Vec<u8>,
    /// Keys and references with a `Null` in them have no entry.
    is_held: bool,
}

fn encoded<'t>(table: &'t Table, shown: &[Value]) -> impl Iterator<Item = Encoded<'t>> {
    let constraints = table.keys.iter().map(|key| (key.id, &key.columns, false));
    let constraints = constraints.chain(table.foreign_keys.iter().map(|key| (key.id, &key.columns, false)));
    let constraints = constraints.chain(table.indexes.iter().map(|index| (index.id, &index.columns, true)));
    constraints.map(|(id, columns, with_nulls)| {
        let mut bytes = Vec::with_capacity(32);
        let mut is_held = true;
        for column in columns {
            let value = shown.get(*column).unwrap_or(&Value::Null);
            is_held &= with_nulls || !value.is_null();
            encode_values(std::slice::from_ref(&*folded(table, *column, value)), &mut bytes);
        }
        Encoded { id, columns, bytes, is_held }
    })
}
