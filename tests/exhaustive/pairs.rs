//! All pairs: two replicas that know the same do one thing each, and meet.

use std::sync::atomic::{AtomicUsize, Ordering};

use reunite::replicate::{Direction, sync};
use reunite::schema::DeleteRule;

use super::beginnings::{After, Beginning, Start, beginnings};
use super::designs::leaves_no_trace;
use super::duplicates::pair_in_each_order;
use super::operations::Deed;
use super::seen::self_check;
use super::{RULES, in_parallel, say, whole};
use crate::databases::{World, sqlite};
use crate::world::losses::check_losses;
use crate::world::story::{Checked, Failure, Story, ensure};

/// Where duplicates merge, each pair has many ends: if not all are run, then those that write the same and one of so
/// many of the others.
const PART: usize = 8;

/// Runs all of them, and says how many there were.
pub fn pairs() {
    for beginning in beginnings() {
        for deletes in RULES {
            let start = beginning.start(deletes, 2).unwrap();
            all_pairs(beginning, deletes, &start);
        }
    }
}

fn all_pairs(beginning: &Beginning, deletes: DeleteRule, start: &Start) {
    let possible = [0, 1].map(|i| start.deeds(i));
    let did = |i: usize| -> Vec<(&Deed, After)> { start.each(i, &possible[i]) };
    let (first, second) = (did(0), did(1));
    let (states, traces) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let whole = !start.merges() || whole();
    let indexed: Vec<_> = first.iter().enumerate().collect();
    in_parallel(&indexed, |(i, (x, after_x))| {
        let chosen =
            |(j, (y, _)): &(usize, &(&Deed, After))| whole || (i + j) % PART == 0 || x.writes_what(y);
        for (j, (y, after_y)) in second.iter().enumerate().filter(chosen) {
            let checked = meet(start, [after_x, after_y], i + j);
            let traced = checked.map_err(|Failure(what)| {
                let [x, y] = [x, y].map(|deed| deed.explain(&start.pairs[0].schema));
                Failure(format!("{} under {deletes:?}, {x:?} beside {y:?}: {what}", beginning.name))
            })?;
            states.fetch_add(if start.merges() { 6 } else { 2 }, Ordering::Relaxed);
            traces.fetch_add(usize::from(traced), Ordering::Relaxed);
        }
        Ok(())
    });
    let (name, possible) = (beginning.name, possible[0].len());
    let traces = match traces.into_inner() {
        0 => String::new(),
        rules => format!(", {rules} rules left no trace"),
    };
    say(&format!(
        "pairs: from {name:?} under {deletes:?}, {} of {possible} deeds are possible, {} states{traces}",
        first.len(),
        states.into_inner()
    ));
}

/// Each replica takes in what the other did after its own, so that both orders of arrival occur. Where schemas
/// change, a rule comes and goes at the end: whether it did.
fn meet(start: &Start, did: [&After; 2], turn: usize) -> Result<bool, Failure> {
    if start.merges() {
        return pair_in_each_order(start, did).map(|()| false);
    }
    let mut story = Story::default();
    let mut world = start.world(&did, &mut story);
    world.session(0, 1, Direction::Both, None, usize::MAX >> 1)?;
    check(&world)?;
    if start.alters { leaves_no_trace(&world.pairs[0].db, turn) } else { Ok(false) }
}

/// Replicas that know the same have the same, and nothing is lost or wrong. Looks at the first two.
pub fn check(world: &World<'_>) -> Checked {
    let [a, b] = [&world.pairs[0], &world.pairs[1]];
    check_losses(&world.changes, &a.model.facts, &a.view)?;
    world.events.check(&a.schema, &a.model.facts, &a.view)?;
    sqlite::loads(&a.db, &a.schema)?;
    ensure(a.schema == b.schema, || "P2 equal knowledge, equal schemas".to_owned())?;
    let digest = |db: &reunite::Database| db.digest().expect("memory does not fail");
    ensure(digest(&a.db) == digest(&b.db), || "P2 equal knowledge, equal digests".to_owned())?;
    for pair in [a, b] {
        self_check(&pair.db)?;
    }
    let done = sync(&a.db, &b.db);
    let idle = done.as_ref().is_ok_and(|done| !done.first.moved() && !done.second.moved());
    ensure(idle, || format!("P14 an idle session moved something: {done:?}"))
}
