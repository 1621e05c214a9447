//! Histories whose sessions have policies, beside the model: after each decision facts, tables and conflicts are
//! compared. One conflict is decided at a time, so that the model can follow; a handler says which one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use reunite::derive::{About, Kind};
use reunite::ids::ConflictId;
use reunite::replicate::{
    Action, Case, ConflictHandler, Direction, HandlerError, Options, Outcome, Policies, Policy,
    apply_policies,
};

use super::World;
use super::outcome::Contest;
use super::pair::Pair;
use crate::model::{Conflict, ConflictName, Derived, Replica};
use crate::world::checks::Changes;
use crate::world::events::Events;
use crate::world::random::Random;
use crate::world::schemas;
use crate::world::story::{Checked, Failure, Phase, Plan, Story, ensure};

/// What a replica remembers of conflicts, for its policies.
#[derive(Clone, Default)]
struct Notes {
    /// The conflicts that sessions brought, and whether it was the losing side.
    own: BTreeMap<ConflictName, bool>,
    /// The conflicts that it has decided, or tried to, ever.
    decided: BTreeSet<ConflictName>,
}

struct Deciding<'a> {
    world: World<'a>,
    notes: Vec<Notes>,
}

/// One history.
pub fn history(plan: &Plan, story: &mut Story) -> Checked {
    let mut random = Random::new(plan.seed);
    let [schema, _] = schemas::schemas(&mut random);
    let replicas = 2 + random.below(2);
    let pairs = (0..replicas).map(|i| Pair::new(&schema, i, false, &mut random)).collect();
    let world = World::new(pairs, (Changes::new(), Events::default()), story);
    let mut deciding = Deciding { world, notes: vec![Notes::default(); replicas] };
    for step in &plan.steps {
        deciding.step(step.phase, &mut Random::new(step.seed))?;
    }
    deciding.world.settle(&mut random)
}

