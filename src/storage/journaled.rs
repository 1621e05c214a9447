//! An engine with the redo journal in front of it.
//!
//! A commit is one frame in the journal and one batch in the engine, which does not sync. Durable it
//! is once the frame is synced, or once the engine was checkpointed after it. The engine keeps the
//! number of its last batch, so replay neither skips nor repeats one.

use std::sync::Arc;

use parking_lot::Mutex;

use super::disk::DiskFile;
use super::flusher::Flusher;
use super::group::Group;
use super::journal::Journal;
use super::{Durability, Engine, Op, Reader, Status};
use crate::error::Error;

/// Names one commit, so that its durability can be waited for. Later commits have greater tickets.
///
/// See [`Storage`](super::Storage) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

impl Ticket {
    pub(super) const fn new(sequence: u64) -> Ticket {
        Ticket(sequence)
    }

    /// The commit's number in this database directory, from 1; 0 before the first.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.0
    }
}

/// An engine behind a redo journal: what makes commits durable, whichever engine it is.
///
/// ```
/// use reunite::storage::{Disk, Durability, Engine, Journaled, MemoryEngine, Op, SystemDisk};
/// let directory = tempfile::tempdir()?;
/// let file = SystemDisk.create(&directory.path().join("journal"))?;
/// Journaled::<MemoryEngine>::create(&*file)?;
/// let journaled = Journaled::open(MemoryEngine::new(), file.clone(), 8 << 20)?;
/// let ticket = journaled.append(&[Op::put(b"k", b"v")])?;
/// journaled.wait(ticket, Durability::Immediate)?;
/// drop(journaled); // and with it all that the engine had in memory
/// let journaled = Journaled::open(MemoryEngine::new(), file, 8 << 20)?;
/// assert_eq!(journaled.snapshot()?.get(b"k")?, Some(b"v".to_vec()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Every method: as for [`Storage`](super::Storage).
#[derive(Debug)]
pub struct Journaled<E> {
    // Dropped in this order: the thread ends before the engine goes.
    flusher: Flusher,
    journal: Mutex<Journal>,
    group: Arc<Group>,
    engine: E,
    /// Bytes of frames after which a checkpoint is due.
    bound: u64,
}

impl<E: Engine> Journaled<E> {
    /// Makes an empty, durable journal in an empty file.
    pub fn create(file: &dyn DiskFile) -> Result<(), Error> {
        Journal::create(file, &[])
    }

    /// Opens the engine with its journal and replays what the engine has not seen. A checkpoint is
    /// made whenever the frames take `bound` bytes.
    pub fn open(engine: E, file: Arc<dyn DiskFile>, bound: u64) -> Result<Journaled<E>, Error> {
        let journal = Journal::open(Arc::clone(&file), &engine)?;
        let group = Arc::new(Group::new(file, journal.last()));
        let flusher = Flusher::new(Arc::clone(&group));
        Ok(Journaled { flusher, journal: Mutex::new(journal), group, engine, bound })
    }

    /// A view of everything appended so far.
    pub fn snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        self.group.poison.check()?;
        self.group.poison.watch(self.engine.snapshot())
    }

    /// Writes a batch to the journal and applies it. A killed process does not lose it, a power cut
    /// may until [`wait`](Journaled::wait) returned. After an error other than `Limit` the handle is
    /// unusable, and whether the batch is kept shows when it is opened again.
    pub fn append(&self, batch: &[Op]) -> Result<Ticket, Error> {
        let mut journal = self.journal.lock();
        self.group.poison.check()?;
        let sequence = journal.prepare(batch)?;
        self.group.poison.watch(self.write(&mut journal, sequence, batch))?;
        Ok(Ticket(sequence))
    }

    fn write(&self, journal: &mut Journal, sequence: u64, batch: &[Op]) -> Result<(), Error> {
        journal.write()?;
        self.group.set_written(sequence);
        if !self.engine.applies_whole(batch) {
            self.group.sync(sequence)?;
        }
        self.engine.apply(sequence, batch)?;
        if journal.used() >= self.bound { self.restart(journal) } else { Ok(()) }
    }

    /// Returns when this commit and all before it are as durable as asked for. Callers that wait at
    /// the same time share one sync, so wait outside the writer's lock.
    pub fn wait(&self, ticket: Ticket, durability: Durability) -> Result<(), Error> {
        match durability {
            Durability::Immediate => self.group.sync(ticket.0),
            Durability::Eventual => {
                self.group.poison.check()?;
                self.flusher.ask()
            }
        }
    }

    /// The last commit appended.
    pub fn latest(&self) -> Ticket {
        Ticket(self.group.written())
    }

    /// Makes the engine durable and begins the journal anew.
    pub fn checkpoint(&self) -> Result<(), Error> {
        let mut journal = self.journal.lock();
        self.group.poison.check()?;
        self.group.poison.watch(self.restart(&mut journal))
    }

    /// Gives back what the engine's files hold and do not need, unless somebody is reading: says whether it did.
    pub fn compact(&self) -> Result<bool, Error> {
        let mut journal = self.journal.lock();
        self.group.poison.check()?;
        let compacted = self.restart(&mut journal).and_then(|()| journal.cut());
        self.group.poison.watch(compacted.and_then(|()| self.engine.compact()))
    }

    fn restart(&self, journal: &mut Journal) -> Result<(), Error> {
        self.engine.checkpoint()?;
        self.group.set_durable(journal.last());
        let oversized = journal.used() >= self.bound.saturating_mul(2);
        journal.restart();
        // One huge commit shall not leave the file huge.
        if oversized { journal.cut() } else { Ok(()) }
    }

    /// Figures for people.
    pub fn status(&self) -> Result<Status, Error> {
        self.group.poison.check()?;
        let journal_bytes = self.journal.lock().used();
        Ok(Status { journal_bytes, ..self.engine.status()? })
    }

    /// Makes everything durable and releases the engine. The first error is returned, but nothing
    /// stays open in any case.
    pub fn close(self) -> Result<(), Error> {
        let mut result = self.checkpoint();
        if result.is_ok() {
            result = self.journal.lock().cut();
        }
        drop(self.flusher);
        result.and(self.engine.close())
    }
}
