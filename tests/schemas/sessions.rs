//! Sessions between replicas, and the end of a history: everybody syncs with everybody, under two
//! schedules, and all is compared.

use std::sync::Arc;

use reunite::Database;
use reunite::ids::ReplicaId;
use reunite::replicate::{Direction, Options, pull, sync, sync_with};
use reunite::sync::SyncError;
use reunite::version::ManualClock;

use crate::random::Random;
use crate::story::{Checked, Failure, ensure};
use crate::view::State;
use crate::world::World;

impl World<'_> {
    /// A session between two replicas, one way or both, perhaps broken off at some byte.
    pub fn session(&mut self, a: usize, b: usize, random: &mut Random) -> Checked {
        let direction = [Direction::Both, Direction::Both, Direction::Push, Direction::Pull][random.below(4)];
        let cut_after = random.chance(30).then(|| random.below(4000) as u64);
        let batch_bytes = [1, 200, 1000, 256 * 1024][random.below(4)];
        let options = Options { direction, cut_after, batch_bytes, ..Options::default() };
        let result = sync_with(self.db(a), self.db(b), options);
        self.story
            .note(|| format!("{a} and {b} sync {direction:?}, cut {cut_after:?}: {}", outcome(&result)));
        match result {
            Ok(_) => self.story.count("sessions", 1),
            Err(SyncError::Interrupted { .. }) if cut_after.is_some() => {
                self.story.count("broken sessions", 1);
            }
            Err(error) => return Err(Failure(format!("a session failed: {error}"))),
        }
        for end in [a, b] {
            let schema = Arc::clone(&self.schema);
            let view = crate::view::of_database(self.db(end));
            self.story.note(|| format!("  {end} then:\n{}", crate::view::show(&schema, &view)));
        }
        self.check(a, random)?;
        self.check(b, random)
    }

    /// Everybody takes over what the first replica has.
    pub fn spread(&mut self) -> Checked {
        self.story.note(|| "0 syncs with all".to_owned());
        let others = 1..self.replicas.len();
        others.into_iter().try_for_each(|i| {
            sync(self.db(0), self.db(i)).map(drop).map_err(|error| Failure(error.to_string()))
        })
    }

    /// The end.
    pub fn settle(&mut self, random: &mut Random) -> Checked {
        let twins = self.twins()?;
        converge(&(0..self.replicas.len()).map(|i| self.db(i).clone()).collect::<Vec<_>>(), true, random)?;
        converge(&twins, false, random)?;
        let schema = Arc::clone(&self.schema);
        let first = State::of(self.db(0)).replicated(&schema);
        self.story.count("conflicts at the end", first.conflicts.len());
        for conflict in &first.conflicts {
            self.story.count(format!("({})", conflict.kind.name()), 1);
        }
        for i in 0..self.replicas.len() {
            let other = State::of(self.db(i)).replicated(&schema);
            ensure(other == first, || format!("P2 replica {i} has {other:#?}, replica 0 has {first:#?}"))?;
            self.check(i, random)?;
        }
        for twin in &twins {
            let other = State::of(twin).replicated(&schema);
            ensure(other == first, || format!("P3 under another order {other:#?}, not {first:#?}"))?;
        }
        self.rest()
    }

    /// Replicas that begin empty and take over what each has: they go on under another schedule.
    fn twins(&self) -> Checked<Vec<Database>> {
        let mut twins = Vec::new();
        for i in 0..self.replicas.len() {
            let id = ReplicaId::from_bytes([i as u8 + 101; 16]);
            let clock = Arc::new(ManualClock::default());
            let twin =
                Database::builder().replica_id(id).clock(clock).in_memory().expect("memory does not fail");
            sync(&twin, self.db(i)).map_err(|error| format!("an empty replica cannot join: {error}"))?;
            twins.push(twin);
        }
        Ok(twins)
    }

    /// P14: replicas that know the same have nothing to say to each other, and write nothing.
    fn rest(&self) -> Checked {
        for (a, b) in (0..self.replicas.len()).zip(1..self.replicas.len()) {
            let before = [State::of(self.db(a)), State::of(self.db(b))];
            let done = sync(self.db(a), self.db(b)).map_err(|error| error.to_string())?;
            let idle = !done.first.moved() && !done.second.moved();
            let same = before == [State::of(self.db(a)), State::of(self.db(b))];
            ensure(idle && same, || format!("P14 an idle session moved something: {done:?}"))?;
        }
        Ok(())
    }
}

fn outcome<T>(result: &Result<T, SyncError>) -> String {
    result.as_ref().err().map_or_else(|| "done".to_owned(), ToString::to_string)
}

/// Sessions in a random order until all know the same.
fn converge(all: &[Database], both: bool, random: &mut Random) -> Checked {
    let known = |db: &Database| db.knowledge().expect("memory does not fail");
    for _ in 0..200 {
        if all.iter().all(|db| known(db) == known(&all[0])) {
            return Ok(());
        }
        let (a, b) = (random.below(all.len()), random.below(all.len()));
        if a != b {
            let done = if both { sync(&all[a], &all[b]) } else { pull(&all[a], &all[b]) };
            done.map_err(|error| format!("a session failed: {error}"))?;
        }
    }
    Err(Failure("the replicas do not come to know the same".to_owned()))
}
