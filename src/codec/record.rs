//! A row as stored: one record with what readers need, and one with the values that lost, if any.
//!
//! The main record holds the winners, the losing record the other siblings with stamps of its own, so
//! that a row without conflicts is one record, and reading the table never touches a loser.

use std::sync::Arc;

use super::MAX_RECORD_BYTES;
use super::bytes::{Input, Malformed, Origin, Output};
use super::facts::{Facts, OWNER, skip_to_cells, take_cells, take_facts};
use super::stamps::{LEAST_STAMP, Replicas, Stamps};
use super::units::{Cell, Cells, put_cells};
use super::values::{put_value, skip_value, take_value};
use crate::derive::{Derived, Status, Stored, winner};
use crate::error::Error;
use crate::ids::{ColumnId, ReplicaId};
use crate::row::RowState;
use crate::schema::{Table, Unit};
use crate::value::Value;

pub use super::ReplicaNumbers;

/// The bits of the first byte that say the status.
const STATUS: u8 = 0b11;
/// There is a losing record.
const LOSERS: u8 = 1 << 2;
/// Some columns show another value than was written.
const FOLLOWED: u8 = 1 << 3;

/// A row as bytes.
///
/// See [`encode_row`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRow {
    /// The main record.
    pub main: Vec<u8>,
    /// The losing record, if any value lost.
    pub losers: Option<Vec<u8>>,
}

/// The records of a row. New replicas get their number here.
///
/// ```
/// use reunite::codec::record::{decode_row, encode_row};
/// use reunite::derive::{Derived, Status};
/// use reunite::ids::{Dot, ReplicaId};
/// use reunite::row::{Life, RowState};
/// use reunite::version::{Hlc, Priority, Stamp};
/// use reunite::{schema::Schema, store::Replicas};
/// let schema = Schema::from_sql("CREATE TABLE tag (name TEXT)")?;
/// let tag = &schema.tables()[0];
/// let dot = Dot { replica: ReplicaId::from_bytes([1; 16]), seq: 1 };
/// let mut facts = RowState::new(dot);
/// facts.write_life(Stamp::new(Priority::default(), Hlc(5), dot), Life::DEAD, &[]);
/// let derived = Derived { status: Status::Dead, followed: Vec::new() };
/// let mut replicas = Replicas::default();
/// let row = encode_row(tag, &facts, &derived, &mut replicas)?;
/// assert_eq!(row.losers, None);
/// let stored = decode_row(tag, &row.main, None, &|number| replicas.id(number))?;
/// assert_eq!((&*stored.facts, stored.derived), (&facts, derived));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Limit`] if a record would be larger than [`MAX_RECORD_BYTES`].
pub fn encode_row(
    table: &Table,
    facts: &RowState,
    derived: &Derived,
    numbers: &mut impl ReplicaNumbers,
) -> Result<EncodedRow, Error> {
    let (mut won, mut lost): (Vec<Cell<'_>>, Vec<Cell<'_>>) =
        (Vec::with_capacity(facts.units().len()), Vec::new());
    for (id, siblings) in facts.units() {
        let winner = winner(table, siblings).map(|winner| winner.stamp.dot);
        for sibling in siblings.iter() {
            let cells = if Some(sibling.stamp.dot) == winner { &mut won } else { &mut lost };
            cells.push((id, sibling));
        }
    }
    let main = limited(encode_main(table, facts, derived, &won, !lost.is_empty(), numbers))?;
    let losers = if lost.is_empty() { None } else { Some(limited(encode_losers(&lost, numbers))?) };
    Ok(EncodedRow { main, losers })
}

