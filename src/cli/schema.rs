//! `schema`: the schema as SQL, as `init` reads it.

use std::path::PathBuf;

use serde_json::json;

use super::open;
use super::output::Output;

/// Print the schema as SQL
#[derive(Debug, clap::Args)]
pub(super) struct ShowSchema {
    /// The database
    dir: PathBuf,
}

impl ShowSchema {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let sql = open::read(&self.dir)?.schema().to_sql();
        output.either(json!({ "sql": sql }), sql.trim_end())?;
        Ok(())
    }
}
