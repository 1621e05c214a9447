//! The join of two states of one row. Pure: no schema, no constraint, no clock.
//!
//! A value stays live if both have it, or if one has it and the other has never taken in the change
//! that wrote it; vectors join by maximum, and so do counts. Hence the laws (P1): `merge` is commutative, associative
//! and idempotent. It never looks at a constraint, so it cannot fail and cannot lose a change.

use crate::fault::{Bug, planted};
use crate::row::{RowState, Siblings};
use crate::version::VersionVector;

/// Joins two states of the same row.
///
/// ```
/// use reunite::ids::{Dot, ReplicaId};
/// use reunite::merge::merge;
/// use reunite::row::{Life, RowState};
/// use reunite::version::{Hlc, Priority, Stamp};
///
/// let dot = |replica, seq| Dot { replica: ReplicaId::from_bytes([replica; 16]), seq };
/// let stamp = |dot, hlc| Stamp::new(Priority::default(), Hlc(hlc), dot);
/// let mut ann = RowState::new(dot(1, 1));
/// ann.write_life(stamp(dot(1, 1), 1), Life::ALIVE, &[]);
/// let mut bob = ann.clone();
/// ann.write_life(stamp(dot(1, 2), 2), Life::ALIVE, &[dot(1, 1)]);
/// bob.write_life(stamp(dot(2, 1), 3), Life::DEAD, &[dot(1, 1)]);
/// let both = merge(&ann, &bob);
/// assert_eq!(both.life.len(), 2); // changed here, deleted there: concurrent
/// assert_eq!(both, merge(&bob, &ann));
/// ```
#[must_use]
pub fn merge(a: &RowState, b: &RowState) -> RowState {
    let mut merged = RowState::new(a.born.min(b.born));
    merged.vector = a.vector.clone();
    merged.vector.join(&b.vector);
    merged.life = siblings(&a.life, &a.vector, &b.life, &b.vector);
    merged.boost = siblings(&a.boost, &a.vector, &b.boost, &b.vector);
    merged.acks = siblings(&a.acks, &a.vector, &b.acks, &b.vector);
    let only_b = b.units().filter(|(id, _)| a.unit(*id).is_empty());
    for (id, _) in a.units().chain(only_b) {
        merged.set_unit(id, siblings(a.unit(id), &a.vector, b.unit(id), &b.vector));
    }
    for (unit, row, replica, count) in a.counts.iter().chain(b.counts.iter()) {
        merged.counts.join(unit, row, replica, count);
    }
    for (unit, element, _) in a.elements.iter().chain(b.elements.iter()) {
        let (mine, theirs) = (a.elements.get(unit, element), b.elements.get(unit, element));
        let live = siblings(&mine, &a.vector, &theirs, &b.vector);
        merged.elements.set(unit, element.clone(), live);
    }
    merged
}

fn siblings<V: Clone>(
    a: &Siblings<V>,
    a_vector: &VersionVector,
    b: &Siblings<V>,
    b_vector: &VersionVector,
) -> Siblings<V> {
    let replaced = |dot, vector: &VersionVector| vector.covers(dot) && !planted(Bug::RemovalsIgnored);
    let from_a = a.iter().filter(|s| b.contains(s.stamp.dot) || !replaced(s.stamp.dot, b_vector));
    let from_b = b.iter().filter(|s| !a.contains(s.stamp.dot) && !replaced(s.stamp.dot, a_vector));
    from_a.chain(from_b).cloned().collect()
}
