//! The greatest memory of a process that does one thing only. That of the program itself is in it, some MiB.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{Part, contacts_of, loaded};
use crate::measure::{Measurement, peak_memory};
use crate::peer::{Durability, Peer};
use crate::task::Task;

pub fn peaks<P: Peer>(task: &Task, directory: &Path) -> Result<Vec<Measurement>> {
    let parts: &[Part] = if P::ON_DISK { &[Part::Load, Part::Scan, Part::FirstSync] } else { &[Part::Load] };
    let mut measurements = Vec::new();
    for part in parts {
        measurements.extend(task.part(*part, directory).in_its_own_process()?);
    }
    Ok(measurements)
}

fn peak(phase: &str) -> Result<Vec<Measurement>> {
    let bytes = peak_memory().context("the memory of a process is read from Linux's /proc")?;
    Ok(vec![Measurement::count(phase, "KiB", bytes / 1024)])
}

pub fn load<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    loaded::<P>(&directory.join("store"), rows)?.close()?;
    peak("load, 1,000 a transaction")
}

pub fn scan<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let mut store = P::open(&directory.join("store"), Durability::Eventual)?;
    let mut count = 0;
    store.scan(&mut |_| count += 1)?;
    ensure!(count == contacts_of(rows), "{count} contacts");
    peak("open and scan")
}

pub fn first_sync<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let mut store = P::open(&directory.join("store"), Durability::Eventual)?;
    let mut replica = P::create(&directory.join("replica"), Durability::Eventual)?;
    if replica.sync(&mut store)?.is_none() {
        return Ok(Vec::new());
    }
    let measurements = peak("open and first sync, both sides");
    let mut count = 0;
    replica.scan(&mut |_| count += 1)?;
    ensure!(count == contacts_of(rows), "{count} contacts at the replica");
    measurements
}
