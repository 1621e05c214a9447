//! Plain SQLite: what everything costs without replication.

use std::path::Path;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::data::{Change, Contact, Order};
use crate::peer::{Durability, Peer};

pub const SCHEMA: &str = "
    CREATE TABLE contacts (
        id BLOB PRIMARY KEY NOT NULL,
        name TEXT NOT NULL,
        email TEXT NOT NULL UNIQUE COLLATE NOCASE,
        phone TEXT,
        zip TEXT,
        note TEXT
    );
    CREATE TABLE orders (
        number INTEGER PRIMARY KEY,
        contact BLOB NOT NULL REFERENCES contacts (id)
    );
    CREATE INDEX orders_contact ON orders (contact);
";
const COLUMNS: &str = "id, name, email, phone, zip, note";

/// A database in WAL mode.
pub struct Sqlite {
    connection: Connection,
}

/// A new database.
pub fn create(directory: &Path, durability: Durability) -> Result<Connection> {
    std::fs::create_dir_all(directory)?;
    let connection = open(directory, durability)?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// Opens a database as applications are advised to: WAL, 64 MiB of cache, foreign keys on.
pub fn open(directory: &Path, durability: Durability) -> Result<Connection> {
    let connection = Connection::open(directory.join("data.sqlite"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match durability {
        Durability::Durable => "FULL",
        Durability::Eventual => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

pub fn insert(connection: &Connection, contacts: &[Contact], orders: &[Order]) -> Result<()> {
    let mut statement = connection.prepare_cached("INSERT INTO contacts VALUES (?, ?, ?, ?, ?, ?)")?;
    for contact in contacts {
        let Contact { id, name, email, phone, zip, note } = contact;
        statement.execute(params![id.as_bytes(), name, email, phone, zip, note])?;
    }
    let mut statement = connection.prepare_cached("INSERT INTO orders VALUES (?, ?)")?;
    for order in orders {
        statement.execute(params![order.number, order.contact.as_bytes()])?;
    }
    Ok(())
}

pub fn update(connection: &Connection, changes: &[Change]) -> Result<()> {
    for Change { id, column, value } in changes {
        let sql = format!("UPDATE contacts SET {} = ? WHERE id = ?", column.name());
        connection.prepare_cached(&sql)?.execute(params![value, id.as_bytes()])?;
    }
    Ok(())
}

fn contact(row: &Row<'_>) -> rusqlite::Result<Contact> {
    Ok(Contact {
        id: Uuid::from_bytes(row.get(0)?),
        name: row.get(1)?,
        email: row.get(2)?,
        phone: row.get(3)?,
        zip: row.get(4)?,
        note: row.get(5)?,
    })
}

pub fn get(connection: &Connection, id: Uuid) -> Result<Option<Contact>> {
    let sql = format!("SELECT {COLUMNS} FROM contacts WHERE id = ?");
    Ok(connection.prepare_cached(&sql)?.query_row([id.as_bytes()], contact).optional()?)
}

pub fn get_by_email(connection: &Connection, email: &str) -> Result<Option<Contact>> {
    let sql = format!("SELECT {COLUMNS} FROM contacts WHERE email = ?");
    Ok(connection.prepare_cached(&sql)?.query_row([email], contact).optional()?)
}

pub fn scan(connection: &Connection, visit: &mut dyn FnMut(&Contact)) -> Result<()> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM contacts"))?;
    for row in statement.query_map([], contact)? {
        visit(&row?);
    }
    Ok(())
}

pub fn range(connection: &Connection, from: &str, to: &str) -> Result<u64> {
    let sql = format!("SELECT {COLUMNS} FROM contacts WHERE email >= ? AND email < ? ORDER BY email");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut count = 0;
    for row in statement.query_map([from, to], contact)? {
        count += u64::from(!row?.email.is_empty());
    }
    Ok(count)
}

pub fn orders(connection: &Connection) -> Result<u64> {
    let count: i64 = connection.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

pub fn close(connection: Connection) -> Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

impl Peer for Sqlite {
    const LACKS: &'static str = "replication";

    const MANY_REPLICAS: bool = false;

    fn create(directory: &Path, durability: Durability) -> Result<Sqlite> {
        Ok(Sqlite { connection: create(directory, durability)? })
    }

    fn open(directory: &Path, durability: Durability) -> Result<Sqlite> {
        Ok(Sqlite { connection: open(directory, durability)? })
    }

    fn insert(&mut self, contacts: &[Contact], orders: &[Order]) -> Result<()> {
        let transaction = self.connection.transaction()?;
        insert(&transaction, contacts, orders)?;
        Ok(transaction.commit()?)
    }

    fn update(&mut self, changes: &[Change]) -> Result<()> {
        let transaction = self.connection.transaction()?;
        update(&transaction, changes)?;
        Ok(transaction.commit()?)
    }

    fn get(&mut self, id: Uuid) -> Result<Option<Contact>> {
        get(&self.connection, id)
    }

    fn get_by_email(&mut self, email: &str) -> Result<Option<Option<Contact>>> {
        get_by_email(&self.connection, email).map(Some)
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&Contact)) -> Result<()> {
        scan(&self.connection, visit)
    }

    fn range(&mut self, from: &str, to: &str) -> Result<Option<u64>> {
        range(&self.connection, from, to).map(Some)
    }

    fn orders(&mut self) -> Result<u64> {
        orders(&self.connection)
    }

    fn close(self) -> Result<()> {
        close(self.connection)
    }
}
