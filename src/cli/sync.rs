//! `sync`: brings two replicas of one disk together.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::json;

use super::open;
use super::output::{Output, count};
use crate::replicate::{Direction, Options, Policies, Progress, sync_with};
use crate::sync::SyncError;

/// Sync two replicas, both ways
///
/// Afterwards each knows what either knew. What was applied when a sync breaks off stays, and the next
/// one goes on from there.
#[derive(Debug, clap::Args)]
pub(super) struct Sync {
    /// A replica
    first: PathBuf,
    /// Another one
    second: PathBuf,
    /// One way: the first takes what the second knows
    #[arg(long)]
    pull: bool,
    /// What the replica that takes (both ways: the second) does about the conflicts that the sync brings:
    /// automatic, source-wins, destination-wins, merge, rename-source, rename-destination, skip, defer. May be
    /// given again for clashes of keys and for tables: collisions=merge, customer=skip
    #[arg(long, value_name = "POLICY")]
    policy: Vec<String>,
}

impl Sync {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let canonical = (self.first.canonicalize(), self.second.canonicalize());
        if matches!(&canonical, (Ok(first), Ok(second)) if first == second) {
            bail!("{} and {} are the same replica", self.first.display(), self.second.display());
        }
        let policies =
            Policies::spelled(self.policy.iter().map(String::as_str)).map_err(anyhow::Error::msg)?;
        let (first, second) = (open::write(&self.first)?, open::write(&self.second)?);
        let bar = output.progress(None, "syncing");
        let mut draw = |progress: Progress| bar.set_position(progress.bytes);
        let direction = if self.pull { Direction::Pull } else { Direction::Both };
        let options = Options { direction, policies, progress: Some(&mut draw), ..Options::default() };
        let summary = sync_with(&first, &second, options);
        bar.finish_and_clear();
        let summary = summary.map_err(|error| self.explain(error))?;
        let conflicts = first.read()?.conflict_statistics()?.total();
        let (to_first, to_second) = (summary.first.received.rows, summary.second.received.rows);
        let report = json!({
            "to_first": to_first,
            "to_second": to_second,
            "bytes": summary.bytes,
            "conflicts": conflicts,
            "decided": summary.decisions.made,
        });
        first.close()?;
        second.close()?;
        let text = format!(
            "{} to {}, {} to {}, {} on the way; {}",
            count(to_first, "row"),
            self.first.display(),
            count(to_second, "row"),
            self.second.display(),
            count(summary.bytes, "byte"),
            count(conflicts, "open conflict"),
        );
        output.either(report, text)?;
        Ok(())
    }

    /// Which two did not sync, and what can be done where the reason leaves only one thing.
    fn explain(&self, error: SyncError) -> anyhow::Error {
        let other = matches!(error, SyncError::WrongDatabase { .. });
        let hint = if other {
            " are not replicas of one database (`reunite init DIR` makes a new replica)"
        } else {
            ""
        };
        anyhow::Error::from(error).context(format!(
            "{} and {}{hint}",
            self.first.display(),
            self.second.display()
        ))
    }
}
