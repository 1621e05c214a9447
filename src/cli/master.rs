//! `master`: who changes the schema.

use std::path::PathBuf;

use serde_json::json;

use super::open;
use super::output::Output;
use crate::ids::ReplicaId;

/// Print which replica is design master, or make another one it
///
/// The design master alone changes the schema, with `alter`.
#[derive(Debug, clap::Args)]
pub(super) struct Master {
    /// The database
    dir: PathBuf,
    /// Hand the role over to this replica: its id, which `status` prints
    #[arg(long, value_name = "REPLICA")]
    to: Option<ReplicaId>,
    /// Take the role by force, because the design master is gone for ever
    #[arg(long, conflicts_with = "to")]
    take: bool,
}

impl Master {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let writes = self.take || self.to.is_some();
        let db = if writes { open::write(&self.dir)? } else { open::read(&self.dir)? };
        if self.take {
            db.take_over_design()?;
        }
        if let Some(to) = self.to {
            db.hand_over_design(to)?;
        }
        let design = db.design();
        if writes {
            db.close()?;
        }
        let master = design.master.map(|master| master.to_string());
        let notices: Vec<String> = design.notices.iter().map(ToString::to_string).collect();
        let named = master.clone().unwrap_or_else(|| "nobody, until the first sync".to_string());
        let mut text = format!("design master: {named}");
        for notice in &notices {
            text.push_str(&format!("\nnotice: {notice}"));
        }
        output.either(json!({ "master": master, "term": design.term, "notices": notices }), text)?;
        Ok(())
    }
}
