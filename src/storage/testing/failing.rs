//! An engine of which one chosen operation fails.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;
use crate::storage::{Engine, Op, Reader, Status};

/// Passes everything on but the k-th operation, which fails without reaching the engine. Later ones
/// are passed on again: a handle must refuse them by itself.
///
/// ```
/// use reunite::storage::{Engine, MemoryEngine, testing::FailingEngine};
/// let engine = FailingEngine::new(MemoryEngine::new(), 2);
/// assert!(engine.apply(1, &[]).is_ok());
/// assert!(engine.apply(2, &[]).is_err());
/// assert_eq!(engine.applied()?, 1);
/// # Ok::<(), reunite::Error>(())
/// ```
#[derive(Debug)]
pub struct FailingEngine<E> {
    inner: E,
    /// Operations up to the one that fails; it is at 0 ever after.
    left: AtomicU64,
}

impl<E: Engine> FailingEngine<E> {
    /// `k` counts from 1; 0: nothing fails.
    pub fn new(inner: E, k: u64) -> FailingEngine<E> {
        FailingEngine { inner, left: AtomicU64::new(k) }
    }

    fn step(&self) -> Result<&E, Error> {
        let before = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match before {
            Ok(1) => Err(Error::io("a chosen engine operation", std::io::Error::other("injected failure"))),
            _ => Ok(&self.inner),
        }
    }
}

impl<E: Engine> Engine for FailingEngine<E> {
    fn snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        self.step()?.snapshot()
    }

    fn apply(&self, sequence: u64, batch: &[Op]) -> Result<(), Error> {
        self.step()?.apply(sequence, batch)
    }

    fn applied(&self) -> Result<u64, Error> {
        self.step()?.applied()
    }

    fn applies_whole(&self, batch: &[Op]) -> bool {
        self.inner.applies_whole(batch)
    }

    fn checkpoint(&self) -> Result<(), Error> {
        self.step()?.checkpoint()
    }

    fn status(&self) -> Result<Status, Error> {
        self.step()?.status()
    }

    fn close(&self) -> Result<(), Error> {
        self.step()?.close()
    }
}
