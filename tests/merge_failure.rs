//! Merging duplicates when the storage fails: the commit before it stands, and nothing is forgotten.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use reunite::error::Error;
use reunite::ids::DatabaseId;
use reunite::replicate::sync;
use reunite::storage::testing::FailingEngine;
use reunite::storage::{MemoryEngine, Storage};
use reunite::{Database, row};

fn contacts(engine: &MemoryEngine, fails_at: u64) -> Result<Database, Error> {
    let sql = "CREATE TABLE contact (email TEXT PRIMARY KEY, name TEXT) WITH (merge_duplicates = 'email');
               CREATE TABLE note (text TEXT)";
    let engine = FailingEngine::new(engine.clone(), fails_at);
    let builder = Database::builder().database_id(DatabaseId::from_bytes([7; 16])).sql(sql).unwrap();
    builder.over(Storage::over(Box::new(engine)))
}

/// A commit stands though the duplicates could not be merged after it: the handle tells why. Duplicates that a
/// session has left are merged by the next commit.
#[test]
fn what_could_not_be_merged_is_told_and_merged_by_the_next_commit() {
    let (mut told, mut later) = (0, 0);
    for k in 1..60 {
        let engine = MemoryEngine::new();
        contacts(&engine, 0).unwrap();
        let Ok(db) = contacts(&engine, k) else { continue };
        let committed = db.write(|tx| tx.table("note")?.insert(row! { text: "kept" }));
        let failure = db.merge_failure();
        drop(db);
        let db = contacts(&engine, 0).unwrap();
        let kept = db.read().unwrap().table("note").unwrap().len().unwrap();
        assert!(kept == 1 || committed.is_err());
        if let Some(failure) = failure {
            told += 1;
            assert!(committed.is_ok() && matches!(&*failure, Error::Io { .. }), "{failure}");
        }
        db.write(|tx| tx.table("contact")?.insert(row! { email: "ann@x", name: "Ann" })).unwrap();
        drop(db);

        let other = contacts(&MemoryEngine::new(), 0).unwrap();
        other.write(|tx| tx.table("contact")?.insert(row! { email: "ann@x" })).unwrap();
        let Ok(db) = contacts(&engine, k) else { continue };
        let synced = sync(&db, &other);
        drop(db);
        let db = contacts(&engine, 0).unwrap();
        if !db.read().unwrap().conflicts().unwrap().is_empty() {
            later += 1;
            assert!(synced.is_err(), "the session says so");
            db.write(|tx| tx.table("note")?.insert(row! { text: "another" })).unwrap();
            assert!(db.merge_failure().is_none());
            assert_eq!(db.read().unwrap().conflicts().unwrap(), []);
            assert_eq!(db.check().unwrap(), []);
        }
    }
    assert!(told > 0 && later > 0, "{told} {later}");
}
