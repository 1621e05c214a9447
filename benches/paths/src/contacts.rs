//! The databases that are measured: contacts and orders in memory, the same on every run.

use std::ops::Range;
use std::sync::Arc;

use reunite::db::SeededRandom;
use reunite::derive::Stored;
use reunite::ids::{ReplicaId, RowKey};
use reunite::value::Timestamp;
use reunite::version::ManualClock;
use reunite::{Database, Row, WriteError, row};

use crate::Outcome;

/// How many contacts a full database has, and as many orders.
pub const ROWS: i64 = 1000;

const SCHEMA: &str = "
    CREATE TABLE contacts (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        email TEXT NOT NULL UNIQUE COLLATE NOCASE,
        phone TEXT,
        zip TEXT,
        note TEXT
    );
    CREATE TABLE orders (number INTEGER PRIMARY KEY, contact INTEGER NOT NULL REFERENCES contacts (id));
";

/// The replica with this number, with the schema and without rows.
pub fn replica(number: u8) -> Outcome<Database> {
    let clock = Arc::new(ManualClock::new(Timestamp(i64::from(number))));
    let builder = Database::builder().sql(SCHEMA)?.clock(clock);
    let builder = builder.replica_id(ReplicaId::from_bytes([number; 16]));
    Ok(builder.random(SeededRandom::new(u64::from(number))).in_memory()?)
}

/// The first replica, with all contacts and their orders.
pub fn full() -> Outcome<Database> {
    let db = replica(1)?;
    db.write(|tx| {
        for id in 0..ROWS {
            // Like a hash: e-mail addresses do not come in their order.
            let email = format!("{:016x}@Example.org", id.wrapping_mul(-0x61C8_8646_80B5_83EB));
            let note = "A note of some length, as people write them about somebody whom they have met.";
            let (name, phone, zip) = (format!("Contact {id}"), format!("+49 {id}"), format!("{id:05}"));
            let contact = row! { id: id, name: name, email: email, phone: phone, zip: zip, note: note };
            tx.table("contacts")?.insert(contact)?;
            tx.table("orders")?.insert(row! { number: id, contact: id })?;
        }
        Ok::<(), WriteError>(())
    })?;
    Ok(db)
}

/// Writes the same columns of some contacts.
pub fn change(db: &Database, ids: Range<i64>, columns: &Row) -> Result<(), WriteError> {
    db.write(|tx| {
        let mut contacts = tx.table("contacts")?;
        for id in ids {
            contacts.update(id, columns.clone())?;
        }
        Ok(())
    })
}

/// A row as it is stored, by its table and its key.
pub fn stored(db: &Database, table: &str, key: i64) -> Outcome<(RowKey, Stored)> {
    let (read, schema) = (db.read()?, db.schema());
    let row = read.table(table)?.row_id(key)?.ok_or("no such row")?;
    let inspected = read.inspect(table, row)?.ok_or("nothing is known of the row")?;
    let key = RowKey { table: schema.table(table).ok_or("no such table")?.id, row };
    Ok((key, Stored { facts: inspected.facts, derived: inspected.derived }))
}
