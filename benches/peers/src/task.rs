//! One run: a workload on a peer, in a process of its own.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::measure::Measurement;
use crate::peer::Peer;
use crate::workloads::Workload;

/// What is run, and on which peer.
pub struct Task {
    pub peer: String,
    pub workload: Workload,
    pub rows: usize,
}

impl Task {
    /// Runs it here.
    pub fn run<P: Peer>(&self) -> Result<Vec<Measurement>> {
        self.workload.run::<P>(self.rows)
    }

    /// Runs it where nothing else has run before.
    pub fn in_its_own_process(&self) -> Result<Vec<Measurement>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--once", self.workload.name(), &self.peer, "--rows", &self.rows.to_string()]);
        let output = command.output()?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            bail!("{} on {}: {error}", self.workload.name(), self.peer);
        }
        let lines = String::from_utf8(output.stdout)?;
        lines.lines().map(|line| serde_json::from_str(line).context("a measurement")).collect()
    }
}
