//! Several replicas of one database: transactions, sessions, crashes, and checks in between.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use reunite::Database;
use reunite::db::{Builder, SeededRandom};
use reunite::ids::{ReplicaId, RowKey};
use reunite::schema::Schema;
use reunite::storage::{Durability, MemoryEngine, Storage};
use reunite::value::Timestamp;
use reunite::version::{ManualClock, Priority};
use tempfile::TempDir;

use crate::random::Random;
use crate::story::{Checked, Failure, Phase, Plan, Story, ensure};
use crate::transaction::transact;
use crate::view::{State, of_database};
use crate::{draft, oracles};

/// Where the bytes of a replica are.
enum Place {
    Memory(MemoryEngine),
    Disk(TempDir),
}

pub struct Replica {
    db: Option<Database>,
    place: Place,
    clock: Arc<ManualClock>,
}

pub struct World<'a> {
    pub schema: Arc<Schema>,
    pub replicas: Vec<Replica>,
    /// Every row that was ever inserted.
    rows: BTreeSet<RowKey>,
    pub story: &'a mut Story,
}

/// One history.
pub fn history(plan: &Plan, story: &mut Story) -> Checked {
    let mut random = Random::new(plan.seed);
    let schema = draft::schema(&mut random, false);
    story.note(|| schema.to_sql());
    let count = 2 + random.below(3);
    let replicas = (0..count).map(|i| Replica::new(&schema, i, &mut random)).collect();
    let mut world = World { schema, replicas, rows: BTreeSet::new(), story };
    let shared = plan.steps.iter().take_while(|step| step.phase == Phase::Grow).count();
    for step in &plan.steps[..shared] {
        world.transaction(0, &mut Random::new(step.seed))?;
    }
    if shared > 0 {
        world.spread()?;
    }
    for step in &plan.steps[shared..] {
        world.step(&mut Random::new(step.seed))?;
    }
    world.settle(&mut random)
}

impl Replica {
    fn new(schema: &Arc<Schema>, i: usize, random: &mut Random) -> Replica {
        let clock = Arc::new(ManualClock::new(Timestamp(random.below(30) as i64)));
        let builder = builder(&clock, random)
            .schema(Arc::clone(schema))
            .replica_id(ReplicaId::from_bytes([i as u8 + 1; 16]))
            .priority(Priority::new(random.below(4) as u8 * 10).expect("at most 100"));
        if random.chance(1) {
            let directory = tempfile::tempdir().expect("a directory");
            let db = builder.create(path(&directory)).expect("a disk");
            return Replica { db: Some(db), place: Place::Disk(directory), clock };
        }
        let engine = MemoryEngine::new();
        let db = builder.over(Storage::over(Box::new(engine.clone()))).expect("memory does not fail");
        Replica { db: Some(db), place: Place::Memory(engine), clock }
    }

    /// Dropped without being closed, and opened again.
    fn reopen(&mut self, random: &mut Random) {
        self.db = None;
        let builder = builder(&self.clock, random);
        self.db = Some(match &self.place {
            Place::Memory(engine) => {
                builder.over(Storage::over(Box::new(engine.clone()))).expect("memory does not fail")
            }
            Place::Disk(directory) => builder.open(path(directory)).expect("a disk"),
        });
    }
}

fn builder(clock: &Arc<ManualClock>, random: &mut Random) -> Builder {
    let builder = Database::builder().clock(Arc::clone(clock) as _).random(SeededRandom::new(random.next()));
    builder.durability(Durability::Eventual)
}

fn path(directory: &TempDir) -> PathBuf {
    directory.path().join("database")
}

impl World<'_> {
    pub fn db(&self, i: usize) -> &Database {
        self.replicas[i].db.as_ref().expect("it is open")
    }

    fn step(&mut self, random: &mut Random) -> Checked {
        let i = random.below(self.replicas.len());
        self.replicas[i].clock.advance(random.below(5) as i64);
        match random.below(100) {
            0..82 => self.transaction(i, random),
            82..97 => {
                let other = random.below(self.replicas.len());
                if other == i { Ok(()) } else { self.session(i, other, random) }
            }
            _ => self.crash(i, random),
        }
    }

    fn transaction(&mut self, i: usize, random: &mut Random) -> Checked {
        self.story.note(|| format!("{i}:"));
        let known: Vec<RowKey> = self.rows.iter().copied().collect();
        let db = self.db(i).clone();
        transact(&db, &known, random, self.story)?;
        self.rows.extend(of_database(&db).into_keys());
        if random.chance(25) { self.check(i, random) } else { Ok(()) }
    }

    fn crash(&mut self, i: usize, random: &mut Random) -> Checked {
        self.story.note(|| format!("{i} is opened again"));
        self.story.count("crashes", 1);
        let before = State::of(self.db(i));
        self.replicas[i].reopen(random);
        let after = State::of(self.db(i));
        ensure(before == after, || format!("P21 opened again, {before:#?} became {after:#?}"))
    }

    pub fn check(&mut self, i: usize, random: &mut Random) -> Checked {
        let known: Vec<RowKey> = self.rows.iter().copied().collect();
        self.story.count("checks", 1);
        oracles::check(self.db(i), &known, random).map_err(|error| Failure(format!("replica {i}: {error}")))
    }
}
