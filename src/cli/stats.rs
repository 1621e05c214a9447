//! `stats`: how many conflicts of which sort and age are open.

use std::path::PathBuf;

use serde_json::json;

use super::grid::Grid;
use super::open;
use super::output::{Output, count};

/// Count the open conflicts by table, kind, constraint and day
///
/// Nothing is counted for it: the numbers are kept with every change.
#[derive(Debug, clap::Args)]
pub(super) struct Stats {
    /// The database
    dir: PathBuf,
}

impl Stats {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::read(&self.dir)?;
        let snapshot = db.read()?;
        let conflicts = snapshot.conflict_statistics()?;
        if output.is_json() {
            for one in &conflicts.counts {
                output.object(&json!({
                    "table": one.table, "kind": one.kind.name(), "constraint": one.constraint,
                    "day": day(&one.day.to_string()), "conflicts": one.count,
                }))?;
            }
            return Ok(());
        }
        if !conflicts.counts.is_empty() {
            let mut grid = Grid::new(["table", "kind", "constraint", "conflicts", "oldest (UTC)"]);
            for one in conflicts.by_constraint() {
                let constraint = one.constraint.unwrap_or_else(|| "-".to_string());
                let oldest = day(&one.day.to_string());
                grid.row([one.table, one.kind.name().to_string(), constraint, one.count.to_string(), oldest]);
            }
            output.grid(&grid)?;
        }
        Ok(output.line(count(conflicts.total(), "open conflict"))?)
    }
}

/// The date of a time.
fn day(time: &str) -> String {
    time.chars().take(10).collect()
}
