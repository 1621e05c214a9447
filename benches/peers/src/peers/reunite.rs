//! Reunite, through its public API, over each of its engines.

mod derivation;

use std::marker::PhantomData;
use std::path::Path;

use anyhow::{Result, bail};
use reunite::storage::{self, EngineKind};
use reunite::value::Value;
use reunite::{Database, Row, replicate, row};
use uuid::Uuid;

use crate::data::{Change, Contact, Order};
use crate::measure::Measurement;
use crate::peer::{Durability, Moved, Peer};

const SCHEMA: &str = "
    CREATE TABLE contacts (
        id UUID PRIMARY KEY,
        name TEXT NOT NULL,
        email TEXT NOT NULL UNIQUE COLLATE NOCASE,
        phone TEXT,
        zip TEXT,
        note TEXT
    );
    CREATE TABLE orders (
        number INTEGER PRIMARY KEY,
        contact UUID NOT NULL REFERENCES contacts (id)
    );
";

/// What keeps the bytes of a replica.
pub trait Engine {
    /// None in memory.
    const KIND: Option<EngineKind>;
}

/// The engine that is used unless another one is asked for.
pub struct Redb;

impl Engine for Redb {
    const KIND: Option<EngineKind> = Some(EngineKind::Redb);
}

#[cfg(feature = "sled")]
pub struct Sled;

#[cfg(feature = "sled")]
impl Engine for Sled {
    const KIND: Option<EngineKind> = Some(EngineKind::Sled);
}

pub struct Memory;

impl Engine for Memory {
    const KIND: Option<EngineKind> = None;
}

/// A replica over an engine.
pub struct Reunite<E = Redb> {
    database: Database,
    engine: PhantomData<E>,
}

impl<E> From<Database> for Reunite<E> {
    fn from(database: Database) -> Self {
        Reunite { database, engine: PhantomData }
    }
}

fn contact(row: &Row) -> Result<Contact> {
    let text = |name: &str| match row.get(name) {
        Some(Value::Text(text)) => Ok(text.to_string()),
        other => Err(anyhow::anyhow!("{name} is {other:?}")),
    };
    let Some(Value::Uuid(id)) = row.get("id") else { anyhow::bail!("no id") };
    Ok(Contact {
        id: *id,
        name: text("name")?,
        email: text("email")?,
        phone: text("phone")?,
        zip: text("zip")?,
        note: text("note")?,
    })
}

const fn storage_durability(durability: Durability) -> storage::Durability {
    match durability {
        Durability::Durable => storage::Durability::Immediate,
        Durability::Eventual => storage::Durability::Eventual,
    }
}

fn key(id: Uuid) -> Vec<Value> {
    vec![Value::Uuid(id)]
}

impl<E: Engine> Peer for Reunite<E> {
    const LACKS: &'static str = "";
    const ON_DISK: bool = E::KIND.is_some();

    fn create(directory: &Path, durability: Durability) -> Result<Self> {
        let builder = Database::builder().sql(SCHEMA)?.durability(storage_durability(durability));
        let database = match E::KIND {
            Some(engine) => builder.engine(engine).create(directory)?,
            None => builder.in_memory()?,
        };
        Ok(database.into())
    }

    fn open(directory: &Path, durability: Durability) -> Result<Self> {
        if !Self::ON_DISK {
            bail!("what is in memory is not kept");
        }
        let builder = Database::builder().durability(storage_durability(durability));
        Ok(builder.open(directory)?.into())
    }

    fn insert(&mut self, contacts: &[Contact], orders: &[Order]) -> Result<()> {
        self.database.write(|tx| {
            let mut table = tx.table("contacts")?;
            for Contact { id, name, email, phone, zip, note } in contacts {
                table.insert(row! {
                    id: *id,
                    name: name.as_str(),
                    email: email.as_str(),
                    phone: phone.as_str(),
                    zip: zip.as_str(),
                    note: note.as_str(),
                })?;
            }
            let mut table = tx.table("orders")?;
            for order in orders {
                table.insert(row! { number: order.number, contact: order.contact })?;
            }
            anyhow::Ok(())
        })
    }

    fn update(&mut self, changes: &[Change]) -> Result<()> {
        self.database.write(|tx| {
            let mut table = tx.table("contacts")?;
            for Change { id, column, value } in changes {
                let mut row = Row::new();
                row.set(column.name(), value.as_str());
                table.update(key(*id), row)?;
            }
            anyhow::Ok(())
        })
    }

    fn get(&mut self, id: Uuid) -> Result<Option<Contact>> {
        let snapshot = self.database.read()?;
        snapshot.table("contacts")?.get(key(id))?.as_ref().map(contact).transpose()
    }

    fn get_by_email(&mut self, email: &str) -> Result<Option<Option<Contact>>> {
        let snapshot = self.database.read()?;
        let found = snapshot.table("contacts")?.get_by_key("email", vec![Value::from(email)])?;
        Ok(Some(found.map(|(_, row)| contact(&row)).transpose()?))
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&Contact)) -> Result<()> {
        for row in self.database.read()?.table("contacts")?.scan()? {
            visit(&contact(&row?.1)?);
        }
        Ok(())
    }

    fn range(&mut self, from: &str, to: &str) -> Result<Option<u64>> {
        let snapshot = self.database.read()?;
        let mut count = 0;
        for row in snapshot.table("contacts")?.range("email", from..to)? {
            count += u64::from(!contact(&row?.1)?.email.is_empty());
        }
        Ok(Some(count))
    }

    fn orders(&mut self) -> Result<u64> {
        Ok(self.database.read()?.table("orders")?.scan()?.count() as u64)
    }

    fn sync(&mut self, other: &mut Self) -> Result<Option<Moved>> {
        let summary = replicate::sync(&self.database, &other.database)?;
        Ok(Some(Moved { bytes: summary.bytes }))
    }

    fn conflicts(&mut self) -> Result<Option<u64>> {
        Ok(Some(self.database.read()?.conflicts()?.len() as u64))
    }

    fn derivations(rows: usize) -> Result<Vec<Measurement>> {
        derivation::derivations(rows)
    }

    fn close(self) -> Result<()> {
        Ok(self.database.close()?)
    }
}
