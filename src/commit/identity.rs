//! Settling disagreements about identity: whether two rows are one.
//!
//! What lost is either a merge, and then the rows are two, or a decision to stay apart, and then they
//! are one.

use std::collections::BTreeSet;

use super::WriteError;
use super::resolve::Resolution;
use super::rows::Columns;
use super::stage::Stage;
use crate::derive::Conflict;
use crate::ids::{RowId, RowKey};
use crate::row::{Ack, Life};
use crate::schema::Table;

impl Stage<'_> {
    /// Settles a disagreement about identity.
    pub(super) fn resolve_identity(
        &mut self,
        table: &Table,
        key: RowKey,
        conflict: &Conflict,
        how: &Resolution,
    ) -> Result<(), WriteError> {
        let facts = self.facts(key)?;
        let loser = facts.as_ref().and_then(|facts| facts.life.get(conflict.loser));
        match (loser.map(|sibling| &sibling.value), how) {
            (Some(Life::Merged(merge)), _) => {
                let target = self.root(RowKey { row: merge.into, ..key })?;
                self.resolve_merge(table, key, target, conflict, how)
            }
            (Some(Life::Alive { .. }), Resolution::KeepWinner) => self.dismiss_identity(key, conflict),
            (Some(Life::Alive { .. }), Resolution::KeepLoser) => {
                self.part(table, key, conflict, &Columns::new())
            }
            (Some(Life::Alive { .. }), Resolution::KeepBoth(columns)) => {
                self.part(table, key, conflict, columns)
            }
            _ => Err(self.wrong_way(table, key, conflict, how)),
        }
    }

    /// A merge of the row into `target` lost.
    fn resolve_merge(
        &mut self,
        table: &Table,
        key: RowKey,
        target: RowKey,
        conflict: &Conflict,
        how: &Resolution,
    ) -> Result<(), WriteError> {
        let lives = self.lives(key)?;
        match how {
            Resolution::KeepLoser if !self.lives(target)? => {
                let reason = "the row that it was merged into is deleted or not here: bring that back first";
                Err(self.not_applicable(table, key, reason))
            }
            Resolution::KeepLoser => self.join(table, key, target),
            // Deleted, or merged into another row: so it stays.
            Resolution::KeepWinner if !lives => self.dismiss_identity(key, conflict),
            Resolution::KeepWinner => {
                self.stand_alone(key)?;
                self.keep_apart(key, target.row)
            }
            Resolution::KeepBoth(columns) if lives => {
                self.stand_alone(key)?;
                self.show_facts(table, key)?;
                let shown = self.visible(key)?.unwrap_or_default();
                self.change(table, key, &shown, columns, false)?;
                self.keep_apart(key, target.row)
            }
            Resolution::KeepBoth(_) => {
                let reason = "the row was deleted, or merged into another: undelete it first";
                Err(self.not_applicable(table, key, reason))
            }
            _ => Err(self.wrong_way(table, key, conflict, how)),
        }
    }

    /// Takes back the merges of a row that lives.
    fn stand_alone(&mut self, key: RowKey) -> Result<(), WriteError> {
        let apart = self.apart_of(key)?.into_iter().collect();
        self.write_life(key, Life::Alive { apart }, |life| !life.is_dead())?;
        self.owns(key);
        Ok(())
    }

    /// Takes two rows apart that are one, though somebody decided to keep both.
    fn part(
        &mut self,
        table: &Table,
        key: RowKey,
        conflict: &Conflict,
        columns: &Columns,
    ) -> Result<(), WriteError> {
        let Some(other) = conflict.others.first().map(|row| RowKey { row: *row, ..key }) else {
            return Ok(());
        };
        let (leaves, stays) = if self.root(key)? == key { (other, key) } else { (key, other) };
        self.undelete(leaves)?;
        let shown = self.visible(leaves)?.unwrap_or_default();
        self.change(table, leaves, &shown, columns, false)?;
        let stays = self.root(stays)?;
        self.keep_apart(leaves, stays.row)
    }

    /// Says of two rows that they are not one: on both, as far as they live.
    pub(super) fn keep_apart(&mut self, key: RowKey, other: RowId) -> Result<(), WriteError> {
        for (key, other) in [(key, other), (RowKey { row: other, ..key }, key.row)] {
            if self.lives(key)? {
                self.live_on(key, &BTreeSet::from([other]), &BTreeSet::new())?;
            }
        }
        Ok(())
    }

    /// What lost is no longer listed. A merge that holds its row's life, without being in force, stays: it
    /// is acknowledged.
    pub(super) fn dismiss_identity(&mut self, key: RowKey, conflict: &Conflict) -> Result<(), WriteError> {
        let (table, loser) = (self.table(key)?, conflict.loser);
        let Some(facts) = self.facts(key)? else { return Ok(()) };
        let holds = crate::derive::winning_life(table, &facts).is_some_and(|life| life.stamp.dot == loser);
        if facts.life.get(loser).is_some_and(|sibling| sibling.value.is_alive()) {
            let mut rows: BTreeSet<RowId> = conflict.others.iter().copied().collect();
            rows.insert(key.row);
            return self.reunite(key.table, &rows);
        }
        if holds {
            return Ok(self.write_ack(key, Ack::of(conflict.id))?);
        }
        self.write_ack(key, Ack::REMOVAL)?;
        Ok(self.edit(key, |facts| facts.life.remove(loser))?)
    }

    /// The visible row that holds the key of a parked one.
    pub(super) fn holder_of(
        &self,
        table: &Table,
        key: RowKey,
        conflict: &Conflict,
    ) -> Result<RowKey, WriteError> {
        let holder = conflict.others.first().map(|row| RowKey { row: *row, ..key });
        match holder {
            Some(holder) if self.lives(holder)? => Ok(holder),
            _ => Err(self.not_applicable(table, key, "the row that holds its key is gone: commit first")),
        }
    }
}
