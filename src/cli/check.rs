//! `check`: everything that is stored, against everything else.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::json;

use super::grid::visible;
use super::open;
use super::output::{Output, count};

/// Check everything that is stored
///
/// Reads the whole database and derives it anew. Prints what is wrong; the exit status is 1 then.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The database
    dir: PathBuf,
}

impl Check {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::read(&self.dir)?;
        let findings = db.check()?;
        let dir = self.dir.display();
        if output.is_json() {
            let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
            output.object(&json!({ "findings": texts }))?;
        } else if findings.is_empty() {
            output.line(format!("{dir}: nothing is wrong"))?;
        } else {
            findings.iter().try_for_each(|finding| output.line(visible(&finding.to_string())))?;
        }
        if findings.is_empty() {
            return Ok(());
        }
        let wrong = count(findings.len() as u64, "thing");
        bail!("{dir}: {wrong} wrong: restore a backup, or make a new replica and sync it with a sound one")
    }
}
