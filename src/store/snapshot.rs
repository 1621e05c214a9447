//! One state of the database, read by what is meant instead of by bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::meta::Meta;
use super::replicas::Replicas;
use super::space::{Prefix, Space, end_of, row_of};
use crate::codec;
use crate::derive::{Source, Status, Stored};
use crate::error::Error;
use crate::ids::{ConstraintId, Dot, ReplicaId, RowId, RowKey, TableId};
use crate::schema::{Amendment, Design, Schema, Table};
use crate::storage::{Entries, Reader};
use crate::value::Value;
use crate::version::Knowledge;

/// The replica id under which tables that never leave this replica number their changes.
pub(crate) const LOCAL: ReplicaId = ReplicaId::from_bytes([0; 16]);

/// A read-only view of one state. Cheap to make; later commits do not change it.
pub(crate) struct Snapshot {
    pub(super) bytes: Box<dyn Reader>,
    pub(super) schema: Arc<Schema>,
    pub(super) replicas: Arc<Replicas>,
    me: ReplicaId,
    /// How many rows have a live merge, of tables that were asked for: every statement asks.
    known_counts: Mutex<BTreeMap<TableId, Counts>>,
}

impl Snapshot {
    /// A view of what the reader sees, at the replica `me`: written under this schema, with these
    /// replicas numbered.
    #[must_use]
    pub fn new(
        bytes: Box<dyn Reader>,
        schema: Arc<Schema>,
        replicas: Arc<Replicas>,
        me: ReplicaId,
    ) -> Snapshot {
        Snapshot { bytes, schema, replicas, me, known_counts: Mutex::default() }
    }

    /// The replica that made a change, for people: changes to tables that never leave this replica are
    /// its own.
    #[must_use]
    pub fn author_of(&self, dot: Dot) -> ReplicaId {
        self.author(dot.replica)
    }

    /// The same, by the replica that the change is numbered under.
    #[must_use]
    pub fn author(&self, replica: ReplicaId) -> ReplicaId {
        if replica == LOCAL { self.me } else { replica }
    }

    /// What the replica remembers of itself; none in a store that was never set up.
    pub fn meta(bytes: &dyn Reader) -> Result<Option<Meta>, Error> {
        bytes.get(&Space::Meta.key())?.map(|bytes| Meta::decode(&bytes)).transpose()
    }

    /// The replicas numbered so far.
    pub fn replicas_in(bytes: &dyn Reader) -> Result<Replicas, Error> {
        let ids = prefixed(bytes, &Prefix::Replicas)?.enumerate().map(|(expected, entry)| {
            let (key, id) = entry?;
            let number = codec::key::take_ordered_u32(key.get(1..).unwrap_or(&[]));
            if number.map(|(number, _)| usize::try_from(number)) != Some(Ok(expected)) {
                return Err(Error::corrupt(format!(
                    "the list of replicas is not right at number {expected}"
                )));
            }
            let id: [u8; 16] =
                id.try_into().map_err(|_| Error::corrupt("a replica id does not have 16 bytes"))?;
            Ok(ReplicaId::from_bytes(id))
        });
        ids.collect()
    }

    /// The changes of the schema, in the order in which they take effect.
    pub fn amendments_in(bytes: &dyn Reader) -> Result<Vec<Amendment>, Error> {
        let mut all = Vec::new();
        for entry in prefixed(bytes, &Prefix::Amendments)? {
            let (_, text) = entry?;
            let wrong = |what: String| Error::corrupt(format!("a stored schema change: {what}"));
            let text = std::str::from_utf8(&text).map_err(|error| wrong(error.to_string()))?;
            all.push(Amendment::from_text(text).map_err(|error| wrong(error.to_string()))?);
        }
        all.sort_by_key(Amendment::order);
        Ok(all)
    }

