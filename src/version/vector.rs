//! Version vectors: replica → the greatest seq of that replica that has been taken in.
//!
//! After Parker et al., "Detection of Mutual Inconsistency in Distributed Systems" (1983). A vector
//! never lies: it covers a dot only if that dot's effect is in the state it belongs to.

use crate::ids::{Dot, ReplicaId, Seq};

/// What a replica has applied: replica → the greatest contiguous seq. This is what sync exchanges.
///
/// ```
/// use reunite::{Database, replicate, row};
/// let a = Database::builder().sql("CREATE TABLE tag (name TEXT)")?.in_memory()?;
/// let b = Database::builder().in_memory()?;
/// a.write(|tx| tx.table("tag")?.insert(row! { name: "red" }))?;
/// assert!(!b.knowledge()?.includes(&a.knowledge()?));
/// replicate::sync(&a, &b)?;
/// assert_eq!(b.knowledge()?, a.knowledge()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Knowledge = VersionVector;

/// A version vector. Zero entries are not kept, so equal vectors are equal values.
///
/// ```
/// use reunite::ids::{Dot, ReplicaId};
/// use reunite::version::VersionVector;
/// let ann = ReplicaId::from_bytes([1; 16]);
/// let mut vector = VersionVector::default();
/// vector.cover(Dot { replica: ann, seq: 3 });
/// assert!(vector.covers(Dot { replica: ann, seq: 2 }));
/// assert!(!vector.covers(Dot { replica: ann, seq: 4 }));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionVector {
    /// Ascending by replica; no seq is zero.
    entries: Vec<(ReplicaId, Seq)>,
}

impl VersionVector {
    /// The greatest seq of `replica` that is covered; 0 if none.
    #[must_use]
    pub fn get(&self, replica: ReplicaId) -> Seq {
        self.position(replica).ok().and_then(|i| self.entries.get(i)).map_or(0, |(_, seq)| *seq)
    }

    /// Whether the change is covered.
    #[must_use]
    pub fn covers(&self, dot: Dot) -> bool {
        self.get(dot.replica) >= dot.seq
    }

    /// Covers this change and all earlier ones of its replica.
    pub fn cover(&mut self, dot: Dot) {
        match self.position(dot.replica) {
            Ok(i) => {
                if let Some((_, seq)) = self.entries.get_mut(i) {
                    *seq = (*seq).max(dot.seq);
                }
            }
            Err(i) if dot.seq > 0 => self.entries.insert(i, (dot.replica, dot.seq)),
            Err(_) => {}
        }
    }

    /// The join: covers what either covers.
    ///
    /// ```
    /// use reunite::ids::ReplicaId;
    /// use reunite::version::VersionVector;
    /// let [ann, bob] = [1, 2].map(|byte| ReplicaId::from_bytes([byte; 16]));
    /// let mut here = VersionVector::from_iter([(ann, 3)]);
    /// let there = VersionVector::from_iter([(ann, 1), (bob, 2)]);
    /// assert!(!here.includes(&there) && !there.includes(&here)); // concurrent
    /// here.join(&there);
    /// assert_eq!((here.get(ann), here.get(bob)), (3, 2));
    /// ```
    pub fn join(&mut self, other: &VersionVector) {
        for (replica, seq) in other.iter() {
            self.cover(Dot { replica, seq });
        }
    }

    /// Covers nothing of this replica any more.
    pub fn forget(&mut self, replica: ReplicaId) {
        self.entries.retain(|(other, _)| *other != replica);
    }

    /// Whether everything that `other` covers is covered here.
    #[must_use]
    pub fn includes(&self, other: &VersionVector) -> bool {
        other.iter().all(|(replica, seq)| self.get(replica) >= seq)
    }

    /// The entries, ascending by replica.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ReplicaId, Seq)> + '_ {
        self.entries.iter().copied()
    }

    /// Whether nothing is covered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn position(&self, replica: ReplicaId) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&replica, |(replica, _)| *replica)
    }
}

impl FromIterator<(ReplicaId, Seq)> for VersionVector {
    fn from_iter<I: IntoIterator<Item = (ReplicaId, Seq)>>(entries: I) -> VersionVector {
        let mut vector = VersionVector::default();
        for (replica, seq) in entries {
            vector.cover(Dot { replica, seq });
        }
        vector
    }
}
