//! The default engine: redb, a copy-on-write B-tree in one file.
//!
//! Batches are committed without durability, which costs no sync; a checkpoint is one durable
//! commit with quick repair, so that opening after a crash does not walk the file. After a crash
//! redb shows the state of its last checkpoint; the journal brings the rest. A database gathers its
//! batches before they come here (`buffered.rs`): each costs a commit. redb reaches the disk
//! through [`DiskFile`]. Making a file is not safe against a crash: the directory does that under a
//! temporary name. redb may panic on a file that something else damaged (its documentation of
//! `open` says so), therefore every call into it is guarded and a panic becomes `Error::Corrupt`.

use std::fmt;
use std::io;
use std::iter::Peekable;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::RwLock;
use redb::{CompactionError, Database, ReadOnlyTable, ReadableDatabase, StorageError, TableDefinition};

use super::disk::DiskFile;
use super::{Engine, Entries, Op, Reader, Status, is_empty_range};
use crate::error::Error;

const DATA: TableDefinition<&[u8], &[u8]> = TableDefinition::new("data");
const STATE: TableDefinition<&str, u64> = TableDefinition::new("state");
const APPLIED: &str = "applied";

type Table = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// An engine over one redb file.
///
/// ```
/// use reunite::storage::{Disk, Engine, Op, RedbEngine, SystemDisk};
/// let directory = tempfile::tempdir()?;
/// let file = SystemDisk.create(&directory.path().join("data.redb"))?;
/// let engine = RedbEngine::create(file, 1 << 20)?;
/// engine.apply(1, &[Op::put(b"k", b"v")])?;
/// engine.checkpoint()?; // from here on a power cut does not undo it
/// assert_eq!(engine.snapshot()?.get(b"k")?, Some(b"v".to_vec()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Every method: as for [`Engine`].
pub struct RedbEngine {
    /// Taken out by `close`.
    database: RwLock<Option<Database>>,
    file: Arc<dyn DiskFile>,
}

impl RedbEngine {
    /// Makes an empty, durable map in an empty file.
    pub fn create(file: Arc<dyn DiskFile>, cache_bytes: usize) -> Result<RedbEngine, Error> {
        let engine = RedbEngine::over(file, cache_bytes)?;
        engine.apply(0, &[])?;
        engine.checkpoint()?;
        Ok(engine)
    }

    /// Opens a file made by [`create`](RedbEngine::create). `cache_bytes` bounds redb's page cache.
    pub fn open(file: Arc<dyn DiskFile>, cache_bytes: usize) -> Result<RedbEngine, Error> {
        if file.is_empty().map_err(|error| Error::io("read the length of data.redb", error))? {
            return Err(Error::corrupt("data.redb is empty"));
        }
        let engine = RedbEngine::over(file, cache_bytes)?;
        engine.applied()?;
        Ok(engine)
    }

    fn over(file: Arc<dyn DiskFile>, cache_bytes: usize) -> Result<RedbEngine, Error> {
        let backend = Backend(Arc::clone(&file));
        let database = guard("open data.redb", || {
            Database::builder().set_cache_size(cache_bytes).create_with_backend(backend)
        })?;
        Ok(RedbEngine { database: RwLock::new(Some(database)), file })
    }

    /// Sets these keys to these values, or removes those without one: as a batch, and as a checkpoint too if it
    /// is to last.
    pub(super) fn write<'o>(
        &self,
        sequence: u64,
        changes: impl Iterator<Item = (&'o [u8], Option<&'o [u8]>)>,
        lasting: Lasting,
    ) -> Result<(), Error> {
        self.with("write data.redb", |database| {
            let mut transaction = database.begin_write()?;
            match lasting {
                Lasting::No => transaction.set_durability(redb::Durability::None)?,
                Lasting::Yes => transaction.set_quick_repair(true),
            }
            {
                let mut data = transaction.open_table(DATA)?;
                change(&mut data, changes)?;
                transaction.open_table(STATE)?.insert(APPLIED, sequence)?;
            }
            transaction.commit().map_err(redb::Error::from)
        })
    }

    /// Runs something with the database, which must not have been closed.
    fn with<T, E: Into<redb::Error>>(
        &self,
        action: &'static str,
        run: impl FnOnce(&Database) -> Result<T, E>,
    ) -> Result<T, Error> {
        let database = self.database.read();
        let database = database.as_ref().ok_or(Error::Closed)?;
        guard(action, || run(database))
    }
}

