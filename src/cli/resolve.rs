//! `resolve`: settles a conflict. It is an ordinary write, and the next sync carries it on.

use std::path::PathBuf;

use serde_json::json;

use super::output::Output;
use super::{key, listing, open};
use crate::db::ResolveWith;
use crate::schema::Table;

/// Settle a conflict
///
/// The next syncs take the decision to all replicas.
#[derive(Debug, clap::Args)]
pub(super) struct Resolve {
    /// The database
    dir: PathBuf,
    /// The conflict's id, or its first characters
    conflict: String,
    #[command(subcommand)]
    how: How,
}

#[derive(Debug, clap::Subcommand)]
enum How {
    /// What is shown stays
    KeepWinner,
    /// What lost is shown instead
    KeepLoser,
    /// These values instead
    Set {
        /// A JSON object
        values: String,
    },
    /// The parked row gets another key
    Rename {
        /// A JSON object
        values: String,
    },
    /// The parked row is shown, and the row that holds its key is parked instead
    Prefer,
    /// The parked row refers to another row
    Reparent {
        /// A JSON object
        values: String,
    },
    /// The deleted row that is referred to is brought back
    RestoreParent,
    /// The parked row becomes the row that holds its key
    Merge,
    /// Both rows stay, and are not to be merged: with these values, if they clash
    KeepBoth {
        /// A JSON object
        #[arg(default_value = "{}")]
        values: String,
    },
    /// The parked row is deleted
    Delete,
    /// Nothing changes but that the conflict is no longer listed
    Dismiss,
}

impl Resolve {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::write(&self.dir)?;
        let conflict = listing::find(&db.read()?, &self.conflict)?;
        let schema = db.schema();
        let how = self.how.with(open::table(&schema, &conflict.table)?)?;
        db.write(|tx| tx.resolve(conflict.id, how))?;
        let left = db.read()?.conflict_statistics()?.total();
        db.close()?;
        let text = format!("settled; {} left", super::output::count(left, "open conflict"));
        output.either(json!({ "conflict": conflict.id.to_string(), "left": left }), text)?;
        Ok(())
    }
}

impl How {
    /// The same with values for the columns of the conflict's table.
    fn with(&self, table: &Table) -> anyhow::Result<ResolveWith> {
        Ok(match self {
            How::KeepWinner => ResolveWith::KeepWinner,
            How::KeepLoser => ResolveWith::KeepLoser,
            How::Set { values } => ResolveWith::Set(key::row(table, values)?),
            How::Rename { values } => ResolveWith::Rename(key::row(table, values)?),
            How::Prefer => ResolveWith::Prefer,
            How::Reparent { values } => ResolveWith::Reparent(key::row(table, values)?),
            How::RestoreParent => ResolveWith::RestoreParent,
            How::Merge => ResolveWith::Merge,
            How::KeepBoth { values } => ResolveWith::KeepBoth(key::row(table, values)?),
            How::Delete => ResolveWith::Delete,
            How::Dismiss => ResolveWith::Dismiss,
        })
    }
}
