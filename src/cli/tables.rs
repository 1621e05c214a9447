//! `tables`: what tables there are, and how much is in them.

use std::path::PathBuf;

use serde_json::json;

use super::grid::Grid;
use super::open;
use super::output::Output;

/// List the tables with their rows and open conflicts
#[derive(Debug, clap::Args)]
pub(super) struct Tables {
    /// The database
    dir: PathBuf,
}

impl Tables {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::read(&self.dir)?;
        let snapshot = db.read()?;
        let conflicts = snapshot.conflict_statistics()?;
        let mut grid = Grid::new(["table", "rows", "conflicts"]);
        for table in snapshot.schema().tables() {
            let reading = snapshot.table(&table.name)?;
            let (rows, conflicts) = (reading.len()?, conflicts.in_table(&table.name));
            if output.is_json() {
                output.object(&json!({ "table": table.name, "rows": rows, "conflicts": conflicts }))?;
            } else {
                grid.row([table.name.clone(), rows.to_string(), conflicts.to_string()]);
            }
        }
        if !output.is_json() {
            output.grid(&grid)?;
        }
        Ok(())
    }
}
