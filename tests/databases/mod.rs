//! Histories of real databases: transactions through the public face, sessions that may break at any
//! byte, and after every step a comparison with the model.

mod alter;
pub mod compare;
mod cuts;
pub mod decisions;
pub mod duplicates;
mod listing;
mod locks;
pub mod optimistic;
mod outcome;
pub mod pair;
pub mod perform;
mod previews;
mod settle;
pub mod sqlite;
mod sync;

use std::collections::{BTreeMap, BTreeSet};

use reunite::WriteError;
use reunite::ids::{Dot, RowKey};
use reunite::replicate::Direction;

use self::compare::{compare, facts_of};
pub use self::cuts::cut_everywhere;
pub use self::duplicates::merges;
use self::optimistic::Seen;
use self::pair::Pair;
use self::perform::transact;
use crate::model::{self, Commit, Done, Hints, Refusal, Slot};
use crate::world::checks::{Changes, check_names, check_view};
use crate::world::events::{Committed, Events};
use crate::world::generate::{Generator, Operation};
use crate::world::random::Random;
use crate::world::story::{Checked, Failure, Phase, Plan, Story, ensure};
use crate::world::{explain, schemas};

/// Some replicas, each beside its model.
pub struct World<'a> {
    pub pairs: Vec<Pair>,
    pub changes: Changes,
    pub seen: Vec<Seen>,
    pub events: Events,
    pub story: &'a mut Story,
}

/// One history.
pub fn history(plan: &Plan, story: &mut Story) -> Checked {
    let mut random = Random::new(plan.seed);
    let [schema, _] = schemas::schemas(&mut random);
    let replicas = 2 + random.below(4);
    let on_disk = random.below(100) == 0;
    story.count("on disk", usize::from(on_disk));
    let pairs = (0..replicas).map(|i| Pair::new(&schema, i, on_disk && i < 2, &mut random)).collect();
    let mut world = World::new(pairs, Default::default(), story);
    for step in &plan.steps {
        world.step(step.phase, &mut Random::new(step.seed))?;
    }
    world.settle(&mut random)
}

impl<'a> World<'a> {
    /// Replicas with what they have done.
    pub fn new(pairs: Vec<Pair>, (changes, events): (Changes, Events), story: &'a mut Story) -> World<'a> {
        World { pairs, changes, seen: Vec::new(), events, story }
    }
}

impl World<'_> {
    fn step(&mut self, phase: Phase, random: &mut Random) -> Checked {
        let i = random.below(self.pairs.len());
        self.pairs[i].clock.advance(random.below(5) as i64);
        let other = random.below(self.pairs.len());
        match phase {
            Phase::Grow => self.transaction(0, random),
            Phase::Live if random.chance(75) => {
                self.transaction(i, random)?;
                if random.chance(10) { self.versions(i, random) } else { Ok(()) }
            }
            Phase::Live if random.chance(20) => {
                self.pairs[i].reopen(random);
                self.check(i)
            }
            Phase::Spread if i != 0 => self.session(i, 0, Direction::Pull, None, 256 * 1024),
            _ if other == i => Ok(()),
            _ => self.sync(i, other, random),
        }
    }

    // ----------------------------------------------------------------------------------------
    // Transactions
    // ----------------------------------------------------------------------------------------

    fn transaction(&mut self, i: usize, random: &mut Random) -> Checked {
        let operations = self.operations(i, random);
        if random.chance(5) && self.pairs[i].is_in_memory() {
            return self.perform_beside_a_lock(i, operations, random);
        }
        self.perform(i, operations)
    }

    /// Something that can be done there.
    fn operations(&self, i: usize, random: &mut Random) -> Vec<Operation> {
        let pair = &self.pairs[i];
        let several = if random.chance(25) { 1 + random.below(3) } else { 0 };
        let (view, facts) = (&pair.view, &pair.model.facts);
        let resolutions = pair.model.resolutions.keys().copied().collect();
        let mut generator = Generator { schema: &pair.schema, view, facts, resolutions, random };
        let mut operations: Vec<Operation> = (0..=several).map(|_| generator.operation()).collect();
        // It makes several changes of a row, which are told apart only as long as nothing else changes it.
        if let Some(place) = operations.iter().position(|o| matches!(o, Operation::Undo { .. })) {
            operations.swap(0, place);
            operations.truncate(1);
        }
        operations
    }

