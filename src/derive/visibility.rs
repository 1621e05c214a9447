//! L4 for a table that is in no cycle of foreign keys: rows by rank, parents already decided.
//!
//! A row is visible iff it is valid, every reference that is not null finds a visible row, and no
//! visible row of better rank holds one of its keys. Read in the order of rank, that is a definition
//! by recursion, so exactly one set of visible rows exists (`models/l4.rs` has the proof by force).

use std::collections::BTreeSet;

use super::image::{Image, Key};
use super::pass::{Pass, rows_of};
use super::rank::Rank;
use super::{Source, Status};
use crate::error::Error;
use crate::ids::{ConstraintId, RowId, RowKey};
use crate::schema::Table;

impl<S: Source + ?Sized> Pass<'_, S> {
    /// Decides the marked rows of a table, best rank first. What changes marks only worse rivals, so
    /// no row is decided twice.
    pub(super) fn decide_table(&mut self, table: &Table) -> Result<(), Error> {
        let mut queue: BTreeSet<(Rank, RowKey)> = BTreeSet::new();
        for key in rows_of(&self.undecided, table.id).collect::<Vec<_>>() {
            queue.extend(self.image(key)?.map(|image| (image.rank, key)));
        }
        while let Some((rank, key)) = queue.pop_first() {
            let Some(image) = self.image(key)? else { continue };
            let status = self.decide(table, key, &image)?;
            if self.settle(table, key, &image, status)? {
                for rival in self.rivals(table, key.row, &image)? {
                    let rival = RowKey { table: table.id, row: rival };
                    self.touched.insert(rival);
                    let worse = self.image(rival)?.filter(|image| image.rank > rank);
                    queue.extend(worse.map(|image| (image.rank, rival)));
                }
            }
        }
        Ok(())
    }

    pub(super) fn decide(&mut self, table: &Table, key: RowKey, image: &Image) -> Result<Status, Error> {
        if !image.lives {
            return Ok(image.absence());
        }
        if !image.failed.is_empty() {
            return Ok(Status::Parked);
        }
        for (foreign_key, need) in table.foreign_keys.iter().zip(&image.references) {
            let Some(need) = need else { continue };
            let satisfied = match &need.key {
                Some(value) => self.holder(foreign_key.key, value)?.is_some(),
                None => false,
            };
            if !satisfied {
                return Ok(Status::Parked);
            }
        }
        for (unique, value) in table.keys.iter().zip(&image.keys) {
            let Some(value) = value else { continue };
            for rival in self.visible_claimants(unique.id, value)?.clone() {
                let rival = RowKey { table: table.id, row: rival };
                if rival != key && self.image(rival)?.is_some_and(|other| other.rank < image.rank) {
                    return Ok(Status::Parked);
                }
            }
        }
        Ok(Status::Visible)
    }

    /// The rows that claim one of the row's keys too.
    pub(super) fn rivals(
        &mut self,
        table: &Table,
        row: RowId,
        image: &Image,
    ) -> Result<BTreeSet<RowId>, Error> {
        let mut rivals = BTreeSet::new();
        for (unique, value) in table.keys.iter().zip(&image.keys) {
            if let Some(value) = value {
                rivals.extend(self.claimants(unique.id, value)?);
            }
        }
        rivals.remove(&row);
        Ok(rivals)
    }

    /// Records a decision, and marks the rows that depend on it. Says whether the row came or went.
    pub(super) fn settle(
        &mut self,
        table: &Table,
        key: RowKey,
        image: &Image,
        status: Status,
    ) -> Result<bool, Error> {
        let was = self.status_of(key)?;
        self.set_status(table, key, image, status);
        self.touched.insert(key);
        self.mark_dependents(table, key, image, status)?;
        Ok((was == Status::Visible) != (status == Status::Visible))
    }

    /// Marks the rows whose references the row satisfies now or satisfied before.
    fn mark_dependents(
        &mut self,
        table: &Table,
        key: RowKey,
        image: &Image,
        status: Status,
    ) -> Result<(), Error> {
        let before = self.before(key)?;
        for (child, foreign_key) in self.schema.referring(table.id) {
            let Some(i) = table.keys.iter().position(|unique| unique.id == foreign_key.key) else { continue };
            let was = before.as_ref().filter(|before| before.footprint.visible);
            let was = was.and_then(|before| before.footprint.keys.get(i)).and_then(Option::as_ref);
            let now = image.keys.get(i).and_then(Option::as_ref).filter(|_| status == Status::Visible);
            if was == now {
                continue;
            }
            // A key that appears concerns only rows that wait for it.
            let now = if self.parked(child.id)? == 0 { None } else { now };
            for value in was.into_iter().chain(now) {
                let rows = self.dependents(key.row, foreign_key.key, foreign_key.id, value)?;
                self.undecided.extend(rows.into_iter().map(|row| RowKey { table: child.id, row }));
            }
        }
        Ok(())
    }

    /// The stored rows whose reference is satisfied by whoever holds this key.
    fn dependents(
        &mut self,
        row: RowId,
        key: ConstraintId,
        foreign_key: ConstraintId,
        value: &Key,
    ) -> Result<BTreeSet<RowId>, Error> {
        let mut claimants = self.claimants(key, value)?;
        claimants.insert(row);
        let mut children: BTreeSet<RowId> = BTreeSet::new();
        for parent in claimants {
            children.extend(self.source.children(foreign_key, parent)?);
        }
        children.extend(self.source.children_by_value(foreign_key, value)?);
        Ok(children)
    }
}
