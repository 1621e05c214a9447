//! The stamps of a row, each written once: a row is mostly written by one change, so that units name
//! a stamp by its place in this table, or not at all if there is but one.

use super::ReplicaNumbers;
use super::bytes::{Input, Malformed, Output, unzigzag, width, zigzag};
use crate::ids::{Dot, ReplicaId, Seq};
use crate::version::{Hlc, Priority, Stamp};

/// Tells the replica with a number.
pub(super) type Replicas<'a> = &'a dyn Fn(u32) -> Option<ReplicaId>;

/// Distinct stamps, ascending by dot.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    all: Vec<Stamp>,
    /// Which of a peer's were named by something that is live: a stamp that nothing has would widen
    /// the row's vector.
    named: Vec<bool>,
}

fn order(stamp: &Stamp) -> (Dot, Hlc, Priority, bool) {
    (stamp.dot, stamp.hlc, stamp.priority, stamp.decision)
}

impl Stamps {
    /// The table of these stamps, some of which may be equal.
    pub(super) fn of<'s>(stamps: impl Iterator<Item = &'s Stamp>) -> Stamps {
        let mut all: Vec<Stamp> = Vec::new();
        for stamp in stamps {
            if all.last() != Some(stamp) {
                all.push(*stamp);
            }
        }
        if all.len() > 1 {
            all.sort_unstable_by_key(order);
            all.dedup();
        }
        Stamps { all, named: Vec::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.all.len()
    }

    /// The only stamp, if there is but one.
    pub(super) fn only(&self) -> Option<&Stamp> {
        self.all.first().filter(|_| self.all.len() == 1)
    }

    pub(super) fn dots(&self) -> impl Iterator<Item = Dot> + '_ {
        self.all.iter().map(|stamp| stamp.dot)
    }

    /// The place of a stamp that is in the table.
    pub(super) fn place(&self, stamp: &Stamp) -> Option<usize> {
        self.all.binary_search_by_key(&order(stamp), order).ok()
    }

    /// The stamp at a place that a record names.
    pub(super) fn at(&mut self, place: usize) -> Result<Stamp, Malformed> {
        if let Some(named) = self.named.get_mut(place) {
            *named = true;
        }
        self.peek(place)
    }

    /// The stamp at a place, which something that is not live names.
    pub(super) fn peek(&self, place: usize) -> Result<Stamp, Malformed> {
        self.all.get(place).copied().ok_or_else(|| Malformed::new("a value names a stamp that is not there"))
    }

    /// Whether everything of the table was asked for, of a table that tracks it.
    pub(super) fn all_named(&self) -> bool {
        self.named.iter().all(|named| *named)
    }

    /// Writes the table without its length.
    pub(super) fn put(&self, out: &mut Output, numbers: &mut impl ReplicaNumbers) {
        let mut before = Hlc(0);
        for stamp in &self.all {
            put_stamp(out, stamp, before, numbers);
            before = stamp.hlc;
        }
    }

    /// Reads a table of this length.
    pub(super) fn take(
        input: &mut Input<'_>,
        length: usize,
        replicas: Replicas<'_>,
    ) -> Result<Stamps, Malformed> {
        let mut all: Vec<Stamp> = Vec::with_capacity(length);
        let mut before = Hlc(0);
        for _ in 0..length {
            let stamp = RawStamp::take(input, before)?.stamp(replicas)?;
            if all.last().is_some_and(|last| order(last) >= order(&stamp)) {
                return Err(Malformed::new("the stamps of a row are not ascending"));
            }
            before = stamp.hlc;
            all.push(stamp);
        }
        Ok(Stamps { all, named: Vec::new() })
    }

    /// From now on remembers which stamps were asked for.
    pub(super) fn track(&mut self) {
        self.named = vec![false; self.all.len()];
    }
}

/// The fewest bytes of a stamp in a table.
pub(super) const LEAST_STAMP: usize = 3;

/// There is a byte with the priority.
const PRIORITY: u8 = 1 << 7;
/// In that byte: a policy made the change.
const DECISION: u8 = 1 << 7;

/// Writes a stamp; its time first as the difference to another.
pub(super) fn put_stamp(out: &mut Output, stamp: &Stamp, before: Hlc, numbers: &mut impl ReplicaNumbers) {
    let later = zigzag(stamp.hlc.0.wrapping_sub(before.0).cast_signed());
    let (hlc_width, seq_width) = (width(later), width(stamp.dot.seq).max(1));
    let usual = stamp.priority == Priority::default() && !stamp.decision;
    out.byte((seq_width - 1) | hlc_width << 3 | if usual { 0 } else { PRIORITY });
    if !usual {
        out.byte(stamp.priority.get() | if stamp.decision { DECISION } else { 0 });
    }
    out.trimmed(later, hlc_width);
    out.trimmed(stamp.dot.seq, seq_width);
    out.integer(numbers.number(stamp.dot.replica));
}

/// A stamp whose replica is still a number.
pub(super) struct RawStamp {
    replica: u32,
    seq: Seq,
    hlc: Hlc,
    priority: Priority,
    decision: bool,
}

impl RawStamp {
    pub(super) fn take(input: &mut Input<'_>, before: Hlc) -> Result<RawStamp, Malformed> {
        let shape = input.byte()?;
        let (priority, decision) =
            if shape & PRIORITY == 0 { (Priority::default(), false) } else { unusual(input.byte()?)? };
        let later = unzigzag(input.trimmed(shape >> 3 & 0xf)?).cast_unsigned();
        Ok(RawStamp {
            seq: input.trimmed((shape & 7) + 1)?,
            replica: input.integer()?,
            hlc: Hlc(before.0.wrapping_add(later)),
            priority,
            decision,
        })
    }

    pub(super) fn stamp(self, replicas: Replicas<'_>) -> Result<Stamp, Malformed> {
        let dot = Dot { replica: replica(replicas, self.replica)?, seq: self.seq };
        Ok(Stamp { priority: self.priority, hlc: self.hlc, dot, decision: self.decision })
    }
}

/// A priority that is not the usual one, or that of a decision.
fn unusual(byte: u8) -> Result<(Priority, bool), Malformed> {
    let decision = byte & DECISION != 0;
    let priority = Priority::new(byte & !DECISION);
    let priority = priority.filter(|priority| decision || *priority != Priority::default());
    let priority =
        priority.ok_or_else(|| Malformed::new("a priority above 100, or the usual one spelled out"));
    Ok((priority?, decision))
}

/// The replica with this number.
pub(super) fn replica(replicas: Replicas<'_>, number: u32) -> Result<ReplicaId, Malformed> {
    replicas(number).ok_or_else(|| Malformed::new(format!("no replica has the number {number}")))
}

/// Writes a dot outside the table.
pub(super) fn put_dot(out: &mut Output, dot: Dot, numbers: &mut impl ReplicaNumbers) {
    out.integer(numbers.number(dot.replica));
    out.integer(dot.seq);
}

/// Reads a dot outside the table.
pub(super) fn take_dot(input: &mut Input<'_>, replicas: Replicas<'_>) -> Result<Dot, Malformed> {
    let dot = Dot { replica: replica(replicas, input.integer()?)?, seq: input.integer()? };
    if dot.seq == 0 { Err(Malformed::new("a change without a number")) } else { Ok(dot) }
}
