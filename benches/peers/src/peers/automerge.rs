//! Automerge: one document, with a map of rows for each table, and Automerge's own sync protocol.
//!
//! A sync is a new connection, for which both sides remember what they shared at the last one. Conflicts are
//! found by looking at every column, for there is no list of them.
//!
//! Its sync sends the whole document where the other lacks more than a third of all changes, however small these
//! are. A transaction is a change: so few rows, loaded 1,000 at a time, make later syncs look worse than many do.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use automerge::sync::{Message, State, SyncDoc};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{
    ActorId, AutoCommit, ChangeHash, ObjId, ObjType, ROOT, ReadDoc, ScalarValueRef, ValueRef, hydrate,
};
use uuid::Uuid;

use super::document::{self, Updates};
use crate::data::{Change, Contact, Order};
use crate::peer::{Durability, Moved, Peer};

/// A document and its file.
pub struct Automerge {
    document: AutoCommit,
    contacts: ObjId,
    orders: ObjId,
    updates: Updates,
    /// How far the file goes.
    saved: Vec<ChangeHash>,
    /// The state of the sync with each other replica, as it is kept between connections.
    shared: BTreeMap<ActorId, Vec<u8>>,
}

impl Automerge {
    fn save(&mut self) -> Result<()> {
        let update = self.document.save_after(&self.saved);
        if update.is_empty() {
            return Ok(());
        }
        self.saved = self.document.get_heads();
        self.updates.append(&update)
    }

    fn shared_with(&self, other: &ActorId) -> Result<State> {
        Ok(self.shared.get(other).map_or_else(|| Ok(State::new()), |state| State::decode(state))?)
    }

    fn contact(&self, id: Uuid, row: &ObjId) -> Result<Contact> {
        let columns = self.document.map_range(row, ..).map(|column| match column.value {
            ValueRef::Scalar(ScalarValueRef::Str(text)) => Ok((column.key, text.into_owned())),
            other => bail!("{} is {other:?}", column.key),
        });
        document::contact(id, columns)
    }
}

/// The change that every replica begins with, the same to the byte: so all have the same two maps, and none
/// has to wait for another's.
fn schema() -> Result<(AutoCommit, ObjId, ObjId)> {
    let mut document = AutoCommit::new().with_actor(ActorId::from(b"schema".as_slice()));
    let contacts = document.put_object(ROOT, "contacts", ObjType::Map)?;
    let orders = document.put_object(ROOT, "orders", ObjType::Map)?;
    document.commit_with(CommitOptions::default().with_time(0));
    document.set_actor(ActorId::random());
    Ok((document, contacts, orders))
}

#[allow(clippy::disallowed_types, reason = "it is what Automerge takes; its order is not seen")]
fn row<const COLUMNS: usize>(columns: [(&str, &str); COLUMNS]) -> hydrate::Value {
    std::collections::HashMap::from(columns.map(|(column, value)| (column, hydrate::Value::from(value))))
        .into()
}

/// Sends a message if there is something to say, and returns its length.
fn send(
    from: &mut AutoCommit,
    state: &mut State,
    to: &mut AutoCommit,
    their_state: &mut State,
) -> Result<u64> {
    let Some(message) = from.sync().generate_sync_message(state) else { return Ok(0) };
    let message = message.encode();
    to.sync().receive_sync_message(their_state, Message::decode(&message)?)?;
    Ok(message.len() as u64)
}

impl Peer for Automerge {
    const LACKS: &'static str = document::lacks!("; conflicts are found by looking at every column");

    fn create(directory: &Path, durability: Durability) -> Result<Automerge> {
        let updates = Updates::create(directory, durability)?;
        let (document, contacts, orders) = schema()?;
        let shared = BTreeMap::new();
        let mut store = Automerge { document, contacts, orders, updates, saved: Vec::new(), shared };
        store.save()?;
        Ok(store)
    }

    /// What it shared with another is not kept: nothing here opens a store that has synced.
    fn open(directory: &Path, durability: Durability) -> Result<Automerge> {
        let (updates, changes) = Updates::open(directory, durability)?;
        let mut document = AutoCommit::load(&changes.concat())?;
        let (_, contacts) = document.get(ROOT, "contacts")?.context("no contacts")?;
        let (_, orders) = document.get(ROOT, "orders")?.context("no orders")?;
        let (saved, shared) = (document.get_heads(), BTreeMap::new());
        Ok(Automerge { document, contacts, orders, updates, saved, shared })
    }

    fn insert(&mut self, contacts: &[Contact], orders: &[Order]) -> Result<()> {
        for contact in contacts {
            let row = row(document::columns(contact));
            self.document.batch_create_object(&self.contacts, contact.id.to_string(), &row, false)?;
        }
        for order in orders {
            let row = row([("contact", &order.contact.to_string())]);
            self.document.batch_create_object(&self.orders, order.number.to_string(), &row, false)?;
        }
        self.document.commit();
        self.save()
    }

    fn update(&mut self, changes: &[Change]) -> Result<()> {
        for Change { id, column, value } in changes {
            let (_, row) = self.document.get(&self.contacts, id.to_string())?.context("no such contact")?;
            self.document.put(&row, column.name(), value.as_str())?;
        }
        self.document.commit();
        self.save()
    }

    fn get(&mut self, id: Uuid) -> Result<Option<Contact>> {
        let row = self.document.get(&self.contacts, id.to_string())?;
        row.map(|(_, row)| self.contact(id, &row)).transpose()
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&Contact)) -> Result<()> {
        for row in self.document.map_range(&self.contacts, ..) {
            visit(&self.contact(Uuid::parse_str(&row.key)?, &row.id())?);
        }
        Ok(())
    }

    fn orders(&mut self) -> Result<u64> {
        Ok(self.document.length(&self.orders) as u64)
    }

    fn sync(&mut self, other: &mut Automerge) -> Result<Option<Moved>> {
        let (this, that) = (self.document.get_actor().clone(), other.document.get_actor().clone());
        let (mut ours, mut theirs) = (self.shared_with(&that)?, other.shared_with(&this)?);
        let mut bytes = 0;
        loop {
            let sent = send(&mut self.document, &mut ours, &mut other.document, &mut theirs)?;
            let received = send(&mut other.document, &mut theirs, &mut self.document, &mut ours)?;
            if sent + received == 0 {
                break;
            }
            bytes += sent + received;
        }
        self.shared.insert(that, ours.encode());
        other.shared.insert(this, theirs.encode());
        self.save()?;
        other.save()?;
        Ok(Some(Moved { bytes }))
    }

    fn conflicts(&mut self) -> Result<Option<u64>> {
        let mut losers = 0;
        for row in self.document.map_range(&self.contacts, ..) {
            let row = row.id();
            for column in self.document.map_range(&row, ..).filter(|column| column.conflict) {
                losers += self.document.get_all(&row, column.key.as_ref())?.len() as u64 - 1;
            }
        }
        Ok(Some(losers))
    }

    fn close(mut self) -> Result<()> {
        let snapshot = self.document.save();
        self.updates.replace(&snapshot)
    }
}
