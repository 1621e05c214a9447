//! `status`: what this replica is and how it is.

use std::path::PathBuf;

use serde_json::json;

use super::grid::Grid;
use super::open;
use super::output::Output;

/// Print the ids, the knowledge and the size of a replica
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// The database
    dir: PathBuf,
}

impl Status {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::read(&self.dir)?;
        let snapshot = db.read()?;
        let storage = db.status()?;
        let mut rows = 0;
        for table in snapshot.schema().tables() {
            rows += snapshot.table(&table.name)?.len()?;
        }
        let conflicts = snapshot.conflict_statistics()?.total();
        let knowledge = snapshot.knowledge()?;
        let (replica, database) = (db.replica_id().to_string(), db.database_id().map(|id| id.to_string()));
        let disk = storage.disk_bytes + storage.journal_bytes;
        let design = db.design();
        let master = design.master.map(|master| master.to_string());
        let notices: Vec<String> = design.notices.iter().map(ToString::to_string).collect();
        if output.is_json() {
            let knowledge: serde_json::Map<String, serde_json::Value> =
                knowledge.iter().map(|(replica, seq)| (replica.to_string(), seq.into())).collect();
            return Ok(output.object(&json!({
                "replica": replica, "database": database, "engine": storage.name, "rows": rows,
                "conflicts": conflicts, "disk_bytes": disk, "design_master": master, "notices": notices, "knowledge": knowledge,
            }))?);
        }
        let mut grid = Grid::new(["what", "value"]);
        grid.row(["replica".to_string(), replica]);
        let empty = || "none until the first sync".to_string();
        grid.row(["database".to_string(), database.unwrap_or_else(empty)]);
        grid.row(["engine".to_string(), storage.name.to_string()]);
        grid.row(["rows".to_string(), rows.to_string()]);
        grid.row(["open conflicts".to_string(), conflicts.to_string()]);
        grid.row(["bytes on disk".to_string(), disk.to_string()]);
        grid.row(["design master".to_string(), master.unwrap_or_else(empty)]);
        for notice in notices {
            grid.row(["notice".to_string(), notice]);
        }
        for (replica, seq) in knowledge.iter() {
            let own = if replica == db.replica_id() { " (this one)" } else { "" };
            grid.row(["knows".to_string(), format!("{seq} changes of {replica}{own}")]);
        }
        Ok(output.grid(&grid)?)
    }
}
