//! What a power cut leaves of a recorded disk.
//!
//! The model is strict. What was not synced may be lost, kept, torn at 512 bytes, or kept in any
//! subset of its 512-byte sectors. Names are lost unless their directory was synced; of one
//! directory a prefix of the changes is kept, of several directories any combination of prefixes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Random;
use super::recording::{Event, Files, RecordingDisk};

const SECTOR: usize = 512;

/// What becomes of everything that was not synced.
///
/// See [`RecordingDisk`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// All of it is lost.
    Lost,
    /// All of it is kept, as when only the process is killed.
    Kept,
    /// All of it is kept but the last write, of which only the first sectors are; chosen by the seed.
    Torn(u64),
    /// Any sectors of any writes are kept, as if reordered; chosen by the seed.
    Subset(u64),
}

impl RecordingDisk {
    /// The disk as a power cut after the first `events` events leaves it.
    #[must_use]
    pub fn after_cut(&self, events: usize, cut: Cut) -> RecordingDisk {
        let state = self.state.lock();
        let recorded = state.events.get(..events).unwrap_or(&state.events);
        let synced = Synced::of(recorded);
        let mut choice = Choice::new(cut, recorded, &synced);
        let mut files = state.first.clone();
        for (place, event) in recorded.iter().enumerate() {
            let kept =
                if synced.covers(place, event) { Some(event.clone()) } else { choice.keep(place, event) };
            if let Some(event) = kept.filter(|event| files.has_parent(event)) {
                // What cannot happen any more, as something before it was lost, does not.
                let _ = files.apply(&event);
            }
        }
        RecordingDisk::with(files)
    }
}

/// Where each file and each directory was synced last.
struct Synced {
    files: BTreeMap<usize, usize>,
    directories: BTreeMap<PathBuf, usize>,
}

impl Synced {
    fn of(events: &[Event]) -> Synced {
        let mut synced = Synced { files: BTreeMap::new(), directories: BTreeMap::new() };
        for (place, event) in events.iter().enumerate() {
            match event {
                Event::Sync { file } => drop(synced.files.insert(*file, place)),
                Event::SyncDir { path } => drop(synced.directories.insert(path.clone(), place)),
                _ => {}
            }
        }
        synced
    }

    fn covers(&self, place: usize, event: &Event) -> bool {
        let last = match (file_of(event), directory_of(event)) {
            (Some(file), _) => self.files.get(&file),
            (_, Some(directory)) => self.directories.get(directory),
            _ => return true,
        };
        last.is_some_and(|last| *last > place)
    }
}

fn file_of(event: &Event) -> Option<usize> {
    match event {
        Event::Write { file, .. } | Event::SetLen { file, .. } => Some(*file),
        _ => None,
    }
}

/// The directory that holds the name which an event changes.
fn directory_of(event: &Event) -> Option<&Path> {
    match event {
        Event::CreateDir { path } | Event::Create { path, .. } | Event::RemoveTree { path } => path.parent(),
        Event::Rename { to, .. } => to.parent(),
        _ => None,
    }
}

/// Decides what is kept of the events that were not synced.
struct Choice {
    cut: Cut,
    random: Random,
    /// The last write; it alone is torn.
    last_write: Option<usize>,
    /// Directories of which nothing more is kept.
    ended: BTreeSet<PathBuf>,
}

impl Choice {
    fn new(cut: Cut, events: &[Event], synced: &Synced) -> Choice {
        let seed = match cut {
            Cut::Torn(seed) | Cut::Subset(seed) => seed,
            Cut::Lost | Cut::Kept => 0,
        };
        let is_open = |(place, event): &(usize, &Event)| {
            matches!(event, Event::Write { .. }) && !synced.covers(*place, event)
        };
        let last_write = events.iter().enumerate().filter(is_open).map(|(place, _)| place).next_back();
        Choice { cut, random: Random(seed), last_write, ended: BTreeSet::new() }
    }

    fn keep(&mut self, place: usize, event: &Event) -> Option<Event> {
        match self.cut {
            Cut::Lost => None,
            Cut::Kept => Some(event.clone()),
            Cut::Torn(_) if self.last_write == Some(place) => self.tear(event),
            Cut::Torn(_) => Some(event.clone()),
            Cut::Subset(_) => self.some(event),
        }
    }

    fn tear(&mut self, event: &Event) -> Option<Event> {
        let Event::Write { file, offset, bytes } = event else { return None };
        let sectors = sectors(*offset, bytes);
        let kept = self.random.below(sectors.len() as u64);
        let kept = sectors.iter().take(usize::try_from(kept).ok()?);
        let bytes = kept.flat_map(|(_, sector)| sector.iter().copied()).collect();
        Some(Event::Write { file: *file, offset: *offset, bytes })
    }

    fn some(&mut self, event: &Event) -> Option<Event> {
        if let Some(directory) = directory_of(event) {
            if self.random.below(3) == 0 {
                self.ended.insert(directory.to_path_buf());
            }
            return (!self.ended.contains(directory)).then(|| event.clone());
        }
        // Whole writes are lost or kept more often than parts of them.
        match (self.random.below(3), event) {
            (0, _) => None,
            (1, Event::Write { file, offset, bytes }) => {
                let sectors = sectors(*offset, bytes);
                let first = usize::try_from(self.random.below(sectors.len() as u64)).ok()?;
                let count = usize::try_from(self.random.below(sectors.len() as u64 + 1)).ok()?;
                let offset = sectors.get(first)?.0;
                let kept = sectors.iter().skip(first).take(count);
                let bytes: Vec<u8> = kept.flat_map(|(_, sector)| sector.iter().copied()).collect();
                (!bytes.is_empty()).then_some(Event::Write { file: *file, offset, bytes })
            }
            _ => Some(event.clone()),
        }
    }
}

/// The parts of a write that lie in different sectors of the disk.
fn sectors(offset: u64, bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut parts = Vec::new();
    let (mut at, mut rest) = (offset, bytes);
    while !rest.is_empty() {
        let room = SECTOR - usize::try_from(at % SECTOR as u64).unwrap_or(0);
        let (part, after) = rest.split_at(room.min(rest.len()));
        parts.push((at, part));
        at += part.len() as u64;
        rest = after;
    }
    parts
}

impl Files {
    /// Whether the directory of a name that an event makes exists. The top does always.
    fn has_parent(&self, event: &Event) -> bool {
        match event {
            Event::CreateDir { path } | Event::Create { path, .. } => {
                let parent = path.parent().unwrap_or(Path::new(""));
                parent.parent().is_none() || self.names.contains_key(parent)
            }
            _ => true,
        }
    }
}
