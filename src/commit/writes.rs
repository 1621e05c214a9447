//! What a transaction has written and not yet committed: rows, and how to undo them to a savepoint.
//!
//! Rows that the transaction wrote are visible to its own reads as SQL would show them, before it is
//! known whether it can commit. What an operation writes is not decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::WriteError;
use super::before::Before;
use super::undo::Settled;
use crate::codec::key::{MAX_KEY_BYTES, encode_values};
use crate::derive::{Key, folded, merges};
use crate::error::Error;
use crate::ids::{ConflictId, ConstraintId, Dot, ReplicaId, RowId, RowKey, Seq, TableId};
use crate::row::RowState;
use crate::schema::{Schema, Table};
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

/// A row as the transaction left it.
#[derive(Clone, Debug)]
pub(super) struct Staged {
    /// Its new facts; none if only what it shows changed, because it follows a key.
    pub(super) facts: Option<Arc<RowState>>,
    /// By column position, what the transaction itself reads; none if the row is not in the table.
    pub(super) shown: Option<Vec<Value>>,
}

/// A place in a transaction to which it can be rolled back.
///
/// ```
/// use reunite::{Database, row};
/// let db = Database::builder().sql("CREATE TABLE tag (name TEXT PRIMARY KEY)")?.in_memory()?;
/// let mut tx = db.begin()?;
/// tx.table("tag")?.insert(row! { name: "kept" })?;
/// let before = tx.savepoint();
/// tx.table("tag")?.insert(row! { name: "not kept" })?;
/// tx.rollback_to(before)?;
/// tx.commit()?;
/// assert_eq!(db.read()?.table("tag")?.len()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Savepoint {
    depth: usize,
    /// Never given twice, in any transaction.
    serial: u64,
}

/// Where one statement began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(pub(super) usize);

/// How a row was before it was first written after a savepoint.
#[derive(Debug)]
struct Step {
    key: RowKey,
    before: Option<Staged>,
    dot: Option<Dot>,
    /// How many earlier changes there were.
    earlier: usize,
    next: (Seq, Seq),
    /// Whether it was own, gone, preferred, yielding.
    roles: [bool; 4],
    pending: BTreeSet<ConstraintId>,
}

