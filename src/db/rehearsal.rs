//! Trying something without doing it: a database over a snapshot of another, whose writes stay in memory.

use std::fmt;

use super::database::{Database, Parts};
use super::preview::{Preview, compare};
use super::random::SeededRandom;
use crate::error::Error;
use crate::storage::{CopyOnWriteEngine, Durability, Storage};
use crate::store::{Snapshot, rows_touched};

/// A database on which something is tried: it begins as another one is now, and nothing that is done to it
/// reaches that one. [`Rehearsal::preview`] tells what was done.
///
/// A session, a transaction, any source of changes will do: they run as they always do, through the same
/// code. Memory: what is written is kept, at most [`Rehearsal::BYTES`] unless set; the rest is read in place.
/// While it lives, the other database cannot reuse the space of what it removes.
///
/// ```
/// # use reunite::{Database, row};
/// use reunite::db::{Change, Rehearsal};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let db = Database::builder().sql(sql)?.in_memory()?;
/// let rehearsal = Rehearsal::of(&db)?;
/// rehearsal.database().write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// let preview = rehearsal.preview()?;
/// assert_eq!(preview.rows[0].change, Change::Insert);
/// assert_eq!(db.read()?.table("customer")?.len()?, 0); // nothing has happened
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Rehearsal {
    before: Snapshot,
    database: Database,
    engine: CopyOnWriteEngine,
}

impl Rehearsal {
    /// How many bytes of keys and values may be written, unless it is set: 256 MiB.
    pub const BYTES: u64 = 256 << 20;

    /// A rehearsal that begins with what the database holds now.
    ///
    /// ```
    /// # use reunite::{Database, db::Rehearsal};
    /// # let db = Database::builder().sql("CREATE TABLE customer (code TEXT)")?.in_memory()?;
    /// assert!(Rehearsal::of(&db)?.preview()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn of(db: &Database) -> Result<Rehearsal, Error> {
        Rehearsal::within(db, Rehearsal::BYTES)
    }

    /// The same within another limit of memory. What goes beyond it fails with [`Error::Limit`].
    ///
    /// ```
    /// # use reunite::{Database, db::Rehearsal, row};
    /// # let db = Database::builder().sql("CREATE TABLE customer (code TEXT)")?.in_memory()?;
    /// let rehearsal = Rehearsal::within(&db, 1000)?;
    /// let much = "x".repeat(2000);
    /// let refused = rehearsal.database().write(|tx| tx.table("customer")?.insert(row! { code: much }));
    /// assert_eq!(refused.map_err(|error| error.code()), Err("limit"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn within(db: &Database, bytes: u64) -> Result<Rehearsal, Error> {
        let engine = CopyOnWriteEngine::new(db.storage_snapshot()?, bytes);
        let database = Database::assemble(Parts {
            storage: Storage::over(Box::new(engine.clone())),
            clock: db.clock(),
            // Ids that are given in a rehearsal are never kept.
            random: Box::new(SeededRandom::new(0)),
            durability: Durability::Eventual,
            drift: db.drift(),
            read_only: false,
        })?;
        let before = database.snapshot()?;
        Ok(Rehearsal { before, database, engine })
    }

    /// The database on which to try.
    ///
    /// ```
    /// # use reunite::{Database, db::Rehearsal};
    /// # let db = Database::builder().sql("CREATE TABLE customer (code TEXT)")?.in_memory()?;
    /// let rehearsal = Rehearsal::of(&db)?;
    /// assert_eq!(rehearsal.database().digest()?, db.digest()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What was done so far, against what was there when the rehearsal began.
    ///
    /// ```
    /// # use reunite::{Database, db::Rehearsal, row};
    /// # let db = Database::builder().sql("CREATE TABLE customer (code TEXT)")?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let rehearsal = Rehearsal::of(&db)?;
    /// rehearsal.database().write(|tx| {
    ///     let ann = tx.read_table("customer")?.scan()?.next().transpose()?;
    ///     ann.map_or(Ok(()), |(row, _)| tx.table("customer")?.delete(row))
    /// })?;
    /// assert_eq!(rehearsal.preview()?.rows[0].before, Some(row! { code: "ANN" }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn preview(&self) -> Result<Preview, Error> {
        let (after, written) = (self.database.snapshot()?, self.engine.written());
        compare(&self.before, &after, rows_touched(written.iter().map(Vec::as_slice)))
    }
}

impl fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rehearsal").field("engine", &self.engine).finish_non_exhaustive()
    }
}