    /// One transaction, on the database and on the model.
    pub fn perform(&mut self, i: usize, operations: Vec<Operation>) -> Checked {
        if merges(&self.pairs[i].schema) {
            return self.perform_before_the_rule(i, operations);
        }
        let db = self.pairs[i].db.clone();
        self.perform_by(i, operations, |operations| transact(&db, operations))
    }

    /// The same, where somebody else makes the transaction of the database.
    fn perform_by(
        &mut self,
        i: usize,
        mut operations: Vec<Operation>,
        transact: impl FnOnce(&mut [Operation]) -> Result<(), WriteError>,
    ) -> Checked {
        let outcome = transact(&mut operations);
        let pair = &self.pairs[i];
        self.story.note(|| {
            let all: Vec<String> = operations.iter().map(|o| explain::operation(&pair.schema, o)).collect();
            let outcome = outcome.as_ref().err().map(|error| format!(" -> {}: {error}", error.code()));
            format!("{i}: {}{}", all.join("; "), outcome.unwrap_or_default())
        });
        let expected = self.expected(i, &operations, outcome.is_ok(), false)?;
        match (outcome, expected) {
            (Ok(()), Ok(done)) => self.committed(i, &operations, done),
            (Err(error), Err(refusals)) => {
                self.story.count("refused", 1);
                self.story.count(error.code(), 1);
                self.refused_alike(i, &error, &refusals)
            }
            (Ok(()), Err(refusals)) => {
                Err(Failure(format!("P11 committed, and had to be refused for {refusals:?}")))
            }
            (Err(error), Ok(done)) => {
                self.story.note(|| {
                    format!("the model then:\n{}", explain::view(&self.pairs[i].schema, &done.after))
                });
                Err(Failure(format!("P11 refused without need: {error}")))
            }
        }
    }

    /// What the model makes of it: with the times and dots of the database, if that has committed. `decides`
    /// says that a policy writes.
    fn expected(
        &self,
        i: usize,
        operations: &[Operation],
        committed: bool,
        decides: bool,
    ) -> Result<Result<Done, BTreeSet<Refusal>>, Failure> {
        let pair = &self.pairs[i];
        let hints = if committed { self.hints(i, operations)? } else { Hints::default() };
        let mut commit = Commit::new(&pair.schema, &pair.view, &pair.model, hints);
        commit.decides = decides;
        for operation in operations {
            if let Err(refusal) = operation.apply(&mut commit) {
                return Ok(Err(BTreeSet::from([refusal])));
            }
        }
        Ok(commit.finish())
    }

    /// The dots that a commit has used, by row. They have no gap.
    fn hints(&self, i: usize, operations: &[Operation]) -> Result<Hints, Failure> {
        let pair = &self.pairs[i];
        let last = pair.model.knowledge.get(&pair.model.id).copied().unwrap_or(0);
        let inserted = operations
            .iter()
            .filter_map(|o| if let Operation::Insert { row, .. } = o { Some(*row) } else { None });
        let mut hints = Hints::default();
        let undoes = operations.iter().any(|operation| matches!(operation, Operation::Undo { .. }));
        for row in pair.model.facts.keys().copied().chain(inserted) {
            let Some(facts) = facts_of(&pair.db, &pair.schema, row) else { continue };
            let new = |dot: Dot| dot.replica == pair.model.id && dot.seq > last;
            for stamp in facts.stamps().filter(|stamp| new(stamp.dot)) {
                let same = hints.hlc.is_none_or(|hlc| hlc == stamp.hlc);
                let dots = hints.dots.entry(row).or_default();
                dots.insert(stamp.dot);
                ensure(same && (undoes || dots.len() == 1), || {
                    format!("a commit has one time, and one dot in {row:?} unless it takes something back")
                })?;
                hints.hlc = Some(stamp.hlc);
            }
        }
        let seqs: BTreeSet<u64> = hints.dots.values().flatten().map(|dot| dot.seq).collect();
        let contiguous = seqs.iter().copied().eq(last + 1..=last + seqs.len() as u64);
        ensure(contiguous, || format!("the changes after {last} are {seqs:?}"))?;
        Ok(hints)
    }

