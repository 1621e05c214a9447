//! When rows that clash on a key become one: after a commit, and at the end of a session.

use super::database::Database;
use crate::commit::{Stage, Writes, next_duplicate};
use crate::error::Error;
use crate::schema::{DuplicateRule, Schema, Table};
use crate::storage::Durability;

/// How many rows are merged in one go. More than that are merged the next time.
const MOST: usize = 10_000;

impl Database {
    /// Makes one row of those that clash on a key whose duplicates merge, until none is left: merged rows may
    /// make keys of the rows equal that refer to them. Locked tables are left alone.
    pub(super) fn coalesce(&self, durability: Durability) -> Result<(), Error> {
        if self.is_read_only() || !merges_duplicates(&self.schema()) {
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
        if merged && durability == Durability::Immediate { self.make_durable() } else { Ok(()) }
    }
}

fn merges_duplicates(schema: &Schema) -> bool {
    let mut keys = schema.tables().iter().flat_map(|table| &table.keys);
    keys.any(|key| key.duplicates == DuplicateRule::Merge)
}
