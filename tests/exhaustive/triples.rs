//! All triples: three replicas that know the same do one thing each, and learn of each other's in every
//! order.
//!
//! Each replica, which knows its own, can come to know all three in four ways: the others' one after the
//! other, in two orders, or both at once, from either of them after it had taken in the other's. Where duplicates merge,
//! the replicas write when they meet: then they meet until nobody has anything to say, and begin in each order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use reunite::Database;
use reunite::replicate::pull;
use reunite::schema::DeleteRule;

use super::beginnings::{After, Beginning, Start, beginnings};
use super::duplicates::{ORDERS, triple_in_each_order};
use super::operations::Deed;
use super::seen::{Seen, self_check};
use super::{RULES, in_parallel, say, whole};
use crate::databases::compare::compare;
use crate::databases::pair::Pair;
use crate::model;
use crate::world::checks::check_view;
use crate::world::losses::check_losses;
use crate::world::random::Random;
use crate::world::story::{Failure, ensure};

/// About how many are run from one beginning, if not all.
const QUICK: usize = 600;

/// The same where duplicates merge: each takes ten times as long, and more.
const QUICK_MERGING: usize = 40;

/// Runs all of them, and says how many there were.
pub fn triples() {
    for beginning in beginnings() {
        for deletes in RULES {
            all_triples(beginning, deletes, &beginning.start(deletes, 3).unwrap());
        }
    }
}

/// What each replica may have done, and every two of them together, by who took in whose.
struct Table<'o> {
    did: [Vec<(&'o Deed, After)>; 3],
    /// By who pulls, from whom, and what they did.
    joined: BTreeMap<(usize, usize, usize, usize), Pair>,
}

fn all_triples(beginning: &Beginning, deletes: DeleteRule, start: &Start) {
    let possible = [0, 1, 2].map(|i| start.deeds(i));
    let did = [0, 1, 2].map(|i| start.each(i, &possible[i]));
    let mut table = Table { did, joined: BTreeMap::new() };
    if !start.merges() {
        table.join_all();
    }
    let states = AtomicUsize::new(table.joined.len());
    let (all, chosen) = table.chosen(if start.merges() { QUICK_MERGING } else { QUICK });
    in_parallel(&chosen, |did| {
        let some = table.check(start, *did).map_err(|Failure(what)| {
            let names = [0, 1, 2].map(|i| table.did[i][did[i]].0.explain(&start.pairs[0].schema));
            Failure(format!("{} under {deletes:?}, {names:?}: {what}", beginning.name))
        })?;
        states.fetch_add(some, Ordering::Relaxed);
        Ok(())
    });
    say(&format!(
        "triples: from {:?} under {deletes:?}, {} deeds, {} of {all} triples, {} states",
        beginning.name,
        table.did[0].len(),
        chosen.len(),
        states.into_inner()
    ));
}

impl Table<'_> {
    /// How many triples there are, and those that are run.
    fn chosen(&self, quick: usize) -> (usize, Vec<[usize; 3]>) {
        let [x, y, z] = [0, 1, 2].map(|i| self.did[i].len());
        let all = x * y * z;
        let one_in = if whole() { 1 } else { all.div_ceil(quick) };
        let triple = |i: usize| [i / (y * z), i / z % y, i % z];
        // Drawn, since steps of one length would leave out some operations altogether.
        let mut random = Random::new(7);
        let drawn = (0..all).filter(|_| random.below(one_in) == 0);
        (all, drawn.map(triple).collect())
    }

    fn join_all(&mut self) {
        for (i, j) in [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)] {
            for x in 0..self.did[i].len() {
                for y in 0..self.did[j].len() {
                    let pair = self.did[i][x].1.pair.fork();
                    pull(&pair.db, &self.did[j][y].1.pair.db).expect("a session in memory");
                    self.joined.insert((i, j, x, y), pair);
                }
            }
        }
    }

    /// Brings all three together in every way; how many states that were.
    fn check(&self, start: &Start, did: [usize; 3]) -> Result<usize, Failure> {
        let afters = [0, 1, 2].map(|i| &self.did[i][did[i]].1);
        if start.merges() {
            return triple_in_each_order(start, afters).map(|()| ORDERS);
        }
        let changes = start.changes_with(&afters);
        let mut model = afters[0].pair.model.clone();
        for After { pair: other, .. } in &afters[1..] {
            for row in other.model.facts.keys() {
                model.receive(&other.model, *row);
            }
            model::join(&mut model.knowledge, &other.model.knowledge);
        }
        let ends = self.ends(did);
        // What becomes of two changes of the schema is not the model's business, but what it means for rows is.
        let schema = ends[0].schema();
        let view = model::derive(&schema, &model.facts, |_| {});
        check_view(&schema, &view)?;
        check_losses(&changes, &model.facts, &view)?;
        start.events_with(&afters).check(&schema, &model.facts, &view)?;
        compare(&ends[0], &schema, &model, &view)?;
        let seen = Seen::of(&ends[0]);
        for end in &ends[1..] {
            let other = Seen::of(end);
            ensure(seen == other, || format!("P3 the order matters: {seen:#?}, and {other:#?}"))?;
        }
        self_check(&ends[did.iter().sum::<usize>() % ends.len()])?;
        Ok(ends.len())
    }

    fn ends(&self, did: [usize; 3]) -> Vec<Database> {
        let mut ends = Vec::new();
        for (i, j, k) in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)] {
            let joined = |i: usize, j: usize| &self.joined[&(i, j, did[i], did[j])];
            let one_by_one = joined(i, j).fork_database();
            pull(&one_by_one, &self.did[k][did[k]].1.pair.db).expect("a session in memory");
            let two_at_once = self.did[i][did[i]].1.pair.fork_database();
            pull(&two_at_once, &joined(j, k).db).expect("a session in memory");
            ends.extend([one_by_one, two_at_once]);
        }
        ends
    }
}
