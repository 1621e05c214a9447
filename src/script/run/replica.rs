//! One replica of a script: its database in memory, its clock, and the transaction that is open.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::commit::WriteError;
use crate::db::{Database, Random, SeededRandom, TableLock, Transaction};
use crate::error::Error;
use crate::ids::{ConflictId, ReplicaId, RowId};
use crate::schema::Schema;
use crate::script::command::ReplicaLine;
use crate::script::failure::Failure;
use crate::storage::{MemoryEngine, Storage};
use crate::value::Timestamp;
use crate::version::{ManualClock, Priority};

/// 2024-01-01T00:00:00Z, when every clock starts.
const START: Timestamp = Timestamp(1_704_067_200_000_000);

pub(super) struct Replica {
    pub name: String,
    pub id: ReplicaId,
    pub db: Database,
    pub clock: Arc<ManualClock>,
    /// Outlives the database: what is in it after a crash.
    engine: MemoryEngine,
    random: SharedRandom,
    pub transaction: Option<Transaction>,
    /// The tables that the script has locked here.
    pub lock: Option<TableLock>,
    /// Rows that got a name in the open transaction.
    pub named: Vec<RowId>,
    /// The last listing of conflicts, each with its table.
    pub listing: Vec<(ConflictId, String)>,
}

impl Replica {
    /// The replica at a position in the script: their ids ascend in that order. The first is the creator of
    /// the database, and design master.
    pub(super) fn new(
        position: usize,
        line: &ReplicaLine,
        schema: &Arc<Schema>,
        creator: Option<ReplicaId>,
    ) -> Result<Replica, Error> {
        let number = position as u64 + 1;
        let mut id = [0; 16];
        id.iter_mut().rev().zip(number.to_le_bytes()).for_each(|(byte, number)| *byte = number);
        let id = ReplicaId::from_bytes(id);
        let (engine, clock) = (MemoryEngine::new(), Arc::new(ManualClock::new(START)));
        let random = SharedRandom(Arc::new(Mutex::new(SeededRandom::new(number))));
        let priority = line.priority.and_then(Priority::new).unwrap_or_default();
        let builder = Database::builder().schema(Arc::clone(schema)).replica_id(id).priority(priority);
        let builder = builder.design_master(creator.unwrap_or(id));
        let builder = builder.name("script").clock(clock.clone()).random(random.clone());
        let db = builder.over(Storage::over(Box::new(engine.clone())))?;
        let (name, named, listing) = (line.name.clone(), Vec::new(), Vec::new());
        Ok(Replica { name, id, db, clock, engine, random, transaction: None, lock: None, named, listing })
    }

    /// Drops the database with whatever was not committed, and opens it again over what is stored.
    pub(super) fn crash(&mut self) -> Result<(), Error> {
        (self.transaction, self.lock) = (None, None);
        let builder = Database::builder().clock(self.clock.clone()).random(self.random.clone());
        self.db = builder.over(Storage::over(Box::new(self.engine.clone())))?;
        Ok(())
    }

    /// A transaction that may change what the script has locked.
    pub(super) fn begin(&self) -> Result<Transaction, WriteError> {
        match &self.lock {
            Some(lock) => lock.begin(),
            None => self.db.begin(),
        }
    }

    /// Runs a change: in the open transaction, or in one of its own. If it is refused, nothing of it
    /// has happened.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Transaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Some(transaction) = &mut self.transaction else {
            let mut transaction = self.begin()?;
            let result = work(&mut transaction)?;
            transaction.commit()?;
            return Ok(result);
        };
        let point = transaction.savepoint();
        let result = work(transaction);
        if result.is_err() {
            transaction.rollback_to(point)?;
        }
        result
    }
}

/// One random generator for all the lives of a replica: after a crash it goes on.
#[derive(Clone, Debug)]
struct SharedRandom(Arc<Mutex<SeededRandom>>);

impl Random for SharedRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.lock().fill(bytes)
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("name", &self.name).finish_non_exhaustive()
    }
}
