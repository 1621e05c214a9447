//! One end of a session: between a database and whatever carries the bytes.

use super::patience::Patience;
use super::policy::Policies;
use crate::db::Database;
use crate::db::access::{AmendError, Applying, Changes, Endpoint};
use crate::error::Error;
use crate::ids::{DatabaseId, Dot, ReplicaId, RowKey, Seq};
use crate::row::{LogEntry, RowState};
use crate::schema::{Amendment, Schema};
use crate::storage::Durability;
use crate::sync::{
    BATCH_BYTES, Base, Config, Digest, Effect, Log, Report, SchemaChange, SchemaState, Session, Source,
    SyncError, Wire,
};
use crate::version::Knowledge;

/// The end of a session at one database. Bytes of messages come in by [`Driver::receive`] and go out
/// by [`Driver::step`]; framing and carrying them is the transport's work.
///
/// ```
/// use reunite::Database;
/// use reunite::replicate::{Driver, State};
/// let schema = "CREATE TABLE customer (code TEXT PRIMARY KEY)";
/// let (a, b) = (Database::builder().sql(schema)?.in_memory()?, Database::builder().in_memory()?);
/// let (mut left, mut right) = (Driver::open(&a, true, true)?, Driver::accept(&b, true, true)?);
/// loop {
///     match (left.step(), right.step()) {
///         (State::Finished(left), State::Finished(right)) => break (left?, right?),
///         (from_left, from_right) => {
///             if let State::Send(message) = from_left { right.receive(&message) }
///             if let State::Send(message) = from_right { left.receive(&message) }
///         }
///     }
/// };
/// assert_eq!(b.schema().tables().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Driver {
    endpoint: Endpoint,
    /// The state that is given; none once all of it was read.
    changes: Option<Changes>,
    session: Session,
    wire: Wire,
    durability: Durability,
    patience: Patience,
    /// No table can be locked while this is held.
    applying: Option<Applying>,
}

/// What a driver wants.
///
/// See [`Driver`] for an example.
#[derive(Debug)]
pub enum State {
    /// Send this message to the peer.
    Send(Vec<u8>),
    /// Wait for a message of the peer.
    Waiting,
    /// The session is over. Told once; then `Waiting`.
    Finished(Result<Report, SyncError>),
}

