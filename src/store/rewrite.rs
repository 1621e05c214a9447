//! From a changed schema to the batch of the commit that brings it: what was derived of the tables that
//! the change affects is stored anew, as far as it differs from what is there.
//!
//! Knows neither what was changed nor why: it compares what is stored with what has to be.

use std::collections::{BTreeMap, BTreeSet};

use super::meta::Meta;
use super::replicas::Replicas;
use super::snapshot::Snapshot;
use super::space::{Prefix, Space};
use super::write::{Changes, write_anew};
use crate::codec;
use crate::codec::record::ReplicaNumbers;
use crate::derive::{Delta, fold};
use crate::error::Error;
use crate::ids::{ConstraintId, TableId};
use crate::schema::{Amendment, Schema, Table};
use crate::storage::{Batch, BatchBuilder};

/// What an amended schema stores.
#[derive(Debug, Default)]
pub(crate) struct Rewrite {
    /// The tables that were derived anew, all of each.
    pub tables: BTreeSet<TableId>,
    /// All rows of those tables.
    pub delta: Delta,
    /// Further tables of which indexes came or went.
    pub indexed: BTreeSet<TableId>,
    /// What was amended.
    pub amendments: Vec<Amendment>,
    /// The meta record from now on.
    pub meta: Option<Meta>,
}

/// The batch that brings a new schema, and the replicas numbered afterwards. Both snapshots are of the
/// same state, under the old schema and under the new one.
///
/// # Errors
/// If the storage fails, or an amendment is too large.
pub(crate) fn rewrite(old: &Snapshot, new: &Snapshot, rewrite: Rewrite) -> Result<(Batch, Replicas), Error> {
    let Rewrite { tables, delta, indexed, amendments, meta } = rewrite;
    let changes = Changes { delta, ..Changes::default() };
    let (batch, mut replicas) = write_anew(new, &changes)?;
    let mut wanted = Wanted::of(&batch);
    for table in indexed.iter().filter(|id| !tables.contains(id)) {
        wanted.index(new, *table)?;
    }
    let ids: BTreeSet<TableId> = tables.union(&indexed).copied().collect();
    wanted.compare(old, &families(old, new, &tables, &ids))?;
    for amendment in amendments {
        let text = amendment.to_text().map_err(|error| Error::Invalid { what: error.to_string() })?;
        let number = replicas.number(amendment.id.replica);
        wanted.put(&Space::Amendment(number, amendment.id.seq), text.as_bytes());
    }
    if let Some(meta) = meta {
        wanted.put(&Space::Meta, &meta.encode()?);
    }
    for (number, id) in replicas.iter().skip(new.replicas.len()) {
        wanted.put(&Space::Replica(number), id.as_bytes());
    }
    Ok((wanted.batch.finish(), replicas))
}

/// What has to be stored, until it is compared with what is there; then what differs.
struct Wanted {
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    batch: BatchBuilder,
}

impl Wanted {
    fn of(batch: &Batch) -> Wanted {
        let entries = batch.iter().filter_map(|op| Some((op.key().to_vec(), op.value()?.to_vec())));
        Wanted { entries: entries.collect(), batch: BatchBuilder::default() }
    }

    fn put(&mut self, key: &Space<'_>, value: &[u8]) {
        key.put(value, &mut self.batch);
    }

    /// The entries of all indexes of a table.
    fn index(&mut self, new: &Snapshot, id: TableId) -> Result<(), Error> {
        let table = new.table(id)?;
        for row in new.rows(id, None)? {
            let (row, values) = row?;
            for index in &table.indexes {
                let value = fold(table, &index.columns, |column| values.get(column));
                self.entries.insert(Space::Index(index.id, &value, row).key(), Vec::new());
            }
        }
        Ok(())
    }

    /// Keeps what differs from what is stored in these families, and removes what is stored there and
    /// not wanted.
    fn compare(&mut self, old: &Snapshot, families: &[Family<'_>]) -> Result<(), Error> {
        let mut stale = Vec::new();
        for family in families {
            for entry in old.prefixed(&family.prefix)? {
                let (key, value) = entry?;
                if family.conflicts {
                    for conflict in codec::conflict::decode_conflicts(&value, &|n| old.replicas.id(n))? {
                        stale.push((Space::ConflictById(conflict.id).key(), None));
                    }
                }
                stale.push((key, Some(value)));
            }
        }
        for (key, value) in stale {
            match (self.entries.get(&key), value) {
                (None, _) => self.batch.delete(|bytes| bytes.extend(key)),
                (Some(wanted), Some(value)) if *wanted == value => {
                    self.entries.remove(&key);
                }
                _ => {}
            }
        }
        let entries = std::mem::take(&mut self.entries);
        for (key, value) in entries {
            self.batch.put(|bytes| bytes.extend(key), &value);
        }
        Ok(())
    }
}

/// Keys with a common beginning.
struct Family<'a> {
    prefix: Prefix<'a>,
    /// Whether these are the conflicts of rows, whose ids stand elsewhere too.
    conflicts: bool,
}

impl<'a> Family<'a> {
    const fn of(prefix: Prefix<'a>) -> Family<'a> {
        Family { prefix, conflicts: false }
    }
}

/// The families in which something may have to go: `derived` tables whole, of all `touched` ones the
/// indexes.
fn families(
    old: &Snapshot,
    new: &Snapshot,
    derived: &BTreeSet<TableId>,
    touched: &BTreeSet<TableId>,
) -> Vec<Family<'static>> {
    let mut families = Vec::new();
    for id in derived {
        families.push(Family::of(Prefix::Rows(*id)));
        families.push(Family::of(Prefix::Losers(*id)));
        families.push(Family::of(Prefix::AllMerged(*id)));
        families.push(Family { prefix: Prefix::Conflicts(*id), conflicts: true });
        families.push(Family::of(Prefix::Count(*id)));
        families.push(Family::of(Prefix::TableConflictsByAge(*id)));
        families.push(Family::of(Prefix::TableConflictCounts(*id)));
        for key in constraints(&[&old.schema, &new.schema], *id, keys_of) {
            families.push(Family::of(Prefix::Claims(key)));
            families.push(Family::of(Prefix::ParkedClaims(key, &[])));
        }
        for foreign_key in constraints(&[&old.schema, &new.schema], *id, foreign_keys_of) {
            families.push(Family::of(Prefix::AllChildren(foreign_key)));
            families.push(Family::of(Prefix::ChildrenByValue(foreign_key, &[])));
        }
    }
    for id in touched {
        for index in constraints(&[&old.schema, &new.schema], *id, indexes_of) {
            families.push(Family::of(Prefix::Index(index, &[])));
        }
    }
    families
}

fn constraints(
    schemas: &[&Schema],
    table: TableId,
    of: fn(&Table) -> Vec<ConstraintId>,
) -> BTreeSet<ConstraintId> {
    schemas.iter().filter_map(|schema| schema.table_by_id(table)).flat_map(of).collect()
}

fn keys_of(table: &Table) -> Vec<ConstraintId> {
    table.keys.iter().map(|key| key.id).collect()
}

fn foreign_keys_of(table: &Table) -> Vec<ConstraintId> {
    table.foreign_keys.iter().map(|key| key.id).collect()
}

fn indexes_of(table: &Table) -> Vec<ConstraintId> {
    table.indexes.iter().map(|index| index.id).collect()
}
