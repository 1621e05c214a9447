//! What two replicas say to each other. Plain data: no bytes (see `wire`) and no order of events
//! (see `session`).

use std::fmt;

use crate::codec::frame;
use crate::ids::{DatabaseId, Dot, ReplicaId};
use crate::row::Batch;
use crate::version::Knowledge;

/// The version of the protocol. Both sides must speak the same one.
pub const PROTOCOL_VERSION: u32 = 1;

/// Batches that may be under way in one direction before one is acknowledged. With the size of a
/// batch it bounds what a session holds in memory.
pub const WINDOW: usize = 2;

/// The size that a batch aims at, in bytes.
pub const BATCH_BYTES: usize = 256 * 1024;

/// The longest message, in bytes.
pub const MAX_MESSAGE_BYTES: usize = frame::MAX_FRAME_BYTES;

/// The longest schema text that is sent or taken in, in bytes.
pub const MAX_SCHEMA_BYTES: usize = 4 * 1024 * 1024;

/// The longest text of one change of the schema that is taken in, in bytes.
pub const MAX_SCHEMA_CHANGE_BYTES: usize = 1 << 20;

/// The longest code of a refusal, in bytes.
pub const MAX_CODE_BYTES: usize = 64;

/// The most bytes of the name of a version of Unicode.
pub const MAX_UNICODE_BYTES: usize = 64;

/// The longest text of a refusal, in bytes.
pub const MAX_TEXT_BYTES: usize = 1024;

/// Sixteen bytes that stand for a schema, or for a replica's facts: equal if these are.
///
/// ```
/// use reunite::sync::Digest;
/// assert!(Digest([0xab; 16]).to_string().starts_with("abab"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 16]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What two replicas must have in common.
///
/// See [`Session`](super::Session) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// The database of which it is a replica.
    pub database: DatabaseId,
    /// The digest of its first schema.
    pub schema: Digest,
}

/// What a replica knows of how its schema was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaState {
    /// How many changes of the schema, of which replica. They are numbered by themselves.
    pub known: Knowledge,
    /// The digest of all of them; zero if there are none.
    pub digest: Digest,
}

impl Default for SchemaState {
    fn default() -> SchemaState {
        SchemaState { known: Knowledge::default(), digest: Digest([0; 16]) }
    }
}

/// A change of the schema. What it says is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaChange {
    /// Which one.
    pub id: Dot,
    /// It, as text.
    pub text: String,
}

/// How a replica introduces itself.
///
/// See [`Wire`](super::Wire) for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The version of the protocol that it speaks.
    pub protocol: u32,
    /// Who it is.
    pub replica: ReplicaId,
    /// Its database and schema; none if it is empty and wants both.
    pub base: Option<Base>,
    /// What it knows of how its schema was changed.
    pub schema: SchemaState,
    /// The version of Unicode by whose tables it compares texts of [`Collation::UnicodeNoCase`].
    ///
    /// [`Collation::UnicodeNoCase`]: crate::value::Collation::UnicodeNoCase
    pub unicode: String,
    /// Whether its schema has such texts. Then both need the same version.
    pub folds: bool,
    /// What it has applied.
    pub knowledge: Knowledge,
    /// The digest of its facts, if it keeps one.
    pub state: Option<Digest>,
    /// Whether it gives its changes.
    pub gives: bool,
    /// Whether it takes the peer's changes.
    pub takes: bool,
}

/// One message.
///
/// See [`Wire`](super::Wire) for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Opens the session.
    Hello(Hello),
    /// Answers the hello. In bytes it says only what differs from it.
    Welcome(Hello),
    /// Database and first schema for an empty replica.
    Schema {
        /// The database that it becomes a replica of.
        database: DatabaseId,
        /// The replica that made the database, if that is known.
        creator: Option<ReplicaId>,
        /// The schema as SQL.
        sql: String,
    },
    /// All changes of the schema that the receiver lacks. It comes before the first batch.
    SchemaChanges(Vec<SchemaChange>),
    /// Changes.
    Changes {
        /// The batch's number: 1 for the first of its direction. A lost one would be missed by its changes
        /// only if the next one went on with the same replica's.
        number: u64,
        /// The batch.
        batch: Batch,
    },
    /// The oldest schema, set of schema changes or batch not yet acknowledged was applied, and is durable.
    Applied,
    /// Ends the session; nothing of the message that caused it was taken in.
    Refused {
        /// The code of the error.
        code: String,
        /// The error in words.
        message: String,
    },
}

impl Message {
    /// The message's name, for people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Message::Hello(_) => "hello",
            Message::Welcome(_) => "welcome",
            Message::Schema { .. } => "schema",
            Message::SchemaChanges(_) => "schema-changes",
            Message::Changes { .. } => "changes",
            Message::Applied => "applied",
            Message::Refused { .. } => "refused",
        }
    }
}
