//! Ordered reads: rows of a table, entries of a key or index, the change log.

use std::ops::Bound;

use super::snapshot::{Snapshot, held_by};
use super::space::{Prefix, Space, end_of, number_of, row_key_of, row_of, seq_of};
use crate::codec;
use crate::codec::key::encode_values;
use crate::derive::Stored;
use crate::error::Error;
use crate::ids::{ConstraintId, ReplicaId, RowId, RowKey, Seq, TableId};
use crate::value::Value;
use crate::version::Hlc;

/// The direction of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the least to the greatest.
    #[default]
    Forward,
    /// From the greatest to the least.
    Backward,
}

/// A range of a key or index, as encoded values. A bound with fewer columns than the index covers
/// every entry that begins with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    /// The first encoded value.
    pub start: Vec<u8>,
    /// The first encoded value after the range; none: to the end.
    pub end: Option<Vec<u8>>,
}

impl KeyRange {
    /// The range between two bounds of folded values.
    #[must_use]
    pub fn new(start: Bound<&[Value]>, end: Bound<&[Value]>) -> KeyRange {
        let bytes = |values: &[Value]| {
            let mut bytes = Vec::new();
            encode_values(values, &mut bytes);
            bytes
        };
        // Encoded values are free of prefixes, so "after all that begin with it" is the next prefix.
        let start = match start {
            Bound::Included(values) => bytes(values),
            Bound::Excluded(values) => end_of(&bytes(values)).unwrap_or_else(|| vec![0xff]),
            Bound::Unbounded => Vec::new(),
        };
        let end = match end {
            Bound::Included(values) => end_of(&bytes(values)),
            Bound::Excluded(values) => Some(bytes(values)),
            Bound::Unbounded => None,
        };
        KeyRange { start, end }
    }

    /// Whether an encoded value is in the range.
    #[must_use]
    pub fn contains(&self, encoded: &[u8]) -> bool {
        self.start.as_slice() <= encoded && self.end.as_ref().is_none_or(|end| encoded < end.as_slice())
    }
}

/// The encoded value of an entry, and its row.
type Entry = (Vec<u8>, RowId);

/// Rows with the encoded values that they were found by.
pub(crate) type Found<'a> = Box<dyn Iterator<Item = Result<Entry, Error>> + 'a>;

/// A change in the log of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    /// Which of the replica's changes.
    pub seq: Seq,
    /// When it was made.
    pub hlc: Hlc,
    /// In which row.
    pub row: RowKey,
}

