//! What is particular about sled; the rest is in the conformance tests.

use std::fs;
use std::path::Path;

use super::model::*;
use crate::error::Error;
use crate::storage::testing::RecordingDisk;
use crate::storage::{Access, Disk, Durability, Engine, EngineKind, Journaled, Options, SledEngine, Storage};

pub(super) fn subjects() -> Vec<(&'static str, Opener)> {
    vec![("sled", opener(None)), ("journaled sled", opener(Some(20_000)))]
}

fn open_engine(path: &Path) -> SledEngine {
    if path.exists() {
        SledEngine::open(path, CACHE).unwrap()
    } else {
        SledEngine::create(path, CACHE).unwrap()
    }
}

fn opener(bound: Option<u64>) -> Opener {
    let directory = tempfile::tempdir().unwrap();
    let disk = RecordingDisk::new();
    Journaled::<SledEngine>::create(&*disk.file("journal").unwrap()).unwrap();
    Box::new(move || {
        let engine = Box::new(open_engine(&directory.path().join("sled")));
        let journal = disk.open(Path::new("journal"), Access::Write).unwrap();
        match bound {
            None => Storage::over(engine),
            Some(bound) => Storage::journaled(engine, journal, bound).unwrap(),
        }
    })
}

#[test]
fn a_database_directory_over_sled() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("db");
    let storage = Storage::create(&path, EngineKind::Sled, Options::default()).unwrap();
    let ticket = storage.append(&[put(b"k", b"v")]).unwrap();
    storage.wait(ticket, Durability::Immediate).unwrap();
    assert!(matches!(Storage::open(&path, Options::default()), Err(Error::AlreadyOpen { .. })));
    storage.close().unwrap();
    // Unlike redb, sled has no way to be read without being written.
    assert!(Storage::open_read_only(&path).unwrap_err().to_string().contains("sled"));
    let storage = Storage::open(&path, Options::default()).unwrap();
    assert_eq!(storage.snapshot().unwrap().get(b"k").unwrap(), Some(b"v".to_vec()));
    assert_eq!(storage.status().unwrap().name, "sled");
    storage.close().unwrap();
    fs::write(path.join("sled/db"), b"").unwrap();
    assert!(matches!(Storage::open(&path, Options::default()), Err(Error::Corrupt { .. })));
}

#[test]
fn an_unfinished_snapshot_is_not_taken_for_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sled");
    let engine = open_engine(&path);
    engine.apply(1, &[put(b"k", b"v")]).unwrap();
    engine.checkpoint().unwrap();
    engine.close().unwrap();
    fs::write(path.join("snap.00000000000FFFFF.generating"), b"half").unwrap();
    let engine = open_engine(&path);
    assert_eq!(engine.snapshot().unwrap().get(b"k").unwrap(), Some(b"v".to_vec()));
}

#[test]
fn damage_is_an_error_and_no_panic() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sled");
    let engine = open_engine(&path);
    for n in 0..300_u32 {
        engine.apply(u64::from(n) + 1, &[put(n.to_be_bytes(), [n as u8; 200])]).unwrap();
    }
    engine.close().unwrap();
    let good = fs::read(path.join("db")).unwrap();
    for entry in fs::read_dir(&path).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            fs::remove_file(entry.path()).unwrap(); // Only a cache, which would hide the damage.
        }
    }
    for place in (0..good.len()).step_by(good.len() / 12) {
        let mut bad = good.clone();
        bad.iter_mut().skip(place).take(100).for_each(|byte| *byte ^= 0x5a);
        fs::write(path.join("db"), &bad).unwrap();
        let _ = SledEngine::open(&path, CACHE).and_then(|engine| {
            let reader = engine.snapshot()?;
            let read = reader.range(&[], None)?.try_for_each(|entry| entry.map(drop));
            engine.close()?;
            read
        });
    }
}

/// A commit of more operations than one sled batch takes is whole even if the process ends within
/// it: its frame is durable first, and replaying it over its first part gives all of it.
#[test]
fn a_large_commit_that_was_cut_short_is_completed() {
    let directory = tempfile::tempdir().unwrap();
    let disk = RecordingDisk::new();
    Journaled::<SledEngine>::create(&*disk.file("journal").unwrap()).unwrap();
    let open = |path: &Path| {
        let journal = disk.open(Path::new("journal"), Access::Write).unwrap();
        Storage::journaled(Box::new(open_engine(path)), journal, 1 << 30).unwrap()
    };
    let path = directory.path().join("sled");
    let storage = open(&path);
    let small = [put(7_u32.to_be_bytes(), vec![9; 50_000]), put(8_u32.to_be_bytes(), b"old")];
    storage.append(&small).unwrap();
    storage.close().unwrap();
    // As the crash leaves it: sled has a part of the next commit, the journal all of it.
    let part = directory.path().join("part");
    fs::create_dir(&part).unwrap();
    for entry in fs::read_dir(&path).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), part.join(entry.file_name())).unwrap();
    }
    let large: Vec<_> =
        (0..2000_u32).map(|key| put(key.to_be_bytes(), vec![1; (key % 90) as usize])).collect();
    let storage = open(&path);
    let before = disk.operations();
    storage.append(&large).unwrap();
    assert!(disk.operations() > before + 1, "the frame must be synced before sled has a part of it");
    std::mem::forget(storage);
    let engine = open_engine(&part);
    engine.apply(1, &large[..700]).unwrap(); // The number is still that of the commit before.
    engine.close().unwrap();
    drop(engine);
    let mut model = Model::new();
    apply(&mut model, &small);
    apply(&mut model, &large);
    assert!(contents(&*open(&part).snapshot().unwrap()) == model);
}