impl Driver {
    /// The end that speaks first.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn open(db: &Database, gives: bool, takes: bool) -> Result<Driver, Error> {
        Driver::new(db, gives, takes, BATCH_BYTES, Session::open)
    }

    /// The end that is spoken to.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn accept(db: &Database, gives: bool, takes: bool) -> Result<Driver, Error> {
        Driver::new(db, gives, takes, BATCH_BYTES, Session::accept)
    }

    pub(super) fn new(
        db: &Database,
        gives: bool,
        takes: bool,
        batch_bytes: usize,
        session: impl FnOnce(&Config) -> Session,
    ) -> Result<Driver, Error> {
        let endpoint = Endpoint::new(db);
        // What a peer learns must survive a power cut here, or its number could be given twice.
        let changes = endpoint.durable_changes()?;
        let design = changes.design();
        let base = db.database_id();
        let base = base.map(|database| Base { database, schema: Digest(design.initial().digest()) });
        let schema = match design.changed_digest() {
            None => SchemaState::default(),
            Some(digest) => SchemaState { known: design.known(), digest: Digest(digest) },
        };
        let creator = changes.creator();
        let config = Config::new(db.replica_id(), base, changes.knowledge()?);
        let folds = db.schema().folds_unicode();
        let config = Config { creator, schema, folds, gives, takes, batch_bytes, ..config };
        let session = session(&config);
        Ok(Driver {
            endpoint,
            changes: Some(changes),
            session,
            wire: Wire::default(),
            durability: Durability::Immediate,
            patience: Patience::default(),
            applying: None,
        })
    }

    /// How it waits for locked tables. While it does, [`Driver::step`] does not return.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Driver {
        self.patience = patience;
        self
    }

    /// Notes what the session brings that these policies have to do with: conflicts, and rows for a reviewer. It
    /// decides nothing: when the session is over, call [`apply_policies`](super::apply_policies).
    ///
    /// # Errors
    /// If the storage fails.
    pub fn with_policies(mut self, policies: &Policies) -> Result<Driver, Error> {
        if !policies.is_automatic() {
            self.endpoint.note_conflicts()?;
        }
        if policies.reviewer().is_some() {
            self.endpoint.note_rows();
        }
        Ok(self)
    }

    /// Takes in a message of the peer.
    pub fn receive(&mut self, message: &[u8]) {
        match self.wire.decode(message) {
            Ok(message) => self.session.receive(message),
            Err(error) => self.session.failed(error),
        }
    }

    /// The connection is gone.
    pub fn interrupted(&mut self, reason: &str) {
        self.session.interrupted(reason);
    }

    /// Goes on as far as it can without the peer.
    pub fn step(&mut self) -> State {
        while let Some(effect) = self.session.next_effect() {
            if !self.session.may_read() {
                self.changes = None;
            }
            match effect {
                Effect::Send(message) => match self.wire.encode(&message) {
                    Ok(bytes) => return State::Send(bytes),
                    Err(error) => self.session.failed(error),
                },
                Effect::Prepare => match self.patience.retry(|| self.endpoint.begin_applying()) {
                    Ok(applying) => self.applying = Some(applying),
                    Err(error) => self.session.failed(error),
                },
                Effect::ReadSchema => {
                    if let Some(changes) = &self.changes {
                        self.session.supply_schema(changes.schema_sql());
                    }
                }
                Effect::AdoptSchema { database, creator, sql } => match self.adopt(database, creator, &sql) {
                    Ok(digest) => self.session.adopted(digest),
                    Err(error) => self.session.failed(error),
                },
                Effect::ReadSchemaChanges { known } => match self.schema_changes(&known) {
                    Ok(changes) => self.session.supply_schema_changes(changes),
                    Err(error) => self.session.failed(error),
                },
                Effect::ChangeSchema(changes) => match self.change_schema(changes) {
                    Ok(()) => self.session.schema_changed(),
                    Err(error) => self.session.failed(error),
                },
                Effect::ReadChanges => {
                    if let Some(changes) = &self.changes {
                        self.session.supply(changes);
                    }
                }
                Effect::Apply(batch) => match self.endpoint.apply(batch, self.durability) {
                    Ok(knowledge) => self.session.applied(knowledge),
                    Err(error) => self.session.failed(error),
                },
                Effect::Finished(result) => {
                    // What came may clash with what is here; where that merges rows, it travels with the next session.
                    let coalesced = self.endpoint.coalesce(self.durability).map_err(SyncError::from);
                    self.applying = None;
                    return State::Finished(result.and_then(|report| coalesced.map(|()| report)));
                }
            }
        }
        State::Waiting
    }

    /// The changes of the schema that the peer lacks.
    fn schema_changes(&self, known: &Knowledge) -> Result<Vec<SchemaChange>, SyncError> {
        let missing = self.changes.iter().flat_map(|changes| changes.design().missing(known));
        let text = |amendment: &Amendment| {
            let text = amendment.to_text().map_err(|error| SyncError::protocol(error.to_string()))?;
            Ok(SchemaChange { id: amendment.id, text })
        };
        missing.map(|amendment| text(amendment)).collect()
    }

    fn change_schema(&self, changes: Vec<SchemaChange>) -> Result<(), SyncError> {
        let mut amendments = Vec::with_capacity(changes.len());
        for change in changes {
            let refused = |what: String| SyncError::SchemaRefused { what };
            let amendment = Amendment::from_text(&change.text).map_err(|error| refused(error.to_string()))?;
            if amendment.id != change.id {
                return Err(refused(format!("schema change {} calls itself {}", change.id, amendment.id)));
            }
            amendments.push(amendment);
        }
        self.endpoint.amend(amendments).map_err(|error| match error {
            AmendError::Refused(what) => SyncError::SchemaRefused { what },
            AmendError::Batch(error) => error.into(),
        })
    }

    fn adopt(
        &self,
        database: DatabaseId,
        creator: Option<ReplicaId>,
        sql: &str,
    ) -> Result<Digest, SyncError> {
        let schema = Schema::from_sql(sql);
        // A collation that this version lacks is among the reasons. It never guesses another one.
        let schema = schema.map_err(|error| SyncError::SchemaRefused {
            what: format!("{error}; if this version of Reunite is the older one, update it"),
        })?;
        let digest = Digest(schema.digest());
        let ours = self.endpoint.adopt(database, creator, schema)?;
        if ours != database {
            return Err(SyncError::WrongDatabase { ours, theirs: database });
        }
        Ok(digest)
    }
}

impl Source for Changes {
    fn log(&self, replica: ReplicaId, after: Seq) -> Result<Log<'_>, Error> {
        let entries = self.entries(replica, after)?;
        Ok(Box::new(entries.map(move |entry| {
            let entry = entry?;
            let dot = Dot { replica, seq: entry.seq };
            Ok(LogEntry { dot, hlc: entry.hlc, key: entry.row })
        })))
    }

    fn row(&self, key: RowKey) -> Result<Option<RowState>, Error> {
        self.facts(key)
    }
}
