//! The open conflicts as they are found: of a row, by id, by age; and how many there are.
//!
//! Listing costs what it lists: conflicts stand by group (table, kind, constraint) and there by the time
//! of the losing change, so a reader opens a range per group and reads only as far as it wants. How many
//! there are is kept per group and day, because "older than" moves with the clock and nothing is written
//! when a day passes.

use std::ops::Range;

use super::snapshot::Snapshot;
use super::space::{Prefix, Space, conflict_by_age_of, conflict_count_of, end_of, row_key_of};
use crate::codec;
use crate::derive::{About, Conflict, Kind};
use crate::error::Error;
use crate::ids::{ConflictId, ConstraintId, ReplicaId, RowKey, TableId};
use crate::version::Hlc;

/// Conflicts of one kind in one table, about one constraint if they are about any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    /// The table.
    pub table: TableId,
    /// The kind.
    pub kind: Kind,
    /// The constraint that bars the rows.
    pub constraint: Option<ConstraintId>,
}

impl Group {
    /// The group of a conflict.
    #[must_use]
    pub const fn of(table: TableId, conflict: &Conflict) -> Group {
        let constraint = match conflict.about {
            About::Constraint(id) => Some(id),
            About::Update | About::Life | About::Identity => None,
        };
        Group { table, kind: conflict.kind, constraint }
    }
}

/// A day in UTC, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub u32);

/// Microseconds.
const DAY: u64 = 86_400_000_000;

impl Day {
    /// The day of a time.
    #[must_use]
    pub fn of(at: Hlc) -> Day {
        // 2^64 microseconds are less than 2^28 days.
        Day(u32::try_from(at.0 / DAY).unwrap_or(u32::MAX))
    }

    /// Its first microsecond.
    #[must_use]
    pub fn start(self) -> Hlc {
        Hlc(u64::from(self.0).saturating_mul(DAY))
    }

    /// The first microsecond of the next day.
    #[must_use]
    pub fn end(self) -> Hlc {
        Hlc(self.start().0.saturating_add(DAY))
    }
}

/// A place in the order by age: the time of the losing change, then the conflict's id.
pub(crate) type Age = (Hlc, ConflictId);

/// A conflict in the list by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its place.
    pub age: Age,
    /// The row.
    pub row: RowKey,
    /// Who made the change that lost.
    pub loser: ReplicaId,
}

impl Snapshot {
    /// The open conflicts of a row, ascending by id.
    pub fn conflicts_of(&self, key: RowKey) -> Result<Vec<Conflict>, Error> {
        match self.bytes.get(&Space::Conflicts(key.table, key.row).key())? {
            Some(bytes) => codec::conflict::decode_conflicts(&bytes, &|number| self.replicas.id(number)),
            None => Ok(Vec::new()),
        }
    }

    /// The open conflict of a row with this id.
    pub fn conflict(&self, key: RowKey, id: ConflictId) -> Result<Option<Conflict>, Error> {
        Ok(self.conflicts_of(key)?.into_iter().find(|conflict| conflict.id == id))
    }

    /// The row of an open conflict.
    pub fn row_of_conflict(&self, id: ConflictId) -> Result<Option<RowKey>, Error> {
        let bytes = self.bytes.get(&Space::ConflictById(id).key())?;
        bytes.map(|bytes| codec::log::decode_row_key(&bytes)).transpose()
    }