    fn committed(&mut self, i: usize, operations: &[Operation], done: Done) -> Checked {
        self.story.count("commits", 1);
        self.story.count("rows boosted", done.boosted);
        let undone = operations.iter().filter(|operation| matches!(operation, Operation::Undo { .. }));
        self.story.count("resolutions taken back", undone.count());
        let before = &self.pairs[i].model.facts;
        let again = before.keys().filter(|row| operations.iter().any(|operation| inserts(operation, **row)));
        self.story.count("rows begun again", again.count());
        self.check_commit(i, operations, &done)?;
        let before = &self.pairs[i];
        self.events.note(Committed {
            schema: &before.schema,
            operations,
            before: &before.model,
            view: &before.view,
            changes: &done.changes,
        });
        for change in &done.changes {
            self.changes.entry(change.row).or_default().push(change.clone());
        }
        let pair = &mut self.pairs[i];
        (pair.model, pair.view) = (done.replica, done.after);
        self.story.note(|| explain::view(&pair.schema, &pair.view));
        self.check(i)
    }

    /// P20: stamps exceed all their writer saw. P9: an ordinary write replaces only what is visible.
    /// P11: what the transaction wanted to be visible is.
    fn check_commit(&self, i: usize, operations: &[Operation], done: &Done) -> Checked {
        let (before, names) = (&self.pairs[i], operations.iter().any(Operation::names_losers));
        // Nothing wins among boosts, dismissals, counts and elements.
        let compared = |change: &&model::Change| matches!(change.slot, Slot::Life | Slot::Columns(_));
        for change in done.changes.iter().filter(compared) {
            let table = before.schema.table_by_id(change.row.table).expect("a table of the schema");
            let row = before.model.facts.get(&change.row);
            for (dot, entry) in row.into_iter().flat_map(|row| row.live(change.slot)) {
                let greater = model::order(table, &entry.stamp) < model::order(table, &change.stamp);
                ensure(greater, || format!("P20 {} does not exceed {dot}", change.stamp.dot))?;
                let again =
                    row.is_some() && operations.iter().any(|operation| inserts(operation, change.row));
                let names = names || again || updated_twice(operations, change.row);
                let (Slot::Columns(unit), false, true) =
                    (change.slot, names, change.replaces.contains(&(change.slot, dot)))
                else {
                    continue;
                };
                let visible = before.view.images[&change.row].agreeing.contains(&(unit, dot));
                ensure(visible, || format!("P9 {} replaces the loser {dot}", change.stamp.dot))?;
            }
        }
        let hidden = done.wanted.iter().find(|row| !done.after.visible.contains_key(row));
        ensure(hidden.is_none(), || format!("P11 {hidden:?} is not visible after its commit"))
    }

    /// Nothing happened, and for a reason that the model knows too.
    fn refused_alike(&self, i: usize, error: &WriteError, refusals: &BTreeSet<Refusal>) -> Checked {
        let class = match error.code() {
            "duplicate-key" => Refusal::Duplicate,
            "immutable-key" => Refusal::ImmutableKey,
            "missing-parent" => Refusal::MissingParent,
            "restricted" => Refusal::Restricted,
            "check-failed" => Refusal::CheckFailed,
            "not-null" => Refusal::NotNull,
            "no-such-row" => Refusal::NoSuchRow,
            "not-applicable" | "already-resolved" => Refusal::NotApplicable,
            code => return Err(Failure(format!("an unexpected refusal, {code}: {error}"))),
        };
        ensure(refusals.contains(&class), || format!("P11 refused with {error}, not with {refusals:?}"))?;
        self.check(i)
    }

    /// The database shows what the model derives, and that obeys the constraints.
    fn check(&self, i: usize) -> Checked {
        let pair = &self.pairs[i];
        check_view(&pair.schema, &pair.view)?;
        check_names(&pair.schema, &pair.model.facts)?;
        compare(&pair.db, &pair.schema, &pair.model, &pair.view)
    }
}

/// Facts by row as they were before a session.
type Before = BTreeMap<RowKey, model::Row>;

/// Whether an operation inserts this row. One that was known before begins again: it shows nothing of before,
/// and what a deletion had decided stays decided.
fn inserts(operation: &Operation, of: RowKey) -> bool {
    matches!(operation, Operation::Insert { row, .. } if *row == of)
}

/// Whether a transaction updates a row more than once. What it shows in between may agree with a loser,
/// which then goes with it, as if each statement had been a transaction.
fn updated_twice(operations: &[Operation], of: RowKey) -> bool {
    operations.iter().filter(|o| matches!(o, Operation::Update { row, .. } if *row == of)).count() > 1
}
