//! What the tests share: the storages under test, and random batches.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::storage::buffered::BufferedEngine;
use crate::storage::testing::{MirrorEngine, RecordingDisk};
use crate::storage::{CopyOnWriteEngine, Engine, Journaled, MemoryEngine, Op, Reader, RedbEngine, Storage};

/// What a map should hold.
pub(super) type Model = BTreeMap<Vec<u8>, Vec<u8>>;

pub(super) const CACHE: usize = 1 << 20;

pub(super) fn put(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Op {
    Op::put(key.as_ref(), value.as_ref())
}

pub(super) fn delete(key: impl AsRef<[u8]>) -> Op {
    Op::delete(key.as_ref())
}

pub(super) fn apply(model: &mut Model, batch: &[Op]) {
    for op in batch {
        match op.value() {
            Some(value) => drop(model.insert(op.key().to_vec(), value.to_vec())),
            None => drop(model.remove(op.key())),
        }
    }
}

/// Everything a reader shows, from both directions.
pub(super) fn contents(reader: &dyn Reader) -> Model {
    let forward: Vec<_> = reader.range(&[], None).unwrap().map(Result::unwrap).collect();
    let mut back: Vec<_> = reader.range_back(&[], None).unwrap().map(Result::unwrap).collect();
    back.reverse();
    assert_eq!(forward, back, "the two directions differ");
    assert!(forward.is_sorted_by(|one, other| one.0 < other.0), "not in order");
    forward.into_iter().collect()
}

/// A way to open the same database again and again.
pub(super) type Opener = Box<dyn FnMut() -> Storage>;

/// Every engine, bare and behind a journal; the journal's bound is small, for many checkpoints.
pub(super) fn subjects() -> Vec<(&'static str, Opener)> {
    let mut subjects = vec![
        ("memory", bare(MemoryEngine::new)),
        ("redb", over_disk(open_redb, None)),
        ("journaled memory", journaled_memory()),
        ("journaled redb", over_disk(open_redb, Some(20_000))),
        ("buffered redb", over_disk(open_buffered, None)),
        ("journaled buffered redb", over_disk(open_buffered, Some(20_000))),
        ("copy on write", copy_on_write()),
        ("mirror", bare(|| MirrorEngine::new(MemoryEngine::new(), open_redb(&RecordingDisk::new())))),
    ];
    #[cfg(feature = "sled")]
    subjects.extend(super::sled::subjects());
    subjects.shrink_to_fit();
    subjects
}

/// An engine that is made once: reopening only drops the handle.
fn bare<E: Engine + 'static>(make: impl Fn() -> E) -> Opener {
    let engine = Arc::new(make());
    Box::new(move || Storage::over(Box::new(Shared(Arc::clone(&engine)))))
}

/// Whenever it is opened, what was written goes below, and is written over from then on.
fn copy_on_write() -> Opener {
    let over = |below: Box<dyn Reader>| CopyOnWriteEngine::new(below, u64::MAX);
    let mut engine = over(MemoryEngine::new().snapshot().unwrap());
    Box::new(move || {
        engine = over(engine.snapshot().unwrap());
        Storage::over(Box::new(engine.clone()))
    })
}

fn journaled_memory() -> Opener {
    let (engine, disk) = (MemoryEngine::new(), RecordingDisk::new());
    let file = disk.file("journal").unwrap();
    Journaled::<MemoryEngine>::create(&*file).unwrap();
    Box::new(move || Storage::journaled(Box::new(engine.clone()), Arc::clone(&file), 20_000).unwrap())
}

pub(super) fn open_redb(disk: &RecordingDisk) -> RedbEngine {
    match disk.file("data") {
        Ok(file) => RedbEngine::create(file, CACHE).unwrap(),
        Err(_) => RedbEngine::open(reopen(disk, "data"), CACHE).unwrap(),
    }
}

fn open_buffered(disk: &RecordingDisk) -> BufferedEngine {
    BufferedEngine::new(open_redb(disk)).unwrap()
}

fn reopen(disk: &RecordingDisk, name: &str) -> Arc<dyn crate::storage::DiskFile> {
    use crate::storage::{Access, Disk};
    disk.open(name.as_ref(), Access::Write).unwrap()
}

/// An engine on a recording disk, with a journal beside it if there is a bound.
fn over_disk<E: Engine + 'static>(open: fn(&RecordingDisk) -> E, bound: Option<u64>) -> Opener {
    let disk = RecordingDisk::new();
    Box::new(move || {
        let engine = Box::new(open(&disk));
        let Some(bound) = bound else { return Storage::over(engine) };
        if let Ok(file) = disk.file("journal") {
            Journaled::<E>::create(&*file).unwrap();
        }
        Storage::journaled(engine, reopen(&disk, "journal"), bound).unwrap()
    })
}

/// One engine under several handles, one after the other.
#[derive(Debug)]
struct Shared<E>(Arc<E>);

impl<E: Engine> Engine for Shared<E> {
    fn snapshot(&self) -> Result<Box<dyn Reader>, crate::error::Error> {
        self.0.snapshot()
    }

    fn apply(&self, sequence: u64, batch: &[Op]) -> Result<(), crate::error::Error> {
        self.0.apply(sequence, batch)
    }

    fn applied(&self) -> Result<u64, crate::error::Error> {
        self.0.applied()
    }

    fn checkpoint(&self) -> Result<(), crate::error::Error> {
        self.0.checkpoint()
    }

    fn status(&self) -> Result<crate::storage::Status, crate::error::Error> {
        self.0.status()
    }
}

/// Few keys, so that they meet; some of them empty, and prefixes of each other.
pub(super) fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0_u8, 1, 7, 255]), 0..4)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..20),
        // Around the sizes at which engines begin to treat values differently.
        2 => (0_usize..70_000, any::<u8>()).prop_map(|(size, byte)| vec![byte; size]),
    ]
}

pub(super) fn batch() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        3 => (key(), value()).prop_map(|(key, value)| put(key, value)),
        1 => key().prop_map(delete),
    ];
    prop::collection::vec(op, 0..12)
}
