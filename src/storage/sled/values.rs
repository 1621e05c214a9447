//! How entries lie in sled: `e` + key holds a value, or its length if it is stored in pieces; the
//! pieces are at `p` + key + number. No piece is larger than what keeps sled's nodes small.

use std::collections::BTreeMap;
use std::ops::Bound;

use sled::{Batch, Tree};

use super::Range;
use crate::error::Error;
use crate::storage::Op;

const ENTRY: u8 = b'e';
const PIECE: u8 = b'p';
/// Values up to this size are stored whole, larger ones in pieces of it.
const PIECE_SIZE: usize = 16 * 1024;

const WHOLE: u8 = 0;
const IN_PIECES: u8 = 1;

/// A change to one sled key.
pub(super) type Operation = (Vec<u8>, Option<Vec<u8>>);

/// What was found at a key.
#[derive(Debug)]
pub(super) enum Found {
    Absent,
    Value(Vec<u8>),
    /// Not all pieces are there: a batch is just replacing them, or was cut short. So many there
    /// should be.
    Torn(usize),
}

impl Found {
    /// The value, if nothing corrects this.
    pub(super) fn check(self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Found::Torn(_) => Err(Error::corrupt(format!("pieces of the value at {key:?} are missing"))),
            found => Ok(found.into_value()),
        }
    }

    /// The value; a torn one is none.
    pub(super) fn into_value(self) -> Option<Vec<u8>> {
        match self {
            Found::Value(value) => Some(value),
            Found::Absent | Found::Torn(_) => None,
        }
    }

    fn pieces(&self) -> usize {
        match self {
            Found::Absent => 0,
            Found::Value(value) => pieces_of(value),
            Found::Torn(pieces) => *pieces,
        }
    }
}

/// In how many pieces a value is stored; 0: whole.
pub(super) fn pieces_of(value: &[u8]) -> usize {
    if value.len() <= PIECE_SIZE { 0 } else { value.len().div_ceil(PIECE_SIZE) }
}

fn entry_key(key: &[u8]) -> Vec<u8> {
    [&[ENTRY], key].concat()
}

/// No two keys have a piece in common, as the number has a fixed length.
fn piece_key(key: &[u8], number: usize) -> Vec<u8> {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    [&[PIECE], key, &number.to_be_bytes()].concat()
}

/// What is stored at a key now.
pub(super) fn read(tree: &Tree, key: &[u8]) -> Result<Found, sled::Error> {
    match tree.get(entry_key(key))? {
        Some(stored) => decode(tree, key, &stored),
        None => Ok(Found::Absent),
    }
}

fn decode(tree: &Tree, key: &[u8], stored: &[u8]) -> Result<Found, sled::Error> {
    match stored.split_first() {
        Some((&WHOLE, value)) => Ok(Found::Value(value.to_vec())),
        Some((&IN_PIECES, length)) => {
            let length = length.try_into().map(u64::from_le_bytes).ok().and_then(|n| usize::try_from(n).ok());
            length.map_or(Ok(Found::Torn(0)), |length| gather(tree, key, length))
        }
        _ => Ok(Found::Torn(0)),
    }
}

fn gather(tree: &Tree, key: &[u8], length: usize) -> Result<Found, sled::Error> {
    let pieces = length.div_ceil(PIECE_SIZE);
    let mut value = Vec::new();
    for number in 0..pieces {
        match tree.get(piece_key(key, number))? {
            Some(piece) => value.extend_from_slice(&piece),
            None => return Ok(Found::Torn(pieces)),
        }
    }
    Ok(if value.len() == length { Found::Value(value) } else { Found::Torn(pieces) })
}

/// The first entries of a range, in the order of the scan.
pub(super) fn scan(
    tree: &Tree,
    range: &Range,
    most: usize,
    back: bool,
) -> Result<Vec<(Vec<u8>, Found)>, sled::Error> {
    let start = range.0.as_ref().map(|key| entry_key(key));
    let end = match &range.1 {
        Bound::Unbounded => Bound::Excluded(vec![ENTRY + 1]),
        bound => bound.as_ref().map(|key| entry_key(key)),
    };
    let mut stored = tree.range((start, end));
    let mut found = Vec::new();
    while found.len() < most {
        let Some((key, value)) = (if back { stored.next_back() } else { stored.next() }).transpose()? else {
            break;
        };
        let key = key.iter().skip(1).copied().collect::<Vec<u8>>();
        let value = decode(tree, &key, &value)?;
        found.push((key, value));
    }
    Ok(found)
}

/// What a batch leaves in each of its keys.
pub(super) fn last_of_each_key(batch: &[Op]) -> BTreeMap<&[u8], Option<&[u8]>> {
    batch.iter().map(|op| (op.key(), op.value())).collect()
}

/// The operations that replace a value. Pieces that go, go first: whoever finds the old length then
/// knows how many there were.
pub(super) fn plan(key: &[u8], value: Option<&[u8]>, old: &Found, operations: &mut Vec<Operation>) {
    let pieces = value.map_or(0, pieces_of);
    operations.extend((pieces..old.pieces()).map(|number| (piece_key(key, number), None)));
    let Some(value) = value else {
        if !matches!(old, Found::Absent) {
            operations.push((entry_key(key), None));
        }
        return;
    };
    if pieces == 0 {
        operations.push((entry_key(key), Some([&[WHOLE], value].concat())));
        return;
    }
    let parts = value.chunks(PIECE_SIZE).enumerate();
    operations.extend(parts.map(|(number, part)| (piece_key(key, number), Some(part.to_vec()))));
    let length = (value.len() as u64).to_le_bytes();
    operations.push((entry_key(key), Some([&[IN_PIECES], length.as_slice()].concat())));
}

/// Operations as sled takes them.
pub(super) fn to_sled(operations: &[Operation]) -> Batch {
    let mut batch = Batch::default();
    for (key, value) in operations {
        match value {
            Some(value) => batch.insert(key.as_slice(), value.as_slice()),
            None => batch.remove(key.as_slice()),
        }
    }
    batch
}
