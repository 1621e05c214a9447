//! The facts of a row as bytes: what rows on disk and rows in messages have in common.
//!
//! Layout: the stamps, birth, life, boost, dismissals, counts, elements, the part of the vector that says more than the
//! stamps, then the values of units to the end. The first byte of a record says which are there; four
//! of its bits belong to the owner of the record.

use super::ReplicaNumbers;
use super::bytes::{Input, Malformed, Origin, Output};
use super::joined::{put_joined, skip_joined, take_joined};
use super::life::{put_lives, skip_life, take_life};
use super::stamps::{LEAST_STAMP, RawStamp, Replicas, Stamps, put_dot, replica, take_dot};
use super::units::{Cell, Cells, put_cells};
use crate::ids::{ConflictId, Dot, ReplicaId, Seq};
use crate::row::{Ack, Life, RowState, Sibling};
use crate::version::{Hlc, Stamp};

/// One change made the row, lives in it, and wrote everything there is.
const FRESH: u8 = 1 << 4;
/// The vector covers more than the stamps show.
const VECTOR: u8 = 1 << 5;
/// There is a boost or a dismissal.
const MORE: u8 = 1 << 6;
/// There are counts of counters, or elements of sets.
const JOINED: u8 = 1 << 7;
/// The bits that the owner of a record may use.
pub(super) const OWNER: u8 = 0xf;

