//! The handle of an open database, and what all its users share.

use std::fmt;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::builder::Builder;
use super::lock::{Locks, TableLock};
use super::random::{Random, row_id};
use super::read::ReadTransaction;
use super::transaction::Transaction;
use crate::commit::{Author, WriteError};
use crate::error::Error;
use crate::ids::{DatabaseId, ReplicaId, RowId};
use crate::schema::{Design, Notice, Schema};
use crate::storage::{Batch, CopyOnWriteEngine, Durability, Engine, Reader, Status, Storage, Ticket};
use crate::store::{Changes, Finding, Meta, Replicas, Snapshot};
use crate::value::Collation;
use crate::version::{Clock, Hlc, HybridClock, Knowledge};

/// A replica of a database. Clones are handles of the same one; it closes with the last.
///
/// ```
/// use reunite::{Database, row};
/// let schema = "CREATE TABLE customer (code TEXT PRIMARY KEY, name TEXT NOT NULL)";
/// let db = Database::builder().sql(schema)?.in_memory()?;
/// db.write(|tx| {
///     let mut customers = tx.table("customer")?;
///     customers.insert(row! { code: "ANN", name: "Ann" })?;
///     customers.update("ANN", row! { name: "Anna" })
/// })?;
/// let ann = db.read()?.table("customer")?.get("ANN")?;
/// assert_eq!(ann, Some(row! { code: "ANN", name: "Anna" }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

/// What a builder gathered.
pub(super) struct Parts {
    pub(super) storage: Storage,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Box<dyn Random>,
    pub(super) durability: Durability,
    pub(super) drift: u64,
    pub(super) read_only: bool,
}

struct Inner {
    storage: Storage,
    clock: Arc<dyn Clock>,
    random: Mutex<Box<dyn Random>>,
    durability: Durability,
    drift: u64,
    read_only: bool,
    shared: RwLock<Shared>,
    locks: Locks,
    /// Why duplicates were not merged after the last commit, if that failed.
    merge_failure: Mutex<Option<Arc<Error>>>,
    /// The permit to write. Holds the clock, which only a writer moves.
    writer: Arc<Mutex<HybridClock>>,
}

/// What readers take with a snapshot. Replaced by the writer, never changed in place.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) meta: Arc<Meta>,
    pub(super) design: Arc<Design>,
    /// What the design gives.
    pub(super) schema: Arc<Schema>,
    pub(super) notices: Arc<[Notice]>,
    pub(super) replicas: Arc<Replicas>,
}

/// The permit to write, held by a transaction.
pub(super) type Permit = parking_lot::ArcMutexGuard<parking_lot::RawMutex, HybridClock>;

