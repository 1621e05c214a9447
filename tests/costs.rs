//! What calls cost, in entries read from the store: the same on every machine. That lists of conflicts
//! cost what they list cannot be seen in their answers.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use std::sync::Arc;

use reunite::db::{ConflictFilter, ReadTransaction, SeededRandom};
use reunite::derive::Kind;
use reunite::storage::testing::CountingEngine;
use reunite::storage::{MemoryEngine, Storage};
use reunite::value::Timestamp;
use reunite::version::ManualClock;
use reunite::{Database, replicate, row};

const SCHEMA: &str = "
CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT);
CREATE TABLE orders (number INTEGER PRIMARY KEY, customer TEXT REFERENCES customer (code));";
/// 2024-01-01T00:00:00Z.
const START: Timestamp = Timestamp(1_704_067_200_000_000);
const DAY: i64 = 86_400_000_000;
/// What ten conflicts may cost, in entries: for each its place, its list, its row with what that is merged
/// with, and the same of the row that holds the key.
const BOUND: u64 = 120;
/// What a write may cost to a row with two that were merged into it, in entries.
const WRITE_BOUND: u64 = 60;

/// Two replicas that made the same customers, on ten days; the first one counts what is read of it.
fn many_conflicts(conflicts: usize) -> (Database, CountingEngine<MemoryEngine>) {
    let engine = CountingEngine::new(MemoryEngine::new());
    let clock = Arc::new(ManualClock::new(START));
    let builder = |seed| {
        let builder = Database::builder().sql(SCHEMA).unwrap().random(SeededRandom::new(seed));
        builder.clock(Arc::<ManualClock>::clone(&clock))
    };
    let a = builder(1).over(Storage::over(Box::new(engine.clone()))).unwrap();
    let b = builder(2).in_memory().unwrap();
    for day in 0..10 {
        for db in [&a, &b] {
            let codes = (day * conflicts / 10)..((day + 1) * conflicts / 10);
            let rows = codes.map(|n| row! { code: format!("C{n}"), phone: db.replica_id().to_string() });
            db.write(|tx| tx.table("customer")?.insert_all(rows)).unwrap();
        }
        clock.advance(DAY);
    }
    a.write(|tx| tx.table("orders")?.insert(row! { number: 1 })).unwrap();
    replicate::pull(&b, &a).unwrap();
    for (db, customer) in [(&a, "C1"), (&b, "C2")] {
        db.write(|tx| tx.table("orders")?.update(1, row! { customer: customer })).unwrap();
    }
    replicate::sync(&a, &b).unwrap();
    engine.take_count();
    (a, engine)
}

/// What it costs to take ten of what a filter finds.
fn cost_of_ten(
    snapshot: &ReadTransaction,
    engine: &CountingEngine<MemoryEngine>,
    filter: &ConflictFilter,
    expected: usize,
) -> u64 {
    engine.take_count();
    let found: Vec<_> = snapshot.find_conflicts(filter).unwrap().take(10).collect::<Result<_, _>>().unwrap();
    assert_eq!(found.len(), expected, "{filter:?}");
    engine.take_count()
}

fn listing_costs_what_it_lists(conflicts: usize) {
    let (db, engine) = many_conflicts(conflicts);
    let snapshot = db.read().unwrap();
    let (new, total) = (ConflictFilter::new, conflicts as u64 + 1);
    let middle = Timestamp(START.0 + 5 * DAY);
    let statistics = snapshot.conflict_statistics().unwrap();
    let read = engine.take_count();
    assert_eq!((statistics.total(), read <= 30), (total, true), "{read} entries for the statistics");
    let filters = [
        (new(), 10),
        (new().table("customer"), 10),
        (new().kind(Kind::Unique).newer_than(middle), 10),
        (new().constraint("customer_pkey").older_than(middle), 10),
        // The one conflict of its kind among all others.
        (new().kind(Kind::Update), 1),
        (new().table("orders"), 1),
    ];
    for (filter, expected) in filters {
        let read = cost_of_ten(&snapshot, &engine, &filter, expected);
        assert!(read <= BOUND, "{read} entries for {filter:?}");
    }
    let half = snapshot.find_conflicts(&new()).unwrap().nth(conflicts / 2).unwrap().unwrap();
    let read = cost_of_ten(&snapshot, &engine, &new().after(half.place()), 10);
    assert!(read <= BOUND, "{read} entries for a page from the middle");
    engine.take_count();
    assert_eq!(snapshot.count_conflicts(&new().older_than(middle)).unwrap(), total.div_ceil(2) - 1);
    let read = engine.take_count();
    assert!(read <= 30, "{read} entries to count what is older");
}

#[test]
fn listing_ten_of_two_thousand_conflicts() {
    listing_costs_what_it_lists(2_000);
}

/// The same bounds: takes half a minute.
#[test]
#[ignore = "takes long and shows the same on more conflicts"]
fn listing_ten_of_a_hundred_thousand_conflicts() {
    listing_costs_what_it_lists(100_000);
}

/// A write to a row in a table with merged rows reads what the row is merged with, and does it once.
#[test]
fn a_write_beside_many_merged_rows() {
    let engine = CountingEngine::new(MemoryEngine::new());
    let builder = Database::builder().sql(SCHEMA).unwrap().random(SeededRandom::new(1));
    let clock = Arc::new(ManualClock::new(START));
    let db = builder.clock(clock).over(Storage::over(Box::new(engine.clone()))).unwrap();
    let codes = (0..300).map(|n| row! { code: format!("C{n}"), phone: "1" });
    db.write(|tx| tx.table("customer")?.insert_all(codes)).unwrap();
    db.write(|tx| {
        let mut customers = tx.table("customer")?;
        (100..300).try_for_each(|n| customers.merge(format!("C{n}"), format!("C{}", n % 100)))
    })
    .unwrap();
    engine.take_count();
    db.write(|tx| tx.table("customer")?.update("C7", row! { phone: "2" })).unwrap();
    let read = engine.take_count();
    assert!(read <= WRITE_BOUND, "{read} entries to write a row with two that were merged into it");
}
