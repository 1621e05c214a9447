//! A changed schema: derives anew what it affects. Adds no facts.
//!
//! The rows of the affected tables are derived from scratch, over the others as they are stored. They
//! are all in memory meanwhile; changes of the schema that affect no row read none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::derive::{Source, Stored, derive};
use crate::error::Error;
use crate::ids::{ConstraintId, RowId, RowKey, TableId};
use crate::row::RowState;
use crate::schema::{Amendment, Schema};
use crate::store::{Rewrite, Snapshot};
use crate::value::Value;

/// What amendments do to a state: `old` is the state under the old schema, `new` the same state under the
/// new one.
///
/// # Errors
/// If the storage fails.
pub(crate) fn evolve(old: &Snapshot, new: &Snapshot, amendments: Vec<Amendment>) -> Result<Rewrite, Error> {
    let affected = new.schema().affected_since(old.schema());
    let tables = downstream(new.schema(), affected.derived);
    let mut rows: BTreeMap<RowKey, Arc<RowState>> = BTreeMap::new();
    for table in &tables {
        for row in new.all_rows_of(*table)? {
            let (key, stored) = row?;
            rows.insert(key, stored.facts);
        }
    }
    let source = Without { base: new, tables: &tables };
    let delta = derive(new.schema(), &source, &rows)?;
    Ok(Rewrite { tables, delta, indexed: affected.indexed, amendments, meta: None })
}

/// The tables whose rows may be visible or not because of these: those that refer to them, and so on;
/// and of tables that refer to each other all.
fn downstream(schema: &Schema, tables: BTreeSet<TableId>) -> BTreeSet<TableId> {
    let mut found = BTreeSet::new();
    let mut pending: Vec<TableId> = tables.into_iter().collect();
    while let Some(table) = pending.pop() {
        if !found.insert(table) {
            continue;
        }
        pending.extend(schema.referring(table).map(|(child, _)| child.id));
        let together = schema.strata().iter().filter(|stratum| stratum.tables.contains(&table));
        pending.extend(together.flat_map(|stratum| stratum.tables.iter().copied()));
    }
    found
}

/// A state in which nothing is stored of some tables.
struct Without<'a> {
    base: &'a Snapshot,
    tables: &'a BTreeSet<TableId>,
}

impl Without<'_> {
    fn knows(&self, constraint: ConstraintId) -> bool {
        let table = self.base.schema().constraint(constraint).map(|(table, _)| table.id);
        table.is_some_and(|table| !self.tables.contains(&table))
    }
}

impl Source for Without<'_> {
    fn row(&self, key: RowKey) -> Result<Option<Stored>, Error> {
        if self.tables.contains(&key.table) { Ok(None) } else { self.base.row(key) }
    }

    fn claimants(&self, key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error> {
        if self.knows(key) { self.base.claimants(key, value) } else { Ok(Vec::new()) }
    }

    fn holder(&self, key: ConstraintId, value: &[Value]) -> Result<Option<RowId>, Error> {
        if self.knows(key) { self.base.holder(key, value) } else { Ok(None) }
    }

    fn children(&self, foreign_key: ConstraintId, parent: RowId) -> Result<Vec<RowId>, Error> {
        if self.knows(foreign_key) { self.base.children(foreign_key, parent) } else { Ok(Vec::new()) }
    }

    fn children_by_value(&self, foreign_key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error> {
        if self.knows(foreign_key) { self.base.children_by_value(foreign_key, value) } else { Ok(Vec::new()) }
    }

    fn merged_into(&self, row: RowKey) -> Result<Vec<RowId>, Error> {
        if self.tables.contains(&row.table) { Ok(Vec::new()) } else { self.base.merged_into(row) }
    }

    fn merging(&self, table: TableId) -> Result<u64, Error> {
        if self.tables.contains(&table) { Ok(0) } else { self.base.merging(table) }
    }

    fn parked(&self, table: TableId) -> Result<u64, Error> {
        if self.tables.contains(&table) { Ok(0) } else { self.base.parked(table) }
    }
}
