//! What one store does by itself: inserts, updates, reads, and the bytes that it takes.

use std::path::Path;

use anyhow::{Result, ensure};

use super::{BATCH, Batch, ORDERS, batches, check_loaded, contacts_of, contents, expected, load, loaded};
use crate::data::{Change, Column, Contact, Random, changes, contact, value};
use crate::measure::{Measurement, measure};
use crate::peer::{Durability, Peer};

pub fn inserts<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let few = rows / 10;
    let phases = [
        ("insert, 100 a transaction", BATCH, rows, Durability::Eventual),
        ("insert, 100 a transaction, durable", BATCH, few, Durability::Durable),
        ("insert, 1 a transaction", 1, few, Durability::Eventual),
        ("insert, 1 a transaction, durable", 1, few / 10, Durability::Durable),
    ];
    let mut measurements = Vec::new();
    for (i, (phase, size, rows, durability)) in phases.into_iter().enumerate() {
        let batches: Vec<Batch> = batches(rows, size).collect();
        let mut store = P::create(&directory.join(i.to_string()), durability)?;
        let ((), measurement) = measure(phase, rows as u64, || load(&mut store, &batches))?;
        measurements.push(measurement);
        check_loaded(&mut store, rows)?;
    }
    Ok(measurements)
}

pub fn updates<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let mut store = loaded::<P>(&directory.join("store"), rows)?;
    let changes = changes(2, rows, contacts_of(rows));
    let ((), measurement) = measure("update a column, 100 a transaction", rows as u64, || {
        changes.chunks(BATCH).try_for_each(|changes| store.update(changes))
    })?;
    ensure!(contents(&mut store)? == expected(rows, &changes), "other contents than were written");
    Ok(vec![measurement])
}

pub fn reads<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
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

pub fn disk<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    if !P::ON_DISK {
        return Ok(Vec::new());
    }
    let path = directory.join("store");
    let mut store = loaded::<P>(&path, rows)?;
    store.close()?;
    let after_load = Measurement::count("disk after load", "bytes a row", bytes_in(&path)? / rows as u64);
    store = P::open(&path, Durability::Eventual)?;
    let orders = store.orders()?;
    ensure!(orders == (rows / ORDERS) as u64, "{orders} orders after opening");
    store.close()?;
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
