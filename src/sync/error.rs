//! What a peer, or the way to it, did wrong. A conflict is never an error, and neither is a local
//! violation of a constraint (`WriteError`).

use std::time::Duration;

use super::message::Digest;
use crate::commit::BatchError;
use crate::error::Error;
use crate::ids::{DatabaseId, Dot, ReplicaId, Seq};
use crate::value::Collation;

/// Why a session ended before its work was done. Whatever was applied until then stays, and the next
/// session goes on from there.
///
/// ```
/// use reunite::{Database, replicate, sync::SyncError};
/// let sql = "CREATE TABLE tag (name TEXT)";
/// let work = Database::builder().sql(sql)?.name("work").in_memory()?;
/// let home = Database::builder().sql(sql)?.name("home").in_memory()?;
/// let Err(error) = replicate::sync(&work, &home) else { unreachable!("two databases") };
/// assert!(matches!(error, SyncError::WrongDatabase { .. }));
/// assert_eq!((error.code(), error.is_retryable()), ("wrong-database", false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The peer sent what the protocol does not allow. Nothing of that message was taken in.
    #[error("the peer broke the protocol: {what}")]
    Protocol {
        /// What it did.
        what: String,
    },
    /// The peer speaks another version of the protocol: update the older of the two.
    #[error("the peer speaks protocol version {theirs}, this replica speaks {ours}: update the older one")]
    VersionMismatch {
        /// This replica's version.
        ours: u32,
        /// The peer's version.
        theirs: u32,
    },
    /// The peer is a replica of another database.
    #[error("the peer is a replica of database {theirs}, this one of {ours}")]
    WrongDatabase {
        /// This replica's database.
        ours: DatabaseId,
        /// The peer's database.
        theirs: DatabaseId,
    },
    /// Texts are compared by other tables there than here, so the two could disagree about which keys are
    /// equal: use builds of Reunite with the same tables.
    #[error(
        "texts are compared by {collation} of Unicode {ours} here and of Unicode {theirs} there: use one version of Reunite on both sides"
    )]
    CollationMismatch {
        /// The collation.
        collation: Collation,
        /// The version of Unicode that this replica has.
        ours: String,
        /// The version that the peer has.
        theirs: String,
    },
    /// The schemas differ: bring both replicas to the same schema, then sync again.
    #[error("the schemas differ (here {ours}, there {theirs}): bring both replicas to the same schema")]
    SchemaMismatch {
        /// The digest of this replica's schema.
        ours: Digest,
        /// The digest of the peer's schema.
        theirs: Digest,
    },
    /// The peer's changes of the schema cannot be joined with this replica's.
    #[error("the peer's schema cannot be joined with this one: {what}")]
    SchemaRefused {
        /// Why, and what to do.
        what: String,
    },
    /// One of the two has neither schema nor data, and the other may not give it any.
    #[error("replica {replica} is empty and the peer gives it nothing: sync it with one that has a schema")]
    Empty {
        /// Who has nothing.
        replica: ReplicaId,
    },
    /// Both sides have the same replica id: one directory is a copy of the other, or the same.
    #[error("both sides are replica {replica}: give the copy a replica id of its own")]
    SameReplica {
        /// The id that both have.
        replica: ReplicaId,
    },
    /// Both know exactly the same changes and yet hold different facts.
    #[error("this replica and {peer} know the same changes but hold different data: check both")]
    Diverged {
        /// The other side.
        peer: ReplicaId,
    },
    /// A replica stamped its changes too far in the future: set its clock, or wait.
    #[error(
        "changes of replica {replica} are stamped {ahead:?} beyond what this clock permits: set the clocks right"
    )]
    ClockDrift {
        /// Whose changes.
        replica: ReplicaId,
        /// How far beyond the permitted drift.
        ahead: Duration,
    },
    /// The peer knows changes of this replica that it has not made: a copy or an older backup of its
    /// directory is in use. Make a new replica and sync it.
    #[error(
        "the peer has change {dot} of this replica, which has made only {known}: make a new replica and sync it"
    )]
    UnknownOwnChange {
        /// The change.
        dot: Dot,
        /// The last change that was made here.
        known: Seq,
    },
    /// Something is larger than the protocol allows.
    #[error("{what} is {size}, at most {limit} is allowed")]
    Limit {
        /// What is too large.
        what: String,
        /// Its size.
        size: u64,
        /// The greatest size allowed.
        limit: u64,
    },
    /// Bytes arrived damaged.
    #[error("the peer's message is damaged: {what}")]
    Corrupt {
        /// What does not fit.
        what: String,
    },
    /// The connection ended before the session did: sync again, it goes on from there.
    #[error("the session was interrupted: {reason}")]
    Interrupted {
        /// How.
        reason: String,
    },
    /// An application has locked a table of one of the two, longer than the session could wait. Nothing was
    /// applied on either side: sync again later.
    #[error("table {table} of replica {replica} is locked ({reason}): sync again when it is released")]
    Locked {
        /// Where.
        replica: ReplicaId,
        /// The table.
        table: String,
        /// What the holder of the lock says.
        reason: String,
    },
    /// The peer ended the session.
    #[error("the peer refused: {message} ({code})")]
    Refused {
        /// The code of the peer's error.
        code: String,
        /// The peer's error in words.
        message: String,
    },
    /// This replica's own storage failed.
    #[error(transparent)]
    Storage(#[from] Error),
}

