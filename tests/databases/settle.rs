//! The end of a history: everybody syncs with everybody, under two schedules, and all is compared.

use std::sync::Arc;

use reunite::Database;
use reunite::ids::ReplicaId;
use reunite::replicate::{Direction, sync};
use reunite::version::ManualClock;

use super::compare::compare;
use super::{Pair, World, sqlite};
use crate::world::checks::check_facts;
use crate::world::losses::check_losses;
use crate::world::random::Random;
use crate::world::story::{Checked, ensure};

impl World<'_> {
    pub(super) fn settle(mut self, random: &mut Random) -> Checked {
        let some = random.below(self.pairs.len());
        sqlite::loads(&self.pairs[some].db, &self.pairs[some].schema)?;
        let twins = self.twins()?;
        self.converge(random)?;
        converge_twins(&twins, random);
        let digest = self.have_the_same()?;
        let first = &self.pairs[0];
        for twin in &twins {
            compare(twin, &first.schema, &first.model, &first.view)?;
            let same = twin.digest().expect("memory does not fail") == digest;
            ensure(same, || "P3 two schedules give equal digests".to_owned())?;
        }
        for conflict in first.view.conflicts.values() {
            self.story.count(conflict.kind.name(), 1);
        }
        self.rest(random)?;
        self.self_check(random)
    }

    pub(super) fn know_the_same(&self) -> bool {
        self.pairs.iter().all(|pair| pair.model.knowledge == self.pairs[0].model.knowledge)
    }

    /// All know the same: then they have the same, nothing is lost, and SQLite takes it. Returns their digest.
    pub(super) fn have_the_same(&mut self) -> Checked<[u8; 16]> {
        let first = &self.pairs[0];
        check_losses(&self.changes, &first.model.facts, &first.view)?;
        let judged = self.events.check(&first.schema, &first.model.facts, &first.view)?;
        self.story.count("columns judged by events", judged);
        sqlite::loads(&first.db, &first.schema)?;
        let digest = first.db.digest().expect("memory does not fail");
        for pair in &self.pairs {
            check_facts(&self.changes, &pair.model)?;
            ensure(pair.model.facts == first.model.facts, || "P2 equal knowledge, equal facts".to_owned())?;
            let same = pair.db.digest().expect("memory does not fail") == digest;
            ensure(same, || "P2 equal knowledge, equal digests".to_owned())?;
        }
        Ok(digest)
    }

    /// Replicas that begin empty and take over what each has: they go on under another schedule.
    fn twins(&self) -> Result<Vec<Database>, crate::world::story::Failure> {
        let twin = |(i, pair): (usize, &Pair)| {
            let id = ReplicaId::from_bytes([i as u8 + 101; 16]);
            let clock = Arc::new(ManualClock::default());
            let twin =
                Database::builder().replica_id(id).clock(clock).in_memory().expect("memory does not fail");
            let result = sync(&twin, &pair.db);
            ensure(result.is_ok(), || format!("an empty replica cannot join: {result:?}"))?;
            Ok(twin)
        };
        self.pairs.iter().enumerate().map(twin).collect()
    }

    fn converge(&mut self, random: &mut Random) -> Checked {
        for _ in 0..100 {
            if self.know_the_same() {
                break;
            }
            let (a, b) = (random.below(self.pairs.len()), random.below(self.pairs.len()));
            if a != b {
                self.session(a, b, Direction::Both, None, 256 * 1024)?;
            }
        }
        ensure(self.know_the_same(), || "the replicas do not come to know the same".to_owned())
    }

    /// P14: replicas that know the same have nothing to say to each other, and write nothing.
    pub(super) fn rest(&mut self, random: &mut Random) -> Checked {
        let (a, b) = (random.below(self.pairs.len()), random.below(self.pairs.len()));
        if a == b {
            return Ok(());
        }
        let done = sync(&self.pairs[a].db, &self.pairs[b].db);
        let idle = done.as_ref().is_ok_and(|done| !done.first.moved() && !done.second.moved());
        ensure(idle, || format!("P14 an idle session moved something: {done:?}"))?;
        self.check(a)?;
        self.check(b)
    }

    /// The databases find nothing wrong with themselves.
    pub(super) fn self_check(&self, random: &mut Random) -> Checked {
        let pair = &self.pairs[random.below(self.pairs.len())];
        let findings = pair.db.check().expect("memory does not fail");
        ensure(findings.is_empty(), || format!("the self-check finds {findings:?}"))
    }
}

/// Round and round in a random order, one way at a time, until all know the same.
fn converge_twins(twins: &[Database], random: &mut Random) {
    let known = |twin: &Database| twin.knowledge().expect("memory does not fail");
    while !twins.iter().all(|twin| known(twin) == known(&twins[0])) {
        let (a, b) = (random.below(twins.len()), random.below(twins.len()));
        if a != b {
            reunite::replicate::pull(&twins[a], &twins[b]).expect("a session in memory");
        }
    }
}
