//! The second engine: sled 0.34, with what it takes to use it safely.
//!
//! * Its iterators are not snapshots, so readers get what later batches replaced from memory
//!   (`history.rs`); neither side waits for the other.
//! * A batch of thousands of operations makes it take gigabytes, so a large commit goes in pieces.
//!   Such a commit is whole only together with the journal: see [`Engine::applies_whole`].
//! * Nodes above 128 KiB go to files that it never syncs, so large values are stored in pieces
//!   (`values.rs`).
//! * Its flush does not flush the disk, so a checkpoint syncs its files itself.
//! * After some crashes it panics or takes its own temporary files for snapshots: these are removed
//!   before opening, and every call is guarded.
//!
//! What remains is in docs/ENGINES.md: after a power cut sled itself may be unreadable.

mod history;
mod values;

use std::fmt;
use std::fs;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ::sled::{Db, Tree};
use parking_lot::{Mutex, RwLock};

use super::redb::panic_text;
use super::{Engine, Entries, Op, Reader, Status, is_empty_range};
use crate::error::Error;
use history::History;
use values::Found;

/// Where the number of the last batch is kept.
const APPLIED: &[u8] = b"s";
/// The most operations of one sled batch.
const BATCH_LIMIT: usize = 400;
/// Entries that a scan reads at once.
const CHUNK: usize = 64;

/// An engine over one sled directory.
///
/// ```
/// use reunite::storage::{Engine, Op, SledEngine};
/// let directory = tempfile::tempdir()?;
/// let engine = SledEngine::create(&directory.path().join("sled"), 1 << 20)?;
/// engine.apply(1, &[Op::put(b"k", b"v")])?;
/// assert_eq!((engine.snapshot()?.get(b"k")?, engine.applied()?), (Some(b"v".to_vec()), 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Every method: as for [`Engine`].
pub struct SledEngine {
    shared: Arc<Shared>,
}

struct Shared {
    /// Taken out by `close`.
    database: RwLock<Option<Db>>,
    history: Mutex<History>,
    /// One batch at a time; readers never take it.
    writer: Mutex<()>,
    path: PathBuf,
}

impl SledEngine {
    /// Makes an empty, durable map in a directory that does not exist yet.
    pub fn create(path: &Path, cache_bytes: usize) -> Result<SledEngine, Error> {
        let engine = SledEngine::over(path, cache_bytes)?;
        engine.apply(0, &[])?;
        engine.checkpoint()?;
        Ok(engine)
    }

    /// Opens a directory made by [`create`](SledEngine::create). `cache_bytes` bounds sled's cache.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<SledEngine, Error> {
        let length = fs::metadata(path.join("db")).map(|found| found.len());
        if length.unwrap_or(0) == 0 {
            // sled would make a new, empty database here.
            return Err(Error::corrupt(format!("{} is missing or empty", path.join("db").display())));
        }
        let engine = SledEngine::over(path, cache_bytes)?;
        engine.applied()?;
        Ok(engine)
    }

    fn over(path: &Path, cache_bytes: usize) -> Result<SledEngine, Error> {
        remove_unfinished(path).map_err(|error| Error::io(format!("clean up {}", path.display()), error))?;
        let config = ::sled::Config::new().path(path).cache_capacity(cache_bytes as u64);
        let database = guard("open sled", || config.open())?;
        Ok(SledEngine {
            shared: Arc::new(Shared {
                database: RwLock::new(Some(database)),
                history: Mutex::default(),
                writer: Mutex::new(()),
                path: path.to_path_buf(),
            }),
        })
    }
}

/// Removes snapshots that were being written when the process ended: sled would take them for whole
/// (sled issue 1527).
fn remove_unfinished(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

impl Shared {
    fn with<T>(
        &self,
        action: &'static str,
        run: impl FnOnce(&Tree) -> Result<T, ::sled::Error>,
    ) -> Result<T, Error> {
        let database = self.database.read();
        let database = database.as_ref().ok_or(Error::Closed)?;
        guard(action, || run(database))
    }

    /// Syncs what sled only wrote.
    fn sync_files(&self) -> io::Result<()> {
        for directory in [self.path.clone(), self.path.join("blobs")] {
            if !directory.exists() {
                continue;
            }
            for entry in fs::read_dir(&directory)? {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    match fs::OpenOptions::new().read(true).write(true).open(entry.path()) {
                        // sled removes old snapshots meanwhile.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        file => file?.sync_all()?,
                    }
                }
            }
            if cfg!(unix) {
                fs::File::open(&directory)?.sync_all()?;
            }
        }
        Ok(())
    }
}

