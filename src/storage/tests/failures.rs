//! The k-th operation fails, for every k: the handle is poisoned, and reopening shows every
//! acknowledged commit and no part of one.

use std::path::Path;
use std::sync::Arc;

use super::model::*;
use crate::error::Error;
use crate::storage::testing::{FailingEngine, RecordingDisk};
use crate::storage::{
    Access, Disk, Durability, EngineKind, Journaled, MemoryEngine, Options, Storage, Ticket,
};

const COMMITS: u64 = 24;

/// The map after a number of commits.
fn state(commits: u64) -> Model {
    let mut model = Model::new();
    (1..=commits).for_each(|number| apply(&mut model, &batch_of(number)));
    model
}

fn batch_of(number: u64) -> Vec<crate::storage::Op> {
    let value = vec![number as u8; 300];
    vec![put(b"number", number.to_be_bytes()), put([number as u8 % 7], value), delete([number as u8 % 5])]
}

/// Commits until something fails; returns the last commit acknowledged, and the error.
fn work(storage: &Storage) -> (u64, Option<Error>) {
    let mut acknowledged = storage.latest().map_or(0, Ticket::sequence);
    for number in acknowledged + 1..=COMMITS {
        let ticket = storage.append(&batch_of(number));
        match ticket.and_then(|ticket| storage.wait(ticket, Durability::Immediate)) {
            Ok(()) => acknowledged = number,
            Err(error) => return (acknowledged, Some(error)),
        }
    }
    (acknowledged, None)
}

fn assert_poisoned(storage: &Storage) {
    assert!(matches!(storage.append(&[]), Err(Error::Poisoned { .. })));
    assert!(matches!(storage.snapshot().map(drop), Err(Error::Poisoned { .. })));
    assert!(matches!(storage.checkpoint(), Err(Error::Poisoned { .. })));
    assert!(storage.close().is_err());
}

fn assert_kept(storage: &Storage, acknowledged: u64) {
    let sequence = storage.latest().unwrap().sequence();
    assert!(sequence >= acknowledged, "{acknowledged} lost");
    assert!(contents(&*storage.snapshot().unwrap()) == state(sequence), "not the state of {sequence}");
}

#[test]
fn any_disk_operation_may_fail() {
    let path = Path::new("/db");
    let options = Options { cache_bytes: 1 << 14, journal_bytes: 4000 };
    let open = |disk: &RecordingDisk| match Storage::open_on(Arc::new(disk.clone()), path, options) {
        Err(Error::NotADatabase { .. }) => {
            Storage::create_on(Arc::new(disk.clone()), path, EngineKind::Redb, options)
        }
        other => other,
    };
    let (mut tried, mut poisoned) = (0, 0);
    for k in 1.. {
        let disk = RecordingDisk::new();
        disk.fail_at(k);
        let mut acknowledged = 0;
        if let Ok(storage) = open(&disk) {
            let (last, error) = work(&storage);
            acknowledged = last;
            if error.is_some() {
                assert_poisoned(&storage);
                poisoned += 1;
            }
            let _ = storage.close();
        }
        if disk.operations() < k {
            break; // Nothing failed any more.
        }
        disk.fail_at(0);
        let storage = open(&disk).unwrap_or_else(|error| panic!("operation {k} failed, then: {error}"));
        assert_kept(&storage, acknowledged);
        assert_eq!(work(&storage).0, COMMITS, "operation {k}");
        tried += 1;
    }
    println!("failures: {tried} operations failed, {poisoned} of them while committing");
    assert!(poisoned > 50);
}

#[test]
fn any_engine_operation_may_fail() {
    let mut poisoned = 0;
    for k in 1..80 {
        let disk = RecordingDisk::new();
        Journaled::<MemoryEngine>::create(&*disk.file("journal").unwrap()).unwrap();
        let journal = || disk.open(Path::new("journal"), Access::Write).unwrap();
        let engine = MemoryEngine::new();
        let failing = FailingEngine::new(engine.clone(), k);
        let mut acknowledged = 0;
        if let Ok(storage) = Storage::journaled(Box::new(failing), journal(), 2000) {
            let (last, error) = work(&storage);
            acknowledged = last;
            if error.is_some() {
                assert_poisoned(&storage);
                poisoned += 1;
            }
        }
        let storage = Storage::journaled(Box::new(engine), journal(), 2000).unwrap();
        assert_kept(&storage, acknowledged);
    }
    assert!(poisoned > 20);
}

#[test]
fn a_commit_that_is_too_large_changes_nothing() {
    let disk = RecordingDisk::new();
    Journaled::<MemoryEngine>::create(&*disk.file("journal").unwrap()).unwrap();
    let journal = disk.open(Path::new("journal"), Access::Write).unwrap();
    let storage = Storage::journaled(Box::new(MemoryEngine::new()), journal, 2000).unwrap();
    let events = disk.events();
    let large = vec![put(b"k", vec![0; (1 << 30) + 1])];
    assert!(matches!(storage.append(&large), Err(Error::Limit { limit: 1_073_741_824, .. })));
    assert_eq!(disk.events(), events);
    storage.append(&[put(b"k", b"v")]).unwrap();
}
