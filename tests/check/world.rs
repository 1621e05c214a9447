//! Three replicas that hold every kind of conflict, and one's bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use reunite::db::{Database, ResolveWith, SeededRandom};
use reunite::derive::{Derived, Kind};
use reunite::ids::{ReplicaId, RowId};
use reunite::replicate::{Options, Policies, Policy, sync, sync_with};
use reunite::row;
use reunite::row::RowState;
use reunite::storage::{Engine, MemoryEngine, Op, Storage};
use reunite::store::Replicas;
use reunite::value::{Timestamp, Value};
use reunite::version::ManualClock;

const SCHEMA: &str = "
CREATE TABLE customer (
  code TEXT COLLATE NOCASE PRIMARY KEY, email TEXT UNIQUE, name TEXT NOT NULL, phone TEXT);
CREATE TABLE orders (
  number INTEGER PRIMARY KEY, customer TEXT CHECK (customer <> 'BAD') REFERENCES customer (code), note JSON);
CREATE INDEX orders_customer ON orders (customer);
CREATE TABLE invoice (
  number INTEGER PRIMARY KEY, customer TEXT REFERENCES customer (code)) WITH (match_key = 'customer');
CREATE TABLE task (title TEXT PRIMARY KEY, done BOOLEAN) WITH (deletes = 'update wins', tracking = 'row');
CREATE TABLE folder (name TEXT PRIMARY KEY, parent TEXT REFERENCES folder (name) ON DELETE CASCADE)
  WITH (match_key = 'parent');
CREATE TABLE note (text TEXT PRIMARY KEY) WITH (replicate = 'false');
";

/// Everything that a store holds.
pub type Bytes = BTreeMap<Vec<u8>, Vec<u8>>;

pub struct World {
    pub a: Database,
    pub b: Database,
    pub c: Database,
    engines: [MemoryEngine; 3],
}

fn replica(number: u8, clock: &Arc<ManualClock>) -> (Database, MemoryEngine) {
    let engine = MemoryEngine::new();
    let db = Database::builder()
        .sql(SCHEMA)
        .unwrap()
        .replica_id(ReplicaId::from_bytes([number; 16]))
        .random(SeededRandom::new(number.into()))
        .clock(Arc::<ManualClock>::clone(clock))
        .over(Storage::over(Box::new(engine.clone())))
        .unwrap();
    (db, engine)
}

