//! How a database is made or opened. Everything that a database does not decide by itself is given
//! here: clock, random source, engine, limits.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::database::{Database, Parts};
use super::random::{Random, SystemRandom, replica_id};
use crate::error::Error;
use crate::ids::{DatabaseId, ReplicaId};
use crate::schema::{DdlError, Schema};
use crate::storage::{Durability, EngineKind, Options, Storage, SystemDisk};
use crate::store::{Meta, Snapshot, write_meta};
use crate::value::Collation;
use crate::version::{Clock, Priority, SystemClock};

/// Makes or opens a [`Database`].
///
/// ```
/// use reunite::{Database, row};
/// let schema = "CREATE TABLE customer (code TEXT PRIMARY KEY, name TEXT NOT NULL)";
/// let db = Database::builder().sql(schema)?.in_memory()?;
/// db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", name: "Ann" }))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct Builder {
    schema: Option<Arc<Schema>>,
    name: String,
    database: Option<DatabaseId>,
    replica: Option<ReplicaId>,
    creator: Option<ReplicaId>,
    priority: Priority,
    clock: Arc<dyn Clock>,
    random: Box<dyn Random>,
    engine: EngineKind,
    options: Options,
    durability: Durability,
    drift: u64,
    read_only: bool,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            schema: None,
            name: String::new(),
            database: None,
            replica: None,
            creator: None,
            priority: Priority::default(),
            clock: Arc::new(SystemClock),
            random: Box::new(SystemRandom),
            engine: EngineKind::default(),
            options: Options::default(),
            durability: Durability::default(),
            drift: Builder::DEFAULT_DRIFT_SECONDS,
            read_only: false,
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// How far ahead of this clock a peer's changes may be, in seconds, unless set: a day.
    ///
    /// ```
    /// assert_eq!(reunite::Builder::DEFAULT_DRIFT_SECONDS, 86_400);
    /// ```
    pub const DEFAULT_DRIFT_SECONDS: u64 = 24 * 60 * 60;

    /// The schema of a new database. Without one, a new database is an empty replica: it takes over
    /// database and schema from the first replica that it syncs with.
    ///
    /// ```
    /// # use reunite::Database;
    /// # use reunite::schema::Schema;
    /// # use reunite::value::Type;
    /// let schema = Schema::builder().table("tag", |t| t.column("name", Type::Text)).build()?;
    /// let db = Database::builder().schema(schema).in_memory()?;
    /// assert!(db.schema().table("tag").is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn schema(mut self, schema: impl Into<Arc<Schema>>) -> Builder {
        self.schema = Some(schema.into());
        self
    }

    /// The schema of a new database as SQL.
    ///
    /// ```
    /// # use reunite::Database;
    /// let db = Database::builder().sql("CREATE TABLE tag (name TEXT)")?.in_memory()?;
    /// assert!(Database::builder().sql("CREATE TABEL tag (name TEXT)").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the SQL is wrong or asks for what is not supported; the error names line and column.
    pub fn sql(self, sql: &str) -> Result<Builder, DdlError> {
        Ok(self.schema(Schema::from_sql(sql)?))
    }

    /// Sets databases apart that have the same schema: replicas of one database have equal schemas and
    /// equal names. Empty unless set.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// let work = Database::builder().sql(sql)?.name("work").in_memory()?;
    /// let home = Database::builder().sql(sql)?.name("home").in_memory()?;
    /// assert_ne!(work.database_id(), home.database_id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = name.into();
        self
    }

    /// The database that a new replica belongs to, instead of one that follows from schema and name.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # use reunite::ids::DatabaseId;
    /// let id = DatabaseId::from_bytes([7; 16]);
    /// let db = Database::builder().sql(sql)?.database_id(id).in_memory()?;
    /// assert_eq!(db.database_id(), Some(id));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn database_id(mut self, id: DatabaseId) -> Builder {
        self.database = Some(id);
        self
    }

    /// The id of a new replica; a random one unless set. No two replicas may ever have the same.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # use reunite::ids::ReplicaId;
    /// let id = ReplicaId::from_bytes([7; 16]);
    /// let db = Database::builder().sql(sql)?.replica_id(id).in_memory()?;
    /// assert_eq!(db.replica_id(), id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replica_id(mut self, id: ReplicaId) -> Builder {
        self.replica = Some(id);
        self
    }

    /// The design master of a new database until its schema is first changed: this replica, unless set.
    /// Replicas that are made apart with one schema name the same one here; otherwise each takes itself
    /// for the master until it hears of another's change.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # use reunite::ids::ReplicaId;
    /// let office = ReplicaId::from_bytes([7; 16]);
    /// let van = Database::builder().sql(sql)?.design_master(office).in_memory()?;
    /// assert!(van.alter("DROP TABLE customer").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn design_master(mut self, id: ReplicaId) -> Builder {
        self.creator = Some(id);
        self
    }

    /// The priority of a new replica's changes, in tables whose winner rule is `priority`.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # use reunite::version::Priority;
    /// let office = Priority::new(90).unwrap_or_default();
    /// let db = Database::builder().sql(sql)?.priority(office).in_memory()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn priority(mut self, priority: Priority) -> Builder {
        self.priority = priority;
        self
    }

    /// The clock; the system's unless set.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # use reunite::version::ManualClock;
    /// # use std::sync::Arc;
    /// let clock = Arc::new(ManualClock::new("2024-01-01T00:00:00Z".parse()?));
    /// let db = Database::builder().sql(sql)?.clock(clock).in_memory()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Builder {
        self.clock = clock;
        self
    }

    /// The random source for ids; the system's unless set.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # use reunite::db::SeededRandom;
    /// let db = Database::builder().sql(sql)?.random(SeededRandom::new(7)).in_memory()?;
    /// let same = Database::builder().sql(sql)?.random(SeededRandom::new(7)).in_memory()?;
    /// assert_eq!(db.replica_id(), same.replica_id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn random(mut self, random: impl Random + 'static) -> Builder {
        self.random = Box::new(random);
        self
    }

    /// The storage engine of a new database; redb unless set.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # use reunite::storage::EngineKind;
    /// let directory = tempfile::tempdir()?;
    /// let db = Database::builder().sql(sql)?.engine(EngineKind::Redb).create(directory.path())?;
    /// assert_eq!(db.status()?.name, "redb");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn engine(mut self, engine: EngineKind) -> Builder {
        self.engine = engine;
        self
    }

    /// The bound of the engine's page cache in bytes; 64 MiB unless set.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// let directory = tempfile::tempdir()?;
    /// let db = Database::builder().sql(sql)?.cache_bytes(8 << 20).create(directory.path())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cache_bytes(mut self, bytes: usize) -> Builder {
        self.options.cache_bytes = bytes;
        self
    }

    /// When commits survive a power cut, unless they say otherwise themselves.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # use reunite::storage::Durability;
    /// let directory = tempfile::tempdir()?;
    /// let db = Database::builder().sql(sql)?.durability(Durability::Eventual).create(directory.path())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn durability(mut self, durability: Durability) -> Builder {
        self.durability = durability;
        self
    }

    /// How far ahead of this clock a peer's changes may be, in seconds. A session that brings later
    /// ones is refused.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// let db = Database::builder().sql(sql)?.permitted_drift(60 * 60).in_memory()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn permitted_drift(mut self, seconds: u64) -> Builder {
        self.drift = seconds;
        self
    }

    /// Opens for reading only; other such handles may be open at the same time.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// let directory = tempfile::tempdir()?;
    /// Database::builder().sql(sql)?.create(directory.path())?.close()?;
    /// let db = Database::builder().read_only().open(directory.path())?;
    /// assert!(db.begin().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_only(mut self) -> Builder {
        self.read_only = true;
        self
    }

    /// Makes a database in a new directory and opens it.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// let directory = tempfile::tempdir()?;
    /// let db = Database::builder().sql(sql)?.create(directory.path())?;
    /// assert!(Database::builder().sql(sql)?.create(directory.path()).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is something at `path` already, or the storage fails. Nothing is left behind then.
    pub fn create(self, path: impl AsRef<Path>) -> Result<Database, Error> {
        let (builder, meta) = self.first_meta()?;
        let (disk, first) = (Arc::new(SystemDisk), write_meta(&meta)?);
        let storage = Storage::create_with(disk, path.as_ref(), builder.engine, builder.options, &first)?;
        builder.resume(storage)
    }

    /// Opens the database in a directory.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// let directory = tempfile::tempdir()?;
    /// Database::builder().sql(sql)?.create(directory.path())?.close()?;
    /// let db = Database::builder().open(directory.path())?;
    /// assert!(db.schema().table("customer").is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no database, it is open elsewhere, damaged or of a newer format, or the storage
    /// fails. The directory is as before then.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Database, Error> {
        let path = path.as_ref();
        let storage =
            if self.read_only { Storage::open_read_only(path)? } else { Storage::open(path, self.options)? };
        self.resume(storage)
    }

    /// Makes a database that lives as long as its handles.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// let db = Database::builder().sql(sql)?.in_memory()?;
    /// assert_eq!(db.read()?.table("customer")?.len()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the random source fails.
    pub fn in_memory(self) -> Result<Database, Error> {
        self.over(Storage::memory())
    }

    /// Makes or opens a database over a storage: for tests with engines and disks of their own.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # use reunite::storage::{MemoryEngine, Storage};
    /// let engine = MemoryEngine::new(); // its clones share what it holds
    /// let db = Database::builder().sql(sql)?.over(Storage::over(Box::new(engine.clone())))?;
    /// db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let again = Database::builder().over(Storage::over(Box::new(engine)))?;
    /// assert_eq!(again.read()?.table("customer")?.len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails or holds something else.
    pub fn over(self, storage: Storage) -> Result<Database, Error> {
        let known = Snapshot::meta(&*storage.snapshot()?)?;
        if known.is_some() { self.resume(storage) } else { self.set_up(storage) }
    }

    fn set_up(self, storage: Storage) -> Result<Database, Error> {
        let (builder, meta) = self.first_meta()?;
        let ticket = storage.append(&write_meta(&meta)?)?;
        storage.wait(ticket, Durability::Immediate)?;
        builder.resume(storage)
    }

    /// What a new replica remembers of itself.
    fn first_meta(mut self) -> Result<(Builder, Meta), Error> {
        if self.read_only {
            return Err(Error::ReadOnly);
        }
        let replica = match self.replica {
            Some(replica) => replica,
            None => replica_id(&mut *self.random)?,
        };
        if self.database.is_some() && self.schema.is_none() {
            let what =
                "a database id was given without a schema: an empty replica takes over both".to_string();
            return Err(Error::Invalid { what });
        }
        let named = self.schema.as_ref().map(|schema| database_id(&self.name, schema));
        let meta = Meta {
            database: self.database.or(named),
            replica,
            priority: self.priority,
            schema: self.schema.as_ref().map(|schema| schema.to_sql()).unwrap_or_default(),
            creator: self.schema.as_ref().map(|_| self.creator.unwrap_or(replica)),
            design: None,
            unicode: Collation::UNICODE_VERSION.to_owned(),
        };
        Ok((self, meta))
    }

    fn resume(self, storage: Storage) -> Result<Database, Error> {
        Database::assemble(Parts {
            storage,
            clock: self.clock,
            random: self.random,
            durability: self.durability,
            drift: self.drift,
            read_only: self.read_only,
        })
    }
}

/// The id of the database with this name and schema: two replicas made apart belong together.
fn database_id(name: &str, schema: &Schema) -> DatabaseId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"reunite database");
    hasher.update(&(name.len() as u64).to_be_bytes());
    hasher.update(name.as_bytes());
    hasher.update(&schema.digest());
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    DatabaseId::from_bytes(id)
}
