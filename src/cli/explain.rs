//! `explain`: why a row shows what it shows.

use std::path::PathBuf;

use serde_json::json;

use super::grid::visible;
use super::output::Output;
use super::{key, open};
use crate::inspect::{self, Ids};

/// Explain a row: its values with those that lost, and what bars it if it is parked
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The database
    dir: PathBuf,
    /// The table
    table: String,
    /// The row: its primary key, a JSON object as {"email":"a@b.c"}, or, if it is parked, its row id
    key: String,
}

impl Explain {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::read(&self.dir)?;
        let snapshot = db.read()?;
        let table = &open::table(snapshot.schema(), &self.table)?.name;
        let row = key::find_known(&snapshot, table, &self.key)?;
        let text = inspect::explain(&snapshot, table, row, &Ids)?.unwrap_or_default();
        if output.is_json() {
            return Ok(output.object(&json!({ "explanation": text }))?);
        }
        Ok(text.lines().try_for_each(|line| output.line(visible(line)))?)
    }
}
