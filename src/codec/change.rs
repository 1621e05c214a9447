//! A changed row in a message: all siblings in one record, and the list of withheld values.

use super::bytes::{Input, Malformed, Output};
use super::facts::{Facts, OWNER, take_facts};
use super::stamps::{Replicas, replica};
use super::units::Cell;
use super::{MAX_ROW_COLUMNS, ReplicaNumbers};
use crate::ids::{Dot, RowKey, UnitId};
use crate::row::{RowChange, RowState};

/// Some values are withheld.
const WITHHELD: u8 = 1;

/// Writes a changed row behind its length, without its key.
pub(super) fn put_change(out: &mut Output, change: &RowChange, numbers: &mut impl ReplicaNumbers) {
    put_state(out, &change.state, &change.withheld, numbers);
}

/// Writes the facts of a row, all siblings in one record, behind its length.
pub(super) fn put_state(
    out: &mut Output,
    state: &RowState,
    withheld: &[(UnitId, Dot)],
    numbers: &mut impl ReplicaNumbers,
) {
    let siblings = state.units().flat_map(|(id, siblings)| siblings.iter().map(move |s| (id, s)));
    let cells: Vec<Cell<'_>> = siblings.collect();
    let facts = Facts::new(state, &cells);
    let mut record = Output::with_capacity(64);
    record.byte(facts.flags() | if withheld.is_empty() { 0 } else { WITHHELD });
    if !withheld.is_empty() {
        record.length(withheld.len());
    }
    let mut before = None;
    for (unit, dot) in withheld {
        record.integer(unit.0);
        put_again(&mut record, *dot, before, numbers);
        before = Some(*dot);
    }
    facts.put(&mut record, numbers);
    out.sized(&record.into_bytes());
}

/// A dot; a single byte if it is that before. Mostly one change wrote all that is withheld.
fn put_again(out: &mut Output, dot: Dot, before: Option<Dot>, numbers: &mut impl ReplicaNumbers) {
    if before == Some(dot) {
        return out.byte(0);
    }
    out.integer(u64::from(numbers.number(dot.replica)) + 1);
    out.integer(dot.seq);
}

fn take_again(record: &mut Input<'_>, before: Option<Dot>, replicas: Replicas<'_>) -> Result<Dot, Malformed> {
    let number: u64 = record.integer()?;
    let Some(number) = number.checked_sub(1) else {
        return before.ok_or_else(|| Malformed::new("the first withheld value has no change"));
    };
    let number = u32::try_from(number).map_err(|_| Malformed::new("a replica's number is too large"))?;
    let dot = Dot { replica: replica(replicas, number)?, seq: record.integer()? };
    match dot.seq {
        0 => Err(Malformed::new("a change without a number")),
        _ if before == Some(dot) => Err(Malformed::new("a withheld value repeats its change")),
        _ => Ok(dot),
    }
}

/// Reads a changed row.
pub(super) fn take_change(
    input: &mut Input<'_>,
    key: RowKey,
    replicas: Replicas<'_>,
) -> Result<RowChange, Malformed> {
    let origin = input.origin;
    let mut record = Input::new(input.sized()?, origin)?;
    let flags = record.byte()?;
    if flags & OWNER & !WITHHELD != 0 {
        return Err(Malformed::new(format!("there is no changed row with the flags {flags:#04x}")));
    }
    let withheld = if flags & WITHHELD != 0 { take_withheld(&mut record, replicas)? } else { Vec::new() };
    let state = take_facts(&mut record, flags, replicas)?;
    record.end()?;
    check(&state, &withheld)?;
    Ok(RowChange { key, state, withheld })
}

fn take_withheld(record: &mut Input<'_>, replicas: Replicas<'_>) -> Result<Vec<(UnitId, Dot)>, Malformed> {
    let length = record.length(2)?;
    let mut withheld: Vec<(UnitId, Dot)> = Vec::with_capacity(length);
    for _ in 0..length {
        let before = withheld.last().map(|(_, dot)| *dot);
        let next = (UnitId(record.integer()?), take_again(record, before, replicas)?);
        if withheld.last().is_some_and(|last| *last >= next) {
            return Err(Malformed::new("the withheld values of a row are not ascending"));
        }
        withheld.push(next);
    }
    if withheld.is_empty() { Err(Malformed::new("an empty list of withheld values")) } else { Ok(withheld) }
}

fn check(state: &RowState, withheld: &[(UnitId, Dot)]) -> Result<(), Malformed> {
    let units = state.units().len();
    if units > MAX_ROW_COLUMNS {
        return Err(Malformed::new(format!(
            "a row has {units} units, at most {MAX_ROW_COLUMNS} are allowed"
        )));
    }
    let fits = |(unit, dot): &(UnitId, Dot)| state.vector.covers(*dot) && !state.unit(*unit).contains(*dot);
    if withheld.iter().all(fits) {
        return Ok(());
    }
    Err(Malformed::new("a withheld value is sent too, or of a change that its row has not taken in"))
}
