//! Facts that a transaction has written and not yet committed, over the state it began with.
//!
//! Rows that the transaction wrote are visible to its own reads as SQL would show them, before it is
//! known whether it can commit. Knows how to write a unit; which units an operation writes is in
//! `rows` and `resolve`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::WriteError;
use crate::codec::key::encode_values;
use crate::derive::{Source, fold, winner};
use crate::error::Error;
use crate::ids::{ConstraintId, Dot, ReplicaId, RowId, RowKey, Seq, UnitId};
use crate::row::{Ack, Life, RowState, Siblings, UnitValue};
use crate::schema::{Schema, Table, Tracking};
use crate::store::{LOCAL, Snapshot};
use crate::value::Value;
use crate::version::{Hlc, Priority, Stamp};

/// Who writes, and when.
#[derive(Clone, Copy, Debug)]
pub struct Author {
    /// The replica.
    pub replica: ReplicaId,
    /// Its priority.
    pub priority: Priority,
    /// The time of the commit: greater than everything the replica has seen.
    pub hlc: Hlc,
}

/// A row as the transaction left it.
#[derive(Clone, Debug)]
pub(super) struct Staged {
    /// Its new facts; none if only what it shows changed, because it follows a key.
    pub(super) facts: Option<Arc<RowState>>,
    /// By column position, what the transaction itself reads; none if the row is not in the table.
    pub(super) shown: Option<Vec<Value>>,
}

/// A place in a transaction to which it can be rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Savepoint {
    depth: usize,
}

/// How a row was before it was first written after a savepoint.
#[derive(Debug)]
struct Step {
    key: RowKey,
    before: Option<Staged>,
    had_dot: bool,
    next: (Seq, Seq),
    roles: (bool, bool),
    pending: BTreeSet<ConstraintId>,
    swap: bool,
}

/// Everything that a transaction has written and not yet committed.
#[derive(Debug)]
pub struct Writes {
    pub(super) author: Author,
    pub(super) rows: BTreeMap<RowKey, Staged>,
    /// The dot of each row that was written, and the next free numbers.
    pub(super) dots: BTreeMap<RowKey, Dot>,
    next: Seq,
    next_local: Seq,
    /// Rows that must be visible afterwards, and rows that the transaction takes away.
    pub(super) own: BTreeSet<RowKey>,
    pub(super) gone: BTreeSet<RowKey>,
    /// References whose parent row is looked up when the transaction commits.
    pub(super) pending: BTreeSet<(RowKey, ConstraintId)>,
    /// The user asked for somebody else to be parked.
    pub(super) swap: bool,
    /// What the staged rows that are shown hold in keys, foreign keys and indexes.
    entries: BTreeSet<(ConstraintId, Vec<u8>, RowId)>,
    undo: Vec<Step>,
    /// The rows that have a step since the last savepoint: they need no other.
    remembered: BTreeSet<RowKey>,
}

/// A transaction at work: its writes, and the state that it began with.
pub struct Stage<'a> {
    pub(super) base: &'a Snapshot,
    pub(super) writes: &'a mut Writes,
}

impl Writes {
    /// A transaction that has written nothing, over a state.
    pub fn new(base: &Snapshot, author: Author) -> Result<Writes, Error> {
        let knowledge = base.all_knowledge()?;
        Ok(Writes {
            author,
            rows: BTreeMap::new(),
            dots: BTreeMap::new(),
            next: knowledge.get(author.replica) + 1,
            next_local: knowledge.get(LOCAL) + 1,
            own: BTreeSet::new(),
            gone: BTreeSet::new(),
            pending: BTreeSet::new(),
            swap: false,
            entries: BTreeSet::new(),
            undo: Vec::new(),
            remembered: BTreeSet::new(),
        })
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dots.is_empty()
    }

