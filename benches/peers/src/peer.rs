//! What a peer must be able to do. How it does that is its own affair.

use std::path::Path;

use anyhow::Result;
use uuid::Uuid;

use crate::data::{Change, Contact, Order};
use crate::measure::Measurement;

/// When a transaction is safe from a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it has returned.
    Durable,
    /// Some time later; a crash loses the last transactions and nothing else.
    Eventual,
}

/// What a sync moved.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moved {
    /// Both ways, all messages.
    pub bytes: u64,
}

/// A store of contacts and orders in a directory.
pub trait Peer: Sized {
    /// What it does not do that Reunite does, for the table.
    const LACKS: &'static str;

    /// Whether there may be more than two, of which each can sync with any other.
    const MANY_REPLICAS: bool = true;

    /// Whether a store outlives its process.
    const ON_DISK: bool = true;

    /// A new store.
    fn create(directory: &Path, durability: Durability) -> Result<Self>;

    /// A store that was closed, or whose process was killed.
    fn open(directory: &Path, durability: Durability) -> Result<Self>;

    /// Inserts rows in one transaction.
    fn insert(&mut self, contacts: &[Contact], orders: &[Order]) -> Result<()>;

    /// Changes columns in one transaction.
    fn update(&mut self, changes: &[Change]) -> Result<()>;

    fn get(&mut self, id: Uuid) -> Result<Option<Contact>>;

    /// None if the peer has no unique keys.
    fn get_by_email(&mut self, _email: &str) -> Result<Option<Option<Contact>>> {
        Ok(None)
    }

    /// Calls `visit` for every contact.
    fn scan(&mut self, visit: &mut dyn FnMut(&Contact)) -> Result<()>;

    /// How many contacts have an e-mail address in `[from, to)`; none if the peer has no index.
    fn range(&mut self, _from: &str, _to: &str) -> Result<Option<u64>> {
        Ok(None)
    }

    /// How many orders there are.
    fn orders(&mut self) -> Result<u64>;

    /// Brings both to the same state; none if the peer cannot.
    fn sync(&mut self, _other: &mut Self) -> Result<Option<Moved>> {
        Ok(None)
    }

    /// Conflicts that can be listed afterwards; none if losing changes are not kept.
    fn conflicts(&mut self) -> Result<Option<u64>> {
        Ok(None)
    }

    /// What it derives anew when rows change on which many others depend; nothing if it derives nothing.
    fn derivations(_rows: usize) -> Result<Vec<Measurement>> {
        Ok(Vec::new())
    }

    /// Cleans up as its makers advise, and closes the store.
    fn close(self) -> Result<()>;
}