    /// The design that is stored: the first schema, by the meta record, and its changes.
    pub fn design_in(bytes: &dyn Reader, meta: &Meta) -> Result<Design, Error> {
        let initial = Schema::from_sql(&meta.schema);
        let initial = initial.map_err(|error| Error::corrupt(format!("the stored schema: {error}")))?;
        let mut design = Design::new(Arc::new(initial));
        let joined = design.join(Snapshot::amendments_in(bytes)?);
        joined.map_err(|error| Error::corrupt(format!("the stored schema changes: {error}")))?;
        meta.check_collations(&design)?;
        if meta.is_of(&design) {
            return Ok(design);
        }
        Err(Error::corrupt("the stored schema changes are not those that were stored last"))
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    pub(super) fn table(&self, id: TableId) -> Result<&Table, Error> {
        self.schema
            .table_by_id(id)
            .ok_or_else(|| Error::corrupt(format!("table {} is not in the schema", id.0)))
    }

    pub(super) fn prefixed(&self, prefix: &Prefix<'_>) -> Result<Entries<'_>, Error> {
        prefixed(&*self.bytes, prefix)
    }

    /// What this replica has applied, of itself and of others. Without the tables that never leave it.
    pub fn knowledge(&self) -> Result<Knowledge, Error> {
        let mut knowledge = self.all_knowledge()?;
        knowledge.forget(LOCAL);
        Ok(knowledge)
    }

    /// The same, with the changes to tables that never leave this replica, under [`LOCAL`].
    pub fn all_knowledge(&self) -> Result<Knowledge, Error> {
        let mut knowledge = Knowledge::default();
        for entry in self.prefixed(&Prefix::Knowledge)? {
            let (key, value) = entry?;
            let number = codec::key::take_ordered_u32(key.get(1..).unwrap_or(&[])).map(|(number, _)| number);
            let replica = number.and_then(|number| self.replicas.id(number));
            let seq = value.try_into().map(u64::from_be_bytes);
            let (Some(replica), Ok(seq)) = (replica, seq) else {
                return Err(Error::corrupt("a knowledge entry names an unknown replica or has a wrong size"));
            };
            knowledge.cover(Dot { replica, seq });
        }
        Ok(knowledge)
    }

    /// The values of a visible row by column position; none if the row is not visible.
    pub fn visible(&self, key: RowKey) -> Result<Option<Vec<Value>>, Error> {
        let Some(main) = self.bytes.get(&Space::Row(key.table, key.row).key())? else { return Ok(None) };
        self.visible_values(key.table, &main)
    }

    pub(super) fn visible_values(&self, table: TableId, main: &[u8]) -> Result<Option<Vec<Value>>, Error> {
        if codec::record::status(main)? != Status::Visible {
            return Ok(None);
        }
        codec::record::decode_values(self.table(table)?, main).map(Some)
    }

    /// The visible row that holds this value of a unique key, folded.
    pub fn holder(&self, key: ConstraintId, value: &[Value]) -> Result<Option<RowId>, Error> {
        let holder = self.bytes.get(&Space::Claim(key, value).key())?;
        holder.map(|row| held_by(&row)).transpose()
    }

    /// The counts of a table, read the first time: a derivation asks for them again and again.
    fn known_counts(&self, table: TableId) -> Result<Counts, Error> {
        if let Some(counts) = self.known_counts.lock().get(&table) {
            return Ok(*counts);
        }
        let counts = self.counts(table)?;
        self.known_counts.lock().insert(table, counts);
        Ok(counts)
    }

    /// How many rows of a table are visible, how many parked, and how many have a live merge.
    pub fn counts(&self, table: TableId) -> Result<Counts, Error> {
        match self.bytes.get(&Space::Count(table).key())? {
            Some(bytes) => Counts::decode(&bytes),
            None => Ok(Counts::default()),
        }
    }

    fn rows_under(&self, prefix: &Prefix<'_>) -> Result<Vec<RowId>, Error> {
        let wrong = || Error::corrupt("an index entry does not end with a row id");
        self.prefixed(prefix)?.map(|entry| row_of(&entry?.0).ok_or_else(wrong)).collect()
    }

    pub(super) fn decode_row(&self, key: RowKey, main: &[u8]) -> Result<Stored, Error> {
        let losers = if codec::record::has_losers(main)? {
            self.bytes.get(&Space::Losers(key.table, key.row).key())?
        } else {
            None
        };
        let replica = |number| self.replicas.id(number);
        codec::record::decode_row(self.table(key.table)?, main, losers.as_deref(), &replica)
    }
}

impl Source for Snapshot {
    fn row(&self, key: RowKey) -> Result<Option<Stored>, Error> {
        let main = self.bytes.get(&Space::Row(key.table, key.row).key())?;
        main.map(|main| self.decode_row(key, &main)).transpose()
    }

    fn claimants(&self, key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error> {
        let holder = self.holder(key, value)?;
        let may_be_parked = match self.schema.constraint(key) {
            Some((table, _)) => self.parked(table.id)? > 0,
            None => true,
        };
        let parked = Prefix::ParkedClaims(key, value);
        let parked = if may_be_parked { self.rows_under(&parked)? } else { Vec::new() };
        Ok(holder.into_iter().chain(parked).collect())
    }

    fn holder(&self, key: ConstraintId, value: &[Value]) -> Result<Option<RowId>, Error> {
        Snapshot::holder(self, key, value)
    }

    fn children(&self, foreign_key: ConstraintId, parent: RowId) -> Result<Vec<RowId>, Error> {
        self.rows_under(&Prefix::Children(foreign_key, parent))
    }

    fn children_by_value(&self, foreign_key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error> {
        self.rows_under(&Prefix::ChildrenByValue(foreign_key, value))
    }

    fn parked(&self, table: TableId) -> Result<u64, Error> {
        Ok(self.known_counts(table)?.parked)
    }

    fn merged_into(&self, row: RowKey) -> Result<Vec<RowId>, Error> {
        self.rows_under(&Prefix::Merged(row.table, row.row))
    }

    fn merging(&self, table: TableId) -> Result<u64, Error> {
        Ok(self.known_counts(table)?.merging)
    }
}

/// How many rows a table has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Rows in the table.
    pub visible: u64,
    /// Rows that a constraint bars.
    pub parked: u64,
    /// Rows with a live merge into another row, in force or not.
    pub merging: u64,
}

impl Counts {
    pub(super) fn encode(self) -> Vec<u8> {
        [self.visible, self.parked, self.merging].map(u64::to_be_bytes).concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Counts, Error> {
        let wrong = || Error::corrupt("a row count does not have 24 bytes");
        let ([visible, parked, merging], []) = bytes.as_chunks::<8>() else { return Err(wrong()) };
        let [visible, parked, merging] = [visible, parked, merging].map(|bytes| u64::from_be_bytes(*bytes));
        Ok(Counts { visible, parked, merging })
    }
}

/// The row that a claim's record names.
pub(super) fn held_by(record: &[u8]) -> Result<RowId, Error> {
    let id = record.try_into().map(RowId::from_bytes);
    id.map_err(|_| Error::corrupt("an entry of a unique key does not name a row"))
}

fn prefixed<'a>(bytes: &'a dyn Reader, prefix: &Prefix<'_>) -> Result<Entries<'a>, Error> {
    let start = prefix.key();
    let end = end_of(&start);
    bytes.range(&start, end.as_deref())
}
