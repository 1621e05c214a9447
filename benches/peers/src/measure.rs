//! What a run took: CPU time of the whole process, wall time, and whatever it counted.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// What one phase of a workload took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measurement {
    /// Which phase: a line of the table.
    pub phase: String,
    /// Of all threads, in seconds.
    pub cpu: f64,
    /// In seconds.
    pub wall: f64,
    /// How many operations that was.
    pub operations: u64,
    /// Anything else that was counted: bytes, conflicts.
    pub counts: Vec<(String, u64)>,
}

/// Does some work and measures it.
#[allow(clippy::disallowed_methods, reason = "the time it takes is what it measures")]
pub fn measure<T>(
    phase: &str,
    operations: u64,
    work: impl FnOnce() -> Result<T>,
) -> Result<(T, Measurement)> {
    let (cpu, wall) = (cpu_time(), Instant::now());
    let result = work()?;
    let (cpu, wall) = (cpu_time() - cpu, wall.elapsed());
    let phase = phase.to_string();
    let measurement = Measurement {
        phase,
        cpu: cpu.as_secs_f64(),
        wall: wall.as_secs_f64(),
        operations,
        counts: Vec::new(),
    };
    Ok((result, measurement))
}

impl Measurement {
    /// Nothing but a count.
    pub fn count(phase: &str, name: &str, count: u64) -> Measurement {
        let counts = vec![(name.to_string(), count)];
        Measurement { phase: phase.to_string(), cpu: 0.0, wall: 0.0, operations: 0, counts }
    }

    pub fn with(mut self, name: &str, count: u64) -> Measurement {
        self.counts.push((name.to_string(), count));
        self
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The greatest memory of this process so far, in bytes; none where Linux's /proc is not.
pub fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
