//! The engine that keeps everything in memory: for tests, scenarios and throwaway replicas.
//!
//! The map is a persistent tree (`tree.rs`), because that alone gives all three at once: a snapshot
//! is one reference count, a batch costs a logarithmic copy per change, and no reader ever waits for
//! the writer or the writer for a reader. Clones of the engine share the map; a fork goes its own way. Nothing survives the
//! process; `checkpoint` has nothing to do.

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::tree::Tree;
use super::{Engine, Entries, Op, Reader, Status};
use crate::error::Error;

/// An engine in memory.
///
/// See [`Engine`] for an example.
#[derive(Clone, Debug, Default)]
pub struct MemoryEngine {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held while a batch is made into the next version; readers never take it.
    writer: Mutex<()>,
    /// Held only to copy or to replace the version.
    current: RwLock<Version>,
}

#[derive(Clone, Debug, Default)]
struct Version {
    tree: Tree,
    sequence: u64,
}

impl MemoryEngine {
    /// An engine with an empty map.
    #[must_use]
    pub fn new() -> MemoryEngine {
        MemoryEngine::default()
    }

    /// An engine of its own that begins with what this one holds now. Costs nothing: the two share
    /// what neither has changed since.
    #[must_use]
    pub fn fork(&self) -> MemoryEngine {
        let current = RwLock::new(self.shared.current.read().clone());
        MemoryEngine { shared: Arc::new(Shared { writer: Mutex::default(), current }) }
    }
}

impl Engine for MemoryEngine {
    fn snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(self.shared.current.read().tree.clone()))
    }

    fn apply(&self, sequence: u64, batch: &[Op]) -> Result<(), Error> {
        let _writer = self.shared.writer.lock();
        let mut tree = self.shared.current.read().tree.clone();
        for op in batch {
            match op.value() {
                Some(_) => tree.insert(op.detached()),
                None => tree.remove(op.key()),
            }
        }
        let mut next = Version { tree, sequence };
        // The old version is dropped after the lock: it may be the last owner of many nodes.
        std::mem::swap(&mut *self.shared.current.write(), &mut next);
        Ok(())
    }

    fn applied(&self) -> Result<u64, Error> {
        Ok(self.shared.current.read().sequence)
    }

    fn checkpoint(&self) -> Result<(), Error> {
        Ok(())
    }

    fn status(&self) -> Result<Status, Error> {
        Ok(Status { name: "memory", sequence: self.applied()?, ..Status::default() })
    }
}

impl Reader for Tree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(Tree::get(self, key).and_then(Op::value).map(<[u8]>::to_vec))
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        Ok(Box::new(Tree::range(self, start, end).map(owned)))
    }

    fn range_back(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        Ok(Box::new(Tree::range_back(self, start, end).map(owned)))
    }
}

fn owned(entry: &Op) -> Result<(Vec<u8>, Vec<u8>), Error> {
    Ok((entry.key().to_vec(), entry.value().unwrap_or_default().to_vec()))
}
