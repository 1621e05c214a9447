//! Replica ids by small numbers, so that records stay small. Numbers are given once and never change;
//! they mean nothing outside this directory.

use std::collections::BTreeMap;

use crate::codec::record::ReplicaNumbers;
use crate::ids::ReplicaId;

/// The replicas that this one has heard of, numbered in the order in which it did.
///
/// ```
/// use reunite::{codec::ReplicaNumbers, ids::ReplicaId, store::Replicas};
/// let [ann, bob] = [1, 2].map(|byte| ReplicaId::from_bytes([byte; 16]));
/// let mut replicas = Replicas::default();
/// assert_eq!([replicas.number(ann), replicas.number(bob), replicas.number(ann)], [0, 1, 0]);
/// assert_eq!(replicas.id(1), Some(bob));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replicas {
    ids: Vec<ReplicaId>,
    numbers: BTreeMap<ReplicaId, u32>,
}

impl Replicas {
    /// The replica with this number.
    #[must_use]
    pub fn id(&self, number: u32) -> Option<ReplicaId> {
        self.ids.get(usize::try_from(number).ok()?).copied()
    }

    /// The number of a replica, if it has one.
    #[must_use]
    pub fn get(&self, id: ReplicaId) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    /// All replicas with their numbers, from the first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, ReplicaId)> + '_ {
        (0..).zip(self.ids.iter().copied())
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

impl ReplicaNumbers for Replicas {
    fn number(&mut self, id: ReplicaId) -> u32 {
        if let Some(number) = self.get(id) {
            return number;
        }
        let number = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        self.ids.push(id);
        self.numbers.insert(id, number);
        number
    }
}

impl FromIterator<ReplicaId> for Replicas {
    fn from_iter<I: IntoIterator<Item = ReplicaId>>(ids: I) -> Replicas {
        let mut replicas = Replicas::default();
        for id in ids {
            replicas.number(id);
        }
        replicas
    }
}
