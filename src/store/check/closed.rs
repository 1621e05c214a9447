//! What is remembered beside the state: closed conflicts, of which each has a place, each place one conflict, and
//! they are as many as were counted; notes for policies and reviewers.

use super::Check;
use super::finding::{Problem, Stop};
use crate::codec;
use crate::derive::Source;
use crate::error::Error;
use crate::ids::ConflictId;
use crate::store::MAX_CLOSED;
use crate::store::closed::conflict_of;
use crate::store::decisions::Mark;
use crate::store::reviews::Review;
use crate::store::space::{number_of, row_key_of};

/// How many records of closed conflicts there are, and how many places are taken.
#[derive(Clone, Copy, Default)]
pub(super) struct ClosedTally {
    records: u64,
    places: u64,
    marks: u64,
}

impl Check<'_> {
    /// Checks the record of a closed conflict; false if it has no such key.
    pub(super) fn closed(&mut self, key: &[u8], value: &[u8]) -> Result<bool, Stop> {
        let Ok(id) = conflict_of(key) else { return Ok(false) };
        self.closed_tally.records += 1;
        let decoded = codec::closed::decode_closed(value, &|number| self.snapshot.replicas.id(number));
        let record = format!("record of the closed conflict {id}");
        let Some((_, place)) = self.findings.read(None, None, &record, decoded)? else { return Ok(true) };
        let there = self.findings.read(None, None, &record, self.snapshot.closed_in(place))?;
        if there != Some(Some(id)) {
            self.misplaced(id)?;
        }
        Ok(key.len() == 17)
    }

    /// Checks a place among the closed conflicts; false if it has no such key.
    pub(super) fn closed_place(&mut self, key: &[u8], value: &[u8]) -> Result<bool, Stop> {
        let Some((place, [])) = number_of(key) else { return Ok(false) };
        self.closed_tally.places += 1;
        let record = format!("place {place} of the closed conflicts");
        let Some(id) = self.findings.read(None, None, &record, conflict_of(value))? else { return Ok(true) };
        let there = self.findings.read(None, None, &record, self.snapshot.closed_at(id))?;
        if there.is_some_and(|there| there.map(|(_, place)| place) != Some(place)) {
            self.misplaced(id)?;
        }
        Ok(true)
    }

    fn misplaced(&mut self, conflict: ConflictId) -> Result<(), Stop> {
        self.report_general(Problem::MisplacedClosed { conflict })
    }

    /// Checks a note about an open conflict; false if it has no such key.
    pub(super) fn mark(&mut self, key: &[u8], value: &[u8]) -> Result<bool, Stop> {
        let Ok(id) = conflict_of(key) else { return Ok(false) };
        self.closed_tally.marks += 1;
        let record = format!("note about the conflict {id}");
        self.findings.read(None, None, &record, Mark::decode(value))?;
        let open = self.findings.read(None, None, &record, self.snapshot.row_of_conflict(id))?;
        if open == Some(None) {
            self.misplaced(id)?;
        }
        Ok(key.len() == 17)
    }

    /// Checks a note about a row that was not accepted; false if it has no such key.
    pub(super) fn review(&mut self, key: &[u8], value: &[u8]) -> Result<bool, Stop> {
        let Some(row) = row_key_of(key) else { return Ok(false) };
        let record = format!("note about row {}, which was not accepted", row.row);
        self.findings.read(None, None, &record, Review::decode(value))?;
        let missing = || Error::corrupt("there is no such row");
        let known = self.snapshot.table(row.table).and_then(|_| self.snapshot.row(row));
        self.findings.read(None, None, &record, known.and_then(|row| row.ok_or_else(missing)))?;
        Ok(true)
    }

    /// As many as were counted.
    pub(super) fn closed_counts(&mut self) -> Result<(), Stop> {
        let record = "count of what is remembered of conflicts";
        let remembered = self.findings.read(None, None, record, self.snapshot.remembered())?;
        let Some(remembered) = remembered else { return Ok(()) };
        let stored = remembered.closed.min(u64::from(MAX_CLOSED));
        let ClosedTally { records, places, marks } = self.closed_tally;
        if remembered.marks != marks {
            let (stored, counted) = (remembered.marks, marks);
            self.report_general(Problem::WrongMarkCount { stored, counted })?;
        }
        if stored != records || records != places {
            self.report_general(Problem::WrongClosedCount { stored, counted: records.min(places) })?;
        }
        Ok(())
    }
}
