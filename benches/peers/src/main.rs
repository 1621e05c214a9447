//! Runs the same work on Reunite and on its peers, in turns, and compares them.
//!
//! Every run is a process of its own, so that no run finds the memory or the caches of another. What is
//! compared is CPU time, as a ratio to plain SQLite in the same run: on a busy machine the wall clock says
//! more about the machine. Nothing here decides whether a figure is good.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml -- [WORKLOAD] [PEER]`; with `--write` it writes
//! `docs/BENCHMARKS.md` and its chart. SQLite with its session
//! extension is there with `--features session`, which needs libclang for its bindings.

mod data;
mod machine;
mod measure;
mod peer;
mod peers;
mod report;
mod task;
mod workloads;

use std::fs;

use anyhow::Result;
use clap::Parser;

use crate::machine::Machine;
use crate::report::{Report, document, tables};
use crate::task::Task;
use crate::workloads::Workload;

/// The same work on Reunite and on its peers.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only this workload: w1 to w7
    workload: Option<String>,
    /// Only this peer, beside plain SQLite
    peer: Option<String>,
    /// How many rows
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// How often everything is run; the figures are medians
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Write docs/BENCHMARKS.md and its chart
    #[arg(long)]
    write: bool,
    /// Run once, in this process, and print the measurements
    #[arg(long, hide = true)]
    once: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let workloads = match &arguments.workload {
        Some(name) => vec![Workload::called(name)?],
        None => Workload::ALL.to_vec(),
    };
    if arguments.once {
        let peer = arguments.peer.as_deref().unwrap_or(peers::BASELINE);
        for workload in workloads {
            let task = Task { peer: peer.to_string(), workload, rows: arguments.rows };
            for measurement in peers::run(&task)? {
                println!("{}", serde_json::to_string(&measurement)?);
            }
        }
        return Ok(());
    }
    let peers: Vec<&str> = match arguments.peer.as_deref() {
        None => peers::NAMES.to_vec(),
        Some(peers::BASELINE) => vec![peers::BASELINE],
        Some(name) => vec![peers::BASELINE, name],
    };
    let machine = Machine::this();
    let mut report = Report::new(arguments.rows, arguments.rounds);
    for round in 0..arguments.rounds {
        for workload in &workloads {
            for peer in &peers {
                eprintln!("round {}, {}, {peer}", round + 1, workload.name());
                let task = Task { peer: (*peer).to_string(), workload: *workload, rows: arguments.rows };
                report.add(peer, *workload, task.in_its_own_process()?);
            }
        }
    }
    print!("{}\n{}", tables::tables(&report), tables::lacks(&report.peers));
    if arguments.write {
        let directory = document::directory();
        fs::write(directory.join("BENCHMARKS.md"), document::page(&machine, &report))?;
        fs::write(directory.join("benchmarks.svg"), document::drawing(&report))?;
    }
    Ok(())
}