impl Snapshot {
    /// The visible rows of a table after the row `after`, by row id.
    pub fn rows(
        &self,
        table: TableId,
        after: Option<RowId>,
    ) -> Result<impl Iterator<Item = Result<(RowId, Vec<Value>), Error>> + '_, Error> {
        let prefix = Prefix::Rows(table).key();
        let end = end_of(&prefix);
        let start = match after {
            Some(row) => end_of(&Space::Row(table, row).key()).unwrap_or(prefix),
            None => prefix,
        };
        let entries = self.bytes.range(&start, end.as_deref())?;
        Ok(entries.filter_map(move |entry| self.visible_entry(table, entry).transpose()))
    }

    fn visible_entry(
        &self,
        table: TableId,
        entry: Result<(Vec<u8>, Vec<u8>), Error>,
    ) -> Result<Option<(RowId, Vec<Value>)>, Error> {
        let (key, main) = entry?;
        let row = row_of(&key).ok_or_else(|| Error::corrupt("a row's key is too short"))?;
        Ok(self.visible_values(table, &main)?.map(|values| (row, values)))
    }

    /// Every row, visible or not, with its facts, by table and row id.
    pub fn all_rows(&self) -> Result<impl Iterator<Item = Result<(RowKey, Stored), Error>> + '_, Error> {
        let entries = self.prefixed(&Prefix::AllRows)?;
        Ok(entries.map(|entry| {
            let (key, main) = entry?;
            let key = row_key_of(&key).ok_or_else(|| Error::corrupt("a row's key has a wrong size"))?;
            Ok((key, self.decode_row(key, &main)?))
        }))
    }

    /// Every row of a table, visible or not, with its facts, by row id.
    pub fn all_rows_of(
        &self,
        table: TableId,
    ) -> Result<impl Iterator<Item = Result<(RowKey, Stored), Error>> + '_, Error> {
        let entries = self.prefixed(&Prefix::Rows(table))?;
        Ok(entries.map(move |entry| {
            let (key, main) = entry?;
            let row = row_of(&key).ok_or_else(|| Error::corrupt("a row's key is too short"))?;
            let key = RowKey { table, row };
            Ok((key, self.decode_row(key, &main)?))
        }))
    }

    /// The visible rows in a range of a secondary index, with the encoded value, in its order.
    pub fn index_range(
        &self,
        index: ConstraintId,
        range: &KeyRange,
        direction: Direction,
    ) -> Result<Found<'_>, Error> {
        self.entries(&Prefix::Index(index, &[]), range, direction, |key, _| split(key))
    }

    /// The visible rows in a range of a unique key, with the encoded value, in its order.
    pub fn key_range(
        &self,
        key: ConstraintId,
        range: &KeyRange,
        direction: Direction,
    ) -> Result<Found<'_>, Error> {
        self.entries(&Prefix::Claims(key), range, direction, |key, row| {
            Ok((value_of(key)?.to_vec(), held_by(row)?))
        })
    }

    /// The entries under a prefix that lie in a range, as `read` makes them from key and value.
    fn entries(
        &self,
        prefix: &Prefix<'_>,
        range: &KeyRange,
        direction: Direction,
        read: fn(&[u8], &[u8]) -> Result<Entry, Error>,
    ) -> Result<Found<'_>, Error> {
        let prefix = prefix.key();
        let start = [prefix.as_slice(), &range.start].concat();
        let end = match &range.end {
            Some(end) => Some([prefix.as_slice(), end].concat()),
            None => end_of(&prefix),
        };
        if end.as_ref().is_some_and(|end| *end <= start) {
            return Ok(Box::new(std::iter::empty()));
        }
        let entries = match direction {
            Direction::Forward => self.bytes.range(&start, end.as_deref())?,
            Direction::Backward => self.bytes.range_back(&start, end.as_deref())?,
        };
        Ok(Box::new(entries.map(move |entry| entry.and_then(|(key, value)| read(&key, &value)))))
    }

    /// The changes of a replica after `after`, ascending.
    pub fn log(
        &self,
        replica: ReplicaId,
        after: Seq,
    ) -> Result<Box<dyn Iterator<Item = Result<Logged, Error>> + '_>, Error> {
        let Some(number) = self.replicas.get(replica) else { return Ok(Box::new(std::iter::empty())) };
        let first = after.saturating_add(1);
        let prefix = Prefix::Log(number).key();
        // The stretch that has this change begins at it or before it.
        let behind = Space::Log(number, first.saturating_add(1)).key();
        let begins = match self.bytes.range_back(&prefix, Some(&behind))?.next() {
            Some(stretch) => stretch?.0,
            None => prefix.clone(),
        };
        let stretches = self.bytes.range(&begins, end_of(&prefix).as_deref())?;
        let lines = stretches.flat_map(|stretch| {
            let (lines, error) = match logged(stretch) {
                Ok(lines) => (lines, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            lines.into_iter().map(Ok).chain(error.map(Err))
        });
        Ok(Box::new(lines.skip_while(move |line| line.as_ref().is_ok_and(|line| line.seq < first))))
    }

    /// The greatest time in the change log and in rows.
    pub fn last_time(&self) -> Result<Hlc, Error> {
        let mut last = self.stored_time()?;
        for (number, _) in self.replicas.iter() {
            let prefix = Prefix::Log(number).key();
            let end = end_of(&prefix);
            if let Some(stretch) = self.bytes.range_back(&prefix, end.as_deref())?.next() {
                last = last.max(logged(stretch)?.last().map_or(Hlc(0), |line| line.hlc));
            }
        }
        Ok(last)
    }

    /// The greatest time in rows that the change log does not have.
    pub(super) fn stored_time(&self) -> Result<Hlc, Error> {
        let wrong = |_| Error::corrupt("the clock record does not have 8 bytes");
        let stored = self.bytes.get(&Space::Clock.key())?;
        let stored = stored.map(|bytes| bytes.try_into().map_err(wrong)).transpose()?;
        Ok(Hlc(stored.map_or(0, u64::from_be_bytes)))
    }
}

/// The changes in a record of the change log.
fn logged(stretch: Result<(Vec<u8>, Vec<u8>), Error>) -> Result<Vec<Logged>, Error> {
    let (key, value) = stretch?;
    let first = seq_of(&key).ok_or_else(|| Error::corrupt("a key of the change log is too short"))?;
    let lines = codec::log::decode_stretch(&value)?.into_iter();
    Ok((first..).zip(lines).map(|(seq, (hlc, row))| Logged { seq, hlc, row }).collect())
}

/// The encoded value and the row id of an index entry's key.
fn split(key: &[u8]) -> Result<Entry, Error> {
    let (value, row) = value_of(key)?.split_last_chunk::<16>().ok_or_else(too_short)?;
    Ok((value.to_vec(), RowId::from_bytes(*row)))
}

/// What follows the number of the index in an entry's key.
fn value_of(key: &[u8]) -> Result<&[u8], Error> {
    let (_, rest) = number_of(key).ok_or_else(too_short)?;
    Ok(rest)
}

fn too_short() -> Error {
    Error::corrupt("an index entry's key is too short")
}
