//! Random histories of several replicas, compared with the reference model after every step.

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

mod model;
#[cfg(feature = "testing")]
mod planted;
mod world;
mod databases;
mod designs;
mod derivation;
mod exhaustive;
mod policies;

use world::story::{Plan, Suite, number_from_environment};

/// Histories without a database.
const DERIVATIONS: Suite<'static> = Suite {
    file: "histories",
    name: "derivation",
    steps: 10..60,
    plan: Plan::new,
    run: &derivation::history,
};

/// Seeds that failed once: they are always run, first.
const KEPT: &str = include_str!("seeds.txt");

/// Histories of databases.
const DATABASES: Suite<'static> =
    Suite { file: "histories", name: "databases", steps: 8..40, plan: Plan::new, run: &databases::history };

/// Histories in which the schema changes.
const DESIGNS: Suite<'static> =
    Suite { file: "histories", name: "designs", steps: 10..50, plan: Plan::new, run: &designs::history };

#[test]
fn designs() {
    DESIGNS.run(KEPT, number_from_environment("HISTORIES").unwrap_or(1_000));
}

/// Histories of replicas whose sessions have policies.
const POLICIES: Suite<'static> =
    Suite { file: "histories", name: "policies", steps: 8..40, plan: Plan::new, run: &policies::history };

#[test]
fn policies() {
    POLICIES.run(KEPT, number_from_environment("HISTORIES").unwrap_or(5000));
}

/// Histories of databases whose policies decide one conflict at a time, beside the model.
const DECISIONS: Suite<'static> = Suite {
    file: "histories",
    name: "decisions",
    steps: 8..40,
    plan: Plan::new,
    run: &databases::decisions::history,
};

/// Histories of databases in which duplicates of some keys merge.
const DUPLICATES: Suite<'static> = Suite {
    file: "histories",
    name: "duplicates",
    steps: 8..40,
    plan: Plan::new,
    run: &databases::duplicates::history,
};

/// What a key's duplicate rule writes is what the model writes.
#[test]
fn duplicates() {
    DUPLICATES.run(KEPT, number_from_environment("HISTORIES").unwrap_or(2000));
}

/// What policies decide is what the model decides.
#[test]
fn decisions() {
    DECISIONS.run(KEPT, number_from_environment("HISTORIES").unwrap_or(5000));
}

#[test]
fn databases() {
    DATABASES.run(KEPT, number_from_environment("HISTORIES").unwrap_or(20_000));
}

/// One session is cut at every byte.
#[test]
fn cuts() {
    databases::cut_everywhere();
}

/// Every planted bug is seen, and soon.
#[cfg(feature = "testing")]
#[test]
fn planted_bugs_are_caught() {
    planted::all_are_caught(&[&DATABASES, &DERIVATIONS, &DESIGNS, &POLICIES, &DECISIONS, &DUPLICATES]);
}

#[test]
fn derivation() {
    DERIVATIONS.run(KEPT, number_from_environment("HISTORIES").unwrap_or(4000));
}

/// Every pair of operations, by two replicas that do not know of each other.
#[test]
fn pairs() {
    exhaustive::pairs();
}

/// Every triple of operations, by three replicas, in every order in which they can arrive.
#[test]
fn triples() {
    exhaustive::triples();
}
