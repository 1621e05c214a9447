//! The workloads: what is done, and how its result is checked. Checking is not measured.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use uuid::Uuid;

use crate::data::{Change, Column, Contact, Order, Random, changes, contact, order, value};
use crate::measure::{Measurement, measure, peak_memory};
use crate::peer::{Durability, Peer};

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
}

impl Workload {
    pub const ALL: [Workload; 7] = {
        use Workload::{W1, W2, W3, W4, W5, W6, W7};
        [W1, W2, W3, W4, W5, W6, W7]
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
        }
    }

    pub fn called(name: &str) -> Result<Workload> {
        match Workload::ALL.into_iter().find(|workload| workload.name() == name) {
            Some(workload) => Ok(workload),
            None => bail!("there is no workload {name}: w1 to w7"),
        }
    }

    /// Does all phases of it.
    pub fn run<P: Peer>(self, rows: usize) -> Result<Vec<Measurement>> {
        let directory = tempfile::tempdir()?;
        let directory = directory.path();
        let mut phases = match self {
            Workload::W1 => inserts::<P>(directory, rows),
            Workload::W2 => updates::<P>(directory, rows),
            Workload::W3 => reads::<P>(directory, rows),
            Workload::W4 => first_sync::<P>(directory, rows),
            Workload::W5 => later_syncs::<P>(directory, rows),
            Workload::W6 => concurrent::<P>(directory, rows),
            Workload::W7 => disk::<P>(directory, rows),
        }?;
        if let Some(bytes) = peak_memory() {
            phases.push(Measurement::count("peak memory", "bytes", bytes));
        }
        Ok(phases)
    }
}

/// A transaction's rows.
struct Batch {
    contacts: Vec<Contact>,
    orders: Vec<Order>,
}

/// All rows, in transactions of so many. Orders refer to contacts of earlier transactions, or of their own.
fn batches(rows: usize, size: usize) -> Vec<Batch> {
    let (mut contacts, mut orders) = (0, 0);
    let mut batches = Vec::new();
    for start in (0..rows).step_by(size) {
        let mut batch = Batch { contacts: Vec::new(), orders: Vec::new() };
        for i in start..rows.min(start + size) {
            if i % ORDERS == ORDERS - 1 {
                batch.orders.push(order(orders, contacts));
                orders += 1;
            } else {
                batch.contacts.push(contact(contacts));
                contacts += 1;
            }
        }
        batches.push(batch);
    }
    batches
}

const fn contacts_of(rows: usize) -> usize {
    rows - rows / ORDERS
}

fn load<P: Peer>(store: &mut P, batches: &[Batch]) -> Result<()> {
    batches.iter().try_for_each(|batch| store.insert(&batch.contacts, &batch.orders))
}

fn loaded<P: Peer>(directory: &Path, rows: usize) -> Result<P> {
    let mut store = P::create(directory, Durability::Eventual)?;
    load(&mut store, &batches(rows, 1000))?;
    Ok(store)
}

fn contents<P: Peer>(store: &mut P) -> Result<BTreeMap<Uuid, Contact>> {
    let mut contents = BTreeMap::new();
    store.scan(&mut |contact| drop(contents.insert(contact.id, contact.clone())))?;
    Ok(contents)
}

fn check_loaded<P: Peer>(store: &mut P, rows: usize) -> Result<()> {
    let found = contents(store)?;
    ensure!(found.len() == contacts_of(rows), "{} contacts", found.len());
    ensure!((0..contacts_of(rows)).map(contact).eq(found.into_values()), "other contacts than were inserted");
    let orders = store.orders()?;
    ensure!(orders == (rows / ORDERS) as u64, "{orders} orders");
    Ok(())
}

fn inserts<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let few = rows / 10;
    let phases = [
        ("insert, 100 a transaction", BATCH, rows, Durability::Eventual),
        ("insert, 100 a transaction, durable", BATCH, few, Durability::Durable),
        ("insert, 1 a transaction", 1, few, Durability::Eventual),
        ("insert, 1 a transaction, durable", 1, few / 10, Durability::Durable),
    ];
    let mut measurements = Vec::new();
    for (i, (phase, size, rows, durability)) in phases.into_iter().enumerate() {
        let batches = batches(rows, size);
        let mut store = P::create(&directory.join(i.to_string()), durability)?;
        let ((), measurement) = measure(phase, rows as u64, || load(&mut store, &batches))?;
        measurements.push(measurement);
        check_loaded(&mut store, rows)?;
    }
    Ok(measurements)
}

fn updates<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let mut store = loaded::<P>(&directory.join("store"), rows)?;
    let changes = changes(2, rows, contacts_of(rows));
    let ((), measurement) = measure("update a column, 100 a transaction", rows as u64, || {
        changes.chunks(BATCH).try_for_each(|changes| store.update(changes))
    })?;
    let mut expected: BTreeMap<Uuid, Contact> =
        (0..contacts_of(rows)).map(contact).map(|contact| (contact.id, contact)).collect();
    changes.iter().for_each(|change| apply(&mut expected, change));
    ensure!(contents(&mut store)? == expected, "other contents than were written");
    Ok(vec![measurement])
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

