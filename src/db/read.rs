//! A snapshot for readers.

use std::sync::Arc;

use super::closed::{ClosedConflict, closed_conflicts};
use super::conflict::{ConflictRow, show_conflict};
use super::conflicts::{self, ConflictFilter, Conflicts};
use super::statistics::{ConflictStatistics, statistics};
use super::table::Table;
use crate::commit::WriteError;
use crate::derive::{Class, Derived, Source, class_of};
use crate::error::Error;
use crate::ids::{ConflictId, RowId, RowKey};
use crate::row::RowState;
use crate::schema::Schema;
use crate::store::Snapshot;
use crate::value::Value;
use crate::version::Knowledge;

/// One state of the database, for reading. Later commits do not change it.
///
/// ```
/// # use reunite::{Database, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let db = Database::builder().sql(sql)?.in_memory()?;
/// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// let snapshot = db.read()?;
/// for entry in snapshot.table("customer")?.scan()? {
///     let (id, customer) = entry?;
///     println!("{id} {customer}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ReadTransaction {
    snapshot: Snapshot,
}

/// Everything that is known of a row: for people who look for a reason.
///
/// ```
/// # use reunite::{Database, row};
/// # use reunite::derive::Status;
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let db = Database::builder().sql(sql)?.in_memory()?;
/// # let row_id = db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// let ann = row_id;
/// db.write(|tx| tx.table("customer")?.delete(ann))?;
/// let inspected = db.read()?.inspect("customer", ann)?.ok_or("nothing is known of it")?;
/// assert_eq!(inspected.derived.status, Status::Dead); // its tombstone
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Inspected {
    /// What replicates.
    pub facts: Arc<RowState>,
    /// What was derived.
    pub derived: Derived,
    /// By column position: what the row shows, or would show if it were visible.
    pub values: Vec<Value>,
    /// The row that it has become: itself, if it was not merged. With the facts of all that became one.
    pub class: Class,
}

impl ReadTransaction {
    pub(super) const fn new(snapshot: Snapshot) -> ReadTransaction {
        ReadTransaction { snapshot }
    }

