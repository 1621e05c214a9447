//! What opening makes of a journal that is not as it was left.

use std::path::Path;
use std::sync::Arc;

use super::model::*;
use crate::error::Error;
use crate::storage::frame;
use crate::storage::testing::{Cut, RecordingDisk};
use crate::storage::{Access, Disk, DiskFile, Durability, Journaled, MemoryEngine, Storage};

const BOUND: u64 = 1 << 20;

fn journal() -> (RecordingDisk, Arc<dyn DiskFile>) {
    let disk = RecordingDisk::new();
    let file = disk.file("journal").unwrap();
    Journaled::<MemoryEngine>::create(&*file).unwrap();
    (disk, file)
}

fn open(engine: &MemoryEngine, file: &Arc<dyn DiskFile>) -> Result<Storage, Error> {
    Storage::journaled(Box::new(engine.clone()), Arc::clone(file), BOUND)
}

/// A journal of some commits, which no engine has seen: it begins with the first commit.
fn written(commits: u8) -> (RecordingDisk, Arc<dyn DiskFile>, Vec<u64>) {
    let (disk, file) = journal();
    let storage = open(&MemoryEngine::new(), &file).unwrap();
    let mut ends = vec![file.len().unwrap()];
    for number in 1..=commits {
        storage.append(&[put([number], [number; 20])]).unwrap();
        ends.push(file.len().unwrap());
    }
    std::mem::forget(storage); // Killed: no checkpoint is made.
    (disk, file, ends)
}

#[test]
fn a_killed_process_loses_nothing() {
    let (_, file, _) = written(9);
    let storage = open(&MemoryEngine::new(), &file).unwrap();
    assert_eq!(contents(&*storage.snapshot().unwrap()).len(), 9);
    assert_eq!(storage.latest().unwrap().sequence(), 9);
}

#[test]
fn a_torn_tail_is_cut_wherever_it_is_torn() {
    let (disk, file, ends) = written(5);
    for length in ends[0]..file.len().unwrap() {
        let image = disk.after_cut(disk.events(), Cut::Kept);
        let file = image.open(Path::new("journal"), Access::Write).unwrap();
        file.set_len(length).unwrap();
        let whole = ends.iter().filter(|end| **end <= length).count() - 1;
        let engine = MemoryEngine::new();
        let storage = open(&engine, &file).unwrap();
        assert_eq!(contents(&*storage.snapshot().unwrap()).len(), whole);
        assert_eq!(file.len().unwrap(), ends[whole], "what is torn must go");
        storage.append(&[put(b"next", b"")]).unwrap();
        std::mem::forget(storage);
        let storage = open(&MemoryEngine::new(), &file).unwrap();
        assert_eq!(contents(&*storage.snapshot().unwrap()).len(), whole + 1);
    }
}

#[test]
fn any_damaged_byte_ends_the_journal_or_is_refused() {
    let (disk, file, ends) = written(3);
    for place in 0..file.len().unwrap() {
        let image = disk.after_cut(disk.events(), Cut::Kept);
        let file = image.open(Path::new("journal"), Access::Write).unwrap();
        let mut byte = [0];
        file.read_at(place, &mut byte).unwrap();
        file.write_at(place, &[byte[0] ^ 0x40]).unwrap();
        let whole = ends.iter().filter(|end| **end <= place).count();
        match open(&MemoryEngine::new(), &file) {
            Ok(storage) => assert_eq!(contents(&*storage.snapshot().unwrap()).len(), whole - 1),
            Err(error) => assert!(whole == 0 && matches!(error, Error::Corrupt { .. }), "{error}"),
        }
    }
}

/// A frame of a lost commit must not continue the commits made after the crash.
#[test]
fn a_lost_commit_does_not_come_back() {
    let (_, file, ends) = written(3);
    // The second frame was torn, the third reached the disk; neither was acknowledged.
    file.write_at(ends[1] + 30, b"torn").unwrap();
    let storage = open(&MemoryEngine::new(), &file).unwrap();
    assert_eq!(storage.latest().unwrap().sequence(), 1);
    // The new second frame is as long as the old one, so that the third would follow it.
    storage.append(&[put([77], [77; 20])]).unwrap();
    std::mem::forget(storage);
    let storage = open(&MemoryEngine::new(), &file).unwrap();
    let keys: Vec<_> = contents(&*storage.snapshot().unwrap()).into_keys().collect();
    assert_eq!(keys, [vec![1], vec![77]]);
}

