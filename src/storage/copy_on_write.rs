//! An engine over a snapshot of another one: what is written stays in memory and shows over it.
//!
//! With it something can be tried without being done. Nothing reaches what is below, however it is kept
//! there; a reader sees what was written, and everything else as it was. What is written is bounded, and
//! what is below is read in place.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Peekable;
use std::sync::Arc;

use parking_lot::RwLock;

use super::tree::Tree;
use super::{Engine, Entries, Op, Reader, Status};
use crate::error::Error;

/// In the tree: a key that is removed, and one that has the value behind this byte.
const REMOVED: u8 = 0;
const WRITTEN: u8 = 1;

/// See the module. Clones share what is written.
///
/// ```
/// use reunite::storage::{CopyOnWriteEngine, Engine, MemoryEngine, Op};
/// let below = MemoryEngine::new();
/// below.apply(1, &[Op::Put { key: b"k".to_vec(), value: b"old".to_vec() }])?;
/// let above = CopyOnWriteEngine::new(below.snapshot()?, 1000);
/// above.apply(1, &[Op::Put { key: b"k".to_vec(), value: b"new".to_vec() }])?;
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
        let tree = self.above.read().tree.clone();
        let keys = std::iter::successors(tree.seek(&[], false), |entry| tree.seek(&entry.key, true));
        keys.map(|entry| entry.key.clone()).collect()
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
        for op in batch {
            let value = match op.value() {
                Some(value) => [&[WRITTEN], value].concat(),
                None => vec![REMOVED],
            };
            next.bytes += (op.key().len() + value.len()) as u64;
            next.tree.insert(op.key(), &value);
        }
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

struct Layers {
    below: Arc<dyn Reader>,
    above: Tree,
}

impl Reader for Layers {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.above.get(key) {
            Some(found) => Ok(value_of(found)),
            None => self.below.get(key),
        }
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        let (below, above) = (self.below.range(start, end)?, Reader::range(&self.above, start, end)?);
        Ok(Box::new(Merged::new(below, above, Ord::cmp)))
    }

    fn range_back(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        let (below, above) = (self.below.range_back(start, end)?, self.above.range_back(start, end)?);
        Ok(Box::new(Merged::new(below, above, |a, b| b.cmp(a))))
    }
}

/// The value that the tree has for a key; none if it is removed.
fn value_of(stored: &[u8]) -> Option<Vec<u8>> {
    match stored.split_first() {
        Some((&WRITTEN, value)) => Some(value.to_vec()),
        _ => None,
    }
}

/// Both layers in one order; where both have a key, the upper one counts.
struct Merged<'a> {
    below: Peekable<Entries<'a>>,
    above: Peekable<Entries<'a>>,
    order: fn(&[u8], &[u8]) -> Ordering,
}

impl<'a> Merged<'a> {
    fn new(below: Entries<'a>, above: Entries<'a>, order: fn(&[u8], &[u8]) -> Ordering) -> Merged<'a> {
        Merged { below: below.peekable(), above: above.peekable(), order }
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let first = match (self.below.peek(), self.above.peek()) {
                (Some(Ok((below, _))), Some(Ok((above, _)))) => (self.order)(below, above),
                (_, None) | (Some(Err(_)), _) => Ordering::Less,
                _ => Ordering::Greater,
            };
            if first == Ordering::Less {
                return self.below.next();
            }
            if first == Ordering::Equal {
                self.below.next();
            }
            match self.above.next()? {
                Ok((key, stored)) => {
                    if let Some(value) = value_of(&stored) {
                        return Some(Ok((key, value)));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
