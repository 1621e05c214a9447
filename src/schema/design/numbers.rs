//! Numbers for new objects: such that two masters who know nothing of each other do not give one number
//! twice. The objects of the first schema count from 1, so that the records of rows stay small.

use std::collections::BTreeSet;

use crate::fault::{Bug, planted};
use crate::ids::Dot;

/// The bit that all numbers of later objects have.
pub(super) const LATER: u32 = 1 << 31;

/// Gives numbers to the objects of one amendment: hashes of its id.
pub(in crate::schema) struct Numbers<'a> {
    amendment: Dot,
    used: &'a dyn Fn(u32) -> bool,
    given: BTreeSet<u32>,
    count: u64,
}

impl<'a> Numbers<'a> {
    pub fn new(amendment: Dot, used: &'a dyn Fn(u32) -> bool) -> Numbers<'a> {
        Numbers { amendment, used, given: BTreeSet::new(), count: 0 }
    }

    /// A number for a column, which has nothing to do with its name.
    pub fn of_column(&mut self, name: &str) -> u32 {
        if planted(Bug::ColumnByName) { by_name(name) } else { self.next() }
    }

    /// A number for a constraint, which has nothing to do with its name.
    pub fn of_constraint(&mut self, name: &str) -> u32 {
        if planted(Bug::ConstraintByName) { by_name(name) } else { self.next() }
    }

    /// A number that no known object has.
    pub fn next(&mut self) -> u32 {
        loop {
            let number = LATER | hash(self.amendment, self.count) >> 1;
            self.count += 1;
            if !(self.used)(number) && self.given.insert(number) {
                return number;
            }
        }
    }
}

/// What a number must not be: a name may come back with another meaning.
fn by_name(name: &str) -> u32 {
    name.bytes().fold(LATER, |number, byte| number.rotate_left(5) ^ u32::from(byte) | LATER)
}

fn hash(amendment: Dot, count: u64) -> u32 {
    let mut hasher = blake3::Hasher::new_derive_key("reunite 2026 number of a schema object");
    hasher.update(amendment.replica.as_bytes());
    hasher.update(&amendment.seq.to_be_bytes());
    hasher.update(&count.to_be_bytes());
    let mut bytes = [0; 4];
    hasher.finalize_xof().fill(&mut bytes);
    u32::from_be_bytes(bytes)
}
