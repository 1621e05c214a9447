//! Batches from a peer: checked whole against the schema and against what is known here, then merged
//! and derived like any other change. A bad batch is refused whole and changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::before::Before;
use crate::codec::key::check_key_size;
use crate::codec::{check_value_size, row_id_of_unit};
use crate::derive::{Source, derive};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{Dot, ReplicaId, RowKey};
use crate::merge::merge;
use crate::row::{Batch, Life, LogEntry, RowChange, RowState, UnitValue};
use crate::schema::{Column, ColumnRule, Schema, Table, Unit};
use crate::store::{Changes, LOCAL, Snapshot};
use crate::value::Value;
use crate::version::{Hlc, Knowledge};

/// A batch that is refused. Nothing of it was applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BatchError {
    /// The batch does not fit the schema, or claims what it does not bring.
    #[error("{what}")]
    Malformed {
        /// What is wrong.
        what: String,
    },
    /// A change is from too far in the future.
    #[error(
        "a change of replica {replica} is from the future, {seconds} s beyond what this clock permits: set the clocks right, then sync again"
    )]
    ClockDrift {
        /// Whose change.
        replica: ReplicaId,
        /// How far beyond the permitted drift, in seconds.
        seconds: u64,
    },
    /// The peer has changes that this replica is said to have made, and has not.
    #[error(
        "the peer has change {dot} of this replica, which has made only {known}: a copy or an older backup of this directory is in use; create a new replica and sync it"
    )]
    UnknownOwnChange {
        /// The change.
        dot: Dot,
        /// The last change that was made here.
        known: u64,
    },
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] Error),
}

fn malformed(what: impl Into<String>) -> BatchError {
    BatchError::Malformed { what: what.into() }
}

/// Merges and derives a batch over a state. `latest` is the greatest time that a change may have.
/// Returns what to store.
pub(crate) fn apply(
    batch: Batch,
    base: &Snapshot,
    me: ReplicaId,
    latest: Hlc,
) -> Result<Changes, BatchError> {
    let known = base.knowledge()?;
    let mut rows: BTreeMap<RowKey, Arc<RowState>> = BTreeMap::new();
    let before = Before::default();
    for change in batch.changes {
        let key = change.key;
        check_row(base.schema(), &change, me, known.get(me), latest)?;
        let mine = match rows.get(&key) {
            Some(facts) => Some(Arc::clone(facts)),
            None => before.row(base, key)?.map(|stored| stored.facts),
        };
        let withheld = || malformed(format!("row {}: values are withheld that are not here", key.row));
        let theirs = change.complete(mine.as_deref()).ok_or_else(withheld)?;
        let merged = match mine {
            Some(mine) => merge(&mine, &theirs),
            None => theirs,
        };
        rows.insert(key, Arc::new(merged));
    }
    let taught = check_log(base, &batch.log, &rows, &known, latest)?;
    let new = batch.log.into_iter().filter(|entry| !known.covers(entry.dot));
    let log: BTreeMap<Dot, (Hlc, RowKey)> = new.map(|entry| (entry.dot, (entry.hlc, entry.key))).collect();
    let delta = derive(base.schema(), &before.of(base), &rows)?;
    let in_rows = rows.values().flat_map(|facts| facts.stamps()).map(|stamp| stamp.hlc).max();
    let in_log = log.values().map(|(hlc, _)| *hlc).max();
    let latest = in_rows.max(in_log).unwrap_or_default();
    Ok(Changes { delta, log, taught, latest, ..Changes::default() })
}

/// The knowledge that a stretch of the log teaches: without a gap, and only of what is here.
fn check_log(
    base: &Snapshot,
    log: &[LogEntry],
    rows: &BTreeMap<RowKey, Arc<RowState>>,
    known: &Knowledge,
    latest: Hlc,
) -> Result<Knowledge, BatchError> {
    let mut taught = known.clone();
    for LogEntry { dot, hlc, key } in log {
        check_time(*dot, *hlc, latest)?;
        if taught.covers(*dot) {
            continue;
        }
        if dot.seq != taught.get(dot.replica) + 1 {
            return Err(malformed(format!("the log skips changes before {dot}")));
        }
        let here = match rows.get(key) {
            Some(facts) => facts.vector.covers(*dot),
            None => base.row(*key)?.is_some_and(|stored| stored.facts.vector.covers(*dot)),
        };
        let unchecked = planted(Bug::EarlyKnowledge) || planted(Bug::LogOfLiveChanges);
        if !here && !unchecked {
            return Err(malformed(format!(
                "the log lists change {dot} of row {}, which was not sent",
                key.row
            )));
        }
        taught.cover(*dot);
    }
    let new = taught.iter().filter(|(replica, seq)| known.get(*replica) < *seq);
    Ok(new.collect())
}

/// A change may come from anywhere but the far future: it would win over everything for long.
fn check_time(dot: Dot, hlc: Hlc, latest: Hlc) -> Result<(), BatchError> {
    if dot.replica == LOCAL {
        return Err(malformed("a change without a replica"));
    }
    if hlc <= latest {
        return Ok(());
    }
    let seconds = hlc.0.saturating_sub(latest.0) / 1_000_000;
    Err(BatchError::ClockDrift { replica: dot.replica, seconds })
}