impl Database {
    /// Begins to make or open a database.
    ///
    /// ```
    /// # use reunite::Database;
    /// let db = Database::builder().sql("CREATE TABLE tag (name TEXT)")?.in_memory()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn assemble(parts: Parts) -> Result<Database, Error> {
        let bytes = parts.storage.snapshot()?;
        let missing = || Error::corrupt("the meta record is missing");
        let meta = Snapshot::meta(&*bytes)?.ok_or_else(missing)?;
        let replicas = Arc::new(Snapshot::replicas_in(&*bytes)?);
        let design = Snapshot::design_in(&*bytes, &meta)?;
        let (schema, notices) = design.fold();
        let schema = Arc::new(schema);
        let snapshot = Snapshot::new(bytes, Arc::clone(&schema), Arc::clone(&replicas), meta.replica);
        let clock = HybridClock::after(snapshot.last_time()?.max(design.last_time()));
        let (meta, design) = (Arc::new(meta), Arc::new(design));
        let shared = Shared { meta, design, schema, notices: notices.into(), replicas };
        let inner = Inner {
            storage: parts.storage,
            clock: parts.clock,
            random: Mutex::new(parts.random),
            durability: parts.durability,
            drift: parts.drift,
            read_only: parts.read_only,
            shared: RwLock::new(shared),
            locks: Locks::default(),
            merge_failure: Mutex::new(None),
            writer: Arc::new(Mutex::new(clock)),
        };
        Ok(Database { inner: Arc::new(inner) })
    }

    /// A snapshot: it sees the commits so far and no later one, and neither blocks nor is blocked by
    /// writers.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let snapshot = db.read()?;
    /// db.write(|tx| tx.table("customer")?.insert(row! { code: "BOB" }))?;
    /// assert_eq!(snapshot.table("customer")?.len()?, 1); // as it was
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn read(&self) -> Result<ReadTransaction, Error> {
        Ok(ReadTransaction::new(self.snapshot()?))
    }

    /// Runs a transaction. It commits if `work` returns `Ok`; if that returns an error or panics,
    /// nothing has happened. Waits for other writers: inside another transaction of the same thread it
    /// would wait for ever.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let id = db.write(|tx| tx.table("customer")?.insert(row! { code: "BOB" }))?;
    /// let refused = db.write(|tx| tx.table("customer")?.insert(row! { code: "BOB" }));
    /// assert_eq!(refused.map_err(|error| error.code()), Err("duplicate-key"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What `work` returns, or why the commit was refused.
    pub fn write<T, E: From<WriteError>>(
        &self,
        work: impl FnOnce(&mut Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin()?.perform(work)
    }

    /// Begins a transaction; dropping it rolls it back. Waits for other writers: inside another
    /// transaction of the same thread it would wait for ever.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let mut tx = db.begin()?;
    /// tx.table("customer")?.delete("ANN")?;
    /// drop(tx);
    /// assert_eq!(db.read()?.table("customer")?.len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the database is read-only or was closed, or the storage fails.
    pub fn begin(&self) -> Result<Transaction, WriteError> {
        let permit = self.writable_permit()?;
        Ok(Transaction::new(self.clone(), permit, None)?)
    }

    /// Locks a table until the guard is dropped: nobody but the guard's holder changes it, and no session
    /// applies anything meanwhile. `reason` is told to whoever is refused. Waits for a transaction under
    /// way: inside one of the same thread it would wait for ever.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// let lock = db.lock("customer", "monthly closing")?;
    /// let refused = db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }));
    /// assert_eq!(refused.map_err(|error| error.code()), Err("locked"));
    /// lock.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such table, another guard holds it, a session is being applied, or the database is
    /// read-only.
    pub fn lock(&self, table: &str, reason: &str) -> Result<TableLock, WriteError> {
        TableLock::new(self, table, reason)
    }

    /// The schema.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// assert_eq!(db.schema().tables().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.inner.shared.read().schema)
    }

    /// The identity of this replica.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// assert_eq!(db.clone().replica_id(), db.replica_id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn replica_id(&self) -> ReplicaId {
        self.inner.shared.read().meta.replica
    }

    /// The database that this is a replica of; none for an empty replica before its first sync.
    ///
    /// ```
    /// # use reunite::{Database, replicate};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// let a = Database::builder().sql(sql)?.in_memory()?;
    /// let b = Database::builder().in_memory()?;
    /// assert_eq!(b.database_id(), None);
    /// replicate::sync(&a, &b)?;
    /// assert_eq!(b.database_id(), a.database_id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn database_id(&self) -> Option<DatabaseId> {
        self.inner.shared.read().meta.database
    }

    /// What this replica has applied, of its own changes and of others'.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// assert_eq!(db.knowledge()?.get(db.replica_id()), 1); // one row was changed, once
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn knowledge(&self) -> Result<Knowledge, Error> {
        self.snapshot()?.knowledge()
    }

    /// A digest of all facts: replicas with equal knowledge have equal digests, unless an interrupted
    /// session left one with rows ahead of its knowledge. Reads the whole database.
    ///
    /// ```
    /// # use reunite::{Database, ResolveWith, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
    /// # replicate::sync(&a, &b)?;
    /// assert_eq!(a.digest()?, b.digest()?);
    /// a.write(|tx| tx.table("customer")?.delete("ANN"))?;
    /// assert_ne!(a.digest()?, b.digest()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn digest(&self) -> Result<[u8; 16], Error> {
        crate::store::digest(&self.snapshot()?)
    }

    /// Checks everything that is stored: records, indexes, log, and what was derived. Returns what is
    /// wrong; nothing, if all is well. Reads the whole database.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// for finding in db.check()? {
    ///     panic!("the database is damaged: {finding}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn check(&self) -> Result<Vec<Finding>, Error> {
        crate::store::check(&self.snapshot()?)
    }

    /// What the storage engine says of itself.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// assert_eq!(db.status()?.name, "memory");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn status(&self) -> Result<Status, Error> {
        self.inner.storage.status()
    }

    /// Makes the files as small as what they hold allows. It is not done while somebody reads: says whether it
    /// was. Writers and new readers wait for it. Closing does the same after much was written, so it is needed
    /// only where a database stays open for very long.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let directory = tempfile::tempdir()?;
    /// let db = Database::builder().sql("CREATE TABLE note (text TEXT)")?.create(directory.path().join("notes"))?;
    /// db.write(|tx| tx.table("note")?.insert_all((0..9).map(|n| row! { text: n.to_string() })))?;
    /// let reader = db.read()?;
    /// assert!(!db.compact()?);
    /// drop(reader);
    /// assert!(db.compact()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails, or the database is open for reading only.
    pub fn compact(&self) -> Result<bool, Error> {
        let _permit = self.permit();
        self.inner.storage.compact()
    }

    /// Closes the database for all handles, and says whether everything was stored. Dropping the last
    /// handle closes too, and cannot say so.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// db.close()?;
    /// assert!(db.read().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn close(&self) -> Result<(), Error> {
        let _permit = self.permit();
        self.inner.storage.close()
    }

    pub(super) fn snapshot(&self) -> Result<Snapshot, Error> {
        // Under the lock, so that the bytes are read with the schema that they were written under.
        let shared = self.inner.shared.read();
        let (schema, replicas) = (Arc::clone(&shared.schema), Arc::clone(&shared.replicas));
        Ok(Snapshot::new(self.inner.storage.snapshot()?, schema, replicas, shared.meta.replica))
    }

    /// The state as it is now, under a schema that it is about to have.
    pub(super) fn snapshot_under(&self, schema: &Arc<Schema>) -> Result<Snapshot, Error> {
        let shared = self.inner.shared.read();
        let (bytes, replicas) = (self.inner.storage.snapshot()?, Arc::clone(&shared.replicas));
        Ok(Snapshot::new(bytes, Arc::clone(schema), replicas, shared.meta.replica))
    }

    /// The state as it will be when these changes are stored. Nothing is stored.
    pub(super) fn snapshot_with(&self, before: &Snapshot, changes: &Changes) -> Result<Snapshot, Error> {
        let (batch, replicas) = crate::store::write(before, changes)?;
        let after = CopyOnWriteEngine::new(self.inner.storage.snapshot()?, u64::MAX);
        after.apply(1, &batch)?;
        let schema = Arc::clone(before.schema());
        Ok(Snapshot::new(after.snapshot()?, schema, Arc::new(replicas), self.replica_id()))
    }

    /// A state, and the design that it is under.
    pub(super) fn snapshot_and_design(&self) -> Result<(Snapshot, Arc<Design>), Error> {
        let shared = self.inner.shared.read();
        let (schema, replicas) = (Arc::clone(&shared.schema), Arc::clone(&shared.replicas));
        let bytes = self.inner.storage.snapshot()?;
        let design = Arc::clone(&shared.design);
        Ok((Snapshot::new(bytes, schema, replicas, shared.meta.replica), design))
    }

    pub(super) fn shared(&self) -> Shared {
        self.inner.shared.read().clone()
    }

    /// Stores what a new schema brings. No snapshot is taken meanwhile: see [`Database::snapshot`].
    pub(super) fn replace_schema(
        &self,
        batch: &Batch,
        replace: impl FnOnce(&mut Shared),
    ) -> Result<Ticket, Error> {
        let mut shared = self.inner.shared.write();
        let ticket = self.inner.storage.append(batch)?;
        replace(&mut shared);
        Ok(ticket)
    }

    pub(super) fn wait(&self, ticket: Ticket) -> Result<(), Error> {
        self.inner.storage.wait(ticket, Durability::Immediate)
    }

    pub(super) fn storage_snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        self.inner.storage.snapshot()
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner.clock)
    }

    /// The permitted drift, in seconds.
    pub(super) fn drift(&self) -> u64 {
        self.inner.drift
    }

    pub(super) fn new_row_id(&self) -> Result<RowId, Error> {
        row_id(&mut **self.inner.random.lock(), self.inner.clock.now())
    }

    /// Who writes in a transaction that begins now. Its time is not taken yet: see [`Database::tick`].
    pub(super) fn author(&self, permit: &Permit) -> Author {
        let meta = Arc::clone(&self.inner.shared.read().meta);
        let mut clock: HybridClock = **permit;
        let hlc = clock.tick(self.inner.clock.now());
        Author { replica: meta.replica, priority: meta.priority, hlc, decision: false }
    }

    /// A time greater than everything that this replica has seen.
    pub(super) fn tick(&self, permit: &mut Permit) -> Hlc {
        permit.tick(self.inner.clock.now())
    }

    /// The greatest time that a peer's change may have.
    pub(super) fn latest_acceptable(&self) -> Hlc {
        let now = u64::try_from(self.inner.clock.now().0).unwrap_or(0);
        Hlc(now.saturating_add(self.inner.drift.saturating_mul(1_000_000)))
    }

    pub(super) fn durability(&self) -> Durability {
        self.inner.durability
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.inner.read_only
    }

    pub(super) fn permit(&self) -> Permit {
        Mutex::lock_arc(&self.inner.writer)
    }

    pub(super) fn writable_permit(&self) -> Result<Permit, Error> {
        if self.inner.read_only { Err(Error::ReadOnly) } else { Ok(self.permit()) }
    }

    pub(super) fn locks(&self) -> &Locks {
        &self.inner.locks
    }

    pub(super) fn failed_merge(&self) -> &Mutex<Option<Arc<Error>>> {
        &self.inner.merge_failure
    }

    /// Stores what a commit derived, then lets the next writer go, then waits until it is durable:
    /// concurrent commits share one flush.
    pub(super) fn store(
        &self,
        snapshot: &Snapshot,
        changes: &Changes,
        mut permit: Permit,
        durability: Durability,
    ) -> Result<(), Error> {
        let (batch, replicas) = crate::store::write(snapshot, changes)?;
        permit.observe(changes.latest);
        // Numbers first: a reader must never meet bytes that name a replica it cannot look up.
        let before = self.number(Arc::new(replicas));
        let ticket = match self.inner.storage.append(&batch) {
            Ok(ticket) => ticket,
            Err(error) => {
                self.number(before);
                return Err(error);
            }
        };
        drop(permit);
        self.inner.storage.wait(ticket, durability)
    }

    fn number(&self, replicas: Arc<Replicas>) -> Arc<Replicas> {
        std::mem::replace(&mut self.inner.shared.write().replicas, replicas)
    }

    /// Returns when everything that was committed survives a power cut.
    pub(super) fn make_durable(&self) -> Result<(), Error> {
        if self.inner.read_only {
            return Ok(());
        }
        self.inner.storage.wait(self.inner.storage.latest()?, Durability::Immediate)
    }

    /// Makes an empty replica one of this database; returns the one that it belongs to by now.
    pub(super) fn adopt(
        &self,
        database: DatabaseId,
        creator: Option<ReplicaId>,
        schema: Schema,
    ) -> Result<DatabaseId, Error> {
        if self.inner.read_only {
            return Err(Error::ReadOnly);
        }
        let _permit = self.permit();
        let mut meta = (*self.inner.shared.read().meta).clone();
        if let Some(adopted) = meta.database {
            return Ok(adopted);
        }
        meta.database = Some(database);
        meta.schema = schema.to_sql();
        meta.creator = creator;
        meta.unicode = Collation::UNICODE_VERSION.to_owned();
        let ticket = self.inner.storage.append(&crate::store::write_meta(&meta)?)?;
        self.inner.storage.wait(ticket, Durability::Immediate)?;
        let mut shared = self.inner.shared.write();
        shared.meta = Arc::new(meta);
        shared.schema = Arc::new(schema);
        shared.design = Arc::new(Design::new(Arc::clone(&shared.schema)));
        Ok(database)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("replica", &self.replica_id()).finish_non_exhaustive()
    }
}
