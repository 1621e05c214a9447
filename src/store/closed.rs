//! What a replica remembers of conflicts that are no longer open: who closed them, and what its own
//! resolutions did. Beside the state, never part of it: it does not replicate, and decides nothing.
//!
//! The last [`MAX_CLOSED`] of them are kept, each with a place of its own; a new one takes the oldest
//! place. One that is closed again keeps its place.

use std::collections::{BTreeMap, BTreeSet};

use super::decisions::Mark;
use super::snapshot::Snapshot;
use super::space::{Prefix, Space};
use super::write::Changes;
use crate::codec;
use crate::derive::{About, Conflict, Rederived};
use crate::error::Error;
use crate::ids::{ConflictId, Dot, RowKey};
use crate::row::{Closed, Life};
use crate::schema::{Constraint, Schema};
use crate::storage::BatchBuilder;
use crate::store::Replicas;
use crate::version::{Hlc, Stamp};

/// How many closed conflicts a replica remembers.
pub const MAX_CLOSED: u32 = 4096;

/// How much is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Remembered {
    /// How many closed conflicts were given a place so far.
    pub(super) closed: u64,
    /// Of how many open conflicts something is noted for policies.
    pub(super) marks: u64,
}

impl Remembered {
    pub(super) fn encode(self) -> Vec<u8> {
        [self.closed.to_be_bytes(), self.marks.to_be_bytes()].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Remembered, Error> {
        let wrong = || Error::corrupt("the count of what is remembered does not have 16 bytes");
        let (closed, marks) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
        let marks: [u8; 8] = marks.try_into().map_err(|_| wrong())?;
        Ok(Remembered { closed: u64::from_be_bytes(*closed), marks: u64::from_be_bytes(marks) })
    }

    /// The place of the conflict with this number.
    fn place(number: u64) -> u32 {
        u32::try_from(number % u64::from(MAX_CLOSED)).unwrap_or_default()
    }
}

impl Snapshot {
    /// What is remembered of a conflict that was open once.
    pub fn closed(&self, id: ConflictId) -> Result<Option<Closed>, Error> {
        Ok(self.closed_at(id)?.map(|(closed, _)| closed))
    }

    /// The same, with its place.
    pub(super) fn closed_at(&self, id: ConflictId) -> Result<Option<(Closed, u32)>, Error> {
        let bytes = self.bytes.get(&Space::Closed(id).key())?;
        bytes.map(|bytes| codec::closed::decode_closed(&bytes, &|n| self.replicas.id(n))).transpose()
    }

    /// Every closed conflict that is remembered, by id.
    pub fn all_closed(
        &self,
    ) -> Result<impl Iterator<Item = Result<(ConflictId, Closed), Error>> + '_, Error> {
        let entries = self.prefixed(&Prefix::Closed)?;
        Ok(entries.map(|entry| {
            let (key, value) = entry?;
            let (closed, _) = codec::closed::decode_closed(&value, &|number| self.replicas.id(number))?;
            Ok((conflict_of(&key)?, closed))
        }))
    }

    pub(super) fn remembered(&self) -> Result<Remembered, Error> {
        let bytes = self.bytes.get(&Space::Remembered.key())?;
        bytes.map_or(Ok(Remembered::default()), |bytes| Remembered::decode(&bytes))
    }

    pub(super) fn closed_in(&self, place: u32) -> Result<Option<ConflictId>, Error> {
        let bytes = self.bytes.get(&Space::ClosedPlace(place).key())?;
        bytes.map(|bytes| conflict_of(&bytes)).transpose()
    }
}

/// The conflict that a key or an entry ends with.
pub(super) fn conflict_of(bytes: &[u8]) -> Result<ConflictId, Error> {
    let id = bytes.last_chunk::<16>().ok_or_else(|| Error::corrupt("a conflict id is too short"))?;
    Ok(ConflictId::from_bytes(*id))
}

/// Remembers what a commit closed: the conflicts of these rows that were open before it.
pub(super) struct Closing<'a> {
    snapshot: &'a Snapshot,
    changes: &'a Changes,
    /// The newest change of the commit, in each row.
    newest: BTreeMap<RowKey, (Hlc, Dot)>,
    before: Remembered,
    remembered: Remembered,
    /// Places given in this commit.
    places: BTreeMap<u32, ConflictId>,
    /// The conflicts that this commit closes.
    closed: BTreeSet<ConflictId>,
}

