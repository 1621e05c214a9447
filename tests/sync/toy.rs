//! A replica in memory: facts, a change log and knowledge, with the product's own `merge`. It knows no
//! schema; what it checks before it applies is what any driver has to check.

use std::collections::BTreeMap;

use reunite::error::Error;
use reunite::ids::{Dot, ReplicaId, RowId, RowKey, Seq, TableId, UnitId};
use reunite::merge::merge;
use reunite::row::{Ack, Batch, Life, LogEntry, RowState, UnitValue};
use reunite::sync::{Base, Config, Digest, Log, SchemaChange, SchemaState, Source, SyncError};
use reunite::value::Value;
use reunite::version::{Hlc, Knowledge, Priority, Stamp};

/// The state of a replica that sync could change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub rows: BTreeMap<RowKey, RowState>,
    pub log: BTreeMap<Dot, LogEntry>,
    pub knowledge: Knowledge,
    /// The changes of the schema, as texts.
    pub schema: BTreeMap<Dot, String>,
}

#[derive(Clone, Debug)]
pub struct Store {
    pub id: ReplicaId,
    pub base: Option<Base>,
    pub facts: Facts,
    pub batch_bytes: usize,
    /// How often it was written to by a session.
    pub commits: usize,
    clock: u64,
}

/// One local change, as a generator names it.
#[derive(Clone, Copy, Debug)]
pub struct Write {
    pub row: u8,
    pub unit: u8,
    pub value: u8,
}

pub fn replica(n: u8) -> ReplicaId {
    ReplicaId::from_bytes([n; 16])
}

pub fn key(n: u8) -> RowKey {
    RowKey { table: TableId(u32::from(n % 2)), row: RowId::from_bytes([n; 16]) }
}

pub fn base() -> Base {
    Base { database: reunite::ids::DatabaseId::from_bytes([9; 16]), schema: Digest([3; 16]) }
}

impl Source for Facts {
    fn log(&self, replica: ReplicaId, after: Seq) -> Result<Log<'_>, Error> {
        let range = Dot { replica, seq: after + 1 }..=Dot { replica, seq: Seq::MAX };
        Ok(Box::new(self.log.range(range).map(|(_, entry)| Ok(*entry))))
    }

    fn row(&self, key: RowKey) -> Result<Option<RowState>, Error> {
        Ok(self.rows.get(&key).cloned())
    }
}

impl Facts {
    pub fn schema_known(&self) -> Knowledge {
        self.schema.keys().map(|id| (id.replica, id.seq)).collect()
    }

    /// The changes of the schema that a peer lacks.
    pub fn schema_missing(&self, known: &Knowledge) -> Vec<SchemaChange> {
        let missing = self.schema.iter().filter(|(id, _)| !known.covers(**id));
        missing.map(|(id, text)| SchemaChange { id: *id, text: text.clone() }).collect()
    }

    /// Whether a row holds changes that the knowledge does not cover yet: it came whole in a session
    /// that then broke. Until they are learnt, equal knowledge does not mean equal facts.
    pub fn is_ahead(&self) -> bool {
        self.rows.values().any(|row| !self.knowledge.includes(&row.vector))
    }
}

impl Store {
    pub fn new(n: u8, batch_bytes: usize) -> Store {
        let (id, base) = (replica(n), Some(base()));
        Store { id, base, facts: Facts::default(), batch_bytes, commits: 0, clock: u64::from(n) }
    }

    /// Changes the schema. The change knows all that are here.
    pub fn change_schema(&mut self) {
        let known = self.facts.schema_known();
        let id = Dot { replica: self.id, seq: known.get(self.id) + 1 };
        self.facts.schema.insert(id, format!("a change that knows {known:?}"));
    }

    /// All of the changes of the schema or none.
    pub fn join_schema(&mut self, changes: Vec<SchemaChange>) {
        self.facts.schema.extend(changes.into_iter().map(|change| (change.id, change.text)));
        self.commits += 1;
    }

