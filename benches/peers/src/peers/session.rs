//! SQLite with its session extension: a changeset a transaction, kept in the same transaction, and applied
//! at the other side with a conflict handler that prefers the greater value.
//!
//! Two databases only, and what was sent is never thrown away: a floor for taking changes and applying
//! them, not a product.

use std::path::Path;

use anyhow::{Result, anyhow};
use rusqlite::hooks::Action;
use rusqlite::session::{ChangesetItem, ConflictAction, ConflictType};
use rusqlite::{Connection, TransactionBehavior, session};
use uuid::Uuid;

use super::sqlite;
use crate::data::{Change, Contact, Order};
use crate::peer::{Durability, Moved, Peer};

/// A database that records its changes.
pub struct Session {
    connection: Connection,
    /// How much of the other's outbox was applied here.
    seen: i64,
}

impl Session {
    /// Runs a transaction and keeps its changeset.
    fn record(&mut self, work: impl FnOnce(&Connection) -> Result<()>) -> Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut changes = Vec::new();
        {
            let mut session = session::Session::new(&transaction)?;
            session.attach(Some("contacts"))?;
            session.attach(Some("orders"))?;
            work(&transaction)?;
            session.changeset_strm(&mut changes)?;
        }
        transaction.prepare_cached("INSERT INTO outbox (changes) VALUES (?)")?.execute([changes])?;
        Ok(transaction.commit()?)
    }

    /// Takes what the other did since the last time.
    fn pull(&mut self, from: &Session) -> Result<u64> {
        let mut statement = from
            .connection
            .prepare_cached("SELECT number, changes FROM outbox WHERE number > ? ORDER BY number")?;
        let mut rows = statement.query([self.seen])?;
        let transaction = self.connection.transaction()?;
        let (mut bytes, mut seen) = (0, self.seen);
        while let Some(row) = rows.next()? {
            seen = row.get(0)?;
            let changes: Vec<u8> = row.get(1)?;
            bytes += changes.len() as u64;
            transaction.apply_strm(&mut changes.as_slice(), None::<fn(&str) -> bool>, greater_wins)?;
        }
        transaction.commit()?;
        self.seen = seen;
        Ok(bytes)
    }
}

/// The same everywhere: of two values the greater one stays.
fn greater_wins(conflict: ConflictType, item: ChangesetItem) -> ConflictAction {
    let replace = || -> Result<bool> {
        let operation = item.op()?;
        if operation.code() != Action::SQLITE_UPDATE || conflict != ConflictType::SQLITE_CHANGESET_DATA {
            return Err(anyhow!("{conflict:?} where only values should conflict"));
        }
        for column in 0..usize::try_from(operation.number_of_columns())? {
            if let (Ok(new), Ok(current)) = (item.new_value(column), item.conflict(column))
                && let (Ok(new), Ok(current)) = (new.as_str(), current.as_str())
                && new != current
            {
                return Ok(new > current);
            }
        }
        Ok(false)
    };
    match replace() {
        Ok(true) => ConflictAction::SQLITE_CHANGESET_REPLACE,
        Ok(false) => ConflictAction::SQLITE_CHANGESET_OMIT,
        Err(_) => ConflictAction::SQLITE_CHANGESET_ABORT,
    }
}

impl Peer for Session {
    const LACKS: &'static str =
        "versions, more than two replicas, losers; what breaks a constraint is dropped";

    const MANY_REPLICAS: bool = false;

    fn create(directory: &Path, durability: Durability) -> Result<Session> {
        let connection = sqlite::create(directory, durability)?;
        connection
            .execute_batch("CREATE TABLE outbox (number INTEGER PRIMARY KEY, changes BLOB NOT NULL)")?;
        Ok(Session { connection, seen: 0 })
    }

    /// What it has seen of another's outbox is not kept: nothing here opens a store that has synced.
    fn open(directory: &Path, durability: Durability) -> Result<Session> {
        Ok(Session { connection: sqlite::open(directory, durability)?, seen: 0 })
    }

    fn insert(&mut self, contacts: &[Contact], orders: &[Order]) -> Result<()> {
        self.record(|connection| sqlite::insert(connection, contacts, orders))
    }

    fn update(&mut self, changes: &[Change]) -> Result<()> {
        self.record(|connection| sqlite::update(connection, changes))
    }

    fn get(&mut self, id: Uuid) -> Result<Option<Contact>> {
        sqlite::get(&self.connection, id)
    }

    fn get_by_email(&mut self, email: &str) -> Result<Option<Option<Contact>>> {
        sqlite::get_by_email(&self.connection, email).map(Some)
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&Contact)) -> Result<()> {
        sqlite::scan(&self.connection, visit)
    }

    fn range(&mut self, from: &str, to: &str) -> Result<Option<u64>> {
        sqlite::range(&self.connection, from, to).map(Some)
    }

    fn orders(&mut self) -> Result<u64> {
        sqlite::orders(&self.connection)
    }

    fn sync(&mut self, other: &mut Session) -> Result<Option<Moved>> {
        let bytes = self.pull(other)? + other.pull(self)?;
        Ok(Some(Moved { bytes }))
    }

    fn close(self) -> Result<()> {
        sqlite::close(self.connection)
    }
}
