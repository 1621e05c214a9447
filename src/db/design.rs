//! Changing the schema: by the design master, by a session, and who the design master is.

use std::sync::Arc;

use super::database::{Database, Permit};
use crate::commit::evolve;
use crate::error::Error;
use crate::ids::{Dot, ReplicaId};
use crate::schema::{Amendment, DdlError, Design, DesignError, Notice, SchemaError};
use crate::store::{Meta, Rewrite, rewrite};
use crate::value::Collation;

/// Why a change of the schema was refused. Nothing was changed.
///
/// ```
/// # use reunite::Database;
/// let db = Database::builder().sql("CREATE TABLE tag (name TEXT)")?.in_memory()?;
/// let error = db.alter("ALTER TABLE tag ADD COLUMN color TEXT NOT NULL").unwrap_err();
/// assert!(error.to_string().contains("give it a DEFAULT"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlterError {
    /// The SQL is wrong, or asks for what cannot be; with line and column.
    #[error(transparent)]
    Sql(#[from] DdlError),
    /// Another replica is design master.
    #[error(
        "replica {master} is design master: change the schema there, or let it hand that role over; if it \
         is gone for ever, take the role over by force"
    )]
    NotDesignMaster {
        /// The design master, as far as this replica knows.
        master: ReplicaId,
    },
    /// An application has locked a table: release it first, or try again later.
    #[error("table {table} is locked ({reason}): try again when it is released")]
    Locked {
        /// The table.
        table: String,
        /// What the holder of the lock says.
        reason: String,
    },
    /// The replica has no schema yet.
    #[error("this replica has no schema yet: sync it with one that has")]
    Empty,
    /// The change cannot be part of the design.
    #[error(transparent)]
    Design(DesignError),
    /// The storage failed, or the database is read-only.
    #[error(transparent)]
    Storage(#[from] Error),
}

impl AlterError {
    /// The stable name of the error.
    ///
    /// ```
    /// # use reunite::Database;
    /// let db = Database::builder().sql("CREATE TABLE tag (name TEXT)")?.in_memory()?;
    /// let refused = db.alter("ALTER TABLE tags ADD COLUMN color TEXT");
    /// assert_eq!(refused.map_err(|error| error.code()), Err("unknown-table"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            AlterError::Sql(error) => match error.schema.as_deref() {
                Some(SchemaError::UnknownTable { .. }) => "unknown-table",
                Some(SchemaError::UnknownColumn { .. }) => "unknown-column",
                Some(SchemaError::Limit { .. }) => "limit",
                _ => "not-applicable",
            },
            AlterError::NotDesignMaster { .. } => "not-design-master",
            AlterError::Locked { .. } => "locked",
            AlterError::Empty => "not-applicable",
            AlterError::Design(DesignError::TooLarge { .. } | DesignError::TooMany { .. }) => "limit",
            AlterError::Design(_) => "schema-mismatch",
            AlterError::Storage(error) => error.code(),
        }
    }
}

impl From<DesignError> for AlterError {
    fn from(error: DesignError) -> AlterError {
        match error {
            DesignError::NotMaster { master } => AlterError::NotDesignMaster { master },
            error => AlterError::Design(error),
        }
    }
}

/// How the schema came about, and who may change it.
///
/// ```
/// # use reunite::Database;
/// let db = Database::builder().sql("CREATE TABLE tag (name TEXT)")?.in_memory()?;
/// db.alter("ALTER TABLE tag ADD COLUMN color TEXT")?;
/// let design = db.design();
/// assert_eq!((design.master, design.term), (Some(db.replica_id()), 0));
/// assert_eq!(design.changes[0].seq, 1); // its first change of the schema
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesignStatus {
    /// The design master, as far as this replica knows; none for an empty replica.
    pub master: Option<ReplicaId>,
    /// The term of its mastership: how often the role was handed over or taken.
    pub term: u64,
    /// The last change of each replica that changed the schema.
    pub changes: Vec<Dot>,
    /// What people should know: what two masters did at once.
    pub notices: Vec<Notice>,
}

impl Database {
    /// Changes the schema, by SQL: `ALTER TABLE`, `CREATE TABLE`, `CREATE [UNIQUE] INDEX`, `DROP TABLE`,
    /// `DROP INDEX`. All statements are one change, which is there after this returns, and reaches the
    /// other replicas before any data that is newer. Rows that break a new rule are parked and listed;
    /// they return when the rule goes. Waits for other writers.
    ///
    /// Snapshots that were taken before keep the schema that they were taken with.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "BOB", phone: "1" }))?;
    /// db.alter("ALTER TABLE customer ADD COLUMN zip TEXT DEFAULT '?'; CREATE UNIQUE INDEX one_phone ON customer (phone)")?;
    /// let snapshot = db.read()?;
    /// assert_eq!(snapshot.table("customer")?.get("ANN")?, Some(row! { code: "ANN", phone: "1", zip: "?" }));
    /// assert_eq!(snapshot.conflicts()?.len(), 1); // BOB has the phone of ANN
    /// db.alter("DROP INDEX one_phone")?;
    /// assert_eq!(db.read()?.conflicts()?.len(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If this replica is not design master, a table is locked, the SQL is wrong, or the storage fails.
    pub fn alter(&self, sql: &str) -> Result<(), AlterError> {
        let mut permit = self.writer()?;
        // A change of one table may park rows of others.
        self.locks().check_none_held(&self.schema())?;
        let (design, creator) = self.design_and_creator()?;
        design.check_master(self.replica_id(), creator)?;
        let amendment = design.alter(sql, self.replica_id(), self.tick(&mut permit))?;
        self.amend(permit, vec![amendment])
    }

