//! `compact`: makes the files of a database as small as what they hold allows.

use std::path::PathBuf;

use serde_json::json;

use super::open;
use super::output::Output;

/// Make the files as small as what they hold allows
///
/// Closing a database does this by itself after much was written. It is of use after a process was killed, or
/// where one kept the database open for very long.
#[derive(Debug, clap::Args)]
pub(super) struct Compact {
    /// The database
    dir: PathBuf,
}

impl Compact {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::write(&self.dir)?;
        let before = db.status()?.disk_bytes;
        db.compact()?;
        let after = db.status()?.disk_bytes;
        db.close()?;
        if output.is_json() {
            return Ok(output.object(&json!({ "bytes_before": before, "bytes": after }))?);
        }
        let dir = self.dir.display();
        Ok(output.line(format!("{dir}: {after} bytes, {before} before"))?)
    }
}