impl SyncError {
    /// The protocol violation in words.
    pub(crate) fn protocol(what: impl Into<String>) -> SyncError {
        SyncError::Protocol { what: what.into() }
    }

    /// A stable name for programs and scripts. That of a refusal is the peer's.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            SyncError::Protocol { .. } => "protocol",
            SyncError::VersionMismatch { .. } => "version-mismatch",
            SyncError::WrongDatabase { .. } => "wrong-database",
            SyncError::CollationMismatch { .. } | SyncError::Storage(Error::Collation { .. }) => "collation",
            SyncError::SchemaMismatch { .. } | SyncError::SchemaRefused { .. } => "schema-mismatch",
            SyncError::Empty { .. } => "empty",
            SyncError::SameReplica { .. } => "same-replica",
            SyncError::ClockDrift { .. } => "clock-drift",
            SyncError::UnknownOwnChange { .. } => "unknown-own-change",
            SyncError::Limit { .. } | SyncError::Storage(Error::Limit { .. }) => "limit",
            SyncError::Diverged { .. }
            | SyncError::Corrupt { .. }
            | SyncError::Storage(Error::Corrupt { .. }) => "corrupt",
            SyncError::Interrupted { .. } => "interrupted",
            SyncError::Locked { .. } => "locked",
            SyncError::Refused { code, .. } => code,
            SyncError::Storage(Error::ReadOnly) => "read-only",
            SyncError::Storage(Error::Poisoned { .. }) => "poisoned",
            SyncError::Storage(_) => "storage",
        }
    }

    /// Whether a new session may succeed without anything being repaired.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            SyncError::Interrupted { .. } | SyncError::Corrupt { .. } | SyncError::Locked { .. } => true,
            SyncError::Storage(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// What the peer is told in words: nothing about this machine's files.
    pub(super) fn for_peer(&self) -> String {
        match self {
            SyncError::Storage(_) => "the replica's storage failed".to_owned(),
            other => other.to_string(),
        }
    }
}

/// Why a batch was not applied.
impl From<BatchError> for SyncError {
    fn from(error: BatchError) -> SyncError {
        match error {
            BatchError::Malformed { what } => SyncError::Protocol { what },
            BatchError::ClockDrift { replica, seconds } => {
                SyncError::ClockDrift { replica, ahead: Duration::from_secs(seconds) }
            }
            BatchError::UnknownOwnChange { dot, known } => SyncError::UnknownOwnChange { dot, known },
            BatchError::Storage(error) => SyncError::Storage(error),
        }
    }
}

/// Fails if something takes more bytes than the protocol allows.
pub(super) fn within(what: &str, size: usize, limit: usize) -> Result<(), SyncError> {
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    if size <= limit {
        return Ok(());
    }
    Err(SyncError::Limit { what: format!("{what}, in bytes,"), size: number(size), limit: number(limit) })
}