/// The facts of a row, with those of its unit values that belong into one record.
pub(super) struct Facts<'a> {
    row: &'a RowState,
    cells: &'a [Cell<'a>],
    stamps: Stamps,
    extra: Vec<(ReplicaId, Seq)>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(row: &'a RowState, cells: &'a [Cell<'a>]) -> Facts<'a> {
        let values = cells.iter().map(|(_, sibling)| &sibling.stamp);
        let others = row.life.stamps().chain(row.boost.stamps()).chain(row.acks.stamps());
        let stamps = Stamps::of(values.chain(others).chain(row.elements.stamps()));
        let extra = row.vector.iter().filter(|(id, seq)| *seq > implied(*id, row.born, &stamps)).collect();
        Facts { row, cells, stamps, extra }
    }

    /// Which parts there are: for the first byte.
    pub(super) fn flags(&self) -> u8 {
        let more = !self.row.boost.is_empty() || !self.row.acks.is_empty();
        let flag = |set, flag| if set { flag } else { 0 };
        let joined = !self.row.counts.is_empty() || !self.row.elements.is_empty();
        flag(joined, JOINED)
            | flag(self.is_fresh(), FRESH)
            | flag(!self.extra.is_empty(), VECTOR)
            | flag(more, MORE)
    }

    fn is_fresh(&self) -> bool {
        let lives = |stamp: &Stamp| self.row.life.iter().all(|s| s.value == Life::ALIVE && s.stamp == *stamp);
        let fresh = |stamp: &Stamp| stamp.dot == self.row.born && lives(stamp);
        self.row.life.len() == 1 && self.stamps.only().is_some_and(fresh)
    }

    pub(super) fn put(&self, out: &mut Output, numbers: &mut impl ReplicaNumbers) {
        if self.is_fresh() {
            self.stamps.put(out, numbers);
        } else {
            out.length(self.stamps.len());
            self.stamps.put(out, numbers);
            self.put_birth(out, numbers);
            put_lives(out, &self.row.life, &self.stamps, numbers);
        }
        if self.flags() & MORE != 0 {
            self.put_more(out);
        }
        if self.flags() & JOINED != 0 {
            put_joined(out, self.row, &self.stamps, numbers);
        }
        if !self.extra.is_empty() {
            out.length(self.extra.len());
        }
        for (id, seq) in &self.extra {
            out.integer(numbers.number(*id));
            out.integer(seq - implied(*id, self.row.born, &self.stamps));
        }
        put_cells(out, self.cells, &self.stamps, numbers);
    }

    fn put_birth(&self, out: &mut Output, numbers: &mut impl ReplicaNumbers) {
        match self.stamps.dots().position(|dot| dot == self.row.born) {
            Some(place) => out.length(place + 1),
            None => {
                out.length(0);
                put_dot(out, self.row.born, numbers);
            }
        }
    }

    fn put_more(&self, out: &mut Output) {
        out.length(self.row.boost.len());
        for stamp in self.row.boost.stamps() {
            self.put_place(out, stamp, false);
        }
        out.length(self.row.acks.len());
        for sibling in self.row.acks.iter() {
            let Ack(conflicts) = &sibling.value;
            self.put_place(out, &sibling.stamp, !conflicts.is_empty());
            if !conflicts.is_empty() {
                out.length(conflicts.len());
                conflicts.iter().for_each(|id| out.raw(id.as_bytes()));
            }
        }
    }

    fn put_place(&self, out: &mut Output, stamp: &Stamp, bit: bool) {
        let place = self.stamps.place(stamp).unwrap_or(usize::MAX >> 1);
        out.length(place << 1 | usize::from(bit));
    }
}

/// The greatest seq of a replica that the stamps and the birth show.
fn implied(id: ReplicaId, born: Dot, stamps: &Stamps) -> Seq {
    let dots = stamps.dots().chain([born]).filter(|dot| dot.replica == id);
    dots.map(|dot| dot.seq).max().unwrap_or(0)
}

/// Reads the facts of a row: the rest of the record.
pub(super) fn take_facts(
    input: &mut Input<'_>,
    flags: u8,
    replicas: Replicas<'_>,
) -> Result<RowState, Malformed> {
    let length = if flags & FRESH != 0 { 1 } else { input.length(LEAST_STAMP)? };
    let mut stamps = Stamps::take(input, length, replicas)?;
    if input.origin == Origin::Peer {
        stamps.track();
    }
    let mut row =
        if flags & FRESH != 0 { fresh(&mut stamps)? } else { take_lives(input, &mut stamps, replicas)? };
    if flags & MORE != 0 {
        take_more(input, &mut stamps, &mut row)?;
    }
    if flags & JOINED != 0 {
        take_joined(input, &mut stamps, replicas, &mut row)?;
    }
    row.vector = stamps.dots().chain([row.born]).map(|dot| (dot.replica, dot.seq)).collect();
    if flags & VECTOR != 0 {
        take_vector(input, &mut row, replicas)?;
    }
    if row.counts.iter().any(|(_, _, replica, count)| row.vector.get(replica) < count.seq) {
        return Err(Malformed::new("a count is of a change that its row has not taken in"));
    }
    take_cells(input, &mut stamps, replicas, &mut row)?;
    if stamps.all_named() { Ok(row) } else { Err(Malformed::new("a row has a stamp that nothing in it has")) }
}

fn fresh(stamps: &mut Stamps) -> Result<RowState, Malformed> {
    let stamp = stamps.at(0)?;
    let mut row = RowState::new(stamp.dot);
    row.life.insert(Sibling { stamp, value: Life::ALIVE });
    Ok(row)
}

fn take_lives(
    input: &mut Input<'_>,
    stamps: &mut Stamps,
    replicas: Replicas<'_>,
) -> Result<RowState, Malformed> {
    let born = match input.length(0)?.checked_sub(1) {
        Some(place) => stamps.peek(place)?.dot,
        None => take_dot(input, replicas)?,
    };
    let mut row = RowState::new(born);
    for _ in 0..input.length(1)? {
        let sibling = take_life(input, stamps, replicas)?;
        ascending(row.life.dots().last(), sibling.stamp.dot)?;
        row.life.insert(sibling);
    }
    Ok(row)
}

fn take_more(input: &mut Input<'_>, stamps: &mut Stamps, row: &mut RowState) -> Result<(), Malformed> {
    for _ in 0..input.length(1)? {
        let (place, _) = take_place(input)?;
        let stamp = stamps.at(place)?;
        ascending(row.boost.dots().last(), stamp.dot)?;
        row.boost.insert(Sibling { stamp, value: () });
    }
    for _ in 0..input.length(1)? {
        let (place, conflicts) = take_place(input)?;
        let stamp = stamps.at(place)?;
        let value = if conflicts { take_ack(input)? } else { Ack::REMOVAL };
        ascending(row.acks.dots().last(), stamp.dot)?;
        row.acks.insert(Sibling { stamp, value });
    }
    Ok(())
}

fn take_ack(input: &mut Input<'_>) -> Result<Ack, Malformed> {
    let mut conflicts = Vec::new();
    for _ in 0..input.length(16)? {
        conflicts.push(ConflictId::from_bytes(input.array()?));
    }
    if conflicts.is_empty() || !conflicts.is_sorted_by(|a, b| a < b) {
        return Err(Malformed::new("the dismissed conflicts are none or not in order"));
    }
    Ok(Ack(conflicts))
}

fn take_place(input: &mut Input<'_>) -> Result<(usize, bool), Malformed> {
    let place = input.length(0)?;
    Ok((place >> 1, place & 1 != 0))
}

fn ascending(last: Option<Dot>, next: Dot) -> Result<(), Malformed> {
    if last.is_some_and(|last| last >= next) {
        return Err(Malformed::new("the values of a unit are not ascending"));
    }
    Ok(())
}

fn take_vector(input: &mut Input<'_>, row: &mut RowState, replicas: Replicas<'_>) -> Result<(), Malformed> {
    let mut last = None;
    for _ in 0..input.length(2)? {
        let id = replica(replicas, input.integer()?)?;
        let more: Seq = input.integer()?;
        let seq = row.vector.get(id).checked_add(more).filter(|_| more > 0 && last < Some(id));
        let seq = seq.ok_or_else(|| Malformed::new("the vector of a row is not in its canonical form"))?;
        row.vector.cover(Dot { replica: id, seq });
        last = Some(id);
    }
    Ok(())
}

/// Reads values of units to the end of the record, and adds them to the row.
pub(super) fn take_cells(
    input: &mut Input<'_>,
    stamps: &mut Stamps,
    replicas: Replicas<'_>,
    row: &mut RowState,
) -> Result<(), Malformed> {
    let mut cells = Cells::new(stamps.len());
    let mut last = None;
    while let Some(head) = cells.next(input)? {
        let stamp = stamps.at(head.stamp)?;
        let this = (head.unit, stamp.dot);
        if last >= Some(this) {
            return Err(Malformed::new("the values of a row are not ascending"));
        }
        last = Some(this);
        row.add_to_unit(head.unit, Sibling { stamp, value: head.take(input, stamps, replicas)? });
    }
    Ok(())
}

/// Passes over everything up to the values of units; the number of stamps.
pub(super) fn skip_to_cells(input: &mut Input<'_>, flags: u8) -> Result<usize, Malformed> {
    let fresh = flags & FRESH != 0;
    let stamps = if fresh { 1 } else { input.length(LEAST_STAMP)? };
    for _ in 0..stamps {
        RawStamp::take(input, Hlc(0))?;
    }
    if !fresh {
        if input.length(0)? == 0 {
            skip_integers(input, 2)?;
        }
        for _ in 0..input.length(1)? {
            skip_life(input)?;
        }
    }
    if flags & MORE != 0 {
        skip_list(input, 1)?;
        for _ in 0..input.length(1)? {
            let (_, conflict) = take_place(input)?;
            let ids = if conflict { input.length(16)? } else { 0 };
            input.raw(ids * 16)?;
        }
    }
    if flags & JOINED != 0 {
        skip_joined(input)?;
    }
    if flags & VECTOR != 0 {
        skip_list(input, 2)?;
    }
    Ok(stamps)
}

fn skip_list(input: &mut Input<'_>, integers: usize) -> Result<(), Malformed> {
    let length = input.length(integers)?;
    skip_integers(input, length * integers)
}

fn skip_integers(input: &mut Input<'_>, count: usize) -> Result<(), Malformed> {
    (0..count).try_for_each(|_| input.integer::<u64>().map(|_| ()))
}
