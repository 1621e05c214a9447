//! A transaction that writes.

use std::sync::Arc;
use std::time::Duration;

use super::conflict::ConflictRow;
use super::database::{Database, Permit};
use super::lock::Holder;
use super::resolve::ResolveWith;
use super::reviews::to_review;
use super::table::Table;
use super::write::TableMut;
use crate::commit::{Savepoint, Stage, WriteError, Writes};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{ConflictId, RowId};
use crate::schema::Schema;
use crate::storage::Durability;
use crate::store::{Mark, Snapshot};

/// A transaction. Its own reads see its writes; nobody else does before it commits. Dropping it rolls
/// it back. While it lives, no other transaction can write.
///
/// Keys, references and rules are checked when it commits, so the order of its statements does not
/// matter. A statement that fails has done nothing; the transaction can go on.
///
/// ```
/// use reunite::{Database, row};
/// let schema = "CREATE TABLE customer (code TEXT PRIMARY KEY)";
/// let db = Database::builder().sql(schema)?.in_memory()?;
/// let mut tx = db.begin()?;
/// tx.table("customer")?.insert(row! { code: "ANN" })?;
/// let point = tx.savepoint();
/// tx.table("customer")?.insert(row! { code: "BOB" })?;
/// tx.rollback_to(point)?;
/// tx.commit()?;
/// assert_eq!(db.read()?.table("customer")?.len()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Transaction {
    db: Database,
    base: Arc<Snapshot>,
    writes: Writes,
    permit: Permit,
    /// Whose locks do not concern it.
    holder: Option<Holder>,
    /// The conflict that a policy decides by it.
    decides: Option<ConflictId>,
    /// Whether a reviewer is to be asked about what it changes.
    reviewed: bool,
}

impl Transaction {
    pub(super) fn new(db: Database, permit: Permit, holder: Option<Holder>) -> Result<Transaction, Error> {
        let base = Arc::new(db.snapshot()?);
        let author = db.author(&permit);
        let writes = Writes::new(&base, author)?;
        Ok(Transaction { db, base, writes, permit, holder, decides: None, reviewed: false })
    }

    /// Does some work and commits, unless the work fails.
    pub(super) fn perform<T, E: From<WriteError>>(
        mut self,
        work: impl FnOnce(&mut Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let result = work(&mut self)?;
        self.commit()?;
        Ok(result)
    }

    /// Says that a policy writes, to decide a conflict, and whether a reviewer is to be asked about the outcome.
    pub(super) fn decides(&mut self, conflict: ConflictId, reviewed: bool) {
        (self.decides, self.reviewed) = (Some(conflict), reviewed);
        self.writes.decide();
    }

    /// A table.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// db.write(|tx| tx.table("customer")?.update("ANN", row! { phone: "555" }))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such table, or it is locked.
    pub fn table(&mut self, name: &str) -> Result<TableMut<'_>, WriteError> {
        let unknown = || WriteError::UnknownTable { table: name.to_string() };
        let table = self.base.schema().table(name).ok_or_else(unknown)?;
        self.db.locks().check(table, self.holder)?;
        let id = table.id;
        Ok(TableMut::new(self, id))
    }

