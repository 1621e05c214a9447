//! Simulated power cuts: after every write, sync and rename of a first creation, commits,
//! checkpoints and a close, in several ways each. redb's own writes are in it.
//!
//! What must hold: a commit that was acknowledged as `Immediate` is there; the map is that of some
//! commit, never of a part of one; opening needs no repair by hand and goes on working.

use std::path::Path;
use std::sync::Arc;

use super::model::*;
use crate::error::Error;
use crate::storage::testing::{Cut, Random, RecordingDisk};
use crate::storage::{Durability, EngineKind, Op, Options, Storage};

const PATH: &str = "/db";

fn options() -> Options {
    Options { cache_bytes: 1 << 16, journal_bytes: 6000 }
}

fn open(disk: &RecordingDisk) -> Result<Storage, Error> {
    Storage::open_on(Arc::new(disk.clone()), Path::new(PATH), options())
}

fn create(disk: &RecordingDisk, first: &[Op]) -> Result<Storage, Error> {
    let disk = Arc::new(disk.clone());
    Storage::create_with(disk, Path::new(PATH), EngineKind::Redb, options(), first)
}

/// A commit of several entries, so that half of one would show.
fn commit(random: &mut Random, number: u64) -> Vec<Op> {
    let mut batch = vec![put(b"number", number.to_be_bytes())];
    for _ in 0..random.below(6) {
        let key = [b'k', random.below(40) as u8];
        let size = match random.below(40) {
            0 => 15_000, // More than twice the journal's bound.
            1..4 => 3000,
            _ => random.below(200),
        };
        batch.push(match random.below(4) {
            0 => delete(key),
            _ => put(key, vec![number as u8; size as usize]),
        });
    }
    batch
}

/// A recorded run, and the map after each of its commits.
struct Run {
    disk: RecordingDisk,
    states: Vec<Model>,
}

/// Creates with a first batch, commits, closes, reopens and commits again. A note says what is
/// acknowledged.
fn record(seed: u64, commits: u64) -> Run {
    let disk = RecordingDisk::new();
    let mut random = Random(seed);
    // A database without its first batch must never be seen: no state is equal to this one.
    let mut states = vec![Model::from([(b"no such state".to_vec(), Vec::new())])];
    let first = commit(&mut random, 1);
    let mut created = Model::new();
    apply(&mut created, &first);
    states.push(created);
    let mut storage = create(&disk, &first).unwrap();
    disk.note(1);
    for number in 2..=commits {
        let batch = commit(&mut random, number);
        let ticket = storage.append(&batch).unwrap();
        assert_eq!(ticket.sequence(), number);
        let mut next = states.last().unwrap().clone();
        apply(&mut next, &batch);
        states.push(next);
        if random.below(3) > 0 {
            storage.wait(ticket, Durability::Immediate).unwrap();
            disk.note(number);
        }
        if number == commits / 3 {
            assert!(storage.compact().unwrap());
            disk.note(number);
        }
        if number == commits * 2 / 3 {
            storage.close().unwrap();
            disk.note(number);
            storage = open(&disk).unwrap();
        }
    }
    // The handle is left open, as when the power goes; its closing is in the record too.
    drop(storage);
    Run { disk, states }
}

/// Opens what a power cut left, checks it, and works on. Returns the number of the last commit found;
/// `None` if there is no database yet.
fn recover(
    image: &RecordingDisk,
    states: &[Model],
    acknowledged: Option<u64>,
) -> Result<Option<u64>, String> {
    let storage = match open(image) {
        Err(Error::NotADatabase { .. }) if acknowledged.is_none() => {
            let storage = create(image, &[]).map_err(|error| format!("cannot be created again: {error}"))?;
            return storage.close().map(|()| None).map_err(|error| error.to_string());
        }
        other => other.map_err(|error| format!("does not open: {error}"))?,
    };
    let sequence = storage.latest().unwrap().sequence();
    if acknowledged.is_some_and(|number| sequence < number) {
        return Err(format!("ends with {sequence}, but {acknowledged:?} was acknowledged"));
    }
    if states.get(sequence as usize) != Some(&contents(&*storage.snapshot().unwrap())) {
        return Err(format!("not the state of commit {sequence}"));
    }
    let ticket = storage.append(&[put(b"after", b"cut")]).map_err(|error| error.to_string())?;
    storage.wait(ticket, Durability::Immediate).map_err(|error| error.to_string())?;
    image.note(sequence + 1);
    Ok(Some(sequence))
}

