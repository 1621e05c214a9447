//! `increment`: adds to counters of one row.

use std::path::PathBuf;

use serde_json::json;

use super::output::Output;
use super::{key, open};

/// Add to counters of a row: columns of the table's option sum
#[derive(Debug, clap::Args)]
pub(super) struct Increment {
    /// The database
    dir: PathBuf,
    /// The table
    table: String,
    /// The row: its primary key, or a JSON object as {"email":"a@b.c"}
    key: String,
    /// What to add, as a JSON object: {"hits":1}
    by: String,
}

impl Increment {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::write(&self.dir)?;
        let schema = db.schema();
        let table = open::table(&schema, &self.table)?;
        let by = key::row(table, &self.by)?;
        let id = db.write(|tx| {
            let id = key::find(&tx.read_table(&table.name)?, &self.key)?;
            tx.table(&table.name)?.increment(id, by)?;
            anyhow::Ok(id)
        })?;
        db.close()?;
        output.either(json!({ "row": id.to_string() }), format!("updated row {id}"))?;
        Ok(())
    }
}
