//! What `replicate` needs of a database, and nobody else.

use super::database::Database;
pub(crate) use super::lock::Applying;
use crate::commit::{self, BatchError};
use crate::derive::Source;
use crate::error::Error;
use crate::ids::{DatabaseId, ReplicaId, RowKey, Seq};
use crate::row::{Batch, RowState};
use crate::schema::Schema;
use crate::storage::Durability;
use crate::store::{Logged, Snapshot};
use crate::sync::SyncError;
use crate::version::Knowledge;

/// One end of a session.
#[derive(Debug)]
pub(crate) struct Endpoint {
    db: Database,
}

/// What a session reads: one state of the database.
pub(crate) struct Changes {
    snapshot: Snapshot,
}

impl Endpoint {
    /// The end of a session at this database.
    #[must_use]
    pub fn new(db: &Database) -> Endpoint {
        Endpoint { db: db.clone() }
    }

    /// The state that the session gives to the peer. All of it survives a power cut.
    pub fn durable_changes(&self) -> Result<Changes, Error> {
        let snapshot = self.db.snapshot()?;
        self.db.make_durable()?;
        Ok(Changes { snapshot })
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
        let changes = commit::apply(batch, &snapshot, self.db.replica_id(), self.db.latest_acceptable())?;
        let mut knowledge = snapshot.knowledge()?;
        knowledge.join(&changes.taught);
        if !changes.delta.is_empty() || !changes.taught.is_empty() {
            self.db.store(&snapshot, &changes, permit, durability)?;
        }
        Ok(knowledge)
    }

    /// Makes an empty replica one of this database. If another session was faster, the database that it
    /// belongs to instead.
    pub fn adopt(&self, database: DatabaseId, schema: Schema) -> Result<DatabaseId, Error> {
        self.db.adopt(database, schema)
    }
}

impl Changes {
    /// What the database had applied.
    pub fn knowledge(&self) -> Result<Knowledge, Error> {
        self.snapshot.knowledge()
    }

    /// The schema as SQL.
    #[must_use]
    pub fn schema_sql(&self) -> String {
        self.snapshot.schema().to_sql()
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
        Ok(self.snapshot.row(key)?.map(|stored| (*stored.facts).clone()))
    }
}
