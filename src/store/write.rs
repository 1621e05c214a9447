//! From a derivation to the batch of one commit: records, index entries, log, conflicts, counts.
//!
//! Decides nothing: it stores what was derived, and removes what is no longer so.

use std::collections::{BTreeMap, BTreeSet};

use super::closed::Closing;
use super::conflicts::{Day, Group};
use super::decisions::Mark;
use super::replicas::Replicas;
use super::reviews::Review;
use super::snapshot::{Counts, Snapshot};
use super::space::Space;
use crate::codec;
use crate::codec::record::ReplicaNumbers;
use crate::derive::{Conflict, Delta, Footprint, Key, Need, Rederived, Source, Status};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{ConflictId, ConstraintId, Dot, ReplicaId, RowId, RowKey, TableId};
use crate::row::Resolved;
use crate::schema::{Schema, Table};
use crate::storage::{Batch, BatchBuilder};
use crate::version::{Hlc, Knowledge};

/// The most changes in one record of the change log: who looks for one of them reads all.
const STRETCH: usize = 128;

/// What one commit stores.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The rows that were derived anew.
    pub delta: Delta,
    /// The changes to list in the change log: when each was made, and in which row.
    pub log: BTreeMap<Dot, (Hlc, RowKey)>,
    /// What the replica knows afterwards that it did not know before.
    pub taught: Knowledge,
    /// The greatest time in the commit. Rows travel whole, so it may be later than the log says.
    pub latest: Hlc,
    /// What the resolutions of the commit did, by the conflict that each settled.
    pub resolved: BTreeMap<ConflictId, Resolved>,
    /// The conflicts of which the commit took a resolution back.
    pub undone: Vec<ConflictId>,
    /// What policies note of conflicts; none takes a note away.
    pub marks: BTreeMap<ConflictId, Option<Mark>>,
    /// What is noted of rows that a reviewer has not accepted; none takes a note away.
    pub reviews: BTreeMap<RowKey, Option<Review>>,
}

/// The batch that stores the changes of a commit, and the replicas numbered afterwards.
pub(crate) fn write(snapshot: &Snapshot, changes: &Changes) -> Result<(Batch, Replicas), Error> {
    run(snapshot, changes, false)
}

/// The same, for tables that are derived as if nothing were stored of them.
pub(super) fn write_anew(snapshot: &Snapshot, changes: &Changes) -> Result<(Batch, Replicas), Error> {
    run(snapshot, changes, true)
}

fn run(snapshot: &Snapshot, changes: &Changes, anew: bool) -> Result<(Batch, Replicas), Error> {
    let mut writer = Writer {
        snapshot,
        schema: &snapshot.schema,
        replicas: (*snapshot.replicas).clone(),
        batch: BatchBuilder::default(),
        counts: BTreeMap::new(),
        conflict_counts: BTreeMap::new(),
        closed: Vec::new(),
        anew,
    };
    // A value may go from one row to another: it is given up before it is taken.
    for (key, row) in &changes.delta {
        if let (Some(table), Some(old)) = (writer.schema.table_by_id(key.table), &row.old) {
            writer.give_up_claims(table, key.row, old, &row.new);
        }
    }
    for (key, row) in &changes.delta {
        if let Some(table) = writer.schema.table_by_id(key.table) {
            writer.row(table, *key, row)?;
        }
    }
    writer.closed(changes)?;
    writer.reviews(&changes.reviews);
    writer.log(&changes.log);
    writer.clock(changes)?;
    writer.knowledge(&changes.taught);
    writer.counts()?;
    writer.conflict_counts()?;
    writer.replicas_since(snapshot.replicas.len());
    Ok((writer.batch.finish(), writer.replicas))
}

struct Writer<'a> {
    snapshot: &'a Snapshot,
    schema: &'a Schema,
    replicas: Replicas,
    batch: BatchBuilder,
    /// Rows that came (positive) or went: visible, parked, with a live merge.
    counts: BTreeMap<TableId, [i64; 3]>,
    /// Conflicts that appeared (positive) or went.
    conflict_counts: BTreeMap<(Group, Day), i64>,
    /// Conflicts that were open, and are no longer.
    closed: Vec<(RowKey, Conflict)>,
    /// Whether they are all that there are.
    anew: bool,
}