fn check_row(
    schema: &Schema,
    change: &RowChange,
    me: ReplicaId,
    mine: u64,
    latest: Hlc,
) -> Result<(), BatchError> {
    let table = schema.table_by_id(change.key.table).filter(|table| table.replicate);
    let table =
        table.ok_or_else(|| malformed(format!("table {} is not replicated here", change.key.table.0)))?;
    for stamp in change.state.stamps() {
        check_time(stamp.dot, stamp.hlc, latest)?;
    }
    for (replica, seq) in change.state.vector.iter() {
        let dot = Dot { replica, seq };
        if replica == LOCAL {
            return Err(malformed("a change without a replica"));
        }
        if replica == me && seq > mine {
            return Err(BatchError::UnknownOwnChange { dot, known: mine });
        }
    }
    for sibling in change.state.life.iter() {
        check_life(table, change, &sibling.value)?;
    }
    let withheld = change.withheld.iter().map(|(unit, _)| *unit);
    for id in change.state.units().map(|(unit, _)| unit).chain(withheld) {
        let unit = table
            .unit(id)
            .ok_or_else(|| malformed(format!("table {}: unknown unit {}", table.name, id.0)))?;
        for sibling in change.state.unit(id).iter() {
            check_unit(schema, table, unit, &sibling.value)?;
            let row = change.key.row;
            if row_id_of_unit(table, unit, &sibling.value).is_some_and(|named| named != row) {
                return Err(malformed(format!(
                    "table {}: the key of row {row} names another row",
                    table.name
                )));
            }
        }
    }
    check_joined(table, change)
}

/// Counts are of counters of this row, elements of sets.
fn check_joined(table: &Table, change: &RowChange) -> Result<(), BatchError> {
    // What was written to a column before it was dropped travels, and is not read.
    let is = |id, rule| {
        let unit = table.unit(id);
        unit.is_some_and(|unit| unit.live_columns().next().is_none() || table.rule_of(unit) == rule)
    };
    for (id, row, replica, _) in change.state.counts.iter() {
        if !is(id, ColumnRule::Sum) || row != change.key.row || replica == LOCAL {
            return Err(malformed(format!("table {}: a count is of no counter of its row", table.name)));
        }
    }
    for (id, element, _) in change.state.elements.iter() {
        if !is(id, ColumnRule::Union) {
            return Err(malformed(format!("table {}: an element is of no set", table.name)));
        }
        let element = Value::Json(element.clone());
        check_value_size("an element", &element).map_err(|error| malformed(error.to_string()))?;
    }
    Ok(())
}

/// A merge may name only what its writer can have known. (Deriving would get along with the rest too,
/// but a record could not be trusted to mean what it says.)
fn check_life(table: &Table, change: &RowChange, life: &Life) -> Result<(), BatchError> {
    let row = change.key.row;
    let named = match life {
        Life::Alive { apart: rows } | Life::Dead { with: rows } => rows.as_slice(),
        Life::Merged(merge) => std::slice::from_ref(&merge.into),
    };
    if named.contains(&row) {
        return Err(malformed(format!("table {}: row {row} names itself", table.name)));
    }
    let Life::Merged(merge) = life else { return Ok(()) };
    let absorbed = merge.absorbed.iter().map(|(_, dot)| dot);
    let mut named = absorbed.chain(merge.removed.iter().map(|(_, _, dot)| dot));
    if !named.all(|dot| change.state.vector.covers(*dot)) {
        return Err(malformed(format!("table {}: the merge of row {row} names what it lacks", table.name)));
    }
    let Some(rule) = &merge.rule else { return Ok(()) };
    let columns = table.key(rule.key).map(|key| key.columns.len());
    if columns.is_some_and(|columns| columns != rule.value.len()) || rule.value.iter().any(Value::is_null) {
        return Err(malformed(format!("table {}: row {row} was merged by a key that is none", table.name)));
    }
    check_key_size("a key", &rule.value).map_err(|error| malformed(error.to_string()))
}

fn check_unit(schema: &Schema, table: &Table, unit: &Unit, value: &UnitValue) -> Result<(), BatchError> {
    let rule = table.rule_of(unit);
    let counted = rule == ColumnRule::Sum || unit.live_columns().next().is_none();
    if rule == ColumnRule::Union || !counted && !value.seen.is_empty() {
        return Err(malformed(format!(
            "table {}: a value is not of the form of its column's rule",
            table.name
        )));
    }
    if value.columns.len() != unit.columns.len() {
        return Err(malformed(format!("table {}: a unit has a wrong number of columns", table.name)));
    }
    for (position, value) in unit.columns.iter().zip(&value.columns) {
        // Of what a dropped column held nobody remembers the type, and nobody reads it.
        let wrong = |column: &Column| !value.is_null() && !column.kind.admits(value);
        if table.columns.get(*position).is_some_and(wrong) {
            return Err(malformed(format!("table {}: a value does not have its column's type", table.name)));
        }
        check_value_size("a value", value).map_err(|error| malformed(error.to_string()))?;
    }
    check_keys(table, unit, value)?;
    let ascending = value.parents.is_sorted_by(|(a, _), (b, _)| a < b);
    // A foreign key that was dropped may still be named.
    let foreign =
        |id| schema.constraint(id).is_some() && !table.foreign_keys_of_unit(unit.id).any(|key| key.id == id);
    if !ascending || value.parents.iter().any(|(id, _)| foreign(*id)) {
        return Err(malformed(format!("table {}: a reference is not of its unit", table.name)));
    }
    Ok(())
}

/// The keys, references and index entries that lie within one unit must fit into the key space.
fn check_keys(table: &Table, unit: &Unit, value: &UnitValue) -> Result<(), BatchError> {
    for columns in table.indexed_columns() {
        let at = |column: &usize| unit.columns.iter().position(|own| own == column);
        let key = columns.iter().filter_map(at).filter_map(|i| value.columns.get(i).cloned());
        let key: SmallVec<[Value; 1]> = key.collect();
        check_key_size("a key", &key).map_err(|error| malformed(error.to_string()))?;
    }
    Ok(())
}
