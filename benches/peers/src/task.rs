//! One run: a workload on a peer, or a part of one, in a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::measure::Measurement;
use crate::peer::Peer;
use crate::workloads::{Part, Workload};

/// What is run, and on which peer.
pub struct Task {
    pub peer: String,
    pub workload: Workload,
    pub rows: usize,
    /// Only this part of it, in a directory of the workload's.
    pub part: Option<(Part, PathBuf)>,
}

impl Task {
    /// All of a workload.
    pub fn new(peer: &str, workload: Workload, rows: usize) -> Task {
        Task { peer: peer.to_string(), workload, rows, part: None }
    }

    /// A part of this.
    pub fn part(&self, part: Part, directory: &Path) -> Task {
        Task {
            part: Some((part, directory.to_path_buf())),
            ..Task::new(&self.peer, self.workload, self.rows)
        }
    }

    /// Runs it here.
    pub fn run<P: Peer>(&self) -> Result<Vec<Measurement>> {
        match &self.part {
            None => Workload::run::<P>(self),
            Some((part, directory)) => part.run::<P>(directory, self.rows),
        }
    }

    /// What starts it where nothing else has run before.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--once", self.workload.name(), &self.peer, "--rows", &self.rows.to_string()]);
        if let Some((part, directory)) = &self.part {
            command.args(["--part", part.name(), "--directory"]).arg(directory);
        }
        Ok(command)
    }

    /// Runs it where nothing else has run before.
    pub fn in_its_own_process(&self) -> Result<Vec<Measurement>> {
        let output = self.command()?.output()?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            bail!("{} on {}: {error}", self.workload.name(), self.peer);
        }
        let lines = String::from_utf8(output.stdout)?;
        lines.lines().map(|line| serde_json::from_str(line).context("a measurement")).collect()
    }
}
