//! The open conflicts of a row, as one record. Their values are not in it: readers take them from the
//! row's records.

use super::bytes::{Input, Malformed, Origin, Output, width};
use super::stamps::{Replicas, put_dot, take_dot};
use super::{MAX_ROW_COLUMNS, ReplicaNumbers};
use crate::derive::{About, Conflict, Kind};
use crate::error::Error;
use crate::ids::{ColumnId, ConflictId, ConstraintId, ReplicaId, RowId};
use crate::version::Hlc;

/// The kinds by their number in records and keys; numbers are never reused.
const KINDS: [Kind; 9] = [
    Kind::Update,
    Kind::DeleteUpdate,
    Kind::UpdateDelete,
    Kind::Unique,
    Kind::DeleteRi,
    Kind::UpdateRi,
    Kind::ForeignKey,
    Kind::Validation,
    Kind::Identity,
];
/// The fewest bytes of a conflict.
const LEAST: usize = 23;

/// The number of a kind.
#[must_use]
pub(crate) fn kind_number(kind: Kind) -> u8 {
    let position = KINDS.iter().position(|known| *known == kind);
    position.and_then(|position| u8::try_from(position).ok()).unwrap_or(u8::MAX)
}

/// The kind with a number; none if there is no such kind.
#[must_use]
pub(crate) fn kind_of(number: u8) -> Option<Kind> {
    KINDS.get(usize::from(number)).copied()
}

/// The conflicts of a row. New replicas get their number here.
#[must_use]
pub(crate) fn encode_conflicts(conflicts: &[Conflict], numbers: &mut impl ReplicaNumbers) -> Vec<u8> {
    let mut out = Output::with_capacity(48 * conflicts.len());
    out.length(conflicts.len());
    for conflict in conflicts {
        put_conflict(&mut out, conflict, numbers);
    }
    out.into_bytes()
}

fn put_conflict(out: &mut Output, conflict: &Conflict, numbers: &mut impl ReplicaNumbers) {
    out.raw(conflict.id.as_bytes());
    out.byte(kind_number(conflict.kind));
    match conflict.about {
        About::Update => out.byte(0),
        About::Life => out.byte(1),
        About::Identity => out.byte(3),
        About::Constraint(id) => {
            out.byte(2);
            out.integer(id.0);
        }
    }
    put_dot(out, conflict.loser, numbers);
    let width = width(conflict.at.0);
    out.byte(width);
    out.trimmed(conflict.at.0, width);
    out.length(conflict.columns.len());
    conflict.columns.iter().for_each(|column| out.integer(column.0));
    out.length(conflict.others.len());
    conflict.others.iter().for_each(|row| out.raw(row.as_bytes()));
}

/// An entry of the list by age: of which row the conflict is, and the number of the replica that lost.
#[must_use]
pub(crate) fn encode_listed(row: RowId, loser: u32) -> Vec<u8> {
    let mut out = Output::with_capacity(18);
    out.raw(row.as_bytes());
    out.integer(loser);
    out.into_bytes()
}

/// Reads what [`encode_listed`] wrote.
///
/// # Errors
/// [`Error::Corrupt`] if it is not such an entry.
pub(crate) fn decode_listed(
    bytes: &[u8],
    replicas: &impl Fn(u32) -> Option<ReplicaId>,
) -> Result<(RowId, ReplicaId), Error> {
    let mut input = Input::new(bytes, Origin::Disk)?;
    let row = RowId::from_bytes(input.array()?);
    let loser = replicas(input.integer()?);
    let loser = loser.ok_or_else(|| Malformed::new("a conflict of an unknown replica"))?;
    input.end()?;
    Ok((row, loser))
}

/// Reads what [`encode_conflicts`] wrote.
///
/// # Errors
/// [`Error::Corrupt`] if it is not a list of conflicts.
pub(crate) fn decode_conflicts(
    bytes: &[u8],
    replicas: &impl Fn(u32) -> Option<ReplicaId>,
) -> Result<Vec<Conflict>, Error> {
    let mut input = Input::new(bytes, Origin::Disk)?;
    let length = input.length(LEAST)?;
    let mut conflicts = Vec::with_capacity(length);
    for _ in 0..length {
        conflicts.push(take_conflict(&mut input, replicas)?);
    }
    input.end()?;
    Ok(conflicts)
}

fn take_conflict(input: &mut Input<'_>, replicas: Replicas<'_>) -> Result<Conflict, Malformed> {
    let id = ConflictId::from_bytes(input.array()?);
    let kind = kind_of(input.byte()?).ok_or_else(|| Malformed::new("there is no such kind of conflict"))?;
    let about = match input.byte()? {
        0 => About::Update,
        1 => About::Life,
        3 => About::Identity,
        2 => About::Constraint(ConstraintId(input.integer()?)),
        tag => return Err(Malformed::new(format!("there is no conflict about {tag}"))),
    };
    let loser = take_dot(input, replicas)?;
    let width = input.byte()?;
    let at = Hlc(input.trimmed(width)?);
    Ok(Conflict { id, about, kind, loser, at, columns: take_columns(input)?, others: take_others(input)? })
}

fn take_columns(input: &mut Input<'_>) -> Result<Vec<ColumnId>, Malformed> {
    let length = input.length(1)?;
    if length > MAX_ROW_COLUMNS {
        return Err(Malformed::new(format!("a conflict about {length} columns")));
    }
    let mut columns: Vec<ColumnId> = Vec::with_capacity(length);
    for _ in 0..length {
        let column = ColumnId(input.integer()?);
        if columns.last().is_some_and(|last| *last >= column) {
            return Err(Malformed::new("the columns of a conflict are not ascending"));
        }
        columns.push(column);
    }
    Ok(columns)
}

fn take_others(input: &mut Input<'_>) -> Result<Vec<RowId>, Malformed> {
    let length = input.length(16)?;
    (0..length).map(|_| Ok(RowId::from_bytes(input.array()?))).collect()
}