impl Writer<'_> {
    fn put(&mut self, key: &Space<'_>, value: &[u8]) {
        key.put(value, &mut self.batch);
    }

    fn delete(&mut self, key: &Space<'_>) {
        key.delete(&mut self.batch);
    }

    fn row(&mut self, table: &Table, key: RowKey, row: &Rederived) -> Result<(), Error> {
        let stored = row.before.as_ref();
        let unchanged = stored.is_some_and(|s| s.facts == row.facts && s.derived == row.derived);
        if !unchanged {
            let record = codec::record::encode_row(table, &row.facts, &row.derived, &mut self.replicas)?;
            self.put(&Space::Row(key.table, key.row), &record.main);
            match record.losers {
                Some(losers) => self.put(&Space::Losers(key.table, key.row), &losers),
                None if stored.is_some_and(|s| s.facts.has_losers()) => {
                    self.delete(&Space::Losers(key.table, key.row));
                }
                None => {}
            }
        }
        if let Some(old) = &row.old {
            self.take_claims(table, key.row, old, &row.new);
            self.references(table, key.row, old, &row.new);
            self.entries(table, key.row, old, &row.new);
            self.merges(key, old, &row.new);
        }
        self.count(key.table, row);
        let may_have_conflicts = match stored {
            Some(s) if s.derived.status == Status::Parked || s.facts.has_losers() => true,
            // Its values may have lost to those of a row that it is one with.
            Some(_) => self.snapshot.merging(key.table)? > 0,
            None => false,
        };
        self.conflicts(key, row, may_have_conflicts)
    }

    fn give_up_claims(&mut self, table: &Table, row: RowId, old: &Footprint, new: &Footprint) {
        for (key, value) in claims_beyond(table, old, new) {
            match old.visible {
                true => self.delete(&Space::Claim(key, value)),
                false => self.delete(&Space::ParkedClaim(key, value, row)),
            }
        }
    }

    fn take_claims(&mut self, table: &Table, row: RowId, old: &Footprint, new: &Footprint) {
        for (key, value) in claims_beyond(table, new, old) {
            match new.visible {
                true => self.put(&Space::Claim(key, value), row.as_bytes()),
                false => self.put(&Space::ParkedClaim(key, value, row), &[]),
            }
        }
    }

    fn references(&mut self, table: &Table, row: RowId, old: &Footprint, new: &Footprint) {
        for (i, foreign_key) in table.foreign_keys.iter().enumerate() {
            let was = old.references.get(i).and_then(Option::as_ref);
            let now = new.references.get(i).and_then(Option::as_ref);
            let by_value = |need: &&Need| need.by_value;
            let was = was.filter(by_value).and_then(|need| need.key.as_ref());
            let now = now.filter(by_value).and_then(|need| need.key.as_ref());
            self.differ((was, now), |value| Space::ChildByValue(foreign_key.id, value, row));
        }
        for (id, parent) in old.parents.iter().filter(|parent| !new.parents.contains(parent)) {
            self.delete(&Space::Child(*id, *parent, row));
        }
        for (id, parent) in new.parents.iter().filter(|parent| !old.parents.contains(parent)) {
            self.put(&Space::Child(*id, *parent, row), &[]);
        }
    }

    fn entries(&mut self, table: &Table, row: RowId, old: &Footprint, new: &Footprint) {
        for (i, index) in table.indexes.iter().enumerate() {
            let entries = (old.entries.get(i), new.entries.get(i));
            self.differ(entries, |value| Space::Index(index.id, value, row));
        }
    }

    /// Moves an entry without a value from where it was to where it belongs.
    fn differ<'k, T: PartialEq + Copy>(
        &mut self,
        (was, now): (Option<T>, Option<T>),
        key: impl Fn(T) -> Space<'k>,
    ) {
        if was == now {
            return;
        }
        if let Some(was) = was {
            self.delete(&key(was));
        }
        if let Some(now) = now {
            self.put(&key(now), &[]);
        }
    }

    fn merges(&mut self, key: RowKey, old: &Footprint, new: &Footprint) {
        for into in old.merges.iter().filter(|into| !new.merges.contains(into)) {
            self.delete(&Space::Merged(key.table, *into, key.row));
        }
        for into in new.merges.iter().filter(|into| !old.merges.contains(into)) {
            self.put(&Space::Merged(key.table, *into, key.row), &[]);
        }
    }

    fn count(&mut self, table: TableId, row: &Rederived) {
        let was = row.before.as_ref().map(|stored| stored.derived.status);
        let [visible, parked, merging] = self.counts.entry(table).or_default();
        let old = row.old.as_ref().unwrap_or(&row.new);
        for (status, footprint, n) in [(was, old, -1), (Some(row.derived.status), &row.new, 1)] {
            match status {
                Some(Status::Visible) => *visible += n,
                Some(Status::Parked) => *parked += n,
                _ => {}
            }
            *merging += if footprint.merges.is_empty() { 0 } else { n };
        }
    }

    fn conflicts(&mut self, key: RowKey, row: &Rederived, may_have: bool) -> Result<(), Error> {
        let old = if may_have { self.snapshot.conflicts_of(key)? } else { Vec::new() };
        if old == row.conflicts {
            return Ok(());
        }
        let places = |conflicts: &[Conflict]| -> BTreeSet<Place> {
            conflicts.iter().map(|conflict| place(key.table, conflict)).collect()
        };
        let (was, now) = (places(&old), places(&row.conflicts));
        for place in was.difference(&now) {
            self.conflict_gone(*place);
        }
        for conflict in &row.conflicts {
            let place = place(key.table, conflict);
            if !was.contains(&place) {
                self.conflict_new(key, conflict, place);
            }
        }
        let open = |id: ConflictId| row.conflicts.iter().any(|conflict| conflict.id == id);
        let gone = old.into_iter().filter(|conflict| !open(conflict.id));
        self.closed.extend(gone.map(|conflict| (key, conflict)));
        if row.conflicts.is_empty() {
            self.delete(&Space::Conflicts(key.table, key.row));
        } else {
            let bytes = codec::conflict::encode_conflicts(&row.conflicts, &mut self.replicas);
            self.put(&Space::Conflicts(key.table, key.row), &bytes);
        }
        Ok(())
    }

    fn conflict_gone(&mut self, (id, group, at): Place) {
        self.delete(&Space::ConflictById(id));
        self.delete(&Space::ConflictByAge(group, at, id));
        if !planted(Bug::SettledStillCounted) {
            *self.conflict_counts.entry((group, Day::of(at))).or_default() -= 1;
        }
    }

    fn conflict_new(&mut self, key: RowKey, conflict: &Conflict, (id, group, at): Place) {
        self.put(&Space::ConflictById(id), &codec::log::encode_row_key(key));
        let listed = codec::conflict::encode_listed(key.row, self.replicas.number(conflict.loser.replica));
        self.put(&Space::ConflictByAge(group, at, id), &listed);
        *self.conflict_counts.entry((group, Day::of(at))).or_default() += 1;
    }

    fn closed(&mut self, changes: &Changes) -> Result<(), Error> {
        if self.closed.is_empty() && changes.undone.is_empty() && changes.marks.is_empty() {
            return Ok(());
        }
        let mut closing = Closing::new(self.snapshot, changes)?;
        closing.undone(&mut self.batch, &mut self.replicas)?;
        for (key, conflict) in std::mem::take(&mut self.closed) {
            closing.close(key, &conflict, &mut self.batch, &mut self.replicas)?;
        }
        closing.marks(&mut self.batch)?;
        closing.finish(&mut self.batch);
        Ok(())
    }

    fn reviews(&mut self, reviews: &BTreeMap<RowKey, Option<Review>>) {
        for (row, review) in reviews {
            let key = Space::Review(row.table, row.row);
            match review {
                Some(review) => self.put(&key, &review.encode()),
                None => self.delete(&key),
            }
        }
    }

    /// A record for each stretch of consecutive changes: most commits write one.
    fn log(&mut self, log: &BTreeMap<Dot, (Hlc, RowKey)>) {
        let lines: Vec<(&Dot, &(Hlc, RowKey))> = log.iter().collect();
        let follows = |(one, _): &(&Dot, _), (next, _): &(&Dot, _)| {
            one.replica == next.replica && one.seq.checked_add(1) == Some(next.seq)
        };
        for stretch in lines.chunk_by(follows).flat_map(|stretch| stretch.chunks(STRETCH)) {
            if let Some((first, _)) = stretch.first() {
                let number = self.replicas.number(first.replica);
                let stretch = codec::log::encode_stretch(stretch.iter().map(|(_, line)| **line));
                self.put(&Space::Log(number, first.seq), &stretch);
            }
        }
    }

    /// Remembers the greatest time in rows, where the change log does not have it.
    fn clock(&mut self, changes: &Changes) -> Result<(), Error> {
        let logged = changes.log.values().map(|(hlc, _)| *hlc).max().unwrap_or_default();
        if changes.latest > logged && changes.latest > self.snapshot.stored_time()? {
            self.put(&Space::Clock, &changes.latest.0.to_be_bytes());
        }
        Ok(())
    }

    fn knowledge(&mut self, taught: &Knowledge) {
        for (replica, seq) in taught.iter() {
            let number = self.replicas.number(replica);
            self.put(&Space::Knowledge(number), &seq.to_be_bytes());
        }
    }

    fn counts(&mut self) -> Result<(), Error> {
        for (table, change) in std::mem::take(&mut self.counts) {
            if change == [0, 0, 0] {
                continue;
            }
            let mut counts = if self.anew { Counts::default() } else { self.snapshot.counts(table)? };
            let [visible, parked, merging] = change;
            counts.visible = counts.visible.saturating_add_signed(visible);
            counts.parked = counts.parked.saturating_add_signed(parked);
            counts.merging = counts.merging.saturating_add_signed(merging);
            self.put(&Space::Count(table), &counts.encode());
        }
        Ok(())
    }

    fn conflict_counts(&mut self) -> Result<(), Error> {
        for ((group, day), more) in std::mem::take(&mut self.conflict_counts) {
            if more == 0 {
                continue;
            }
            let before = if self.anew { 0 } else { self.snapshot.conflict_count(group, day)? };
            match before.saturating_add_signed(more) {
                0 => self.delete(&Space::ConflictCount(group, day)),
                count => self.put(&Space::ConflictCount(group, day), &count.to_be_bytes()),
            }
        }
        Ok(())
    }

    fn replicas_since(&mut self, known: usize) {
        let new: Vec<(u32, ReplicaId)> = self.replicas.iter().skip(known).collect();
        for (number, id) in new {
            self.put(&Space::Replica(number), id.as_bytes());
        }
    }
}

/// The claims that a row has at one time and not at another, or not as it has them there.
fn claims_beyond<'a>(
    table: &'a Table,
    one: &'a Footprint,
    other: &'a Footprint,
) -> impl Iterator<Item = (ConstraintId, &'a Key)> {
    table.keys.iter().enumerate().filter_map(move |(i, key)| {
        let value = one.keys.get(i)?.as_ref()?;
        let same = one.visible == other.visible && other.keys.get(i).and_then(Option::as_ref) == Some(value);
        (!same).then_some((key.id, value))
    })
}

/// Where a conflict stands in the lists. It moves when its kind changes while it is open.
type Place = (ConflictId, Group, Hlc);

const fn place(table: TableId, conflict: &Conflict) -> Place {
    (conflict.id, Group::of(table, conflict), conflict.at)
}

/// The batch that sets up a store or changes what the replica remembers of itself.
pub(crate) fn write_meta(meta: &super::Meta) -> Result<Batch, Error> {
    let mut batch = BatchBuilder::default();
    Space::Meta.put(&meta.encode()?, &mut batch);
    Ok(batch.finish())
}