    /// How many rows were written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dots.len()
    }

    /// The values of a row as the transaction sees it; none if it is not in the table.
    pub fn visible(&self, base: &Snapshot, key: RowKey) -> Result<Option<Vec<Value>>, Error> {
        match self.rows.get(&key) {
            Some(staged) => Ok(staged.shown.clone()),
            None => base.visible(key),
        }
    }

    /// Whether the transaction decides what a row shows.
    #[must_use]
    pub fn stages(&self, key: RowKey) -> bool {
        self.rows.contains_key(&key)
    }

    /// The staged rows of a table that it shows, by row id.
    pub fn staged_rows(&self, table: &Table) -> impl Iterator<Item = (RowId, &Vec<Value>)> {
        let first = RowKey { table: table.id, row: RowId::from_bytes([0; 16]) };
        let last = RowKey { table: table.id, row: RowId::from_bytes([0xff; 16]) };
        let rows = self.rows.range(first..=last);
        rows.filter_map(|(key, staged)| staged.shown.as_ref().map(|shown| (key.row, shown)))
    }

    /// The staged rows of a table, shown or not.
    pub fn staged_ids(&self, table: &Table) -> impl Iterator<Item = RowId> {
        let first = RowKey { table: table.id, row: RowId::from_bytes([0; 16]) };
        let last = RowKey { table: table.id, row: RowId::from_bytes([0xff; 16]) };
        self.rows.range(first..=last).map(|(key, _)| key.row)
    }

    /// The entries of staged rows in a key, foreign key or index: encoded value and row, ascending.
    pub fn staged_entries(&self, id: ConstraintId) -> impl DoubleEndedIterator<Item = (&[u8], RowId)> {
        let first = (id, Vec::new(), RowId::from_bytes([0; 16]));
        let end = (ConstraintId(id.0.saturating_add(1)), Vec::new(), RowId::from_bytes([0; 16]));
        self.entries.range(first..end).map(|(_, value, row)| (value.as_slice(), *row))
    }

    /// The row that holds a key as the transaction sees it. `value` is folded.
    pub fn holder(
        &self,
        base: &Snapshot,
        table: &Table,
        key: ConstraintId,
        value: &[Value],
    ) -> Result<Option<RowId>, Error> {
        if let Some(row) = self.staged_with(key, value).next() {
            return Ok(Some(row));
        }
        let holder = base.holder(key, value)?;
        Ok(holder.filter(|row| !self.stages(RowKey { table: table.id, row: *row })))
    }

    /// The staged rows, shown by the transaction, with this folded value in a key, foreign key or index.
    pub(super) fn staged_with(&self, id: ConstraintId, value: &[Value]) -> impl Iterator<Item = RowId> {
        let mut bytes = Vec::new();
        encode_values(value, &mut bytes);
        let first = (id, bytes.clone(), RowId::from_bytes([0; 16]));
        let last = (id, bytes, RowId::from_bytes([0xff; 16]));
        self.entries.range(first..=last).map(|(_, _, row)| *row)
    }

    fn pending_of(&self, key: RowKey) -> BTreeSet<ConstraintId> {
        let range = (key, ConstraintId(0))..=(key, ConstraintId(u32::MAX));
        self.pending.range(range).map(|(_, id)| *id).collect()
    }

    /// A place to roll back to.
    pub fn savepoint(&mut self) -> Savepoint {
        self.remembered.clear();
        Savepoint { depth: self.undo.len() }
    }
}