fn cuts(seed: u64) -> Vec<Cut> {
    let mut cuts = vec![Cut::Lost, Cut::Kept];
    cuts.extend((0..2).map(|n| Cut::Torn(seed ^ n)));
    cuts.extend((0..4).map(|n| Cut::Subset(seed ^ n)));
    cuts
}

/// Checks every cut of a run; returns how many images that were, and how many of them were cuts
/// within a recovery.
fn check(run: &Run, seed: u64) -> (usize, usize) {
    let (mut images, mut again) = (0, 0);
    for events in 0..=run.disk.events() {
        let acknowledged = run.disk.last_note(events);
        for (place, cut) in cuts(seed.wrapping_add(events as u64 * 64)).into_iter().enumerate() {
            let image = run.disk.after_cut(events, cut);
            let found = recover(&image, &run.states, acknowledged)
                .unwrap_or_else(|error| panic!("cut after {events} events, {cut:?}: {error}"));
            images += 1;
            // Every now and then the recovery is cut as well.
            if let Some(sequence) = found
                && (events + place) % 61 == 0
            {
                again += check_recovery(&image, &run.states, sequence);
            }
        }
    }
    (images, again)
}

fn check_recovery(disk: &RecordingDisk, states: &[Model], sequence: u64) -> usize {
    let mut states = states[..=sequence as usize].to_vec();
    let mut next = states[sequence as usize].clone();
    apply(&mut next, &[put(b"after", b"cut")]);
    states.push(next);
    let mut images = 0;
    for events in 0..=disk.events() {
        // What the first cut left is on the disk for good.
        let acknowledged = disk.last_note(events).unwrap_or(sequence);
        for cut in [Cut::Lost, Cut::Kept, Cut::Subset(events as u64)] {
            recover(&disk.after_cut(events, cut), &states, Some(acknowledged))
                .unwrap_or_else(|error| panic!("recovery cut after {events} events, {cut:?}: {error}"));
            images += 1;
        }
    }
    images
}

#[test]
fn no_power_cut_loses_or_tears_a_commit() {
    let run = record(1, 100);
    let (images, again) = check(&run, 1);
    println!("power cuts: {} events, {images} images, {again} more within a recovery", run.disk.events());
    assert!(images > 1000 && again > 100);
}

/// The same with other histories; minutes.
#[test]
#[ignore = "slow: run it after changing the journal, the directory or an engine"]
fn no_power_cut_loses_or_tears_a_commit_of_many_histories() {
    let images = (2..22)
        .map(|seed| check(&record(seed, 60), seed))
        .fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1));
    println!("power cuts: {} images, {} more within a recovery", images.0, images.1);
}

/// The check itself must be able to fail: the last commit is there if kept, and missed if not.
#[test]
fn a_commit_that_is_missing_is_missed() {
    let run = record(1, 45);
    let last = run.states.len() as u64 - 1;
    let image = || run.disk.after_cut(run.disk.events(), Cut::Kept);
    assert_eq!(recover(&image(), &run.states, Some(last)), Ok(Some(last)));
    assert!(recover(&image(), &run.states, Some(last + 1)).is_err());
    let mut wrong = run.states.clone();
    wrong[last as usize].remove(b"number".as_slice());
    assert!(recover(&image(), &wrong, None).is_err());
}
