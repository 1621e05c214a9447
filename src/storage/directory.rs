//! The database directory: `LOCK`, `MANIFEST`, `journal`, and the engine's `data.redb` or `sled/`.
//!
//! It is made under a temporary name beside its place, synced and renamed, so that a crash leaves
//! either no database or a whole one. Opening takes the lock first; whatever is wrong then is an
//! error that names the path, and nothing was changed.

use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use super::buffered::BufferedEngine;
use super::disk::{Access, Disk, DiskFile, Held};
use super::journal::Journal;
use super::manifest;
use super::overlay::OverlayFile;
use super::redb::RedbEngine;
use super::{Engine, Op};
use crate::error::Error;

const LOCK: &str = "LOCK";
const MANIFEST: &str = "MANIFEST";
const JOURNAL: &str = "journal";
const REDB: &str = "data.redb";
#[cfg(feature = "sled")]
const SLED: &str = "sled";

/// The engines that keep a database on disk.
///
/// ```
/// use reunite::storage::EngineKind;
/// assert_eq!(EngineKind::from_name("redb"), Some(EngineKind::default()));
/// assert_eq!(EngineKind::from_name("sqlite"), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineKind {
    /// redb: the default.
    #[default]
    Redb,
    /// sled 0.34, with the feature `sled`; docs/ENGINES.md states its limits.
    Sled,
}

impl EngineKind {
    /// The name, as given on the command line and kept in the directory.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EngineKind::Redb => "redb",
            EngineKind::Sled => "sled",
        }
    }

    /// The engine of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<EngineKind> {
        [EngineKind::Redb, EngineKind::Sled].into_iter().find(|kind| kind.name() == name)
    }
}

/// A locked database directory.
#[derive(Debug)]
pub(super) struct Directory {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    access: Access,
    kind: EngineKind,
    /// If open for writing, its file names the holder.
    lock: Box<dyn Held>,
}

/// Makes a new database at `path`, where there must be nothing or an empty directory.
/// Its first batch stands in the journal before it gets its name.
pub(super) fn create(disk: &dyn Disk, path: &Path, kind: EngineKind, first: &[Op]) -> Result<(), Error> {
    let what = || format!("create {}", path.display());
    let io = |error| Error::io(what(), error);
    let occupied = match disk.list(path) {
        Ok(names) => !names.is_empty(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(io(error)),
    };
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
        return Err(io(io::Error::new(io::ErrorKind::InvalidInput, "the path does not end with a name")));
    };
    if occupied {
        return Err(io(io::Error::new(io::ErrorKind::AlreadyExists, "the directory is not empty")));
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    remove_leftovers(disk, parent, &name).map_err(io)?;
    let temporary = temporary_directory(disk, parent, &name).map_err(io)?;
    let result = fill(disk, &temporary, kind, first).and_then(|()| {
        disk.rename(&temporary, path).map_err(io)?;
        disk.sync_dir(parent).map_err(io)
    });
    if result.is_err() {
        let _ = disk.remove_tree(&temporary); // The first error says more.
    }
    result
}

/// Removes what creations left behind that did not end. One that is still at work holds its lock.
fn remove_leftovers(disk: &dyn Disk, parent: &Path, name: &str) -> io::Result<()> {
    let prefix = format!("{name}.tmp-");
    for leftover in disk.list(parent)?.iter().filter(|other| other.starts_with(&prefix)) {
        let leftover = parent.join(leftover);
        if let Ok(Some(lock)) = disk.lock(&leftover.join(LOCK), Access::Write) {
            drop(lock); // Windows removes no open file.
            disk.remove_tree(&leftover)?;
        }
    }
    Ok(())
}

fn temporary_directory(disk: &dyn Disk, parent: &Path, name: &str) -> io::Result<PathBuf> {
    let mut attempt = 0_u32;
    loop {
        let path = parent.join(format!("{name}.tmp-{}-{attempt}", process::id()));
        match disk.create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => attempt += 1,
            result => return result.map(|()| path),
        }
    }
}

/// Writes all files of a new database and syncs them. The lock ends with the return: Windows
/// renames no directory with an open file.
fn fill(disk: &dyn Disk, path: &Path, kind: EngineKind, first: &[Op]) -> Result<(), Error> {
    let io = |error| Error::io(format!("create {}", path.display()), error);
    disk.create(&path.join(LOCK)).map_err(io)?;
    let _lock = disk.lock(&path.join(LOCK), Access::Write).map_err(io)?;
    let journal = disk.create(&path.join(JOURNAL)).map_err(io)?;
    Journal::create(&*journal, first)?;
    create_engine(disk, path, kind)?;
    let file = disk.create(&path.join(MANIFEST)).map_err(io)?;
    file.write_at(0, &manifest::encode(kind)).and_then(|()| file.sync()).map_err(io)?;
    disk.sync_dir(path).map_err(io)
}

/// Makes an empty engine in a directory.
fn create_engine(disk: &dyn Disk, path: &Path, kind: EngineKind) -> Result<(), Error> {
    match kind {
        EngineKind::Redb => {
            let file = disk.create(&path.join(REDB));
            let file = file.map_err(|error| Error::io(format!("create {}", path.display()), error))?;
            RedbEngine::create(file, 1 << 20)?.close()
        }
        #[cfg(feature = "sled")]
        EngineKind::Sled => super::sled::SledEngine::create(&sled_path(disk, path)?, 1 << 20)?.close(),
        #[cfg(not(feature = "sled"))]
        EngineKind::Sled => Err(without_sled(path)),
    }
}

