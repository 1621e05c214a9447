//! A transaction at work: how a unit, a life or an acknowledgement is written over the state that the
//! transaction began with. Which units an operation writes is in `rows` and `resolve`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::entries::{checked_entries, entries, hold_the_same};
use super::writes::{Shown, Staged, Writes, merge_targets};
use crate::derive::{Component, Stored, winner};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{Dot, RowId, RowKey, UnitId};
use crate::row::{Ack, Life, RowState, Siblings, UnitValue};
use crate::schema::{Schema, Table, Tracking};
use crate::store::{LOCAL, Snapshot};
use crate::version::Stamp;

/// A transaction at work: its writes, and the state that it began with.
pub(crate) struct Stage<'a> {
    pub(super) base: &'a Snapshot,
    pub(super) writes: &'a mut Writes,
    /// Rows that are just becoming one: what is written into it must outrank them all.
    pub(super) joining: BTreeSet<RowId>,
    /// What rows are connected with, as the facts are now.
    pub(super) components: RefCell<BTreeMap<RowKey, Rc<Component<'a>>>>,
}

impl<'a> Stage<'a> {
    /// A transaction at work.
    pub fn new(base: &'a Snapshot, writes: &'a mut Writes) -> Stage<'a> {
        Stage { base, writes, joining: BTreeSet::new(), components: RefCell::default() }
    }

    pub(super) fn schema(&self) -> &'a Schema {
        self.base.schema()
    }

    pub(super) fn table(&self, key: RowKey) -> Result<&'a Table, Error> {
        let missing = || Error::corrupt(format!("table {} is not in the schema", key.table.0));
        self.schema().table_by_id(key.table).ok_or_else(missing)
    }

    /// The facts of a row, visible or not.
    pub(super) fn facts(&self, key: RowKey) -> Result<Option<Arc<RowState>>, Error> {
        if let Some(facts) = self.writes.facts(key) {
            return Ok(Some(Arc::clone(facts)));
        }
        self.stored(key)
    }

    /// A row before the transaction.
    pub(super) fn before(&self, key: RowKey) -> Result<Option<Stored>, Error> {
        self.writes.before.row(self.base, key)
    }

    /// The facts of a row before the transaction.
    fn stored(&self, key: RowKey) -> Result<Option<Arc<RowState>>, Error> {
        Ok(self.before(key)?.map(|stored| stored.facts))
    }

    /// The values of a row as the transaction sees it; none if it is not in the table.
    pub(super) fn visible(&self, key: RowKey) -> Result<Option<Shown>, Error> {
        match self.writes.staged(key) {
            Some(staged) => Ok(staged.shown.clone()),
            None => self.visible_before(key),
        }
    }

    /// What a row showed before the transaction.
    pub(super) fn visible_before(&self, key: RowKey) -> Result<Option<Shown>, Error> {
        self.writes.before.visible(self.base, self.table(key)?, key)
    }

    /// Replaces what is staged of a row.
    pub(super) fn put(&mut self, key: RowKey, staged: Staged) -> Result<(), Error> {
        let table = self.table(key)?;
        let old = self.writes.staged(key).and_then(|staged| staged.shown.clone());
        let new = staged.shown.clone();
        let stays = old.iter().zip(&new).any(|(old, new)| hold_the_same(table, old, new));
        let (old, new) = if stays { (None, None) } else { (old, new) };
        let held = new.map(|shown| checked_entries(table, key.row, &shown)).transpose()?;
        self.writes.remember(key);
        self.writes.stage(key, staged);
        for entry in old.iter().flat_map(|shown| entries(table, key.row, shown)) {
            self.writes.entries.remove(&entry);
        }
        self.writes.entries.extend(held.into_iter().flatten());
        Ok(())
    }

    /// Changes the facts of a row; what it shows stays.
    pub(super) fn edit(&mut self, key: RowKey, edit: impl FnOnce(&mut RowState)) -> Result<(), Error> {
        let dot = self.dot(key)?;
        // They hold facts, which would be copied.
        self.components.get_mut().clear();
        self.writes.remember(key);
        if !self.writes.rewrites(key) {
            let shown = match self.writes.staged(key) {
                Some(staged) => staged.shown.clone(),
                None => self.first_shown(key)?,
            };
            let facts = self.stored(key)?.unwrap_or_else(|| Arc::new(RowState::new(dot)));
            self.writes.stage(key, Staged { facts: Some(facts), shown });
        }
        if let Some(facts) = self.writes.facts_mut(key) {
            edit(Arc::make_mut(facts));
            let merges = merge_targets(facts);
            self.writes.note_merges(key, merges);
        }
        Ok(())
    }

    /// What a row shows that is staged for the first time: until now its index entries came from the base.
    fn first_shown(&mut self, key: RowKey) -> Result<Option<Shown>, Error> {
        let shown = self.visible_before(key)?;
        if let Some(shown) = &shown {
            self.writes.entries.extend(entries(self.table(key)?, key.row, shown));
        }
        Ok(shown)
    }

    /// The dot of this transaction in a row.
    pub(super) fn dot(&mut self, key: RowKey) -> Result<Dot, Error> {
        if let Some(dot) = self.writes.dot(key) {
            return Ok(dot);
        }
        let replica = if self.table(key)?.replicate { self.writes.author.replica } else { LOCAL };
        self.writes.remember(key);
        Ok(self.writes.take_dot(key, replica))
    }

    /// A stamp for a write of the row: its priority is at least that of all values which it sees there, in
    /// the row and in those merged into it.
    pub(super) fn stamp<V: 'static>(
        &self,
        key: RowKey,
        dot: Dot,
        unit: impl Fn(&RowState) -> &Siblings<V>,
    ) -> Result<Stamp, Error> {
        let mut priority = self.writes.author.priority;
        for facts in self.seen(key)?.iter().filter(|_| !planted(Bug::PriorityNotInherited)) {
            priority =
                unit(facts).stamps().map(|stamp| stamp.priority).max().unwrap_or(priority).max(priority);
        }
        Ok(self.writes.author.stamp(priority, dot))
    }

    /// A stamp for a write that sees nothing.
    pub(super) fn plain_stamp(&self, dot: Dot) -> Stamp {
        self.writes.author.stamp(self.writes.author.priority, dot)
    }

    pub(super) fn write_unit(
        &mut self,
        key: RowKey,
        unit: UnitId,
        value: UnitValue,
        replaces: &[Dot],
    ) -> Result<(), Error> {
        self.write_claimed(key, unit, value, replaces, true)
    }

    /// Writes a unit of a row that begins again: its keys are claimed from now on.
    pub(super) fn write_unit_afresh(
        &mut self,
        key: RowKey,
        unit: UnitId,
        value: UnitValue,
        replaces: &[Dot],
    ) -> Result<(), Error> {
        self.write_claimed(key, unit, value, replaces, false)
    }

    fn write_claimed(
        &mut self,
        key: RowKey,
        unit: UnitId,
        mut value: UnitValue,
        replaces: &[Dot],
        keeps_claim: bool,
    ) -> Result<(), Error> {
        let (table, dot) = (self.table(key)?, self.dot(key)?);
        self.absorb(key, unit, replaces)?;
        if !value.parents.is_empty() {
            self.writes.meaning.insert(key);
        }
        for (foreign_key, parent) in &mut value.parents {
            // The row itself may be purged elsewhere, once it was merged.
            if let Some(foreign_key) = table.foreign_keys.iter().find(|key| key.id == *foreign_key) {
                *parent = self.root(RowKey { table: foreign_key.parent, row: *parent })?.row;
            }
        }
        let class = self.class(key)?;
        let none = Siblings::new();
        let siblings = class.as_ref().map_or(&none, |class| class.unit(unit));
        value.claim = kept_claim(table, unit, siblings, &value).filter(|_| keeps_claim);
        // Given back before the edit, so that it need not copy.
        drop(class);
        let stamp = self.stamp(key, dot, |facts| facts.unit(unit))?;
        self.edit(key, |facts| facts.write_unit(unit, stamp, value, replaces))
    }

    /// Says that the row lives. A change says it too, so that a concurrent deletion is noticed.
    pub(super) fn touch(&mut self, key: RowKey) -> Result<(), Error> {
        let none = BTreeSet::new();
        self.live_on(key, &none, &none)
    }

    pub(super) fn write_life(
        &mut self,
        key: RowKey,
        life: Life,
        replaces: impl Fn(&Life) -> bool,
    ) -> Result<(), Error> {
        let dot = self.dot(key)?;
        let facts = self.facts(key)?;
        let none = Siblings::new();
        let siblings = facts.as_ref().map_or(&none, |facts| &facts.life);
        let stamp = self.stamp(key, dot, |facts| &facts.life)?;
        let old = siblings.iter().filter(|sibling| replaces(&sibling.value));
        let old: Vec<Dot> = old.map(|sibling| sibling.stamp.dot).collect();
        drop(facts);
        self.edit(key, |facts| facts.write_life(stamp, life, &old))
    }

    pub(super) fn write_boost(&mut self, key: RowKey) -> Result<(), Error> {
        let dot = self.dot(key)?;
        let stamp = self.writes.author.stamp(self.writes.author.priority, dot);
        self.edit(key, |facts| facts.write_boost(stamp))
    }

    pub(super) fn write_ack(&mut self, key: RowKey, ack: Ack) -> Result<(), Error> {
        let dot = self.dot(key)?;
        let stamp = self.writes.author.stamp(self.writes.author.priority, dot);
        self.edit(key, |facts| facts.write_ack(stamp, ack))
    }
}

/// Under row tracking every change writes every column; a change that leaves the keys as they are
/// keeps their claim.
fn kept_claim(
    table: &Table,
    unit: UnitId,
    siblings: &Siblings<UnitValue>,
    value: &UnitValue,
) -> Option<Stamp> {
    if table.tracking != Tracking::Row {
        return None;
    }
    let (old, unit) = (winner(table, siblings)?, table.unit(unit)?);
    let is_key = |column: &usize| table.keys.iter().any(|key| key.columns.contains(column));
    let pairs = unit.columns.iter().zip(old.value.columns.iter().zip(&value.columns));
    let same = pairs.filter(|(column, _)| is_key(column)).all(|(_, (old, new))| old == new);
    same.then(|| old.value.claim.unwrap_or(old.stamp))
}
