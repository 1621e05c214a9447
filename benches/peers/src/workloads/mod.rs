//! The workloads: what is done, and how its result is checked. Checking is not measured.

mod memory;
mod opening;
mod part;
mod replicas;
mod single;
mod syncs;

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use uuid::Uuid;

use crate::data::{Change, Column, Contact, Order, contact, order};
use crate::measure::Measurement;
use crate::peer::{Durability, Peer};
use crate::task::Task;

pub use self::part::Part;

/// Of the rows that are inserted one in so many is an order.
const ORDERS: usize = 5;
const BATCH: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    /// Inserts.
    W1,
    /// Updates.
    W2,
    /// Reads.
    W3,
    /// The first sync.
    W4,
    /// Later syncs.
    W5,
    /// Concurrent changes.
    W6,
    /// Bytes on disk.
    W7,
    /// Peak memory.
    W8,
    /// Opening.
    W9,
    /// Many replicas.
    W10,
    /// Deriving anew.
    W11,
}

impl Workload {
    pub const ALL: [Workload; 11] = {
        use Workload::{W1, W2, W3, W4, W5, W6, W7, W8, W9, W10, W11};
        [W1, W2, W3, W4, W5, W6, W7, W8, W9, W10, W11]
    };

    pub const fn name(self) -> &'static str {
        match self {
            Workload::W1 => "w1",
            Workload::W2 => "w2",
            Workload::W3 => "w3",
            Workload::W4 => "w4",
            Workload::W5 => "w5",
            Workload::W6 => "w6",
            Workload::W7 => "w7",
            Workload::W8 => "w8",
            Workload::W9 => "w9",
            Workload::W10 => "w10",
            Workload::W11 => "w11",
        }
    }

    /// What it is about.
    pub const fn title(self) -> &'static str {
        match self {
            Workload::W1 => "inserts",
            Workload::W2 => "updates",
            Workload::W3 => "reads",
            Workload::W4 => "the first sync",
            Workload::W5 => "later syncs",
            Workload::W6 => "concurrent changes",
            Workload::W7 => "bytes on disk",
            Workload::W8 => "peak memory",
            Workload::W9 => "opening",
            Workload::W10 => "many replicas",
            Workload::W11 => "deriving anew",
        }
    }

    pub fn called(name: &str) -> Result<Workload> {
        match Workload::ALL.into_iter().find(|workload| workload.name() == name) {
            Some(workload) => Ok(workload),
            None => bail!("there is no workload {name}: w1 to w11"),
        }
    }

    /// Does all phases of it.
    pub fn run<P: Peer>(task: &Task) -> Result<Vec<Measurement>> {
        let directory = tempfile::tempdir()?;
        let (directory, rows) = (directory.path(), task.rows);
        match task.workload {
            Workload::W1 => single::inserts::<P>(directory, rows),
            Workload::W2 => single::updates::<P>(directory, rows),
            Workload::W3 => single::reads::<P>(directory, rows),
            Workload::W4 => syncs::first_sync::<P>(directory, rows),
            Workload::W5 => syncs::later_syncs::<P>(directory, rows),
            Workload::W6 => syncs::concurrent::<P>(directory, rows),
            Workload::W7 => single::disk::<P>(directory, rows),
            Workload::W8 => memory::peaks::<P>(task, directory),
            Workload::W9 => opening::openings::<P>(task, directory),
            Workload::W10 => replicas::meetings::<P>(directory, rows),
            Workload::W11 => P::derivations(rows),
        }
    }
}

/// A transaction's rows.
struct Batch {
    contacts: Vec<Contact>,
    orders: Vec<Order>,
}

/// Of all rows those from `start` to `end`. Orders refer to contacts before them, of this batch or another.
fn batch(start: usize, end: usize) -> Batch {
    let mut batch = Batch { contacts: Vec::new(), orders: Vec::new() };
    let (mut contacts, mut orders) = (contacts_of(start), start / ORDERS);
    for i in start..end {
        if i % ORDERS == ORDERS - 1 {
            batch.orders.push(order(orders, contacts));
            orders += 1;
        } else {
            batch.contacts.push(contact(contacts));
            contacts += 1;
        }
    }
    batch
}

/// All rows, in transactions of so many, made when they are asked for.
fn batches(rows: usize, size: usize) -> impl Iterator<Item = Batch> {
    (0..rows).step_by(size).map(move |start| batch(start, rows.min(start + size)))
}

const fn contacts_of(rows: usize) -> usize {
    rows - rows / ORDERS
}

fn load<P: Peer>(store: &mut P, batches: impl IntoIterator<Item: Borrow<Batch>>) -> Result<()> {
    batches.into_iter().try_for_each(|batch| {
        let Batch { contacts, orders } = batch.borrow();
        store.insert(contacts, orders)
    })
}

fn loaded<P: Peer>(directory: &Path, rows: usize) -> Result<P> {
    let mut store = P::create(directory, Durability::Eventual)?;
    load(&mut store, batches(rows, 1000))?;
    Ok(store)
}

fn contents<P: Peer>(store: &mut P) -> Result<BTreeMap<Uuid, Contact>> {
    let mut contents = BTreeMap::new();
    store.scan(&mut |contact| drop(contents.insert(contact.id, contact.clone())))?;
    Ok(contents)
}

/// What a store has after these changes of what was loaded.
fn expected(rows: usize, changes: &[Change]) -> BTreeMap<Uuid, Contact> {
    let mut contents: BTreeMap<Uuid, Contact> =
        (0..contacts_of(rows)).map(contact).map(|contact| (contact.id, contact)).collect();
    changes.iter().for_each(|change| apply(&mut contents, change));
    contents
}

fn apply(contents: &mut BTreeMap<Uuid, Contact>, change: &Change) {
    let Some(contact) = contents.get_mut(&change.id) else { return };
    *match change.column {
        Column::Name => &mut contact.name,
        Column::Phone => &mut contact.phone,
        Column::Zip => &mut contact.zip,
        Column::Note => &mut contact.note,
    } = change.value.clone();
}

fn check_loaded<P: Peer>(store: &mut P, rows: usize) -> Result<()> {
    let found = contents(store)?;
    ensure!(found.len() == contacts_of(rows), "{} contacts", found.len());
    ensure!((0..contacts_of(rows)).map(contact).eq(found.into_values()), "other contacts than were inserted");
    let orders = store.orders()?;
    ensure!(orders == (rows / ORDERS) as u64, "{orders} orders");
    Ok(())
}
