//! What has been added to the counters of a row. Who has added how much is all that is kept: increments
//! replace nothing, and nothing replaces them.
//!
//! How a counter reads is not decided here: see `derive`.

use std::collections::BTreeMap;

use crate::ids::{Dot, ReplicaId, RowId, Seq, UnitId};

/// What one replica has added to one counter of one row, in total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// The last of its changes that added something.
    pub seq: Seq,
    /// The sum of all that it has added. Sums wrap around at 128 bits, which takes 2^64 additions of the
    /// greatest amount, so their order never matters.
    pub total: i128,
}

/// Per counter, row and replica, what was added. Two states of it are joined by the greater seq.
///
/// ```
/// use reunite::ids::{Dot, ReplicaId, RowId, UnitId};
/// use reunite::row::Counts;
/// let (hits, row) = (UnitId(2), RowId::from_bytes([7; 16]));
/// let dot = |replica, seq| Dot { replica: ReplicaId::from_bytes([replica; 16]), seq };
/// let (mut here, mut there) = (Counts::default(), Counts::default());
/// here.add(hits, row, dot(1, 1), 3);
/// here.add(hits, row, dot(1, 2), 2); // the total of replica 1 is 5 now
/// there.add(hits, row, dot(2, 1), -1);
/// for (unit, row, replica, count) in there.iter() {
///     here.join(unit, row, replica, count);
/// }
/// assert_eq!(here.by_row(hits)[&row], 4);
/// assert!(here.has(hits, dot(1, 2)) && !here.has(hits, dot(1, 1)) && !here.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<(UnitId, RowId, ReplicaId), Count>);

impl Counts {
    /// The entries, ascending by unit, row and replica.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (UnitId, RowId, ReplicaId, Count)> + '_ {
        self.0.iter().map(|((unit, row, replica), count)| (*unit, *row, *replica, *count))
    }

    /// Whether nothing was ever added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds to a counter of a row.
    pub fn add(&mut self, unit: UnitId, row: RowId, dot: Dot, amount: i64) {
        let count = self.0.entry((unit, row, dot.replica)).or_insert(Count { seq: dot.seq, total: 0 });
        *count = Count { seq: dot.seq, total: count.total.wrapping_add(i128::from(amount)) };
    }

    /// Takes a count from elsewhere, unless a newer one of that replica is here.
    pub fn join(&mut self, unit: UnitId, row: RowId, replica: ReplicaId, count: Count) {
        let mine = self.0.entry((unit, row, replica)).or_insert(count);
        *mine = (*mine).max(count);
    }

    /// What was added to a counter, by row: by all replicas together.
    #[must_use]
    pub fn by_row(&self, unit: UnitId) -> BTreeMap<RowId, i128> {
        let mut sums: BTreeMap<RowId, i128> = BTreeMap::new();
        for (_, row, _, count) in self.iter().filter(|(of, ..)| *of == unit) {
            let sum = sums.entry(row).or_default();
            *sum = sum.wrapping_add(count.total);
        }
        sums
    }

    /// Whether this change added to the counter, and is the last of its replica that did.
    #[must_use]
    pub fn has(&self, unit: UnitId, dot: Dot) -> bool {
        self.iter().any(|(of, _, replica, count)| of == unit && dot == Dot { replica, seq: count.seq })
    }
}
