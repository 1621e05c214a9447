//! Opening and creating directories on the real file system.

use std::fs;
use std::path::Path;

use super::model::*;
use crate::error::Error;
use crate::storage::{EngineKind, Options, Storage};

fn create(path: &Path) -> Storage {
    Storage::create(path, EngineKind::Redb, Options::default()).unwrap()
}

fn open(path: &Path) -> Result<Storage, Error> {
    Storage::open(path, Options::default())
}

/// Every file with its bytes.
fn files(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap_or_default()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_database_is_made_and_found_again() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("db");
    let storage = create(&path);
    storage.append(&[put(b"k", b"v")]).unwrap();
    storage.close().unwrap();
    let names: Vec<_> = fs::read_dir(parent.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["db"], "nothing else is left");
    let storage = open(&path).unwrap();
    assert_eq!(storage.snapshot().unwrap().get(b"k").unwrap(), Some(b"v".to_vec()));
    let status = storage.status().unwrap();
    assert_eq!((status.name, status.sequence), ("redb", 1));
    assert!(status.disk_bytes > 0);
}

#[test]
fn an_existing_directory_is_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("db");
    fs::create_dir(&path).unwrap();
    create(&path).close().unwrap(); // An empty directory is as good as none.
    let before = files(&path);
    let error = Storage::create(&path, EngineKind::Redb, Options::default()).unwrap_err();
    assert!(matches!(&error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists));
    assert!(error.to_string().contains("db"), "{error}");
    assert!(files(&path) == before);
    assert_eq!(files(parent.path()).len(), 1);
}

#[test]
fn what_is_no_database_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, b"text").unwrap();
    for path in [parent.path().join("absent"), file, parent.path().to_path_buf()] {
        let before = files(parent.path());
        let error = open(&path).unwrap_err();
        assert!(matches!(&error, Error::NotADatabase { path: named, .. } if *named == path), "{error}");
        assert!(files(parent.path()) == before);
    }
}

#[test]
fn a_second_handle_is_refused_with_the_holder() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("db");
    let storage = create(&path);
    for error in [open(&path).unwrap_err(), Storage::open_read_only(&path).unwrap_err()] {
        assert!(matches!(&error, Error::AlreadyOpen { path: named, .. } if *named == path), "{error}");
        assert!(error.to_string().contains("in this process") && error.is_retryable(), "{error}");
    }
    storage.close().unwrap();
    let readers = [Storage::open_read_only(&path).unwrap(), Storage::open_read_only(&path).unwrap()];
    let error = open(&path).unwrap_err();
    assert!(error.to_string().contains("for reading only"), "{error}");
    drop(readers);
    open(&path).unwrap();
}

#[test]
fn missing_and_damaged_files_are_named_and_nothing_changes() {
    for name in ["LOCK", "MANIFEST", "journal", "data.redb"] {
        for damage in ["missing", "empty", "garbage"] {
            let parent = tempfile::tempdir().unwrap();
            let path = parent.path().join("db");
            let storage = create(&path);
            storage.append(&[put(b"k", b"v")]).unwrap();
            storage.close().unwrap();
            let file = path.join(name);
            match damage {
                "missing" => fs::remove_file(&file).unwrap(),
                "empty" => fs::write(&file, b"").unwrap(),
                _ => fs::write(&file, [0x5a; 9000]).unwrap(),
            }
            if name == "LOCK" && damage != "missing" {
                open(&path).unwrap(); // Its content is only for error messages.
                continue;
            }
            let before = files(&path);
            for error in [open(&path).unwrap_err(), Storage::open_read_only(&path).unwrap_err()] {
                let expected = matches!(error, Error::NotADatabase { .. } | Error::Corrupt { .. });
                assert!(expected && error.to_string().contains(name), "{name} {damage}: {error}");
            }
            assert!(files(&path) == before, "{name} {damage}: something changed");
        }
    }
}

#[test]
fn damage_within_the_engine_is_an_error_and_no_panic() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("db");
    let storage = create(&path);
    for n in 0..200_u32 {
        storage.append(&[put(n.to_be_bytes(), [n as u8; 300])]).unwrap();
    }
    storage.close().unwrap();
    let good = fs::read(path.join("data.redb")).unwrap();
    let mut refused = 0;
    for place in (0..64).chain((64..good.len()).step_by(good.len() / 60)) {
        let mut bad = good.clone();
        for byte in bad.iter_mut().skip(place).take(24) {
            *byte ^= 0xa5;
        }
        fs::write(path.join("data.redb"), &bad).unwrap();
        let read = || -> Result<usize, Error> {
            let storage = Storage::open_read_only(&path)?;
            let reader = storage.snapshot()?;
            let mut entries = 0;
            for entry in reader.range(&[], None)? {
                entry?;
                entries += 1;
            }
            Ok(entries)
        };
        refused += u32::from(read().is_err());
    }
    assert!(refused > 5, "{refused}");
}

#[test]
fn reading_only_shows_the_journal_and_writes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("db");
    let storage = create(&path);
    let mut model = Model::new();
    for n in 0..50_u8 {
        let batch = [put([n], vec![n; 2000])];
        storage.append(&batch).unwrap();
        apply(&mut model, &batch);
    }
    // As a killed process leaves it: the engine knows none of it, the journal all.
    let killed = parent.path().join("killed");
    fs::create_dir(&killed).unwrap();
    for (file, bytes) in files(&path) {
        fs::write(killed.join(Path::new(&file).file_name().unwrap()), bytes).unwrap();
    }
    let before = files(&killed);
    let reader = Storage::open_read_only(&killed).unwrap();
    assert_eq!(contents(&*reader.snapshot().unwrap()), model);
    assert!(matches!(reader.append(&[]), Err(Error::ReadOnly)));
    assert!(matches!(reader.checkpoint(), Err(Error::ReadOnly)));
    reader.close().unwrap();
    assert!(files(&killed) == before);
    let storage = open(&killed).unwrap();
    assert_eq!(contents(&*storage.snapshot().unwrap()), model);
}

#[test]
fn leftovers_of_a_creation_are_removed_by_the_next() {
    let parent = tempfile::tempdir().unwrap();
    let leftover = parent.path().join("db.tmp-1-0");
    fs::create_dir(&leftover).unwrap();
    fs::write(leftover.join("LOCK"), b"").unwrap();
    fs::write(leftover.join("journal"), b"").unwrap();
    create(&parent.path().join("db"));
    assert!(!leftover.exists());
}

#[cfg(not(feature = "sled"))]
#[test]
fn an_engine_that_was_not_built_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("db");
    let error = Storage::create(&path, EngineKind::Sled, Options::default()).unwrap_err();
    assert!(error.to_string().contains("sled"), "{error}");
    assert!(files(parent.path()).is_empty());
}
