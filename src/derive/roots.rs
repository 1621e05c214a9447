//! What the rows that references mean have become, so that values of a unit can be compared. Found before
//! comparing, by whoever knows the merges: a derivation, a transaction, or a reader.

use std::collections::BTreeMap;

use crate::fault::{Bug, planted};
use crate::ids::{RowId, RowKey, TableId};
use crate::row::UnitValue;
use crate::schema::{Table, Unit};

/// The rows that the references in some values mean, with what each has become.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roots(BTreeMap<RowKey, RowId>);

impl Roots {
    /// Those of values of one unit. Nothing is looked up for less than two values, which is the usual case.
    ///
    /// # Errors
    /// If `find`, which says what a row has become, fails.
    pub fn of<'v, E>(
        table: &Table,
        unit: &Unit,
        values: impl ExactSizeIterator<Item = &'v UnitValue>,
        mut find: impl FnMut(RowKey) -> Result<RowId, E>,
    ) -> Result<Roots, E> {
        let mut roots = BTreeMap::new();
        if values.len() < 2 {
            return Ok(Roots(roots));
        }
        for value in values {
            for foreign_key in table.foreign_keys_of_unit(unit.id) {
                let Some(row) = value.parent(foreign_key.id) else { continue };
                let key = RowKey { table: foreign_key.parent, row };
                roots.insert(key, find(key)?);
            }
        }
        Ok(Roots(roots))
    }

    /// What a row has become: itself, if it was not merged.
    #[must_use]
    pub fn root(&self, table: TableId, row: RowId) -> RowId {
        let root = self.0.get(&RowKey { table, row }).filter(|_| !planted(Bug::RootsIgnored));
        root.copied().unwrap_or(row)
    }
}