impl Deciding<'_> {
    fn step(&mut self, phase: Phase, random: &mut Random) -> Checked {
        let world = &mut self.world;
        let (i, other) = (random.below(world.pairs.len()), random.below(world.pairs.len()));
        world.pairs[i].clock.advance(random.below(5) as i64);
        match phase {
            Phase::Grow => world.transaction(0, random)?,
            Phase::Live if random.chance(65) => world.transaction(i, random)?,
            Phase::Spread if i != 0 => world.session(i, 0, Direction::Pull, None, 256 * 1024)?,
            _ if other == i => {}
            _ if random.chance(20) => world.session(i, other, Direction::Both, None, 256 * 1024)?,
            _ => self.session(i, other, random)?,
        }
        self.forget_closed();
        Ok(())
    }

    /// What is noted of a conflict goes with it; that it was decided does not.
    fn forget_closed(&mut self) {
        for (notes, pair) in self.notes.iter_mut().zip(&self.world.pairs) {
            notes.own.retain(|name, _| pair.view.conflicts.contains_key(name));
        }
    }

    /// A session: what came is noted, then decided, then travels back.
    fn session(&mut self, a: usize, b: usize, random: &mut Random) -> Checked {
        let direction = [Direction::Both, Direction::Push, Direction::Pull][random.below(3)];
        let i = if direction == Direction::Pull { a } else { b };
        let pair = &self.world.pairs[i];
        let before = (pair.model.clone(), pair.view.clone());
        // Nothing is decided yet: for that the model must know what came.
        let options = Options { direction, policies: Policies::new(Policy::Defer), ..Options::default() };
        self.world.session_with(a, b, options)?;
        self.forget_closed();
        self.note_own(i, &before);
        let mut deferred = BTreeSet::new();
        let mut asked = self.decide(i, None, Action::Defer)?;
        while let Some(next) = asked.iter().find(|id| !deferred.contains(*id)).copied() {
            let action = some_action(random);
            if action == Action::Defer {
                deferred.insert(next);
            }
            self.decide(i, Some(next), action)?;
            asked = self.decide(i, None, Action::Defer)?;
        }
        if direction == Direction::Both {
            self.world.session(a, b, Direction::Pull, None, 256 * 1024)?;
        }
        Ok(())
    }

    fn contest(&self, i: usize, name: ConflictName) -> Option<Contest<'_>> {
        let pair = &self.world.pairs[i];
        let conflict = pair.view.conflicts.get(&name)?;
        Some(Contest { schema: &pair.schema, model: &pair.model, view: &pair.view, name, conflict })
    }

    /// The two sides of a disagreement about which rows are one are not modelled: nobody decides it here.
    fn note_own(&mut self, i: usize, (before, stood): &(Replica, Derived)) {
        let pair = &self.world.pairs[i];
        let open = pair.view.conflicts.iter().filter(|(_, conflict)| conflict.kind != Kind::Identity);
        let names: Vec<ConflictName> = open.map(|(name, _)| *name).collect();
        for name in names {
            let notes = &self.notes[i];
            let known_here = notes.own.contains_key(&name) || notes.decided.contains(&name);
            let me = self.world.pairs[i].model.id;
            // A row that was barred by the same rows before did not come to be barred by the session.
            let stood = stood.conflicts.get(&name).filter(|_| matches!(name.about, About::Constraint(_)));
            let same = |now: &Conflict| stood.is_some_and(|s| (s.kind, &s.others) == (now.kind, &now.others));
            let contest = self.contest(i, name).filter(|contest| !known_here && !same(contest.conflict));
            let came = contest.and_then(|contest| contest.came(me, &before.knowledge));
            if let Some(loser) = came {
                self.notes[i].own.insert(name, loser);
            }
        }
    }

    /// Lets the replica decide one conflict, or none, on both sides. Returns what was asked.
    fn decide(&mut self, i: usize, chosen: Option<ConflictId>, action: Action) -> Checked<Vec<ConflictId>> {
        let handler = Arc::new(OneAtATime { chosen, action: action.clone(), asked: Mutex::default() });
        let policies = Policies::new(Policy::Handler(Arc::clone(&handler) as _));
        let outcome = apply_policies(&self.world.pairs[i].db, &policies)
            .map_err(|error| Failure(format!("a policy failed: {error}")))?;
        let asked = std::mem::take(&mut *handler.asked.lock().expect("no handler panics"));
        self.world
            .story
            .note(|| format!("{i} is asked about {asked:?}; {chosen:?}: {action:?}: {outcome:?}"));
        let mut expected = Vec::new();
        let mut noted: Vec<ConflictName> = self.notes[i].own.keys().copied().collect();
        noted.sort_by_key(ConflictName::id);
        for name in noted {
            let Some(contest) = self.contest(i, name) else {
                self.notes[i].own.remove(&name);
                continue;
            };
            if contest.is_decided() {
                self.settle(i, name);
                continue;
            }
            expected.push(name.id());
            if Some(name.id()) == chosen {
                self.follow(i, name, &action, outcome)?;
            }
        }
        ensure(asked == expected, || format!("the policies were asked about {asked:?}, not {expected:?}"))?;
        self.forget_closed();
        Ok(asked)
    }

    /// Does on the model what the replica has done.
    fn follow(&mut self, i: usize, name: ConflictName, action: &Action, outcome: Outcome) -> Checked {
        let (made, refused) = (outcome.decisions.made, outcome.decisions.refused);
        let told = |what: &str| format!("{action:?} of {name:?}: {made} made, {refused} refused: {what}");
        if matches!(action, Action::Defer | Action::Skip) {
            if *action == Action::Skip {
                self.settle(i, name);
            }
            return ensure((made, refused) == (0, 0), || told("it was to be left open"));
        }
        let loser_came = self.notes[i].own[&name];
        let contest = self.contest(i, name).expect("it is open");
        let operation = contest.operation(action, loser_came);
        self.settle(i, name);
        let Some(operation) = operation else {
            return ensure((made, refused) == (0, 1), || told("it does not apply"));
        };
        let operations = [operation];
        match self.world.expected(i, &operations, made == 1, true)? {
            Ok(done) => {
                ensure((made, refused) == (1, 0), || told("nothing forbids it"))?;
                self.world.story.count(format!("{} decided", action_name(action)), 1);
                self.world.committed(i, &operations, done)
            }
            Err(refusals) => {
                self.world.story.count("outcomes refused", 1);
                ensure((made, refused) == (0, 1), || told(&format!("{refusals:?}")))
            }
        }
    }

    fn settle(&mut self, i: usize, name: ConflictName) {
        self.notes[i].own.remove(&name);
        self.notes[i].decided.insert(name);
    }
}

/// Decides one conflict, and defers all others.
struct OneAtATime {
    chosen: Option<ConflictId>,
    action: Action,
    asked: Mutex<Vec<ConflictId>>,
}

impl ConflictHandler for OneAtATime {
    fn decide(&self, case: &Case) -> Result<Action, HandlerError> {
        if case.conflict.kind == Kind::Identity {
            return Ok(Action::Defer);
        }
        self.asked.lock().expect("no handler panics").push(case.conflict.id);
        Ok(if self.chosen == Some(case.conflict.id) { self.action.clone() } else { Action::Defer })
    }
}

fn some_action(random: &mut Random) -> Action {
    match random.below(12) {
        0..=2 => Action::KeepSource,
        3..=4 => Action::KeepDestination,
        5 => Action::Merge,
        6 => Action::RenameSource(None),
        7 => Action::RenameDestination(None),
        8 => Action::Skip,
        9 => Action::Defer,
        10 => Action::Delete,
        _ => Action::RestoreParent,
    }
}

const fn action_name(action: &Action) -> &'static str {
    match action {
        Action::KeepSource => "keep-source",
        Action::KeepDestination => "keep-destination",
        Action::Merge => "merge",
        Action::RenameSource(_) => "rename-source",
        Action::RenameDestination(_) => "rename-destination",
        Action::Delete => "delete",
        Action::RestoreParent => "restore-parent",
        _ => "other",
    }
}
