//! `alter`: changes the schema.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::json;

use super::open;
use super::output::Output;

/// Change the schema: ALTER TABLE, CREATE TABLE, CREATE INDEX, DROP TABLE, DROP INDEX
///
/// Only the design master does, see `master`. Rows that break a new rule are parked and listed as
/// conflicts; they return when the rule goes. Other replicas take the change over at their next sync.
#[derive(Debug, clap::Args)]
pub(super) struct Alter {
    /// The database
    dir: PathBuf,
    /// The SQL
    #[arg(required_unless_present = "file")]
    sql: Option<String>,
    /// A file with the SQL
    #[arg(long, conflicts_with = "sql")]
    file: Option<PathBuf>,
}

impl Alter {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let sql = match (&self.sql, &self.file) {
            (Some(sql), _) => sql.clone(),
            (None, Some(file)) => {
                std::fs::read_to_string(file).with_context(|| file.display().to_string())?
            }
            (None, None) => String::new(),
        };
        let db = open::write(&self.dir)?;
        let before = db.read()?.conflict_statistics()?.total();
        db.alter(&sql)?;
        let now = db.read()?.conflict_statistics()?.total();
        db.close()?;
        let text =
            format!("changed the schema; {} (before: {before})", super::output::count(now, "open conflict"));
        output.either(json!({ "conflicts": now, "conflicts_before": before }), text)?;
        Ok(())
    }
}
