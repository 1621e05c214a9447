//! What a transaction has written and not yet committed: rows, and how to undo them to a savepoint.
//!
//! Rows that the transaction wrote are visible to its own reads as SQL would show them, before it is
//! known whether it can commit. What an operation writes is not decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::before::Before;
use super::row_map::RowMap;
use super::savepoints::Steps;
use super::undo::Settled;
use crate::codec::key::encode_values;
use crate::derive::{Key, merges};
use crate::error::Error;
use crate::ids::{ConflictId, ConstraintId, Dot, ReplicaId, RowId, RowKey, Seq, TableId};
use crate::row::RowState;
use crate::schema::Table;
use crate::store::{LOCAL, Snapshot};
use crate::value::Value;
use crate::version::{Hlc, Priority, Stamp};

/// Who writes, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Author {
    /// The replica.
    pub replica: ReplicaId,
    /// Its priority.
    pub priority: Priority,
    /// The time of the commit: greater than everything the replica has seen.
    pub hlc: Hlc,
    /// Whether a policy writes, to decide a conflict.
    pub decision: bool,
}

impl Author {
    pub(super) const fn stamp(&self, priority: Priority, dot: Dot) -> Stamp {
        Stamp { priority, hlc: self.hlc, dot, decision: self.decision }
    }
}

/// By column position, what a row shows. Shared by all who look at it.
pub(super) type Shown = Arc<[Value]>;

/// A row as the transaction left it.
#[derive(Clone, Debug)]
pub(super) struct Staged {
    /// Its new facts; none if only what it shows changed, because it follows a key.
    pub(super) facts: Option<Arc<RowState>>,
    /// What the transaction itself reads; none if the row is not in the table.
    pub(super) shown: Option<Shown>,
}

/// What the transaction made of a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// How it left the row; none if it was not written yet.
    pub(super) staged: Option<Staged>,
    /// The dot of its current change there.
    dot: Option<Dot>,
    /// Whether the row must be visible afterwards.
    own: bool,
    /// Whether the transaction takes it away.
    gone: bool,
    /// Since which place its state before is remembered.
    pub(super) remembered: Option<u64>,
}

/// Everything that a transaction has written and not yet committed.
#[derive(Debug)]
pub(crate) struct Writes {
    pub(super) author: Author,
    pub(super) rows: RowMap<Written>,
    /// Earlier changes to rows of which the transaction makes more than one, in the order of their numbers.
    pub(super) earlier: Vec<(RowKey, Dot)>,
    /// The next free numbers.
    pub(super) next: Seq,
    pub(super) next_local: Seq,
    /// What the rows were before that it has looked at.
    pub(super) before: Before,
    /// References whose parent row is looked up when the transaction commits.
    pub(super) pending: BTreeSet<(RowKey, ConstraintId)>,
    /// Rows of which a value was written that says which rows it refers to: the base may not know them as
    /// children of those. They stay here after a rollback.
    pub(super) meaning: BTreeSet<RowKey>,
    /// References whose parent got another key, which `ON UPDATE RESTRICT` forbids: with the parent and
    /// its old key. They are looked at again when the transaction commits.
    pub(super) restricted: BTreeMap<(RowKey, ConstraintId), (RowKey, Key)>,
    /// Rows that are to be visible though others may be parked for it.
    pub(super) preferred: BTreeSet<RowKey>,
    /// Rows that may be parked, because a resolution that had shown them is taken back.
    pub(super) yielding: BTreeSet<RowKey>,
    /// Resolutions, in their order.
    pub(super) settled: Vec<Settled>,
    /// Conflicts of which a resolution was taken back, with the place in `undo`.
    pub(super) undone: Vec<(usize, ConflictId)>,
    /// What the staged rows that are shown hold in keys, foreign keys and indexes.
    pub(super) entries: BTreeSet<(ConstraintId, Vec<u8>, RowId)>,
    /// The staged rows that have live merges, with the rows that those name.
    pub(super) merges: BTreeMap<RowKey, Vec<RowId>>,
    /// How many changes of keys lead to each other just now.
    pub(super) cascades: usize,
    /// How to go back.
    pub(super) steps: Steps,
}

impl Writes {
    /// A transaction that has written nothing, over a state.
    pub fn new(base: &Snapshot, author: Author) -> Result<Writes, Error> {
        let knowledge = base.all_knowledge()?;
        Ok(Writes {
            author,
            rows: RowMap::default(),
            next: knowledge.get(author.replica) + 1,
            next_local: knowledge.get(LOCAL) + 1,
            before: Before::default(),
            pending: BTreeSet::new(),
            meaning: BTreeSet::new(),
            preferred: BTreeSet::new(),
            yielding: BTreeSet::new(),
            settled: Vec::new(),
            undone: Vec::new(),
            earlier: Vec::new(),
            entries: BTreeSet::new(),
            merges: BTreeMap::new(),
            cascades: 0,
            steps: Steps::default(),
            restricted: BTreeMap::new(),
        })
    }

    /// From here on the changes are those of a policy that decides a conflict.
    pub(crate) const fn decide(&mut self) {
        self.author.decision = true;
    }

    /// Every change that the transaction makes: of a row mostly one.
    pub(super) fn changes(&self) -> impl Iterator<Item = (RowKey, Dot)> {
        let current = self.rows.iter().filter_map(|(key, written)| Some((key, written.dot?)));
        self.earlier.iter().copied().chain(current)
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.iter().all(|(_, written)| written.dot.is_none())
    }

