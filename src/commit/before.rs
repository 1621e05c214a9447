//! What rows were before a commit. Reading a row means finding and decoding it, and a commit asks several times for
//! those that its statements write or look at; so each is read once, and kept until the commit ends. What an application
//! reads within its transaction is not kept: that may be whole tables.
//!
//! Knows nothing of what the commit makes of the rows.

use std::cell::RefCell;

use super::row_map::RowMap;
use super::writes::Shown;
use crate::derive::{Source, Status, Stored};
use crate::error::Error;
use crate::ids::{ConstraintId, RowId, RowKey, TableId};
use crate::schema::Table;
use crate::store::Snapshot;
use crate::value::Value;

/// The rows that were read.
#[derive(Debug, Default)]
pub(super) struct Before {
    rows: RefCell<RowMap<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// None where nothing is stored.
    stored: Option<Stored>,
    /// What it shows, once that was asked for.
    shown: Option<Shown>,
}

impl Before {
    /// Nothing is stored of a row: its id is new. It need not be looked for.
    pub fn note_new(&self, key: RowKey) {
        self.rows.borrow_mut().set(key, Known::default());
    }

    /// Whether nothing is stored of a row, as far as is known.
    pub fn is_new(&self, key: RowKey) -> bool {
        self.rows.borrow().get(key).is_some_and(|known| known.stored.is_none())
    }

    fn known(&self, key: RowKey) -> Option<Option<Stored>> {
        self.rows.borrow().get(key).map(|known| known.stored.clone())
    }

    /// A row as it is stored, read the first time.
    pub fn row(&self, base: &Snapshot, key: RowKey) -> Result<Option<Stored>, Error> {
        if let Some(row) = self.known(key) {
            return Ok(row);
        }
        let stored = base.row(key)?;
        self.rows.borrow_mut().set(key, Known { stored: stored.clone(), shown: None });
        Ok(stored)
    }

    /// What a row shows that is stored; none if it is not in its table.
    pub fn visible(&self, base: &Snapshot, table: &Table, key: RowKey) -> Result<Option<Shown>, Error> {
        if let Some(shown) = self.rows.borrow().get(key).and_then(|known| known.shown.clone()) {
            return Ok(Some(shown));
        }
        let visible = self.row(base, key)?.filter(|stored| stored.derived.status == Status::Visible);
        let shown: Option<Shown> = visible.map(|stored| stored.values(table).into());
        if let Some(known) = self.rows.borrow_mut().get_mut(key) {
            known.shown.clone_from(&shown);
        }
        Ok(shown)
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
