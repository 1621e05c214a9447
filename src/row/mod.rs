//! The replicated state of a row: facts, with no constraint in them.
//!
//! A [`RowState`] is a set of live, dotted values under one version vector (a dotted causal
//! container, after Almeida, Shoker and Baquero). Which value is visible, and what is in conflict, is
//! not decided here: see `derive`. How two states join is in `merge`.
//!
//! One vector stands for all units of a row. Rows travel whole, so whoever has a dot of a row has
//! taken in all that its writer saw of that row, in every unit; the merge is the same as with a
//! vector per unit (`tests/histories.rs` checks it on every row that is synced).

mod batch;
mod change;
mod counts;
mod elements;
mod seen;
mod closed;
mod siblings;
mod value;

pub use batch::{Batch, LogEntry};
pub use change::RowChange;
pub(crate) use closed::{Altered, Closed, Resolved};
pub use counts::{Count, Counts};
pub use elements::Elements;
pub use seen::Version;
pub use siblings::{Sibling, Siblings};
pub use value::{Ack, Life, LifeKind, Merge, MergeRule, UnitValue};

use crate::ids::{ConflictId, Dot, RowId, UnitId};
use crate::value::Json;
use crate::version::{Hlc, Stamp, VersionVector};

/// Everything that replicas exchange about one row.
///
/// ```
/// use reunite::ids::{Dot, ReplicaId, UnitId};
/// use reunite::row::{Life, RowState, UnitValue};
/// use reunite::version::{Hlc, Priority, Stamp};
/// let dot = |seq| Dot { replica: ReplicaId::from_bytes([1; 16]), seq };
/// let stamp = |seq| Stamp::new(Priority::default(), Hlc(seq), dot(seq));
/// let phone = |text: &str| UnitValue { columns: vec![text.into()].into(), ..UnitValue::default() };
/// let mut ann = RowState::new(dot(1));
/// ann.write_life(stamp(1), Life::ALIVE, &[]);
/// ann.write_unit(UnitId(2), stamp(1), phone("555 01"), &[]);
/// ann.write_unit(UnitId(2), stamp(2), phone("555 02"), &[dot(1)]);
/// assert_eq!(ann.unit(UnitId(2)).dots().collect::<Vec<_>>(), [dot(2)]); // the new value alone
/// assert!(ann.vector.covers(dot(1)) && !ann.has_losers()); // the old one was taken in, and replaced
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowState {
    /// The change that made the row.
    pub born: Dot,
    /// All changes of this row that were taken in, live or replaced.
    pub vector: VersionVector,
    /// Whether the row lives.
    pub life: Siblings<Life>,
    /// The latest wish to see this row before its rivals.
    pub boost: Siblings<()>,
    /// Dismissals.
    pub acks: Siblings<Ack>,
    /// The units that were ever written, ascending by id. A unit never written has the schema's
    /// default, no dot, and is never in conflict.
    units: Vec<(UnitId, Siblings<UnitValue>)>,
    /// What was added to the counters.
    pub counts: Counts,
    /// The elements of the sets.
    pub elements: Elements,
}

impl RowState {
    /// A row about which nothing is known yet but its first change.
    #[must_use]
    pub fn new(born: Dot) -> RowState {
        RowState {
            born,
            vector: VersionVector::default(),
            life: Siblings::default(),
            boost: Siblings::default(),
            acks: Siblings::default(),
            units: Vec::new(),
            counts: Counts::default(),
            elements: Elements::default(),
        }
    }

    /// The live values of a unit.
    #[must_use]
    pub fn unit(&self, id: UnitId) -> &Siblings<UnitValue> {
        static NEVER_WRITTEN: Siblings<UnitValue> = Siblings::new();
        let found = self.units.binary_search_by_key(&id, |(id, _)| *id).ok();
        found.and_then(|i| self.units.get(i)).map_or(&NEVER_WRITTEN, |(_, siblings)| siblings)
    }

    /// The units that were ever written, ascending by id.
    pub fn units(&self) -> impl ExactSizeIterator<Item = (UnitId, &Siblings<UnitValue>)> {
        self.units.iter().map(|(id, siblings)| (*id, siblings))
    }

