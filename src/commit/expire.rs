//! Dismissing conflicts that nobody has settled for long. Dismissals are writes and replicate; nothing goes
//! away on a timer of one replica.

use std::time::Duration;

use super::WriteError;
use super::resolve::Resolution;
use super::stage::Stage;
use crate::error::Error;
use crate::ids::ConflictId;
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

    fn older_than(&self, latest: Hlc) -> Result<Vec<ConflictId>, Error> {
        let mut expired = Vec::new();
        for table in self.schema().tables() {
            for entry in self.base.conflicts(table.id)? {
                for conflict in entry?.1 {
                    if conflict.at < latest {
                        expired.push(conflict.id);
                    }
                }
            }
        }
        Ok(expired)
    }
}
