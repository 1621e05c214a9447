//! Histories in which duplicates of some keys merge. What the rule writes after a transaction and at the end of a
//! session, the model writes too: facts, tables and conflicts are compared after each.
//!
//! A transaction is made under a lock, which the rule waits for: so what it wrote and what the rule writes then can be
//! told apart. A copy makes it without a lock. No session is broken off.

use reunite::Database;
use reunite::replicate::{Direction, Options, sync_with};
use reunite::schema::{DuplicateRule, Schema};

use super::World;
use super::compare::facts_of;
use super::pair::Pair;
use super::perform::{finish, rows_of, transact};
use super::sync::dot;
use crate::model::{Commit, Hints, Replica, join, next_duplicate};
use crate::world::generate::Operation;
use crate::world::random::Random;
use crate::world::story::{Checked, Phase, Plan, Story, ensure};
use crate::world::{explain, schemas};

/// Rounds of sessions until everybody must have come to rest.
const ROUNDS: usize = 10;

/// One history.
pub fn history(plan: &Plan, story: &mut Story) -> Checked {
    let mut random = Random::new(plan.seed);
    let schema = schemas::merging_schema(&mut random);
    let replicas = 2 + random.below(3);
    let pairs = (0..replicas).map(|i| Pair::new(&schema, i, false, &mut random)).collect();
    let mut world = World::new(pairs, Default::default(), story);
    for step in &plan.steps {
        world.merging_step(step.phase, &mut Random::new(step.seed))?;
    }
    world.finish_merging(&mut random)
}

/// Whether duplicates of some key merge.
pub fn merges(schema: &Schema) -> bool {
    let mut keys = schema.tables().iter().flat_map(|table| &table.keys);
    keys.any(|key| key.duplicates == DuplicateRule::Merge)
}

impl World<'_> {
    fn merging_step(&mut self, phase: Phase, random: &mut Random) -> Checked {
        let (i, other) = (random.below(self.pairs.len()), random.below(self.pairs.len()));
        self.pairs[i].clock.advance(random.below(5) as i64);
        match phase {
            Phase::Grow => self.perform(0, self.operations(0, random)),
            Phase::Live if random.chance(75) => self.perform(i, self.operations(i, random)),
            Phase::Spread if i != 0 => self.session(i, 0, Direction::Pull, None, usize::MAX >> 1),
            _ if other == i => Ok(()),
            _ => {
                let direction = [Direction::Both, Direction::Push, Direction::Pull][random.below(3)];
                self.session(i, other, direction, None, usize::MAX >> 1)
            }
        }
    }

    /// A transaction, and what the rule then makes of it.
    pub(super) fn perform_before_the_rule(&mut self, i: usize, operations: Vec<Operation>) -> Checked {
        let tables: Vec<String> = self.pairs[i].schema.tables().iter().map(|t| t.name.clone()).collect();
        let mut lock = self.pairs[i].db.lock(&tables[0], "a test").expect("nobody holds it");
        tables[1..].iter().for_each(|table| lock.add(table).expect("nobody holds it"));
        let schema = self.pairs[i].db.schema();
        // Two replicas draw different ids for new rows: those cannot be compared.
        let inserts = operations.iter().any(|operation| matches!(operation, Operation::Insert { .. }));
        let twin = self.pairs[i].fork_database();
        let outcome = transact(&twin, &mut operations.clone());
        self.perform_by(i, operations, |operations| finish(lock.begin()?, &schema, operations))?;
        drop(lock);
        let merged = self.pairs[i].db.merge_duplicates();
        ensure(merged.is_ok(), || format!("the rule failed: {merged:?}"))?;
        self.follow_rule(i)?;
        self.check(i)?;
        let shown =
            |db: &Database| -> Vec<_> { schema.tables().iter().map(|table| rows_of(db, table)).collect() };
        ensure(inserts || outcome.is_err() || shown(&twin) == shown(&self.pairs[i].db), || {
            "the rule makes something else of it where it need not wait".to_owned()
        })
    }

    /// A whole session. What came may clash with what is there.
    pub(super) fn session_before_the_rule(&mut self, a: usize, b: usize, options: Options<'_>) -> Checked {
        let before = [self.pairs[a].model.clone(), self.pairs[b].model.clone()];
        let direction = options.direction;
        let result = sync_with(&self.pairs[a].db, &self.pairs[b].db, options);
        self.story.note(|| format!("{a} and {b} sync {direction:?}: {result:?}"));
        ensure(result.is_ok(), || format!("P13 a session failed: {result:?}"))?;
        self.story.count("sessions", 1);
        let [old_a, old_b] = &before;
        if direction != Direction::Push {
            self.takes(a, old_b);
        }
        if direction != Direction::Pull {
            self.takes(b, old_a);
        }
        for i in [a, b] {
            self.follow_rule(i)?;
            self.story.note(|| {
                let pair = &self.pairs[i];
                format!("  {i} then:\n{}", explain::view(&pair.schema, &pair.view))
            });
            self.check(i)?;
        }
        Ok(())
    }

    /// The model of a replica takes in all that another has.
    fn takes(&mut self, i: usize, from: &Replica) {
        let pair = &mut self.pairs[i];
        from.facts.keys().for_each(|row| pair.model.receive(from, *row));
        join(&mut pair.model.knowledge, &from.knowledge);
        pair.derive_anew();
    }

    /// Does on the model what the rule has done. The times are those of the database.
    fn follow_rule(&mut self, i: usize) -> Checked {
        let mut merged = 0;
        while let Some(duplicate) =
            next_duplicate(&self.pairs[i].schema, &self.pairs[i].model, &self.pairs[i].view)
        {
            let pair = &mut self.pairs[i];
            let last = pair.model.knowledge.get(&pair.model.id).copied().unwrap_or(0);
            let written = dot(pair.model.id, last + 1);
            let hlc = facts_of(&pair.db, &pair.schema, duplicate.row)
                .and_then(|facts| facts.stamps().find(|stamp| stamp.dot == written).map(|stamp| stamp.hlc));
            let mut commit =
                Commit::new(&pair.schema, &pair.view, &pair.model, Hints { hlc, ..Hints::default() });
            commit.coalesce(duplicate);
            let (replica, changes) = commit.finish_unchecked();
            pair.model = replica;
            pair.derive_anew();
            for change in changes {
                self.changes.entry(change.row).or_default().push(change);
            }
            merged += 1;
            ensure(merged < 1000, || "the rule does not come to rest in the model".to_owned())?;
            self.story.note(|| {
                let pair = &self.pairs[i];
                format!("{i}: the rule merges {duplicate:?}\n{}", explain::view(&pair.schema, &pair.view))
            });
        }
        self.story.count("rows merged by a rule", merged);
        Ok(())
    }

    /// Everybody with everybody, until there is nothing to say any more.
    pub fn come_to_rest(&mut self) -> Checked {
        let n = self.pairs.len();
        for _ in 0..ROUNDS {
            if self.know_the_same() {
                return Ok(());
            }
            for (a, b) in (0..n).flat_map(|a| (0..a).map(move |b| (a, b))) {
                self.session(a, b, Direction::Both, None, usize::MAX >> 1)?;
            }
        }
        ensure(self.know_the_same(), || "P16 the rule does not come to rest".to_owned())
    }

    /// All have the same in the end.
    fn finish_merging(mut self, random: &mut Random) -> Checked {
        self.come_to_rest()?;
        self.have_the_same()?;
        self.rest(random)?;
        self.self_check(random)
    }
}
