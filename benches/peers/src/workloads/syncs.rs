//! What two stores do together: the first sync, later ones, and changes that were made at both.

use std::path::Path;

use anyhow::{Result, ensure};

use super::{BATCH, check_loaded, contacts_of, contents, loaded};
use crate::data::{Change, Column, Random, changes, contact, value};
use crate::measure::{Measurement, measure};
use crate::peer::{Durability, Peer};

fn full_and_empty<P: Peer>(directory: &Path, rows: usize) -> Result<(P, P)> {
    let first = loaded(&directory.join("first"), rows)?;
    Ok((first, P::create(&directory.join("second"), Durability::Eventual)?))
}

pub fn first_sync<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let (mut first, mut second) = full_and_empty::<P>(directory, rows)?;
    let (moved, measurement) = measure("first sync", rows as u64, || second.sync(&mut first))?;
    let Some(moved) = moved else { return Ok(Vec::new()) };
    check_loaded(&mut second, rows)?;
    Ok(vec![measurement.with("bytes", moved.bytes)])
}

pub fn later_syncs<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let (mut first, mut second) = full_and_empty::<P>(directory, rows)?;
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

pub fn concurrent<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let (mut first, mut second) = full_and_empty::<P>(directory, rows)?;
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
