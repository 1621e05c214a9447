//! Parts of a workload that need a process of their own, because of its memory or because it is to be killed.
//! What they write outlives them, in a directory of the workload's.

use std::path::Path;

use anyhow::{Result, bail};

use super::{memory, opening};
use crate::measure::Measurement;
use crate::peer::Peer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Writes a store.
    Load,
    /// Opens it and reads all of it.
    Scan,
    /// Opens it and sends all of it to a new replica.
    FirstSync,
    /// Writes a store, and goes on until it is killed.
    Killed,
}

impl Part {
    const ALL: [Part; 4] = [Part::Load, Part::Scan, Part::FirstSync, Part::Killed];

    pub const fn name(self) -> &'static str {
        match self {
            Part::Load => "load",
            Part::Scan => "scan",
            Part::FirstSync => "first-sync",
            Part::Killed => "killed",
        }
    }

    pub fn called(name: &str) -> Result<Part> {
        match Part::ALL.into_iter().find(|part| part.name() == name) {
            Some(part) => Ok(part),
            None => bail!("there is no part {name}"),
        }
    }

    pub fn run<P: Peer>(self, directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
        match self {
            Part::Load => memory::load::<P>(directory, rows),
            Part::Scan => memory::scan::<P>(directory, rows),
            Part::FirstSync => memory::first_sync::<P>(directory, rows),
            Part::Killed => opening::write_until_killed::<P>(directory, rows),
        }
    }
}
