//! The page that is written: how the figures came about, the tables, and what they do not say.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Report, growth, tables};
use crate::machine::{self, Machine};
use crate::peers;

/// From how many busy threads on the figures are not those of a quiet machine.
const BUSY: f64 = 0.5;

/// Where it is written: the documentation of the repository.
pub fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"))
}

/// The page, which shows the chart beside it.
pub fn page(machine: &Machine, report: &Report, sizes: &[Report]) -> String {
    let mut text = String::from(concat!(
        "# Benchmarks\n\n",
        "This page and its charts are written by a command, and by nothing else:\n\n",
    ));
    let features: Vec<&str> =
        peers::NAMES.iter().copied().filter(|peer| !peers::ALWAYS.contains(peer)).collect();
    let _ = writeln!(text, "```sh\n{}\n```\n", command(&features));
    text.push_str(&circumstances(machine, report));
    let _ = writeln!(text, "\n![CPU time, as a ratio to plain SQLite](benchmarks.svg)\n");
    text.push_str(READING);
    text.push_str("\n## What the peers lack\n\nWhat Reunite does in the same time, and they do not:\n\n");
    text.push_str(&tables::lacks(&report.peers));
    text.push_str("\n## The figures\n\n");
    text.push_str(&tables::tables(report));
    if !sizes.is_empty() {
        text.push_str(GROWTH);
        text.push_str(&growth::tables(sizes));
    }
    text.trim_end().to_string() + "\n"
}

const READING: &str = "\
## How to read it

Every run is a process of its own, the peers take turns in each round, and a figure is the median of the rounds.
Every run checks its own result: the rows that were written are there, and replicas that have synced are equal.
What is checked is not measured.

A cell has the CPU time of an operation in microseconds, of all threads, then the wall time, then the ratio of the
CPU times to plain SQLite; to SQLite's session extension where something syncs, because plain SQLite does not. An
operation is a row that is inserted, read or sent, a cell that is changed, a sync of nothing, or opening a store. Below
×1 is cheaper. On a busy machine the wall time says more about the machine than about the peer. `–` says that the peer
cannot do it.

In W10 each replica has changed some rows, as many as any other; then two at a time meet by chance until all know all, in
the same meetings for every peer. The time is that of a sync, on disk. Bytes for a change and a replica to which it came
should not depend on the number of rows. They grow with the number of replicas by what two tell each other of what they
know before they send anything: by as much as a sync of nothing at the end takes.

W11 is about Reunite alone, for nobody else derives what is visible. Its operations are rows that are hidden or shown,
and writes that hide or show next to none. A figure should be the same at every size: where it grows with the size, the
work is not proportional to what changes. It runs in memory.
";

const GROWTH: &str = "\
## Growth

The same work on Reunite and plain SQLite, with more and more rows, mostly in one round, because of the time that the
greatest size takes. In the chart both axes are logarithmic: what does not depend on the number of rows is level.

- **An insert** looks for its keys and stores four or five entries in trees: the row, each of its keys, its index entries
  or its reference, and with the whole commit a record of the change log. Each of them is a way down a tree, which grows
  with the logarithm; more is due to what no longer fits into the caches, first of the processor, then of the engine.
  Rows and the change log are appended, keys and index entries go all over their trees. It is the same for SQLite.
- **A get** is one such way by row id, two by a key. **A scan** and the bytes of a row hardly depend on the size.
- **A first sync** reads each row and stores it as an insert does.
- **Opening** after a clean close reads a few pages. After a kill it reads the journal, which a checkpoint bounds at
  8 MiB, whatever the size.

![CPU time and bytes by the number of rows](benchmarks-growth.svg)

";

/// The command that is running, as one would type it.
pub fn command(features: &[&str]) -> String {
    let mut command = "cargo run --release --manifest-path benches/peers/Cargo.toml".to_string();
    if !features.is_empty() {
        let _ = write!(command, " --features {}", features.join(","));
    }
    command.push_str(" --");
    std::env::args().skip(1).for_each(|argument| {
        let _ = write!(command, " {argument}");
    });
    command
}

/// The machine and what else it did.
pub fn circumstances(machine: &Machine, report: &Report) -> String {
    let memory = machine.memory.map_or("unknown".to_string(), |mib| format!("{mib} MiB"));
    let load = |load: Option<f64>| load.map_or("unknown".to_string(), |load| format!("{load:.1}"));
    let mut text = String::from("| | |\n|---|---|\n");
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(text, "| {name} | {value} |");
    };
    fact("date", machine::today());
    fact("commit", machine::commit().unwrap_or_else(|| "unknown".to_string()));
    fact("rows", tables::whole(report.rows as f64));
    fact("rounds", report.rounds.to_string());
    fact("processor", format!("{}, {} cores", machine.processor, machine.cores));
    fact("memory", memory);
    fact("kernel", machine.kernel.clone());
    fact("load average before and after", format!("{} and {}", load(machine.load), load(machine::load())));
    if machine.load.is_some_and(|load| load > BUSY) {
        text.push_str(concat!(
            "\n**Other work ran on this machine at the same time**, as the load before the first run shows. All ",
            "took\nturns, so it disturbed all of them, but not all alike: the ratios are rough, and the wall ",
            "times say little.\n",
        ));
    }
    text
}
