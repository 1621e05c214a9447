//! Locked tables: what is refused while somebody holds a table, on copies of the replicas, so that the
//! history itself goes on as if nothing had been locked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reunite::db::TableLock;
use reunite::ids::{RowKey, TableId};
use reunite::replicate::{Direction, Options, Patience, Timer, sync_with};
use reunite::schema::Schema;
use reunite::sync::SyncError;
use reunite::value::Value;

use super::World;
use super::pair::Pair;
use super::perform::transact;
use crate::model::{Row, covers};
use crate::world::generate::Operation;
use crate::world::random::Random;
use crate::world::story::{Checked, ensure};

/// Releases the lock the third time that somebody waits for it.
#[derive(Debug)]
struct Release {
    lock: Mutex<(Option<TableLock>, u32)>,
}

impl Timer for Release {
    fn sleep(&self, _: Duration) {
        let (lock, waits) = &mut *self.lock.lock();
        *waits += 1;
        if *waits == 3 {
            *lock = None;
        }
    }
}

/// Waits in no time.
#[derive(Debug)]
struct InNoTime;

impl Timer for InNoTime {
    fn sleep(&self, _: Duration) {}
}

fn patience(timer: impl Timer + 'static) -> Patience {
    Patience { timer: Arc::new(timer), ..Patience::default() }
}

fn any_table(schema: &Schema, random: &mut Random) -> (TableId, String) {
    let table = &schema.tables()[random.below(schema.tables().len())];
    (table.id, table.name.clone())
}

/// What can be seen of a row: its facts, what the table has of it, and what it shows or would show.
type Seen = (Row, Option<Vec<Value>>, Vec<Value>);

/// What can be seen of the rows of a table.
fn rows_of(pair: &Pair, table: TableId) -> BTreeMap<RowKey, Seen> {
    let rows = pair.model.facts.iter().filter(|(row, _)| row.table == table);
    rows.map(|(row, facts)| {
        let image = &pair.view.images[row];
        let values = if image.lives { image.values.clone() } else { Vec::new() };
        (*row, (facts.clone(), pair.view.visible.get(row).cloned(), values))
    })
    .collect()
}

impl World<'_> {
    /// The transaction, on a copy where somebody holds a table, and then as it is. The copy refuses it if
    /// and only if it changes that table.
    pub(super) fn perform_beside_a_lock(
        &mut self,
        i: usize,
        operations: Vec<Operation>,
        random: &mut Random,
    ) -> Checked {
        let (id, name) = any_table(&self.pairs[i].schema, random);
        let copy = self.pairs[i].fork();
        let before = copy.db.digest().expect("memory does not fail");
        let lock = copy.db.lock(&name, "a test").expect("nobody holds it");
        let outcome = transact(&copy.db, &mut operations.clone());
        let refused = outcome.as_ref().is_err_and(|error| error.code() == "locked");
        self.story.note(|| format!("{i}: beside a lock of {name}: {outcome:?}"));
        self.story.count("refused by a lock", usize::from(refused));
        let unchanged = copy.db.digest().expect("memory does not fail") == before;
        ensure(outcome.is_ok() || unchanged, || "a refused transaction has changed something".to_owned())?;
        drop(lock);
        let named = operations.iter().any(|operation| operation.table() == id);
        let old = rows_of(&self.pairs[i], id);
        self.perform(i, operations)?;
        let touched = named || old != rows_of(&self.pairs[i], id);
        ensure(!refused || touched, || format!("refused, and does not concern {name}: {outcome:?}"))?;
        ensure(outcome.is_err() || !touched, || format!("{name} was changed, though somebody holds it"))
    }

    /// A session between copies, of which one has locked a table.
    pub(super) fn session_beside_a_lock(
        &mut self,
        [a, b]: [usize; 2],
        direction: Direction,
        random: &mut Random,
    ) -> Checked {
        let copies = [self.pairs[a].fork(), self.pairs[b].fork()];
        let (at, (_, name)) = (random.below(2), any_table(&self.pairs[a].schema, random));
        let digests = || copies.each_ref().map(|copy| copy.db.digest().expect("memory does not fail"));
        let before = digests();
        let takes = direction != [Direction::Push, Direction::Pull][at];
        let [mine, theirs] = [&copies[at], &copies[1 - at]].map(|copy| &copy.model.knowledge);
        let news = theirs.iter().any(|(replica, seq)| !covers(mine, super::sync::dot(*replica, *seq)));
        let lock = copies[at].db.lock(&name, "a test").expect("nobody holds it");
        let run = |timer| {
            let options = Options { direction, batch_bytes: 200, patience: timer, ..Options::default() };
            sync_with(&copies[0].db, &copies[1].db, options)
        };
        let (outcome, expected) = (run(patience(InNoTime)), takes && news);
        let refused = matches!(outcome, Err(SyncError::Locked { .. }));
        self.story.note(|| format!("{a} and {b} sync {direction:?}, {at} locks {name}: {outcome:?}"));
        self.story.count("sessions that met a lock", usize::from(refused));
        ensure(refused == expected && (refused || outcome.is_ok()), || {
            format!("P13 a session with a locked table: {outcome:?}")
        })?;
        ensure(!refused || digests() == before, || {
            "P13 a session that met a lock has applied something".to_owned()
        })?;
        let release = patience(Release { lock: Mutex::new((Some(lock), 0)) });
        let outcome = run(release);
        ensure(outcome.is_ok(), || format!("P13 the lock was released, and yet: {outcome:?}"))
    }
}
