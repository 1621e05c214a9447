//! The row id that a primary key gives: the same wherever the row is inserted. It is computed, never read.

use super::key::encode_values;
use crate::derive::fold;
use crate::ids::RowId;
use crate::row::UnitValue;
use crate::schema::{Table, Unit};
use crate::value::Value;

/// The id of the row with these values, by column position: a hash of the table and the folded key. None if
/// chance names the table's rows.
pub(crate) fn natural_row_id<'v>(table: &Table, value: impl Fn(usize) -> Option<&'v Value>) -> Option<RowId> {
    let key = table.natural_key()?;
    let mut bytes = Vec::new();
    encode_values(&fold(table, &key.columns, value), &mut bytes);
    let mut hasher = blake3::Hasher::new_derive_key("reunite 2026 natural row id");
    hasher.update(&table.id.0.to_be_bytes());
    hasher.update(&bytes);
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    // Version 8, "custom": never that of a row which chance named.
    Some(RowId(uuid::Builder::from_custom_bytes(id).into_uuid()))
}

/// The row id that a value of a unit gives, if the unit is the key that names the rows.
pub(crate) fn row_id_of_unit(table: &Table, unit: &Unit, value: &UnitValue) -> Option<RowId> {
    table.natural_unit().filter(|natural| *natural == unit.id)?;
    let place = |column: usize| unit.columns.iter().position(|own| *own == column);
    natural_row_id(table, |column| place(column).and_then(|place| value.columns.get(place)))
}
