//! Locks of tables: an application holds a table still for a while.
//!
//! While a table is locked, only its holder changes it. Other transactions are refused at once; a session
//! waits for a while before it begins to apply, then fails whole. A session cannot know which tables are
//! to come, and changes of one table may park rows of another, so it waits for every lock. In turn, no
//! table is locked while a session applies: so a session that has begun is not stopped half-way.
//!
//! Locks are in memory: they end with their guard and with the process, and never travel.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::database::Database;
use super::design::AlterError;
use super::transaction::Transaction;
use crate::commit::WriteError;
use crate::derive::{Delta, Rederived};
use crate::fault::{Bug, planted};
use crate::ids::TableId;
use crate::schema::{Schema, Table};

/// Why a table cannot be locked while a session applies what a peer sent.
const IN_SESSION: &str = "a session with another replica is being applied";

/// The locks of a database.
#[derive(Debug, Default)]
pub(super) struct Locks {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: BTreeMap<TableId, Held>,
    /// How many sessions are applying.
    sessions: usize,
    /// The last holder.
    last: u64,
}

#[derive(Clone, Debug)]
struct Held {
    by: Holder,
    reason: Arc<str>,
}

/// Who holds a lock: the number of a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder(u64);

impl Locks {
    fn new_holder(&self) -> Holder {
        let mut state = self.state.lock();
        state.last += 1;
        Holder(state.last)
    }

    fn take(&self, table: &Table, by: Holder, reason: &Arc<str>) -> Result<(), WriteError> {
        let mut state = self.state.lock();
        if state.sessions > 0 {
            return Err(locked(table, IN_SESSION));
        }
        match state.held.get(&table.id) {
            Some(held) if held.by != by => return Err(locked(table, &held.reason)),
            _ => state.held.insert(table.id, Held { by, reason: Arc::clone(reason) }),
        };
        Ok(())
    }

    fn release(&self, by: Holder, table: Option<TableId>) {
        self.state.lock().held.retain(|id, held| held.by != by || table.is_some_and(|table| table != *id));
    }

    fn held_by(&self, by: Holder) -> Vec<TableId> {
        let state = self.state.lock();
        state.held.iter().filter(|(_, held)| held.by == by).map(|(id, _)| *id).collect()
    }

    /// Refuses a table that somebody else holds.
    pub(super) fn check(&self, table: &Table, by: Option<Holder>) -> Result<(), WriteError> {
        match self.state.lock().held.get(&table.id) {
            Some(held) if Some(held.by) != by => Err(locked(table, &held.reason)),
            _ => Ok(()),
        }
    }

    /// Refuses a commit that changes a row of a table that somebody else holds, or parks or returns one.
    pub(super) fn check_commit(
        &self,
        schema: &Schema,
        delta: &Delta,
        by: Option<Holder>,
    ) -> Result<(), WriteError> {
        let changed = delta.iter().filter(|(_, row)| changes(row)).map(|(key, _)| key.table);
        let tables = changed.filter_map(|id| schema.table_by_id(id));
        tables.into_iter().try_for_each(|table| self.check(table, by))
    }

    /// Lets a session begin to apply, if nothing is locked; until its end nothing can be. Otherwise says
    /// which table is locked, and why.
    fn begin_session(&self) -> Result<(), (TableId, Arc<str>)> {
        let mut state = self.state.lock();
        match state.held.iter().next() {
            Some((table, held)) if !planted(Bug::LockIgnored) => Err((*table, Arc::clone(&held.reason))),
            _ => {
                state.sessions += 1;
                Ok(())
            }
        }
    }

    /// Refuses what concerns all tables, while any of them is held.
    pub(super) fn check_none_held(&self, schema: &Schema) -> Result<(), AlterError> {
        let state = self.state.lock();
        let Some((id, held)) = state.held.iter().next() else { return Ok(()) };
        let table = schema.table_by_id(*id).map(|table| table.name.clone()).unwrap_or_default();
        Err(AlterError::Locked { table, reason: held.reason.to_string() })
    }

    fn end_session(&self) {
        let mut state = self.state.lock();
        state.sessions = state.sessions.saturating_sub(1);
    }
}

fn changes(row: &Rederived) -> bool {
    row.before.as_ref().is_none_or(|stored| stored.facts != row.facts || stored.derived != row.derived)
}

fn locked(table: &Table, reason: &str) -> WriteError {
    WriteError::Locked { table: table.name.clone(), reason: reason.to_string() }
}

/// A session that applies: until it is dropped no table can be locked.
pub(crate) struct Applying {
    db: Database,
}

