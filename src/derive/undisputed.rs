//! What a change does of which nobody can dispute anything, without walking the tables: rows that are new and hold
//! keys that nobody claims, and rows that are in their table and keep their keys and references. Most commits, and
//! most of a first sync, are of that kind.
//!
//! Only looks for that: as soon as one row may be in conflict, displace another or be missed by one, it says so, and
//! the whole change is derived by `pass`. Every condition here is one under which that finds the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::footprint::Footprint;
use super::identity::merges;
use super::image::{Facts, Image, Key, Need, Parent};
use super::units::life_of;
use super::{Delta, Derived, Rederived, Source, Status, Stored};
use crate::error::Error;
use crate::ids::{ConstraintId, RowKey, TableId};
use crate::row::{LifeKind, RowState};
use crate::schema::{ForeignKey, Schema, Table};
use crate::value::Value;

/// The derivation of a change that nobody can dispute; none if somebody may.
pub(super) fn undisputed<S: Source + ?Sized>(
    schema: &Schema,
    source: &S,
    changed: &BTreeMap<RowKey, Arc<RowState>>,
) -> Result<Option<Delta>, Error> {
    let mut change = Undisputed {
        schema,
        source,
        changed,
        shown: BTreeMap::new(),
        claims: BTreeSet::new(),
        delta: Delta::new(),
    };
    // Parents first: what refers to a row of the change finds it decided.
    for stratum in schema.strata() {
        for table in stratum.tables.iter().filter_map(|id| schema.table_by_id(*id)) {
            let mut rows = change.rows_of(table.id).peekable();
            if rows.peek().is_none() {
                continue;
            }
            if stratum.cyclic || !change.is_calm(table)? {
                return Ok(None);
            }
            let is_referred_to = schema.referring(table.id).next().is_some();
            for (key, facts) in rows {
                if !change.take(table, is_referred_to, key, facts)? {
                    return Ok(None);
                }
            }
        }
    }
    let all = change.delta.len() == changed.len();
    Ok(all.then_some(change.delta))
}

struct Undisputed<'a, S: ?Sized> {
    schema: &'a Schema,
    source: &'a S,
    changed: &'a BTreeMap<RowKey, Arc<RowState>>,
    /// What the rows show that were looked at: those of the change, and those that they refer to. None if a row is
    /// not in its table.
    shown: BTreeMap<RowKey, Option<Arc<[Value]>>>,
    /// The keys of the new rows.
    claims: BTreeSet<(ConstraintId, Key)>,
    delta: Delta,
}

