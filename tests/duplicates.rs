//! The duplicate rule MERGE over random histories: it comes to rest, every replica ends with the same, and no
//! two rows that nobody keeps apart clash on such a key.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "a test stops where something is not as expected"
)]

#[allow(dead_code, reason = "it has more than is needed here")]
#[path = "world/random.rs"]
mod random;

use std::sync::Arc;

use reunite::db::SeededRandom;
use reunite::derive::Kind;
use reunite::ids::{ReplicaId, RowId};
use reunite::replicate::{Direction, Options, sync, sync_with};
use reunite::value::Timestamp;
use reunite::version::ManualClock;
use reunite::{Database, ResolveWith, Row, row};

use self::random::Random;

/// The email of a contact merges, its code parks. A visit's key follows its contact's, so merges cascade.
const SCHEMA: &str = "
CREATE TABLE contact (email TEXT COLLATE NOCASE PRIMARY KEY, code INTEGER UNIQUE, name TEXT, phone TEXT)
  WITH (merge_duplicates = 'email', deletes = 'RULE');
CREATE TABLE visit (contact TEXT REFERENCES contact (email) ON DELETE CASCADE, day INTEGER, note TEXT,
  PRIMARY KEY (contact, day)) WITH (merge_duplicates = '(contact, day)', deletes = 'RULE');
";
const TABLES: [&str; 2] = ["contact", "visit"];
const ROUNDS: usize = 20;

struct World {
    replicas: Vec<Database>,
    clocks: Vec<Arc<ManualClock>>,
    random: Random,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random::new(seed);
        let rule = ["delete wins", "update wins", "latest wins"][random.below(3)];
        let (mut replicas, mut clocks) = (Vec::new(), Vec::new());
        for i in 0..2 + random.below(2) as u8 {
            let clock = Arc::new(ManualClock::new(Timestamp(1_000 + random.below(50) as i64)));
            let builder = Database::builder().sql(&SCHEMA.replace("RULE", rule)).unwrap();
            let builder =
                builder.replica_id(ReplicaId::from_bytes([i + 1; 16])).clock(Arc::clone(&clock) as _);
            replicas.push(builder.random(SeededRandom::new(random.next())).in_memory().unwrap());
            clocks.push(clock);
        }
        World { replicas, clocks, random }
    }

    fn contact(&mut self) -> Row {
        let (random, mut values) = (&mut self.random, Row::new());
        values.set("email", ["a@x", "A@x", "b@x"][random.below(3)]);
        for (column, value) in [("name", "Ann"), ("phone", "1")] {
            if random.chance(60) {
                values.set(column, format!("{value}{}", random.below(3)));
            }
        }
        if random.chance(40) {
            values.set("code", random.below(3) as i64);
        }
        values
    }

    /// One operation. That it is refused is nothing special.
    fn step(&mut self) {
        let i = self.random.below(self.replicas.len());
        self.clocks[i].advance(self.random.below(5) as i64);
        let db = self.replicas[i].clone();
        let rows = |table: &str| -> Vec<(RowId, Row)> {
            db.read().unwrap().table(table).unwrap().scan().unwrap().map(Result::unwrap).collect()
        };
        let some = self.random.pick(rows("contact"));
        let table = TABLES[self.random.below(2)];
        let row = self.random.pick(rows(table)).map(|(row, _)| row);
        let (named, day) = (self.contact(), self.random.below(2) as i64);
        let _ = match (self.random.below(12), some, row) {
            (0..=3, _, _) | (_, None, _) => db.write(|tx| tx.table("contact")?.insert(named)).map(|_| ()),
            (4..=6, Some((_, contact)), _) => {
                let email = contact.get("email").cloned().unwrap();
                db.write(|tx| tx.table("visit")?.insert(row! { contact: email, day: day })).map(|_| ())
            }
            (7 | 8, Some((row, _)), _) => db.write(|tx| tx.table("contact")?.update(row, named)),
            (9, _, Some(row)) => db.write(|tx| tx.table(table)?.delete(row)),
            (10, Some((from, _)), _) => {
                let into = self.random.pick(rows("contact")).map(|(row, _)| row).unwrap();
                db.write(|tx| tx.table("contact")?.merge(from, into))
            }
            _ => {
                let Some(conflict) = self.random.pick(db.read().unwrap().conflicts().unwrap()) else {
                    return;
                };
                let ways = [
                    ResolveWith::KeepWinner,
                    ResolveWith::KeepLoser,
                    ResolveWith::Dismiss,
                    ResolveWith::Delete,
                ];
                let way = self.random.pick(ways).unwrap();
                db.write(|tx| tx.resolve(conflict.id, way))
            }
        };
    }

    fn meet(&mut self) {
        let (i, j) = (self.random.below(self.replicas.len()), self.random.below(self.replicas.len()));
        if i != j {
            let direction = self.random.pick([Direction::Both, Direction::Push]).unwrap();
            let options = Options { direction, ..Options::default() };
            sync_with(&self.replicas[i], &self.replicas[j], options).unwrap();
        }
    }

    /// Everybody with everybody, until nothing moves.
    fn settle(&self, seed: u64) {
        for _ in 0..ROUNDS {
            let mut moved = 0;
            for (i, a) in self.replicas.iter().enumerate() {
                for b in &self.replicas[i + 1..] {
                    let summary = sync(a, b).unwrap();
                    moved += summary.first.received.changes + summary.second.received.changes;
                }
            }
            if moved == 0 {
                return;
            }
        }
        panic!("history {seed} does not come to rest");
    }

    fn check(&self, seed: u64) {
        let state = |db: &Database| {
            let read = db.read().unwrap();
            let rows = TABLES.map(|table| {
                let rows = read.table(table).unwrap().scan().unwrap();
                rows.map(Result::unwrap).map(|(id, row)| (id, row.to_json().to_string())).collect::<Vec<_>>()
            });
            (rows, read.conflicts().unwrap(), db.digest().unwrap())
        };
        let first = state(&self.replicas[0]);
        for db in &self.replicas {
            assert_eq!(db.check().unwrap(), [], "history {seed}");
            assert_eq!(state(db), first, "history {seed}: replicas differ");
        }
        let clash = first.1.iter().find(|conflict| {
            conflict.kind == Kind::Unique && conflict.constraint.as_deref() != Some("contact_code_key")
        });
        assert!(clash.is_none(), "history {seed}: {clash:#?}");
    }
}

#[test]
fn duplicates_become_one_everywhere() {
    for seed in 0..300 {
        let mut world = World::new(seed);
        for _ in 0..10 + world.random.below(40) {
            world.step();
            if world.random.chance(30) {
                world.meet();
            }
        }
        world.settle(seed);
        world.check(seed);
    }
}