fn reads<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let mut store = loaded::<P>(&directory.join("store"), rows)?;
    let mut random = Random::new(3);
    let wanted: Vec<Contact> = (0..rows).map(|_| contact(random.below(contacts_of(rows)))).collect();
    let mut measurements = Vec::new();
    let (found, by_id) = measure("get by id", rows as u64, || {
        let mut found = 0;
        for contact in &wanted {
            found += usize::from(store.get(contact.id)?.as_ref() == Some(contact));
        }
        Ok(found)
    })?;
    ensure!(found == wanted.len(), "{found} of {} contacts by id", wanted.len());
    measurements.push(by_id);
    let (found, by_email) = measure("get by unique key", rows as u64, || {
        let mut found = 0;
        for contact in &wanted {
            let Some(got) = store.get_by_email(&contact.email)? else { return Ok(None) };
            found += usize::from(got.as_ref() == Some(contact));
        }
        Ok(Some(found))
    })?;
    if let Some(found) = found {
        ensure!(found == wanted.len(), "{found} of {} contacts by e-mail address", wanted.len());
        measurements.push(by_email);
    }
    let (count, scan) = measure("scan", contacts_of(rows) as u64, || {
        let (mut count, mut length) = (0, 0);
        store.scan(&mut |contact| {
            count += 1;
            length += contact.note.len();
        })?;
        ensure!(length == count * 120, "{length} bytes of notes");
        Ok(count)
    })?;
    ensure!(count == contacts_of(rows), "{count} contacts");
    measurements.push(scan);
    let (count, range) =
        measure("range on an index", contacts_of(rows) as u64 / 16, || store.range("4", "5"))?;
    if let Some(count) = count {
        let expected = (0..contacts_of(rows)).filter(|i| contact(*i).email.starts_with('4')).count();
        ensure!(count == expected as u64, "{count} contacts in the range");
        measurements.push(range);
    }
    Ok(measurements)
}

fn first_sync<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let mut first = loaded::<P>(&directory.join("first"), rows)?;
    let mut second = P::create_replica(&directory.join("second"), Durability::Eventual, &first)?;
    let (moved, measurement) = measure("first sync", rows as u64, || second.sync(&mut first))?;
    let Some(moved) = moved else { return Ok(Vec::new()) };
    check_loaded(&mut second, rows)?;
    Ok(vec![measurement.with("bytes", moved.bytes)])
}

fn later_syncs<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let mut first = loaded::<P>(&directory.join("first"), rows)?;
    let mut second = P::create_replica(&directory.join("second"), Durability::Eventual, &first)?;
    if second.sync(&mut first)?.is_none() {
        return Ok(Vec::new());
    }
    let changed = 1000.min(rows / 10);
    for changes in changes(5, changed, contacts_of(rows)).chunks(BATCH) {
        first.update(changes)?;
    }
    let (moved, cells) = measure("sync of 1,000 cells", changed as u64, || second.sync(&mut first))?;
    let moved = moved.unwrap_or_default();
    ensure!(contents(&mut first)? == contents(&mut second)?, "the replicas differ");
    let times = 10;
    let (none, nothing) = measure("sync of nothing", times, || {
        let mut bytes = 0;
        for _ in 0..times {
            bytes += second.sync(&mut first)?.unwrap_or_default().bytes;
        }
        Ok(bytes / times)
    })?;
    Ok(vec![cells.with("bytes", moved.bytes), nothing.with("bytes", none)])
}

fn concurrent<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let mut first = loaded::<P>(&directory.join("first"), rows)?;
    let mut second = P::create_replica(&directory.join("second"), Durability::Eventual, &first)?;
    if second.sync(&mut first)?.is_none() {
        return Ok(Vec::new());
    }
    let changed = 10_000.min(rows / 5);
    let mut random = Random::new(6);
    let change = |i: usize, column, random: &mut Random| Change {
        id: contact(i).id,
        column,
        value: value(random, column),
    };
    let ours: Vec<Change> = (0..changed).map(|i| change(i, Column::Phone, &mut random)).collect();
    let other = |i: usize| if i.is_multiple_of(2) { Column::Phone } else { Column::Zip };
    let theirs: Vec<Change> = (0..changed).map(|i| change(i, other(i), &mut random)).collect();
    ours.chunks(BATCH).try_for_each(|changes| first.update(changes))?;
    theirs.chunks(BATCH).try_for_each(|changes| second.update(changes))?;
    let (moved, measurement) =
        measure("sync of concurrent changes", 2 * changed as u64, || second.sync(&mut first))?;
    let moved = moved.unwrap_or_default();
    let found = contents(&mut first)?;
    ensure!(found == contents(&mut second)?, "the replicas differ");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let row = &found[&ours.id];
        let kept = if ours.column == theirs.column {
            row.phone == ours.value || row.phone == theirs.value
        } else {
            row.phone == ours.value && row.zip == theirs.value
        };
        ensure!(kept, "a change is lost");
    }
    let mut measurement = measurement.with("bytes", moved.bytes);
    if let Some(conflicts) = first.conflicts()? {
        ensure!(conflicts == changed as u64 / 2, "{conflicts} conflicts");
        measurement = measurement.with("conflicts", conflicts);
    }
    Ok(vec![measurement])
}

fn disk<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let path = directory.join("store");
    let mut store = loaded::<P>(&path, rows)?;
    store.close()?;
    let after_load = Measurement::count("disk after load", "bytes a row", bytes_in(&path)? / rows as u64);
    if let Some(mut store) = P::open(&path, Durability::Eventual)? {
        let orders = store.orders()?;
        ensure!(orders == (rows / ORDERS) as u64, "{orders} orders after opening");
        store.close()?;
    }
    let other = directory.join("overwritten");
    store = loaded::<P>(&other, rows)?;
    let mut random = Random::new(7);
    for _ in 0..3 {
        for column in Column::ALL {
            let all: Vec<Change> = (0..contacts_of(rows))
                .map(|i| Change { id: contact(i).id, column, value: value(&mut random, column) })
                .collect();
            all.chunks(1000).try_for_each(|changes| store.update(changes))?;
        }
    }
    store.close()?;
    let bytes = bytes_in(&other)? / rows as u64;
    Ok(vec![after_load, Measurement::count("disk after three overwrites", "bytes a row", bytes)])
}

fn bytes_in(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() { bytes_in(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}
