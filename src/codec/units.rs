//! The values of a row's units: runs of neighbouring units that one change wrote, so that a row as it
//! was inserted costs a few bytes over its values.

use smallvec::SmallVec;

use super::bytes::{Input, Malformed, Output};
use super::joined::{put_sum, take_sum};
use super::stamps::{RawStamp, Replicas, Stamps, put_stamp};
use super::values::{put_value, take_value};
use super::{MAX_ROW_COLUMNS, ReplicaNumbers};
use crate::ids::{ConstraintId, RowId, UnitId};
use crate::row::{Sibling, UnitValue};
use crate::version::{Hlc, Stamp};

/// One live value of one unit.
pub(super) type Cell<'a> = (UnitId, &'a Sibling<UnitValue>);

/// The form of a run whose units have more than one bare value.
const FULL: u64 = 1;
const PARENTS: u64 = 1 << 1;
const CLAIM: u64 = 1 << 2;
const SEEN: u64 = 1 << 3;

/// Writes cells, ascending by unit and dot. They extend to the end of the record.
pub(super) fn put_cells(
    out: &mut Output,
    mut cells: &[Cell<'_>],
    stamps: &Stamps,
    numbers: &mut impl ReplicaNumbers,
) {
    let mut last = 0;
    while let Some((id, sibling)) = cells.first() {
        let (run, rest) = cells.split_at_checked(run_length(cells)).unwrap_or((cells, &[]));
        out.integer(form(run));
        out.integer(id.0.wrapping_sub(last));
        if stamps.len() > 1 {
            out.length(stamps.place(&sibling.stamp).unwrap_or(usize::MAX));
        }
        for (_, sibling) in run {
            put_unit(out, &sibling.value, stamps, numbers);
        }
        last = run.last().map_or(last, |(id, _)| id.0);
        cells = rest;
    }
}

fn is_plain(value: &UnitValue) -> bool {
    value.columns.len() == 1 && value.parents.is_empty() && value.claim.is_none() && value.seen.is_empty()
}

/// How many cells at the start make one run: plain ones of consecutive units and of one change.
fn run_length(cells: &[Cell<'_>]) -> usize {
    let next = cells.iter().skip(1);
    let follows = cells.iter().zip(next).take_while(|((id, a), (next, b))| {
        is_plain(&a.value) && is_plain(&b.value) && id.0.checked_add(1) == Some(next.0) && a.stamp == b.stamp
    });
    follows.count() + 1
}

fn form(run: &[Cell<'_>]) -> u64 {
    match run.first() {
        Some((_, sibling)) if !is_plain(&sibling.value) => {
            let value = &sibling.value;
            let parents = if value.parents.is_empty() { 0 } else { PARENTS };
            let claim = if value.claim.is_none() { 0 } else { CLAIM };
            let seen = if value.seen.is_empty() { 0 } else { SEEN };
            (value.columns.len() as u64) << 4 | seen | claim | parents | FULL
        }
        _ => (run.len() as u64) << 1,
    }
}

fn put_unit(out: &mut Output, value: &UnitValue, stamps: &Stamps, numbers: &mut impl ReplicaNumbers) {
    value.columns.iter().for_each(|column| put_value(out, column));
    if !value.parents.is_empty() {
        out.length(value.parents.len());
    }
    for (foreign_key, row) in &value.parents {
        out.integer(foreign_key.0);
        out.raw(row.as_bytes());
    }
    if let Some(claim) = &value.claim {
        match stamps.place(claim) {
            Some(place) => out.length(place + 1),
            None => {
                out.length(0);
                put_stamp(out, claim, Hlc(0), numbers);
            }
        }
    }
    if !value.seen.is_empty() {
        out.length(value.seen.len());
    }
    for (row, sum) in &value.seen {
        out.raw(row.as_bytes());
        put_sum(out, *sum);
    }
}

/// A reader of cells.
pub(super) struct Cells {
    /// How many stamps the record has.
    stamps: usize,
    head: Head,
    /// How many units of the run are still to come.
    ahead: u64,
}

/// What stands before the value of a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) unit: UnitId,
    /// The place of its stamp.
    pub(super) stamp: usize,
    /// How many columns it has.
    pub(super) columns: usize,
    parents: bool,
    claim: bool,
    seen: bool,
}

impl Cells {
    pub(super) const fn new(stamps: usize) -> Cells {
        let head = Head { unit: UnitId(0), stamp: 0, columns: 1, parents: false, claim: false, seen: false };
        Cells { stamps, head, ahead: 0 }
    }

    /// The next cell, up to its values, which are read next; none at the end of the record.
    pub(super) fn next(&mut self, input: &mut Input<'_>) -> Result<Option<Head>, Malformed> {
        if self.ahead > 0 {
            self.ahead -= 1;
            self.advance(1)?;
        } else if input.left() == 0 {
            return Ok(None);
        } else {
            self.begin(input)?;
        }
        Ok(Some(self.head))
    }

    fn begin(&mut self, input: &mut Input<'_>) -> Result<(), Malformed> {
        let form: u64 = input.integer()?;
        let gap = input.integer()?;
        self.advance(gap)?;
        self.head.stamp = if self.stamps > 1 { input.length(0)? } else { 0 };
        let full = form & FULL != 0;
        let count = if full { form >> 4 } else { form >> 1 };
        self.head.columns = if full { usize::try_from(count).unwrap_or(usize::MAX) } else { 1 };
        (self.head.parents, self.head.claim) = (full && form & PARENTS != 0, full && form & CLAIM != 0);
        self.head.seen = full && form & SEEN != 0;
        self.ahead = if full { 0 } else { count.wrapping_sub(1) };
        let plain_as_full = full && count == 1 && !self.head.parents && !self.head.claim && !self.head.seen;
        if count > MAX_ROW_COLUMNS as u64 || (!full && count == 0) || plain_as_full {
            return Err(Malformed::new(format!("a run of units has the impossible form {form}")));
        }
        Ok(())
    }

    fn advance(&mut self, by: u32) -> Result<(), Malformed> {
        let unit = self.head.unit.0.checked_add(by);
        self.head.unit = UnitId(unit.ok_or_else(|| Malformed::new("a unit id is too great"))?);
        Ok(())
    }
}

impl Head {
    /// The value of the unit.
    pub(super) fn take(
        self,
        input: &mut Input<'_>,
        stamps: &Stamps,
        replicas: Replicas<'_>,
    ) -> Result<UnitValue, Malformed> {
        let mut columns = SmallVec::with_capacity(self.columns.min(input.left()));
        for _ in 0..self.columns {
            columns.push(take_value(input)?);
        }
        let parents = if self.parents { take_parents(input)? } else { Vec::new() };
        let claim = if self.claim { Some(take_claim(input, stamps, replicas)?) } else { None };
        let seen = if self.seen { take_seen(input)? } else { Vec::new() };
        Ok(UnitValue { columns, parents, claim, seen })
    }

    /// Passes over what follows the columns.
    pub(super) fn skip_rest(self, input: &mut Input<'_>) -> Result<(), Malformed> {
        if self.parents {
            take_parents(input)?;
        }
        if self.claim && input.length(0)? == 0 {
            RawStamp::take(input, Hlc(0))?;
        }
        if self.seen {
            take_seen(input)?;
        }
        Ok(())
    }
}

fn take_parents(input: &mut Input<'_>) -> Result<Vec<(ConstraintId, RowId)>, Malformed> {
    let length = input.length(17)?;
    let mut parents: Vec<(ConstraintId, RowId)> = Vec::with_capacity(length);
    for _ in 0..length {
        let parent = (ConstraintId(input.integer()?), RowId::from_bytes(input.array()?));
        if parents.last().is_some_and(|(last, _)| *last >= parent.0) {
            return Err(Malformed::new("the references of a unit are not ascending"));
        }
        parents.push(parent);
    }
    if parents.is_empty() {
        Err(Malformed::new("a unit has an empty list of references"))
    } else {
        Ok(parents)
    }
}

fn take_seen(input: &mut Input<'_>) -> Result<Vec<(RowId, i128)>, Malformed> {
    let length = input.length(18)?;
    let mut seen: Vec<(RowId, i128)> = Vec::with_capacity(length);
    for _ in 0..length {
        let next = (RowId::from_bytes(input.array()?), take_sum(input)?);
        if next.1 == 0 || seen.last().is_some_and(|(last, _)| *last >= next.0) {
            return Err(Malformed::new("the sums that a counter had are not ascending, or one is zero"));
        }
        seen.push(next);
    }
    if seen.is_empty() { Err(Malformed::new("a counter has an empty list of sums")) } else { Ok(seen) }
}

fn take_claim(input: &mut Input<'_>, stamps: &Stamps, replicas: Replicas<'_>) -> Result<Stamp, Malformed> {
    match input.length(0)?.checked_sub(1) {
        Some(place) => stamps.peek(place),
        None => RawStamp::take(input, Hlc(0))?.stamp(replicas),
    }
}
