//! What derivation reads, kept in memory from what it returned, as the store keeps it on disk.

use std::collections::{BTreeMap, BTreeSet};

use reunite::derive::{Conflict, Delta, Footprint, Key, Need, Rederived, Source, Status, Stored};
use reunite::error::Error;
use reunite::ids::{ConstraintId, RowId, RowKey, TableId};
use reunite::schema::Schema;
use reunite::value::Value;

use crate::world::story::{Checked, ensure};

/// A row as it was derived last.
pub struct Kept {
    pub stored: Stored,
    pub footprint: Footprint,
    pub conflicts: Vec<Conflict>,
}

#[derive(Default)]
pub struct MemorySource {
    pub rows: BTreeMap<RowKey, Kept>,
    claims: BTreeMap<(ConstraintId, Key), BTreeSet<RowId>>,
    holders: BTreeMap<(ConstraintId, Key), RowId>,
    children: BTreeMap<(ConstraintId, RowId), BTreeSet<RowId>>,
    by_value: BTreeMap<(ConstraintId, Key), BTreeSet<RowId>>,
    merged: BTreeMap<RowKey, BTreeSet<RowId>>,
}

impl MemorySource {
    /// Stores a derivation: index entries move from the old footprints to the new ones.
    pub fn apply(&mut self, schema: &Schema, delta: Delta) -> Checked {
        for (key, row) in &delta {
            let kept = self.rows.get(key).map(|kept| &kept.footprint).cloned().unwrap_or_default();
            let moved = same_entries(&kept, row.old.as_ref().unwrap_or(&row.new));
            ensure(moved, || format!("the old footprint of {key:?} is {:?}, was kept as {kept:?}", row.old))?;
            self.index(schema, *key, &kept, false);
        }
        for (key, row) in delta {
            self.index(schema, key, &row.new, true);
            let Rederived { facts, derived, new, conflicts, .. } = row;
            self.rows.insert(key, Kept { stored: Stored { facts, derived }, footprint: new, conflicts });
        }
        Ok(())
    }

    fn index(&mut self, schema: &Schema, key: RowKey, footprint: &Footprint, add: bool) {
        let table = schema.table_by_id(key.table).expect("a table of the schema");
        for (unique, value) in table.keys.iter().zip(&footprint.keys) {
            let Some(value) = value else { continue };
            set(self.claims.entry((unique.id, value.clone())).or_default(), key.row, add);
            match footprint.visible {
                true if add => drop(self.holders.insert((unique.id, value.clone()), key.row)),
                true => drop(self.holders.remove(&(unique.id, value.clone()))),
                false => {}
            }
        }
        for into in &footprint.merges {
            set(self.merged.entry(RowKey { row: *into, ..key }).or_default(), key.row, add);
        }
        for parent in &footprint.parents {
            set(self.children.entry(*parent).or_default(), key.row, add);
        }
        for (foreign_key, need) in table.foreign_keys.iter().zip(&footprint.references) {
            let Some(need) = need else { continue };
            if let Some(value) = need.key.as_ref().filter(|_| need.by_value) {
                set(self.by_value.entry((foreign_key.id, value.clone())).or_default(), key.row, add);
            }
        }
    }
}

fn set(rows: &mut BTreeSet<RowId>, row: RowId, add: bool) {
    if add {
        rows.insert(row);
    } else {
        rows.remove(&row);
    }
}

/// Whether both have the same entries in the indexes. What a following reference needs is in none.
fn same_entries(a: &Footprint, b: &Footprint) -> bool {
    let references = |footprint: &Footprint| -> Vec<Option<Need>> {
        let entry = |need: &Need| Need { key: need.key.clone().filter(|_| need.by_value), ..*need };
        footprint.references.iter().map(|need| need.as_ref().map(entry)).collect()
    };
    (&a.keys, &a.entries, a.visible, &a.merges) == (&b.keys, &b.entries, b.visible, &b.merges)
        && (&a.parents, references(a)) == (&b.parents, references(b))
}

impl Source for MemorySource {
    fn row(&self, key: RowKey) -> Result<Option<Stored>, Error> {
        Ok(self.rows.get(&key).map(|kept| kept.stored.clone()))
    }

    fn claimants(&self, key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error> {
        Ok(self.claims.get(&(key, value.to_vec())).into_iter().flatten().copied().collect())
    }

    fn holder(&self, key: ConstraintId, value: &[Value]) -> Result<Option<RowId>, Error> {
        Ok(self.holders.get(&(key, value.to_vec())).copied())
    }

    fn children(&self, foreign_key: ConstraintId, parent: RowId) -> Result<Vec<RowId>, Error> {
        Ok(self.children.get(&(foreign_key, parent)).into_iter().flatten().copied().collect())
    }

    fn children_by_value(&self, foreign_key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error> {
        Ok(self.by_value.get(&(foreign_key, value.to_vec())).into_iter().flatten().copied().collect())
    }

    fn parked(&self, table: TableId) -> Result<u64, Error> {
        let rows = self.rows.iter().filter(|(key, _)| key.table == table);
        Ok(rows.filter(|(_, kept)| kept.stored.derived.status == Status::Parked).count() as u64)
    }

    fn merged_into(&self, row: RowKey) -> Result<Vec<RowId>, Error> {
        Ok(self.merged.get(&row).into_iter().flatten().copied().collect())
    }

    fn merging(&self, table: TableId) -> Result<u64, Error> {
        let rows = self.rows.iter().filter(|(key, _)| key.table == table);
        Ok(rows.filter(|(_, kept)| !kept.footprint.merges.is_empty()).count() as u64)
    }
}
