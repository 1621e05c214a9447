//! The sets of a row, element by element: each is in the set while a change that added it is live.
//!
//! So a writer removes just the elements that it drops, and adds just those that are new. What it leaves
//! alone others may remove meanwhile, and what others add meanwhile stays.

use std::collections::BTreeMap;

use super::{Sibling, Siblings};
use crate::ids::{Dot, UnitId};
use crate::value::Json;
use crate::version::{Hlc, Stamp};

/// Per set and element, the live changes that added it. An element without any is not kept.
///
/// ```
/// use reunite::ids::{Dot, ReplicaId, UnitId};
/// use reunite::row::Elements;
/// use reunite::value::Json;
/// use reunite::version::{Hlc, Priority, Stamp};
/// let dot = Dot { replica: ReplicaId::from_bytes([1; 16]), seq: 1 };
/// let (tags, vip) = (UnitId(3), Json::parse(r#""vip""#)?);
/// let mut elements = Elements::default();
/// elements.add(tags, vip.clone(), Stamp::new(Priority::default(), Hlc(1), dot));
/// assert!(elements.has(tags, dot) && elements.of(tags).count() == 1);
/// let added = elements.get(tags, &vip);
/// elements.remove(tags, &vip);
/// assert!(elements.is_empty());
/// elements.set(tags, vip, added); // as a merge does it
/// assert_eq!(elements.stamps().count(), 1);
/// # Ok::<(), reunite::value::ValueError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elements(BTreeMap<(UnitId, Json), Siblings<()>>);

impl Elements {
    /// The elements of all sets, ascending by set and text.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (UnitId, &Json, &Siblings<()>)> {
        self.0.iter().map(|((unit, element), siblings)| (*unit, element, siblings))
    }

    /// The elements of one set.
    pub fn of(&self, unit: UnitId) -> impl Iterator<Item = (&Json, &Siblings<()>)> {
        self.iter().filter(move |(of, ..)| *of == unit).map(|(_, element, siblings)| (element, siblings))
    }

    /// Whether no set has an element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The changes that added an element; none are live if it is not in the set.
    #[must_use]
    pub fn get(&self, unit: UnitId, element: &Json) -> Siblings<()> {
        self.0.get(&(unit, element.clone())).cloned().unwrap_or_default()
    }

    /// Adds an element; earlier additions of it go.
    pub fn add(&mut self, unit: UnitId, element: Json, stamp: Stamp) {
        self.set(unit, element, std::iter::once(Sibling { stamp, value: () }).collect());
    }

    /// Removes an element. The removal needs a new dot on the row to travel.
    pub fn remove(&mut self, unit: UnitId, element: &Json) {
        self.0.remove(&(unit, element.clone()));
    }

    /// Takes the changes that added an element from elsewhere.
    pub fn set(&mut self, unit: UnitId, element: Json, siblings: Siblings<()>) {
        if siblings.is_empty() {
            self.0.remove(&(unit, element));
        } else {
            self.0.insert((unit, element), siblings);
        }
    }

    /// Whether this change added an element of the set that is still there.
    #[must_use]
    pub fn has(&self, unit: UnitId, dot: Dot) -> bool {
        self.of(unit).any(|(_, siblings)| siblings.contains(dot))
    }

    /// Every live stamp, some more than once.
    pub fn stamps(&self) -> impl Iterator<Item = &Stamp> {
        self.0.values().flat_map(Siblings::stamps)
    }

    pub(super) fn restamp(&mut self, dot: Dot, at: Hlc) {
        self.0.values_mut().for_each(|siblings| siblings.restamp(dot, at));
    }
}
