//! The self-check and the digest: clean on a database with every kind of conflict, and nothing that is
//! damaged byte by byte goes unnoticed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod corruptions;
mod digests;
mod histories;
mod world;

use std::sync::Arc;

use reunite::db::Database;
use reunite::derive::Kind;
use reunite::error::Error;
use reunite::row;
use reunite::storage::{MemoryEngine, Storage};
use reunite::store::MAX_CLOSED;
use reunite::value::Timestamp;
use reunite::version::ManualClock;

use world::{Bytes, World};

#[test]
fn a_database_with_every_kind_of_conflict_is_clean() {
    let world = World::new();
    let mut kinds: Vec<Kind> =
        world.a.read().unwrap().conflicts().unwrap().into_iter().map(|conflict| conflict.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let all = [
        Kind::Update,
        Kind::DeleteUpdate,
        Kind::UpdateDelete,
        Kind::Unique,
        Kind::DeleteRi,
        Kind::UpdateRi,
        Kind::ForeignKey,
        Kind::Validation,
    ];
    assert_eq!(kinds, all);
    for db in [&world.a, &world.b, &world.c] {
        assert_eq!(db.check().unwrap(), []);
    }
}

#[test]
fn resolving_and_writing_on_leaves_it_clean() {
    let world = World::new();
    let open = world.a.read().unwrap().conflicts().unwrap();
    for conflict in open {
        let _ = world.a.write(|tx| tx.dismiss(conflict.id));
        assert_eq!(world.a.check().unwrap(), []);
    }
    world.sync_all();
    assert_eq!(world.b.check().unwrap(), []);
}

#[test]
fn so_many_closed_conflicts_are_remembered_and_no_more() {
    let world = World::empty(&Arc::new(ManualClock::new(Timestamp(1_700_000_000_000_000))));
    let most = usize::try_from(MAX_CLOSED).unwrap();
    for db in [&world.a, &world.b] {
        let titles = (0..most + 10).map(|n| row! { title: format!("t{n}") });
        db.write(|tx| tx.table("task")?.insert_all(titles)).unwrap();
    }
    world.sync_all();
    let open = world.a.read().unwrap().conflicts().unwrap();
    let (first, last) = (open.first().unwrap().id, open.last().unwrap().id);
    // The first one has the first place, and loses it to the others, which are settled together.
    world.a.write(|tx| tx.dismiss(first)).unwrap();
    assert_eq!(world.a.read().unwrap().closed_conflicts().unwrap().len(), 1);
    world.a.write(|tx| open[1..].iter().try_for_each(|conflict| tx.dismiss(conflict.id))).unwrap();
    assert_eq!(world.a.read().unwrap().closed_conflicts().unwrap().len(), most);
    assert_eq!(world.a.check().unwrap(), []);
    let code = |conflict| world.a.write(|tx| tx.undo(conflict)).map_err(|error| error.code());
    assert_eq!((code(first), code(last)), (Err("not-applicable"), Ok(())));
    assert_eq!(world.a.check().unwrap(), []);
}

#[test]
fn every_corruption_is_found() {
    let world = World::new();
    let clean = world.bytes();
    assert_eq!(findings(clean.clone()), Vec::<String>::new());
    let mut missed = Vec::new();
    for corruption in corruptions::all() {
        let mut bytes = clean.clone();
        (corruption.plant)(&world, &mut bytes);
        assert!(bytes != clean, "{}: nothing was damaged", corruption.name);
        let found = findings(bytes);
        if !found.iter().any(|finding| finding.contains(corruption.says)) {
            missed.push(format!("{}: expected '{}' among {found:#?}", corruption.name, corruption.says));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// The keys of a database are folded by the tables of one version of Unicode. A program with others does not open
/// it, or it would miss some of them; where no text is folded so, it may.
#[test]
fn a_database_of_another_version_of_unicode_is_refused() {
    let opened = |sql: &str, alter: Option<&str>| {
        let engine = MemoryEngine::new();
        let over = |engine: &MemoryEngine| Database::builder().over(Storage::over(Box::new(engine.clone())));
        let builder = Database::builder().sql(sql).unwrap();
        let db = builder.over(Storage::over(Box::new(engine.clone()))).unwrap();
        alter.map_or(Ok(()), |sql| db.alter(sql).map(|_| ())).unwrap();
        drop(db);
        assert!(over(&engine).is_ok());
        let mut bytes = world::bytes_of(&engine);
        let meta = String::from_utf8(bytes[&vec![1]].clone()).unwrap();
        let other = meta.replace(r#""unicode":"16.0.0""#, r#""unicode":"15.1.0""#);
        assert_ne!(meta, other);
        bytes.insert(vec![1], other.into_bytes());
        let engine = MemoryEngine::new();
        world::fill(&engine, bytes);
        over(&engine).map(|_| ())
    };
    let plain = "CREATE TABLE word (text TEXT COLLATE NOCASE PRIMARY KEY)";
    let folded = "CREATE TABLE word (text TEXT COLLATE UNICODE_NOCASE PRIMARY KEY)";
    let later = "ALTER TABLE word ADD COLUMN other TEXT COLLATE UNICODE_NOCASE";
    assert!(opened(plain, None).is_ok());
    for refused in [opened(folded, None), opened(plain, Some(later))] {
        let Err(Error::Collation { collation, found, supported }) = refused else { panic!("{refused:?}") };
        assert_eq!([collation, found, supported], ["UNICODE_NOCASE", "15.1.0", "16.0.0"]);
    }
}

#[test]
fn no_entry_can_go_unnoticed() {
    let world = World::new();
    let clean = world.bytes();
    for key in clean.keys().filter(|key| key[0] != 1) {
        let mut bytes = clean.clone();
        bytes.remove(key);
        assert_ne!(findings(bytes), Vec::<String>::new(), "without {key:02x?}");
    }
}

#[test]
fn no_damaged_byte_makes_a_check_fail() {
    let world = World::new();
    let clean = world.bytes();
    for key in clean.keys().filter(|key| key[0] > 2) {
        for at in 0..clean[key].len() {
            for bit in [0, 3, 7] {
                let mut bytes = clean.clone();
                bytes.get_mut(key).unwrap()[at] ^= 1 << bit;
                findings(bytes);
            }
        }
    }
}

#[test]
fn findings_are_bounded() {
    let world = World::new();
    let mut bytes = world.bytes();
    for n in 0_u32..5000 {
        bytes.insert([vec![200], n.to_be_bytes().to_vec()].concat(), Vec::new());
    }
    assert_eq!(findings(bytes).len(), reunite::store::MAX_FINDINGS + 1);
}

/// What a check of these bytes finds.
fn findings(bytes: Bytes) -> Vec<String> {
    let engine = MemoryEngine::new();
    world::fill(&engine, bytes);
    let db = match Database::builder().over(Storage::over(Box::new(engine))) {
        Ok(db) => db,
        // Found before there was anything to check.
        Err(Error::Corrupt { what }) => return vec![what],
        Err(error) => panic!("{error}"),
    };
    db.check().unwrap().iter().map(ToString::to_string).collect()
}
