//! Why an amendment cannot become part of a design.

use crate::ids::{Dot, ReplicaId};

/// A change of the schema that is refused. The schema is as before.
///
/// ```
/// use reunite::schema::DesignError;
/// let error = DesignError::TooLarge { size: 9, limit: 8 };
/// assert!(error.to_string().contains("make it in several steps"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DesignError {
    /// It is none, or says what no replica would.
    #[error("a schema change makes no sense: {what}")]
    Malformed {
        /// What is wrong.
        what: String,
    },
    /// Amendments that come before it are missing.
    #[error("schema change {id} came without those before it")]
    Gap {
        /// The amendment.
        id: Dot,
    },
    /// Two amendments have one id: a directory was copied, or restored from a backup, and both copies
    /// changed the schema.
    #[error(
        "schema change {id} is not the same everywhere: a copy or an older backup of replica {}'s directory \
         is in use; create a new replica and sync it",
        .id.replica
    )]
    Forked {
        /// The id.
        id: Dot,
    },
    /// Two amendments gave one number to two objects. By chance this does not happen in practice: the
    /// numbers are hashes of 31 bits.
    #[error(
        "schema changes {first} and {second} gave the number {number} to two objects: create a new \
         replica in place of the one that made the later change"
    )]
    SameNumber {
        /// The number.
        number: u32,
        /// One of the amendments.
        first: Dot,
        /// The other.
        second: Dot,
    },
    /// An amendment is larger than can be stored and sent.
    #[error("a schema change takes {size} bytes, at most {limit} are allowed: make it in several steps")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// There are more amendments than can be sent.
    #[error("the schema was changed too often: {size} bytes of changes, at most {limit} are allowed")]
    TooMany {
        /// The size of all.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Only the design master changes the schema.
    #[error(
        "replica {master} is design master: change the schema there, or let it hand that role over; if it \
         is gone for ever, take the role over by force"
    )]
    NotMaster {
        /// The design master, as far as this replica knows.
        master: ReplicaId,
    },
}

impl DesignError {
    pub(super) fn malformed(what: impl Into<String>) -> DesignError {
        DesignError::Malformed { what: what.into() }
    }
}
