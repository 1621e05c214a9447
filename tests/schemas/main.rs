//! Random histories over random schemas: composite keys, keys that follow other keys, references by
//! value, cycles, every action, every type and collation.
//!
//! No model is here that says what a conflict must look like: `tests/histories.rs` has one, over three
//! tables. Here a database is compared with itself (derived from scratch, read by every index, under
//! another order of sessions) and with SQLite.
//!
//! A replica alone runs the same statements in SQLite. Where the two differ on purpose is said in
//! `alone.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a test stops where something is not as expected"
)]

mod alone;
mod draft;
mod found;
mod oracles;
// The random numbers of the other histories.
#[path = "../world/random.rs"]
#[allow(dead_code, reason = "this test needs less of it")]
mod random;
mod reads;
mod sessions;
mod sqlite;
mod statement;
// How histories are run.
#[path = "../world/story.rs"]
#[allow(dead_code, reason = "this test needs less of it")]
mod story;
mod transaction;
mod values;
mod view;
mod world;

use std::ops::Range;

use random::Random;
use story::{Phase, Plan, Step, Suite, number_from_environment};

/// Seeds that failed once: they are always run, first.
const KEPT: &str = include_str!("seeds.txt");

/// Several replicas that sync.
const REPLICAS: Suite<'static> =
    Suite { file: "schemas", name: "replicas", steps: 10..50, plan, run: &world::history };

/// One replica beside SQLite.
const ALONE: Suite<'static> =
    Suite { file: "schemas", name: "alone", steps: 10..40, plan, run: &alone::history };

/// What replicas have in common they make first. Kept seeds depend on these numbers.
fn plan(seed: u64, steps: Range<usize>) -> Plan {
    let mut random = Random::new(seed ^ 0x5EED);
    let length = steps.start + random.below(steps.len());
    let shared = if random.chance(75) { 2 + random.below(6) } else { 0 };
    let step = |at| {
        let phase = if at < shared { Phase::Grow } else { Phase::Live };
        Step { phase, seed: random.next() & !1 | u64::from(at < shared) }
    };
    Plan { seed, steps: (0..length).map(step).collect() }
}

#[test]
fn replicas() {
    REPLICAS.run(KEPT, number_from_environment("HISTORIES").unwrap_or(400));
}

#[test]
fn alone() {
    ALONE.run(KEPT, number_from_environment("HISTORIES").unwrap_or(600));
}
