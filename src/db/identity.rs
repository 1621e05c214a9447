//! Both sides of a disagreement about identity: whether two rows are one.
//!
//! The side that merged shows the row that the rows became, or would; the side that kept them apart shows
//! the row by itself.

use super::conflict::{Image, Side, Viewer, whole_row};
use crate::derive::{Source, Stored, component_of, winning_life};
use crate::error::Error;
use crate::ids::{RowId, RowKey};
use crate::row::{Life, RowState};
use crate::version::Stamp;

impl Viewer<'_> {
    /// The side that won.
    pub(super) fn identity_winner(&self) -> Result<Option<Side>, Error> {
        let Some(other) = self.conflict.others.first().copied() else { return Ok(None) };
        let own = winning_life(self.table, &self.stored.facts);
        let merged = self.lost_merge();
        if merged && own.is_some_and(|life| life.stamp.dot != self.conflict.loser) {
            return Ok(own.map(|life| {
                let image =
                    if life.value.is_dead() { Image::Deleted } else { Image::Values(self.class_row()) };
                self.side(life.stamp, image)
            }));
        }
        let other = self.snapshot.row(RowKey { row: other, ..self.key })?;
        match other {
            Some(other) if merged => Ok(self.against_a_merge(&other)),
            Some(other) => self.merge_in_force(&other),
            None => Ok(None),
        }
    }

    /// What keeps a row from becoming `other`: that it was deleted, or somebody's decision.
    fn against_a_merge(&self, other: &Stored) -> Option<Side> {
        let life = winning_life(self.table, &other.facts)?;
        if life.value.is_dead() {
            return Some(self.side(life.stamp, Image::Deleted));
        }
        let others = &self.conflict.others;
        let apart = [(&self.stored.facts, others.as_slice()), (&other.facts, &[self.key.row])];
        let decisions = apart.into_iter().flat_map(|(facts, named)| decisions(facts, named));
        let last = decisions.max_by_key(|stamp| (stamp.hlc, stamp.dot))?;
        Some(self.side(last, Image::Values(whole_row(self.table, self.stored))))
    }

    /// The merge that made the rows one.
    fn merge_in_force(&self, other: &Stored) -> Result<Option<Side>, Error> {
        let schema = self.snapshot.schema();
        let component = component_of(schema, self.snapshot, self.key)?;
        let own_edge = component.and_then(|component| component.edge(self.key.row));
        let facts = if own_edge.is_some() { &self.stored.facts } else { &other.facts };
        let merges = facts.life.iter().filter(|sibling| sibling.value.merge().is_some());
        let last = merges.map(|sibling| sibling.stamp).max_by_key(|stamp| (stamp.hlc, stamp.dot));
        Ok(last.map(|stamp| self.side(stamp, Image::Values(self.class_row()))))
    }

    /// What lost.
    pub(super) fn identity_loser(&self) -> Result<Image, Error> {
        let target = self.conflict.others.first().filter(|_| self.lost_merge());
        let target = match target {
            Some(row) => self.snapshot.row(RowKey { row: *row, ..self.key })?,
            None => None,
        };
        Ok(Image::Values(whole_row(self.table, target.as_ref().unwrap_or(self.stored))))
    }

    fn lost_merge(&self) -> bool {
        let loser = self.stored.facts.life.get(self.conflict.loser);
        loser.is_some_and(|sibling| sibling.value.merge().is_some())
    }
}

/// The changes by which a row is kept apart from one of these.
fn decisions<'f>(facts: &'f RowState, named: &'f [RowId]) -> impl Iterator<Item = Stamp> + 'f {
    let apart = facts.life.iter().filter(|sibling| match &sibling.value {
        Life::Alive { apart } => apart.iter().any(|other| named.contains(other)),
        _ => false,
    });
    apart.map(|sibling| sibling.stamp)
}
