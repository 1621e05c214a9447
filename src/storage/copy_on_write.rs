//! An engine over a snapshot of another one: what is written stays in memory and shows over it.
//!
//! With it something can be tried without being done. Nothing reaches what is below, however it is kept
//! there; a reader sees what was written, and everything else as it was. What is written is bounded, and
//! what is below is read in place.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use super::layers::{self, Layers};
use super::tree::Tree;
use super::{Engine, Op, Reader, Status};
use crate::error::Error;

/// See the module. Clones share what is written.
///
/// ```
/// use reunite::storage::{CopyOnWriteEngine, Engine, MemoryEngine, Op};
/// let below = MemoryEngine::new();
/// below.apply(1, &[Op::put(b"k", b"old")])?;
/// let above = CopyOnWriteEngine::new(below.snapshot()?, 1000);
/// above.apply(1, &[Op::put(b"k", b"new")])?;
/// assert_eq!(above.snapshot()?.get(b"k")?.as_deref(), Some(b"new".as_slice()));
/// assert_eq!(below.snapshot()?.get(b"k")?.as_deref(), Some(b"old".as_slice()));
/// assert_eq!(above.written(), [b"k"]);
/// # Ok::<(), reunite::error::Error>(())
/// ```
#[derive(Clone)]
pub struct CopyOnWriteEngine {
    below: Arc<dyn Reader>,
    above: Arc<RwLock<Above>>,
    limit: u64,
}

#[derive(Clone, Debug, Default)]
struct Above {
    tree: Tree,
    sequence: u64,
    /// Of all that was ever written, also of what was written over since.
    bytes: u64,
}

impl CopyOnWriteEngine {
    /// An engine over what the reader sees. It takes at most `limit` bytes of keys and values.
    #[must_use]
    pub fn new(below: Box<dyn Reader>, limit: u64) -> CopyOnWriteEngine {
        CopyOnWriteEngine { below: Arc::from(below), above: Arc::default(), limit }
    }

    /// The keys that were written or removed, ascending.
    #[must_use]
    pub fn written(&self) -> Vec<Vec<u8>> {
        self.above.read().tree.range(&[], None).map(|entry| entry.key().to_vec()).collect()
    }
}

impl fmt::Debug for CopyOnWriteEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyOnWriteEngine").field("bytes", &self.above.read().bytes).finish_non_exhaustive()
    }
}

impl Engine for CopyOnWriteEngine {
    fn snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        let above = self.above.read().tree.clone();
        Ok(Box::new(Layers { below: Arc::clone(&self.below), above }))
    }

    fn apply(&self, sequence: u64, batch: &[Op]) -> Result<(), Error> {
        let mut above = self.above.write();
        let mut next = above.clone();
        next.bytes += layers::write(&mut next.tree, batch);
        if next.bytes > self.limit {
            let what = "what would be written, in memory,".to_string();
            return Err(Error::Limit { what, size: next.bytes, limit: self.limit });
        }
        next.sequence = sequence;
        *above = next;
        Ok(())
    }

    fn applied(&self) -> Result<u64, Error> {
        Ok(self.above.read().sequence)
    }

    fn checkpoint(&self) -> Result<(), Error> {
        Ok(())
    }

    fn status(&self) -> Result<Status, Error> {
        Ok(Status { name: "memory", sequence: self.applied()?, ..Status::default() })
    }
}