impl World {
    pub fn new() -> World {
        let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000_000_000)));
        let world = World::empty(&clock);
        world.before();
        world.sync_all();
        clock.advance(1000);
        world.on_a();
        clock.advance(1000);
        world.on_b();
        world.sync_all();
        clock.advance(1000);
        world.close_some();
        world
    }

    /// Conflicts that are no longer open: settled here, and elsewhere.
    fn close_some(&self) {
        for db in [&self.a, &self.b] {
            db.write(|tx| {
                tx.table("task")?.insert_all(["twice", "again"].map(|title| row! { title: title }))
            })
            .unwrap();
        }
        self.sync_all();
        let parked = self.a.read().unwrap().table("task").unwrap().conflicts().unwrap();
        let mut parked = parked.iter().filter(|conflict| conflict.kind == Kind::Unique);
        self.a.write(|tx| tx.resolve(parked.next().unwrap().id, ResolveWith::Delete)).unwrap();
        self.b.write(|tx| tx.dismiss(parked.next().unwrap().id)).unwrap();
        self.sync_all();
        // One that a policy leaves open, and notes.
        for db in [&self.a, &self.b] {
            db.write(|tx| tx.table("task")?.insert(row! { title: "deferred" })).unwrap();
        }
        let options = Options { policies: Policies::new(Policy::Defer), ..Options::default() };
        sync_with(&self.b, &self.a, options).unwrap();
        self.sync_all();
    }

    /// Three replicas without rows.
    pub fn empty(clock: &Arc<ManualClock>) -> World {
        let [(a, first), (b, second), (c, third)] = [1, 2, 3].map(|number| replica(number, clock));
        World { a, b, c, engines: [first, second, third] }
    }

    fn before(&self) {
        self.a.alter("CREATE INDEX task_done ON task (done)").unwrap();
        self.b.write(|tx| tx.table("note")?.insert(row! { text: "first" })).unwrap();
        self.a
            .write(|tx| {
                let mut customers = tx.table("customer")?;
                for code in ["ANN", "BOB", "CAT", "DAN", "EVE", "FAY", "GUS", "GUSTAV"] {
                    customers.insert(row! { code: code, name: code, email: format!("{code}@x") })?;
                }
                tx.table("orders")?.insert(row! { number: 1, customer: "ANN" })?;
                tx.table("invoice")?.insert(row! { number: 1, customer: "ANN" })?;
                tx.table("task")?.insert_all(["t1", "t2"].map(|title| row! { title: title }))?;
                tx.table("folder")?.insert(row! { name: "/" })?;
                tx.table("folder")?.insert(row! { name: "/a", parent: "/" })?;
                tx.table("note")?.insert(row! { text: "mine" })
            })
            .unwrap();
    }

    fn on_a(&self) {
        self.a
            .write(|tx| {
                let mut customers = tx.table("customer")?;
                customers.update("ANN", row! { name: "Anna" })?;
                customers.delete("BOB")?; // b changes it: delete-update
                customers.delete("CAT")?; // b refers to it: delete-ri
                customers.update("DAN", row! { code: "DANNY" })?; // b refers to it by value: update-ri
                customers.update("EVE", row! { code: "BAD" })?; // b's order follows: validation
                customers.merge("GUSTAV", "GUS")?; // b changes it: that arrives in GUS
                customers.insert(row! { code: "NEW", name: "of a" })?;
                customers.update("FAY", row! { code: "FAYE" })?; // b's order follows, and is fine
                tx.table("task")?.delete("t1")?; // b changes it: update-delete
                tx.table("folder")?.delete("/") // b puts a folder there
            })
            .unwrap();
    }

    fn on_b(&self) {
        self.b
            .write(|tx| {
                let mut customers = tx.table("customer")?;
                customers.update("ANN", row! { name: "Annie" })?;
                customers.update("BOB", row! { phone: "1" })?;
                customers.update("GUSTAV", row! { phone: "7" })?;
                customers.insert(row! { code: "new", name: "of b" })?; // unique
                let mut orders = tx.table("orders")?;
                orders.insert(row! { number: 2, customer: "CAT" })?;
                orders.insert(row! { number: 3, customer: "EVE" })?;
                orders.insert(row! { number: 4, customer: "FAY" })?;
                // Its parent is parked by what has it deleted: foreign-key.
                tx.table("folder")?.insert(row! { name: "/b", parent: "/" })?;
                tx.table("folder")?.insert(row! { name: "/b/c", parent: "/b" })?;
                tx.table("invoice")?.insert(row! { number: 2, customer: "DAN" })?;
                tx.table("task")?.update("t1", row! { done: true })?;
                tx.table("note")?.insert(row! { text: "yours" })
            })
            .unwrap();
    }

    pub fn sync_all(&self) {
        for _ in 0..2 {
            sync(&self.a, &self.b).unwrap();
            sync(&self.c, &self.b).unwrap();
            sync(&self.a, &self.c).unwrap();
        }
    }

    /// The bytes of the first replica.
    pub fn bytes(&self) -> Bytes {
        self.bytes_of(0)
    }

    /// The bytes of a replica.
    pub fn bytes_of(&self, replica: usize) -> Bytes {
        bytes_of(&self.engines[replica])
    }

    /// A row of the first replica that has, or would have if it were visible, this value.
    pub fn row(&self, table: &str, column: &str, value: impl Into<Value>) -> RowId {
        let value = value.into();
        let snapshot = self.a.read().unwrap();
        let definition = snapshot.schema().table(table).unwrap();
        let (position, _) = definition.column(column).unwrap();
        let prefix = key(4, definition.id.0, &[]);
        let rows = self.bytes();
        let rows = rows.keys().filter(|key| key.starts_with(&prefix));
        let ids = rows.map(|key| RowId::from_bytes(*key.last_chunk::<16>().unwrap()));
        let shows = |id: &RowId| {
            let row = snapshot.inspect(table, *id).unwrap().unwrap();
            row.values[position] == value
        };
        ids.into_iter().find(shows).unwrap()
    }

    /// Changes a row of the bytes, facts or derivation, leaving everything else as it is.
    pub fn edit(
        &self,
        bytes: &mut Bytes,
        (table, row): (&str, RowId),
        edit: impl FnOnce(&mut RowState, &mut Derived),
    ) {
        let schema = self.a.schema();
        let table = schema.table(table).unwrap();
        let mut replicas: Replicas = replicas(bytes);
        let main = key(4, table.id.0, row.as_bytes());
        let losers = key(5, table.id.0, row.as_bytes());
        let stored = reunite::codec::record::decode_row(
            table,
            &bytes[&main],
            bytes.get(&losers).map(Vec::as_slice),
            &|number| replicas.id(number),
        );
        let stored = stored.unwrap();
        let (mut facts, mut derived) = ((*stored.facts).clone(), stored.derived);
        edit(&mut facts, &mut derived);
        let record = reunite::codec::record::encode_row(table, &facts, &derived, &mut replicas).unwrap();
        bytes.insert(main, record.main);
        if let Some(record) = record.losers {
            bytes.insert(losers, record);
        }
    }

    pub fn table(&self, name: &str) -> u32 {
        self.a.schema().table(name).unwrap().id.0
    }
}

/// The replicas in the order in which they are numbered.
pub fn replicas(bytes: &Bytes) -> Replicas {
    let ids = bytes.iter().filter(|(key, _)| key[0] == 2);
    ids.map(|(_, id)| ReplicaId::from_bytes(id.as_slice().try_into().unwrap())).collect()
}

/// A key of the store by its parts.
pub fn key(tag: u8, number: u32, rest: &[u8]) -> Vec<u8> {
    let mut key = vec![tag];
    reunite::codec::key::put_ordered_u32(number, &mut key);
    key.extend(rest);
    key
}

/// Makes an engine hold these bytes.
pub fn bytes_of(engine: &MemoryEngine) -> Bytes {
    let snapshot = engine.snapshot().unwrap();
    let entries = snapshot.range(&[], None).unwrap();
    entries.collect::<Result<Bytes, _>>().unwrap()
}

pub fn fill(engine: &MemoryEngine, bytes: Bytes) {
    let batch: Vec<Op> = bytes.into_iter().map(|(key, value)| Op::put(&key, &value)).collect();
    engine.apply(1, &batch).unwrap();
}
