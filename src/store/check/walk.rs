//! The walk over all keys, and the small records: meta, replicas, knowledge, counts.

use super::finding::{Problem, Stop};
use super::{Check, entries};
use crate::error::Error;
use crate::ids::{Dot, ReplicaId, TableId};
use crate::schema::Amendment;
use crate::store::conflicts::{Day, Group};
use crate::store::meta::Meta;
use crate::store::snapshot::{Counts, Snapshot};
use crate::store::space::{Kind, Space, conflict_count_of, number_of, row_key_of, seq_of};

impl Check<'_> {
    /// Who this replica is, and the schema.
    pub(super) fn meta(&mut self) -> Result<(), Stop> {
        let missing = || Error::corrupt("it is missing");
        let meta = Snapshot::meta(&*self.snapshot.bytes).and_then(|meta| meta.ok_or_else(missing));
        let Some(meta) = self.findings.read(None, None, "meta record", meta)? else { return Ok(()) };
        self.me = Some(meta.replica);
        let schema = self.schema_of(&meta);
        self.findings.read(None, None, "schema", schema)?;
        Ok(())
    }

    /// The schema that the stored design gives must be the one that all rows are read with.
    fn schema_of(&self, meta: &Meta) -> Result<(), Error> {
        let (schema, _) = Snapshot::design_in(&*self.snapshot.bytes, meta)?.fold();
        if schema.digest() == self.snapshot.schema.digest() {
            return Ok(());
        }
        Err(Error::corrupt("it is not the schema that the database was opened with"))
    }

    /// Looks at every entry of the store, in the order of the keys: knowledge comes before rows.
    pub(super) fn walk(&mut self) -> Result<(), Stop> {
        let snapshot = self.snapshot;
        let entries = snapshot.bytes.range(&[], None);
        let Some(entries) = self.findings.read(None, None, "store", entries)? else { return Ok(()) };
        for entry in entries {
            let Some((key, value)) = self.findings.read(None, None, "store", entry)? else { return Ok(()) };
            if !self.entry(&key, &value)? {
                self.report_general(Problem::UnknownKey { key: hexadecimal(&key) })?;
            }
        }
        Ok(())
    }

    /// Checks an entry; false if there is no such key.
    fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<bool, Stop> {
        let Some(kind) = Kind::of(key) else { return Ok(false) };
        match kind {
            Kind::Meta | Kind::Clock | Kind::Remembered => return Ok(key.len() == 1),
            Kind::Mark => return self.mark(key, value),
            Kind::Review => return self.review(key, value),
            Kind::Closed => return self.closed(key, value),
            Kind::ClosedPlace => return self.closed_place(key, value),
            Kind::Replica => return self.replica(key, value),
            Kind::Knowledge => return self.known(key, value),
            Kind::Row => match row_key_of(key) {
                Some(row) => self.row(row, value)?,
                None => return Ok(false),
            },
            Kind::Amendment => return Ok(self.is_amendment(key, value)),
            Kind::Log => return self.logged(key, value),
            Kind::Count => {
                let table = number_of(key).filter(|(_, rest)| rest.is_empty());
                return Ok(table.is_some_and(|(id, _)| self.snapshot.table(TableId(id)).is_ok()));
            }
            Kind::ConflictCount => {
                let group = conflict_count_of(key).map(|(group, _)| group);
                return Ok(group.is_some_and(|group| self.snapshot.table(group.table).is_ok()));
            }
            Kind::Losers
            | Kind::Claim
            | Kind::ParkedClaim
            | Kind::Index
            | Kind::Child
            | Kind::ChildByValue
            | Kind::Conflicts
            | Kind::ConflictById
            | Kind::ConflictByAge
            | Kind::Merged => match entries::family_of(kind, key) {
                Some(family) => self.tally.found(family),
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    /// Whether a change of the schema stands under its own number. What it says is looked at as a whole.
    fn is_amendment(&self, key: &[u8], value: &[u8]) -> bool {
        let id = number_of(key).filter(|(_, seq)| seq.len() == 8).and_then(|(number, _)| {
            Some(Dot { replica: self.snapshot.replicas.id(number)?, seq: seq_of(key)? })
        });
        let text = std::str::from_utf8(value).ok();
        match text.map(Amendment::from_text) {
            Some(Ok(amendment)) => Some(amendment.id) == id,
            // Named by the check of the schema.
            _ => id.is_some(),
        }
    }

    /// A replica and its number: as they were read when the database was opened, and each once.
    fn replica(&mut self, key: &[u8], value: &[u8]) -> Result<bool, Stop> {
        let Some((number, [])) = number_of(key) else { return Ok(false) };
        let id = value.try_into().ok().map(ReplicaId::from_bytes);
        let known = self.snapshot.replicas.id(number);
        if id.is_none() || id != known || !id.is_some_and(|id| self.replicas.insert(id)) {
            self.report_general(Problem::WrongReplica { number })?;
        }
        Ok(true)
    }

    fn known(&mut self, key: &[u8], value: &[u8]) -> Result<bool, Stop> {
        let Some((number, [])) = number_of(key) else { return Ok(false) };
        let replica = self.snapshot.replicas.id(number);
        match (replica, value.try_into().map(u64::from_be_bytes)) {
            (Some(replica), Ok(seq)) => self.knowledge.cover(Dot { replica, seq }),
            _ => {
                let reason = "it names an unknown replica or has a wrong size".to_string();
                let record = format!("knowledge entry {number}");
                self.report_general(Problem::Unreadable { record, reason })?;
            }
        }
        Ok(true)
    }

    /// The stored row counts, against those counted.
    pub(super) fn counts(&mut self) -> Result<(), Stop> {
        let snapshot = self.snapshot;
        for table in snapshot.schema.tables().iter().chain(snapshot.schema.dropped_tables()) {
            let counts = snapshot.bytes.get(&Space::Count(table.id).key())?;
            let counts = counts.map_or(Ok(Counts::default()), |bytes| Counts::decode(&bytes));
            let Some(stored) = self.findings.read(Some(&table.name), None, "row count", counts)? else {
                continue;
            };
            let counted = self.counted.get(&table.id).copied().unwrap_or_default();
            let pairs = [
                ("visible", stored.visible, counted.visible),
                ("parked", stored.parked, counted.parked),
                ("merging", stored.merging, counted.merging),
            ];
            for (what, stored, counted) in pairs.into_iter().filter(|(_, stored, counted)| stored != counted)
            {
                self.findings.add(Some(&table.name), None, Problem::WrongCount { what, stored, counted })?;
            }
        }
        Ok(())
    }

    /// The stored counts of conflicts, against those counted.
    pub(super) fn conflict_counts(&mut self) -> Result<(), Stop> {
        let snapshot = self.snapshot;
        let mut counted = std::mem::take(&mut self.conflicts);
        for table in snapshot.schema.tables() {
            for entry in snapshot.conflict_counts(table.id)? {
                let entry = self.findings.read(Some(&table.name), None, "count of conflicts", entry)?;
                let Some((group, day, stored)) = entry else { continue };
                let right = counted.remove(&(group, day)).unwrap_or(0);
                self.compare_conflict_count((group, day), stored, right)?;
            }
        }
        counted.into_iter().try_for_each(|(bucket, right)| self.compare_conflict_count(bucket, 0, right))
    }

    fn compare_conflict_count(
        &mut self,
        (group, day): (Group, Day),
        stored: u64,
        counted: u64,
    ) -> Result<(), Stop> {
        if stored == counted {
            return Ok(());
        }
        let schema = &self.snapshot.schema;
        let table = schema.table_by_id(group.table).map(|table| table.name.as_str());
        let problem = Problem::WrongConflictCount { kind: group.kind, day: day.0, stored, counted };
        self.findings.add(table, None, problem)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
