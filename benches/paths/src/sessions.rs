//! Whole sessions between two replicas in memory: of nothing, of a few changes, of all rows. What the application wrote
//! before is not measured.

use criterion::{BatchSize, Criterion};
use reunite::replicate::sync;
use reunite::{Database, row};

use crate::Outcome;
use crate::contacts::{ROWS, change, full, replica};

/// How many rows change between two sessions.
const CHANGED: u8 = 10;

pub fn measure(criterion: &mut Criterion) -> Outcome<()> {
    let (first, second) = (full()?, replica(2)?);
    let rows = session(&first, &second);
    if rows != 2 * ROWS.unsigned_abs() {
        return Err(format!("the first session brought {rows} rows").into());
    }
    let mut group = criterion.benchmark_group("session");
    group.bench_function("of nothing", |bencher| bencher.iter(|| session(&first, &second)));
    let mut writes = 0;
    let mut change = || {
        writes += 1;
        change(&first, 0..CHANGED.into(), &row! { phone: format!("+44 {writes}") }).expect("a write");
    };
    group.bench_function(format!("of {CHANGED} changed rows"), |bencher| {
        let routine = |()| assert_eq!(session(&first, &second), u64::from(CHANGED), "changed rows");
        bencher.iter_batched(&mut change, routine, BatchSize::PerIteration);
    });
    // The change log of the first replica has become long by now, and would be sent whole.
    let full = full()?;
    group.bench_function(format!("of all {} rows", 2 * ROWS), |bencher| {
        let empty = || replica(2).expect("a replica");
        bencher.iter_batched_ref(empty, |empty| session(&full, empty), BatchSize::PerIteration);
    });
    group.finish();
    Ok(())
}

/// How many rows a session brings from one to the other.
fn session(from: &Database, to: &Database) -> u64 {
    sync(to, from).expect("a session").first.received.rows
}
