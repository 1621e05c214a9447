//! Counts the instructions of the main paths, and compares them with the recorded ones: on a busy machine no clock sees
//! that something has become slower, but valgrind does.
//!
//! `CARGO_PROFILE_RELEASE_LTO=false cargo run --release -p instructions` runs each workload in a process of its own
//! under callgrind and fails if one is off by more than three percent, either way: what became faster is recorded too.
//! `BLESS=1` records. Another compiler's counts are shown and not judged, nor are those of a build that is optimised
//! at link time: without that CI builds in half the time. Nor are those of another C library, another valgrind, or a
//! processor for which the library copies and compares bytes otherwise. Whether a count is good is not judged here at
//! all: for that `benches/peers` compares with others.

mod record;
mod workloads;

use std::env;
use std::error::Error;
use std::process::{Command, ExitCode};

use record::Record;
use workloads::WORKLOADS;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// By how many percent a count may differ from the recorded one.
const TOLERANCE: f64 = 3.0;

/// How this program was built.
const BUILD: &str = env!("BUILD");

fn main() -> Outcome<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [once, name] = arguments.as_slice()
        && once == "--once"
    {
        workloads::run(name)?;
        return Ok(ExitCode::SUCCESS);
    }
    let counts = WORKLOADS.iter().map(|(name, _)| Ok(((*name).to_owned(), count(name)?)));
    let build = format!("{BUILD}, {}", machine());
    let counted = Record { build, counts: counts.collect::<Outcome<_>>()? };
    if env::var_os("BLESS").is_some_and(|value| value != "0") {
        counted.write()?;
    }
    Ok(compare(&counted, &Record::read()?))
}

/// What the counts depend on beside the build.
fn machine() -> String {
    let told = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok();
        output.map_or_else(String::new, |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    #[cfg(target_arch = "x86_64")]
    let wide = std::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    let wide = false;
    let (library, valgrind) = (told("getconf", "GNU_LIBC_VERSION"), told("valgrind", "--version"));
    format!("{library}, {valgrind}, {} AVX2", if wide { "with" } else { "without" })
}

/// Prints every count beside the recorded one, and says what is wrong.
fn compare(counted: &Record, recorded: &Record) -> ExitCode {
    let (mut risen, mut fallen) = (false, false);
    println!("| workload | instructions a row | recorded | change |\n|---|---|---|---|");
    for (name, count) in &counted.counts {
        let Some(before) = recorded.count(name) else {
            println!("| {name} | {count} | none | |");
            fallen = true;
            continue;
        };
        let change = (count / before - 1.0) * 100.0;
        println!("| {name} | {count} | {before} | {change:+.1} % |");
        risen |= change > TOLERANCE;
        fallen |= change < -TOLERANCE;
    }
    if counted.build != recorded.build {
        println!("NOT JUDGED: these are of {}, the recorded ones of {}.", counted.build, recorded.build);
        return ExitCode::SUCCESS;
    }
    if risen {
        println!("Risen by more than {TOLERANCE} %. If that is meant to be, record it with BLESS=1.");
    }
    if fallen {
        println!(
            "Fallen by more than {TOLERANCE} %, or new: record it with BLESS=1, or nobody sees it rise again."
        );
    }
    if risen || fallen { ExitCode::FAILURE } else { ExitCode::SUCCESS }
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
