//! The demo's three replicas, with a clock and random sources of their own: two runs print the same.

use std::path::Path;
use std::sync::Arc;

use anyhow::ensure;

use crate::cli::{import, listing};
use crate::commit::WriteError;
use crate::db::{ConflictRow, Database, Row, SeededRandom, Transaction};
use crate::ids::{ReplicaId, RowId};
use crate::inspect::Names;
use crate::replicate::{self, Summary};
use crate::value::Timestamp;
use crate::version::ManualClock;

/// In the order of their first letters only: nobody is in the middle.
pub(super) const REPLICAS: [&str; 3] = ["office", "shop", "van"];

const SCHEMA: &str = include_str!("../../../examples/data/schema.sql");
/// Parents first.
const FILES: [(&str, &str); 4] = [
    ("customer", include_str!("../../../examples/data/customers.csv")),
    ("product", include_str!("../../../examples/data/products.csv")),
    ("orders", include_str!("../../../examples/data/orders.csv")),
    ("order_line", include_str!("../../../examples/data/order_lines.csv")),
];
/// 2024-03-04, a Monday, 08:00 in UTC.
const MORNING: Timestamp = Timestamp(1_709_539_200_000_000);
const MINUTE: i64 = 60_000_000;

/// The replicas and the time.
pub(super) struct World {
    clock: Arc<ManualClock>,
    replicas: Vec<Database>,
}

impl World {
    /// Three databases below `directory`: the first with a schema, the others empty.
    pub(super) fn create(directory: &Path) -> anyhow::Result<World> {
        let clock = Arc::new(ManualClock::new(MORNING));
        let mut replicas = Vec::new();
        for (i, name) in (1_u8..).zip(REPLICAS) {
            let clock: Arc<ManualClock> = Arc::clone(&clock);
            let mut builder = Database::builder()
                .clock(clock)
                .random(SeededRandom::new(i.into()))
                .replica_id(ReplicaId::from_bytes([i; 16]));
            if i == 1 {
                builder = builder.sql(SCHEMA)?;
            }
            replicas.push(builder.create(directory.join(name))?);
        }
        Ok(World { clock, replicas })
    }

    /// Loads the files at the first replica; returns the tables and how many rows each got.
    pub(super) fn load(&self) -> anyhow::Result<Vec<(&'static str, u64)>> {
        let office = self.replica("office")?;
        FILES.iter().map(|(table, text)| Ok((*table, import::load(office, table, text)?))).collect()
    }

    pub(super) fn replica(&self, name: &str) -> anyhow::Result<&Database> {
        let position = REPLICAS.iter().position(|replica| *replica == name);
        position.and_then(|i| self.replicas.get(i)).ok_or_else(|| anyhow::anyhow!("no replica {name}"))
    }

    /// One transaction at a replica, ten minutes after the one before.
    pub(super) fn write<T>(
        &self,
        replica: &str,
        work: impl FnOnce(&mut Transaction) -> Result<T, WriteError>,
    ) -> anyhow::Result<T> {
        self.clock.advance(10 * MINUTE);
        Ok(self.replica(replica)?.write(work)?)
    }

    pub(super) fn sync(&self, first: &str, second: &str) -> anyhow::Result<Summary> {
        self.clock.advance(MINUTE);
        Ok(replicate::sync(self.replica(first)?, self.replica(second)?)?)
    }

    /// A row of a replica by its primary key.
    pub(super) fn row(&self, replica: &str, table: &str, key: &str) -> anyhow::Result<Option<Row>> {
        let snapshot = self.replica(replica)?.read()?;
        let table = snapshot.table(table)?;
        let kind = table.definition().columns.first().map(|column| column.kind);
        let value = kind.map(|kind| kind.parse(key)).transpose()?.unwrap_or_default();
        Ok(table.get(vec![value])?)
    }

    pub(super) fn conflicts(&self, replica: &str) -> anyhow::Result<Vec<ConflictRow>> {
        listing::sorted(&self.replica(replica)?.read()?, None)
    }

    /// Compares every row of every table, and every conflict, of all replicas; returns how many rows
    /// there are.
    pub(super) fn compare(&self) -> anyhow::Result<usize> {
        let first = contents(self.replica("office")?)?;
        for replica in REPLICAS {
            ensure!(contents(self.replica(replica)?)? == first, "{replica} differs from office");
        }
        Ok(first.0.len())
    }

    pub(super) fn close(self) -> anyhow::Result<()> {
        Ok(self.replicas.iter().try_for_each(Database::close)?)
    }
}

type Contents = (Vec<(String, RowId, Row)>, Vec<ConflictRow>);

fn contents(db: &Database) -> anyhow::Result<Contents> {
    let snapshot = db.read()?;
    let mut rows = Vec::new();
    for table in snapshot.schema().tables() {
        for entry in snapshot.table(&table.name)?.scan()? {
            let (id, row) = entry?;
            rows.push((table.name.clone(), id, row));
        }
    }
    Ok((rows, listing::sorted(&snapshot, None)?))
}

/// Calls the replicas by their names.
pub(super) struct Called;

impl Names for Called {
    fn replica(&self, replica: ReplicaId) -> String {
        let number = replica.as_bytes().first().copied().unwrap_or_default();
        let name = usize::from(number).checked_sub(1).and_then(|i| REPLICAS.get(i));
        name.map_or_else(|| replica.to_string(), ToString::to_string)
    }
}
