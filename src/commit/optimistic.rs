//! Writes that are refused if the row has changed since it was read.
//!
//! A version names committed changes. What the transaction itself has written to the row does not count
//! as a change: it knows what it wrote.

use std::collections::BTreeSet;

use super::WriteError;
use super::rows::Columns;
use super::stage::Stage;
use crate::codec::key::encode_values;
use crate::derive::{Source, Status, Stored, class_of};
use crate::error::Error;
use crate::ids::{Dot, ReplicaId, RowKey};
use crate::row::{RowState, Version};
use crate::schema::{Table, Unit};
use crate::store::Snapshot;
use crate::value::Value;
use crate::version::VersionVector;

/// The version of a row in a state; none if nothing is known of the row there.
///
/// # Errors
/// If the storage fails.
pub(crate) fn version_of(base: &Snapshot, key: RowKey) -> Result<Option<Version>, Error> {
    let Some(stored) = base.row(key)? else { return Ok(None) };
    // What was merged into the row shows in it.
    let class = class_of(base.schema(), base, key)?;
    let mut seen = vec![(key.row, stored.facts.vector.clone())];
    for row in class.into_iter().filter(|class| class.root == key).flat_map(|class| class.members) {
        let member = base.row(RowKey { row, ..key })?;
        seen.extend(member.map(|member| (row, member.facts.vector.clone())));
    }
    seen.sort_unstable_by_key(|(row, _)| *row);
    let table = base.schema().table_by_id(key.table);
    let followed = table.map_or([0; 8], |table| digest(followed(table, &stored)));
    Ok(Some(Version { row: key.row, seen, followed }))
}

/// The columns that show another row's key, with what they show.
fn followed<'a>(table: &'a Table, stored: &'a Stored) -> impl Iterator<Item = &'a (usize, Value)> {
    let refers = |column: usize| table.foreign_keys.iter().any(|key| key.columns.contains(&column));
    stored.derived.followed.iter().filter(move |(column, _)| refers(*column))
}

/// A digest of these values; zeros if there are none.
fn digest<'a>(values: impl Iterator<Item = &'a (usize, Value)>) -> [u8; 8] {
    let (mut digest, mut bytes) = ([0; 8], Vec::new());
    for (column, value) in values {
        bytes.extend((*column as u64).to_be_bytes());
        encode_values(std::slice::from_ref(value), &mut bytes);
    }
    if !bytes.is_empty() {
        blake3::Hasher::new().update(&bytes).finalize_xof().fill(&mut digest);
    }
    digest
}

impl Stage<'_> {
    /// Changes columns of a row that must be as it was seen.
    ///
    /// # Errors
    /// [`WriteError::StaleVersion`] if it is not, and whatever an update may be refused for.
    pub fn update_if(&mut self, key: RowKey, version: &Version, named: &Columns) -> Result<(), WriteError> {
        self.check_version(key, version)?;
        self.update(key, named, false)
    }

    /// Deletes a row that must be as it was seen.
    ///
    /// # Errors
    /// [`WriteError::StaleVersion`] if it is not, and whatever a deletion may be refused for.
    pub fn delete_if(&mut self, key: RowKey, version: &Version) -> Result<(), WriteError> {
        self.check_version(key, version)?;
        self.delete(key)
    }

    fn check_version(&self, key: RowKey, version: &Version) -> Result<(), WriteError> {
        let table = self.table(key)?;
        if version.row != key.row {
            return Err(self.not_applicable(
                table,
                key,
                format!("the version is one of row {}", version.row),
            ));
        }
        let Some(now) = version_of(self.base, key)? else { return Err(self.no_such_row(table, key)) };
        if now == *version {
            return Ok(());
        }
        self.stale(table, key, version, &now)
    }

    fn stale(&self, table: &Table, key: RowKey, seen: &Version, now: &Version) -> Result<(), WriteError> {
        let (mut columns, mut replicas) = (BTreeSet::new(), BTreeSet::new());
        let (mut deleted, nothing) = (false, VersionVector::default());
        for (row, vector) in &now.seen {
            let before = seen.of(*row).unwrap_or(&nothing);
            let newer = vector.iter().filter(|(replica, seq)| before.get(*replica) < *seq);
            replicas.extend(newer.map(|(replica, seq)| self.author(replica, seq)));
            if let Some(stored) = self.before(RowKey { row: *row, ..key })? {
                columns.extend(changed(table, &stored.facts, before));
                deleted |= *row == key.row && stored.derived.status == Status::Dead;
            }
        }
        if let Some(stored) = self.before(key)?.filter(|_| seen.followed != now.followed) {
            columns.extend(followed(table, &stored).map(|(column, _)| *column));
        }
        let columns: Vec<usize> = columns.into_iter().collect();
        Err(WriteError::StaleVersion {
            table: table.name.clone(),
            row: key.row,
            columns: table.column_names(&columns).into_iter().map(str::to_owned).collect(),
            replicas: replicas.into_iter().collect(),
            deleted,
        })
    }

    fn author(&self, replica: ReplicaId, seq: u64) -> ReplicaId {
        self.base.author_of(Dot { replica, seq })
    }
}

/// The columns, by position, of which a live value was not there before.
fn changed<'a>(
    table: &'a Table,
    facts: &'a RowState,
    before: &'a VersionVector,
) -> impl Iterator<Item = usize> + 'a {
    let new = |unit: &&Unit| {
        let counts = facts.counts.iter().filter(|(of, ..)| *of == unit.id);
        let mut counts = counts.map(|(_, _, replica, count)| Dot { replica, seq: count.seq });
        let mut elements = facts.elements.of(unit.id).flat_map(|(_, siblings)| siblings.dots());
        let mut all = facts.unit(unit.id).dots();
        all.any(|dot| !before.covers(dot))
            || counts.any(|dot| !before.covers(dot))
            || elements.any(|dot| !before.covers(dot))
    };
    let units = table.units.iter().filter(new);
    units.flat_map(|unit| unit.columns.iter().copied())
}
