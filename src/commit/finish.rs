//! The end of a transaction: what it does to the visible state, and what to store.

use super::WriteError;
use super::stage::Stage;
use crate::codec::{MAX_ROW_BYTES, value_size};
use crate::derive::Delta;
use crate::error::Error;
use crate::store::{Changes, LOCAL};
use crate::version::{Hlc, Knowledge};

impl Stage<'_> {
    /// Looks up references, derives, applies the local rule, and returns what to store. On an error the
    /// transaction has to be dropped or rolled back.
    /// Everything in it is stamped `now`: a transaction that was open for long is as new as its commit.
    pub fn finish(mut self, now: Hlc) -> Result<Changes, WriteError> {
        self.check_restricted()?;
        self.resolve_references()?;
        self.check_sizes()?;
        self.writes.restamp(now);
        let delta = self.settle()?;
        Ok(self.to_store(delta, now))
    }

    /// What to store for a derivation of what was written.
    pub(super) fn to_store(&self, delta: Delta, now: Hlc) -> Changes {
        let mut taught = Knowledge::default();
        self.writes.changes().for_each(|(_, dot)| taught.cover(dot));
        let replicated = self.writes.changes().filter(|(_, dot)| dot.replica != LOCAL);
        let log = replicated.map(|(key, dot)| (dot, (now, key))).collect();
        let resolved = self.resolved(&delta);
        let undone = self.writes.undone.iter().map(|(_, conflict)| *conflict).collect();
        Changes { delta, log, taught, latest: now, resolved, undone, ..Changes::default() }
    }

    /// A row is sent whole, with what lost in it, so a single version of it must stay well below the
    /// greatest message.
    fn check_sizes(&self) -> Result<(), WriteError> {
        for (key, staged) in self.writes.all_staged() {
            let size: usize = staged.shown.iter().flat_map(|shown| shown.iter()).map(value_size).sum();
            if size > MAX_ROW_BYTES {
                let what = format!("row {} of table {}", key.row, self.table(key)?.name);
                return Err(Error::Limit { what, size: size as u64, limit: MAX_ROW_BYTES as u64 }.into());
            }
        }
        Ok(())
    }
}
