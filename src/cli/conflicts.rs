//! `conflicts`: what lost, to whom, and why.

use std::path::PathBuf;

use super::output::{Output, count};
use super::{listing, open};
use crate::inspect::Ids;

/// List the open conflicts
///
/// Every replica that knows the same lists the same. Each conflict has an id; its first characters are
/// enough for --id and for `resolve`.
#[derive(Debug, clap::Args)]
pub(super) struct Conflicts {
    /// The database
    dir: PathBuf,
    /// Only those of this table
    table: Option<String>,
    /// Print the one conflict whose id begins so, with both sides and what can be done
    #[arg(long, value_name = "ID", conflicts_with = "table")]
    id: Option<String>,
}

impl Conflicts {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::read(&self.dir)?;
        let snapshot = db.read()?;
        if let Some(id) = &self.id {
            let conflict = listing::find(&snapshot, id)?;
            if output.is_json() {
                return Ok(output.object(&listing::json_of(&conflict, &Ids))?);
            }
            let (head, grid, choices) = listing::detail(&snapshot, &conflict, &listing::ShortIds)?;
            head.iter().try_for_each(|line| output.line(line))?;
            output.grid(&grid)?;
            return Ok(output.line(choices)?);
        }
        let table = self.table.as_deref().map(|name| open::table(snapshot.schema(), name)).transpose()?;
        let conflicts = listing::sorted(&snapshot, table.map(|table| table.name.as_str()))?;
        if output.is_json() {
            return Ok(conflicts.iter().try_for_each(|c| output.object(&listing::json_of(c, &Ids)))?);
        }
        if !conflicts.is_empty() {
            output.grid(&listing::grid(&snapshot, &conflicts, &listing::ShortIds, true)?)?;
        }
        Ok(output.line(count(conflicts.len() as u64, "open conflict"))?)
    }
}
