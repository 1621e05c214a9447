//! How long it takes until a store that was closed, or whose process was killed, answers its first question.
//! The files are in the system's cache; and a killed process is no power cut.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{BATCH, Part, batch, batches, contact, load, loaded};
use crate::measure::{Measurement, measure};
use crate::peer::{Durability, Peer};
use crate::task::Task;

/// How many transactions the killed process has acknowledged, beside those of the load, and how many it would do.
const KILLED_AFTER: usize = 20;
const AT_MOST: usize = 1000;
/// Then it is killed within a commit rather than between two: it does little else.
const MOMENT: Duration = Duration::from_millis(3);

pub fn openings<P: Peer>(task: &Task, directory: &Path) -> Result<Vec<Measurement>> {
    if !P::ON_DISK {
        return Ok(Vec::new());
    }
    let clean = directory.join("clean");
    loaded::<P>(&clean, task.rows)?.close()?;
    let (mut store, after_close) = open::<P>("open after a clean close", &clean)?;
    let found = rows_of(&mut store)?;
    ensure!(found == task.rows, "{found} rows after a clean close");
    drop(store);

    let killed = directory.join("killed");
    let acknowledged = task.rows + BATCH * write_and_kill(&task.part(Part::Killed, &killed))?;
    let (mut store, after_kill) = open::<P>("open after a kill", &killed)?;
    let found = rows_of(&mut store)?;
    let expected = [acknowledged, acknowledged + BATCH];
    ensure!(expected.contains(&found), "{found} rows after a kill, {acknowledged} were acknowledged");
    Ok(vec![after_close, after_kill])
}

/// Opens a store and reads a row of it: what is not done when it is opened may be done then.
fn open<P: Peer>(phase: &str, directory: &Path) -> Result<(P, Measurement)> {
    measure(phase, 1, || {
        let mut store = P::open(directory, Durability::Eventual)?;
        ensure!(store.get(contact(0).id)?.is_some(), "the first contact is lost");
        Ok(store)
    })
}

fn rows_of<P: Peer>(store: &mut P) -> Result<usize> {
    let mut contacts = 0;
    store.scan(&mut |_| contacts += 1)?;
    Ok(contacts + usize::try_from(store.orders()?)?)
}

/// Starts the process that writes, and kills it. Returns how many transactions after the load it acknowledged.
fn write_and_kill(writer: &Task) -> Result<usize> {
    let mut child = writer.command()?.stdout(Stdio::piped()).spawn()?;
    let lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
    let mut acknowledged = 0;
    for line in lines {
        line?;
        acknowledged += 1;
        if acknowledged == KILLED_AFTER {
            thread::sleep(MOMENT);
            child.kill()?;
        }
    }
    let status = child.wait()?;
    ensure!(acknowledged >= KILLED_AFTER && status.code().is_none(), "it was not killed: {status}");
    Ok(acknowledged)
}

/// Loads a store, then inserts more in durable transactions, and prints a line when one of them has returned.
pub fn write_until_killed<P: Peer>(directory: &Path, rows: usize) -> Result<Vec<Measurement>> {
    let mut store = P::create(directory, Durability::Durable)?;
    load(&mut store, batches(rows, 1000))?;
    for i in 0..AT_MOST {
        let start = rows + i * BATCH;
        let batch = batch(start, start + BATCH);
        store.insert(&batch.contacts, &batch.orders)?;
        println!("{i}");
    }
    Ok(Vec::new())
}
