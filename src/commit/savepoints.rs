//! How a transaction goes back to where it was: to a savepoint, or to where a statement began that failed.
//!
//! Remembers of each row what the transaction had made of it when it was first written after that place.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use super::WriteError;
use super::entries::entries;
use super::writes::{Staged, Writes, Written, merge_targets};
use crate::error::Error;
use crate::ids::{ConstraintId, RowKey, Seq};
use crate::schema::Schema;

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
    /// How many earlier changes there were.
    earlier: usize,
    next: (Seq, Seq),
    /// None if the transaction had nothing to do with it, as mostly.
    before: Option<Box<Was>>,
}

#[derive(Debug)]
struct Was {
    written: Written,
    preferred: bool,
    yielding: bool,
    pending: BTreeSet<ConstraintId>,
}

/// The way back of a transaction.
#[derive(Debug, Default)]
pub(super) struct Steps {
    undo: Vec<Step>,
    savepoints: Vec<Savepoint>,
    /// The last place, by its number: rows that have a step since then need no other.
    place: u64,
}

impl Writes {
    /// The rows written since a place in the transaction, each with how the transaction had left it before.
    pub(super) fn written_since(&self, Mark(depth): Mark) -> impl Iterator<Item = (RowKey, Option<&Staged>)> {
        let steps = self.steps.undo.get(depth..).unwrap_or_default();
        steps
            .iter()
            .map(|step| (step.key, step.before.as_ref().and_then(|before| before.written.staged.as_ref())))
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
        self.steps.savepoints.push(savepoint);
        savepoint
    }

    /// Where a statement begins that may fail.
    pub(crate) fn mark(&mut self) -> Mark {
        self.steps.place += 1;
        Mark(self.steps.undo.len())
    }

    /// Undoes everything since the savepoint. Later savepoints are gone; it can be rolled back to again.
    pub fn rollback_to(&mut self, schema: &Schema, savepoint: Savepoint) -> Result<(), WriteError> {
        let place = self.steps.savepoints.iter().position(|kept| *kept == savepoint);
        let place = place.ok_or(WriteError::NoSuchSavepoint)?;
        self.steps.savepoints.truncate(place + 1);
        Ok(self.undo_to(schema, Mark(savepoint.depth))?)
    }

    /// Undoes everything since a mark.
    pub(crate) fn undo_to(&mut self, schema: &Schema, Mark(depth): Mark) -> Result<(), Error> {
        self.settled.retain(|settled| settled.depth < depth);
        self.undone.retain(|(place, _)| *place < depth);
        while self.steps.undo.len() > depth {
            let Some(step) = self.steps.undo.pop() else { break };
            self.restore(schema, step)?;
        }
        self.steps.place += 1;
        Ok(())
    }

    pub(super) fn remember(&mut self, key: RowKey) {
        let place = Some(self.steps.place);
        let known = self.rows.get(key);
        if known.is_some_and(|written| written.remembered == place) {
            return;
        }
        let before = known.cloned().map(|written| {
            let (preferred, yielding) = (self.preferred.contains(&key), self.yielding.contains(&key));
            Box::new(Was { written, preferred, yielding, pending: self.pending_of(key) })
        });
        let (earlier, next) = (self.earlier.len(), (self.next, self.next_local));
        self.steps.undo.push(Step { key, earlier, next, before });
        self.rows.change(key, |written| written.remembered = place);
    }

    fn restore(&mut self, schema: &Schema, Step { key, earlier, next, before }: Step) -> Result<(), Error> {
        let missing = || Error::corrupt(format!("table {} is not in the schema", key.table.0));
        let table = schema.table_by_id(key.table).ok_or_else(missing)?;
        let undone = self.rows.get_mut(key).map(std::mem::take);
        if let Some(shown) = undone.and_then(|written| written.staged?.shown) {
            for entry in entries(table, key.row, &shown) {
                self.entries.remove(&entry);
            }
        }
        self.merges.remove(&key);
        self.preferred.remove(&key);
        self.yielding.remove(&key);
        for id in self.pending_of(key) {
            self.pending.remove(&(key, id));
        }
        self.earlier.truncate(earlier);
        (self.next, self.next_local) = next;
        let Some(before) = before else { return Ok(()) };
        let Was { written, preferred, yielding, pending } = *before;
        if let Some(Staged { facts, shown }) = &written.staged {
            if let Some(facts) = facts {
                self.note_merges(key, merge_targets(facts));
            }
            if let Some(shown) = shown {
                self.entries.extend(entries(table, key.row, shown));
            }
        }
        self.rows.set(key, written);
        self.preferred.extend(preferred.then_some(key));
        self.yielding.extend(yielding.then_some(key));
        self.pending.extend(pending.into_iter().map(|id| (key, id)));
        Ok(())
    }
}
