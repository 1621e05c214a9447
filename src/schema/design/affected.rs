//! Which tables a change of the schema affects: of which the rows have to be derived anew, and of which
//! only an index came or went. Compares two schemas, and does not ask how the one became the other.

use std::collections::BTreeSet;

use crate::ids::TableId;
use crate::schema::{OnDelete, OnUpdate, Schema, Table, Unit};

/// The tables that a change affects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Affected {
    /// Whose rows may show something else, be parked or return, or have other conflicts.
    pub derived: BTreeSet<TableId>,
    /// Whose indexes are not the same.
    pub indexed: BTreeSet<TableId>,
}

impl Schema {
    /// What is affected when `old` becomes this schema. A new table, a column that was added and a new
    /// name affect nothing that is stored.
    #[must_use]
    pub(crate) fn affected_since(&self, old: &Schema) -> Affected {
        let mut affected = Affected::default();
        for new in self.tables().iter().chain(self.dropped_tables()) {
            let Some(old) = old.table_by_id(new.id) else { continue };
            if bare(old, old.columns.len()) != bare(new, old.columns.len()) {
                affected.derived.insert(new.id);
            }
            let indexes = |table: &Table| -> Vec<_> {
                let ids = |columns: &[usize]| -> Vec<_> {
                    columns.iter().filter_map(|at| table.columns.get(*at)).map(|column| column.id).collect()
                };
                table.indexes.iter().map(|index| (index.id, ids(&index.columns))).collect()
            };
            if indexes(old) != indexes(new) {
                affected.indexed.insert(new.id);
            }
        }
        affected
    }
}

/// A table without what no stored row depends on: names, indexes, what writers do, and the columns from
/// `columns` on, which rows do not have yet.
fn bare(table: &Table, columns: usize) -> Table {
    let mut table = table.clone();
    table.name.clear();
    table.columns.truncate(columns);
    table.columns.iter_mut().for_each(|column| column.name.clear());
    let later = |column: &usize| *column >= columns && *column != Unit::DROPPED;
    table.units.retain(|unit| !unit.columns.iter().any(later));
    table.keys.iter_mut().for_each(|key| key.name.clear());
    for foreign_key in &mut table.foreign_keys {
        foreign_key.name.clear();
        (foreign_key.on_delete, foreign_key.on_update) = (OnDelete::default(), OnUpdate::default());
    }
    table.checks.iter_mut().for_each(|check| check.name.clear());
    table.indexes.clear();
    table
}
