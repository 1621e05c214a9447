//! `init`: a new database, or a new replica of one.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::json;

use super::output::Output;
use crate::db::Database;
use crate::storage::EngineKind;
use crate::version::Priority;

/// Make a database in a new directory
///
/// Without a schema it is an empty replica: it takes over database and schema from the first replica
/// that it syncs with.
#[derive(Debug, clap::Args)]
pub(super) struct Init {
    /// The directory to make
    dir: PathBuf,
    /// A file with CREATE TABLE statements
    schema: Option<PathBuf>,
    /// Sets databases apart that have the same schema: databases with equal schemas and equal names are
    /// replicas of one database
    #[arg(long, default_value = "")]
    name: String,
    /// The storage engine: redb, or sled if it was built in
    #[arg(long, default_value = "redb", value_parser = engine)]
    engine: EngineKind,
    /// The priority of this replica's changes, 0 to 100, in tables with the winner rule 'priority'
    #[arg(long, default_value = "50", value_parser = priority)]
    priority: Priority,
}

fn engine(name: &str) -> Result<EngineKind, String> {
    match EngineKind::from_name(name) {
        Some(EngineKind::Sled) if cfg!(not(feature = "sled")) => {
            Err("this program was built without sled: build it with --features cli,sled".to_string())
        }
        Some(engine) => Ok(engine),
        None => Err("the engines are redb and sled".to_string()),
    }
}

fn priority(text: &str) -> Result<Priority, String> {
    text.parse().ok().and_then(Priority::new).ok_or_else(|| "a priority is from 0 to 100".to_string())
}

impl Init {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let mut builder = Database::builder().name(&self.name).engine(self.engine).priority(self.priority);
        if let Some(file) = &self.schema {
            let sql = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            builder = builder.sql(&sql).with_context(|| file.display().to_string())?;
        }
        let db = builder.create(&self.dir)?;
        let tables = db.schema().tables().len();
        let report = json!({
            "replica": db.replica_id().to_string(),
            "database": db.database_id().map(|id| id.to_string()),
            "tables": tables,
        });
        let dir = self.dir.display();
        let text = match tables {
            0 => format!("{dir}: an empty replica. Sync it with another one to fill it."),
            tables => format!("{dir}: a new database with {}", super::output::count(tables as u64, "table")),
        };
        db.close()?;
        output.either(report, text)?;
        Ok(())
    }
}
