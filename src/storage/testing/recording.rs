//! A disk in memory that records what is done to it.
//!
//! It behaves as a file system does while nothing goes wrong. [`RecordingDisk::fail_at`] makes one
//! operation fail; `cut.rs` builds from the record what a power cut leaves.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::storage::disk::{Access, Disk, DiskFile, Held};

/// A file, whatever its name is now.
pub(super) type FileId = usize;

/// Something that was done to the disk.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Write {
        file: FileId,
        offset: u64,
        bytes: Vec<u8>,
    },
    SetLen {
        file: FileId,
        length: u64,
    },
    Sync {
        file: FileId,
    },
    CreateDir {
        path: PathBuf,
    },
    Create {
        path: PathBuf,
        file: FileId,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    RemoveTree {
        path: PathBuf,
    },
    SyncDir {
        path: PathBuf,
    },
    /// A remark of the test.
    Note(u64),
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Directory,
    File(FileId),
}

/// Names and contents.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    pub(super) names: BTreeMap<PathBuf, Node>,
    pub(super) contents: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) files: Files,
    /// The files before the first event.
    pub(super) first: Files,
    pub(super) events: Vec<Event>,
    /// Readers of a locked file, or `None` for one writer.
    locks: BTreeMap<FileId, Option<usize>>,
    operations: u64,
    fail_at: u64,
}

/// A disk in memory that records what is done to it. Clones are the same disk.
///
/// ```
/// use std::path::Path;
/// use reunite::storage::{Access, Disk};
/// use reunite::storage::testing::{Cut, RecordingDisk};
/// let disk = RecordingDisk::new();
/// let file = disk.file("journal")?;
/// disk.sync_dir(Path::new(""))?;
/// file.write_at(0, b"synced")?;
/// file.sync()?;
/// file.write_at(6, b", not synced")?;
/// let after = disk.after_cut(disk.events(), Cut::Lost);
/// assert_eq!(after.open(Path::new("journal"), Access::Read)?.len()?, 6);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RecordingDisk {
    pub(super) state: Arc<Mutex<State>>,
}

impl RecordingDisk {
    /// An empty disk; every path's parent exists.
    #[must_use]
    pub fn new() -> RecordingDisk {
        RecordingDisk::default()
    }

    pub(super) fn with(files: Files) -> RecordingDisk {
        let state = State { first: files.clone(), files, ..State::default() };
        RecordingDisk { state: Arc::new(Mutex::new(state)) }
    }

    /// An empty file of this name, for a test that needs no directory.
    ///
    /// # Errors
    /// If there is one of this name.
    pub fn file(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.create(Path::new(name))
    }

    /// Puts a remark into the record.
    pub fn note(&self, remark: u64) {
        self.state.lock().events.push(Event::Note(remark));
    }

    /// How many events are recorded so far.
    #[must_use]
    pub fn events(&self) -> usize {
        self.state.lock().events.len()
    }

    /// The last remark within the first `events` events.
    #[must_use]
    pub fn last_note(&self, events: usize) -> Option<u64> {
        self.state.lock().events.iter().take(events).rev().find_map(|event| match event {
            Event::Note(remark) => Some(*remark),
            _ => None,
        })
    }

    /// Makes the k-th operation from now fail, counted from 1; a failing write writes its first
    /// half. 0: none fails.
    ///
    /// ```
    /// use reunite::storage::testing::RecordingDisk;
    /// let disk = RecordingDisk::new();
    /// disk.fail_at(2);
    /// assert!(disk.file("first").is_ok());
    /// assert!(disk.file("second").is_err());
    /// assert!(disk.file("second").is_ok());
    /// ```
    pub fn fail_at(&self, k: u64) {
        let mut state = self.state.lock();
        state.operations = 0;
        state.fail_at = k;
    }

    /// Operations since the last [`fail_at`](RecordingDisk::fail_at).
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }
}

impl State {
    fn step(&mut self) -> io::Result<()> {
        self.operations += 1;
        if self.operations == self.fail_at { Err(io::Error::other("injected failure")) } else { Ok(()) }
    }

    fn record(&mut self, event: Event) -> io::Result<()> {
        self.step()?;
        self.files.apply(&event)?;
        self.events.push(event);
        Ok(())
    }
}

