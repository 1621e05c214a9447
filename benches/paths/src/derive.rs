//! The derivation of clean writes, those by which nothing is disputed: a transaction of 100 rows, beside some 2,000
//! others.

use std::hint::black_box;
use std::ops::Range;

use criterion::{Criterion, Throughput};
use reunite::derive::{Status, derive};
use reunite::{Database, row};

use crate::Outcome;
use crate::contacts::{ROWS, change, full, stored};
use crate::known::{Facts, Known};

/// The rows that are there before, and those of the transaction.
const OLD: Range<i64> = 0..ROWS - 100;
const WRITTEN: Range<i64> = ROWS - 100..ROWS;

pub fn measure(criterion: &mut Criterion) -> Outcome<()> {
    let db = full()?;
    let (contacts, orders) = (facts(&db, "contacts", WRITTEN)?, facts(&db, "orders", WRITTEN)?);
    let mut others = facts(&db, "contacts", OLD)?;
    others.append(&mut facts(&db, "orders", OLD)?);
    write(criterion, &db, "insert with a unique key", &others, &contacts)?;
    others.extend(contacts);
    write(criterion, &db, "insert with a foreign key", &others, &orders)?;
    others.extend(orders);
    change(&db, WRITTEN, &row! { phone: "+44 1" })?;
    write(criterion, &db, "update", &others, &facts(&db, "contacts", WRITTEN)?)
}

fn facts(db: &Database, table: &str, rows: Range<i64>) -> Outcome<Facts> {
    rows.map(|row| stored(db, table, row).map(|(key, stored)| (key, stored.facts))).collect()
}

fn write(
    criterion: &mut Criterion,
    db: &Database,
    name: &str,
    others: &Facts,
    written: &Facts,
) -> Outcome<()> {
    let schema = db.schema();
    let known = Known::new(&schema, others)?;
    let delta = derive(&schema, &known, written)?;
    let clean = delta.values().all(|row| row.derived.status == Status::Visible && row.conflicts.is_empty());
    if delta.len() != written.len() || !clean {
        return Err(format!("not a clean write: {name}").into());
    }
    let mut group = criterion.benchmark_group("derive 100 rows");
    group.throughput(Throughput::Elements(written.len() as u64));
    group.bench_function(name, |bencher| bencher.iter(|| derive(&schema, &known, black_box(written))));
    group.finish();
    Ok(())
}
