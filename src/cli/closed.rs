//! `closed`: conflicts that are no longer open, who closed them, and what can be taken back.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::{Value as Json, json};

use super::grid::{Grid, visible};
use super::listing::{SHORTEST_ID, ShortIds};
use super::open;
use super::output::{Output, count};
use crate::db::{ClosedConflict, ReadTransaction};
use crate::inspect::Names;

/// List the conflicts that are closed, the newest first
///
/// Says who closed each, and which of them `undo` can open again here. A replica remembers the last 4096.
#[derive(Debug, clap::Args)]
pub(super) struct Closed {
    /// The database
    dir: PathBuf,
}

impl Closed {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let conflicts = open::read(&self.dir)?.read()?.closed_conflicts()?;
        if output.is_json() {
            return Ok(conflicts.iter().try_for_each(|c| output.object(&json_of(c)))?);
        }
        if !conflicts.is_empty() {
            output.grid(&grid(&conflicts, &ShortIds))?;
        }
        Ok(output.line(count(conflicts.len() as u64, "closed conflict"))?)
    }
}

/// The conflict whose id begins so, and which is no longer open.
pub(super) fn find(snapshot: &ReadTransaction, prefix: &str) -> anyhow::Result<ClosedConflict> {
    let prefix = prefix.to_ascii_lowercase();
    let mut found = snapshot.closed_conflicts()?;
    found.retain(|conflict| conflict.id.to_string().starts_with(&prefix));
    let several = found.len();
    match found.pop() {
        Some(conflict) if several == 1 && !prefix.is_empty() => Ok(conflict),
        Some(_) => bail!("{several} closed conflicts have ids that begin with '{prefix}': write more of it"),
        None => bail!("no closed conflict {prefix} is remembered here; open ones need no undoing"),
    }
}

/// A conflict that is no longer open, as JSON.
fn json_of(closed: &ClosedConflict) -> Json {
    json!({
        "conflict": closed.id.to_string(),
        "table": closed.table,
        "row": closed.row.to_string(),
        "by": closed.by.to_string(),
        "at": closed.at.to_string(),
        "can_be_undone": closed.can_be_undone,
    })
}

/// A table of conflicts that are no longer open.
fn grid(conflicts: &[ClosedConflict], names: &dyn Names) -> Grid {
    let mut grid = Grid::new(["id", "table", "closed by", "at (UTC)", "undo"]);
    let ids: Vec<String> = conflicts.iter().map(|conflict| conflict.id.to_string()).collect();
    let width = distinct(&ids);
    for (conflict, id) in conflicts.iter().zip(&ids) {
        grid.row([
            id.chars().take(width).collect(),
            visible(&conflict.table),
            names.replica(conflict.by),
            conflict.at.to_string().chars().take(16).collect(),
            if conflict.can_be_undone { "possible" } else { "-" }.to_string(),
        ]);
    }
    grid
}

/// How many characters tell all ids apart.
fn distinct(ids: &[String]) -> usize {
    let mut sorted: Vec<&String> = ids.iter().collect();
    sorted.sort();
    let shared = sorted.windows(2).filter_map(|pair| match pair {
        [a, b] => Some(a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count() + 1),
        _ => None,
    });
    shared.max().unwrap_or(0).max(SHORTEST_ID)
}
