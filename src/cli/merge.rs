//! `merge`: makes one row of two.

use std::path::PathBuf;

use serde_json::json;

use super::output::Output;
use super::{key, open};

/// Merge a row into another
///
/// What refers to the first row refers to the second one then, here and on all replicas. The second row
/// keeps its values, and takes those of the first where it has none.
#[derive(Debug, clap::Args)]
pub(super) struct Merge {
    /// The database
    dir: PathBuf,
    /// The table
    table: String,
    /// The row that goes: its primary key, or a JSON object as {"email":"a@b.c"}
    key: String,
    /// The row that stays
    into: String,
}

impl Merge {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::write(&self.dir)?;
        let schema = db.schema();
        let table = open::table(&schema, &self.table)?;
        let (row, into) = db.write(|tx| {
            let rows = tx.read_table(&table.name)?;
            let (row, into) = (key::find(&rows, &self.key)?, key::find(&rows, &self.into)?);
            tx.table(&table.name)?.merge(row, into)?;
            anyhow::Ok((row, into))
        })?;
        db.close()?;
        let text = format!("merged row {row} into row {into}");
        output.either(json!({ "row": row.to_string(), "into": into.to_string() }), text)?;
        Ok(())
    }
}
