//! [`Storage`]: the one handle that the upper layers own.
//!
//! It hides whether there is a journal and a directory. Writers must be serialised by the caller;
//! the handle itself may be shared by threads. Closing waits for calls under way.

use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::directory::{self, Directory, EngineKind};
use super::disk::{Access, Disk, DiskFile, SystemDisk};
use super::journal;
use super::journaled::{Journaled, Ticket};
use super::memory::MemoryEngine;
use super::poison::Poison;
use super::{Durability, Engine, Op, Reader, Status};
use crate::error::Error;

/// How a database on disk is opened.
///
/// ```
/// use reunite::storage::{EngineKind, Options, Storage};
/// let directory = tempfile::tempdir()?;
/// let options = Options { cache_bytes: 4 << 20, ..Options::default() }; // on a small device
/// let storage = Storage::create(&directory.path().join("office"), EngineKind::Redb, options)?;
/// storage.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The bound of the engine's page cache, in bytes.
    pub cache_bytes: usize,
    /// The bytes of journal after which a checkpoint is made. More makes checkpoints rarer, and the
    /// file larger and opening after a crash slower.
    pub journal_bytes: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { cache_bytes: 64 << 20, journal_bytes: 8 << 20 }
    }
}

/// An open database's bytes.
///
/// ```
/// use reunite::storage::{Durability, Op, Storage};
/// let storage = Storage::memory();
/// let ticket = storage.append(&[Op::put(b"k", b"v")])?;
/// storage.wait(ticket, Durability::Immediate)?;
/// assert_eq!(storage.snapshot()?.get(b"k")?, Some(b"v".to_vec()));
/// storage.close()?;
/// # Ok::<(), reunite::error::Error>(())
/// ```
///
/// # Errors
/// Every method: if the disk fails ([`Error::Io`]) or what is on it is damaged ([`Error::Corrupt`]); from then
/// on [`Error::Poisoned`]. After [`close`](Storage::close): [`Error::Closed`]. Opening, also:
/// [`Error::NotADatabase`], [`Error::Format`], [`Error::AlreadyOpen`].
#[derive(Debug)]
pub struct Storage {
    /// Taken out by `close`. The directory goes last, for its lock.
    core: RwLock<Option<(Core, Option<Directory>)>>,
}

#[derive(Debug)]
enum Core {
    Journaled(Journaled<Box<dyn Engine>>),
    Bare(Bare),
}

impl Storage {
    /// A database that lives as long as the handle.
    #[must_use]
    pub fn memory() -> Storage {
        Storage::over(Box::new(MemoryEngine::new()))
    }

    /// A bare engine without a journal: nothing is durable before a checkpoint.
    #[must_use]
    pub fn over(engine: Box<dyn Engine>) -> Storage {
        Storage::new(Core::Bare(Bare::new(engine, Access::Write)), None)
    }

    /// An engine behind a journal of its own, which [`Journaled::create`] made: for tests that give
    /// either one faults. `bound`: see [`Options::journal_bytes`].
    pub fn journaled(
        engine: Box<dyn Engine>,
        journal: Arc<dyn DiskFile>,
        bound: u64,
    ) -> Result<Storage, Error> {
        Ok(Storage::new(Core::Journaled(Journaled::open(engine, journal, bound)?), None))
    }

    /// Makes a database directory and opens it. There must be nothing at `path`, or an empty
    /// directory.
    pub fn create(path: &Path, kind: EngineKind, options: Options) -> Result<Storage, Error> {
        Storage::create_on(Arc::new(SystemDisk), path, kind, options)
    }

