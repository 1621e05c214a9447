//! Runs the same work on Reunite and on its peers, in turns, and compares them.
//!
//! Every run is a process of its own, so that no run finds the memory or the caches of another. What is
//! compared is CPU time, as a ratio to plain SQLite in the same run: on a busy machine the wall clock says
//! more about the machine. Nothing here decides whether a figure is good.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml -- [WORKLOAD] [PEER]`; with `--write` it writes
//! `docs/BENCHMARKS.md` and its charts, with `--engines` the comparison in `docs/ENGINES.md`. All peers are there with `--features all`, each alone with the feature
//! of its name; `session`, which is SQLite with its session extension, needs libclang for its bindings.

mod data;
mod machine;
mod measure;
mod peer;
mod peers;
mod report;
mod task;
mod workloads;

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::machine::Machine;
use crate::report::{Report, chart, document, engines, growth, growth_chart, tables};
use crate::task::Task;
use crate::workloads::{Part, Workload};

/// The same work on Reunite and on its peers.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only this workload: w1 to w11
    workload: Option<String>,
    /// Only this peer, beside plain SQLite; with --engines this engine, beside redb
    peer: Option<String>,
    /// How many rows
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// How often everything is run; the figures are medians
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Also run what depends on the size on Reunite and plain SQLite, at several sizes
    #[arg(long)]
    growth: bool,
    /// The sizes for --growth
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    sizes: Vec<usize>,
    /// How often for --growth
    #[arg(long, default_value_t = 1)]
    growth_rounds: usize,
    /// Run it over the engines under Reunite, instead of on its peers
    #[arg(long, conflicts_with = "growth")]
    engines: bool,
    /// Write docs/BENCHMARKS.md and its charts; with --engines a part of docs/ENGINES.md
    #[arg(long)]
    write: bool,
    /// Run once, in this process, and print the measurements
    #[arg(long, hide = true)]
    once: bool,
    /// Run only this part of the workload
    #[arg(long, hide = true, requires = "directory")]
    part: Option<String>,
    /// Where the part finds what earlier parts have written
    #[arg(long, hide = true)]
    directory: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.once {
        return once(&arguments, &arguments.workloads(&Workload::ALL)?);
    }
    let machine = Machine::this();
    if arguments.engines { over_engines(&arguments, &machine) } else { on_peers(&arguments, &machine) }
}

impl Arguments {
    /// The one that was asked for, or all of these.
    fn workloads(&self, all: &[Workload]) -> Result<Vec<Workload>> {
        match &self.workload {
            Some(name) => Ok(vec![Workload::called(name)?]),
            None => Ok(all.to_vec()),
        }
    }

    /// The one that was asked for beside the first, or all of these.
    fn peers<'a>(&'a self, all: &[&'a str]) -> Vec<&'a str> {
        let mut peers = all.to_vec();
        if let Some(name) = self.peer.as_deref() {
            peers.truncate(1);
            peers.extend((peers[0] != name).then_some(name));
        }
        peers
    }
}

fn over_engines(arguments: &Arguments, machine: &Machine) -> Result<()> {
    let mut report = Report::new(arguments.rows, arguments.rounds, &peers::ENGINES[..1]);
    run(&mut report, &arguments.peers(peers::ENGINES), &arguments.workloads(&engines::WORKLOADS)?)?;
    print!("{}", tables::tables(&report));
    if arguments.write {
        let path = document::directory().join("ENGINES.md");
        let page = engines::put_into(&fs::read_to_string(&path)?, machine, &report)?;
        fs::write(path, page)?;
    }
    Ok(())
}

fn on_peers(arguments: &Arguments, machine: &Machine) -> Result<()> {
    let mut report = Report::new(arguments.rows, arguments.rounds, peers::BASELINES);
    run(&mut report, &arguments.peers(peers::NAMES), &arguments.workloads(&Workload::ALL)?)?;
    print!("{}{}", tables::tables(&report), tables::lacks(&report.peers));
    let mut sizes = Vec::new();
    if arguments.growth {
        for rows in &arguments.sizes {
            let mut report = Report::new(*rows, arguments.growth_rounds, peers::BASELINES);
            run(&mut report, peers::ALWAYS, &growth::WORKLOADS)?;
            sizes.push(report);
        }
        print!("\n{}", growth::tables(&sizes));
    }
    if arguments.write {
        let directory = document::directory();
        fs::write(directory.join("BENCHMARKS.md"), document::page(machine, &report, &sizes))?;
        fs::write(directory.join("benchmarks.svg"), chart::draw(&report))?;
        if arguments.growth {
            fs::write(directory.join("benchmarks-growth.svg"), growth_chart::draw(&sizes))?;
        }
    }
    Ok(())
}

/// What a process does that another one has started.
fn once(arguments: &Arguments, workloads: &[Workload]) -> Result<()> {
    for workload in workloads {
        let peer = arguments.peer.as_deref().unwrap_or(peers::BASELINE);
        let mut task = Task::new(peer, *workload, arguments.rows);
        if let (Some(part), Some(directory)) = (&arguments.part, &arguments.directory) {
            task = task.part(Part::called(part)?, directory);
        }
        for measurement in peers::run(&task)? {
            println!("{}", serde_json::to_string(&measurement)?);
        }
    }
    Ok(())
}

/// All rounds at one size: the peers take turns.
fn run(report: &mut Report, peers: &[&str], workloads: &[Workload]) -> Result<()> {
    let (rows, rounds) = (report.rows, report.rounds);
    for round in 0..rounds {
        for workload in workloads {
            for peer in peers {
                eprintln!("{rows} rows, round {}, {}, {peer}", round + 1, workload.name());
                report.add(peer, *workload, Task::new(peer, *workload, rows).in_its_own_process()?);
            }
        }
    }
    Ok(())
}