impl Engine for SledEngine {
    fn snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        if self.shared.database.read().is_none() {
            return Err(Error::Closed);
        }
        let version = self.shared.history.lock().begin_reading();
        Ok(Box::new(SledReader { shared: Arc::clone(&self.shared), version }))
    }

    fn apply(&self, sequence: u64, batch: &[Op]) -> Result<(), Error> {
        let _writer = self.shared.writer.lock();
        // What the batch replaces is kept before it is replaced: see `SledReader::get`.
        let mut operations = Vec::new();
        let mut replaced = Vec::new();
        for (key, value) in values::last_of_each_key(batch) {
            let old = self.shared.with("read sled", |tree| values::read(tree, key))?;
            values::plan(key, value, &old, &mut operations);
            replaced.push((key.to_vec(), old.into_value()));
        }
        self.shared.history.lock().begin_writing(replaced);
        operations.push((APPLIED.to_vec(), Some(sequence.to_le_bytes().to_vec())));
        let most = if self.applies_whole(batch) { operations.len() } else { BATCH_LIMIT };
        for part in operations.chunks(most) {
            self.shared.with("write sled", |tree| tree.apply_batch(values::to_sled(part)))?;
        }
        self.shared.history.lock().end_writing();
        Ok(())
    }

    fn applied(&self) -> Result<u64, Error> {
        let found = self.shared.with("read sled", |tree| tree.get(APPLIED))?;
        let number = found.and_then(|bytes| Some(u64::from_le_bytes(bytes.as_ref().try_into().ok()?)));
        number.ok_or_else(|| Error::corrupt("sled does not say which batch it holds"))
    }

    fn applies_whole(&self, batch: &[Op]) -> bool {
        let operations = batch.iter().map(|op| 1 + values::pieces_of(op.value().unwrap_or_default()));
        operations.sum::<usize>() < BATCH_LIMIT
    }

    fn checkpoint(&self) -> Result<(), Error> {
        self.shared.with("flush sled", Tree::flush)?;
        self.shared
            .sync_files()
            .map_err(|error| Error::io(format!("sync {}", self.shared.path.display()), error))
    }

    fn status(&self) -> Result<Status, Error> {
        let database = self.shared.database.read();
        let database = database.as_ref().ok_or(Error::Closed)?;
        let disk_bytes = guard("measure sled", || database.size_on_disk())?;
        Ok(Status { name: "sled", disk_bytes, sequence: self.applied()?, ..Status::default() })
    }

    fn close(&self) -> Result<(), Error> {
        let Some(database) = self.shared.database.write().take() else { return Ok(()) };
        guard("close sled", || {
            drop(database);
            Ok(())
        })?;
        wait_for_release(&self.shared.path.join("db")).map_err(|error| Error::io("close sled", error))
    }
}

impl Drop for SledEngine {
    fn drop(&mut self) {
        let _ = self.close(); // Whoever wants the error calls it before.
    }
}

/// Returns when sled has let go of its file: its threads hold it a little longer than the handle,
/// and the next opening would fail.
fn wait_for_release(file: &Path) -> io::Result<()> {
    let file = fs::File::open(file)?;
    for _ in 0..10_000 {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(fs::TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "sled does not let go of its file"))
}

impl fmt::Debug for SledEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SledEngine").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

/// One version of the map: what sled holds now, corrected by what later batches replaced.
struct SledReader {
    shared: Arc<Shared>,
    version: u64,
}

impl Drop for SledReader {
    fn drop(&mut self) {
        self.shared.history.lock().end_reading(self.version);
    }
}

impl Reader for SledReader {
    /// sled is read first and the history after it: a batch enters its replaced values into the
    /// history before it touches sled, so whatever was read too new, or torn, is corrected.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let found = self.shared.with("read sled", |tree| values::read(tree, key))?;
        match self.shared.history.lock().replaced(self.version, key) {
            Some(value) => Ok(value.map(<[u8]>::to_vec)),
            None => found.check(key),
        }
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        Ok(self.scan(start, end, false))
    }

    fn range_back(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        Ok(self.scan(start, end, true))
    }
}

type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);
type Entry = (Vec<u8>, Vec<u8>);

impl SledReader {
    fn scan(&self, start: &[u8], end: Option<&[u8]>, back: bool) -> Entries<'_> {
        let end_bound = end.map_or(Bound::Unbounded, |end| Bound::Excluded(end.to_vec()));
        let whole = (Bound::Included(start.to_vec()), end_bound);
        let mut rest = (!is_empty_range(start, end)).then_some(whole);
        let mut read = Vec::new().into_iter();
        Box::new(std::iter::from_fn(move || {
            loop {
                if let Some(entry) = read.next() {
                    return Some(Ok(entry));
                }
                match self.chunk(rest.take()?, back) {
                    Ok((entries, after)) => (read, rest) = (entries.into_iter(), after),
                    Err(error) => return Some(Err(error)),
                }
            }
        }))
    }

    /// The first entries of a range, in the order of the scan, and the range after them.
    fn chunk(&self, range: Range, back: bool) -> Result<(Vec<Entry>, Option<Range>), Error> {
        let found = self.shared.with("read sled", |tree| values::scan(tree, &range, CHUNK, back))?;
        // A full chunk covers the range up to its last key, any other the whole range.
        let last = found.last().filter(|_| found.len() == CHUNK).map(|(key, _)| key.clone());
        let (covered, after) = match (last, back) {
            (None, _) => (range, None),
            (Some(last), false) => {
                ((range.0, Bound::Included(last.clone())), Some((Bound::Excluded(last), range.1)))
            }
            (Some(last), true) => {
                ((Bound::Included(last.clone()), range.1), Some((range.0, Bound::Excluded(last))))
            }
        };
        let mut entries = std::collections::BTreeMap::<Vec<u8>, Found>::from_iter(found);
        self.shared.history.lock().correct(self.version, &covered, &mut entries);
        let mut list = Vec::with_capacity(entries.len());
        for (key, found) in entries {
            if let Some(value) = found.check(&key)? {
                list.push((key, value));
            }
        }
        if back {
            list.reverse();
        }
        Ok((list, after))
    }
}

/// Calls into sled: its errors as ours, and a panic as corruption.
fn guard<T>(action: &'static str, run: impl FnOnce() -> Result<T, ::sled::Error>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(::sled::Error::Io(source))) => Err(Error::io(action, source)),
        Ok(Err(error)) => Err(Error::corrupt(format!("{action}: {error}"))),
        Err(panic) => Err(Error::corrupt(format!("{action}: sled stopped with: {}", panic_text(&*panic)))),
    }
}
