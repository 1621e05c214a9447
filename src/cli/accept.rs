//! `accept`: a row that was refused may be as it is.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::json;

use super::output::Output;
use super::{key, open};

/// Accept a row that the reviewer of this replica refused
///
/// It is not asked about again, until a sync changes the row. `reviews` lists these rows.
#[derive(Debug, clap::Args)]
pub(super) struct Accept {
    /// The database
    dir: PathBuf,
    /// The table
    table: String,
    /// The row: its primary key, or a JSON object as {"email":"a@b.c"}
    key: String,
}

impl Accept {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::write(&self.dir)?;
        let schema = db.schema();
        let table = open::table(&schema, &self.table)?;
        let row = key::find(&db.read()?.table(&table.name)?, &self.key)?;
        if !db.accept(&table.name, row)? {
            bail!(
                "there is nothing to accept of {} in {}: `reviews` lists what there is",
                self.key,
                table.name
            );
        }
        db.close()?;
        output.either(json!({ "row": row.to_string() }), format!("accepted row {row}"))?;
        Ok(())
    }
}
