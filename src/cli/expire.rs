//! `expire`: dismisses conflicts that nobody has settled for long.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use serde_json::json;

use super::open;
use super::output::{Output, count};
use crate::script::duration;

/// Dismiss old conflicts
///
/// What is visible stays; the next syncs take the dismissals to all replicas. Each can be taken back by `undo`.
#[derive(Debug, clap::Args)]
pub(super) struct Expire {
    /// The database
    dir: PathBuf,
    /// Those whose losing change is older than this: 90s, 10m, 12h, 30d
    #[arg(long, value_name = "AGE")]
    older_than: String,
}

impl Expire {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let micros = duration(&self.older_than).and_then(|micros| u64::try_from(micros).ok());
        let micros = micros
            .ok_or_else(|| anyhow!("'{}' is no age: write it like 90s, 12h or 30d", self.older_than))?;
        let db = open::write(&self.dir)?;
        let dismissed = db.write(|tx| tx.expire_conflicts(Duration::from_micros(micros)))?;
        let left = db.read()?.conflicts()?.len() as u64;
        db.close()?;
        let text =
            format!("{} dismissed; {} left", count(dismissed, "conflict"), count(left, "open conflict"));
        output.either(json!({ "dismissed": dismissed, "left": left }), text)?;
        Ok(())
    }
}