#[test]
fn sense_is_demanded_of_what_has_a_good_checksum() {
    for payload in
        [&[1, 0, 0, 0, 9, 0, 0, 0, 0][..], &[0, 0, 0, 0, 5], &[255; 4], &[1, 0, 0, 0, 1, 9, 0, 0, 0]]
    {
        let (_, file) = journal();
        let mut sum = crc32fast::Hasher::new();
        let mut covered = (payload.len() as u32).to_le_bytes().to_vec();
        covered.extend(1_u64.to_le_bytes());
        sum.update(&covered);
        sum.update(payload);
        let frame = [b"RFRM".as_slice(), &covered, &sum.finalize().to_le_bytes(), payload].concat();
        file.write_at(file.len().unwrap(), &frame).unwrap();
        let error = open(&MemoryEngine::new(), &file).unwrap_err();
        assert!(matches!(&error, Error::Corrupt { what } if what.contains("frame 1")), "{error}");
    }
}

#[test]
fn a_frame_that_does_not_follow_ends_the_journal() {
    let (_, file) = journal();
    let mut buffer = Vec::new();
    for sequence in [1, 2, 4] {
        frame::encode(sequence, &[put(sequence.to_be_bytes(), b"")], &mut buffer).unwrap();
        file.write_at(file.len().unwrap(), &buffer).unwrap();
    }
    let storage = open(&MemoryEngine::new(), &file).unwrap();
    assert_eq!(contents(&*storage.snapshot().unwrap()).len(), 2);
    assert_eq!(storage.latest().unwrap().sequence(), 2);
}

#[test]
fn a_gap_between_engine_and_journal_is_refused() {
    let (_, file, _) = written(2);
    let storage = open(&MemoryEngine::new(), &file).unwrap();
    storage.checkpoint().unwrap();
    storage.append(&[put(b"third", b"")]).unwrap();
    std::mem::forget(storage);
    // An engine that never saw the first two.
    let error = open(&MemoryEngine::new(), &file).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[test]
fn the_journal_stays_within_its_bound() {
    let (_, file) = journal();
    let storage = Storage::journaled(Box::new(MemoryEngine::new()), Arc::clone(&file), 5000).unwrap();
    for number in 0..500_u32 {
        storage.append(&[put(number.to_be_bytes(), [0; 100])]).unwrap();
        assert!(file.len().unwrap() < 6000 && storage.status().unwrap().journal_bytes < 5000);
    }
    // One huge commit does not leave it huge.
    storage.append(&[put(b"huge", vec![0; 100_000])]).unwrap();
    assert!(file.len().unwrap() < 6000);
    storage.close().unwrap();
    assert_eq!(file.len().unwrap(), 16);
}

#[test]
fn callers_that_wait_together_share_a_sync() {
    let (disk, file) = journal();
    let storage = open(&MemoryEngine::new(), &file).unwrap();
    let before = disk.operations();
    let tickets: Vec<_> = (0..50_u8).map(|key| storage.append(&[put([key], b"")]).unwrap()).collect();
    let written = disk.operations();
    for ticket in tickets.iter().rev() {
        storage.wait(*ticket, Durability::Immediate).unwrap();
    }
    assert_eq!((written - before, disk.operations() - written), (50, 1));
}

#[test]
fn many_threads_commit_and_wait() {
    let (_, file) = journal();
    let storage = Storage::journaled(Box::new(MemoryEngine::new()), file, 3000).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let storage = &storage;
            scope.spawn(move || {
                for number in 0..100_u8 {
                    let ticket = storage.append(&[put([thread, number], [0; 40])]).unwrap();
                    storage.wait(ticket, Durability::Immediate).unwrap();
                }
            });
        }
    });
    assert_eq!(contents(&*storage.snapshot().unwrap()).len(), 400);
    assert_eq!(storage.latest().unwrap().sequence(), 400);
}

#[test]
fn an_eventual_commit_is_synced_within_the_interval() {
    let (disk, file) = journal();
    disk.sync_dir(Path::new("")).unwrap();
    let storage = open(&MemoryEngine::new(), &file).unwrap();
    let ticket = storage.append(&[put(b"k", b"v")]).unwrap();
    storage.wait(ticket, Durability::Eventual).unwrap();
    let is_durable = || {
        let image = disk.after_cut(disk.events(), Cut::Kept);
        let lost = disk.after_cut(disk.events(), Cut::Lost);
        let length = |disk: &RecordingDisk| {
            disk.open(Path::new("journal"), Access::Read).map(|file| file.len().unwrap())
        };
        length(&lost).ok() == length(&image).ok()
    };
    let patience = std::thread::spawn(|| std::thread::sleep(Durability::INTERVAL * 8));
    while !is_durable() {
        assert!(!patience.is_finished(), "not synced");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
