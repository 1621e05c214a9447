//! The few file operations that the database directory needs, behind a trait.
//!
//! Journal, directory and redb reach the disk only through [`Disk`] and [`DiskFile`], so that a test
//! can record every write and sync and build the files as a power cut at any moment would leave
//! them. Nothing is cached or retried here.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// For what a file is opened, or a directory locked.
///
/// ```
/// use reunite::storage::{Access, Disk, SystemDisk};
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("LOCK");
/// SystemDisk.create(&path)?;
/// let readers = [SystemDisk.lock(&path, Access::Read)?, SystemDisk.lock(&path, Access::Read)?];
/// assert!(readers.iter().all(Option::is_some));
/// assert!(SystemDisk.lock(&path, Access::Write)?.is_none()); // not while others read
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading only. A lock taken so is shared with other readers.
    Read,
    /// Reading and writing. A lock taken so excludes everyone else.
    Write,
}

/// A lock; it ends when the value is dropped.
///
/// See [`Access`] for an example.
pub trait Held: Send + Sync + fmt::Debug {
    /// Replaces the content of the locked file. Windows lets only the lock's own handle do it.
    fn sign(&self, text: &str) -> io::Result<()>;
}

/// A file system, or something that behaves as one.
///
/// ```
/// use reunite::storage::{Disk, SystemDisk};
/// let directory = tempfile::tempdir()?;
/// let file = SystemDisk.create(&directory.path().join("notes"))?;
/// file.write_at(2, b"ab")?;
/// let mut bytes = [9; 4];
/// file.read_at(0, &mut bytes)?;
/// assert_eq!(&bytes, b"\0\0ab"); // the gap is zeros
/// assert_eq!(SystemDisk.list(directory.path())?, ["notes"]);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Every method: as the operating system says, or as a test wants it.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Makes a directory; fails if there is something of that name.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes an empty file; fails if there is something of that name.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file that exists.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Locks a file that exists, at once or not at all (`None`: someone else holds it).
    fn lock(&self, path: &Path, access: Access) -> io::Result<Option<Box<dyn Held>>>;

    /// The names in a directory, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Renames a file or a directory. A directory does not replace one that holds something.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a directory with everything in it.
    fn remove_tree(&self, path: &Path) -> io::Result<()>;

    /// Returns when the names in a directory survive a power cut.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// The same path for code that opens files itself; `None` if this disk is not the system's.
    fn system_path(&self, path: &Path) -> Option<PathBuf>;
}

/// An open file. Reads and writes name their place, so threads may share it.
///
/// See [`Disk`] for an example.
///
/// # Errors
/// As for [`Disk`].
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// The length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no byte.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills the buffer from this place on; fails if the file ends before.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all bytes at this place; the file grows as needed, with zeros in a gap.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file, or lengthens it with zeros.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Returns when the bytes and the length survive a power cut.
    fn sync(&self) -> io::Result<()>;
}

/// The operating system's file system.
///
/// See [`Disk`] for an example.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(Arc::new(SystemFile::new(file)))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(access == Access::Write).open(path)?;
        Ok(Arc::new(SystemFile::new(file)))
    }

    fn lock(&self, path: &Path, access: Access) -> io::Result<Option<Box<dyn Held>>> {
        let file = OpenOptions::new().read(true).write(access == Access::Write).open(path)?;
        let outcome = match access {
            Access::Read => file.try_lock_shared(),
            Access::Write => file.try_lock(),
        };
        match outcome {
            Ok(()) => Ok(Some(Box::new(SystemLock { file: SystemFile::new(file) }))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    /// Windows cannot sync a directory; there NTFS journals names itself.
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn system_path(&self, path: &Path) -> Option<PathBuf> {
        Some(path.to_path_buf())
    }
}

/// The lock belongs to the open file and ends with it, also when the process is killed.
#[derive(Debug)]
struct SystemLock {
    file: SystemFile,
}

impl Held for SystemLock {
    fn sign(&self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_at(0, text.as_bytes())
    }
}

#[derive(Debug)]
struct SystemFile {
    file: File,
    /// Where the system has no positional reads, the file's one position is taken under this lock.
    #[cfg(not(unix))]
    position: parking_lot::Mutex<()>,
}

impl SystemFile {
    fn new(file: File) -> SystemFile {
        SystemFile {
            file,
            #[cfg(not(unix))]
            position: parking_lot::Mutex::new(()),
        }
    }
}

impl DiskFile for SystemFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset)
    }

    #[cfg(unix)]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, offset)
    }

    #[cfg(not(unix))]
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        use std::io::{Read, Seek, SeekFrom};
        let _position = self.position.lock();
        (&self.file).seek(SeekFrom::Start(offset))?;
        (&self.file).read_exact(buffer)
    }

    #[cfg(not(unix))]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        use std::io::{Seek, SeekFrom, Write};
        let _position = self.position.lock();
        (&self.file).seek(SeekFrom::Start(offset))?;
        (&self.file).write_all(bytes)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
