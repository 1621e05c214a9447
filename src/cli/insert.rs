//! `insert`: one row by hand.

use std::path::PathBuf;

use serde_json::json;

use super::output::Output;
use super::{key, open};

/// Insert a row
#[derive(Debug, clap::Args)]
pub(super) struct Insert {
    /// The database
    dir: PathBuf,
    /// The table
    table: String,
    /// The row as a JSON object; columns it does not name have their default
    row: String,
}

impl Insert {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::write(&self.dir)?;
        let schema = db.schema();
        let table = open::table(&schema, &self.table)?;
        let row = key::row(table, &self.row)?;
        let id = db.write(|tx| tx.table(&table.name)?.insert(row))?;
        db.close()?;
        output.either(json!({ "row": id.to_string() }), format!("inserted row {id}"))?;
        Ok(())
    }
}
