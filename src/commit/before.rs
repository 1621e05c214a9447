//! What rows were before a commit. Reading a row means finding and decoding it, and a commit asks several times for
//! those that its statements write or look at; so each is read once, and kept until the commit ends. What an application
//! reads within its transaction is not kept: that may be whole tables.
//!
//! Knows nothing of what the commit makes of the rows.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::derive::{Source, Stored};
use crate::error::Error;
use crate::ids::{ConstraintId, RowId, RowKey, TableId};
use crate::store::Snapshot;
use crate::value::Value;

/// The rows that were read; none where nothing is stored.
#[derive(Debug, Default)]
pub(super) struct Before {
    rows: RefCell<BTreeMap<RowKey, Option<Stored>>>,
}

impl Before {
    /// Nothing is stored of a row: its id is new. It need not be looked for.
    pub fn note_new(&self, key: RowKey) {
        self.rows.borrow_mut().insert(key, None);
    }

    /// Whether nothing is stored of a row, as far as is known.
    pub fn is_new(&self, key: RowKey) -> bool {
        self.rows.borrow().get(&key).is_some_and(Option::is_none)
    }

    fn known(&self, key: RowKey) -> Option<Option<Stored>> {
        self.rows.borrow().get(&key).cloned()
    }

    /// A row as it is stored, read the first time.
    pub fn row(&self, base: &Snapshot, key: RowKey) -> Result<Option<Stored>, Error> {
        if let Some(row) = self.known(key) {
            return Ok(row);
        }
        let row = base.row(key)?;
        self.rows.borrow_mut().insert(key, row.clone());
        Ok(row)
    }

    /// The base, of which some rows were read already.
    pub const fn of<'a>(&'a self, base: &'a Snapshot) -> Base<'a> {
        Base { base, before: self }
    }
}

/// A snapshot of which some rows were read already.
pub(super) struct Base<'a> {
    base: &'a Snapshot,
    before: &'a Before,
}

impl Source for Base<'_> {
    fn row(&self, key: RowKey) -> Result<Option<Stored>, Error> {
        self.before.known(key).map_or_else(|| self.base.row(key), Ok)
    }

    fn claimants(&self, key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error> {
        self.base.claimants(key, value)
    }

    fn holder(&self, key: ConstraintId, value: &[Value]) -> Result<Option<RowId>, Error> {
        self.base.holder(key, value)
    }

    fn children(&self, foreign_key: ConstraintId, parent: RowId) -> Result<Vec<RowId>, Error> {
        self.base.children(foreign_key, parent)
    }

    fn children_by_value(&self, foreign_key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error> {
        self.base.children_by_value(foreign_key, value)
    }

    fn parked(&self, table: TableId) -> Result<u64, Error> {
        self.base.parked(table)
    }

    fn merged_into(&self, row: RowKey) -> Result<Vec<RowId>, Error> {
        self.base.merged_into(row)
    }

    fn merging(&self, table: TableId) -> Result<u64, Error> {
        self.base.merging(table)
    }
}
