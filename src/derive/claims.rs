//! Who claims which key, as the facts are now, and who of them is visible, as far as that is decided.
//!
//! Thousands of parked rows may claim one key. Each value is looked up once, and who holds it is known without
//! looking at them all. Which of them is visible is not decided here.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use super::image::{Image, Key};
use super::pass::Pass;
use super::{Source, Status};
use crate::error::Error;
use crate::ids::{ConstraintId, RowId, RowKey, TableId};
use crate::schema::Table;

/// The rows that claim a value of a key.
pub(super) struct Claimants {
    rows: BTreeSet<RowId>,
    /// Those that are visible, as decided so far; none if nobody has asked.
    visible: Option<BTreeSet<RowId>>,
}

impl Claimants {
    fn change(&mut self, change: impl FnOnce(&mut BTreeSet<RowId>) -> bool) {
        change(&mut self.rows);
        self.visible = None;
    }
}

impl<S: Source + ?Sized> Pass<'_, S> {
    /// Records the claims that a row gained or lost.
    pub(super) fn compare_claims(&mut self, key: RowKey) -> Result<(), Error> {
        let Some(table) = self.schema.table_by_id(key.table) else { return Ok(()) };
        let (new, old) = (self.image(key)?, self.before(key)?);
        for (i, unique) in table.keys.iter().enumerate() {
            let was = old.as_ref().and_then(|before| before.footprint.keys.get(i)).and_then(Option::as_ref);
            let now = new.as_ref().and_then(|image| image.keys.get(i)).and_then(Option::as_ref);
            if was == now {
                continue;
            }
            if let Some(value) = was {
                self.claims_of(unique.id, value)?.change(|rows| rows.remove(&key.row));
            }
            if let Some(value) = now {
                self.claims_of(unique.id, value)?.change(|rows| rows.insert(key.row));
            }
        }
        Ok(())
    }

    /// Records the status of a row with this image.
    pub(super) fn set_status(&mut self, table: &Table, key: RowKey, image: &Image, status: Status) {
        self.status.insert(key, status);
        for (unique, value) in table.keys.iter().zip(&image.keys) {
            let claims = value.as_ref().and_then(|value| self.claims.get_mut(&unique.id)?.get_mut(value));
            if let Some(visible) = claims.and_then(|claimants| claimants.visible.as_mut()) {
                if status == Status::Visible {
                    visible.insert(key.row)
                } else {
                    visible.remove(&key.row)
                };
            }
        }
    }

    /// The rows that claim a key now, visible or not.
    pub(super) fn claimants(&mut self, key: ConstraintId, value: &Key) -> Result<BTreeSet<RowId>, Error> {
        Ok(self.claims_of(key, value)?.rows.clone())
    }

    /// Those of them that are visible, as decided so far. Thousands may claim a key, and each asks for these.
    pub(super) fn visible_claimants(
        &mut self,
        table: TableId,
        key: ConstraintId,
        value: &Key,
    ) -> Result<&BTreeSet<RowId>, Error> {
        if self.claims_of(key, value)?.visible.is_none() {
            let mut visible = BTreeSet::new();
            for row in self.claimants(key, value)? {
                if self.status_of(RowKey { table, row })? == Status::Visible {
                    visible.insert(row);
                }
            }
            self.claims_of(key, value)?.visible = Some(visible);
        }
        Ok(self.claims_of(key, value)?.visible.get_or_insert_default())
    }

    fn claims_of(&mut self, key: ConstraintId, value: &Key) -> Result<&mut Claimants, Error> {
        match self.claims.entry(key).or_default().entry(value.clone()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                let rows = self.source.claimants(key, value)?.into_iter().collect();
                Ok(unknown.insert(Claimants { rows, visible: None }))
            }
        }
    }

    /// The visible row that holds a key.
    pub(super) fn holder(
        &mut self,
        table: TableId,
        key: ConstraintId,
        value: &Key,
    ) -> Result<Option<RowId>, Error> {
        Ok(self.visible_claimants(table, key, value)?.first().copied())
    }
}
