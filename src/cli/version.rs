//! `version`: the version of a row, for a later `update` or `delete` with `--if-version`.

use std::path::PathBuf;

use serde_json::json;

use super::output::Output;
use super::{key, open};

/// Show the version of a row, for --if-version of update and delete
#[derive(Debug, clap::Args)]
pub(super) struct ShowVersion {
    /// The database
    dir: PathBuf,
    /// The table
    table: String,
    /// The row: its primary key, or a JSON object as {"email":"a@b.c"}
    key: String,
}

impl ShowVersion {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::read(&self.dir)?;
        let snapshot = db.read()?;
        let table = snapshot.table(&self.table)?;
        let row = key::find(&table, &self.key)?;
        let version = table.version(row)?.map(|version| version.to_string()).unwrap_or_default();
        output.either(json!({ "row": row.to_string(), "version": version }), &version)?;
        Ok(())
    }
}