impl Files {
    /// Does what an event says.
    pub(super) fn apply(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Write { file, offset, bytes } => self.write(*file, *offset, bytes),
            Event::SetLen { file, length } => {
                let length = usize::try_from(*length).map_err(io::Error::other)?;
                self.content(*file)?.resize(length, 0);
                Ok(())
            }
            Event::CreateDir { path } => self.add(path, Node::Directory),
            Event::Create { path, file } => {
                self.content(*file)?;
                self.add(path, Node::File(*file))
            }
            Event::Rename { from, to } => self.rename(from, to),
            Event::RemoveTree { path } => {
                self.names.retain(|name, _| !name.starts_with(path));
                Ok(())
            }
            Event::Sync { .. } | Event::SyncDir { .. } | Event::Note(_) => Ok(()),
        }
    }

    fn write(&mut self, file: FileId, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let content = self.content(file)?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start + bytes.len();
        content.resize(content.len().max(end), 0);
        content.get_mut(start..end).unwrap_or_default().copy_from_slice(bytes);
        Ok(())
    }

    fn content(&mut self, file: FileId) -> io::Result<&mut Vec<u8>> {
        if self.contents.len() <= file {
            self.contents.resize(file + 1, Vec::new());
        }
        self.contents.get_mut(file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<()> {
        match self.names.insert(path.to_path_buf(), node) {
            None => Ok(()),
            Some(old) => {
                self.names.insert(path.to_path_buf(), old);
                Err(io::ErrorKind::AlreadyExists.into())
            }
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inside = |name: &PathBuf| name.starts_with(to) && name != to;
        if self.names.keys().any(inside) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        if !self.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let moved = std::mem::take(&mut self.names);
        self.names = moved
            .into_iter()
            .filter(|(name, _)| name != to)
            .map(|(name, node)| match name.strip_prefix(from) {
                Ok(rest) if rest.as_os_str().is_empty() => (to.to_path_buf(), node),
                Ok(rest) => (to.join(rest), node),
                Err(_) => (name, node),
            })
            .collect();
        Ok(())
    }

    fn file(&self, path: &Path) -> io::Result<FileId> {
        match self.names.get(path) {
            Some(Node::File(file)) => Ok(*file),
            Some(Node::Directory) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Disk for RecordingDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.state.lock().record(Event::CreateDir { path: path.to_path_buf() })
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        let file = state.files.contents.len();
        state.record(Event::Create { path: path.to_path_buf(), file })?;
        Ok(Arc::new(RecordedFile { disk: self.clone(), file, access: Access::Write }))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        state.step()?;
        let file = state.files.file(path)?;
        Ok(Arc::new(RecordedFile { disk: self.clone(), file, access }))
    }

    fn lock(&self, path: &Path, access: Access) -> io::Result<Option<Box<dyn Held>>> {
        let mut state = self.state.lock();
        state.step()?;
        let file = state.files.file(path)?;
        let taken = match (state.locks.get(&file).copied(), access) {
            (None, Access::Write) => None,
            (None, Access::Read) => Some(1),
            (Some(Some(readers)), Access::Read) => Some(readers + 1),
            _ => return Ok(None),
        };
        state.locks.insert(file, taken);
        Ok(Some(Box::new(RecordedLock { disk: self.clone(), file })))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state.lock();
        state.step()?;
        match state.files.names.get(path) {
            Some(Node::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
            None if path.file_name().is_some() => return Err(io::ErrorKind::NotFound.into()),
            _ => {}
        }
        let inside = state.files.names.keys().filter(|name| name.parent() == Some(path));
        Ok(inside.filter_map(|name| Some(name.file_name()?.to_string_lossy().into_owned())).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state.lock().record(Event::Rename { from: from.to_path_buf(), to: to.to_path_buf() })
    }

    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        self.state.lock().record(Event::RemoveTree { path: path.to_path_buf() })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.state.lock().record(Event::SyncDir { path: path.to_path_buf() })
    }

    fn system_path(&self, _path: &Path) -> Option<PathBuf> {
        None
    }
}

#[derive(Debug)]
struct RecordedLock {
    disk: RecordingDisk,
    file: FileId,
}

impl Held for RecordedLock {
    fn sign(&self, text: &str) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.record(Event::SetLen { file: self.file, length: 0 })?;
        state.record(Event::Write { file: self.file, offset: 0, bytes: text.as_bytes().to_vec() })
    }
}

impl Drop for RecordedLock {
    fn drop(&mut self) {
        let mut state = self.disk.state.lock();
        match state.locks.get_mut(&self.file) {
            Some(Some(readers)) if *readers > 1 => *readers -= 1,
            _ => drop(state.locks.remove(&self.file)),
        }
    }
}

struct RecordedFile {
    disk: RecordingDisk,
    file: FileId,
    access: Access,
}

impl std::fmt::Debug for RecordedFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RecordedFile({})", self.file)
    }
}

impl RecordedFile {
    fn change(&self, event: Event) -> io::Result<()> {
        if self.access == Access::Read {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.disk.state.lock().record(event)
    }
}

impl DiskFile for RecordedFile {
    fn len(&self) -> io::Result<u64> {
        let mut state = self.disk.state.lock();
        state.step()?;
        Ok(state.files.content(self.file)?.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.step()?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let content = state.files.content(self.file)?;
        let bytes = content.get(start..start + buffer.len());
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let result = self.change(Event::Write { file: self.file, offset, bytes: bytes.to_vec() });
        if result.is_err() && self.access == Access::Write {
            let mut state = self.disk.state.lock();
            let half = bytes.iter().take(bytes.len() / 2).copied().collect();
            let event = Event::Write { file: self.file, offset, bytes: half };
            state.files.apply(&event)?;
            state.events.push(event);
        }
        result
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Event::SetLen { file: self.file, length })
    }

    fn sync(&self) -> io::Result<()> {
        self.change(Event::Sync { file: self.file })
    }
}
