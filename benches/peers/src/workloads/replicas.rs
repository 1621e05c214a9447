//! Many replicas in one process, each with files of its own, of which two at a time meet by chance, until all know what
//! each of them wrote.
//!
//! Who meets whom is the same for every peer, and follows from a seed. Each replica changes rows of its own, so that
//! what is sent depends on the changes alone, and not on how many of them clash.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{contacts_of, contents, expected, loaded};
use crate::data::{Change, Column, Random, contact, value};
use crate::measure::{Measurement, measure};
use crate::peer::{Durability, Peer};
use crate::report::tables::whole;

/// How many syncs of nothing are measured at the end.
const TIMES: usize = 10;

pub fn meetings<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    if !P::MANY_REPLICAS {
        return Ok(Vec::new());
    }
    let few = (rows / 200).max(125);
    let each = (contacts_of(few) / 100).min(10);
    let mut measurements = Vec::new();
    for (replicas, rows) in [(10, few), (30, few), (100, few), (100, 10 * few)] {
        let directory = directory.join(format!("{replicas}-{rows}"));
        measurements.extend(meet::<P>(&directory, replicas, rows, each)?);
    }
    Ok(measurements)
}

fn meet<P: Peer>(directory: &Path, replicas: usize, rows: usize, each: usize) -> Result<Vec<Measurement>> {
    let mut stores = equal_stores::<P>(directory, replicas, rows)?;
    let mut random = Random::new(10);
    let mut all = Vec::new();
    for (i, store) in stores.iter_mut().enumerate() {
        let changes: Vec<Change> = (i * each..(i + 1) * each).map(|row| change(&mut random, row)).collect();
        store.update(&changes)?;
        all.extend(changes);
    }
    let pairs = pairs(&mut random, replicas);
    let what = format!("{replicas} replicas, {} rows", whole(rows as f64));
    let syncs = pairs.len() as u64;
    let (bytes, until_quiet) = measure(&what, syncs, || sync_all(&mut stores, &pairs))?;
    let expected = expected(rows, &all);
    for store in &mut stores {
        ensure!(contents(store)? == expected, "a replica has other contents than were written");
    }
    let pairs: Vec<[usize; 2]> = (0..TIMES).map(|_| pair(&mut random, replicas)).collect();
    let (nothing, quiet) =
        measure(&format!("{what}: nothing"), TIMES as u64, || sync_all(&mut stores, &pairs))?;
    let deliveries = all.len() as u64 * (replicas as u64 - 1);
    let until_quiet = until_quiet
        .with("syncs", syncs)
        .with("bytes", bytes)
        .with("bytes a change and replica", bytes / deliveries);
    Ok(vec![until_quiet, quiet.with("bytes", nothing / TIMES as u64)])
}

/// Replicas that all have the same rows.
fn equal_stores<P: Peer>(directory: &Path, replicas: usize, rows: usize) -> Result<Vec<P>> {
    let mut stores = Vec::with_capacity(replicas);
    std::fs::create_dir_all(directory)?;
    let mut first: P = loaded(&directory.join("0"), rows)?;
    for i in 1..replicas {
        let mut store = P::create(&directory.join(i.to_string()), Durability::Eventual)?;
        store.sync(&mut first)?.context("it cannot sync")?;
        stores.push(store);
    }
    stores.push(first);
    Ok(stores)
}

fn change(random: &mut Random, row: usize) -> Change {
    let column = Column::ALL[random.below(Column::ALL.len())];
    Change { id: contact(row).id, column, value: value(random, column) }
}

/// Two different replicas.
fn pair(random: &mut Random, replicas: usize) -> [usize; 2] {
    let first = random.below(replicas);
    let second = random.below(replicas - 1);
    [first, second + usize::from(second >= first)]
}

/// Who meets whom until everyone knows, directly or through others, what each of them knew at first.
fn pairs(random: &mut Random, replicas: usize) -> Vec<[usize; 2]> {
    let mut known: Vec<BTreeSet<usize>> = (0..replicas).map(|i| BTreeSet::from([i])).collect();
    let mut pairs = Vec::new();
    while known.iter().any(|known| known.len() < replicas) {
        let [first, second] = pair(random, replicas);
        let both: BTreeSet<usize> = known[first].union(&known[second]).copied().collect();
        known[first].clone_from(&both);
        known[second] = both;
        pairs.push([first, second]);
    }
    pairs
}

/// Returns how many bytes that took.
fn sync_all<P: Peer>(stores: &mut [P], pairs: &[[usize; 2]]) -> Result<u64> {
    let mut bytes = 0;
    for pair in pairs {
        let [first, second] = stores.get_disjoint_mut(*pair)?;
        bytes += first.sync(second)?.context("it cannot sync")?.bytes;
    }
    Ok(bytes)
}
