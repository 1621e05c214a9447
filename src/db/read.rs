//! A snapshot for readers.

use std::sync::Arc;

use super::conflict::{ConflictRow, show_conflict};
use super::table::Table;
use crate::commit::WriteError;
use crate::derive::{Derived, Source};
use crate::error::Error;
use crate::ids::{ConflictId, RowId, RowKey};
use crate::row::RowState;
use crate::schema::Schema;
use crate::store::Snapshot;
use crate::value::Value;
use crate::version::Knowledge;

/// One state of the database, for reading. Later commits do not change it.
pub struct ReadTransaction {
    snapshot: Snapshot,
}

/// Everything that is known of a row: for people who look for a reason.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// What replicates.
    pub facts: Arc<RowState>,
    /// What was derived.
    pub derived: Derived,
    /// By column position: what the row shows, or would show if it were visible.
    pub values: Vec<Value>,
}

impl ReadTransaction {
    pub(super) const fn new(snapshot: Snapshot) -> ReadTransaction {
        ReadTransaction { snapshot }
    }

    /// A table.
    ///
    /// # Errors
    /// If there is no such table.
    pub fn table(&self, name: &str) -> Result<Table<'_>, WriteError> {
        Table::find(&self.snapshot, None, name)
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        self.snapshot.schema()
    }

    /// What the replica had applied.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn knowledge(&self) -> Result<Knowledge, Error> {
        self.snapshot.knowledge()
    }

    /// The open conflicts of all tables, by table and row id. Costs what it lists.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn conflicts(&self) -> Result<Vec<ConflictRow>, Error> {
        let mut all = Vec::new();
        for table in self.snapshot.schema().tables() {
            for entry in self.snapshot.conflicts(table.id)? {
                let (key, conflicts) = entry?;
                for conflict in conflicts {
                    all.push(show_conflict(&self.snapshot, key, &conflict)?);
                }
            }
        }
        Ok(all)
    }

    /// An open conflict; none if it is not open.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn conflict(&self, id: ConflictId) -> Result<Option<ConflictRow>, Error> {
        let Some(key) = self.snapshot.row_of_conflict(id)? else { return Ok(None) };
        let mut conflicts = self.snapshot.conflicts_of(key)?.into_iter();
        let found = conflicts.find(|conflict| conflict.id == id);
        found.map(|conflict| show_conflict(&self.snapshot, key, &conflict)).transpose()
    }

    /// Everything that is known of a row, visible or not.
    ///
    /// # Errors
    /// If there is no such table, or the storage fails.
    pub fn inspect(&self, table: &str, row: RowId) -> Result<Option<Inspected>, WriteError> {
        let table = self.table(table)?;
        let key = RowKey { table: table.definition().id, row };
        let Some(stored) = self.snapshot.row(key)? else { return Ok(None) };
        let values = stored.values(table.definition());
        Ok(Some(Inspected { facts: stored.facts, derived: stored.derived, values }))
    }
}