    /// How many rows were written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.iter().filter(|(_, written)| written.dot.is_some()).count()
    }

    /// The values of a row as the transaction sees it; none if it is not in the table.
    pub fn visible(&self, base: &Snapshot, key: RowKey) -> Result<Option<Vec<Value>>, Error> {
        match self.staged(key) {
            Some(staged) => Ok(staged.shown.as_deref().map(<[Value]>::to_vec)),
            None if self.before.is_new(key) => Ok(None),
            None => base.visible(key),
        }
    }

    /// Whether the transaction decides what a row shows.
    #[must_use]
    pub fn stages(&self, key: RowKey) -> bool {
        self.staged(key).is_some()
    }

    /// The staged rows of a table that it shows, by row id.
    pub fn staged_rows(&self, table: &Table) -> impl Iterator<Item = (RowId, &[Value])> {
        let rows = self.staged_in(table.id);
        rows.filter_map(|(row, staged)| staged.shown.as_deref().map(|shown| (row, shown)))
    }

    /// The staged rows of a table, shown or not.
    pub fn staged_ids(&self, table: &Table) -> impl Iterator<Item = RowId> {
        self.staged_in(table.id).map(|(row, _)| row)
    }

    fn staged_in(&self, table: TableId) -> impl Iterator<Item = (RowId, &Staged)> {
        let rows = self.rows.of_table(table);
        rows.filter_map(|(key, written)| Some((key.row, written.staged.as_ref()?)))
    }

    /// The rows that the transaction wrote, as it left them.
    pub(super) fn all_staged(&self) -> impl Iterator<Item = (RowKey, &Staged)> {
        self.rows.iter().filter_map(|(key, written)| Some((key, written.staged.as_ref()?)))
    }

    /// A row as the transaction left it.
    pub(super) fn staged(&self, key: RowKey) -> Option<&Staged> {
        self.rows.get(key)?.staged.as_ref()
    }

    /// The new facts of a row.
    pub(super) fn facts(&self, key: RowKey) -> Option<&Arc<RowState>> {
        self.staged(key)?.facts.as_ref()
    }

    /// The same, to change them.
    pub(super) fn facts_mut(&mut self, key: RowKey) -> Option<&mut Arc<RowState>> {
        self.rows.get_mut(key)?.staged.as_mut()?.facts.as_mut()
    }

    /// Leaves a row so.
    pub(super) fn stage(&mut self, key: RowKey, staged: Staged) {
        self.rows.change(key, |written| written.staged = Some(staged));
    }

    /// The dot of the current change of a row.
    pub(super) fn dot(&self, key: RowKey) -> Option<Dot> {
        self.rows.get(key)?.dot
    }

    /// Gives the current change of a row the next dot of a replica: of this one, or of its local tables.
    pub(super) fn take_dot(&mut self, key: RowKey, replica: ReplicaId) -> Dot {
        let next = if replica == LOCAL { &mut self.next_local } else { &mut self.next };
        let dot = Dot { replica, seq: *next };
        *next += 1;
        self.rows.change(key, |written| written.dot = Some(dot));
        dot
    }

    /// From now on the transaction makes another change of a row.
    pub(super) fn next_change(&mut self, key: RowKey) {
        self.remember(key);
        let dot = self.rows.get_mut(key).and_then(|written| written.dot.take());
        self.earlier.extend(dot.map(|dot| (key, dot)));
    }

    /// Gives everything that was written another time.
    pub(super) fn restamp(&mut self, now: Hlc) {
        self.author.hlc = now;
        for (key, dot) in self.earlier.clone() {
            if let Some(facts) = self.facts_mut(key) {
                Arc::make_mut(facts).restamp(dot, now);
            }
        }
        for written in self.rows.rows_mut() {
            let facts = written.staged.as_mut().and_then(|staged| staged.facts.as_mut());
            if let (Some(facts), Some(dot)) = (facts, written.dot) {
                Arc::make_mut(facts).restamp(dot, now);
            }
        }
    }

    /// Whether a row must be visible after the commit.
    pub(super) fn owns(&self, key: RowKey) -> bool {
        self.rows.get(key).is_some_and(|written| written.own)
    }

    pub(super) fn set_own(&mut self, key: RowKey, own: bool) {
        self.rows.change(key, |written| written.own = own);
    }

    /// Whether the transaction takes a row away.
    pub(super) fn takes_away(&self, key: RowKey) -> bool {
        self.rows.get(key).is_some_and(|written| written.gone)
    }

    pub(super) fn set_gone(&mut self, key: RowKey, gone: bool) {
        self.rows.change(key, |written| written.gone = gone);
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

    /// Whether the transaction has new facts of a row.
    pub(super) fn rewrites(&self, key: RowKey) -> bool {
        self.facts(key).is_some()
    }

    /// Whether a row of the table that the transaction wrote has a live merge.
    pub(super) fn merges_in(&self, table: TableId) -> bool {
        self.merges.keys().any(|key| key.table == table)
    }

    /// The rows that the transaction wrote of which a live merge names this row.
    pub(super) fn merged_into(&self, row: RowKey) -> impl Iterator<Item = RowId> {
        let naming =
            self.merges.iter().filter(move |(key, into)| key.table == row.table && into.contains(&row.row));
        naming.map(|(key, _)| key.row)
    }

    /// Remembers the rows that the live merges of a row name.
    pub(super) fn note_merges(&mut self, key: RowKey, into: Vec<RowId>) {
        if !into.is_empty() {
            self.merges.insert(key, into);
        } else if !self.merges.is_empty() {
            self.merges.remove(&key);
        }
    }
}

/// The rows that the live merges of a row name.
pub(super) fn merge_targets(facts: &RowState) -> Vec<RowId> {
    merges(facts).map(|(_, merge)| merge.into).collect()
}
