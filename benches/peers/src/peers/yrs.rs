//! Yrs, which is Yjs in Rust: one document, with a map of rows for each table; what is sent is the updates since
//! the other's state vector.
//!
//! Such an update has all deletions since the beginning, for state vectors do not tell who knows of them: so a
//! sync of nothing sends them too.

use std::path::Path;

use anyhow::{Result, bail};
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Any, Doc, Map, MapPrelim, MapRef, Out, ReadTxn, StateVector, Transact, TransactionMut, Update};

use super::document::{self, Updates};
use crate::data::{Change, Contact, Order};
use crate::peer::{Durability, Moved, Peer};

/// A document and its file.
pub struct Yrs {
    document: Doc,
    contacts: MapRef,
    orders: MapRef,
    updates: Updates,
}

impl Yrs {
    fn new(updates: Updates) -> Yrs {
        let document = Doc::new();
        let contacts = document.get_or_insert_map("contacts");
        let orders = document.get_or_insert_map("orders");
        Yrs { document, contacts, orders, updates }
    }

    fn row<T: ReadTxn>(&self, transaction: &T, id: Uuid) -> Result<Option<MapRef>> {
        self.contacts.get(transaction, &id.to_string()).map(map).transpose()
    }

    /// Takes what the other has and this has not.
    fn pull(&mut self, from: &Yrs) -> Result<u64> {
        let request = self.document.transact().state_vector().encode_v1();
        let update = from.document.transact().encode_diff_v1(&StateVector::decode_v1(&request)?);
        let mut transaction = self.document.transact_mut();
        transaction.apply_update(Update::decode_v1(&update)?)?;
        commit(transaction, &mut self.updates)?;
        Ok((request.len() + update.len()) as u64)
    }
}

/// Commits a transaction and keeps what it changed.
fn commit(mut transaction: TransactionMut<'_>, updates: &mut Updates) -> Result<()> {
    transaction.commit();
    let update = transaction.encode_update_v1();
    match update == Update::EMPTY_V1 {
        true => Ok(()),
        false => updates.append(&update),
    }
}

fn map(value: Out) -> Result<MapRef> {
    match value {
        Out::YMap(map) => Ok(map),
        other => bail!("a row is {other:?}"),
    }
}

fn contact<T: ReadTxn>(transaction: &T, id: Uuid, row: &MapRef) -> Result<Contact> {
    let columns = row.iter(transaction).map(|(column, value)| match value {
        Out::Any(Any::String(text)) => Ok((column, text.to_string())),
        other => bail!("{column} is {other:?}"),
    });
    document::contact(id, columns)
}

impl Peer for Yrs {
    const LACKS: &'static str = document::lacks!(", losers");

    fn create(directory: &Path, durability: Durability) -> Result<Yrs> {
        Ok(Yrs::new(Updates::create(directory, durability)?))
    }

    fn open(directory: &Path, durability: Durability) -> Result<Yrs> {
        let (updates, changes) = Updates::open(directory, durability)?;
        let store = Yrs::new(updates);
        let mut transaction = store.document.transact_mut();
        for change in changes {
            transaction.apply_update(Update::decode_v1(&change)?)?;
        }
        drop(transaction);
        Ok(store)
    }

    fn insert(&mut self, contacts: &[Contact], orders: &[Order]) -> Result<()> {
        let mut transaction = self.document.transact_mut();
        for contact in contacts {
            let row = MapPrelim::from(document::columns(contact));
            self.contacts.insert(&mut transaction, contact.id.to_string(), row);
        }
        for order in orders {
            let row = MapPrelim::from([("contact", order.contact.to_string())]);
            self.orders.insert(&mut transaction, order.number.to_string(), row);
        }
        commit(transaction, &mut self.updates)
    }

    fn update(&mut self, changes: &[Change]) -> Result<()> {
        let mut transaction = self.document.transact_mut();
        for Change { id, column, value } in changes {
            let Some(row) = self.row(&transaction, *id)? else { bail!("no contact {id}") };
            row.insert(&mut transaction, column.name(), value.as_str());
        }
        commit(transaction, &mut self.updates)
    }

    fn get(&mut self, id: Uuid) -> Result<Option<Contact>> {
        let transaction = self.document.transact();
        self.row(&transaction, id)?.map(|row| contact(&transaction, id, &row)).transpose()
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&Contact)) -> Result<()> {
        let transaction = self.document.transact();
        for (id, row) in self.contacts.iter(&transaction) {
            visit(&contact(&transaction, Uuid::parse_str(id)?, &map(row)?)?);
        }
        Ok(())
    }

    fn orders(&mut self) -> Result<u64> {
        Ok(u64::from(self.orders.len(&self.document.transact())))
    }

    fn sync(&mut self, other: &mut Yrs) -> Result<Option<Moved>> {
        let bytes = self.pull(other)? + other.pull(self)?;
        Ok(Some(Moved { bytes }))
    }

    fn close(self) -> Result<()> {
        let snapshot = self.document.transact().encode_state_as_update_v1(&StateVector::default());
        self.updates.replace(&snapshot)
    }
}