    /// Takes the live values of a unit from elsewhere. A unit without values is not kept, so equal
    /// facts are equal values.
    pub fn set_unit(&mut self, id: UnitId, siblings: Siblings<UnitValue>) {
        match self.units.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(i) if siblings.is_empty() => {
                self.units.remove(i);
            }
            Err(_) if siblings.is_empty() => {}
            Ok(i) => {
                if let Some((_, slot)) = self.units.get_mut(i) {
                    *slot = siblings;
                }
            }
            Err(i) => self.units.insert(i, (id, siblings)),
        }
    }

    /// Adds a live value of a unit from elsewhere, without taking in its change.
    pub fn add_to_unit(&mut self, id: UnitId, sibling: Sibling<UnitValue>) {
        if let Some(siblings) = self.unit_mut(id) {
            siblings.insert(sibling);
        }
    }

    /// The values of a unit, to which one is added: a unit without values is not kept. There always are some.
    fn unit_mut(&mut self, id: UnitId) -> Option<&mut Siblings<UnitValue>> {
        let place = self.units.binary_search_by_key(&id, |(id, _)| *id).unwrap_or_else(|place| {
            self.units.insert(place, (id, Siblings::new()));
            place
        });
        self.units.get_mut(place).map(|(_, siblings)| siblings)
    }

    /// Keeps only the live values of units for which `keep` says so, in the order of the units and dots.
    pub(super) fn retain_values(&mut self, mut keep: impl FnMut(UnitId, Dot) -> bool) {
        self.units.retain_mut(|(unit, siblings)| {
            siblings.retain(|sibling| keep(*unit, sibling.stamp.dot));
            !siblings.is_empty()
        });
    }

    /// Writes a unit: the new value replaces the named ones, and no others.
    pub fn write_unit(&mut self, id: UnitId, stamp: Stamp, value: UnitValue, replaces: &[Dot]) {
        if let Some(siblings) = self.unit_mut(id) {
            siblings.write(stamp, value, replaces);
        }
        self.vector.cover(stamp.dot);
    }

    /// Adds to a counter of this row, whose id is `row`.
    ///
    /// ```
    /// use reunite::ids::{Dot, ReplicaId, RowId, UnitId};
    /// use reunite::row::RowState;
    /// let dot = |seq| Dot { replica: ReplicaId::from_bytes([1; 16]), seq };
    /// let mut row = RowState::new(dot(1));
    /// row.increment(UnitId(2), RowId::from_bytes([7; 16]), dot(2), 5);
    /// assert!(row.wrote(UnitId(2), dot(2)));
    /// ```
    pub fn increment(&mut self, unit: UnitId, row: RowId, dot: Dot, amount: i64) {
        self.counts.add(unit, row, dot, amount);
        self.vector.cover(dot);
    }

    /// Adds an element to a set.
    ///
    /// ```
    /// use reunite::ids::{Dot, ReplicaId, UnitId};
    /// use reunite::row::RowState;
    /// use reunite::value::Json;
    /// use reunite::version::{Hlc, Priority, Stamp};
    /// let dot = Dot { replica: ReplicaId::from_bytes([1; 16]), seq: 1 };
    /// let mut row = RowState::new(dot);
    /// let stamp = Stamp::new(Priority::default(), Hlc(1), dot);
    /// row.add_element(UnitId(3), Json::parse("7")?, stamp);
    /// assert_eq!(row.elements.of(UnitId(3)).count(), 1);
    /// # Ok::<(), reunite::value::ValueError>(())
    /// ```
    pub fn add_element(&mut self, unit: UnitId, element: Json, stamp: Stamp) {
        self.elements.add(unit, element, stamp);
        self.vector.cover(stamp.dot);
    }

    /// Whether anything that this change wrote in a unit is there: a live value, an element, a count.
    ///
    /// ```
    /// use reunite::ids::{Dot, ReplicaId, UnitId};
    /// use reunite::row::RowState;
    /// let dot = Dot { replica: ReplicaId::from_bytes([1; 16]), seq: 1 };
    /// assert!(!RowState::new(dot).wrote(UnitId(1), dot));
    /// ```
    #[must_use]
    pub fn wrote(&self, unit: UnitId, dot: Dot) -> bool {
        self.unit(unit).contains(dot) || self.elements.has(unit, dot) || self.counts.has(unit, dot)
    }

    /// Removes one live value of a unit. The removal needs a new dot on the row to travel.
    pub fn remove_from_unit(&mut self, id: UnitId, dot: Dot) {
        let mut siblings = self.unit(id).clone();
        siblings.remove(dot);
        self.set_unit(id, siblings);
    }

    /// Writes the life of the row.
    pub fn write_life(&mut self, stamp: Stamp, life: Life, replaces: &[Dot]) {
        self.life.write(stamp, life, replaces);
        self.vector.cover(stamp.dot);
    }

    /// Writes the boost; the old one goes.
    pub fn write_boost(&mut self, stamp: Stamp) {
        let old: Vec<Dot> = self.boost.dots().collect();
        self.boost.write(stamp, (), &old);
        self.vector.cover(stamp.dot);
    }

    /// Adds a dismissal, to those that the same change made already.
    pub fn write_ack(&mut self, stamp: Stamp, mut ack: Ack) {
        if let Some(earlier) = self.acks.get(stamp.dot) {
            ack.0.extend(&earlier.value.0);
            ack.0.sort_unstable();
            ack.0.dedup();
        }
        self.acks.write(stamp, ack, &[]);
        self.vector.cover(stamp.dot);
    }

    /// Says that a change of this row was made at another time: that of its commit.
    pub fn restamp(&mut self, dot: Dot, at: Hlc) {
        self.life.restamp(dot, at);
        self.boost.restamp(dot, at);
        self.acks.restamp(dot, at);
        self.elements.restamp(dot, at);
        for (_, siblings) in &mut self.units {
            siblings.restamp(dot, at);
            if let Some(claim) = siblings.get_mut(dot).and_then(|sibling| sibling.value.claim.as_mut()) {
                claim.hlc = if claim.dot == dot { at } else { claim.hlc };
            }
        }
    }

    /// Whether any unit, or the life, has more than one live value.
    #[must_use]
    pub fn has_losers(&self) -> bool {
        self.life.len() > 1 || self.units.iter().any(|(_, siblings)| siblings.len() > 1)
    }

    /// Whether a live dismissal names a conflict.
    #[must_use]
    pub fn dismisses(&self, conflict: ConflictId) -> bool {
        self.acks.iter().any(|ack| ack.value.0.contains(&conflict))
    }

    /// Every stamp that is live in the row, some more than once.
    pub fn stamps(&self) -> impl Iterator<Item = &Stamp> {
        let units = self.units.iter().flat_map(|(_, siblings)| siblings.stamps());
        let others = self.life.stamps().chain(self.boost.stamps()).chain(self.acks.stamps());
        units.chain(others).chain(self.elements.stamps())
    }
}
