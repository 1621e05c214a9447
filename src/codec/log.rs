//! Records that name rows: stretches of the change log, and entries of the list of open conflicts.

use super::bytes::{Input, Malformed, Origin, Output, unzigzag, zigzag};
use crate::error::Error;
use crate::ids::{RowId, RowKey, TableId};
use crate::version::Hlc;

/// Consecutive changes of one replica in its change log: of each, when it was made, and in which row. The key says
/// which change the first one is. A line says only what is not as in the line before it: rows that one commit inserts
/// have ids that begin alike.
///
/// ```
/// use reunite::codec::log::{decode_stretch, encode_stretch};
/// use reunite::ids::{RowId, RowKey, TableId};
/// use reunite::version::Hlc;
/// let row = |byte| RowKey { table: TableId(1), row: RowId::from_bytes([byte; 16]) };
/// let lines = [(Hlc(5), row(7)), (Hlc(5), row(8)), (Hlc(6), row(7))];
/// assert_eq!(decode_stretch(&encode_stretch(lines))?, lines);
/// # Ok::<(), reunite::Error>(())
/// ```
pub fn encode_stretch(lines: impl IntoIterator<Item = (Hlc, RowKey)>) -> Vec<u8> {
    let mut out = Output::with_capacity(28);
    let mut before = BEFORE_ALL;
    for (hlc, row) in lines {
        let shared = shared(before.1, row);
        let another = |differs: bool, flag: u8| if differs { flag } else { 0 };
        let (time, table) = (hlc != before.0, row.table != before.1.table);
        out.byte(shared | another(time, ANOTHER_TIME) | another(table, ANOTHER_TABLE));
        if time {
            out.integer(zigzag(hlc.0.wrapping_sub(before.0.0).cast_signed()));
        }
        if table {
            out.integer(row.table.0);
        }
        out.raw(row.row.as_bytes().get(usize::from(shared)..).unwrap_or_default());
        before = (hlc, row);
    }
    out.into_bytes()
}

/// Reads what [`encode_stretch`] wrote.
///
/// See [`encode_stretch`] for an example.
///
/// # Errors
/// [`Error::Corrupt`] if it is no stretch of a change log.
pub fn decode_stretch(bytes: &[u8]) -> Result<Vec<(Hlc, RowKey)>, Error> {
    let mut input = Input::new(bytes, Origin::Disk)?;
    let mut lines = Vec::with_capacity(bytes.len() / 16);
    let mut before = BEFORE_ALL;
    if bytes.is_empty() {
        return Err(Error::corrupt("a stretch of the change log without a change"));
    }
    while input.left() > 0 {
        before = take_line(&mut input, before)?;
        lines.push(before);
    }
    Ok(lines)
}

/// How many bytes of a row's id are as in the line before.
const SHARED: u8 = 0b1_1111;
/// Its table is another one than in the line before: the number follows.
const ANOTHER_TABLE: u8 = 1 << 5;
/// Its time is another one than in the line before: the difference follows.
const ANOTHER_TIME: u8 = 1 << 6;

/// What the first line is compared with.
const BEFORE_ALL: (Hlc, RowKey) = (Hlc(0), RowKey { table: TableId(0), row: RowId::from_bytes([0; 16]) });

fn take_line(input: &mut Input<'_>, before: (Hlc, RowKey)) -> Result<(Hlc, RowKey), Malformed> {
    let head = input.byte()?;
    let later = if head & ANOTHER_TIME == 0 { 0 } else { unzigzag(input.integer()?) };
    let table = if head & ANOTHER_TABLE == 0 { before.1.table } else { TableId(input.integer()?) };
    let mut id = *before.1.row.as_bytes();
    let rest = id.get_mut(usize::from(head & SHARED)..).unwrap_or_default();
    rest.copy_from_slice(input.raw(rest.len())?);
    let row = RowKey { table, row: RowId::from_bytes(id) };
    let changed = (later != 0, table != before.1.table);
    if head >> 7 != 0
        || changed != (head & ANOTHER_TIME != 0, head & ANOTHER_TABLE != 0)
        || shared(before.1, row) != head & SHARED
    {
        return Err(Malformed::new("a line of the change log that repeats the one before it"));
    }
    Ok((Hlc(before.0.0.wrapping_add(later.cast_unsigned())), row))
}

/// How many bytes the ids of two rows have in common at their beginning: at most 16.
fn shared(one: RowKey, other: RowKey) -> u8 {
    let pairs = one.row.as_bytes().iter().zip(other.row.as_bytes());
    (0..).zip(pairs).find(|(_, (one, other))| one != other).map_or(16, |(place, _)| place)
}

/// Which row something is about.
///
/// ```
/// use reunite::codec::log::{decode_row_key, encode_row_key};
/// use reunite::ids::{RowId, RowKey, TableId};
/// let row = RowKey { table: TableId(1), row: RowId::from_bytes([7; 16]) };
/// assert_eq!(decode_row_key(&encode_row_key(row))?, row);
/// # Ok::<(), reunite::Error>(())
/// ```
#[must_use]
pub fn encode_row_key(row: RowKey) -> Vec<u8> {
    let mut out = Output::with_capacity(19);
    put_row_key(&mut out, row);
    out.into_bytes()
}

/// Reads what [`encode_row_key`] wrote.
///
/// See [`encode_row_key`] for an example.
///
/// # Errors
/// [`Error::Corrupt`] if it does not name a row.
pub fn decode_row_key(bytes: &[u8]) -> Result<RowKey, Error> {
    let mut input = Input::new(bytes, Origin::Disk)?;
    let row = take_row_key(&mut input)?;
    input.end()?;
    Ok(row)
}

pub(super) fn put_row_key(out: &mut Output, row: RowKey) {
    out.integer(row.table.0);
    out.raw(row.row.as_bytes());
}

pub(super) fn take_row_key(input: &mut Input<'_>) -> Result<RowKey, Malformed> {
    Ok(RowKey { table: TableId(input.integer()?), row: RowId::from_bytes(input.array()?) })
}
