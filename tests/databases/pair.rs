//! A database of a history beside the model of it: in memory, or now and then on disk.

use std::sync::Arc;

use reunite::Database;
use reunite::db::SeededRandom;
use reunite::ids::ReplicaId;
use reunite::schema::Schema;
use reunite::storage::Durability;
use reunite::value::Timestamp;
use reunite::version::{Hlc, ManualClock, Priority};
use tempfile::TempDir;

use crate::model::{self, Derived, Replica};
use crate::world::random::Random;

pub struct Pair {
    pub db: Database,
    pub clock: Arc<ManualClock>,
    pub model: Replica,
    pub view: Derived,
    /// Where the database is, if on disk. Declared last: it goes after the database.
    home: Option<TempDir>,
}

impl Pair {
    pub fn new(schema: &Arc<Schema>, i: usize, on_disk: bool, random: &mut Random) -> Pair {
        let id = ReplicaId::from_bytes([i as u8 + 1; 16]);
        let priority = Priority::new(random.below(4) as u8 * 10).expect("at most 100");
        let clock = Arc::new(ManualClock::new(Timestamp(random.below(30) as i64)));
        let home = on_disk.then(|| tempfile::tempdir().expect("a temporary directory"));
        let builder = Database::builder().schema(Arc::clone(schema)).replica_id(id).priority(priority);
        let builder = builder.clock(Arc::clone(&clock) as _).random(SeededRandom::new(random.next()));
        let db = match &home {
            Some(home) => builder.durability(Durability::Eventual).create(home.path()),
            None => builder.in_memory(),
        };
        let model = Replica::new(id, priority, Hlc(0));
        let view = model::derive(schema, &model.facts, |_| {});
        Pair { db: db.expect("a new database"), clock, model, view, home }
    }

    /// Closes a database that is on disk, or just lets it go, and opens it again.
    pub fn reopen(&mut self, random: &mut Random) {
        let Some(home) = &self.home else { return };
        if random.chance(50) {
            self.db.close().expect("it closes");
        }
        self.db = Database::builder().in_memory().expect("something to let go of the database");
        let builder =
            Database::builder().clock(Arc::clone(&self.clock) as _).durability(Durability::Eventual);
        let builder = builder.random(SeededRandom::new(random.next()));
        self.db = builder.open(home.path()).expect("it opens again");
    }
}
