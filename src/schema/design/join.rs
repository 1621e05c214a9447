//! Joining amendments: a union of sets, which refuses what no replica would have made.

use std::sync::Arc;

use super::{Amendment, Design, DesignError, Operation};
use crate::fault::{Bug, planted};
use crate::ids::Dot;
use crate::version::Knowledge;

impl Design {
    /// Adds amendments, in an order in which each comes after those that its author knew. Those that are
    /// here already change nothing. Says whether anything is new.
    ///
    /// # Errors
    /// If one of them cannot be: then none was added.
    pub fn join(&mut self, amendments: impl IntoIterator<Item = Amendment>) -> Result<bool, DesignError> {
        let mut joined = self.clone();
        for amendment in amendments {
            joined.add(amendment)?;
        }
        let new = joined.amendments.len() > self.amendments.len();
        *self = joined;
        Ok(new)
    }

    fn add(&mut self, amendment: Amendment) -> Result<(), DesignError> {
        if let Some(known) = self.amendments.get(&amendment.id) {
            let same = **known == amendment;
            return if same { Ok(()) } else { Err(DesignError::Forked { id: amendment.id }) };
        }
        self.check(&amendment)?;
        let size = self.bytes + amendment.to_text()?.len();
        if size > Design::MAX_BYTES {
            return Err(DesignError::TooMany { size, limit: Design::MAX_BYTES });
        }
        for number in amendment.operations.iter().flat_map(Operation::defines) {
            self.define(number, amendment.id)?;
        }
        self.bytes = size;
        let earlier =
            |other: &Dot| self.amendments.get(other).is_none_or(|other| other.order() < amendment.order());
        let place = self.order.partition_point(earlier);
        let place = if planted(Bug::SchemaByArrival) { self.order.len() } else { place };
        self.order.insert(place, amendment.id);
        self.amendments.insert(amendment.id, Arc::new(amendment));
        Ok(())
    }

    /// Whether an author who knew what it says it knew could have made it.
    fn check(&self, amendment: &Amendment) -> Result<(), DesignError> {
        let Amendment { id, seen, .. } = amendment;
        if id.seq == 0 || seen.get(id.replica) != id.seq - 1 || !self.known().includes(seen) {
            return Err(DesignError::Gap { id: *id });
        }
        let last = |(replica, seq)| self.amendments.get(&Dot { replica, seq });
        if seen.iter().filter_map(last).any(|known| known.time >= amendment.time) {
            return Err(DesignError::malformed(format!("{id} is older than what its author knew")));
        }
        if amendment.term != self.term(seen) {
            return Err(DesignError::malformed(format!("{id} has a term that its author could not know")));
        }
        let wrong_term = |operation: &Operation| match operation {
            Operation::SetMaster { term, .. } => Some(*term) != amendment.term.checked_add(1),
            _ => false,
        };
        if amendment.operations.iter().any(wrong_term) {
            return Err(DesignError::malformed(format!("{id} begins a term that is not the next one")));
        }
        Ok(())
    }

    fn define(&mut self, number: u32, id: Dot) -> Result<(), DesignError> {
        // The objects of the first schema count from 1, later ones have the highest bit.
        if number & super::numbers::LATER == 0 {
            return Err(DesignError::malformed(format!("{id} gives an object the number {number}")));
        }
        match self.numbers.insert(number, id) {
            Some(_) if planted(Bug::ColumnByName) || planted(Bug::ConstraintByName) => Ok(()),
            Some(first) => Err(DesignError::SameNumber { number, first, second: id }),
            None => Ok(()),
        }
    }

    /// The term that is under way for whoever knows these amendments.
    pub(super) fn term(&self, known: &Knowledge) -> u64 {
        let known = self.amendments.values().filter(|amendment| known.covers(amendment.id));
        known.map(|amendment| amendment.terms().0).max().unwrap_or(0)
    }
}
