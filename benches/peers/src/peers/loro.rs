//! Loro: one document, with a map of rows for each table; what is sent is the updates since the other's version.
//!
//! Neither its subscriptions nor its shallow snapshots are used: these would forget what another replica may
//! still need.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use loro::{
    Container, ExportMode, LoroDoc, LoroMap, LoroValue, ToJson as _, ValueOrContainer, VersionVector,
};
use uuid::Uuid;

use super::document::{self, Updates};
use crate::data::{Change, Contact, Order};
use crate::peer::{Durability, Moved, Peer};

/// A document and its file.
pub struct Loro {
    document: LoroDoc,
    contacts: LoroMap,
    orders: LoroMap,
    updates: Updates,
    /// How far the file goes.
    saved: VersionVector,
}

impl Loro {
    /// Takes the rows from a document that has everything that the file has.
    fn new(document: LoroDoc, updates: Updates) -> Loro {
        let (contacts, orders) = (document.get_map("contacts"), document.get_map("orders"));
        let saved = document.oplog_vv();
        Loro { document, contacts, orders, updates, saved }
    }

    fn commit(&mut self) -> Result<()> {
        self.document.commit();
        let update = self.document.export(ExportMode::updates(&self.saved))?;
        self.saved = self.document.oplog_vv();
        self.updates.append(&update)
    }

    fn row(&self, id: Uuid) -> Result<Option<LoroMap>> {
        self.contacts.get(&id.to_string()).map(map).transpose()
    }

    /// Takes what the other has and this has not.
    fn pull(&mut self, from: &Loro) -> Result<u64> {
        let request = self.document.oplog_vv().encode();
        let known = VersionVector::decode(&request)?;
        if known.includes_vv(&from.document.oplog_vv()) {
            return Ok(request.len() as u64);
        }
        let update = from.document.export(ExportMode::updates(&known))?;
        let status = self.document.import(&update)?;
        ensure!(status.pending.is_none(), "an update that something is missing for");
        self.saved = self.document.oplog_vv();
        self.updates.append(&update)?;
        Ok((request.len() + update.len()) as u64)
    }
}

fn map(value: ValueOrContainer) -> Result<LoroMap> {
    match value {
        ValueOrContainer::Container(Container::Map(map)) => Ok(map),
        other => bail!("a row is {other:?}"),
    }
}

fn contact(id: Uuid, row: &LoroMap) -> Result<Contact> {
    let LoroValue::Map(row) = row.get_value() else { bail!("contact {id} is no map") };
    let columns = row.iter().map(|(column, value)| match value {
        LoroValue::String(text) => Ok((column, text.to_string())),
        other => bail!("{column} is {}", other.to_json()),
    });
    document::contact(id, columns)
}

impl Peer for Loro {
    const LACKS: &'static str = document::lacks!(", losers");

    fn create(directory: &Path, durability: Durability) -> Result<Loro> {
        Ok(Loro::new(LoroDoc::new(), Updates::create(directory, durability)?))
    }

    fn open(directory: &Path, durability: Durability) -> Result<Loro> {
        let (updates, changes) = Updates::open(directory, durability)?;
        let document = LoroDoc::new();
        let status = document.import_batch(&changes)?;
        ensure!(status.pending.is_none(), "an update that something is missing for");
        Ok(Loro::new(document, updates))
    }

    fn insert(&mut self, contacts: &[Contact], orders: &[Order]) -> Result<()> {
        for contact in contacts {
            let row = self.contacts.insert_container(&contact.id.to_string(), LoroMap::new())?;
            for (column, value) in document::columns(contact) {
                row.insert(column, value)?;
            }
        }
        for order in orders {
            let row = self.orders.insert_container(&order.number.to_string(), LoroMap::new())?;
            row.insert("contact", order.contact.to_string())?;
        }
        self.commit()
    }

    fn update(&mut self, changes: &[Change]) -> Result<()> {
        for Change { id, column, value } in changes {
            let Some(row) = self.row(*id)? else { bail!("no contact {id}") };
            row.insert(column.name(), value.as_str())?;
        }
        self.commit()
    }

    fn get(&mut self, id: Uuid) -> Result<Option<Contact>> {
        self.row(id)?.map(|row| contact(id, &row)).transpose()
    }

    fn scan(&mut self, visit: &mut dyn FnMut(&Contact)) -> Result<()> {
        let mut result = Ok(());
        self.contacts.for_each(|id, row| {
            if result.is_ok() {
                result = Uuid::parse_str(id)
                    .map_err(anyhow::Error::from)
                    .and_then(|id| contact(id, &map(row)?))
                    .map(|contact| visit(&contact));
            }
        });
        result
    }

    fn orders(&mut self) -> Result<u64> {
        Ok(self.orders.len() as u64)
    }

    fn sync(&mut self, other: &mut Loro) -> Result<Option<Moved>> {
        let bytes = self.pull(other)? + other.pull(self)?;
        Ok(Some(Moved { bytes }))
    }

    fn close(self) -> Result<()> {
        let snapshot = self.document.export(ExportMode::Snapshot)?;
        self.updates.replace(&snapshot)
    }
}
