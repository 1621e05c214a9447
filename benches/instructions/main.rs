//! Counts the instructions of the main paths, and compares them with the recorded ones: on a busy machine no clock sees
//! that something has become slower, but valgrind does.
//!
//! `cargo bench --bench instructions` runs each workload in a process of its own under callgrind and fails if one is off
//! by more than three percent, either way: what became faster is recorded too. `BLESS=1` records. The counts depend on
//! the compiler, on the dependencies and on the processor's features; none of that is judged here, nor whether a count
//! is good: for that `benches/peers` compares with others.

#![allow(clippy::print_stdout, reason = "its output is its purpose")]

mod workloads;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use workloads::WORKLOADS;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// By how many percent a count may differ from the recorded one.
const TOLERANCE: f64 = 3.0;

fn main() -> Outcome<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [once, name] = arguments.as_slice()
        && once == "--once"
    {
        workloads::run(name)?;
        return Ok(ExitCode::SUCCESS);
    }
    let counts = WORKLOADS.iter().map(|(name, _)| Ok((*name, count(name)?))).collect::<Outcome<Vec<_>>>()?;
    if is_set("BLESS") {
        let lines: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}\n")).collect();
        fs::write(record(), lines.concat())?;
    }
    let recorded = recorded()?;
    let mut off = false;
    println!("| workload | instructions a row | recorded | change |\n|---|---|---|---|");
    for (name, count) in counts {
        let Some((_, before)) = recorded.iter().find(|(known, _)| known == name) else {
            println!("| {name} | {count} | none | |");
            off = true;
            continue;
        };
        let change = (count / before - 1.0) * 100.0;
        println!("| {name} | {count} | {before} | {change:+.1} % |");
        off |= change.abs() > TOLERANCE;
    }
    if off {
        println!("Off by more than {TOLERANCE} %. If that is meant to be, record it with BLESS=1.");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| value != "0")
}

fn record() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/recorded.txt")
}

fn recorded() -> Outcome<Vec<(String, f64)>> {
    let text = fs::read_to_string(record())?;
    let lines = text.lines().map(|line| {
        let (name, count) = line.rsplit_once(' ').ok_or("a line is a name and a count")?;
        Ok((name.to_owned(), count.parse()?))
    });
    lines.collect()
}

/// The instructions that a workload takes for each of its rows.
fn count(name: &str) -> Outcome<f64> {
    let directory = tempfile::tempdir()?;
    let profile = directory.path().join("profile");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--toggle-collect=*measured*"]);
    valgrind.arg(format!("--callgrind-out-file={}", profile.display()));
    let output = valgrind.arg(env::current_exe()?).args(["--once", name]).output();
    let output = output.map_err(|error| format!("valgrind does not start ({error}): is it installed?"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{name} failed under valgrind: {told}").into());
    }
    let collected = told.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = collected.ok_or_else(|| format!("valgrind counted nothing for {name}: {told}"))?;
    let rows = f64::from(workloads::ROWS);
    Ok((count.trim().parse::<f64>()? / rows).round())
}