    /// Opens a database directory for reading and writing.
    ///
    /// ```
    /// use reunite::Error;
    /// use reunite::storage::{EngineKind, Options, Storage};
    /// let directory = tempfile::tempdir()?;
    /// let path = directory.path().join("office");
    /// Storage::create(&path, EngineKind::Redb, Options::default())?.close()?;
    /// let storage = Storage::open(&path, Options::default())?;
    /// let second = Storage::open(&path, Options::default());
    /// assert!(matches!(second, Err(Error::AlreadyOpen { .. }))); // one handle writes at a time
    /// storage.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(path: &Path, options: Options) -> Result<Storage, Error> {
        Storage::open_on(Arc::new(SystemDisk), path, options)
    }

    /// Opens a database directory without changing anything in it. Other such handles may be open
    /// at the same time, but none that writes. sled cannot do this.
    pub fn open_read_only(path: &Path) -> Result<Storage, Error> {
        Storage::open_read_only_on(Arc::new(SystemDisk), path)
    }

    /// As [`create`](Storage::create), on another disk.
    pub fn create_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        kind: EngineKind,
        options: Options,
    ) -> Result<Storage, Error> {
        Storage::create_with(disk, path, kind, options, &[])
    }

    /// As [`create_on`](Storage::create_on), with a first batch: the database appears with all of it or
    /// not at all.
    pub fn create_with(
        disk: Arc<dyn Disk>,
        path: &Path,
        kind: EngineKind,
        options: Options,
        first: &[Op],
    ) -> Result<Storage, Error> {
        directory::create(&*disk, path, kind, first)?;
        Storage::open_on(disk, path, options)
    }

    /// As [`open`](Storage::open), on another disk.
    pub fn open_on(disk: Arc<dyn Disk>, path: &Path, options: Options) -> Result<Storage, Error> {
        let directory = Directory::open(disk, path, Access::Write)?;
        let journal = directory.journal()?;
        journal::check(&*journal)?; // Before the engine, whose opening writes.
        let engine = directory.engine(options.cache_bytes)?;
        let journaled = Journaled::open(engine, journal, options.journal_bytes)?;
        Ok(Storage::new(Core::Journaled(journaled), Some(directory)))
    }

    /// As [`open_read_only`](Storage::open_read_only), on another disk.
    pub fn open_read_only_on(disk: Arc<dyn Disk>, path: &Path) -> Result<Storage, Error> {
        let directory = Directory::open(disk, path, Access::Read)?;
        let file = directory.journal()?;
        let engine = directory.engine(Options::default().cache_bytes)?;
        // Both the engine and the replay write, but into memory: see `OverlayFile`.
        journal::replay(&*file, &engine)?;
        Ok(Storage::new(Core::Bare(Bare::new(engine, Access::Read)), Some(directory)))
    }

    fn new(core: Core, directory: Option<Directory>) -> Storage {
        Storage { core: RwLock::new(Some((core, directory))) }
    }

    fn with<T>(&self, run: impl FnOnce(&Core) -> Result<T, Error>) -> Result<T, Error> {
        match &*self.core.read() {
            Some((core, _)) => run(core),
            None => Err(Error::Closed),
        }
    }

    /// A view of everything appended so far, durable or not.
    pub fn snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        self.with(|core| match core {
            Core::Journaled(journaled) => journaled.snapshot(),
            Core::Bare(bare) => bare.snapshot(),
        })
    }

    /// Commits a batch: later snapshots show it and a killed process does not lose it. A power cut
    /// may, until [`wait`](Storage::wait) returned. After an error other than `Limit` and `ReadOnly`
    /// the handle is unusable; whether this batch is kept shows when the database is opened again.
    pub fn append(&self, batch: &[Op]) -> Result<Ticket, Error> {
        self.with(|core| match core {
            Core::Journaled(journaled) => journaled.append(batch),
            Core::Bare(bare) => bare.append(batch),
        })
    }

    /// Returns when this commit and all before it are as durable as asked for. Callers that wait at
    /// the same time share one sync: wait outside the writer's lock.
    pub fn wait(&self, ticket: Ticket, durability: Durability) -> Result<(), Error> {
        self.with(|core| match core {
            Core::Journaled(journaled) => journaled.wait(ticket, durability),
            Core::Bare(bare) => bare.poison.check(),
        })
    }

    /// The last commit appended; to wait for everything a snapshot shows, ask before or after it.
    pub fn latest(&self) -> Result<Ticket, Error> {
        self.with(|core| match core {
            Core::Journaled(journaled) => Ok(journaled.latest()),
            Core::Bare(bare) => Ok(Ticket::new(bare.engine.applied()?)),
        })
    }

    /// Makes everything durable in the engine and releases the journal. It is never needed, as
    /// the journal's bound brings it about.
    pub fn checkpoint(&self) -> Result<(), Error> {
        self.with(|core| match core {
            Core::Journaled(journaled) => journaled.checkpoint(),
            Core::Bare(bare) => bare.checkpoint(),
        })
    }

    /// Gives back to the system what the files hold and do not need. It is not done while somebody has a snapshot:
    /// says whether it was. Writers and new readers wait for it.
    pub fn compact(&self) -> Result<bool, Error> {
        self.with(|core| match core {
            Core::Journaled(journaled) => journaled.compact(),
            Core::Bare(bare) => bare.compact(),
        })
    }

    /// Figures for people.
    pub fn status(&self) -> Result<Status, Error> {
        self.with(|core| match core {
            Core::Journaled(journaled) => journaled.status(),
            Core::Bare(bare) => bare.engine.status(),
        })
    }

    /// Makes everything durable and releases the files and the lock; a second close does nothing.
    /// After an error the files are released as well, and opening again shows what was kept.
    pub fn close(&self) -> Result<(), Error> {
        match self.core.write().take() {
            None => Ok(()),
            Some((Core::Journaled(journaled), _directory)) => journaled.close(),
            Some((Core::Bare(bare), _directory)) => bare.close(),
        }
    }
}

/// An engine without a journal.
#[derive(Debug)]
struct Bare {
    engine: Box<dyn Engine>,
    access: Access,
    writer: Mutex<()>,
    poison: Poison,
}

impl Bare {
    fn new(engine: Box<dyn Engine>, access: Access) -> Bare {
        Bare { engine, access, writer: Mutex::new(()), poison: Poison::default() }
    }

    fn snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        self.poison.check()?;
        self.poison.watch(self.engine.snapshot())
    }

    fn append(&self, batch: &[Op]) -> Result<Ticket, Error> {
        self.writable()?;
        let _writer = self.writer.lock();
        self.poison.check()?;
        let sequence = self.engine.applied()? + 1;
        self.poison.watch(self.engine.apply(sequence, batch))?;
        Ok(Ticket::new(sequence))
    }

    fn checkpoint(&self) -> Result<(), Error> {
        self.writable()?;
        self.poison.check()?;
        self.poison.watch(self.engine.checkpoint())
    }

    fn compact(&self) -> Result<bool, Error> {
        self.writable()?;
        self.poison.check()?;
        self.poison.watch(self.engine.checkpoint().and_then(|()| self.engine.compact()))
    }

    fn close(self) -> Result<(), Error> {
        let result = match self.access {
            Access::Read => Ok(()),
            Access::Write => self.checkpoint(),
        };
        result.and(self.engine.close())
    }

    fn writable(&self) -> Result<(), Error> {
        match self.access {
            Access::Read => Err(Error::ReadOnly),
            Access::Write => Ok(()),
        }
    }
}