/// Whether what is written survives a power cut from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasting {
    No,
    Yes,
}

/// Sets and removes, one after the other; what is new and in order goes in as runs.
fn change<'o>(
    data: &mut redb::Table<'_, &'static [u8], &'static [u8]>,
    changes: impl Iterator<Item = (&'o [u8], Option<&'o [u8]>)>,
) -> Result<(), redb::Error> {
    let mut changes = changes.peekable();
    // Keys in no order have no runs. Looking for one costs as much as an insert, so ever fewer are looked for.
    let (mut pause, mut patience) = (0, 0);
    while let Some((key, value)) = changes.next() {
        match value {
            Some(value) => data.insert(key, value)?,
            None => data.remove(key)?,
        };
        if pause > 0 {
            pause -= 1;
        } else if insert_run(data, key, &mut changes)? == 0 {
            patience = (patience * 2 + 1).min(MAX_PAUSE);
            pause = patience;
        } else {
            patience = 0;
        }
    }
    Ok(())
}

/// How many keys are inserted one by one before a run is looked for again.
const MAX_PAUSE: u32 = 63;

/// Inserts what comes next and belongs between `key`, which is there, and the key that follows it there. redb fills
/// the pages of such a run; those that it splits for single keys stay half empty. Returns how many there were.
fn insert_run<'o>(
    data: &mut redb::Table<'_, &'static [u8], &'static [u8]>,
    key: &[u8],
    changes: &mut Peekable<impl Iterator<Item = (&'o [u8], Option<&'o [u8]>)>>,
) -> Result<u32, redb::Error> {
    if !matches!(changes.peek(), Some((next, Some(_))) if *next > key) {
        return Ok(0);
    }
    let mut gap = data.upper_bound_mut(Bound::Included(key))?;
    let end = gap.peek_next()?.map(|(key, _)| key.value().to_vec());
    let (mut last, mut count) = (key, 0);
    while let Some((next, Some(value))) = changes.next_if(|(next, value)| {
        value.is_some() && *next > last && end.as_deref().is_none_or(|end| *next < end)
    }) {
        gap.insert_before(next, value)?;
        (last, count) = (next, count + 1);
    }
    gap.close()?;
    Ok(count)
}

impl Engine for RedbEngine {
    fn snapshot(&self) -> Result<Box<dyn Reader>, Error> {
        let table = self.with("read data.redb", |database| {
            Ok::<_, redb::Error>(database.begin_read()?.open_table(DATA)?)
        })?;
        Ok(Box::new(RedbReader { table }))
    }

    fn apply(&self, sequence: u64, batch: &[Op]) -> Result<(), Error> {
        self.write(sequence, batch.iter().map(|op| (op.key(), op.value())), Lasting::No)
    }

    fn applied(&self) -> Result<u64, Error> {
        let found = self.with("read data.redb", |database| {
            let state = database.begin_read()?.open_table(STATE)?;
            let applied = state.get(APPLIED)?.map(|guard| guard.value());
            Ok::<_, redb::Error>(applied)
        })?;
        found.ok_or_else(|| Error::corrupt("data.redb does not say which batch it holds"))
    }

    fn checkpoint(&self) -> Result<(), Error> {
        self.with("checkpoint data.redb", |database| {
            let mut transaction = database.begin_write()?;
            transaction.set_quick_repair(true);
            transaction.commit().map_err(redb::Error::from)
        })
    }

