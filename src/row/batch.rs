//! A stretch of a replica's changes on its way to another: rows, and the lines of the change log that
//! they are for.

use crate::ids::{Dot, RowKey};
use crate::row::RowChange;
use crate::version::{Hlc, Knowledge};

/// One line of a change log: which change was made to which row, and when. It travels beside the
/// rows because a row names only its live changes, and the receiver must be able to enumerate the
/// replaced ones too for a third replica: else it would teach knowledge of a row that it never sent.
///
/// See [`Batch`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Which change.
    pub dot: Dot,
    /// When, by the writer's hybrid clock.
    pub hlc: Hlc,
    /// To which row.
    pub key: RowKey,
}

impl LogEntry {
    /// The order in which changes travel. A change comes after all that its writer could see, so
    /// every prefix is causally closed.
    #[must_use]
    pub const fn order(&self) -> (Hlc, Dot) {
        (self.hlc, self.dot)
    }
}

/// A stretch of the sender's change log, with the rows that the receiver needs for it. It is applied
/// in one commit together with the knowledge that it teaches.
///
/// ```
/// use reunite::ids::{Dot, ReplicaId, RowId, RowKey, TableId};
/// use reunite::row::{Batch, LogEntry};
/// use reunite::version::Hlc;
/// let key = RowKey { table: TableId(1), row: RowId::from_bytes([7; 16]) };
/// let dot = |seq| Dot { replica: ReplicaId::from_bytes([1; 16]), seq };
/// let entry = |seq| LogEntry { dot: dot(seq), hlc: Hlc(seq), key };
/// // Two changes of a row that was sent before.
/// let batch = Batch { changes: Vec::new(), log: vec![entry(4), entry(5)] };
/// assert_eq!(batch.teaches().get(dot(1).replica), 5);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The changed rows, each once, in the order of their first entry. A row that was sent earlier in
    /// the session is not repeated.
    pub changes: Vec<RowChange>,
    /// The changes that the batch covers: ascending by [`LogEntry::order`], without a gap in any
    /// replica's numbers.
    pub log: Vec<LogEntry>,
}

impl Batch {
    /// What a receiver knows once it has applied the batch, beside what it knew before.
    #[must_use]
    pub fn teaches(&self) -> Knowledge {
        self.log.iter().map(|entry| (entry.dot.replica, entry.dot.seq)).collect()
    }
}
