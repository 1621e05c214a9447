//! Two engines that must always say the same.

use parking_lot::Mutex;

use crate::error::Error;
use crate::storage::{Engine, Entries, Op, Reader, Status};

/// Applies everything to both engines and compares all that is read. A difference is
/// `Error::Corrupt`; the first engine's answers are the ones given.
///
/// ```
/// use reunite::storage::{Engine, MemoryEngine, Op, testing::MirrorEngine};
/// let first = MemoryEngine::new();
/// let mirror = MirrorEngine::new(first.clone(), MemoryEngine::new());
/// mirror.apply(1, &[])?;
/// first.apply(2, &[Op::put(b"k", b"v")])?; // behind its back
/// assert!(mirror.snapshot()?.get(b"k").is_err());
/// # Ok::<(), reunite::Error>(())
/// ```
#[derive(Debug)]
pub struct MirrorEngine<A, B> {
    /// Keeps a snapshot from being taken between the two applies; it may wait for the writer here.
    applying: Mutex<()>,
    first: A,
    second: B,
}

impl<A: Engine, B: Engine> MirrorEngine<A, B> {
    /// Both engines must hold the same map.
    pub fn new(first: A, second: B) -> MirrorEngine<A, B> {
        MirrorEngine { applying: Mutex::new(()), first, second }
    }
}

impl<A: Engine, B: Engine> Engine for MirrorEngine<A, B> {
    fn snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        let _applying = self.applying.lock();
        Ok(Box::new(MirrorReader { first: self.first.snapshot()?, second: self.second.snapshot()? }))
    }

    fn apply(&self, sequence: u64, batch: &[Op]) -> Result<(), Error> {
        let _applying = self.applying.lock();
        self.first.apply(sequence, batch)?;
        self.second.apply(sequence, batch)
    }

    fn applied(&self) -> Result<u64, Error> {
        same("the last batch", self.first.applied()?, &self.second.applied()?)
    }

    fn applies_whole(&self, batch: &[Op]) -> bool {
        self.first.applies_whole(batch) && self.second.applies_whole(batch)
    }

    fn checkpoint(&self) -> Result<(), Error> {
        self.first.checkpoint()?;
        self.second.checkpoint()
    }

    fn status(&self) -> Result<Status, Error> {
        Ok(Status { name: "mirror", ..self.first.status()? })
    }

    fn close(&self) -> Result<(), Error> {
        self.first.close().and(self.second.close())
    }
}

struct MirrorReader {
    first: Box<dyn Reader>,
    second: Box<dyn Reader>,
}

impl Reader for MirrorReader {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        same("a value", self.first.get(key)?, &self.second.get(key)?)
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        Ok(both(self.first.range(start, end)?, self.second.range(start, end)?))
    }

    fn range_back(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        Ok(both(self.first.range_back(start, end)?, self.second.range_back(start, end)?))
    }
}

fn both<'a>(mut first: Entries<'a>, mut second: Entries<'a>) -> Entries<'a> {
    Box::new(std::iter::from_fn(move || match (first.next(), second.next()) {
        (Some(Err(error)), _) | (_, Some(Err(error))) => Some(Err(error)),
        (first, second) => {
            same("an entry", first.and_then(Result::ok), &second.and_then(Result::ok)).transpose()
        }
    }))
}

fn same<T: PartialEq>(what: &str, first: T, second: &T) -> Result<T, Error> {
    if first == *second { Ok(first) } else { Err(Error::corrupt(format!("the engines differ in {what}"))) }
}
