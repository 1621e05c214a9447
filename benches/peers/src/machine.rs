//! What the figures were measured on, and when: read from Linux's /proc, "unknown" elsewhere.

use std::fs;
use std::process::Command;
use std::thread;

/// What can be said about the machine, and what it was doing when this began.
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    /// In MiB.
    pub memory: Option<u64>,
    pub kernel: String,
    /// How many threads wanted to run in the minute before.
    pub load: Option<f64>,
}

impl Machine {
    pub fn this() -> Machine {
        let unknown = || "unknown".to_string();
        Machine {
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory: memory(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |kernel| kernel.trim().to_string()),
            load: load(),
        }
    }
}

/// How many threads wanted to run in the last minute.
pub fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

fn memory() -> Option<u64> {
    let kib: u64 = field("/proc/meminfo", "MemTotal")?.strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(value.trim().to_string())
}

/// The commit of the source, where it is a checkout.
pub fn commit() -> Option<String> {
    let source = env!("CARGO_MANIFEST_DIR");
    let arguments = ["-C", source, "describe", "--always", "--dirty", "--exclude=*"];
    let output = Command::new("git").args(arguments).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| commit.trim().to_string())
}

/// Today's date in UTC, as 2026-01-31.
pub fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}