#[cfg(not(feature = "sled"))]
fn without_sled(path: &Path) -> Error {
    unsupported(path, "the engine is sled, which this program was built without")
}

#[cfg(feature = "sled")]
fn sled_path(disk: &dyn Disk, path: &Path) -> Result<PathBuf, Error> {
    let path = path.join(SLED);
    disk.system_path(&path)
        .ok_or_else(|| unsupported(&path, "sled needs a directory of the system's file system"))
}

fn unsupported(path: &Path, reason: &str) -> Error {
    Error::io(format!("open {}", path.display()), io::Error::new(io::ErrorKind::Unsupported, reason))
}

impl Directory {
    /// Locks and checks a database directory.
    pub(super) fn open(disk: Arc<dyn Disk>, path: &Path, access: Access) -> Result<Directory, Error> {
        let names = names(&*disk, path)?;
        for required in [MANIFEST, LOCK] {
            if !names.iter().any(|name| name == required) {
                let reason = format!("it has no file {required}");
                return Err(Error::NotADatabase { path: path.to_path_buf(), reason });
            }
        }
        let lock = acquire(&*disk, path, access)?;
        let kind = manifest::decode(&read_all(&*disk, &path.join(MANIFEST))?)?;
        if access == Access::Write {
            lock.sign(&format!("{}\n", process::id()))
                .map_err(|error| Error::io(format!("write {}", path.join(LOCK).display()), error))?;
        }
        Ok(Directory { disk, path: path.to_path_buf(), access, kind, lock })
    }

    /// Opens the engine as it stands on disk, before any replay.
    pub(super) fn engine(&self, cache_bytes: usize) -> Result<Box<dyn Engine>, Error> {
        match self.kind {
            EngineKind::Redb => {
                let engine = RedbEngine::open(self.file(REDB)?, cache_bytes)?;
                Ok(Box::new(BufferedEngine::new(engine)?))
            }
            #[cfg(feature = "sled")]
            EngineKind::Sled if self.access == Access::Read => {
                Err(unsupported(&self.path, "sled cannot open a database without writing to it"))
            }
            #[cfg(feature = "sled")]
            EngineKind::Sled => {
                let path = sled_path(&*self.disk, &self.path)?;
                Ok(Box::new(super::sled::SledEngine::open(&path, cache_bytes)?))
            }
            #[cfg(not(feature = "sled"))]
            EngineKind::Sled => Err(without_sled(&self.path)),
        }
    }

    /// The journal's file.
    pub(super) fn journal(&self) -> Result<Arc<dyn DiskFile>, Error> {
        self.file(JOURNAL)
    }

    /// A file of the directory; if it is open for reading only, with an overlay that takes writes.
    fn file(&self, name: &str) -> Result<Arc<dyn DiskFile>, Error> {
        let path = self.path.join(name);
        let io = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::corrupt(format!("{} is missing", path.display())),
            _ => Error::io(format!("open {}", path.display()), error),
        };
        let file = self.disk.open(&path, self.access).map_err(io)?;
        match self.access {
            Access::Write => Ok(file),
            Access::Read => Ok(Arc::new(OverlayFile::new(file).map_err(io)?)),
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.access == Access::Write {
            let _ = self.lock.sign(""); // Only a name for an error message.
        }
    }
}

fn names(disk: &dyn Disk, path: &Path) -> Result<Vec<String>, Error> {
    let error = match disk.list(path) {
        Ok(names) => return Ok(names),
        Err(error) => error,
    };
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "there is no such directory",
        io::ErrorKind::NotADirectory => "it is a file",
        _ => return Err(Error::io(format!("open {}", path.display()), error)),
    };
    Err(Error::NotADatabase { path: path.to_path_buf(), reason: reason.to_owned() })
}

fn acquire(disk: &dyn Disk, path: &Path, access: Access) -> Result<Box<dyn Held>, Error> {
    let file = path.join(LOCK);
    let lock =
        disk.lock(&file, access).map_err(|error| Error::io(format!("lock {}", file.display()), error))?;
    lock.ok_or_else(|| {
        // If it can be shared, readers hold it, and the name in the file is that of an earlier writer.
        let shared = disk.lock(&file, Access::Read).is_ok_and(|lock| lock.is_some());
        let holder = if shared { " for reading only".to_owned() } else { holder(disk, &file) };
        Error::AlreadyOpen { path: path.to_path_buf(), holder }
    })
}

/// Who wrote its name into the lock's file, as the end of a sentence.
fn holder(disk: &dyn Disk, file: &Path) -> String {
    let text = read_all(disk, file).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match text.and_then(|text| text.trim().parse::<u32>().ok()) {
        Some(id) if id == process::id() => " in this process".to_owned(),
        Some(id) => format!(" in process {id}"),
        None => String::new(),
    }
}

/// Reads a small file.
fn read_all(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, Error> {
    let read = || {
        let file = disk.open(path, Access::Read)?;
        let length = usize::try_from(file.len()?.min(1 << 16)).unwrap_or(0);
        let mut bytes = vec![0; length];
        file.read_at(0, &mut bytes).map(|()| bytes)
    };
    read().map_err(|error| Error::io(format!("read {}", path.display()), error))
}
