//! What derivation reads, in memory: rows that are all in their tables, and who claims which key. A store's own look-ups
//! are left out, so that derivation is measured alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use reunite::derive::{Footprint, Key, Nothing, Source, Status, Stored, derive};
use reunite::error::Error;
use reunite::ids::{ConstraintId, RowId, RowKey, TableId};
use reunite::row::RowState;
use reunite::schema::Schema;
use reunite::value::Value;

use crate::Outcome;

/// The facts of rows.
pub type Facts = BTreeMap<RowKey, Arc<RowState>>;

/// The rows that are known before a change.
pub struct Known {
    schema: Arc<Schema>,
    rows: BTreeMap<RowKey, (Stored, Footprint)>,
    claims: BTreeMap<(ConstraintId, Key), RowId>,
}

impl Known {
    /// These rows and no others; an error if one of them is not visible, or merged.
    pub fn new(schema: &Arc<Schema>, facts: &Facts) -> Outcome<Self> {
        let mut known = Self { schema: Arc::clone(schema), rows: BTreeMap::new(), claims: BTreeMap::new() };
        for (key, row) in derive(schema, &Nothing, facts)? {
            if row.derived.status != Status::Visible || !row.new.merges.is_empty() {
                return Err("a row is not clean".into());
            }
            let table = schema.table_by_id(key.table).ok_or("no such table")?;
            let claimed = table.keys.iter().zip(&row.new.keys);
            let claimed = claimed.filter_map(|(unique, value)| Some(((unique.id, value.clone()?), key.row)));
            known.claims.extend(claimed);
            known.rows.insert(key, (Stored { facts: row.facts, derived: row.derived }, row.new));
        }
        Ok(known)
    }

    /// The rows of which this is true. Clean writes do not ask for that, so it need not be fast.
    fn filter(&self, is: impl Fn(&RowKey, &Footprint) -> bool) -> Vec<RowId> {
        let found = self.rows.iter().filter(|(key, (_, footprint))| is(key, footprint));
        found.map(|(key, _)| key.row).collect()
    }
}

impl Source for Known {
    fn row(&self, key: RowKey) -> Result<Option<Stored>, Error> {
        Ok(self.rows.get(&key).map(|(stored, _)| stored.clone()))
    }

    fn claimants(&self, key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error> {
        Ok(self.claims.get(&(key, value.to_vec())).copied().into_iter().collect())
    }

    fn holder(&self, key: ConstraintId, value: &[Value]) -> Result<Option<RowId>, Error> {
        Ok(self.claimants(key, value)?.first().copied()) // All of them are in their table.
    }

    fn children(&self, foreign_key: ConstraintId, parent: RowId) -> Result<Vec<RowId>, Error> {
        Ok(self.filter(|_, footprint| footprint.parents.contains(&(foreign_key, parent))))
    }

    fn children_by_value(&self, foreign_key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error> {
        Ok(self.filter(|key, footprint| {
            let foreign_keys =
                self.schema.table_by_id(key.table).into_iter().flat_map(|table| &table.foreign_keys);
            foreign_keys.zip(&footprint.references).any(|(known, need)| {
                let need = need.as_ref().filter(|need| known.id == foreign_key && need.by_value);
                need.is_some_and(|need| need.key.as_deref() == Some(value))
            })
        }))
    }

    fn parked(&self, _: TableId) -> Result<u64, Error> {
        Ok(0)
    }

    fn merged_into(&self, _: RowKey) -> Result<Vec<RowId>, Error> {
        Ok(Vec::new())
    }

    fn merging(&self, _: TableId) -> Result<u64, Error> {
        Ok(0)
    }
}
