//! The checks bite: each bug of `reunite::fault` is planted, and the histories have to fail.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use reunite::fault::{Bug, plant};

use crate::world::story::{Failure, Suite};

/// A bug that survives so many histories counts as not caught.
const MOST_HISTORIES: u64 = 4000;

/// The bugs whose names `PLANTED` has, or all.
#[expect(clippy::disallowed_methods, reason = "a test, not the library")]
fn chosen() -> Vec<Bug> {
    let only = std::env::var("PLANTED").ok();
    let named =
        |bug: &Bug| only.as_ref().is_none_or(|only| only.split(',').any(|name| name == format!("{bug:?}")));
    Bug::ALL.into_iter().filter(named).collect()
}

/// Plants one bug after the other and prints what saw it. Bugs are planted on one thread, so each processor has its own.
pub fn all_are_caught(suites: &[&Suite<'_>]) {
    let (bugs, next, caught) = (chosen(), AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(bug) = bugs.get(at) else { break };
                    let by = first_failure(*bug, suites);
                    caught.lock().unwrap().insert(at, by);
                }
            });
        }
    });
    let mut table =
        String::from("| planted bug | histories until it is caught | what sees it |\n|---|---|---|\n");
    let mut missed = Vec::new();
    for (bug, caught) in bugs.iter().zip(caught.into_inner().unwrap().into_values()) {
        match caught {
            Some((histories, failure)) => {
                let what = failure.0.split([':', '{', '[']).next().unwrap_or_default();
                let what = what.split(" in RowKey").next().unwrap_or_default().trim();
                writeln!(table, "| `{bug:?}` | {histories} | {what} |").expect("a text grows");
            }
            None => missed.push(bug),
        }
    }
    // Straight to the stream: the table is shown even when the test passes.
    write!(io::stderr(), "{table}").expect("stderr is open");
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// How many histories it takes until one sees the bug, and how.
fn first_failure(bug: Bug, suites: &[&Suite<'_>]) -> Option<(u64, Failure)> {
    plant(Some(bug));
    let caught = who_sees(bug).into_iter().find_map(|(name, most)| {
        let suite = suites.iter().find(|suite| suite.name == name).expect("a suite of this name");
        suite.first_failure(most)
    });
    plant(None);
    caught
}

/// The suites that are asked, and for how many histories.
fn who_sees(bug: Bug) -> Vec<(&'static str, u64)> {
    match bug {
        Bug::SchemaByArrival | Bug::ColumnByName | Bug::ConstraintByName => vec![("designs", MOST_HISTORIES)],
        Bug::DecideDecisions | Bug::DecideTwice | Bug::DecideInPlace => {
            vec![("policies", MOST_HISTORIES / 10), ("decisions", MOST_HISTORIES)]
        }
        // Rows that are merged twice at once are more frequent where no rule binds the changes.
        Bug::AbsorbedByWinner => vec![("derivation", MOST_HISTORIES), ("databases", MOST_HISTORIES)],
        Bug::RuleOnce | Bug::RuleOfOneRow | Bug::RuleForgetsMerges => {
            vec![("duplicates", MOST_HISTORIES)]
        }
        Bug::DecideForOthers => vec![("decisions", MOST_HISTORIES)],
        Bug::RefusedOnce => vec![("policies", MOST_HISTORIES)],
        // A short look at each first: most bugs are seen at once by one of them.
        _ => vec![
            ("databases", MOST_HISTORIES / 20),
            ("derivation", MOST_HISTORIES / 20),
            ("databases", MOST_HISTORIES),
            ("derivation", MOST_HISTORIES),
        ],
    }
}