    fn compact(&self) -> Result<bool, Error> {
        let mut database = self.database.write();
        let database = database.as_mut().ok_or(Error::Closed)?;
        guard("compact data.redb", || match database.compact() {
            Ok(_) => Ok(true),
            Err(CompactionError::TransactionInProgress) => Ok(false), // Somebody is reading.
            Err(error) => Err(redb::Error::from(error)),
        })
    }

    fn status(&self) -> Result<Status, Error> {
        let disk_bytes = self.file.len().map_err(|error| Error::io("read the length of data.redb", error))?;
        Ok(Status { name: "redb", disk_bytes, sequence: self.applied()?, ..Status::default() })
    }

    fn close(&self) -> Result<(), Error> {
        let database = self.database.write().take();
        database.map_or(Ok(()), |database| guard("close data.redb", || database.close()))
    }
}

impl fmt::Debug for RedbEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RedbEngine").field("file", &self.file).finish_non_exhaustive()
    }
}

/// A redb read transaction; it keeps its pages until dropped.
struct RedbReader {
    table: Table,
}

impl RedbReader {
    fn entries(&self, start: &[u8], end: Option<&[u8]>, back: bool) -> Result<Entries<'_>, Error> {
        if is_empty_range(start, end) {
            return Ok(Box::new(std::iter::empty()));
        }
        let bounds = (Bound::Included(start), end.map_or(Bound::Unbounded, Bound::Excluded));
        let mut range = guard("read data.redb", || self.table.range::<&[u8]>(bounds))?;
        Ok(Box::new(std::iter::from_fn(move || {
            let step = guard("read data.redb", || {
                let step = if back { range.next_back() } else { range.next() };
                let owned =
                    step.transpose()?.map(|(key, value)| (key.value().to_vec(), value.value().to_vec()));
                Ok::<_, StorageError>(owned)
            });
            step.transpose()
        })))
    }
}

impl Reader for RedbReader {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        guard("read data.redb", || {
            Ok::<_, StorageError>(self.table.get(key)?.map(|value| value.value().to_vec()))
        })
    }

    fn range(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        self.entries(start, end, false)
    }

    fn range_back(&self, start: &[u8], end: Option<&[u8]>) -> Result<Entries<'_>, Error> {
        self.entries(start, end, true)
    }
}

/// Calls into redb: its errors as ours, and a panic as corruption.
fn guard<T, E: Into<redb::Error>>(
    action: &'static str,
    run: impl FnOnce() -> Result<T, E>,
) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| translate(action, error.into())),
        Err(panic) => Err(Error::corrupt(format!("{action}: redb stopped with: {}", panic_text(&*panic)))),
    }
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message").to_owned()
}

fn translate(action: &'static str, error: redb::Error) -> Error {
    match error {
        redb::Error::Io(source) if is_damage(source.kind()) => Error::corrupt(format!("{action}: {source}")),
        redb::Error::Io(source) => Error::io(action, source),
        redb::Error::ValueTooLarge(size) => {
            Error::Limit { what: "a value".to_owned(), size: size as u64, limit: VALUE_LIMIT }
        }
        redb::Error::DatabaseClosed => Error::Closed,
        redb::Error::PreviousIo | redb::Error::LockPoisoned(_) => {
            Error::Poisoned { cause: error.to_string() }
        }
        // A wrong table, type or file format: none of it is what this engine writes.
        other => Error::corrupt(format!("{action}: {other}")),
    }
}

/// Whether an error is about the file's content: redb tells so of a wrong magic number.
fn is_damage(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// redb's own limit of a value.
const VALUE_LIMIT: u64 = 3 * 1024 * 1024 * 1024;

/// Lets redb read and write a [`DiskFile`]. The directory's lock stands in for redb's own.
#[derive(Debug)]
struct Backend(Arc<dyn DiskFile>);

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }
}
