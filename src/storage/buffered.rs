//! redb with batches gathered in memory, and written to it at a checkpoint, all in one.
//!
//! A B-tree on disk pays for each batch: for every page that it touches, and for the commit itself.
//! Gathered, what was written over is never written, and a page is touched once for all that comes to
//! it, in the order of its keys. This is the table in memory of a log-structured merge tree
//! (O'Neil and others, 1996) with the engine below as its one other level.
//!
//! Nothing survives a crash but what a checkpoint wrote: a journal in front must have the rest, and
//! its bound is the bound of what is gathered here.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::layers::{self, Layers};
use super::redb::{Lasting, RedbEngine};
use super::tree::Tree;
use super::{Engine, Op, Reader, Status};
use crate::error::Error;

/// A file of which more than one part in so many was written since it was opened is compacted when it is closed.
const COMPACTED_SHARE: u64 = 8;

/// See the module.
pub(super) struct BufferedEngine {
    below: RedbEngine,
    /// Held while a batch is applied or written on; readers never take it.
    writer: Mutex<()>,
    /// Held only to copy or to replace the version, and while the file is compacted.
    current: RwLock<Version>,
    /// Bytes of keys and values that went to the file since it was opened or compacted.
    written: AtomicU64,
}

#[derive(Clone)]
struct Version {
    below: Arc<dyn Reader>,
    /// What was gathered since the last checkpoint.
    above: Tree,
    sequence: u64,
}

impl BufferedEngine {
    pub(super) fn new(below: RedbEngine) -> Result<BufferedEngine, Error> {
        let version = Version::of(&below)?;
        let (writer, written) = (Mutex::default(), AtomicU64::new(0));
        Ok(BufferedEngine { below, writer, current: RwLock::new(version), written })
    }

    /// Shows another version to later readers. The one before is dropped after the lock: it may be the
    /// last owner of much.
    fn replace(&self, mut version: Version) {
        std::mem::swap(&mut *self.current.write(), &mut version);
    }
}

impl Version {
    /// What an engine has, with nothing gathered over it.
    fn of(below: &RedbEngine) -> Result<Version, Error> {
        let (sequence, below) = (below.applied()?, Arc::from(below.snapshot()?));
        Ok(Version { below, above: Tree::default(), sequence })
    }
}

impl Engine for BufferedEngine {
    fn snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        let Version { below, above, .. } = self.current.read().clone();
        Ok(Box::new(Layers { below, above }))
    }

    fn apply(&self, sequence: u64, batch: &[Op]) -> Result<(), Error> {
        let _writer = self.writer.lock();
        let mut version = self.current.read().clone();
        layers::write(&mut version.above, batch);
        version.sequence = sequence;
        self.replace(version);
        Ok(())
    }

    fn applied(&self) -> Result<u64, Error> {
        Ok(self.current.read().sequence)
    }

    fn checkpoint(&self) -> Result<(), Error> {
        let _writer = self.writer.lock();
        let (above, sequence) = {
            let current = self.current.read();
            (current.above.clone(), current.sequence)
        };
        let mut bytes = 0;
        let changes = above.range(&[], None).map(|entry| {
            bytes += entry.key().len() + entry.value().map_or(0, <[u8]>::len);
            (entry.key(), entry.value())
        });
        self.below.write(sequence, changes, Lasting::Yes)?;
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
        self.replace(Version::of(&self.below)?);
        Ok(())
    }

    fn compact(&self) -> Result<bool, Error> {
        let _writer = self.writer.lock();
        let mut current = self.current.write();
        // The version itself reads the file.
        current.below = Arc::new(Tree::default());
        let done = self.below.compact();
        current.below = Arc::from(self.below.snapshot()?);
        if let Ok(true) = done {
            self.written.store(0, Ordering::Relaxed);
        }
        done
    }

    fn status(&self) -> Result<Status, Error> {
        Ok(Status { sequence: self.applied()?, ..self.below.status()? })
    }

    /// Compacts a file that may have grown much by what was written, so that the work is small beside that which
    /// was done.
    fn close(&self) -> Result<(), Error> {
        let length = self.below.status()?.disk_bytes;
        let is_due = self.written.load(Ordering::Relaxed) > length / COMPACTED_SHARE;
        let compacted = if is_due { self.compact().map(drop) } else { Ok(()) };
        compacted.and(self.below.close())
    }
}

impl fmt::Debug for BufferedEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BufferedEngine").field("below", &self.below).finish_non_exhaustive()
    }
}