impl Applying {
    /// Fails with the name of a locked table, and why it is.
    pub fn begin(db: &Database) -> Result<Applying, (String, Arc<str>)> {
        let name = |id| db.schema().table_by_id(id).map(|table| table.name.clone()).unwrap_or_default();
        db.locks().begin_session().map_err(|(table, reason)| (name(table), reason))?;
        Ok(Applying { db: db.clone() })
    }
}

impl Drop for Applying {
    fn drop(&mut self) {
        self.db.locks().end_session();
    }
}

/// One or several locked tables. Dropping it releases them.
///
/// ```
/// # use reunite::{Database, row, WriteError};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let db = Database::builder().sql(sql)?.in_memory()?;
/// let lock = db.lock("customer", "monthly closing")?;
/// let refused = db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }));
/// assert!(matches!(refused, Err(WriteError::Locked { reason, .. }) if reason == "monthly closing"));
/// lock.write(|tx| tx.table("customer")?.insert(row! { code: "BOB" }))?; // the holder may
/// drop(lock);
/// db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the table is unlocked when this is dropped"]
pub struct TableLock {
    db: Database,
    holder: Holder,
    reason: Arc<str>,
}

impl TableLock {
    /// Locks a table for the transactions of nobody.
    pub(super) fn new(db: &Database, table: &str, reason: &str) -> Result<TableLock, WriteError> {
        let mut lock = TableLock { db: db.clone(), holder: db.locks().new_holder(), reason: reason.into() };
        lock.add(table)?;
        Ok(lock)
    }

    /// Locks a further table.
    ///
    /// ```
    /// # use reunite::Database;
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY); CREATE TABLE orders (number INTEGER)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// let mut lock = db.lock("customer", "monthly closing")?;
    /// lock.add("orders")?;
    /// assert_eq!(lock.tables(), ["customer", "orders"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Database::lock`]. What was locked before stays locked.
    pub fn add(&mut self, table: &str) -> Result<(), WriteError> {
        let _permit = self.db.writable_permit()?;
        let schema = self.db.schema();
        let unknown = || WriteError::UnknownTable { table: table.to_string() };
        self.db.locks().take(schema.table(table).ok_or_else(unknown)?, self.holder, &self.reason)
    }

    /// Releases one of the tables; nothing happens if it is not held.
    ///
    /// ```
    /// # use reunite::Database;
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY); CREATE TABLE orders (number INTEGER)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// let mut lock = db.lock("customer", "monthly closing")?;
    /// lock.release("customer");
    /// assert!(lock.tables().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn release(&mut self, table: &str) {
        if let Some(table) = self.db.schema().table(table) {
            self.db.locks().release(self.holder, Some(table.id));
        }
    }

    /// The names of the locked tables.
    ///
    /// ```
    /// # use reunite::Database;
    /// # let db = Database::builder().sql("CREATE TABLE customer (code TEXT)")?.in_memory()?;
    /// assert_eq!(db.lock("Customer", "monthly closing")?.tables(), ["customer"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tables(&self) -> Vec<String> {
        let schema = self.db.schema();
        let tables = self.db.locks().held_by(self.holder).into_iter();
        tables.filter_map(|id| schema.table_by_id(id)).map(|table| table.name.clone()).collect()
    }

    /// As [`Database::begin`], for a transaction that may change the locked tables.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let db = Database::builder().sql("CREATE TABLE customer (code TEXT)")?.in_memory()?;
    /// let lock = db.lock("customer", "monthly closing")?;
    /// let mut tx = lock.begin()?;
    /// tx.table("customer")?.insert(row! { code: "ANN" })?;
    /// tx.commit()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Database::begin`].
    pub fn begin(&self) -> Result<Transaction, WriteError> {
        let permit = self.db.writable_permit()?;
        Ok(Transaction::new(self.db.clone(), permit, Some(self.holder))?)
    }

    /// As [`Database::write`], for a transaction that may change the locked tables.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let db = Database::builder().sql("CREATE TABLE customer (code TEXT)")?.in_memory()?;
    /// let lock = db.lock("customer", "monthly closing")?;
    /// lock.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Database::write`].
    pub fn write<T, E: From<WriteError>>(
        &self,
        work: impl FnOnce(&mut Transaction) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin()?.perform(work)
    }
}

impl Drop for TableLock {
    fn drop(&mut self) {
        self.db.locks().release(self.holder, None);
    }
}

impl fmt::Debug for TableLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableLock").field("tables", &self.tables()).field("reason", &self.reason).finish()
    }
}
