//! What counts together in a row, as bytes: the counts of its counters, the elements of its sets.

use super::ReplicaNumbers;
use super::bytes::{Input, Malformed, Output};
use super::stamps::{Replicas, Stamps, replica};
use super::values::{put_json, take_json};
use crate::ids::{RowId, UnitId};
use crate::row::{Count, RowState, Sibling, Siblings};

/// Writes both lists.
pub(super) fn put_joined(
    out: &mut Output,
    row: &RowState,
    stamps: &Stamps,
    numbers: &mut impl ReplicaNumbers,
) {
    out.length(row.counts.iter().len());
    for (unit, id, replica, count) in row.counts.iter() {
        out.integer(unit.0);
        out.raw(id.as_bytes());
        out.integer(numbers.number(replica));
        out.integer(count.seq);
        put_sum(out, count.total);
    }
    out.length(row.elements.iter().len());
    for (unit, element, siblings) in row.elements.iter() {
        out.integer(unit.0);
        put_json(out, element);
        out.length(siblings.len());
        for stamp in siblings.stamps() {
            out.length(stamps.place(stamp).unwrap_or(usize::MAX));
        }
    }
}

/// Reads both lists. Counts are ascending by unit, row and replica id.
pub(super) fn take_joined(
    input: &mut Input<'_>,
    stamps: &mut Stamps,
    replicas: Replicas<'_>,
    row: &mut RowState,
) -> Result<(), Malformed> {
    let mut last = None;
    for _ in 0..input.length(21)? {
        let unit = UnitId(input.integer()?);
        let id = RowId::from_bytes(input.array()?);
        let replica = replica(replicas, input.integer()?)?;
        let count = Count { seq: input.integer()?, total: take_sum(input)? };
        if last >= Some((unit, id, replica)) || count.seq == 0 {
            return Err(Malformed::new("the counts of a row are not ascending, or one has no number"));
        }
        last = Some((unit, id, replica));
        row.counts.join(unit, id, replica, count);
    }
    let mut last = None;
    for _ in 0..input.length(4)? {
        let this = (UnitId(input.integer()?), take_json(input)?);
        if last.as_ref() >= Some(&this) {
            return Err(Malformed::new("the elements of a row are not ascending"));
        }
        row.elements.set(this.0, this.1.clone(), take_places(input, stamps)?);
        last = Some(this);
    }
    if row.counts.is_empty() && row.elements.is_empty() {
        return Err(Malformed::new("a row has empty lists of counts and elements"));
    }
    Ok(())
}

fn take_places(input: &mut Input<'_>, stamps: &mut Stamps) -> Result<Siblings<()>, Malformed> {
    let mut siblings = Siblings::new();
    for _ in 0..input.length(1)? {
        let stamp = stamps.at(input.length(0)?)?;
        if siblings.dots().last() >= Some(stamp.dot) {
            return Err(Malformed::new("the changes that added an element are not ascending"));
        }
        siblings.insert(Sibling { stamp, value: () });
    }
    if siblings.is_empty() { Err(Malformed::new("nobody added an element")) } else { Ok(siblings) }
}

/// Passes over both lists.
pub(super) fn skip_joined(input: &mut Input<'_>) -> Result<(), Malformed> {
    for _ in 0..input.length(21)? {
        input.integer::<u64>()?;
        input.raw(16)?;
        (0..2).try_for_each(|_| input.integer::<u64>().map(|_| ()))?;
        take_sum(input)?;
    }
    for _ in 0..input.length(4)? {
        input.integer::<u64>()?;
        input.sized()?;
        for _ in 0..input.length(1)? {
            input.length(0)?;
        }
    }
    Ok(())
}

/// Writes a sum of 128 bits as two integers, small ones in two bytes.
pub(super) fn put_sum(out: &mut Output, sum: i128) {
    let folded = (sum.cast_unsigned() << 1) ^ (sum >> 127).cast_unsigned();
    #[allow(clippy::cast_possible_truncation)] // The lower and the upper half.
    let (low, high) = (folded as u64, (folded >> 64) as u64);
    out.integer(low);
    out.integer(high);
}

/// The reverse of [`put_sum`].
pub(super) fn take_sum(input: &mut Input<'_>) -> Result<i128, Malformed> {
    let (low, high): (u64, u64) = (input.integer()?, input.integer()?);
    let folded = u128::from(low) | u128::from(high) << 64;
    Ok((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
}
