//! One change of a design, as it is stored and as it travels: who made it, when, knowing what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::DesignError;
use super::operation::Operation;
use super::text;
use crate::ids::{Dot, ReplicaId, Seq};
use crate::version::{Hlc, Knowledge};

/// What one `ALTER` did: a fact, which never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Amendment {
    /// Who made it, and which of that replica's amendments it is: they are numbered from 1 without a
    /// gap. Has nothing to do with the numbers of changes to rows.
    pub id: Dot,
    /// When it was made: later than all that its author knew.
    pub time: Hlc,
    /// The term of the mastership under which it was made.
    pub term: u64,
    /// The amendments that its author knew. Without it itself.
    pub seen: Knowledge,
    /// What it does, in order.
    pub operations: Vec<Operation>,
}

/// The form of the text: JSON, because it is read by people when something is wrong.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    #[serde(with = "text")]
    replica: ReplicaId,
    number: Seq,
    time: u64,
    term: u64,
    seen: BTreeMap<String, Seq>,
    operations: Vec<Operation>,
}

impl Amendment {
    /// The longest text of an amendment, in bytes.
    pub const MAX_BYTES: usize = 1 << 20;

    /// Where it stands among all: amendments take effect in this order. One that knew another comes
    /// after it.
    #[must_use]
    pub fn order(&self) -> (Hlc, Dot) {
        (self.time, self.id)
    }

    /// Whether its author knew the other one.
    #[must_use]
    pub fn knew(&self, other: Dot) -> bool {
        self.seen.covers(other)
    }

    /// The text: equal amendments have equal texts.
    ///
    /// # Errors
    /// If it would be longer than [`Amendment::MAX_BYTES`].
    pub fn to_text(&self) -> Result<String, DesignError> {
        let record = Record {
            replica: self.id.replica,
            number: self.id.seq,
            time: self.time.0,
            term: self.term,
            seen: self.seen.iter().map(|(replica, seq)| (replica.to_string(), seq)).collect(),
            operations: self.operations.clone(),
        };
        let text =
            serde_json::to_string(&record).map_err(|error| DesignError::malformed(error.to_string()))?;
        if text.len() > Amendment::MAX_BYTES {
            return Err(DesignError::TooLarge { size: text.len(), limit: Amendment::MAX_BYTES });
        }
        Ok(text)
    }

    /// The amendment of a text, of disk or of a peer.
    ///
    /// # Errors
    /// If the text is none, or not the one that its amendment has.
    pub fn from_text(text: &str) -> Result<Amendment, DesignError> {
        if text.len() > Amendment::MAX_BYTES {
            return Err(DesignError::TooLarge { size: text.len(), limit: Amendment::MAX_BYTES });
        }
        let malformed = |error: serde_json::Error| DesignError::malformed(error.to_string());
        let record: Record = serde_json::from_str(text).map_err(malformed)?;
        let mut seen = Knowledge::default();
        for (replica, seq) in &record.seen {
            let replica: ReplicaId = replica
                .parse()
                .map_err(|_| DesignError::malformed(format!("{replica:?} is no replica id")))?;
            seen.cover(Dot { replica, seq: *seq });
        }
        let id = Dot { replica: record.replica, seq: record.number };
        let operations = record.operations;
        let amendment = Amendment { id, time: Hlc(record.time), term: record.term, seen, operations };
        if amendment.to_text()? != text {
            return Err(DesignError::malformed("it is not written in its canonical form"));
        }
        Ok(amendment)
    }
}