    /// Makes another replica design master. It learns of it by a sync; until then nobody changes the
    /// schema.
    ///
    /// ```
    /// # use reunite::{Database, replicate};
    /// # let sql = "CREATE TABLE tag (name TEXT)";
    /// let a = Database::builder().sql(sql)?.in_memory()?;
    /// let b = Database::builder().in_memory()?;
    /// a.hand_over_design(b.replica_id())?;
    /// replicate::sync(&a, &b)?;
    /// b.alter("ALTER TABLE tag ADD COLUMN color TEXT")?;
    /// assert_eq!(a.alter("DROP TABLE tag").map_err(|error| error.code()), Err("not-design-master"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If this replica is not design master, or the storage fails.
    pub fn hand_over_design(&self, to: ReplicaId) -> Result<(), AlterError> {
        let mut permit = self.writer()?;
        let (design, creator) = self.design_and_creator()?;
        design.check_master(self.replica_id(), creator)?;
        let amendment = design.hand_over(to, self.replica_id(), self.tick(&mut permit));
        self.amend(permit, vec![amendment])
    }

    /// Makes this replica design master without asking: for when the design master is gone for ever. If
    /// it is not, both may change the schema until they hear of each other; their changes are then
    /// joined, alike everywhere, and [`Database::design`] says so.
    ///
    /// ```
    /// # use reunite::{Database, replicate};
    /// # let sql = "CREATE TABLE tag (name TEXT)";
    /// let (a, b) = (Database::builder().sql(sql)?.in_memory()?, Database::builder().in_memory()?);
    /// replicate::sync(&a, &b)?;
    /// b.take_over_design()?;
    /// assert_eq!(b.design().master, Some(b.replica_id()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the replica has no schema yet, or the storage fails.
    pub fn take_over_design(&self) -> Result<(), AlterError> {
        let mut permit = self.writer()?;
        let (design, creator) = self.design_and_creator()?;
        let me = self.replica_id();
        if design.check_master(me, creator).is_ok() {
            return Ok(());
        }
        let amendment = design.hand_over(me, me, self.tick(&mut permit));
        self.amend(permit, vec![amendment])
    }

    /// Who is design master, and what two masters did at once.
    ///
    /// ```
    /// # use reunite::Database;
    /// let db = Database::builder().sql("CREATE TABLE tag (name TEXT)")?.in_memory()?;
    /// assert_eq!(db.design().master, Some(db.replica_id()));
    /// assert!(db.design().notices.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn design(&self) -> DesignStatus {
        let shared = self.shared();
        let mastership = shared.design.master();
        DesignStatus {
            master: mastership.map(|mastership| mastership.replica).or(shared.meta.creator),
            term: mastership.map_or(0, |mastership| mastership.term),
            changes: shared.design.known().iter().map(|(replica, seq)| Dot { replica, seq }).collect(),
            notices: shared.notices.to_vec(),
        }
    }

    fn writer(&self) -> Result<Permit, AlterError> {
        if self.is_read_only() { Err(Error::ReadOnly.into()) } else { Ok(self.permit()) }
    }

    fn design_and_creator(&self) -> Result<(Arc<Design>, ReplicaId), AlterError> {
        let shared = self.shared();
        let creator = shared.meta.database.and(shared.meta.creator).ok_or(AlterError::Empty)?;
        Ok((shared.design, creator))
    }

    /// Adds amendments to the design, derives anew what they affect, and stores all of it in one commit.
    /// Those that are here already change nothing.
    pub(super) fn amend(&self, mut permit: Permit, amendments: Vec<Amendment>) -> Result<(), AlterError> {
        let mut design = (*self.shared().design).clone();
        let known = design.known();
        let new: Vec<Amendment> = amendments.iter().filter(|a| !known.covers(a.id)).cloned().collect();
        if !design.join(amendments)? {
            return Ok(());
        }
        let (schema, notices) = design.fold();
        let schema = Arc::new(schema);
        let (before, after) = (self.snapshot()?, self.snapshot_under(&schema)?);
        let (digest, unicode) = (design.changed_digest(), Collation::UNICODE_VERSION.to_owned());
        let meta = Meta { design: digest, unicode, ..(*self.shared().meta).clone() };
        let evolved = Rewrite { meta: Some(meta.clone()), ..evolve(&before, &after, new)? };
        let (batch, replicas) = rewrite(&before, &after, evolved)?;
        permit.observe(design.last_time());
        let (design, notices) = (Arc::new(design), notices.into());
        let ticket = self.replace_schema(&batch, |shared| {
            (shared.replicas, shared.meta) = (Arc::new(replicas), Arc::new(meta));
            (shared.design, shared.schema, shared.notices) = (design, schema, notices);
        })?;
        drop(permit);
        Ok(self.wait(ticket)?)
    }
}
