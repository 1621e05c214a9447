//! The design of a database: its first schema, and the set of all amendments to it.
//!
//! Amendments are facts: they are never changed and never taken back, they travel before all data, and
//! replicas that have the same ones have the same schema, in whatever order these came. The schema is a
//! pure function of the set ([`Design::fold`]). What the rows of a changed table then show is derived
//! elsewhere.
//!
//! One replica at a time is *design master* and amends. That is a courtesy to people, not a condition of
//! safety: what two masters did at once is joined like everything else, and listed as a [`Notice`].

mod affected;
mod amendment;
mod constraints;
mod error;
mod fold;
mod join;
mod master;
mod names;
mod notice;
mod numbers;
mod operation;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use amendment::Amendment;
pub use error::DesignError;
pub use notice::Notice;
pub(super) use operation::{NewCheck, NewColumn, NewForeignKey, NewKey, NewTable, Operation};

pub(super) use fold::{Effect, Fold, Unfit};
pub(super) use numbers::Numbers;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Schema;
use super::ddl::{self, DdlError};
use crate::ids::{Dot, ReplicaId};
use crate::value::Collation;
use crate::version::{Hlc, Knowledge};

/// The first schema of a database and all amendments to it.
#[derive(Clone, Debug)]
pub(crate) struct Design {
    initial: Arc<Schema>,
    amendments: BTreeMap<Dot, Arc<Amendment>>,
    /// In the order in which they take effect.
    order: Vec<Dot>,
    /// The amendment that each id of an object comes from.
    numbers: BTreeMap<u32, Dot>,
    /// The size of all texts.
    bytes: usize,
}

impl Design {
    /// The longest texts of amendments together, in bytes: they are sent in one message.
    pub const MAX_BYTES: usize = 8 << 20;

    /// A design without amendments.
    #[must_use]
    pub fn new(initial: Arc<Schema>) -> Design {
        let (amendments, order, numbers) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Design { initial, amendments, order, numbers, bytes: 0 }
    }

    /// The first schema.
    #[must_use]
    pub const fn initial(&self) -> &Arc<Schema> {
        &self.initial
    }

    /// The amendments, in the order in which they take effect.
    pub fn amendments(&self) -> impl Iterator<Item = &Arc<Amendment>> {
        self.order.iter().filter_map(|id| self.amendments.get(id))
    }

    /// How many amendments of which replica there are.
    #[must_use]
    pub fn known(&self) -> Knowledge {
        self.amendments.keys().map(|id| (id.replica, id.seq)).collect()
    }

    /// The amendments that a replica lacks which knows `known`, in the order in which they take effect.
    #[must_use]
    pub fn missing(&self, known: &Knowledge) -> Vec<&Arc<Amendment>> {
        self.amendments().filter(|amendment| !known.covers(amendment.id)).collect()
    }

    /// The latest time of an amendment.
    #[must_use]
    pub fn last_time(&self) -> Hlc {
        self.amendments.values().map(|amendment| amendment.time).max().unwrap_or_default()
    }

    /// A fingerprint of the first schema and all amendments.
    #[must_use]
    pub fn digest(&self) -> [u8; 16] {
        self.digest_under(Collation::UNICODE_VERSION)
    }

    /// The fingerprint that a replica with the tables of this version of Unicode would have: another one if
    /// they decide which keys are equal, be it because of the first schema or of an amendment.
    pub(super) fn digest_under(&self, unicode: &str) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_derive_key("reunite 2026 digest of a design");
        hasher.update(&match unicode {
            Collation::UNICODE_VERSION => self.initial.digest(),
            _ => self.initial.digest_under(unicode),
        });
        if self.fold().0.folds_unicode() {
            hasher.update(unicode.as_bytes());
        }
        for amendment in self.amendments.values() {
            // Every amendment that is in a design has a text.
            let text = amendment.to_text().unwrap_or_default();
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        let mut digest = [0; 16];
        hasher.finalize_xof().fill(&mut digest);
        digest
    }

    /// The same, but none if there are no amendments.
    #[must_use]
    pub fn changed_digest(&self) -> Option<[u8; 16]> {
        (!self.amendments.is_empty()).then(|| self.digest())
    }

    /// The schema, and what people should know of how it came about. Does not depend on the order in
    /// which the amendments came.
    #[must_use]
    pub fn fold(&self) -> (Schema, Vec<Notice>) {
        let (mut fold, mut notices) = (Fold::new(&self.initial), self.concurrent());
        let mut before = Knowledge::default();
        for amendment in self.amendments() {
            before.cover(amendment.id);
            let settled = self.amendments.values().any(|later| later.seen.includes(&before));
            for operation in &amendment.operations {
                let noted = notice::of(amendment, operation, fold.apply(operation));
                notices.extend(noted.into_iter().filter(|_| !settled));
            }
        }
        (fold.finish(), notices)
    }

    /// The amendment that SQL asks for, made by `author` at `time`. It is not joined yet.
    ///
    /// # Errors
    /// The first thing that is wrong, with its position.
    pub fn alter(&self, sql: &str, author: ReplicaId, time: Hlc) -> Result<Amendment, DdlError> {
        let mut fold = Fold::new(&self.initial);
        for operation in self.amendments().flat_map(|amendment| &amendment.operations) {
            // What does not fit has no effect.
            let _ = fold.apply(operation);
        }
        let id = self.next(author);
        let used = |number| self.numbers.contains_key(&number);
        let mut target = ddl::Target { fold, numbers: Numbers::new(id, &used) };
        let operations = ddl::alter(&mut target, sql)?;
        Ok(self.amendment(id, time, operations))
    }

    fn amendment(&self, id: Dot, time: Hlc, operations: Vec<Operation>) -> Amendment {
        Amendment { id, time, term: self.term(&self.known()), seen: self.known(), operations }
    }

    fn next(&self, author: ReplicaId) -> Dot {
        Dot { replica: author, seq: self.known().get(author) + 1 }
    }
}
