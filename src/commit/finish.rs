//! The end of a transaction: what it does to the visible state, and what to store.

use super::WriteError;
use super::stage::Stage;
use crate::store::{Changes, LOCAL};
use crate::version::Knowledge;

impl Stage<'_> {
    /// Looks up references, derives, applies the local rule, and returns what to store. On an error the
    /// transaction has to be dropped or rolled back.
    pub fn finish(mut self) -> Result<Changes, WriteError> {
        self.resolve_references()?;
        let delta = self.settle()?;
        let hlc = self.writes.author.hlc;
        let mut taught = Knowledge::default();
        self.writes.dots.values().for_each(|dot| taught.cover(*dot));
        let replicated = self.writes.dots.iter().filter(|(_, dot)| dot.replica != LOCAL);
        let log = replicated.map(|(key, dot)| (*dot, (hlc, *key))).collect();
        Ok(Changes { delta, log, taught, latest: hlc })
    }
}