    pub fn config(&self) -> Config {
        let mut config = Config::new(self.id, self.base, self.facts.knowledge.clone());
        if !self.facts.schema.is_empty() {
            config.schema = SchemaState { known: self.facts.schema_known(), digest: Digest([5; 16]) };
        }
        config.batch_bytes = self.batch_bytes;
        config
    }

    /// One commit: its changes share their time. Returns the dots.
    pub fn commit(&mut self, writes: &[Write]) -> Vec<Dot> {
        self.clock += 7;
        let mut dots = BTreeMap::new();
        for write in writes {
            let next = Dot { replica: self.id, seq: self.facts.knowledge.get(self.id) + 1 };
            let dot = *dots.entry(key(write.row)).or_insert(next);
            self.facts.knowledge.cover(dot);
            self.write(*write, dot);
        }
        dots.into_values().collect()
    }

    fn write(&mut self, Write { row, unit, value }: Write, dot: Dot) {
        let (key, hlc) = (key(row), Hlc(self.clock));
        let stamp = Stamp::new(Priority::default(), hlc, dot);
        self.facts.log.insert(dot, LogEntry { dot, hlc, key });
        let state = self.facts.rows.entry(key).or_insert_with(|| RowState::new(dot));
        let all: Vec<Dot> = state.life.dots().collect();
        match unit {
            0 => state.write_life(stamp, Life::DEAD, &all),
            1 => state.write_boost(stamp),
            2 => {
                let old = state.unit(UnitId(5)).dots().next();
                old.into_iter().for_each(|dot| state.remove_from_unit(UnitId(5), dot));
                state.write_ack(stamp, Ack::REMOVAL);
            }
            _ => {
                let unit = UnitId(u32::from(3 + unit % 3));
                let visible: Vec<Dot> =
                    state.unit(unit).stamps().max().map(|stamp| stamp.dot).into_iter().collect();
                let text = Value::Text("x".repeat(usize::from(value)));
                state.write_unit(
                    unit,
                    stamp,
                    UnitValue { columns: vec![text].into(), ..UnitValue::default() },
                    &visible,
                );
                state.write_life(stamp, Life::ALIVE, &all);
            }
        }
    }

    /// All of the batch or nothing.
    pub fn apply(&mut self, batch: Batch) -> Result<Knowledge, SyncError> {
        let mut next = self.facts.clone();
        next.knowledge.join(&batch.teaches());
        for change in batch.changes {
            let (key, mine) = (change.key, next.rows.get(&change.key));
            let theirs =
                change.complete(mine).ok_or(SyncError::Protocol { what: "value not here".into() })?;
            let merged = mine.map_or_else(|| theirs.clone(), |mine| merge(mine, &theirs));
            next.rows.insert(key, merged);
        }
        for entry in batch.log {
            if !next.rows.get(&entry.key).is_some_and(|row| row.vector.covers(entry.dot)) {
                return Err(SyncError::Protocol { what: format!("no row for {}", entry.dot) });
            }
            self.clock = self.clock.max(entry.hlc.0);
            next.log.insert(entry.dot, entry);
        }
        let stamps = next.rows.values().flat_map(RowState::stamps).map(|stamp| stamp.hlc.0);
        self.clock = self.clock.max(stamps.max().unwrap_or(0));
        self.facts = next;
        self.commits += 1;
        Ok(self.facts.knowledge.clone())
    }

    /// Knowledge covers only what is there (P13), and all of it can be enumerated.
    pub fn check(&self) -> Result<(), String> {
        for (replica, seq) in self.facts.knowledge.iter() {
            for dot in (1..=seq).map(|seq| Dot { replica, seq }) {
                let entry =
                    self.facts.log.get(&dot).ok_or(format!("{} knows {dot} without a log entry", self.id))?;
                let row = self
                    .facts
                    .rows
                    .get(&entry.key)
                    .ok_or(format!("{} knows {dot} without its row", self.id))?;
                if !row.vector.covers(dot) {
                    return Err(format!("{} knows {dot}, its row does not", self.id));
                }
            }
        }
        Ok(())
    }
}
