//! All pairs: two replicas that know the same do one thing each, and meet.

use std::sync::atomic::{AtomicUsize, Ordering};

use reunite::replicate::{Direction, sync};
use reunite::schema::DeleteRule;

use super::beginnings::{After, BEGINNINGS, Beginning, Start};
use super::operations::operations;
use super::{RULES, in_parallel, say};
use crate::databases::sqlite;
use crate::world::explain;
use crate::world::generate::Operation;
use crate::world::losses::check_losses;
use crate::world::story::{Checked, Failure, Story, ensure};

/// Runs all of them, and says how many there were.
pub fn pairs() {
    for beginning in &BEGINNINGS {
        for deletes in RULES {
            let start = beginning.start(deletes, 2).unwrap();
            all_pairs(beginning, deletes, &start);
        }
    }
}

fn all_pairs(beginning: &Beginning, deletes: DeleteRule, start: &Start) {
    let possible: Vec<Vec<Operation>> =
        start.pairs.iter().map(|pair| operations(&start.schema, pair)).collect();
    let did = |i: usize| -> Vec<(&Operation, After)> {
        let one = |operation| Some((operation, start.after(i, operation).unwrap()?));
        possible[i].iter().filter_map(one).collect()
    };
    let (first, second) = (did(0), did(1));
    let states = AtomicUsize::new(0);
    in_parallel(&first, |(x, after_x)| {
        for (y, after_y) in &second {
            let checked = meet(start, after_x, after_y);
            checked.map_err(|Failure(what)| {
                let [x, y] = [x, y].map(|operation| explain::operation(&start.schema, operation));
                Failure(format!("{} under {deletes:?}, {x} beside {y}: {what}", beginning.name))
            })?;
            states.fetch_add(2, Ordering::Relaxed);
        }
        Ok(())
    });
    say(&format!(
        "pairs: from {:?} under {deletes:?}, {} of {} operations are possible, {} states",
        beginning.name,
        first.len(),
        possible[0].len(),
        states.into_inner()
    ));
}

/// Each replica takes in what the other did after its own, so that both orders of arrival occur.
fn meet(start: &Start, x: &After, y: &After) -> Checked {
    let mut story = Story::default();
    let mut world = start.world(&[x, y], &mut story);
    world.session(0, 1, Direction::Both, None, usize::MAX >> 1)?;
    let [a, b] = [&world.pairs[0], &world.pairs[1]];
    check_losses(&world.changes, &a.model.facts, &a.view)?;
    sqlite::loads(&a.db, &world.schema)?;
    let digest = |db: &reunite::Database| db.digest().expect("memory does not fail");
    ensure(digest(&a.db) == digest(&b.db), || "P2 equal knowledge, equal digests".to_owned())?;
    for pair in [a, b] {
        let findings = pair.db.check().expect("memory does not fail");
        ensure(findings.is_empty(), || format!("the self-check finds {findings:?}"))?;
    }
    let done = sync(&a.db, &b.db);
    let idle = done.as_ref().is_ok_and(|done| !done.first.moved() && !done.second.moved());
    ensure(idle, || format!("P14 an idle session moved something: {done:?}"))
}
