//! Entries that name a row: those of the change log, and those of the list of open conflicts.

use super::bytes::{Input, Malformed, Origin, Output, width};
use crate::error::Error;
use crate::ids::{RowId, RowKey, TableId};
use crate::version::Hlc;

/// A change-log entry: when a change was made, and in which row. Its key says which change it is.
///
/// ```
/// use reunite::codec::log::{decode_entry, encode_entry};
/// use reunite::ids::{RowId, RowKey, TableId};
/// use reunite::version::Hlc;
/// let row = RowKey { table: TableId(1), row: RowId::from_bytes([7; 16]) };
/// assert_eq!(decode_entry(&encode_entry(Hlc(5), row))?, (Hlc(5), row));
/// # Ok::<(), reunite::Error>(())
/// ```
#[must_use]
pub fn encode_entry(hlc: Hlc, row: RowKey) -> Vec<u8> {
    let mut out = Output::with_capacity(28);
    let width = width(hlc.0);
    out.byte(width);
    out.trimmed(hlc.0, width);
    put_row_key(&mut out, row);
    out.into_bytes()
}

/// Reads what [`encode_entry`] wrote.
///
/// See [`encode_entry`] for an example.
///
/// # Errors
/// [`Error::Corrupt`] if it is not such an entry.
pub fn decode_entry(bytes: &[u8]) -> Result<(Hlc, RowKey), Error> {
    let mut input = Input::new(bytes, Origin::Disk)?;
    let width = input.byte()?;
    let entry = (Hlc(input.trimmed(width)?), take_row_key(&mut input)?);
    input.end()?;
    Ok(entry)
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
