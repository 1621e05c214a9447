//! What `replicate` needs of a database, and nobody else.

use std::sync::Arc;

use super::database::Database;
use super::design::AlterError;
pub(crate) use super::lock::Applying;
use super::reviews::to_review;
use crate::commit::{self, BatchError};
use crate::derive::Source;
use crate::error::Error;
use crate::ids::{DatabaseId, ReplicaId, RowKey, Seq};
use crate::row::{Batch, RowState};
use crate::schema::{Amendment, Design, Schema};
use crate::storage::Durability;
use crate::store::{Logged, Snapshot};
use crate::sync::SyncError;
use crate::version::Knowledge;

/// Why changes of the schema that a session brought were not joined.
#[derive(Debug)]
pub(crate) enum AmendError {
    /// They cannot be part of the design.
    Refused(String),
    /// They are from too far in the future, or the storage failed.
    Batch(BatchError),
}

/// One end of a session.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(super) db: Database,
    /// What was known before the session, if a policy wants to know which conflicts it brings.
    known: Option<Knowledge>,
    /// Whether a reviewer wants to know which rows it brings.
    reviewed: bool,
}

/// What a session reads: one state of the database.
pub(crate) struct Changes {
    snapshot: Snapshot,
    design: Arc<Design>,
    creator: Option<ReplicaId>,
}

impl Endpoint {
    /// The end of a session at this database.
    #[must_use]
    pub fn new(db: &Database) -> Endpoint {
        Endpoint { db: db.clone(), known: None, reviewed: false }
    }

    /// From now on notes which conflicts the session brings.
    pub fn note_conflicts(&mut self) -> Result<(), Error> {
        self.known = Some(self.db.knowledge()?);
        Ok(())
    }

    /// From now on notes which rows the session brings.
    pub fn note_rows(&mut self) {
        self.reviewed = true;
    }

    /// The state that the session gives to the peer. All of it survives a power cut.
    pub fn durable_changes(&self) -> Result<Changes, Error> {
        let (snapshot, design) = self.db.snapshot_and_design()?;
        self.db.make_durable()?;
        Ok(Changes { snapshot, design, creator: self.db.shared().meta.creator })
    }

    /// Begins to apply what a session brings: until the guard is dropped no table can be locked.
    pub fn begin_applying(&self) -> Result<Applying, SyncError> {
        let replica = self.db.replica_id();
        Applying::begin(&self.db).map_err(|(table, reason)| SyncError::Locked {
            replica,
            table,
            reason: reason.to_string(),
        })
    }

    /// Applies a batch in one commit with the knowledge that it teaches; returns the new knowledge.
    pub fn apply(&self, batch: Batch, durability: Durability) -> Result<Knowledge, BatchError> {
        if self.db.is_read_only() {
            return Err(Error::ReadOnly.into());
        }
        let permit = self.db.permit();
        let snapshot = self.db.snapshot()?;
        let mut changes = commit::apply(batch, &snapshot, self.db.replica_id(), self.db.latest_acceptable())?;
        let mut knowledge = snapshot.knowledge()?;
        knowledge.join(&changes.taught);
        if !changes.delta.is_empty() || !changes.taught.is_empty() {
            if let Some(known) = &self.known {
                changes.marks = self.db.own_conflicts(&snapshot, &changes, known)?;
            }
            if self.reviewed {
                changes.reviews = to_review(&snapshot, &changes.delta)?;
            }
            self.db.store(&snapshot, &changes, permit, durability)?;
        }
        Ok(knowledge)
    }

    /// Makes one row of those that clash on keys whose duplicates merge.
    pub fn coalesce(&self, durability: Durability) -> Result<(), Error> {
        self.db.coalesce(durability)
    }

    /// Makes an empty replica one of this database. If another session was faster, the database that it
    /// belongs to instead.
    pub fn adopt(
        &self,
        database: DatabaseId,
        creator: Option<ReplicaId>,
        schema: Schema,
    ) -> Result<DatabaseId, Error> {
        self.db.adopt(database, creator, schema)
    }

    /// Joins changes of the schema, and derives anew what they affect.
    pub fn amend(&self, amendments: Vec<Amendment>) -> Result<(), AmendError> {
        if self.db.is_read_only() {
            return Err(AmendError::Batch(Error::ReadOnly.into()));
        }
        let latest = self.db.latest_acceptable();
        if let Some(late) = amendments.iter().find(|amendment| amendment.time > latest) {
            let seconds = late.time.0.saturating_sub(latest.0) / 1_000_000;
            let drift = BatchError::ClockDrift { replica: late.id.replica, seconds };
            return Err(AmendError::Batch(drift));
        }
        self.db.amend(self.db.permit(), amendments).map_err(|error| match error {
            AlterError::Storage(error) => AmendError::Batch(error.into()),
            error => AmendError::Refused(error.to_string()),
        })
    }
}

impl Changes {
    /// What the database had applied.
    pub fn knowledge(&self) -> Result<Knowledge, Error> {
        self.snapshot.knowledge()
    }

    /// The first schema as SQL.
    #[must_use]
    pub fn schema_sql(&self) -> String {
        self.design.initial().to_sql()
    }

    /// The design.
    #[must_use]
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// The replica that made the database.
    #[must_use]
    pub const fn creator(&self) -> Option<ReplicaId> {
        self.creator
    }

    /// The changes of a replica after `after`, ascending.
    pub fn entries(
        &self,
        replica: ReplicaId,
        after: Seq,
    ) -> Result<impl Iterator<Item = Result<Logged, Error>> + '_, Error> {
        self.snapshot.log(replica, after)
    }

    /// The facts of a row.
    pub fn facts(&self, key: RowKey) -> Result<Option<RowState>, Error> {
        Ok(self.snapshot.row(key)?.map(|stored| Arc::unwrap_or_clone(stored.facts)))
    }
}
