//! A database of a history beside the model of it: in memory, or now and then on disk.

use std::sync::Arc;

use reunite::Database;
use reunite::db::SeededRandom;
use reunite::ids::ReplicaId;
use reunite::schema::Schema;
use reunite::storage::{Durability, Engine, MemoryEngine, Storage};
use reunite::value::Timestamp;
use reunite::version::{Clock, Hlc, ManualClock, Priority};
use tempfile::TempDir;

use crate::model::{self, Derived, Replica, forget_closed};
use crate::world::random::Random;

pub struct Pair {
    pub db: Database,
    pub clock: Arc<ManualClock>,
    /// Its schema, which may change.
    pub schema: Arc<Schema>,
    pub model: Replica,
    pub view: Derived,
    seed: u64,
    /// Where the database is. Declared last: it goes after the database.
    home: Home,
}

enum Home {
    Memory(MemoryEngine),
    Disk(TempDir),
}

impl Pair {
    pub fn new(schema: &Arc<Schema>, i: usize, on_disk: bool, random: &mut Random) -> Pair {
        let id = ReplicaId::from_bytes([i as u8 + 1; 16]);
        let priority = Priority::new(random.below(4) as u8 * 10).expect("at most 100");
        let clock = Arc::new(ManualClock::new(Timestamp(random.below(30) as i64)));
        let home = if on_disk {
            Home::Disk(tempfile::tempdir().expect("a temporary directory"))
        } else {
            Home::Memory(MemoryEngine::new())
        };
        let builder = Database::builder().schema(Arc::clone(schema)).replica_id(id).priority(priority);
        let seed = random.next();
        let builder = builder.clock(Arc::clone(&clock) as _).random(SeededRandom::new(seed));
        let db = match &home {
            Home::Disk(home) => builder.durability(Durability::Eventual).create(home.path()),
            Home::Memory(engine) => builder.over(Storage::over(Box::new(engine.clone()))),
        };
        let model = Replica::new(id, priority, Hlc(0));
        let (view, schema) = (model::derive(schema, &model.facts, |_| {}), Arc::clone(schema));
        Pair { db: db.expect("a new database"), clock, schema, model, view, seed, home }
    }

    /// Closes a database that is on disk, or just lets it go, and opens it again.
    pub fn reopen(&mut self, random: &mut Random) {
        let Home::Disk(home) = &self.home else { return };
        if random.chance(50) {
            self.db.close().expect("it closes");
        }
        self.db = Database::builder().in_memory().expect("something to let go of the database");
        let builder =
            Database::builder().clock(Arc::clone(&self.clock) as _).durability(Durability::Eventual);
        let builder = builder.random(SeededRandom::new(random.next()));
        self.db = builder.open(home.path()).expect("it opens again");
    }

    /// The model knows other facts, or another schema: what it derives from them.
    pub fn derive_anew(&mut self) {
        let after = model::derive(&self.schema, &self.model.facts, |_| {});
        forget_closed(&mut self.model, &self.view, &after);
        self.view = after;
    }

    /// Everything that is stored in memory; nothing of a database on disk.
    pub fn bytes(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let Home::Memory(engine) = &self.home else { return Vec::new() };
        let snapshot = engine.snapshot().expect("memory does not fail");
        let entries = snapshot.range(&[], None).expect("memory does not fail");
        entries.collect::<Result<_, _>>().expect("memory does not fail")
    }

    /// Whether it can be forked.
    pub const fn is_in_memory(&self) -> bool {
        matches!(self.home, Home::Memory(_))
    }

    /// The same replica once more, which goes its own way from here. Only of one in memory.
    pub fn fork(&self) -> Pair {
        let Home::Memory(engine) = &self.home else { unreachable!("a directory has no second life") };
        // It draws other random numbers than before.
        let (engine, seed) = (engine.fork(), self.seed.wrapping_add(1));
        let clock = Arc::new(ManualClock::new(self.clock.now()));
        let db = open(&engine, &clock, seed);
        let (schema, model, view) = (Arc::clone(&self.schema), self.model.clone(), self.view.clone());
        Pair { db, clock, schema, model, view, seed, home: Home::Memory(engine) }
    }

    /// Its database alone once more.
    pub fn fork_database(&self) -> Database {
        let Home::Memory(engine) = &self.home else { unreachable!("a directory has no second life") };
        let clock = Arc::new(ManualClock::new(self.clock.now()));
        open(&engine.fork(), &clock, self.seed.wrapping_add(1))
    }
}

fn open(engine: &MemoryEngine, clock: &Arc<ManualClock>, seed: u64) -> Database {
    let builder = Database::builder().clock(Arc::clone(clock) as _).random(SeededRandom::new(seed));
    builder.over(Storage::over(Box::new(engine.clone()))).expect("memory does not fail")
}