    /// A table, for reading: with what the transaction wrote.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// db.write(|tx| {
    ///     tx.table("customer")?.insert(row! { code: "BOB" })?;
    ///     assert_eq!(tx.read_table("customer")?.len()?, 2);
    ///     Ok::<(), reunite::WriteError>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such table.
    pub fn read_table(&self, name: &str) -> Result<Table<'_>, WriteError> {
        Table::find(&self.base, Some(&self.writes), name)
    }

    /// Settles an open conflict. It is an ordinary write, and replicates.
    ///
    /// ```
    /// # use reunite::{Database, ResolveWith, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
    /// # replicate::sync(&a, &b)?;
    /// let clash = a.read()?.conflicts()?.remove(0); // both have the code ANN
    /// a.write(|tx| tx.resolve(clash.id, ResolveWith::Rename(row! { code: "ANN2" })))?;
    /// replicate::sync(&a, &b)?;
    /// assert_eq!(b.read()?.table("customer")?.len()?, 2);
    /// assert!(b.read()?.conflicts()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the conflict is not open, or cannot be settled in this way.
    pub fn resolve(&mut self, conflict: ConflictId, how: ResolveWith) -> Result<(), WriteError> {
        let table = match self.base.row_of_conflict(conflict)? {
            Some(key) => self.base.schema().table_by_id(key.table),
            None => None,
        };
        let Some(table) = table else { return self.run(|stage| Err(stage.already_resolved(conflict)?)) };
        self.db.locks().check(table, self.holder)?;
        let how = how.fit(table)?;
        self.run(|stage| stage.resolve(conflict, &how))
    }

    /// Takes a conflict off the list; what is visible stays as it is.
    ///
    /// ```
    /// # use reunite::{Database, ResolveWith, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
    /// # replicate::sync(&a, &b)?;
    /// let clash = a.read()?.conflicts()?.remove(0);
    /// a.write(|tx| tx.dismiss(clash.id))?;
    /// assert!(a.read()?.conflicts()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the conflict is not open.
    pub fn dismiss(&mut self, conflict: ConflictId) -> Result<(), WriteError> {
        self.resolve(conflict, ResolveWith::Dismiss)
    }

    /// Takes back this replica's last resolution of a conflict: the values that it replaced are there again,
    /// and so is the conflict, with both sides. It is an ordinary write, and replicates. The conflict may
    /// have another id then.
    ///
    /// ```
    /// # use reunite::{Database, ResolveWith, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
    /// # replicate::sync(&a, &b)?;
    /// let clash = a.read()?.conflicts()?.remove(0);
    /// a.write(|tx| tx.resolve(clash.id, ResolveWith::Rename(row! { code: "ANN2" })))?;
    /// a.write(|tx| tx.undo(clash.id))?;
    /// assert_eq!(a.read()?.table("customer")?.len()?, 1);
    /// assert_eq!(a.read()?.conflicts()?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the conflict is open, if it was not this replica that resolved it last, or if what the
    /// resolution wrote was changed since.
    pub fn undo(&mut self, conflict: ConflictId) -> Result<(), WriteError> {
        self.run(|stage| stage.undo(conflict))
    }

    /// Dismisses the conflicts whose losing change is older than this; returns how many. The dismissals are
    /// writes and replicate, and each can be taken back.
    ///
    /// ```
    /// # use reunite::{Database, ResolveWith, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
    /// # replicate::sync(&a, &b)?;
    /// use std::time::Duration;
    /// let month = Duration::from_secs(30 * 24 * 60 * 60);
    /// assert_eq!(a.write(|tx| tx.expire_conflicts(month))?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn expire_conflicts(&mut self, older_than: Duration) -> Result<u64, WriteError> {
        self.run(|stage| stage.expire(older_than))
    }

    /// The open conflicts of all tables, as they were before the transaction.
    ///
    /// ```
    /// # use reunite::{Database, ResolveWith, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
    /// # replicate::sync(&a, &b)?;
    /// a.write(|tx| {
    ///     for conflict in tx.conflicts()? {
    ///         tx.resolve(conflict.id, ResolveWith::Delete)?;
    ///     }
    ///     Ok::<(), reunite::WriteError>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn conflicts(&self) -> Result<Vec<ConflictRow>, WriteError> {
        let mut all = Vec::new();
        for table in self.base.schema().tables() {
            all.extend(Table::over(&self.base, Some(&self.writes), table).conflicts()?);
        }
        Ok(all)
    }

    /// A place to roll back to.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let mut tx = db.begin()?;
    /// let point = tx.savepoint();
    /// tx.table("customer")?.delete("ANN")?;
    /// tx.rollback_to(point)?;
    /// assert_eq!(tx.read_table("customer")?.len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn savepoint(&mut self) -> Savepoint {
        self.writes.savepoint()
    }

    /// Undoes everything since the savepoint.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let mut tx = db.begin()?;
    /// let point = tx.savepoint();
    /// tx.table("customer")?.delete("ANN")?;
    /// tx.rollback_to(point)?;
    /// assert_eq!(tx.read_table("customer")?.len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the savepoint is not of this transaction, or an earlier one was rolled back.
    pub fn rollback_to(&mut self, savepoint: Savepoint) -> Result<(), WriteError> {
        self.writes.rollback_to(self.base.schema(), savepoint)
    }

    /// Commits, with the durability that the database was opened with.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let mut tx = db.begin()?;
    /// tx.table("customer")?.insert(row! { code: "BOB" })?;
    /// tx.commit()?;
    /// assert_eq!(db.read()?.table("customer")?.len()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Why it was refused; nothing has happened then.
    pub fn commit(self) -> Result<(), WriteError> {
        let durability = self.db.durability();
        self.commit_with(durability)
    }

    /// Commits.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// # use reunite::storage::Durability;
    /// let mut tx = db.begin()?;
    /// tx.table("customer")?.insert(row! { code: "BOB" })?;
    /// tx.commit_with(Durability::Eventual)?; // a power cut may still undo it
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Why it was refused; nothing has happened then.
    pub fn commit_with(mut self, durability: Durability) -> Result<(), WriteError> {
        if self.writes.is_empty() {
            return Ok(());
        }
        let now = self.db.tick(&mut self.permit);
        let mut changes = Stage::new(&self.base, &mut self.writes).finish(now)?;
        changes.marks = self.decides.iter().map(|conflict| (*conflict, Some(Mark::Decided))).collect();
        if self.reviewed {
            changes.reviews = to_review(&self.base, &changes.delta)?;
        }
        if self.decides.is_some() && planted(Bug::DecideTwice) {
            changes.marks.clear();
        }
        if self.decides.is_some() && planted(Bug::DecideInPlace) {
            (changes.log, changes.taught) = Default::default();
        }
        self.db.locks().check_commit(self.base.schema(), &changes.delta, self.holder)?;
        self.db.store(&self.base, &changes, self.permit, durability)?;
        // It is committed, and stays so: what fails from here on is told by `Database::merge_failure`.
        self.db.coalesce_after_commit(durability);
        Ok(())
    }

    /// Undoes everything. Dropping the transaction does the same.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let mut tx = db.begin()?;
    /// tx.table("customer")?.delete("ANN")?;
    /// tx.rollback();
    /// assert_eq!(db.read()?.table("customer")?.len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rollback(self) {}

    /// The schema.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// assert!(db.begin()?.schema().table("customer").is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        self.base.schema()
    }

    pub(super) fn base(&self) -> &Snapshot {
        &self.base
    }

    pub(super) fn writes(&self) -> &Writes {
        &self.writes
    }

    pub(super) fn new_row_id(&self) -> Result<RowId, Error> {
        self.db.new_row_id()
    }

    /// Runs one statement: all of it or nothing.
    pub(super) fn run<T>(
        &mut self,
        statement: impl FnOnce(&mut Stage<'_>) -> Result<T, WriteError>,
    ) -> Result<T, WriteError> {
        let before = self.writes.mark();
        let mut stage = Stage::new(&self.base, &mut self.writes);
        match statement(&mut stage) {
            Ok(done) => Ok(done),
            Err(error) => {
                self.writes.undo_to(self.base.schema(), before)?;
                Err(error)
            }
        }
    }
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").field("rows", &self.writes.len()).finish_non_exhaustive()
    }
}
