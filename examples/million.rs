//! Loads many rows into a database on disk, syncs them to an empty replica, and prints the time and the
//! greatest memory of the process so far. Batches are bounded, so the memory does not grow with the
//! number of rows.
//!
//! `cargo run --release --example million [ROWS] [ROWS_PER_COMMIT]`; a million and 5,000 unless given.
//! The memory is VmHWM of /proc/self/status, so it is only known on Linux. It is a measurement, not a
//! test: numbers differ from machine to machine.

#![allow(clippy::disallowed_methods)] // The time it takes is what it measures.

use std::error::Error;
use std::io::{self, Write};
use std::time::Instant;

use reunite::{Database, Row, replicate, row};

const SCHEMA: &str = "
    CREATE TABLE customer (
      code   TEXT COLLATE NOCASE PRIMARY KEY,
      email  TEXT COLLATE NOCASE UNIQUE,
      name   TEXT NOT NULL CHECK (length(name) > 0),
      phone  TEXT,
      credit INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX customer_name ON customer (name);
";

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.replace('_', "").parse::<u64>());
    let rows = numbers.next().transpose()?.unwrap_or(1_000_000);
    let batch = numbers.next().transpose()?.unwrap_or(5_000).max(1);
    let directory = tempfile::tempdir()?;
    let mut report = Report { out: io::stdout().lock(), began: Instant::now() };

    let first = Database::builder().sql(SCHEMA)?.create(directory.path().join("first"))?;
    report.line("created", &first)?;
    load(&first, rows, batch, &mut report)?;

    let second = Database::builder().create(directory.path().join("second"))?;
    let summary = replicate::sync(&second, &first)?;
    report.line(&format!("synced {} rows, {} bytes", summary.first.received.rows, summary.bytes), &second)?;
    let summary = replicate::sync(&second, &first)?;
    report.line(&format!("synced again, {} bytes", summary.bytes), &second)?;

    let counted = second.read()?.table("customer")?.scan()?.try_fold(0_u64, |n, row| row.map(|_| n + 1))?;
    report.line(&format!("scanned {counted} rows"), &second)?;
    if counted != rows {
        return Err(format!("{counted} rows arrived, not {rows}").into());
    }
    first.close()?;
    second.close()?;
    Ok(())
}

fn load(db: &Database, rows: u64, batch: u64, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let mut done = 0;
    while done < rows {
        let end = rows.min(done + batch);
        db.write(|tx| tx.table("customer")?.insert_all((done..end).map(customer)))?;
        // Ten lines in all, whatever the size of a batch.
        if done * 10 / rows != end * 10 / rows {
            report.line(&format!("loaded {end} rows"), db)?;
        }
        done = end;
    }
    Ok(())
}

/// A made-up customer; keys come in no order, as real ones do.
fn customer(number: u64) -> Row {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    row! {
        code: format!("C{mixed:016X}"),
        email: format!("{mixed:x}.{number}@mail.example"),
        name: format!("Customer {} of {}", number % 9973, mixed % 211),
        phone: (!number.is_multiple_of(4)).then(|| format!("+49 30 23125 {number:07}")),
        credit: i64::try_from(number % 100_000).unwrap_or(0),
    }
}

struct Report {
    out: io::StdoutLock<'static>,
    began: Instant,
}

impl Report {
    fn line(&mut self, what: &str, db: &Database) -> Result<(), Box<dyn Error>> {
        let disk = db.status()?.disk_bytes >> 20;
        let seconds = self.began.elapsed().as_secs_f64();
        let memory = peak_memory().map_or_else(|| "unknown".to_string(), |kib| format!("{} MiB", kib >> 10));
        writeln!(self.out, "{seconds:8.1} s  peak memory {memory}, disk {disk} MiB: {what}")?;
        Ok(())
    }
}

/// The greatest resident memory of this process so far, in KiB.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