impl<'a, S: Source + ?Sized> Undisputed<'a, S> {
    fn rows_of(&self, table: TableId) -> impl Iterator<Item = (RowKey, &'a Arc<RowState>)> + use<'a, S> {
        self.changed.range(RowKey::all_of(table)).map(|(key, facts)| (*key, facts))
    }

    /// Whether the rows of a table are what they are by themselves, and nobody waits for one to appear.
    fn is_calm(&self, table: &Table) -> Result<bool, Error> {
        if table.dropped || self.source.merging(table.id)? > 0 {
            return Ok(false);
        }
        for (child, _) in self.schema.referring(table.id) {
            if self.source.parked(child.id)? > 0 {
                return Ok(false);
            }
        }
        for foreign_key in &table.foreign_keys {
            if self.source.merging(foreign_key.parent)? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes a row into the result; false if that is not for here to decide.
    fn take(
        &mut self,
        table: &Table,
        is_referred_to: bool,
        key: RowKey,
        facts: &Arc<RowState>,
    ) -> Result<bool, Error> {
        if !is_plain(table, facts) {
            return Ok(false);
        }
        let before = self.source.row(key)?;
        let may_change =
            |stored: &Stored| stored.derived.status != Status::Visible || !is_plain(table, &stored.facts);
        if before.as_ref().is_some_and(may_change) {
            return Ok(false);
        }
        let class = Facts { class: facts, own: facts, merged: false };
        let mut image = Image::new(table, key.row, class, |foreign_key, row| {
            let parent = RowKey { table: foreign_key.parent, row };
            let follows = foreign_key.follow.then(|| self.key_of(parent, foreign_key));
            Ok(Parent { row, key: follows.transpose()?.flatten() })
        })?;
        if !image.failed.is_empty() {
            return Ok(false);
        }
        let old = match &before {
            Some(stored) if keeps_its_entries(table, stored, facts, &image) => None,
            Some(stored) => match self.footprint_before(table, key, stored, &image)? {
                Some(old) => Some(old),
                None => return Ok(false),
            },
            None if self.is_alone(table, &image)? => Some(Footprint::default()),
            None => return Ok(false),
        };
        let new = Footprint::taken_from(&mut image, table, facts, true);
        let derived = Derived { status: Status::Visible, followed: image.followed };
        if is_referred_to {
            self.shown.insert(key, Some(image.values.into()));
        }
        let (facts, failed, conflicts) = (Arc::clone(facts), Vec::new(), Vec::new());
        self.delta.insert(key, Rederived { facts, derived, before, failed, old, new, conflicts });
        Ok(true)
    }

    /// Whether a new row is the only one that claims its keys, and what it refers to is there.
    fn is_alone(&mut self, table: &Table, image: &Image) -> Result<bool, Error> {
        for (unique, value) in table.keys.iter().zip(&image.keys) {
            let Some(value) = value else { continue };
            if !self.source.claimants(unique.id, value)?.is_empty()
                || !self.claims.insert((unique.id, value.clone()))
            {
                return Ok(false);
            }
        }
        for (foreign_key, need) in table.foreign_keys.iter().zip(&image.references) {
            if let Some(need) = need
                && !self.is_met(foreign_key, need)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the indexes said of a plain row that is in its table and stays there as it is; none if that may change.
    fn footprint_before(
        &mut self,
        table: &Table,
        key: RowKey,
        stored: &Stored,
        image: &Image,
    ) -> Result<Option<Footprint>, Error> {
        let class = Facts { class: &stored.facts, own: &stored.facts, merged: false };
        let mut old = Image::stored(table, key.row, class, &stored.derived.followed, |_, row| Ok(row))?;
        // Equal keys may be spelled differently, and who follows them shows how.
        let mut columns = table.keys.iter().flat_map(|unique| &unique.columns);
        let spelled_alike = columns.all(|column| old.values.get(*column) == image.values.get(*column));
        let same = spelled_alike && old.rank == image.rank && old.references == image.references;
        Ok(same.then(|| Footprint::taken_from(&mut old, table, &stored.facts, true)))
    }

    /// Whether a row that is in its table satisfies a reference.
    fn is_met(&mut self, foreign_key: &ForeignKey, need: &Need) -> Result<bool, Error> {
        let Some(value) = &need.key else { return Ok(false) };
        if let Some(row) = need.parent.filter(|_| !need.by_value) {
            // What it follows is the key that this row has now.
            return Ok(self.shown(RowKey { table: foreign_key.parent, row })?.is_some());
        }
        if self.claims.contains(&(foreign_key.key, value.clone())) {
            return Ok(true);
        }
        for row in self.source.claimants(foreign_key.key, value)? {
            if self.shown(RowKey { table: foreign_key.parent, row })?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The values of the key that a reference follows.
    fn key_of(&mut self, parent: RowKey, foreign_key: &ForeignKey) -> Result<Option<Vec<Value>>, Error> {
        let Some(shown) = self.shown(parent)? else { return Ok(None) };
        let key = self.schema.table_by_id(parent.table).and_then(|table| table.key(foreign_key.key));
        let Some(key) = key else { return Ok(None) };
        let values = key.values_of(&shown);
        Ok((!values.iter().any(Value::is_null)).then_some(values))
    }

    /// What a row shows after the change; none if it is not in its table.
    fn shown(&mut self, key: RowKey) -> Result<Option<Arc<[Value]>>, Error> {
        if let Some(shown) = self.shown.get(&key) {
            return Ok(shown.clone());
        }
        let table = self.schema.table_by_id(key.table);
        let stored = self.source.row(key)?.filter(|stored| stored.derived.status == Status::Visible);
        let shown = stored.zip(table).map(|(stored, table)| stored.values(table).into());
        self.shown.insert(key, shown.clone());
        Ok(shown)
    }
}

/// Whether a plain row that is in its table stays there with the keys, references and index entries that it has,
/// because nothing was written that they come from. Most changes of rows are of that kind.
fn keeps_its_entries(table: &Table, stored: &Stored, facts: &RowState, image: &Image) -> bool {
    let same = |column: &usize| {
        let unit = table.unit_of(*column);
        unit.is_some_and(|unit| stored.facts.unit(unit) == facts.unit(unit))
    };
    stored.facts.boost == facts.boost
        && stored.derived.followed == image.followed
        && table.indexed_columns().flatten().all(same)
}

/// Whether a row lives and nothing in it competes, so that it has no conflicts of its own.
fn is_plain(table: &Table, facts: &RowState) -> bool {
    life_of(table, facts).kind() == LifeKind::Alive
        && !facts.has_losers()
        && facts.acks.is_empty()
        && merges(facts).next().is_none()
}
