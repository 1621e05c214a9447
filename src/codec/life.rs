//! What changes said about the life of a row as bytes: that it lives, that it was deleted, or which
//! row it became, with the rows and changes that each of them names.

use super::ReplicaNumbers;
use super::bytes::{Input, Malformed, Output};
use super::stamps::{Replicas, Stamps, put_dot, take_dot};
use super::values::{put_json, put_value, skip_value, take_json, take_value};
use crate::ids::{ConstraintId, Dot, RowId, UnitId};
use crate::row::{Life, Merge, MergeRule, Sibling, Siblings};
use crate::value::Json;

// What the last two bits of a place say.
const ALIVE: usize = 0;
const DEAD: usize = 1;
const MERGED: usize = 2;
/// Alive or dead, with rows that it names.
const NAMING: usize = 3;

/// Writes the life of a row.
pub(super) fn put_lives(
    out: &mut Output,
    lives: &Siblings<Life>,
    stamps: &Stamps,
    numbers: &mut impl ReplicaNumbers,
) {
    out.length(lives.len());
    for sibling in lives.iter() {
        let place = stamps.place(&sibling.stamp).unwrap_or(usize::MAX >> 2) << 2;
        match &sibling.value {
            Life::Alive { apart } if apart.is_empty() => out.length(place | ALIVE),
            Life::Dead { with } if with.is_empty() => out.length(place | DEAD),
            Life::Alive { apart: rows } | Life::Dead { with: rows } => {
                out.length(place | NAMING);
                out.length(rows.len() << 1 | usize::from(sibling.value.is_dead()));
                rows.iter().for_each(|row| out.raw(row.as_bytes()));
            }
            Life::Merged(merge) => {
                out.length(place | MERGED);
                put_merge(out, merge, numbers);
            }
        }
    }
}

/// Writes a merge tombstone.
fn put_merge(out: &mut Output, merge: &Merge, numbers: &mut impl ReplicaNumbers) {
    out.raw(merge.into.as_bytes());
    out.length(merge.absorbed.len() << 1 | usize::from(merge.rule.is_some()));
    put_spots(out, &merge.absorbed, numbers);
    out.length(merge.removed.len());
    for (unit, element, dot) in &merge.removed {
        out.integer(unit.0);
        put_json(out, element);
        put_dot(out, *dot, numbers);
    }
    if let Some(rule) = &merge.rule {
        out.integer(rule.key.0);
        out.length(rule.value.len());
        rule.value.iter().for_each(|value| put_value(out, value));
        out.length(rule.seen.len());
        put_spots(out, &rule.seen, numbers);
    }
}

fn put_spots(out: &mut Output, spots: &[(UnitId, Dot)], numbers: &mut impl ReplicaNumbers) {
    for (unit, dot) in spots {
        out.integer(unit.0);
        put_dot(out, *dot, numbers);
    }
}

/// The fewest bytes of a unit and a dot.
const LEAST_SPOT: usize = 3;

/// Reads a value of the life of a row. Whether it names rows and changes that make sense is checked
/// where a peer's rows are taken in.
pub(super) fn take_life(
    input: &mut Input<'_>,
    stamps: &mut Stamps,
    replicas: Replicas<'_>,
) -> Result<Sibling<Life>, Malformed> {
    let place = input.length(0)?;
    let stamp = stamps.at(place >> 2)?;
    let value = match place & 3 {
        ALIVE => Life::ALIVE,
        DEAD => Life::DEAD,
        MERGED => Life::Merged(take_merge(input, replicas)?),
        _ => take_naming(input)?,
    };
    Ok(Sibling { stamp, value })
}

fn take_naming(input: &mut Input<'_>) -> Result<Life, Malformed> {
    let (count, dead) = take_count(input, 16)?;
    let mut rows = Vec::with_capacity(count);
    for _ in 0..count {
        rows.push(RowId::from_bytes(input.array()?));
    }
    if rows.is_empty() || !rows.is_sorted_by(|a, b| a < b) {
        return Err(Malformed::new("the rows that a life names are none or not in order"));
    }
    Ok(if dead { Life::Dead { with: rows } } else { Life::Alive { apart: rows } })
}

fn take_merge(input: &mut Input<'_>, replicas: Replicas<'_>) -> Result<Merge, Malformed> {
    let into = RowId::from_bytes(input.array()?);
    let (count, by_rule) = take_count(input, LEAST_SPOT)?;
    let absorbed = take_spots(input, count, replicas)?;
    let removed = take_removed(input, replicas)?;
    if !by_rule {
        return Ok(Merge { into, absorbed, removed, rule: None });
    }
    let key = ConstraintId(input.integer()?);
    let mut value = Vec::new();
    for _ in 0..input.length(1)? {
        value.push(take_value(input)?);
    }
    let count = input.length(LEAST_SPOT)?;
    let seen = take_spots(input, count, replicas)?;
    Ok(Merge { into, absorbed, removed, rule: Some(MergeRule { key, value, seen }) })
}

fn take_removed(
    input: &mut Input<'_>,
    replicas: Replicas<'_>,
) -> Result<Vec<(UnitId, Json, Dot)>, Malformed> {
    let count = input.length(LEAST_SPOT + 1)?;
    let mut removed = Vec::with_capacity(count);
    for _ in 0..count {
        let unit = UnitId(input.integer()?);
        removed.push((unit, take_json(input)?, take_dot(input, replicas)?));
    }
    if !removed.is_sorted_by(|a, b| a < b) {
        return Err(Malformed::new("the elements that a merge names are not in order"));
    }
    Ok(removed)
}

fn take_spots(
    input: &mut Input<'_>,
    count: usize,
    replicas: Replicas<'_>,
) -> Result<Vec<(UnitId, Dot)>, Malformed> {
    let mut spots = Vec::with_capacity(count);
    for _ in 0..count {
        spots.push((UnitId(input.integer()?), take_dot(input, replicas)?));
    }
    if !spots.is_sorted_by(|a, b| a < b) {
        return Err(Malformed::new("the values that a merge names are not in order"));
    }
    Ok(spots)
}

/// A length whose last bit says something else, checked against the rest of the input.
fn take_count(input: &mut Input<'_>, least: usize) -> Result<(usize, bool), Malformed> {
    let both = input.length(0)?;
    let count = both >> 1;
    if count > input.left() / least {
        return Err(Malformed::new("the bytes end too early"));
    }
    Ok((count, both & 1 != 0))
}

/// Passes over a value of the life of a row.
pub(super) fn skip_life(input: &mut Input<'_>) -> Result<(), Malformed> {
    match input.length(0)? & 3 {
        MERGED => {
            input.raw(16)?;
            let (count, by_rule) = take_count(input, LEAST_SPOT)?;
            skip_spots(input, count)?;
            for _ in 0..input.length(LEAST_SPOT + 1)? {
                input.integer::<u32>()?;
                input.sized()?;
                (0..2).try_for_each(|_| input.integer::<u64>().map(|_| ()))?;
            }
            if by_rule {
                input.integer::<u32>()?;
                for _ in 0..input.length(1)? {
                    skip_value(input)?;
                }
                let count = input.length(LEAST_SPOT)?;
                skip_spots(input, count)?;
            }
            Ok(())
        }
        NAMING => {
            let (count, _) = take_count(input, 16)?;
            input.raw(count * 16).map(|_| ())
        }
        _ => Ok(()),
    }
}

fn skip_spots(input: &mut Input<'_>, count: usize) -> Result<(), Malformed> {
    (0..count * 3).try_for_each(|_| input.integer::<u64>().map(|_| ()))
}
