//! What the policies of this replica's sessions have to do with open conflicts: which ones a session brought
//! and nobody has decided yet, and which ones were decided. It does not replicate.

use super::snapshot::Snapshot;
use super::space::{Prefix, Space};
use crate::error::Error;
use crate::ids::ConflictId;
use crate::store::closed::conflict_of;

/// What is noted of an open conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A policy of this replica has decided it, or has tried to: none will again.
    Decided,
    /// A session brought the losing side, and nobody has decided it yet.
    LoserCame,
    /// A session brought the other side, and nobody has decided it yet.
    WinnerCame,
}

impl Mark {
    pub(super) fn encode(self) -> Vec<u8> {
        vec![match self {
            Mark::Decided => 0,
            Mark::LoserCame => 1,
            Mark::WinnerCame => 2,
        }]
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Mark, Error> {
        match bytes {
            [0] => Ok(Mark::Decided),
            [1] => Ok(Mark::LoserCame),
            [2] => Ok(Mark::WinnerCame),
            _ => Err(Error::corrupt("a note about a conflict is none that there is")),
        }
    }
}

impl Snapshot {
    /// What is noted of an open conflict.
    pub fn mark(&self, id: ConflictId) -> Result<Option<Mark>, Error> {
        let bytes = self.bytes.get(&Space::Mark(id).key())?;
        bytes.map(|bytes| Mark::decode(&bytes)).transpose()
    }

    /// Whether a policy of this replica has decided a conflict, or tried to, now or when it was open before.
    pub fn is_decided(&self, id: ConflictId) -> Result<bool, Error> {
        let now = self.mark(id)? == Some(Mark::Decided);
        Ok(now || self.closed(id)?.is_some_and(|closed| closed.decided))
    }

    /// The open conflicts of which something is noted, by id.
    pub fn marks(&self) -> Result<Vec<(ConflictId, Mark)>, Error> {
        let entries = self.prefixed(&Prefix::Marks)?;
        let marks = entries.map(|entry| {
            let (key, value) = entry?;
            Ok((conflict_of(&key)?, Mark::decode(&value)?))
        });
        marks.collect()
    }
}
