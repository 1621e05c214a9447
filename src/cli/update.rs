//! `update`: some columns of one row by hand.

use std::path::PathBuf;

use serde_json::json;

use super::output::Output;
use super::{key, open};
use crate::row::Version;

/// Change columns of a row
#[derive(Debug, clap::Args)]
pub(super) struct Update {
    /// The database
    dir: PathBuf,
    /// The table
    table: String,
    /// The row: its primary key, or a JSON object as {"email":"a@b.c"}
    key: String,
    /// The new values as a JSON object
    to: String,
    /// Settle the open conflicts about these columns with the new values
    #[arg(long, conflicts_with = "if_version")]
    force: bool,
    /// Only if the row is still as it was when `version` printed this
    #[arg(long, value_name = "VERSION")]
    if_version: Option<Version>,
}

impl Update {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::write(&self.dir)?;
        let schema = db.schema();
        let table = open::table(&schema, &self.table)?;
        let row = key::row(table, &self.to)?;
        let id = db.write(|tx| {
            let id = key::find_as_seen(&tx.read_table(&table.name)?, &self.key, self.if_version.as_ref())?;
            let mut table = tx.table(&table.name)?;
            match &self.if_version {
                Some(version) => table.update_if(id, version, row),
                None if self.force => table.update_forced(id, row),
                None => table.update(id, row),
            }?;
            anyhow::Ok(id)
        })?;
        db.close()?;
        output.either(json!({ "row": id.to_string() }), format!("updated row {id}"))?;
        Ok(())
    }
}
