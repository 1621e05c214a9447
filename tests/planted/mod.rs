//! The checks bite: each bug of `reunite::fault` is planted, and the histories have to fail.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use reunite::fault::{Bug, plant};

use crate::world::story::Suite;

/// A bug that survives so many histories counts as not caught.
const MOST_HISTORIES: u64 = 4000;

/// Plants one bug after the other and prints what saw it.
pub fn all_are_caught(databases: &Suite<'_>, derivation: &Suite<'_>, designs: &Suite<'_>) {
    let mut table =
        String::from("| planted bug | histories until it is caught | what sees it |\n|---|---|---|\n");
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        plant(Some(bug));
        let caught = match bug {
            Bug::SchemaByArrival | Bug::ColumnByName => designs.first_failure(MOST_HISTORIES),
            // What concerns derivation alone is seen sooner without a database.
            _ => databases
                .first_failure(MOST_HISTORIES / 20)
                .or_else(|| derivation.first_failure(MOST_HISTORIES))
                .or_else(|| databases.first_failure(MOST_HISTORIES)),
        };
        plant(None);
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