fn encode_main(
    table: &Table,
    facts: &RowState,
    derived: &Derived,
    won: &[Cell<'_>],
    losers: bool,
    numbers: &mut impl ReplicaNumbers,
) -> Vec<u8> {
    let facts = Facts::new(facts, won);
    let mut out = Output::with_capacity(64);
    let losers = if losers { LOSERS } else { 0 };
    // By id, since positions move when a column is dropped.
    let followed = derived.followed.iter();
    let shown: Vec<(ColumnId, &Value)> =
        followed.filter_map(|(at, value)| Some((table.columns.get(*at)?.id, value))).collect();
    let followed = if shown.is_empty() { 0 } else { FOLLOWED };
    out.byte(status_bits(derived.status) | losers | followed | facts.flags());
    if followed != 0 {
        out.length(shown.len());
    }
    for (column, value) in shown {
        out.integer(column.0);
        put_value(&mut out, value);
    }
    facts.put(&mut out, numbers);
    out.into_bytes()
}

fn encode_losers(lost: &[Cell<'_>], numbers: &mut impl ReplicaNumbers) -> Vec<u8> {
    let stamps = Stamps::of(lost.iter().map(|(_, sibling)| &sibling.stamp));
    let mut out = Output::with_capacity(64);
    out.length(stamps.len());
    stamps.put(&mut out, numbers);
    put_cells(&mut out, lost, &stamps, numbers);
    out.into_bytes()
}

fn limited(record: Vec<u8>) -> Result<Vec<u8>, Error> {
    if record.len() <= MAX_RECORD_BYTES {
        return Ok(record);
    }
    let (size, limit) = (record.len() as u64, MAX_RECORD_BYTES as u64);
    Err(Error::Limit { what: "a row".to_owned(), size, limit })
}

const fn status_bits(status: Status) -> u8 {
    match status {
        Status::Visible => 0,
        Status::Parked => 1,
        Status::Dead => 2,
        Status::Merged => 3,
    }
}

fn head(main: &[u8]) -> Result<(u8, Status), Malformed> {
    let head = main.first().copied().ok_or_else(|| Malformed::new("a row without bytes"))?;
    let status = match head & STATUS {
        0 => Status::Visible,
        1 => Status::Parked,
        2 => Status::Dead,
        3 => Status::Merged,
        _ => return Err(Malformed::new("a row has an unknown status")),
    };
    Ok((head, status))
}

/// The status of a row, by the first byte of its main record.
///
/// # Errors
/// [`Error::Corrupt`] if there is no such status.
pub(crate) fn status(main: &[u8]) -> Result<Status, Error> {
    Ok(head(main)?.1)
}

/// Whether a row has a losing record, by the first byte of its main record.
///
/// # Errors
/// [`Error::Corrupt`] if the record is not one.
pub(crate) fn has_losers(main: &[u8]) -> Result<bool, Error> {
    Ok(head(main)?.0 & LOSERS != 0)
}

/// The row of these records.
///
/// See [`encode_row`] for an example.
///
/// # Errors
/// [`Error::Corrupt`] if the bytes are not a row of this table, or the losing record is missing.
pub fn decode_row(
    table: &Table,
    main: &[u8],
    losers: Option<&[u8]>,
    replicas: &impl Fn(u32) -> Option<ReplicaId>,
) -> Result<Stored, Error> {
    let (mut facts, derived) = decode_main(table, main, replicas)?;
    match losers {
        Some(losers) if has_losers(main)? => decode_losers(losers, replicas, &mut facts)?,
        None if !has_losers(main)? => {}
        _ => return Err(Error::corrupt("a row and its losing record do not belong together")),
    }
    check_columns(table, &facts)?;
    Ok(Stored { facts: Arc::new(facts), derived })
}

fn decode_main(table: &Table, main: &[u8], replicas: Replicas<'_>) -> Result<(RowState, Derived), Malformed> {
    let (flags, status) = head(main)?;
    let mut input = Input::new(main, Origin::Disk)?;
    input.byte()?;
    let followed = if flags & FOLLOWED != 0 { take_followed(table, &mut input)? } else { Vec::new() };
    let facts = take_facts(&mut input, flags, replicas)?;
    input.end()?;
    Ok((facts, Derived { status, followed }))
}

/// The columns that show another value than was written, by position. Those of dropped columns are left
/// out: the row is not stored anew for that.
fn take_followed(table: &Table, input: &mut Input<'_>) -> Result<Vec<(usize, Value)>, Malformed> {
    let length = input.length(2)?;
    let mut followed = Vec::with_capacity(length);
    for _ in 0..length {
        let (column, value) = (ColumnId(input.integer()?), take_value(input)?);
        followed.extend(table.column_by_id(column).map(|(position, _)| (position, value)));
    }
    followed.sort_by_key(|(position, _)| *position);
    Ok(followed)
}

fn decode_losers(losers: &[u8], replicas: Replicas<'_>, facts: &mut RowState) -> Result<(), Malformed> {
    let mut input = Input::new(losers, Origin::Disk)?;
    let length = input.length(LEAST_STAMP)?;
    let mut stamps = Stamps::take(&mut input, length, replicas)?;
    if !stamps.dots().all(|dot| facts.vector.covers(dot)) {
        return Err(Malformed::new("a losing value is of a change that its row has not taken in"));
    }
    take_cells(&mut input, &mut stamps, replicas, facts)?;
    input.end()
}

/// Refuses units whose values are not as many as the unit has columns.
fn check_columns(table: &Table, facts: &RowState) -> Result<(), Malformed> {
    let mut units = table.units.iter().peekable();
    for (id, siblings) in facts.units() {
        while units.next_if(|unit| unit.id < id).is_some() {}
        let Some(unit) = units.next_if(|unit| unit.id == id) else { continue };
        if siblings.iter().any(|sibling| sibling.value.columns.len() != unit.columns.len()) {
            return Err(wrong_columns(unit));
        }
    }
    Ok(())
}

fn no_column(column: usize) -> Malformed {
    Malformed::new(format!("the table has no column {column}"))
}

fn wrong_columns(unit: &Unit) -> Malformed {
    Malformed::new(format!("unit {} does not have {} columns", unit.id.0, unit.columns.len()))
}

/// The values that a row shows, by column position. Reads neither stamps nor losers, and makes nothing
/// but the values: this is how tables are scanned.
///
/// # Errors
/// [`Error::Corrupt`] if the bytes are not a row of this table.
pub(crate) fn decode_values(table: &Table, main: &[u8]) -> Result<Vec<Value>, Error> {
    let (flags, _) = head(main)?;
    let mut input = Input::new(main, Origin::Disk)?;
    input.byte()?;
    let followed = if flags & FOLLOWED != 0 { take_followed(table, &mut input)? } else { Vec::new() };
    let stamps = skip_to_cells(&mut input, flags & !OWNER)?;
    let mut values = vec![Value::Null; table.columns.len()];
    take_values(table, &mut input, stamps, &mut values)?;
    input.end()?;
    for (column, value) in followed {
        set(&mut values, column, value)?;
    }
    Ok(values)
}

fn take_values(
    table: &Table,
    input: &mut Input<'_>,
    stamps: usize,
    values: &mut [Value],
) -> Result<(), Malformed> {
    let mut units = table.units.iter().peekable();
    let mut cells = Cells::new(stamps);
    while let Some(cell) = cells.next(input)? {
        while let Some(unwritten) = units.next_if(|unit| unit.id < cell.unit) {
            set_defaults(table, unwritten, values)?;
        }
        match units.next_if(|unit| unit.id == cell.unit) {
            Some(unit) if unit.columns.len() != cell.columns => return Err(wrong_columns(unit)),
            Some(unit) => {
                for column in &unit.columns {
                    match *column {
                        Unit::DROPPED => skip_value(input)?,
                        column => set(values, column, take_value(input)?)?,
                    }
                }
            }
            None => (0..cell.columns).try_for_each(|_| skip_value(input))?,
        }
        cell.skip_rest(input)?;
    }
    units.try_for_each(|unwritten| set_defaults(table, unwritten, values))
}

fn set_defaults(table: &Table, unit: &Unit, values: &mut [Value]) -> Result<(), Malformed> {
    let columns = unit.columns.iter().filter_map(|column| Some((*column, table.columns.get(*column)?)));
    columns.into_iter().try_for_each(|(position, column)| set(values, position, column.default.clone()))
}

fn set(values: &mut [Value], column: usize, value: Value) -> Result<(), Malformed> {
    let slot = values.get_mut(column);
    *slot.ok_or_else(|| no_column(column))? = value;
    Ok(())
}
