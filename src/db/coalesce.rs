//! When rows that clash on a key become one: after a commit, and at the end of a session.

use std::sync::Arc;

use super::database::Database;
use crate::commit::{Stage, Writes, next_duplicate};
use crate::error::Error;
use crate::schema::Table;
use crate::storage::Durability;

/// How many rows are merged in one go. More than that are merged the next time.
const MOST: usize = 10_000;

impl Database {
    /// Makes one row of those that clash on keys whose duplicates merge. Every commit and every session does
    /// it by itself: this is for whoever does not want to wait for the next one, after a table was unlocked
    /// or when [`Database::merge_failure`] reports an error.
    ///
    /// ```
    /// # use reunite::Database;
    /// # let sql = "CREATE TABLE contact (email TEXT PRIMARY KEY) WITH (merge_duplicates = 'email')";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// db.merge_duplicates()?;
    /// assert!(db.merge_failure().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails. What was merged before stays.
    pub fn merge_duplicates(&self) -> Result<(), Error> {
        self.coalesce(self.durability())
    }

    /// Why duplicates could not be merged after the last commit of this handle, if that failed. The commit
    /// itself stands: it was stored before, and its caller was told so. The clashing rows stay parked and
    /// listed, and the next commit, session or [`Database::merge_duplicates`] tries again.
    ///
    /// See [`Database::merge_duplicates`] for an example.
    #[must_use]
    pub fn merge_failure(&self) -> Option<Arc<Error>> {
        self.failed_merge().lock().clone()
    }

    /// Merges duplicates after a commit, which stands whatever comes of it.
    pub(super) fn coalesce_after_commit(&self, durability: Durability) {
        if let Err(error) = self.coalesce(durability) {
            *self.failed_merge().lock() = Some(Arc::new(error));
        }
    }

    /// Makes one row of those that clash on a key whose duplicates merge, until none is left: merged rows may
    /// make keys of the rows equal that refer to them. Locked tables are left alone.
    pub(super) fn coalesce(&self, durability: Durability) -> Result<(), Error> {
        if self.is_read_only() || !self.schema().merges_duplicates() {
            return Ok(());
        }
        let mut merged = false;
        for _ in 0..MOST {
            let mut permit = self.permit();
            let base = self.snapshot()?;
            let free = |table: &Table| self.locks().check(table, None).is_ok();
            let Some(duplicate) = next_duplicate(&base, free)? else { break };
            let mut writes = Writes::new(&base, self.author(&permit))?;
            let now = self.tick(&mut permit);
            let changes = Stage::new(&base, &mut writes).coalesce(&duplicate, now)?;
            self.store(&base, &changes, permit, Durability::Eventual)?;
            merged = true;
        }
        if merged && durability == Durability::Immediate {
            self.make_durable()?;
        }
        *self.failed_merge().lock() = None;
        Ok(())
    }
}
