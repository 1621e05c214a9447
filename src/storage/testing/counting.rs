//! An engine that counts what is read from it: to show what a call costs, whatever the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;
use crate::storage::{Engine, Entries, Op, Reader, Status};

/// Passes everything on, and counts the entries that readers get.
///
/// ```
/// use reunite::storage::{Engine, MemoryEngine, testing::CountingEngine};
/// let engine = CountingEngine::new(MemoryEngine::new());
/// engine.snapshot()?.get(b"not there")?;
/// assert_eq!((engine.take_count(), engine.take_count()), (1, 0));
/// # Ok::<(), reunite::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CountingEngine<E> {
    inner: E,
    read: Arc<AtomicU64>,
}

impl<E: Engine> CountingEngine<E> {
    /// Counts what is read of this engine.
    pub fn new(inner: E) -> CountingEngine<E> {
        CountingEngine { inner, read: Arc::default() }
    }

    /// How many entries were read since the last call: a key that is looked up counts as one, whether it
    /// is there or not, and so does each entry of a range that is asked for.
    pub fn take_count(&self) -> u64 {
        self.read.swap(0, Ordering::SeqCst)
    }
}

impl<E: Engine> Engine for CountingEngine<E> {
    fn snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(CountingReader { inner: self.inner.snapshot()?, read: Arc::clone(&self.read) }))
    }

    fn apply(&self, sequence: u64, batch: &[Op]) -> Result<(), Error> {
        self.inner.apply(sequence, batch)
    }

    fn applied(&self) -> Result<u64, Error> {
        self.inner.applied()
    }

    fn applies_whole(&self, batch: &[Op]) -> bool {
        self.inner.applies_whole(batch)
    }

    fn checkpoint(&self) -> Result<(), Error> {
        self.inner.checkpoint()
    }

    fn status(&self) -> Result<Status, Error> {
        self.inner.status()
    }

    fn close(&self) -> Result<(), Error> {
        self.inner.close()
    }
}

struct CountingReader {
    inner: Box<dyn Reader>,
    read: Arc<AtomicU64>,
}

impl CountingReader {
    fn count(&self) {
        self.read.fetch_add(1, Ordering::SeqCst);
    }
}

impl Reader for CountingReader {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.count();
        self.inner.get(key)
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        Ok(Box::new(self.inner.range(start, end)?.inspect(|_| self.count())))
    }

    fn range_back(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        Ok(Box::new(self.inner.range_back(start, end)?.inspect(|_| self.count())))
    }
}
