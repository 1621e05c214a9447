//! Not by chance: all pairs of what two replicas can do without knowing of each other, and all triples of
//! three, in every order in which they can arrive, from small beginnings in which each kind of conflict is open.
//!
//! The histories find what nobody thought of; these leave out nothing that is small. Both compare real
//! databases with the model.

mod beginnings;
mod designs;
mod duplicates;
mod operations;
mod pages;
mod pairs;
mod people;
mod seen;
mod triples;

use std::io::{self, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use reunite::schema::DeleteRule;

pub use self::pairs::pairs;
pub use self::triples::triples;
use crate::world::story::{Failure, number_from_environment};

/// Everything is done under each.
const RULES: [DeleteRule; 3] = [DeleteRule::DeleteWins, DeleteRule::UpdateWins, DeleteRule::LatestWins];

/// Does all the work on all processors; panics at a failure.
fn in_parallel<Work: Sync>(all: &[Work], run: impl Fn(&Work) -> Result<(), Failure> + Sync) {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    let work = || {
        while let Some(one) = all.get(next.fetch_add(1, Ordering::SeqCst)) {
            if let Err(failure) = run(one) {
                *failed.lock().unwrap() = Some(failure);
                next.store(all.len(), Ordering::SeqCst);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    if let Some(failure) = failed.into_inner().unwrap() {
        panic!("{failure}");
    }
}

/// Whether everything is to be run, and not only a part where everything takes long.
fn whole() -> bool {
    number_from_environment("EXHAUSTIVE").is_some_and(|number| number > 0)
}

/// Straight to the stream: the counts are shown even when the test passes.
fn say(line: &str) {
    writeln!(io::stderr(), "{line}").expect("stderr is open");
}