    /// The ids of open conflicts from `first` on, ascending.
    pub fn conflict_ids(
        &self,
        first: ConflictId,
    ) -> Result<impl Iterator<Item = Result<ConflictId, Error>> + '_, Error> {
        let start = Space::ConflictById(first).key();
        let end = end_of(start.get(..1).unwrap_or_default());
        let wrong = || Error::corrupt("a conflict's key has a wrong size");
        let id =
            move |key: &[u8]| key.last_chunk::<16>().copied().map(ConflictId::from_bytes).ok_or_else(wrong);
        Ok(self.bytes.range(&start, end.as_deref())?.map(move |entry| id(&entry?.0)))
    }

    /// The open conflicts of a table, by row id.
    pub fn conflicts(
        &self,
        table: TableId,
    ) -> Result<impl Iterator<Item = Result<(RowKey, Vec<Conflict>), Error>> + '_, Error> {
        let entries = self.prefixed(&Prefix::Conflicts(table))?;
        Ok(entries.map(|entry| {
            let (key, bytes) = entry?;
            let key = row_key_of(&key).ok_or_else(|| Error::corrupt("a conflict's key has a wrong size"))?;
            Ok((key, codec::conflict::decode_conflicts(&bytes, &|number| self.replicas.id(number))?))
        }))
    }

    /// The groups in which a table has open conflicts, ascending. Costs what it lists: the counts of
    /// further days are skipped.
    pub fn conflict_groups(&self, table: TableId) -> Result<Vec<Group>, Error> {
        let prefix = Prefix::TableConflictCounts(table).key();
        let end = end_of(&prefix);
        let (mut groups, mut start) = (Vec::new(), Some(prefix));
        while let Some(from) = start {
            let Some(entry) = self.bytes.range(&from, end.as_deref())?.next() else { break };
            let (group, _, _) = counted(entry)?;
            groups.push(group);
            start = end_of(&Prefix::GroupConflictCounts(group).key());
        }
        Ok(groups)
    }

    /// How many open conflicts of a table lost on which day, by group. Costs what it lists.
    pub fn conflict_counts(
        &self,
        table: TableId,
    ) -> Result<impl Iterator<Item = Result<(Group, Day, u64), Error>> + '_, Error> {
        Ok(self.prefixed(&Prefix::TableConflictCounts(table))?.map(counted))
    }

    /// The same of one group.
    pub fn group_counts(
        &self,
        group: Group,
    ) -> Result<impl Iterator<Item = Result<(Group, Day, u64), Error>> + '_, Error> {
        Ok(self.prefixed(&Prefix::GroupConflictCounts(group))?.map(counted))
    }

    /// How many open conflicts of a group lost on a day.
    pub(super) fn conflict_count(&self, group: Group, day: Day) -> Result<u64, Error> {
        match self.bytes.get(&Space::ConflictCount(group, day).key())? {
            Some(bytes) => number(&bytes),
            None => Ok(0),
        }
    }

    /// The open conflicts of a group whose losing change was made at one of these times, oldest first;
    /// only those behind the place `after`.
    pub fn conflicts_by_age(
        &self,
        group: Group,
        times: &Range<Hlc>,
        after: Option<Age>,
    ) -> Result<impl Iterator<Item = Result<Listed, Error>> + '_, Error> {
        const FIRST: ConflictId = ConflictId::from_bytes([0; 16]);
        let mut start = Space::ConflictByAge(group, times.start, FIRST).key();
        if let Some((at, id)) = after {
            // A key is the first after its predecessor with one more byte.
            let behind = [Space::ConflictByAge(group, at, id).key().as_slice(), &[0]].concat();
            start = start.max(behind);
        }
        let end = Space::ConflictByAge(group, times.end, FIRST).key();
        let entries = self.bytes.range(&start, Some(&end))?;
        Ok(entries.map(move |entry| self.listed(group.table, entry)))
    }

    fn listed(&self, table: TableId, entry: Result<(Vec<u8>, Vec<u8>), Error>) -> Result<Listed, Error> {
        let (key, value) = entry?;
        let wrong = || Error::corrupt("the key of a conflict in the list by age has a wrong size");
        let (_, at, id) = conflict_by_age_of(&key).ok_or_else(wrong)?;
        let (row, loser) = codec::conflict::decode_listed(&value, &|number| self.replicas.id(number))?;
        Ok(Listed { age: (at, id), row: RowKey { table, row }, loser })
    }
}

fn counted(entry: Result<(Vec<u8>, Vec<u8>), Error>) -> Result<(Group, Day, u64), Error> {
    let (key, count) = entry?;
    let wrong = || Error::corrupt("the key of a count of conflicts makes no sense");
    let (group, day) = conflict_count_of(&key).ok_or_else(wrong)?;
    Ok((group, day, number(&count)?))
}

fn number(bytes: &[u8]) -> Result<u64, Error> {
    let wrong = |_| Error::corrupt("a count of conflicts does not have 8 bytes");
    bytes.try_into().map(u64::from_be_bytes).map_err(wrong)
}
