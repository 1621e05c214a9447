//! Who claims which key, as the facts are now, and who of them is visible, as far as that is decided.
//!
//! Thousands of parked rows may claim one key. Each value is looked up once, and who holds it is known without
//! looking at them all. Which of them is visible is not decided here.

use std::collections::BTreeSet;

use super::image::{Image, Key};
use super::pass::Pass;
use super::{Source, Status};
use crate::error::Error;
use crate::ids::{ConstraintId, RowId, RowKey};
use crate::schema::Table;

/// The rows that claim a value of a key.
#[derive(Default)]
pub(super) struct Claimants {
    rows: BTreeSet<RowId>,
    /// Those that are visible, as decided so far.
    visible: BTreeSet<RowId>,
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
                let claimants = self.claims_of(unique.id, value)?;
                claimants.rows.remove(&key.row);
                claimants.visible.remove(&key.row);
            }
            if let Some(value) = now {
                let is_visible = self.status_of(key)? == Status::Visible;
                let claimants = self.claims_of(unique.id, value)?;
                claimants.rows.insert(key.row);
                claimants.visible.extend(is_visible.then_some(key.row));
            }
        }
        Ok(())
    }

    /// Records the status of a row with this image. A row that becomes visible was asked for its rivals before.
    pub(super) fn set_status(&mut self, table: &Table, key: RowKey, image: &Image, status: Status) {
        self.status.insert(key, status);
        for (unique, value) in table.keys.iter().zip(&image.keys) {
            let claims = value.as_ref().and_then(|value| self.claims.get_mut(&unique.id)?.get_mut(value));
            if let Some(claimants) = claims {
                if status == Status::Visible {
                    claimants.visible.insert(key.row)
                } else {
                    claimants.visible.remove(&key.row)
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
        key: ConstraintId,
        value: &Key,
    ) -> Result<&BTreeSet<RowId>, Error> {
        Ok(&self.claims_of(key, value)?.visible)
    }

    fn claims_of(&mut self, key: ConstraintId, value: &Key) -> Result<&mut Claimants, Error> {
        let known = self.claims.get(&key).is_some_and(|values| values.contains_key(value));
        let stored = if known { Claimants::default() } else { self.stored_claims(key, value)? };
        Ok(self.claims.entry(key).or_default().entry(value.clone()).or_insert(stored))
    }

    /// Who claimed a value before the changes, and holds it as decided so far.
    fn stored_claims(&mut self, key: ConstraintId, value: &Key) -> Result<Claimants, Error> {
        let rows = self.source.claimants(key, value)?.into_iter().collect();
        let table = self.schema.constraint(key).map(|(table, _)| table.id);
        let holder = table.zip(self.source.holder(key, value)?).map(|(table, row)| RowKey { table, row });
        let mut visible = BTreeSet::new();
        if let Some(holder) = holder
            && self.status_of(holder)? == Status::Visible
        {
            visible.insert(holder.row);
        }
        Ok(Claimants { rows, visible })
    }

    /// The visible row that holds a key.
    pub(super) fn holder(&mut self, key: ConstraintId, value: &Key) -> Result<Option<RowId>, Error> {
        Ok(self.visible_claimants(key, value)?.first().copied())
    }
}
