//! The engine seam, and what makes any engine behind it durable.
//!
//! An [`Engine`] keeps one ordered map from bytes to bytes. `apply` is atomic and need not be
//! durable; durability comes from the redo journal in front of it ([`Journaled`]) and from
//! `checkpoint`. [`Storage`] is the handle that the upper layers own: an engine, its journal and
//! its directory on disk. Nothing here knows a row, a table or a transaction.

use std::fmt;

use crate::error::Error;

mod buffered;
mod copy_on_write;
mod directory;
mod disk;
mod flusher;
mod frame;
mod group;
mod handle;
mod journal;
mod journaled;
mod layers;
mod manifest;
mod memory;
mod op;
mod overlay;
mod poison;
mod redb;
#[cfg(feature = "sled")]
mod sled;
mod tree;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use copy_on_write::CopyOnWriteEngine;
pub use directory::EngineKind;
pub use disk::{Access, Disk, DiskFile, Held, SystemDisk};
pub use handle::{Options, Storage};
pub use journaled::{Journaled, Ticket};
pub use memory::MemoryEngine;
pub use op::{BatchBuilder, Op};
pub use redb::RedbEngine;
#[cfg(feature = "sled")]
pub use sled::SledEngine;

/// The changes of one commit, in the order in which they apply.
///
/// See [`Engine`] for an example.
pub type Batch = Vec<Op>;

/// What a range scan yields: keys with their values, in the order of the scan.
///
/// See [`Engine`] for an example.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), Error>> + 'a>;

/// When a commit survives a power cut. A killed process loses nothing with either.
///
/// ```
/// use reunite::{Database, row, storage::Durability};
/// let db = Database::builder().sql("CREATE TABLE reading (value INTEGER)")?.in_memory()?;
/// let mut tx = db.begin()?;
/// tx.table("reading")?.insert(row! { value: 7 })?;
/// tx.commit_with(Durability::Eventual)?; // does not wait for the disk
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Before the commit returns.
    #[default]
    Immediate,
    /// Within [`Durability::INTERVAL`] after the commit returned, or at `close`.
    Eventual,
}

impl Durability {
    /// The longest time after which an [`Eventual`](Durability::Eventual) commit is given to the
    /// disk. The flush itself takes as long as the disk takes.
    pub const INTERVAL: std::time::Duration = std::time::Duration::from_millis(500);
}

/// One snapshot of the map. It never sees half a batch, and neither blocks nor is blocked by `apply`.
///
/// See [`Engine`] for an example.
///
/// # Errors
/// Every method: if the engine cannot read, or finds damage.
pub trait Reader: Send + Sync {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// The entries with `start <= key < end`, ascending; `end` none: to the last key.
    fn range(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error>;

    /// The same entries, descending.
    fn range_back(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error>;
}

/// What an engine, or a [`Storage`], says of itself.
///
/// ```
/// use reunite::Database;
/// let status = Database::builder().in_memory()?.status()?;
/// assert_eq!((status.name, status.disk_bytes), ("memory", 0));
/// # Ok::<(), reunite::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The engine's name, as given on the command line.
    pub name: &'static str,
    /// Bytes on disk, as far as the engine knows; 0 in memory.
    pub disk_bytes: u64,
    /// Bytes of the journal that the next checkpoint will release; 0 for a bare engine.
    pub journal_bytes: u64,
    /// The number of the last batch applied; 0 if there was none.
    pub sequence: u64,
}

/// An ordered map of bytes with atomic batches and snapshots. Batches are numbered from 1 by the
/// caller; the engine keeps the number of the last one, as part of the same atomic change, so that
/// a replay neither skips nor repeats a batch.
///
/// ```
/// use reunite::storage::{Engine, MemoryEngine, Op};
/// let engine = MemoryEngine::new();
/// let before = engine.snapshot()?;
/// engine.apply(1, &[Op::put(b"b", b"2")])?;
/// engine.apply(2, &[Op::put(b"a", b"1")])?;
/// assert_eq!((before.get(b"b")?, engine.applied()?), (None, 2)); // a snapshot does not change
/// let after = engine.snapshot()?;
/// let entries = after.range(b"", None)?.collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(entries[0], (b"a".to_vec(), b"1".to_vec())); // in the order of the keys
/// assert_eq!(entries.len(), 2);
/// # Ok::<(), reunite::Error>(())
/// ```
///
/// # Errors
/// Every method: if the disk fails, or what is on it is damaged.
pub trait Engine: Send + Sync + fmt::Debug {
    /// A view of everything applied so far.
    fn snapshot(&self) -> Result<Box<dyn Reader>, Error>;

    /// Applies a batch and sets [`applied`](Engine::applied) to `sequence`: all of it or nothing.
    /// After an error the engine may have done either, and is not used again.
    ///
    /// What survives a crash is some prefix of the applied batches, never a part of one, unless
    /// [`applies_whole`](Engine::applies_whole) says otherwise. Readers never see a part.
    fn apply(&self, sequence: u64, batch: &[Op]) -> Result<(), Error>;

    /// The number of the last batch applied, 0 if there was none.
    fn applied(&self) -> Result<u64, Error>;

    /// Whether a crash within `apply` leaves all of this batch or nothing. Where it does not, a
    /// part may be left while `applied` is still the number before; whoever calls `apply` must then
    /// have the batch durable elsewhere first, and apply it again after the crash.
    fn applies_whole(&self, _batch: &[Op]) -> bool {
        true
    }

    /// Returns when everything applied so far survives a power cut.
    fn checkpoint(&self) -> Result<(), Error>;

    /// Gives back to the system what the engine's files hold and do not need, after a
    /// [`checkpoint`](Engine::checkpoint). Nobody may be reading: it says whether it was done.
    fn compact(&self) -> Result<bool, Error> {
        Ok(true)
    }

    /// Figures for people.
    fn status(&self) -> Result<Status, Error>;

    /// Releases the engine's files. Later calls, also of readers made before, fail.
    fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl Engine for Box<dyn Engine> {
    fn snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        (**self).snapshot()
    }

    fn apply(&self, sequence: u64, batch: &[Op]) -> Result<(), Error> {
        (**self).apply(sequence, batch)
    }

    fn applied(&self) -> Result<u64, Error> {
        (**self).applied()
    }

    fn applies_whole(&self, batch: &[Op]) -> bool {
        (**self).applies_whole(batch)
    }

    fn checkpoint(&self) -> Result<(), Error> {
        (**self).checkpoint()
    }

    fn compact(&self) -> Result<bool, Error> {
        (**self).compact()
    }

    fn status(&self) -> Result<Status, Error> {
        (**self).status()
    }

    fn close(&self) -> Result<(), Error> {
        (**self).close()
    }
}

/// Whether a range holds no key whatever the map holds.
fn is_empty_range(start: &[u8], end: Option<&[u8]>) -> bool {
    end.is_some_and(|end| end <= start)
}