    pub(super) const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// A table.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let snapshot = db.read()?;
    /// assert_eq!(snapshot.table("Customer")?.len()?, 1);
    /// assert!(snapshot.table("supplier").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such table.
    pub fn table(&self, name: &str) -> Result<Table<'_>, WriteError> {
        Table::find(&self.snapshot, None, name)
    }

    /// The schema.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// assert_eq!(db.read()?.schema().tables().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        self.snapshot.schema()
    }

    /// What the replica had applied.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// assert_eq!(db.read()?.knowledge()?, db.knowledge()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn knowledge(&self) -> Result<Knowledge, Error> {
        self.snapshot.knowledge()
    }

    /// The open conflicts of all tables, by table and row id: all of them. Where there may be many, see
    /// [`ReadTransaction::find_conflicts`].
    ///
    /// ```
    /// # use reunite::{Database, ResolveWith, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
    /// # replicate::sync(&a, &b)?;
    /// assert_eq!(a.read()?.conflicts()?, b.read()?.conflicts()?); // the same on every replica
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn conflicts(&self) -> Result<Vec<ConflictRow>, Error> {
        let mut all = Vec::new();
        for table in self.snapshot.schema().tables() {
            all.extend(Table::over(&self.snapshot, None, table).conflicts()?);
        }
        Ok(all)
    }

    /// The open conflicts that a filter lets through, oldest first. Costs what is taken of them.
    ///
    /// ```
    /// # use reunite::{Database, db::ConflictFilter, value::Timestamp};
    /// # let db = Database::builder().sql("CREATE TABLE customer (code TEXT)")?.in_memory()?;
    /// # let last_week = Timestamp(1_700_000_000_000_000);
    /// let old = ConflictFilter::new().table("customer").older_than(last_week);
    /// for conflict in db.read()?.find_conflicts(&old)?.take(10) {
    ///     println!("{:?}", conflict?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such table or constraint, or the storage fails.
    pub fn find_conflicts(&self, filter: &ConflictFilter) -> Result<Conflicts<'_>, WriteError> {
        conflicts::find(&self.snapshot, filter)
    }

    /// How many open conflicts a filter lets through. Reads the statistics, and of the day on which a
    /// time of the filter lies the list by age; with a filter by row, replica or place the list alone.
    ///
    /// ```
    /// # use reunite::{Database, db::ConflictFilter};
    /// # let db = Database::builder().sql("CREATE TABLE customer (code TEXT)")?.in_memory()?;
    /// assert_eq!(db.read()?.count_conflicts(&ConflictFilter::new())?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`ReadTransaction::find_conflicts`].
    pub fn count_conflicts(&self, filter: &ConflictFilter) -> Result<u64, WriteError> {
        conflicts::count(&self.snapshot, filter)
    }

    /// How many conflicts are open, by table, kind, constraint and day. Costs a read per number.
    ///
    /// ```
    /// # use reunite::Database;
    /// # let db = Database::builder().sql("CREATE TABLE customer (code TEXT)")?.in_memory()?;
    /// assert_eq!(db.read()?.conflict_statistics()?.total(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn conflict_statistics(&self) -> Result<ConflictStatistics, Error> {
        statistics(&self.snapshot)
    }

    /// The ids of open conflicts from an id on, ascending: to find one by the beginning of its id.
    ///
    /// ```
    /// # use reunite::{Database, ids::ConflictId};
    /// # let db = Database::builder().sql("CREATE TABLE customer (code TEXT)")?.in_memory()?;
    /// assert_eq!(db.read()?.conflict_ids(ConflictId::from_bytes([0; 16]))?.count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn conflict_ids(
        &self,
        first: ConflictId,
    ) -> Result<impl Iterator<Item = Result<ConflictId, Error>> + '_, Error> {
        self.snapshot.conflict_ids(first)
    }

    /// An open conflict; none if it is not open.
    ///
    /// ```
    /// # use reunite::{Database, ResolveWith, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
    /// # replicate::sync(&a, &b)?;
    /// let open = a.read()?.conflicts()?.remove(0);
    /// a.write(|tx| tx.dismiss(open.id))?;
    /// assert_eq!(a.read()?.conflict(open.id)?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn conflict(&self, id: ConflictId) -> Result<Option<ConflictRow>, Error> {
        let Some(key) = self.snapshot.row_of_conflict(id)? else { return Ok(None) };
        let found = self.snapshot.conflict(key, id)?;
        found.map(|conflict| show_conflict(&self.snapshot, key, &conflict)).transpose()
    }

    /// The conflicts that are no longer open, the newest first: who closed them, and whether this replica can
    /// take that back by [`Transaction::undo`](super::Transaction::undo).
    ///
    /// ```
    /// # use reunite::{Database, ResolveWith, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
    /// # replicate::sync(&a, &b)?;
    /// let clash = a.read()?.conflicts()?.remove(0);
    /// a.write(|tx| tx.resolve(clash.id, ResolveWith::Delete))?;
    /// replicate::sync(&a, &b)?;
    /// let closed = b.read()?.closed_conflicts()?.remove(0);
    /// assert_eq!((closed.by, closed.can_be_undone), (a.replica_id(), false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn closed_conflicts(&self) -> Result<Vec<ClosedConflict>, Error> {
        closed_conflicts(&self.snapshot)
    }

    /// Everything that is known of a row, visible or not.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let snapshot = db.read()?;
    /// let ann = snapshot.table("customer")?.row_id("ANN")?.ok_or("there is no Ann")?;
    /// let inspected = snapshot.inspect("customer", ann)?.ok_or("nothing is known of it")?;
    /// assert_eq!(inspected.facts.born.replica, db.replica_id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such table, or the storage fails.
    pub fn inspect(&self, table: &str, row: RowId) -> Result<Option<Inspected>, WriteError> {
        let table = self.table(table)?;
        let key = RowKey { table: table.definition().id, row };
        let Some(stored) = self.snapshot.row(key)? else { return Ok(None) };
        let values = stored.values(table.definition());
        let alone = Class { root: key, facts: Arc::clone(&stored.facts), members: Vec::new() };
        let class = class_of(self.snapshot.schema(), &self.snapshot, key)?.unwrap_or(alone);
        Ok(Some(Inspected { facts: stored.facts, derived: stored.derived, values, class }))
    }
}
