//! The engine seam: ordered bytes, no type of ours.
//!
//! An [`Engine`] keeps one ordered map from bytes to bytes. `apply` is atomic and need not be
//! durable; durability comes from the redo journal in front of it and from `checkpoint`. An engine
//! knows no row, no table and no transaction.

use std::fmt;

use crate::error::Error;

/// One change to the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Sets the value of a key.
    Put {
        /// The key.
        key: Vec<u8>,
        /// Its new value.
        value: Vec<u8>,
    },
    /// Removes a key; nothing happens if it is absent.
    Delete {
        /// The key.
        key: Vec<u8>,
    },
}

/// The changes of one commit, in the order in which they apply.
pub type Batch = Vec<Op>;

/// What a range scan yields: ascending keys with their values.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), Error>> + 'a>;

/// One snapshot of the map. It never sees half a batch, and neither blocks nor is blocked by `apply`.
pub trait Reader: Send + Sync {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The entries with `start <= key < end`, ascending; `end` none: to the last key.
    fn range(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error>;

    /// The same entries, descending.
    fn range_back(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error>;
}

/// What an engine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The engine's name, as given on the command line.
    pub name: &'static str,
    /// Bytes on disk, as far as the engine knows; 0 in memory.
    pub disk_bytes: u64,
}

/// An ordered map of bytes with atomic batches and snapshots.
pub trait Engine: Send + Sync + fmt::Debug {
    /// A view of everything applied so far.
    fn snapshot(&self) -> Result<Box<dyn Reader>, Error>;

    /// Applies a batch: all of it or nothing, also if the process is killed meanwhile.
    fn apply(&self, batch: &[Op]) -> Result<(), Error>;

    /// Returns when everything applied so far survives a power cut.
    fn checkpoint(&self) -> Result<(), Error>;

    /// Figures for people.
    fn status(&self) -> Result<Status, Error>;
}
