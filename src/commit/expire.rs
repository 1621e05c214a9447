//! Dismissing conflicts that nobody has settled for long. Dismissals are writes and replicate; nothing goes
//! away on a timer of one replica.

use std::time::Duration;

use super::WriteError;
use super::resolve::Resolution;
use super::stage::Stage;
use crate::error::Error;
use crate::ids::ConflictId;
use crate::store::Listed;
use crate::version::Hlc;

impl Stage<'_> {
    /// Dismisses the open conflicts whose losing change is older than `age`; returns how many.
    pub fn expire(&mut self, age: Duration) -> Result<u64, WriteError> {
        let age = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
        let Some(latest) = self.writes.author.hlc.0.checked_sub(age) else { return Ok(0) };
        let expired = self.older_than(Hlc(latest))?;
        let mut count = 0;
        for id in expired {
            self.resolve(id, &Resolution::Dismiss)?;
            count += 1;
        }
        Ok(count)
    }

    /// By table, row and id. Reads only those that it finds.
    fn older_than(&self, latest: Hlc) -> Result<Vec<ConflictId>, Error> {
        let mut expired = Vec::new();
        for table in self.schema().tables() {
            let mut of_table = Vec::new();
            for group in self.base.conflict_groups(table.id)? {
                for listed in self.base.conflicts_by_age(group, &(Hlc(0)..latest), None)? {
                    let Listed { age: (_, id), row, .. } = listed?;
                    of_table.push((row, id));
                }
            }
            of_table.sort_unstable();
            expired.extend(of_table.into_iter().map(|(_, id)| id));
        }
        Ok(expired)
    }
}
