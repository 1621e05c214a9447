//! `undo`: takes back this replica's resolution of a conflict.

use std::path::PathBuf;

use serde_json::json;

use super::output::Output;
use super::{closed, open};

/// Take back this replica's last resolution of a conflict
///
/// The conflict is open again with both sides, though perhaps under another id; the next syncs take that to all
/// replicas. `closed` lists what can be taken back.
#[derive(Debug, clap::Args)]
pub(super) struct Undo {
    /// The database
    dir: PathBuf,
    /// The conflict's id, or its first characters
    conflict: String,
}

impl Undo {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::write(&self.dir)?;
        let conflict = closed::find(&db.read()?, &self.conflict)?.id;
        db.write(|tx| tx.undo(conflict))?;
        let open = db.read()?.conflicts()?.len() as u64;
        db.close()?;
        let text = format!("taken back; {}", super::output::count(open, "open conflict"));
        output.either(json!({ "conflict": conflict.to_string(), "open": open }), text)?;
        Ok(())
    }
}
