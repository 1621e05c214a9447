//! What a replica remembers of closed conflicts, as records: who closed one, and what its own
//! resolution did.

use super::ReplicaNumbers;
use super::bytes::{Input, Malformed, Origin, Output};
use super::change::{put_state, take_change};
use super::log::{put_row_key, take_row_key};
use super::stamps::{Replicas, put_dot, take_dot};
use crate::error::Error;
use crate::ids::{ReplicaId, RowKey};
use crate::row::{Altered, Closed, Resolved, RowState};
use crate::version::Hlc;

/// The fewest bytes of a row's key.
const LEAST_KEY: usize = 17;

/// The record of a closed conflict that has the place `place` among them. New replicas get their number
/// here.
#[must_use]
pub(crate) fn encode_closed(closed: &Closed, place: u32, numbers: &mut impl ReplicaNumbers) -> Vec<u8> {
    let mut out = Output::with_capacity(48);
    out.integer(place);
    put_row_key(&mut out, closed.row);
    put_dot(&mut out, closed.by, numbers);
    out.integer(closed.at.0);
    out.byte(u8::from(closed.decided));
    if let Some(resolved) = &closed.resolved {
        put_resolved(&mut out, resolved, numbers);
    }
    out.into_bytes()
}

fn put_resolved(out: &mut Output, resolved: &Resolved, numbers: &mut impl ReplicaNumbers) {
    out.length(resolved.rows.len());
    for row in &resolved.rows {
        put_row_key(out, row.key);
        out.byte(u8::from(row.was_visible));
        put_state(out, &row.before, &[], numbers);
        put_state(out, &row.after, &[], numbers);
    }
    out.length(resolved.returned.len());
    resolved.returned.iter().for_each(|key| put_row_key(out, *key));
}

/// Reads what [`encode_closed`] wrote: the conflict, and its place.
///
/// # Errors
/// [`Error::Corrupt`] if it is not such a record.
pub(crate) fn decode_closed(
    bytes: &[u8],
    replicas: &impl Fn(u32) -> Option<ReplicaId>,
) -> Result<(Closed, u32), Error> {
    let mut input = Input::new(bytes, Origin::Disk)?;
    let place = input.integer()?;
    let row = take_row_key(&mut input)?;
    let (by, at) = (take_dot(&mut input, replicas)?, Hlc(input.integer()?));
    let decided = take_flag(&mut input)?;
    let resolved = if input.left() > 0 { Some(take_resolved(&mut input, replicas)?) } else { None };
    input.end()?;
    Ok((Closed { row, by, at, decided, resolved }, place))
}

fn take_resolved(input: &mut Input<'_>, replicas: Replicas<'_>) -> Result<Resolved, Malformed> {
    let mut resolved = Resolved::default();
    for _ in 0..input.length(LEAST_KEY)? {
        let key = take_row_key(input)?;
        let was_visible = take_flag(input)?;
        let (before, after) = (take_state(input, key, replicas)?, take_state(input, key, replicas)?);
        resolved.rows.push(Altered { key, was_visible, before, after });
    }
    for _ in 0..input.length(LEAST_KEY)? {
        resolved.returned.push(take_row_key(input)?);
    }
    Ok(resolved)
}

fn take_flag(input: &mut Input<'_>) -> Result<bool, Malformed> {
    match input.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Malformed::new(format!("{other} says neither yes nor no"))),
    }
}

fn take_state(input: &mut Input<'_>, key: RowKey, replicas: Replicas<'_>) -> Result<RowState, Malformed> {
    let change = take_change(input, key, replicas)?;
    match change.withheld.as_slice() {
        [] => Ok(change.state),
        _ => Err(Malformed::new("the facts of a row are not whole")),
    }
}
