//! The live values of one unit. More than one means that changes were concurrent.

use smallvec::SmallVec;

use crate::ids::Dot;
use crate::version::{Hlc, Stamp};

/// A live value of a unit, and the change that wrote it.
///
/// See [`Siblings`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling<V> {
    /// The change.
    pub stamp: Stamp,
    /// What it wrote.
    pub value: V,
}

/// The live values of a unit, one per dot.
///
/// ```
/// use reunite::ids::{Dot, ReplicaId};
/// use reunite::row::Siblings;
/// use reunite::version::{Hlc, Priority, Stamp};
/// let dot = |replica| Dot { replica: ReplicaId::from_bytes([replica; 16]), seq: 1 };
/// let stamp = |replica| Stamp::new(Priority::default(), Hlc(1), dot(replica));
/// let mut phone = Siblings::new();
/// phone.write(stamp(1), "555 01", &[]);
/// phone.write(stamp(2), "555 02", &[dot(1)]); // its writer saw the first value
/// phone.write(stamp(3), "555 03", &[dot(1)]); // so did this one, but not the second value
/// assert_eq!(phone.iter().map(|sibling| sibling.value).collect::<Vec<_>>(), ["555 02", "555 03"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Siblings<V> {
    /// Ascending by dot. Most units have one value, which then is here and not elsewhere in memory.
    live: SmallVec<[Sibling<V>; 1]>,
}

impl<V> Default for Siblings<V> {
    fn default() -> Siblings<V> {
        Siblings::new()
    }
}

impl<V> Siblings<V> {
    /// No values.
    #[must_use]
    pub const fn new() -> Siblings<V> {
        Siblings { live: SmallVec::new_const() }
    }

    /// The values, ascending by dot.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Sibling<V>> + DoubleEndedIterator {
        self.live.iter()
    }

    /// The dots, ascending.
    pub fn dots(&self) -> impl ExactSizeIterator<Item = Dot> + '_ {
        self.live.iter().map(|sibling| sibling.stamp.dot)
    }

    /// The stamps, ascending by dot.
    pub fn stamps(&self) -> impl ExactSizeIterator<Item = &Stamp> {
        self.live.iter().map(|sibling| &sibling.stamp)
    }

    /// The value that this change wrote, while it is live.
    #[must_use]
    pub fn get(&self, dot: Dot) -> Option<&Sibling<V>> {
        self.position(dot).ok().and_then(|i| self.live.get(i))
    }

    pub(super) fn get_mut(&mut self, dot: Dot) -> Option<&mut Sibling<V>> {
        self.position(dot).ok().and_then(|i| self.live.get_mut(i))
    }

    pub(super) fn restamp(&mut self, dot: Dot, at: Hlc) {
        if let Some(sibling) = self.get_mut(dot) {
            sibling.stamp.hlc = at;
        }
    }

    /// Whether this change is live here.
    #[must_use]
    pub fn contains(&self, dot: Dot) -> bool {
        self.position(dot).is_ok()
    }

    /// How many are live.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether none is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Adds a value in place of the named ones. A dot that is already live gets the new value: a
    /// unit written twice in one commit is one change.
    pub fn write(&mut self, stamp: Stamp, value: V, replaces: &[Dot]) {
        self.live.retain(|sibling| !replaces.contains(&sibling.stamp.dot));
        self.insert(Sibling { stamp, value });
    }

    /// Adds a value from elsewhere, or replaces the one with its dot.
    pub fn insert(&mut self, sibling: Sibling<V>) {
        match self.position(sibling.stamp.dot) {
            Ok(i) => {
                if let Some(slot) = self.live.get_mut(i) {
                    *slot = sibling;
                }
            }
            Err(i) => self.live.insert(i, sibling),
        }
    }

    /// Removes the value that this change wrote.
    pub fn remove(&mut self, dot: Dot) {
        if let Ok(i) = self.position(dot) {
            self.live.remove(i);
        }
    }

    /// Keeps only the values for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&Sibling<V>) -> bool) {
        self.live.retain(|sibling| keep(sibling));
    }

    fn position(&self, dot: Dot) -> Result<usize, usize> {
        self.live.binary_search_by_key(&dot, |sibling| sibling.stamp.dot)
    }
}

impl<V> FromIterator<Sibling<V>> for Siblings<V> {
    fn from_iter<I: IntoIterator<Item = Sibling<V>>>(all: I) -> Siblings<V> {
        let mut siblings = Siblings::new();
        all.into_iter().for_each(|sibling| siblings.insert(sibling));
        siblings
    }
}
