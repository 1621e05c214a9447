//! The meta record: who this replica is, and the schema. Written at creation and when one of them
//! changes, never by an ordinary commit.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::ids::{DatabaseId, ReplicaId};
use crate::schema::Design;
use crate::value::Collation;
use crate::version::Priority;

/// What a replica remembers of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    /// The database that this is a replica of; none until an empty replica first meets another.
    pub database: Option<DatabaseId>,
    /// The identity of this replica.
    pub replica: ReplicaId,
    /// The priority of its changes.
    pub priority: Priority,
    /// The first schema as canonical SQL, without what was changed since; empty for a replica that has
    /// none yet.
    pub schema: String,
    /// The replica that made the database: design master until the schema is first changed.
    pub creator: Option<ReplicaId>,
    /// The digest of the design with all changes of the schema; none if there are no changes.
    pub design: Option<[u8; 16]>,
    /// The version of Unicode whose tables compared the texts when the schema was stored.
    pub unicode: String,
}

/// The form of the record: JSON, because it is read by people when something is wrong.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    database: Option<String>,
    replica: String,
    priority: u8,
    schema: String,
    creator: Option<String>,
    design: Option<String>,
    unicode: String,
}

impl Meta {
    /// Whether this is the design that was stored last.
    pub(super) fn is_of(&self, design: &Design) -> bool {
        self.design == design.changed_digest()
    }

    /// Refuses a design under which texts are compared by other tables than this program has: their keys and
    /// index entries are folded by those.
    pub(super) fn check_collations(&self, design: &Design) -> Result<(), Error> {
        if self.unicode == Collation::UNICODE_VERSION || !design.fold().0.folds_unicode() {
            return Ok(());
        }
        Err(Error::Collation {
            collation: Collation::UnicodeNoCase.to_string(),
            found: self.unicode.clone(),
            supported: Collation::UNICODE_VERSION.to_owned(),
        })
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, Error> {
        let record = Record {
            database: self.database.map(|id| id.to_string()),
            replica: self.replica.to_string(),
            priority: self.priority.get(),
            schema: self.schema.clone(),
            creator: self.creator.map(|id| id.to_string()),
            design: self.design.map(|digest| Uuid::from_bytes(digest).simple().to_string()),
            unicode: self.unicode.clone(),
        };
        serde_json::to_vec(&record).map_err(|error| Error::corrupt(format!("meta record: {error}")))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Meta, Error> {
        let wrong = |what: &str| Error::corrupt(format!("meta record: {what}"));
        let record: Record = serde_json::from_slice(bytes).map_err(|error| wrong(&error.to_string()))?;
        let database = record.database.map(|id| id.parse()).transpose();
        let creator = record.creator.map(|id| id.parse()).transpose();
        let design = record.design.map(|digest| Uuid::try_parse(&digest)).transpose();
        Ok(Meta {
            database: database.map_err(|_| wrong("the database id is not a UUID"))?,
            replica: record.replica.parse().map_err(|_| wrong("the replica id is not a UUID"))?,
            priority: Priority::new(record.priority).ok_or_else(|| wrong("the priority is above 100"))?,
            schema: record.schema,
            creator: creator.map_err(|_| wrong("the creator's id is not a UUID"))?,
            design: design.map_err(|_| wrong("the design's digest is no digest"))?.map(Uuid::into_bytes),
            unicode: record.unicode,
        })
    }
}