impl<'a> Stage<'a> {
    /// A transaction at work.
    pub const fn new(base: &'a Snapshot, writes: &'a mut Writes) -> Stage<'a> {
        Stage { base, writes }
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
        if let Some(facts) = self.writes.rows.get(&key).and_then(|staged| staged.facts.as_ref()) {
            return Ok(Some(Arc::clone(facts)));
        }
        Ok(self.base.row(key)?.map(|stored| stored.facts))
    }

    /// The values of a row as the transaction sees it; none if it is not in the table.
    pub fn visible(&self, key: RowKey) -> Result<Option<Vec<Value>>, Error> {
        self.writes.visible(self.base, key)
    }

    // ----------------------------------------------------------------------------------------
    // Writing
    // ----------------------------------------------------------------------------------------

    /// Replaces what is staged of a row.
    pub(super) fn put(&mut self, key: RowKey, staged: Staged) -> Result<(), Error> {
        let table = self.table(key)?;
        self.remember(key);
        if let Some(old) = self.writes.rows.get(&key).and_then(|staged| staged.shown.clone()) {
            for entry in entries(table, key.row, &old) {
                self.writes.entries.remove(&entry);
            }
        }
        if let Some(new) = &staged.shown {
            self.writes.entries.extend(entries(table, key.row, new));
        }
        self.writes.rows.insert(key, staged);
        Ok(())
    }

    /// Changes the facts of a row; what it shows stays.
    pub(super) fn edit(&mut self, key: RowKey, edit: impl FnOnce(&mut RowState)) -> Result<(), Error> {
        self.remember(key);
        let dot = self.dot(key)?;
        let mut facts = self.facts(key)?.unwrap_or_else(|| Arc::new(RowState::new(dot)));
        edit(Arc::make_mut(&mut facts));
        let shown = match self.writes.rows.remove(&key) {
            Some(staged) => staged.shown,
            None => self.base.visible(key)?,
        };
        // The entries of a row staged for the first time come from the base until now.
        if let Some(shown) = &shown {
            self.writes.entries.extend(entries(self.table(key)?, key.row, shown));
        }
        self.writes.rows.insert(key, Staged { facts: Some(facts), shown });
        Ok(())
    }

    /// The dot of this transaction in a row.
    pub(super) fn dot(&mut self, key: RowKey) -> Result<Dot, Error> {
        if let Some(dot) = self.writes.dots.get(&key) {
            return Ok(*dot);
        }
        self.remember(key);
        let (replica, next) = if self.table(key)?.replicate {
            (self.writes.author.replica, &mut self.writes.next)
        } else {
            (LOCAL, &mut self.writes.next_local)
        };
        let dot = Dot { replica, seq: *next };
        *next += 1;
        self.writes.dots.insert(key, dot);
        Ok(dot)
    }

    /// A stamp for a write that sees these values: its priority is at least theirs.
    pub(super) fn stamp<V>(&self, dot: Dot, seen: &Siblings<V>) -> Stamp {
        let inherited = seen.stamps().map(|stamp| stamp.priority).max();
        let priority =
            inherited.map_or(self.writes.author.priority, |seen| seen.max(self.writes.author.priority));
        Stamp { priority, hlc: self.writes.author.hlc, dot }
    }

    pub(super) fn write_unit(
        &mut self,
        key: RowKey,
        unit: UnitId,
        mut value: UnitValue,
        replaces: &[Dot],
    ) -> Result<(), Error> {
        let (table, dot) = (self.table(key)?, self.dot(key)?);
        let facts = self.facts(key)?;
        let none = Siblings::new();
        let siblings = facts.as_ref().map_or(&none, |facts| facts.unit(unit));
        let stamp = self.stamp(dot, siblings);
        value.claim = kept_claim(table, unit, siblings, &value);
        self.edit(key, |facts| facts.write_unit(unit, stamp, value, replaces))
    }

    /// Says that the row lives. A change says it too, so that a concurrent deletion is noticed.
    pub(super) fn touch(&mut self, key: RowKey) -> Result<(), Error> {
        self.write_life(key, Life::Alive, |life| life == Life::Alive)
    }

    pub(super) fn write_life(
        &mut self,
        key: RowKey,
        life: Life,
        replaces: impl Fn(Life) -> bool,
    ) -> Result<(), Error> {
        let dot = self.dot(key)?;
        let facts = self.facts(key)?;
        let none = Siblings::new();
        let siblings = facts.as_ref().map_or(&none, |facts| &facts.life);
        let stamp = self.stamp(dot, siblings);
        let old = siblings.iter().filter(|sibling| replaces(sibling.value));
        let old: Vec<Dot> = old.map(|sibling| sibling.stamp.dot).collect();
        self.edit(key, |facts| facts.write_life(stamp, life, &old))
    }

    pub(super) fn write_boost(&mut self, key: RowKey) -> Result<(), Error> {
        let dot = self.dot(key)?;
        let stamp = Stamp { priority: self.writes.author.priority, hlc: self.writes.author.hlc, dot };
        self.edit(key, |facts| facts.write_boost(stamp))
    }

    pub(super) fn write_ack(&mut self, key: RowKey, ack: Ack) -> Result<(), Error> {
        let dot = self.dot(key)?;
        let stamp = Stamp { priority: self.writes.author.priority, hlc: self.writes.author.hlc, dot };
        self.edit(key, |facts| facts.write_ack(stamp, ack))
    }

    // ----------------------------------------------------------------------------------------
    // Savepoints
    // ----------------------------------------------------------------------------------------

    /// Undoes everything since the savepoint.
    pub fn rollback_to(&mut self, savepoint: Savepoint) -> Result<(), WriteError> {
        if savepoint.depth > self.writes.undo.len() {
            return Err(WriteError::NoSuchSavepoint);
        }
        while self.writes.undo.len() > savepoint.depth {
            let Some(step) = self.writes.undo.pop() else { break };
            self.restore(step)?;
        }
        self.writes.remembered.clear();
        Ok(())
    }

    pub(super) fn remember(&mut self, key: RowKey) {
        if !self.writes.remembered.insert(key) {
            return;
        }
        let (had_dot, next) =
            (self.writes.dots.contains_key(&key), (self.writes.next, self.writes.next_local));
        let pending = self.writes.pending_of(key);
        let roles = (self.writes.own.contains(&key), self.writes.gone.contains(&key));
        let before = self.writes.rows.get(&key).cloned();
        self.writes.undo.push(Step { key, before, had_dot, next, roles, pending, swap: self.writes.swap });
    }

    fn restore(&mut self, step: Step) -> Result<(), Error> {
        let table = self.table(step.key)?;
        if let Some(shown) = self.writes.rows.remove(&step.key).and_then(|staged| staged.shown) {
            for entry in entries(table, step.key.row, &shown) {
                self.writes.entries.remove(&entry);
            }
        }
        if let Some(before) = step.before {
            if let Some(shown) = &before.shown {
                self.writes.entries.extend(entries(table, step.key.row, shown));
            }
            self.writes.rows.insert(step.key, before);
        }
        if !step.had_dot {
            self.writes.dots.remove(&step.key);
        }
        (self.writes.next, self.writes.next_local) = step.next;
        let (own, gone) = step.roles;
        set(&mut self.writes.own, step.key, own);
        set(&mut self.writes.gone, step.key, gone);
        for id in self.writes.pending_of(step.key) {
            self.writes.pending.remove(&(step.key, id));
        }
        self.writes.pending.extend(step.pending.into_iter().map(|id| (step.key, id)));
        self.writes.swap = step.swap;
        Ok(())
    }
}

fn set(rows: &mut BTreeSet<RowKey>, key: RowKey, member: bool) {
    if member {
        rows.insert(key);
    } else {
        rows.remove(&key);
    }
}

/// What a shown row holds in the keys, foreign keys and indexes of its table.
fn entries(table: &Table, row: RowId, shown: &[Value]) -> Vec<(ConstraintId, Vec<u8>, RowId)> {
    let constraints = table.keys.iter().map(|key| (key.id, &key.columns, false));
    let constraints = constraints.chain(table.foreign_keys.iter().map(|key| (key.id, &key.columns, false)));
    let constraints = constraints.chain(table.indexes.iter().map(|index| (index.id, &index.columns, true)));
    let mut entries = Vec::new();
    for (id, columns, with_nulls) in constraints {
        let value = fold(table, columns, |column| shown.get(column).cloned().unwrap_or_default());
        if with_nulls || !value.iter().any(Value::is_null) {
            let mut bytes = Vec::new();
            encode_values(&value, &mut bytes);
            entries.push((id, bytes, row));
        }
    }
    entries
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