impl<'a> Closing<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, changes: &'a Changes) -> Result<Closing<'a>, Error> {
        let mut newest: BTreeMap<RowKey, (Hlc, Dot)> = BTreeMap::new();
        for (dot, (hlc, row)) in &changes.log {
            let slot = newest.entry(*row).or_insert((*hlc, *dot));
            *slot = (*slot).max((*hlc, *dot));
        }
        let remembered = snapshot.remembered()?;
        let (places, closed) = (BTreeMap::new(), BTreeSet::new());
        Ok(Closing { snapshot, changes, newest, before: remembered, remembered, places, closed })
    }

    /// Adds the record of a closed conflict to a batch.
    pub(super) fn close(
        &mut self,
        key: RowKey,
        conflict: &Conflict,
        batch: &mut BatchBuilder,
        replicas: &mut Replicas,
    ) -> Result<(), Error> {
        let Some((at, by)) = self.closer(key, conflict) else { return Ok(()) };
        let resolved = self.changes.resolved.get(&conflict.id).cloned();
        let earlier = self.snapshot.closed_at(conflict.id)?;
        let place = match earlier {
            Some((_, place)) if self.still_has(place, conflict.id) => place,
            _ => self.take_place(conflict.id, batch)?,
        };
        let mark = self.snapshot.mark(conflict.id)?;
        if mark.is_some() {
            self.unmark(conflict.id, batch);
        }
        let now = self.changes.marks.get(&conflict.id).copied().flatten();
        let decided =
            [mark, now].contains(&Some(Mark::Decided)) || earlier.is_some_and(|(closed, _)| closed.decided);
        self.closed.insert(conflict.id);
        let closed = Closed { row: key, by, at, decided, resolved };
        let value = codec::closed::encode_closed(&closed, place, replicas);
        Space::Closed(conflict.id).put(&value, batch);
        Ok(())
    }

    fn still_has(&self, place: u32, id: ConflictId) -> bool {
        self.places.get(&place).is_none_or(|taken| *taken == id)
    }

    /// The next place; the conflict that had it is forgotten.
    fn take_place(&mut self, id: ConflictId, batch: &mut BatchBuilder) -> Result<u32, Error> {
        let place = Remembered::place(self.remembered.closed);
        let before = match self.places.insert(place, id) {
            Some(before) => Some(before),
            None => self.snapshot.closed_in(place)?,
        };
        if let Some(before) = before {
            Space::Closed(before).delete(batch);
        }
        Space::ClosedPlace(place).put(id.as_bytes(), batch);
        self.remembered.closed += 1;
        Ok(place)
    }

    /// Forgets what resolutions did that were taken back.
    pub(super) fn undone(&self, batch: &mut BatchBuilder, replicas: &mut Replicas) -> Result<(), Error> {
        for id in &self.changes.undone {
            if let Some((closed, place)) = self.snapshot.closed_at(*id)? {
                let closed = Closed { resolved: None, ..closed };
                let value = codec::closed::encode_closed(&closed, place, replicas);
                Space::Closed(*id).put(&value, batch);
            }
        }
        Ok(())
    }

    fn unmark(&mut self, id: ConflictId, batch: &mut BatchBuilder) {
        Space::Mark(id).delete(batch);
        self.remembered.marks = self.remembered.marks.saturating_sub(1);
    }

    /// Notes what the commit says of conflicts that stay open.
    pub(super) fn marks(&mut self, batch: &mut BatchBuilder) -> Result<(), Error> {
        for (id, mark) in self.changes.marks.iter().filter(|(id, _)| !self.closed.contains(*id)) {
            let known = self.snapshot.mark(*id)?;
            match mark {
                Some(mark) => {
                    Space::Mark(*id).put(&mark.encode(), batch);
                    self.remembered.marks += u64::from(known.is_none());
                }
                None if known.is_some() => {
                    Space::Mark(*id).delete(batch);
                    self.remembered.marks = self.remembered.marks.saturating_sub(1);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Stores the counts, if they changed.
    pub(super) fn finish(self, batch: &mut BatchBuilder) {
        if self.before != self.remembered {
            Space::Remembered.put(&self.remembered.encode(), batch);
        }
    }

    /// The change that closed a conflict: the newest that came with the commit and is about the same values;
    /// else the newest in the row, in the rows it clashed with or lacked, in the whole commit.
    fn closer(&self, key: RowKey, conflict: &Conflict) -> Option<(Hlc, Dot)> {
        let row = self.changes.delta.get(&key);
        let about = row.and_then(|row| newest_about(&self.snapshot.schema, key, row, conflict));
        let others = || {
            let table = table_of_others(&self.snapshot.schema, key, conflict);
            let others = conflict.others.iter().map(|row| RowKey { table, row: *row });
            others.filter_map(|other| self.newest.get(&other)).max().copied()
        };
        about
            .or_else(|| self.newest.get(&key).copied())
            .or_else(others)
            .or_else(|| self.newest.values().max().copied())
            .or_else(|| self.changes.delta.values().flat_map(new_stamps).map(time).max())
    }
}

const fn time(stamp: &Stamp) -> (Hlc, Dot) {
    (stamp.hlc, stamp.dot)
}

/// The live stamps of a row that were not there before.
fn new_stamps(row: &Rederived) -> impl Iterator<Item = &Stamp> {
    let known = row.before.as_ref().map(|stored| &stored.facts.vector);
    row.facts.stamps().filter(move |stamp| known.is_none_or(|known| !known.covers(stamp.dot)))
}

/// The newest change among the live ones that may have settled the conflict by what they wrote.
fn newest_about(schema: &Schema, key: RowKey, row: &Rederived, conflict: &Conflict) -> Option<(Hlc, Dot)> {
    let table = schema.table_by_id(key.table)?;
    let units = conflict.units(table).into_iter();
    let values =
        units.flat_map(|unit| row.facts.unit(unit.id).stamps()).filter(|_| conflict.about != About::Life);
    // A change says that its row lives; only where life is the matter has it settled anything by that.
    let lives = row.facts.life.iter().filter(|s| conflict.about == About::Life || !Life::is_alive(&s.value));
    let stamps = values.chain(lives.map(|sibling| &sibling.stamp));
    let stamps = stamps.chain(row.facts.boost.stamps()).chain(row.facts.acks.stamps());
    let known = row.before.as_ref().map(|stored| &stored.facts.vector);
    stamps.filter(|stamp| known.is_none_or(|known| !known.covers(stamp.dot))).map(time).max()
}

/// The table of the rows that a conflict names.
fn table_of_others(schema: &Schema, key: RowKey, conflict: &Conflict) -> crate::ids::TableId {
    let About::Constraint(id) = conflict.about else { return key.table };
    match schema.constraint(id) {
        Some((_, Constraint::ForeignKey(foreign_key))) => foreign_key.parent,
        _ => key.table,
    }
}
