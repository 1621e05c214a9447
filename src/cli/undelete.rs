//! `undelete`: brings a row back.

use std::path::PathBuf;

use serde_json::json;

use super::open;
use super::output::Output;
use crate::ids::RowId;

/// Bring back a deleted row, or take a merged one out again
#[derive(Debug, clap::Args)]
pub(super) struct Undelete {
    /// The database
    dir: PathBuf,
    /// The table
    table: String,
    /// The row id, as `delete` and `merge` have printed it
    row: RowId,
}

impl Undelete {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::write(&self.dir)?;
        let schema = db.schema();
        let table = open::table(&schema, &self.table)?;
        db.write(|tx| tx.table(&table.name)?.undelete(self.row))?;
        db.close()?;
        output.either(json!({ "row": self.row.to_string() }), format!("brought back row {}", self.row))?;
        Ok(())
    }
}
