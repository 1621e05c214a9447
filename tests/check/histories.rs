//! Whatever three replicas do, a check finds nothing, and equal replicas have equal digests.

use std::sync::Arc;

use reunite::WriteError;
use reunite::db::{Database, Random, SeededRandom, Transaction};
use reunite::replicate::sync;
use reunite::row;
use reunite::value::Timestamp;
use reunite::version::ManualClock;

use crate::world::World;

const HISTORIES: u64 = 60;
const STEPS: usize = 40;

#[test]
fn random_histories_are_clean() {
    for seed in 0..HISTORIES {
        let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000_000_000)));
        let world = World::empty(&clock);
        let mut random = SeededRandom::new(seed);
        for _ in 0..STEPS {
            clock.advance(1000);
            step(&world, &mut random);
        }
        for db in [&world.a, &world.b, &world.c] {
            assert_eq!(db.check().unwrap(), [], "seed {seed}");
        }
        world.sync_all();
        for db in [&world.a, &world.b, &world.c] {
            assert_eq!(db.check().unwrap(), [], "seed {seed}, synced");
            assert_eq!(db.digest().unwrap(), world.a.digest().unwrap(), "seed {seed}");
        }
    }
}

fn pick(random: &mut SeededRandom, below: u8) -> u8 {
    let mut byte = [0];
    random.fill(&mut byte).unwrap();
    byte[0] % below
}

fn step(world: &World, random: &mut SeededRandom) {
    let all = [&world.a, &world.b, &world.c];
    let db = all[usize::from(pick(random, 3))];
    match pick(random, 5) {
        0 => drop(sync(db, all[usize::from(pick(random, 3))])),
        1 => resolve(db, random),
        // What the rules forbid is refused, and that is as good a step as any.
        _ => drop(db.write(|tx| write(tx, random))),
    }
}

fn resolve(db: &Database, random: &mut SeededRandom) {
    use reunite::ResolveWith::{Delete, Dismiss, KeepLoser, KeepWinner, Prefer, RestoreParent};
    let open = db.read().unwrap().conflicts().unwrap();
    let Some(conflict) = open.get(usize::from(pick(random, 8))) else { return };
    let how = match pick(random, 6) {
        0 => KeepWinner,
        1 => KeepLoser,
        2 => Prefer,
        3 => RestoreParent,
        4 => Delete,
        _ => Dismiss,
    };
    drop(db.write(|tx| tx.resolve(conflict.id, how)));
}

fn write(tx: &mut Transaction, random: &mut SeededRandom) -> Result<(), WriteError> {
    let mut code = || ["ANN", "bob", "Bob", "BAD"][usize::from(pick(random, 4))];
    let (this, other) = (code(), code());
    let number = i64::from(pick(random, 4));
    match pick(random, 12) {
        0 => tx.table("customer")?.upsert(row! { code: this, name: other, email: other }).map(drop),
        1 => tx.table("customer")?.update(this, row! { code: other }),
        2 => tx.table("customer")?.update(this, row! { phone: number.to_string() }),
        3 => tx.table("customer")?.delete(this),
        4 => tx.table("orders")?.upsert(row! { number: number, customer: this }).map(drop),
        5 => tx.table("invoice")?.upsert(row! { number: number, customer: this }).map(drop),
        6 => tx.table("task")?.upsert(row! { title: this, done: number > 1 }).map(drop),
        7 => tx.table("task")?.delete(this),
        8 => tx.table("folder")?.upsert(row! { name: this, parent: other }).map(drop),
        9 => tx.table("folder")?.upsert(row! { name: this, parent: None::<String> }).map(drop),
        10 => tx.table("folder")?.delete(this),
        _ => tx.table("note")?.upsert(row! { text: this }).map(drop),
    }
}
