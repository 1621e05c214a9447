//! The session's face to its driver: what goes in at the start, what comes out. Plain data.

use super::error::SyncError;
use super::message::{
    BATCH_BYTES, Base, Digest, Hello, Message, PROTOCOL_VERSION, SchemaChange, SchemaState,
};
use crate::ids::{DatabaseId, ReplicaId};
use crate::row::Batch;
use crate::value::Collation;
use crate::version::Knowledge;

/// What a session needs to know of the replica for which it speaks.
///
/// See [`Session`](super::Session) for an example.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who it is.
    pub replica: ReplicaId,
    /// Its database and schema; none if it is empty and wants both.
    pub base: Option<Base>,
    /// The replica that made its database, if that is known: for an empty peer.
    pub creator: Option<ReplicaId>,
    /// What it knows of how its schema was changed.
    pub schema: SchemaState,
    /// The version of Unicode by whose tables it compares texts.
    pub unicode: String,
    /// Whether its schema has texts that are compared by these.
    pub folds: bool,
    /// What it has applied.
    pub knowledge: Knowledge,
    /// The digest of its facts, if it keeps one: a difference under equal knowledge is an alarm. None
    /// while a row holds changes that the knowledge does not cover, as after a broken session.
    pub state: Option<Digest>,
    /// Whether it gives its changes to the peer.
    pub gives: bool,
    /// Whether it takes the peer's changes.
    pub takes: bool,
    /// The size that its batches aim at, in bytes.
    pub batch_bytes: usize,
}

impl Config {
    /// A replica that gives and takes.
    #[must_use]
    pub fn new(replica: ReplicaId, base: Option<Base>, knowledge: Knowledge) -> Config {
        Config {
            replica,
            base,
            creator: None,
            schema: SchemaState::default(),
            unicode: Collation::UNICODE_VERSION.to_owned(),
            folds: false,
            knowledge,
            state: None,
            gives: true,
            takes: true,
            batch_bytes: BATCH_BYTES,
        }
    }

    pub(super) fn hello(&self) -> Hello {
        Hello {
            protocol: PROTOCOL_VERSION,
            replica: self.replica,
            base: self.base,
            schema: self.schema.clone(),
            unicode: self.unicode.clone(),
            folds: self.folds,
            knowledge: self.knowledge.clone(),
            state: self.state,
            gives: self.gives,
            takes: self.takes,
        }
    }
}

/// What the driver is to do. It does one, reports it where that is said, then asks for the next.
///
/// See [`Session`](super::Session) for an example.
#[derive(Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Send this to the peer.
    Send(Message),
    /// The peer has changes for this replica: see to it that they can be applied until the session ends.
    /// It comes before anything is given or taken, so a session that [`failed`] here has changed nothing on
    /// either side.
    ///
    /// [`failed`]: super::Session::failed
    Prepare,
    /// The peer is empty: answer with the schema as SQL, by [`supply_schema`].
    ///
    /// [`supply_schema`]: super::Session::supply_schema
    ReadSchema,
    /// Become a replica of this database with this schema, durably; then [`adopted`].
    ///
    /// [`adopted`]: super::Session::adopted
    AdoptSchema {
        /// The database.
        database: DatabaseId,
        /// The replica that made it, if that is known.
        creator: Option<ReplicaId>,
        /// Its schema as SQL.
        sql: String,
    },
    /// The peer lacks changes of the schema: answer with all that it lacks, in an order in which each comes
    /// after those that its author knew, by [`supply_schema_changes`].
    ///
    /// [`supply_schema_changes`]: super::Session::supply_schema_changes
    ReadSchemaChanges {
        /// What the peer knows.
        known: Knowledge,
    },
    /// Change the schema, in one commit with all that it does to the tables; then [`schema_changed`].
    /// What the changes say is the driver's to check.
    ///
    /// [`schema_changed`]: super::Session::schema_changed
    ChangeSchema(Vec<SchemaChange>),
    /// Let the session read the next changes, by [`supply`].
    ///
    /// [`supply`]: super::Session::supply
    ReadChanges,
    /// Apply the batch in one commit together with the knowledge that it teaches, then
    /// [`applied`]. What the driver still has to check: stamps against its clock, withheld values and
    /// log entries without a row against its store.
    ///
    /// [`applied`]: super::Session::applied
    Apply(Batch),
    /// The session is over. There are no further effects.
    Finished(Result<Report, SyncError>),
}

/// What a session did.
///
/// ```
/// use reunite::{Database, replicate};
/// let a = Database::builder().sql("CREATE TABLE tag (name TEXT)")?.in_memory()?;
/// let b = Database::builder().in_memory()?;
/// let report = replicate::sync(&a, &b)?.second;
/// assert_eq!((report.peer, report.adopted, report.received.rows), (a.replica_id(), true, 0));
/// assert!(!replicate::sync(&a, &b)?.second.moved()); // nothing is new
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The other side.
    pub peer: ReplicaId,
    /// What the peer is known to have applied.
    pub peer_knows: Knowledge,
    /// What this replica had applied at the end.
    pub knowledge: Knowledge,
    /// Whether this replica took over database and schema.
    pub adopted: bool,
    /// How many changes of the schema were sent and acknowledged.
    pub schema_sent: u64,
    /// How many changes of the schema were received and applied.
    pub schema_received: u64,
    /// What was sent and acknowledged.
    pub sent: Count,
    /// What was received and applied.
    pub received: Count,
}

impl Report {
    /// Adds what another session of the same two did after this one.
    pub(crate) fn and_then(&mut self, later: Report) {
        self.peer_knows = later.peer_knows;
        self.knowledge = later.knowledge;
        self.adopted |= later.adopted;
        self.sent.add(later.sent);
        self.received.add(later.received);
    }

    /// Whether anything changed on either side.
    #[must_use]
    pub fn moved(&self) -> bool {
        self.adopted
            || self.schema_sent + self.schema_received > 0
            || self.sent.batches + self.received.batches > 0
    }
}

/// How much went in one direction.
///
/// ```
/// use reunite::{Database, replicate, row};
/// let a = Database::builder().sql("CREATE TABLE tag (name TEXT PRIMARY KEY, color TEXT)")?.in_memory()?;
/// let b = Database::builder().in_memory()?;
/// a.write(|tx| tx.table("tag")?.insert(row! { name: "new" }))?;
/// a.write(|tx| tx.table("tag")?.update("new", row! { color: "red" }))?;
/// let sent = replicate::sync(&a, &b)?.first.sent;
/// assert_eq!((sent.batches, sent.rows, sent.changes), (1, 1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Batches.
    pub batches: u64,
    /// Rows, counted each time they were sent.
    pub rows: u64,
    /// Changes.
    pub changes: u64,
}

impl Count {
    pub(super) fn of(batch: &Batch) -> Count {
        // A usize always fits into 64 bits where this runs.
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Count { batches: 1, rows: count(batch.changes.len()), changes: count(batch.log.len()) }
    }

    pub(super) fn add(&mut self, other: Count) {
        self.batches += other.batches;
        self.rows += other.rows;
        self.changes += other.changes;
    }
}
