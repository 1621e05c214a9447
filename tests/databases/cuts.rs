//! P13 without chance: one session, cut at every byte of it, then completed.

use std::io::{self, Write as _};

use reunite::ids::ReplicaId;
use reunite::replicate::{Options, sync, sync_with};
use reunite::{Database, row};

const SCHEMA: &str = "
    CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT);
    CREATE TABLE orders (number INTEGER PRIMARY KEY, customer TEXT REFERENCES customer (code));
";

/// Small batches, so that a cut finds the session in the middle.
const BATCH_BYTES: usize = 120;

/// Cuts the session of two replicas after 0, 1, 2 … bytes until it is no longer cut.
pub fn cut_everywhere() {
    let mut cut = 0;
    let mut partly = 0;
    loop {
        let (a, b) = two_replicas();
        let before = [a.knowledge().unwrap(), b.knowledge().unwrap()];
        let options = Options { cut_after: Some(cut), batch_bytes: BATCH_BYTES, ..Options::default() };
        let result = sync_with(&a, &b, options);
        let after = [a.knowledge().unwrap(), b.knowledge().unwrap()];
        let complete = after[0] == after[1];
        partly += u64::from(after != before && !complete);
        for db in [&a, &b] {
            assert_eq!(db.check().unwrap(), Vec::new(), "cut after {cut} bytes");
        }
        sync(&a, &b).unwrap();
        assert_eq!(a.digest().unwrap(), b.digest().unwrap(), "cut after {cut} bytes, then completed");
        assert_eq!(conflicts(&a), conflicts(&b), "cut after {cut} bytes, then completed");
        assert_eq!(conflicts(&a).len(), 2, "the phone, and the order without a customer");
        if result.is_ok() {
            break;
        }
        cut += 1;
    }
    // Straight to the stream: the counts are shown even when the test passes.
    writeln!(io::stderr(), "cuts: a session cut after each of its {cut} bytes, {partly} times halfway")
        .expect("stderr is open");
    assert!(partly > 100, "the batches are too large to be interrupted");
}

/// Both changed one row, one deleted a row that the other one refers to, and each has rows of its own.
fn two_replicas() -> (Database, Database) {
    let [a, b] = [1, 2].map(|id| {
        let builder = Database::builder().sql(SCHEMA).unwrap();
        builder.replica_id(ReplicaId::from_bytes([id; 16])).in_memory().unwrap()
    });
    a.write(|tx| {
        tx.table("customer")?.insert(row! { code: "ANN", phone: "1" })?;
        tx.table("customer")?.insert(row! { code: "BOB", phone: "2" })
    })
    .unwrap();
    sync(&a, &b).unwrap();
    a.write(|tx| tx.table("customer")?.update("ANN", row! { phone: "3" })).unwrap();
    a.write(|tx| tx.table("customer")?.delete("BOB")).unwrap();
    b.write(|tx| tx.table("customer")?.update("ANN", row! { phone: "4" })).unwrap();
    b.write(|tx| tx.table("orders")?.insert(row! { number: 1, customer: "BOB" })).unwrap();
    for number in 10..14 {
        a.write(|tx| tx.table("orders")?.insert(row! { number: number })).unwrap();
        b.write(|tx| tx.table("customer")?.insert(row! { code: format!("C{number}") })).unwrap();
    }
    (a, b)
}

fn conflicts(db: &Database) -> Vec<reunite::db::ConflictRow> {
    db.read().unwrap().conflicts().unwrap()
}
