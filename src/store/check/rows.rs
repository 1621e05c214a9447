//! One row: its record, its values, its derivation, and what has to be stored beside it.

use std::collections::{BTreeMap, BTreeSet};

use super::Check;
use super::entries::expected;
use super::finding::{Problem, Stop};
use crate::codec::row_id_of_unit;
use crate::derive::{Conflict, Rederived, Status, Stored, merges, rederive_row};
use crate::error::Error;
use crate::ids::{ConflictId, Dot, RowKey};
use crate::row::{RowState, UnitValue};
use crate::schema::{Column, Schema, Table, Unit};
use crate::store::{Day, Group, LOCAL};
use crate::value::{Json, Value};
use crate::version::Stamp;

impl Check<'_> {
    pub(super) fn row(&mut self, key: RowKey, main: &[u8]) -> Result<(), Stop> {
        let snapshot = self.snapshot;
        let Some(table) = snapshot.schema.table_by_id(key.table) else {
            let reason = format!("the schema has no table {}", key.table.0);
            return self.report(key, Problem::Unreadable { record: "row".to_string(), reason });
        };
        let place = (Some(table.name.as_str()), Some(key.row));
        let decoded = snapshot.decode_row(key, main);
        let Some(stored) = self.findings.read(place.0, place.1, "row", decoded)? else { return Ok(()) };
        self.count(key, &stored);
        self.facts(table, key, &stored.facts)?;
        self.changes(table, key, &stored.facts)?;
        let derived = rederive_row(&snapshot.schema, snapshot, key);
        let related = "what the row is related to";
        let Some(Some(derived)) = self.findings.read(place.0, place.1, related, derived)? else {
            return Ok(());
        };
        self.derivation(table, key, &stored, &derived)?;
        for conflict in &derived.conflicts {
            let bucket = (Group::of(key.table, conflict), Day::of(conflict.at));
            *self.conflicts.entry(bucket).or_default() += 1;
        }
        self.conflicts(table, key, &derived.conflicts)?;
        self.beside(table, key, main, &derived)
    }

    fn count(&mut self, key: RowKey, stored: &Stored) {
        let counts = self.counted.entry(key.table).or_default();
        counts.merging += u64::from(merges(&stored.facts).next().is_some());
        match stored.derived.status {
            Status::Visible => counts.visible += 1,
            Status::Parked => counts.parked += 1,
            Status::Dead | Status::Merged => {}
        }
    }

    /// Units and values, against the table.
    fn facts(&mut self, table: &Table, key: RowKey, facts: &RowState) -> Result<(), Stop> {
        let snapshot = self.snapshot;
        for (id, siblings) in facts.units() {
            let Some(unit) = table.unit(id) else {
                self.report(key, Problem::UnknownUnit { unit: id })?;
                continue;
            };
            for sibling in siblings.iter() {
                if !has_own_references(&snapshot.schema, table, unit, &sibling.value) {
                    self.report(key, Problem::WrongReference { unit: id })?;
                }
                if row_id_of_unit(table, unit, &sibling.value).is_some_and(|named| named != key.row) {
                    self.report(key, Problem::Misnamed)?;
                }
                for (position, value) in unit.columns.iter().zip(&sibling.value.columns) {
                    let column = table.columns.get(*position);
                    if let Some(column) = column.filter(|column| !holds(column, value)) {
                        let (column, expected) = (column.name.clone(), column.kind);
                        self.report(key, Problem::WrongType { column, expected })?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The changes that are live in the row: against the knowledge, the clock and the log.
    fn changes(&mut self, table: &Table, key: RowKey, facts: &RowState) -> Result<(), Stop> {
        // That the vector covers them needs no look: a record is not read otherwise.
        let live: BTreeMap<Dot, Stamp> = facts.stamps().map(|stamp| (stamp.dot, *stamp)).collect();
        for (replica, seq) in facts.vector.iter() {
            let dot = Dot { replica, seq };
            if (replica == LOCAL) == table.replicate {
                self.report(key, Problem::ForeignChange { dot })?;
            } else if (replica == LOCAL || Some(replica) == self.me) && !self.knowledge.covers(dot) {
                self.report(key, Problem::UnknownOwnChange { dot })?;
            }
        }
        for stamp in live.values() {
            if stamp.hlc > self.last_time {
                self.report(key, Problem::LateChange { dot: stamp.dot })?;
            }
            if table.replicate && self.knowledge.covers(stamp.dot) {
                self.log_has(key, stamp)?;
            }
        }
        Ok(())
    }

    /// The change is in the log, under this row and with its time.
    fn log_has(&mut self, key: RowKey, stamp: &Stamp) -> Result<(), Stop> {
        let dot = stamp.dot;
        // What cannot be read is found when the log is walked.
        let line = match self.snapshot.log(dot.replica, dot.seq.saturating_sub(1))?.next().transpose() {
            Ok(line) => line.filter(|line| line.seq == dot.seq),
            Err(Error::Corrupt { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        match line {
            None => self.report(key, Problem::Unlogged { dot }),
            Some(line) if line.row != key => self.report(key, Problem::LogWrongRow { dot }),
            Some(line) if line.hlc != stamp.hlc => self.report(key, Problem::LogWrongTime { dot }),
            Some(_) => Ok(()),
        }
    }

    fn derivation(
        &mut self,
        table: &Table,
        key: RowKey,
        stored: &Stored,
        right: &Rederived,
    ) -> Result<(), Stop> {
        let (was, now) = (&stored.derived, &right.derived);
        if was.status != now.status {
            self.report(key, Problem::WrongStatus { stored: was.status, derived: now.status })?;
        }
        if was.followed != now.followed {
            let one_sided = |a: &[(usize, Value)], b: &[(usize, Value)]| -> Vec<usize> {
                a.iter().filter(|entry| !b.contains(entry)).map(|(column, _)| *column).collect()
            };
            let mut positions = one_sided(&was.followed, &now.followed);
            positions.extend(one_sided(&now.followed, &was.followed));
            positions.sort_unstable();
            positions.dedup();
            let columns = table.column_names(&positions).into_iter().map(str::to_string).collect();
            self.report(key, Problem::WrongFollowed { columns })?;
        }
        Ok(())
    }

    fn conflicts(&mut self, table: &Table, key: RowKey, right: &[Conflict]) -> Result<(), Stop> {
        let stored = self.snapshot.conflicts_of(key);
        let stored =
            self.findings.read(Some(&table.name), Some(key.row), "list of the row's conflicts", stored)?;
        let Some(stored) = stored.filter(|stored| stored.as_slice() != right) else { return Ok(()) };
        let wrong = stored.iter().filter(|conflict| !right.contains(conflict));
        let missing = right.iter().filter(|conflict| !stored.contains(conflict));
        let ids: BTreeSet<ConflictId> = wrong.chain(missing).map(|conflict| conflict.id).collect();
        self.report(key, Problem::WrongConflicts { conflicts: ids.into_iter().collect() })
    }

    /// The entries that the row must have in indexes and lists.
    fn beside(&mut self, table: &Table, key: RowKey, main: &[u8], row: &Rederived) -> Result<(), Stop> {
        for expected in expected(table, key, main, row, &self.snapshot.replicas)? {
            let found = self.snapshot.bytes.get(&expected.key)?;
            let Some(found) = found else {
                let entry = expected.family.name(self.snapshot);
                self.report(key, Problem::MissingEntry { entry })?;
                continue;
            };
            self.tally.wanted(expected.family);
            if expected.value.is_some_and(|value| value != found) {
                self.report(key, Problem::WrongEntry { entry: expected.family.name(self.snapshot) })?;
            }
        }
        Ok(())
    }
}

/// Whether the unit names rows only for foreign keys that it holds, or that were dropped.
fn has_own_references(schema: &Schema, table: &Table, unit: &Unit, value: &UnitValue) -> bool {
    let own = |id| table.foreign_keys_of_unit(unit.id).any(|foreign_key| foreign_key.id == id);
    value.parents.iter().all(|(id, _)| own(*id) || schema.constraint(*id).is_none())
}

/// Whether a column may hold a value. `Null` in a column that must not be null is a failed rule, not
/// a wrong type.
fn holds(column: &Column, value: &Value) -> bool {
    let canonical =
        value.as_json().is_none_or(|json| Json::from_canonical(json.as_str().to_string()).is_ok());
    canonical && column.kind.admits(value)
}
