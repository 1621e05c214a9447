//! Sessions between two databases of a history.

use reunite::replicate::{Direction, Options, sync_with};
use reunite::sync::SyncError;

use super::compare::facts_of;
use super::{Before, World, merges};
use crate::model::{self, Replica, Vector, covers, join, live_table, row_state};
use crate::world::checks::check_facts;
use crate::world::explain;
use crate::world::random::Random;
use crate::world::story::{Checked, Failure, ensure};

impl World<'_> {
    /// A session between two replicas, one way or both, perhaps broken off at some byte.
    pub(super) fn sync(&mut self, a: usize, b: usize, random: &mut Random) -> Checked {
        let direction = [Direction::Both, Direction::Push, Direction::Pull][random.below(3)];
        let bytes = [150, 600, 2500][random.below(3)];
        let cut_after = if random.chance(40) { Some(random.below(bytes) as u64) } else { None };
        let batch_bytes = [1, 200, 1000, 256 * 1024][random.below(4)];
        if random.chance(10) && self.pairs[a].is_in_memory() && self.pairs[b].is_in_memory() {
            self.session_beside_a_lock([a, b], direction, random)?;
        }
        if cut_after.is_none() && random.chance(30) {
            return self.session_with_preview([a, b], direction, batch_bytes);
        }
        self.session(a, b, direction, cut_after, batch_bytes)
    }

    pub fn session(
        &mut self,
        a: usize,
        b: usize,
        direction: Direction,
        cut_after: Option<u64>,
        batch_bytes: usize,
    ) -> Checked {
        self.session_with(a, b, Options { direction, cut_after, batch_bytes, ..Options::default() })
    }

    /// A session that decides nothing: the model would not know of it.
    pub(super) fn session_with(&mut self, a: usize, b: usize, options: Options<'_>) -> Checked {
        if merges(&self.pairs[a].schema) {
            return self.session_before_the_rule(a, b, options);
        }
        let Options { direction, cut_after, batch_bytes, .. } = options;
        let before = [self.pairs[a].model.clone(), self.pairs[b].model.clone()];
        let result = sync_with(&self.pairs[a].db, &self.pairs[b].db, options);
        self.story.note(|| {
            format!("{a} and {b} sync {direction:?}, cut {cut_after:?}, batches of {batch_bytes}: {result:?}")
        });
        let complete = match result {
            Ok(_) => true,
            Err(SyncError::Interrupted { .. }) if cut_after.is_some() => false,
            Err(error) => return Err(Failure(format!("P13 a session failed: {error}"))),
        };
        self.story.count("sessions", 1);
        self.story.count("broken sessions", usize::from(!complete));
        let (takes_a, takes_b) = (direction != Direction::Push, direction != Direction::Pull);
        let [old_a, old_b] = before;
        self.received(a, &old_b, takes_a, complete)?;
        self.received(b, &old_a, takes_b, complete)
    }

    /// Every row is as before, or merged with what the peer had; knowledge grew no further than the
    /// peer's, and all of that far if the session was complete. The model takes over how far it got.
    fn received(&mut self, i: usize, peer: &Replica, takes: bool, complete: bool) -> Checked {
        let pair = &mut self.pairs[i];
        pair.schema = pair.db.schema();
        let before: Before = pair.model.facts.clone();
        for (row, theirs) in &peer.facts {
            if live_table(&pair.schema, row.table).is_none() {
                // Its table was dropped: what the session brought cannot be seen.
                if takes && complete {
                    pair.model.receive(peer, *row);
                }
                continue;
            }
            let found = facts_of(&pair.db, &pair.schema, *row);
            let mine = before.get(row);
            if found == mine.map(|mine| row_state(row.row, mine)) {
                continue;
            }
            let merged = mine.map_or_else(|| theirs.clone(), |mine| model::merge_row(mine, theirs));
            let expected = row_state(row.row, &merged);
            ensure(takes && found.as_ref() == Some(&expected), || {
                format!("P1 not what merging gives in {row:?}: {found:#?}, not {expected:#?}")
            })?;
            pair.model.receive(peer, *row);
        }
        let knowledge = pair.db.knowledge().expect("memory does not fail");
        let knowledge: Vector = knowledge.iter().collect();
        let mut most = pair.model.knowledge.clone();
        if takes {
            join(&mut most, &peer.knowledge);
        }
        let honest = knowledge.iter().all(|(replica, seq)| covers(&most, dot(*replica, *seq)));
        ensure(honest, || format!("P13 it knows {knowledge:?}, more than {most:?}"))?;
        let kept = pair.model.knowledge.iter().all(|(replica, seq)| covers(&knowledge, dot(*replica, *seq)));
        ensure(kept, || format!("P13 it forgot: it knows {knowledge:?}"))?;
        ensure(!complete || knowledge == most, || {
            format!("P13 a whole session taught {knowledge:?}, not {most:?}")
        })?;
        pair.model.knowledge = knowledge;
        pair.derive_anew();
        self.story.note(|| format!("  {i} then:\n{}", explain::view(&pair.schema, &pair.view)));
        check_facts(&self.changes, &pair.model)?;
        self.check(i)
    }
}

pub const fn dot(replica: reunite::ids::ReplicaId, seq: u64) -> reunite::ids::Dot {
    reunite::ids::Dot { replica, seq }
}