/// Everything that a transaction has written and not yet committed.
#[derive(Debug)]
pub(crate) struct Writes {
    pub(super) author: Author,
    pub(super) rows: BTreeMap<RowKey, Staged>,
    /// The current dot of each row that was written, and the next free numbers.
    pub(super) dots: BTreeMap<RowKey, Dot>,
    /// Earlier changes to rows of which the transaction makes more than one, in the order of their numbers.
    pub(super) earlier: Vec<(RowKey, Dot)>,
    pub(super) next: Seq,
    pub(super) next_local: Seq,
    /// What the rows were before that it has looked at.
    pub(super) before: Before,
    /// Rows that must be visible afterwards, and rows that the transaction takes away.
    pub(super) own: BTreeSet<RowKey>,
    pub(super) gone: BTreeSet<RowKey>,
    /// References whose parent row is looked up when the transaction commits.
    pub(super) pending: BTreeSet<(RowKey, ConstraintId)>,
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
    merges: BTreeMap<RowKey, Vec<RowId>>,
    /// How many changes of keys lead to each other just now.
    pub(super) cascades: usize,
    undo: Vec<Step>,
    savepoints: Vec<Savepoint>,
    /// The rows that have a step since the last savepoint: they need no other.
    remembered: BTreeSet<RowKey>,
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
            before: Before::default(),
            own: BTreeSet::new(),
            gone: BTreeSet::new(),
            pending: BTreeSet::new(),
            preferred: BTreeSet::new(),
            yielding: BTreeSet::new(),
            settled: Vec::new(),
            undone: Vec::new(),
            earlier: Vec::new(),
            entries: BTreeSet::new(),
            merges: BTreeMap::new(),
            cascades: 0,
            undo: Vec::new(),
            savepoints: Vec::new(),
            restricted: BTreeMap::new(),
            remembered: BTreeSet::new(),
        })
    }

    /// From here on the changes are those of a policy that decides a conflict.
    pub(crate) const fn decide(&mut self) {
        self.author.decision = true;
    }

    /// Every change that the transaction makes: of a row mostly one.
    pub(super) fn changes(&self) -> impl Iterator<Item = (RowKey, Dot)> {
        let current = self.dots.iter().map(|(key, dot)| (*key, *dot));
        self.earlier.iter().copied().chain(current)
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
            None if self.before.is_new(key) => Ok(None),
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
        let rows = self.rows.range(RowKey::all_of(table.id));
        rows.filter_map(|(key, staged)| staged.shown.as_ref().map(|shown| (key.row, shown)))
    }

    /// The staged rows of a table, shown or not.
    pub fn staged_ids(&self, table: &Table) -> impl Iterator<Item = RowId> {
        self.rows.range(RowKey::all_of(table.id)).map(|(key, _)| key.row)
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

    /// The rows written since a place in the transaction, each with how the transaction had left it before.
    pub(super) fn written_since(&self, Mark(depth): Mark) -> impl Iterator<Item = (RowKey, Option<&Staged>)> {
        let steps = self.undo.get(depth..).unwrap_or_default();
        steps.iter().map(|step| (step.key, step.before.as_ref()))
    }

    /// Whether the transaction has new facts of a row.
    pub(super) fn rewrites(&self, key: RowKey) -> bool {
        self.rows.get(&key).is_some_and(|staged| staged.facts.is_some())
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

    /// Remembers the merges in the new facts of a row.
    pub(super) fn note_merges(&mut self, key: RowKey, facts: &RowState) {
        let into: Vec<RowId> = merges(facts).map(|(_, merge)| merge.into).collect();
        if into.is_empty() {
            self.merges.remove(&key);
        } else {
            self.merges.insert(key, into);
        }
    }

    fn pending_of(&self, key: RowKey) -> BTreeSet<ConstraintId> {
        let range = (key, ConstraintId(0))..=(key, ConstraintId(u32::MAX));
        self.pending.range(range).map(|(_, id)| *id).collect()
    }

    /// A place to roll back to.
    pub fn savepoint(&mut self) -> Savepoint {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let Mark(depth) = self.mark();
        let savepoint = Savepoint { depth, serial: SERIAL.fetch_add(1, Ordering::Relaxed) };
        self.savepoints.push(savepoint);
        savepoint
    }

    /// Where a statement begins that may fail.
    pub(crate) fn mark(&mut self) -> Mark {
        self.remembered.clear();
        Mark(self.undo.len())
    }

    /// Undoes everything since the savepoint. Later savepoints are gone; it can be rolled back to again.
    pub fn rollback_to(&mut self, schema: &Schema, savepoint: Savepoint) -> Result<(), WriteError> {
        let place = self.savepoints.iter().position(|kept| *kept == savepoint);
        let place = place.ok_or(WriteError::NoSuchSavepoint)?;
        self.savepoints.truncate(place + 1);
        Ok(self.undo_to(schema, Mark(savepoint.depth))?)
    }

    /// Undoes everything since a mark.
    pub(crate) fn undo_to(&mut self, schema: &Schema, Mark(depth): Mark) -> Result<(), Error> {
        self.settled.retain(|settled| settled.depth < depth);
        self.undone.retain(|(place, _)| *place < depth);
        while self.undo.len() > depth {
            let Some(step) = self.undo.pop() else { break };
            self.restore(schema, step)?;
        }
        self.remembered.clear();
        Ok(())
    }

    pub(super) fn remember(&mut self, key: RowKey) {
        if !self.remembered.insert(key) {
            return;
        }
        let (dot, earlier) = (self.dots.get(&key).copied(), self.earlier.len());
        let (next, pending) = ((self.next, self.next_local), self.pending_of(key));
        let roles = [&self.own, &self.gone, &self.preferred, &self.yielding].map(|role| role.contains(&key));
        let before = self.rows.get(&key).cloned();
        self.undo.push(Step { key, before, dot, earlier, next, roles, pending });
    }

    fn restore(&mut self, schema: &Schema, step: Step) -> Result<(), Error> {
        let missing = || Error::corrupt(format!("table {} is not in the schema", step.key.table.0));
        let table = schema.table_by_id(step.key.table).ok_or_else(missing)?;
        if let Some(shown) = self.rows.remove(&step.key).and_then(|staged| staged.shown) {
            for entry in entries(table, step.key.row, &shown) {
                self.entries.remove(&entry);
            }
        }
        self.merges.remove(&step.key);
        if let Some(before) = step.before {
            if let Some(facts) = &before.facts {
                self.note_merges(step.key, facts);
            }
            if let Some(shown) = &before.shown {
                self.entries.extend(entries(table, step.key.row, shown));
            }
            self.rows.insert(step.key, before);
        }
        match step.dot {
            Some(dot) => self.dots.insert(step.key, dot),
            None => self.dots.remove(&step.key),
        };
        self.earlier.truncate(step.earlier);
        (self.next, self.next_local) = step.next;
        let [own, gone, preferred, yielding] = step.roles;
        set(&mut self.own, step.key, own);
        set(&mut self.gone, step.key, gone);
        set(&mut self.preferred, step.key, preferred);
        set(&mut self.yielding, step.key, yielding);
        for id in self.pending_of(step.key) {
            self.pending.remove(&(step.key, id));
        }
        self.pending.extend(step.pending.into_iter().map(|id| (step.key, id)));
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
pub(super) fn entries(table: &Table, row: RowId, shown: &[Value]) -> Vec<(ConstraintId, Vec<u8>, RowId)> {
    let held = encoded(table, shown).filter(|value| value.is_held);
    held.map(|value| (value.id, value.bytes, row)).collect()
}

/// The same of a row that is written: keys and index entries have a greatest size.
pub(super) fn checked_entries(
    table: &Table,
    row: RowId,
    shown: &[Value],
) -> Result<Vec<(ConstraintId, Vec<u8>, RowId)>, Error> {
    let mut entries = Vec::with_capacity(table.keys.len() + table.foreign_keys.len() + table.indexes.len());
    for Encoded { id, columns, bytes, is_held } in encoded(table, shown) {
        if bytes.len() > MAX_KEY_BYTES {
            let what =
                format!("the key ({}) of table {}", table.column_names(columns).join(", "), table.name);
            return Err(Error::Limit { what, size: bytes.len() as u64, limit: MAX_KEY_BYTES as u64 });
        }
        if is_held {
            entries.push((id, bytes, row));
        }
    }
    Ok(entries)
}

/// What a row shows in the columns of a key, a foreign key or an index.
struct Encoded<'t> {
    id: ConstraintId,
    columns: &'t [usize],
    bytes: Vec<u8>,
    /// Keys and references with a `Null` in them have no entry.
    is_held: bool,
}

fn encoded<'t>(table: &'t Table, shown: &[Value]) -> impl Iterator<Item = Encoded<'t>> {
    let constraints = table.keys.iter().map(|key| (key.id, &key.columns, false));
    let constraints = constraints.chain(table.foreign_keys.iter().map(|key| (key.id, &key.columns, false)));
    let constraints = constraints.chain(table.indexes.iter().map(|index| (index.id, &index.columns, true)));
    constraints.map(|(id, columns, with_nulls)| {
        let mut bytes = Vec::with_capacity(32);
        let mut is_held = true;
        for column in columns {
            let value = shown.get(*column).unwrap_or(&Value::Null);
            is_held &= with_nulls || !value.is_null();
            encode_values(std::slice::from_ref(&*folded(table, *column, value)), &mut bytes);
        }
        Encoded { id, columns, bytes, is_held }
    })
}
