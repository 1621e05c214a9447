//! One derivation: walks the tables parents first and re-derives what the changes can affect.
//!
//! Each stratum (a table, or tables that refer to each other in a cycle) is imaged, compared with what
//! was stored, and decided; what that changes is marked in this stratum or in later ones. A row is
//! imaged at most once, and in an acyclic schema decided at most once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::claims::Claimants;
use super::class::Classes;
use super::footprint::Footprint;
use super::image::{Facts, Image, Key, Parent, parent_of, written_values};
use super::units::life_of;
use super::{Delta, Derived, Rederived, Source, Status, Stored};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{ConstraintId, RowKey, TableId};
use crate::row::RowState;
use crate::schema::{Schema, Table, UniqueKey};
use crate::value::Value;

/// A row as it was before the changes.
pub(super) struct Before {
    pub(super) stored: Stored,
    /// With the facts of the rows that were merged into it.
    pub(super) facts: Arc<RowState>,
    pub(super) image: Image,
    pub(super) footprint: Footprint,
}

pub(super) struct Pass<'a, S: ?Sized> {
    pub(super) schema: &'a Schema,
    pub(super) source: &'a S,
    pub(super) changed: &'a BTreeMap<RowKey, Arc<RowState>>,
    pub(super) classes: Classes<'a>,
    /// Rows that are imaged: those whose facts changed, what they are or were merged with, and those whose
    /// parents' keys changed.
    pub(super) imaged: BTreeSet<RowKey>,
    images: BTreeMap<RowKey, Arc<Image>>,
    before: BTreeMap<RowKey, Option<Arc<Before>>>,
    /// Rows of which visibility has to be decided anew.
    pub(super) undecided: BTreeSet<RowKey>,
    pub(super) status: BTreeMap<RowKey, Status>,
    /// Rows whose conflicts may have changed.
    pub(super) touched: BTreeSet<RowKey>,
    /// Who claims a key now, as far as that was asked: the source is asked once for each value.
    pub(super) claims: BTreeMap<ConstraintId, BTreeMap<Key, Claimants>>,
    /// How many rows of a table were parked before.
    parked: BTreeMap<TableId, u64>,
}

impl<'a, S: Source + ?Sized> Pass<'a, S> {
    pub(super) fn new(
        schema: &'a Schema,
        source: &'a S,
        changed: &'a BTreeMap<RowKey, Arc<RowState>>,
    ) -> Pass<'a, S> {
        Pass {
            schema,
            source,
            changed,
            classes: Classes::new(),
            imaged: changed.keys().copied().collect(),
            images: BTreeMap::new(),
            before: BTreeMap::new(),
            undecided: BTreeSet::new(),
            status: BTreeMap::new(),
            touched: BTreeSet::new(),
            claims: BTreeMap::new(),
            parked: BTreeMap::new(),
        }
    }

    pub(super) fn run(mut self) -> Result<Delta, Error> {
        let schema = self.schema;
        self.identify()?;
        for stratum in schema.strata() {
            let tables: Vec<&Table> =
                stratum.tables.iter().filter_map(|id| schema.table_by_id(*id)).collect();
            self.image_stratum(&tables)?;
            if stratum.cyclic {
                self.decide_cycle(&tables)?;
            } else {
                for table in tables {
                    self.decide_table(table)?;
                }
            }
        }
        self.finish()
    }

    /// Images every marked row of the stratum, then marks what the differences can affect.
    fn image_stratum(&mut self, tables: &[&'a Table]) -> Result<(), Error> {
        let mut done = BTreeSet::new();
        loop {
            let marked = tables.iter().flat_map(|table| rows_of(&self.imaged, table.id));
            let todo: Vec<RowKey> = marked.filter(|key| !done.contains(key)).collect();
            if todo.is_empty() {
                break;
            }
            for key in todo {
                done.insert(key);
                self.image_row(key)?;
            }
        }
        for key in &done {
            self.compare_claims(*key)?;
        }
        let mut marked = BTreeSet::new();
        done.iter().try_for_each(|key| self.mark_affected(*key, &mut marked))
    }

    /// Images a row; where its keys or its life changed, the rows that refer to it are imaged too.
    fn image_row(&mut self, key: RowKey) -> Result<(), Error> {
        let Some(table) = self.schema.table_by_id(key.table) else { return Ok(()) };
        let (new, old) = (self.image(key)?, self.before(key)?);
        self.undecided.insert(key);
        let (root, old_root) = (self.root(key)?, self.old_root(key)?);
        for (child, foreign_key) in self.schema.referring(key.table) {
            let Some(referred) = table.key(foreign_key.key) else { continue };
            if root != old_root {
                // What means this row means another one now, and values that named it agree with others.
                for parent in BTreeSet::from([old_root, key.row]) {
                    for row in self.source.children(foreign_key.id, parent)? {
                        self.reimage(RowKey { table: child.id, row })?;
                    }
                }
            }
            let shown = |image: &Image| image.lives.then(|| referred.values_of(&image.values));
            let (now, was) = (new.as_deref().map(shown), old.as_deref().map(|before| shown(&before.image)));
            // Rows that refer to a row which was not here cannot be visible.
            let nobody_waits = old.is_none() && self.parked(child.id)? == 0;
            if now != was && !nobody_waits && !planted(Bug::StaleFollowedKey) {
                for row in self.source.children(foreign_key.id, key.row)? {
                    self.imaged.insert(RowKey { table: child.id, row });
                }
            }
        }
        Ok(())
    }

    /// Images a row whose references mean other rows now, and looks again at what lost in all rows that it is
    /// one with.
    fn reimage(&mut self, key: RowKey) -> Result<(), Error> {
        self.imaged.insert(key);
        if let Some(component) = self.connected(key)? {
            self.touched.extend(component.rows().map(|(row, _)| RowKey { row, ..key }));
        }
        Ok(())
    }

    /// Marks the rivals of a row whose claims, life or rank changed; those of one value once, which are `marked`
    /// then, however many rows claim it.
    fn mark_affected(
        &mut self,
        key: RowKey,
        marked: &mut BTreeSet<(ConstraintId, Key)>,
    ) -> Result<(), Error> {
        let Some(table) = self.schema.table_by_id(key.table) else { return Ok(()) };
        let (new, old) = (self.image(key)?, self.before(key)?);
        let same_rank = match (&new, &old) {
            (Some(new), Some(old)) => new.rank == old.image.rank,
            _ => false,
        };
        for (i, unique) in table.keys.iter().enumerate() {
            let was = old.as_ref().and_then(|before| before.footprint.keys.get(i)).and_then(Option::as_ref);
            let now = new.as_ref().and_then(|image| image.keys.get(i)).and_then(Option::as_ref);
            if was == now && same_rank {
                continue;
            }
            let was = was.filter(|_| !planted(Bug::RivalNotReconsidered));
            for value in was.into_iter().chain(now) {
                if !marked.insert((unique.id, value.clone())) {
                    continue;
                }
                for row in self.claimants(unique.id, value)? {
                    self.undecided.insert(RowKey { table: key.table, row });
                }
            }
        }
        Ok(())
    }

    /// The image of a row; none if nothing is known of it.
    pub(super) fn image(&mut self, key: RowKey) -> Result<Option<Arc<Image>>, Error> {
        if let Some(image) = self.images.get(&key) {
            return Ok(Some(Arc::clone(image)));
        }
        let (Some(table), Some(class)) = (self.schema.table_by_id(key.table), self.facts(key)?) else {
            return Ok(None);
        };
        let Some(own) = self.own_facts(key)? else { return Ok(None) };
        let facts = Facts { class: &class, own: &own, merged: self.root(key)? != key.row };
        let image = Image::new(table, key.row, facts, |foreign_key, parent| {
            let parent = RowKey { table: foreign_key.parent, row: parent };
            let row = self.root(parent)?;
            let follows = foreign_key.follow.then(|| self.current_key(parent, foreign_key.key));
            Ok(Parent { row, key: follows.transpose()?.flatten() })
        })?;
        let image = Arc::new(image);
        self.images.insert(key, Arc::clone(&image));
        Ok(Some(image))
    }

    /// The values of a row's key as the rows that refer to it show them; none if the row is deleted or
    /// unknown, or has no value there. The schema has no cycle of keys that follow each other.
    fn current_key(&mut self, row: RowKey, key: ConstraintId) -> Result<Option<Vec<Value>>, Error> {
        let row = RowKey { row: self.root(row)?, ..row };
        let (Some(table), Some(facts)) = (self.schema.table_by_id(row.table), self.facts(row)?) else {
            return Ok(None);
        };
        let Some(key) = table.key(key) else { return Ok(None) };
        if life_of(table, &facts).is_dead() {
            return Ok(None);
        }
        let values = match self.images.get(&row) {
            Some(image) => image.values.clone(),
            None => self.followed_key(table, &facts, key)?,
        };
        let values = key.values_of(&values);
        Ok((!values.iter().any(Value::is_null)).then_some(values))
    }

    /// The values of a row, of which those of a key are followed. Not its whole image: other columns may
    /// refer to this very row, or around a circle of rows back to it, for only keys have no cycle.
    fn followed_key(
        &mut self,
        table: &Table,
        facts: &RowState,
        key: &UniqueKey,
    ) -> Result<Vec<Value>, Error> {
        let mut values = written_values(table, facts);
        for foreign_key in table.foreign_keys.iter().filter(|foreign_key| foreign_key.follow) {
            let null = |column: &usize| values.get(*column).is_none_or(Value::is_null);
            let gives = foreign_key.columns.iter().any(|column| key.columns.contains(column));
            if !gives || foreign_key.columns.iter().any(null) {
                continue;
            }
            let Some(parent) = parent_of(table, facts, foreign_key) else { continue };
            let parent = RowKey { table: foreign_key.parent, row: parent };
            let current = self.current_key(parent, foreign_key.key)?;
            for (column, value) in foreign_key.columns.iter().zip(current.into_iter().flatten()) {
                if let Some(slot) = values.get_mut(*column) {
                    *slot = value;
                }
            }
        }
        Ok(values)
    }

    /// The facts of a row by itself.
    pub(super) fn own_facts(&mut self, key: RowKey) -> Result<Option<Arc<RowState>>, Error> {
        if let Some(facts) = self.changed.get(&key) {
            return Ok(Some(Arc::clone(facts)));
        }
        Ok(self.before(key)?.map(|before| Arc::clone(&before.stored.facts)))
    }

    pub(super) fn before(&mut self, key: RowKey) -> Result<Option<Arc<Before>>, Error> {
        if let Some(before) = self.before.get(&key) {
            return Ok(before.clone());
        }
        let stored = self.source.row(key)?;
        let before = match stored.zip(self.schema.table_by_id(key.table)) {
            Some((stored, table)) => Some(Arc::new(self.as_it_was(table, key, stored)?)),
            None => None,
        };
        self.before.insert(key, before.clone());
        Ok(before)
    }

    fn as_it_was(&mut self, table: &Table, key: RowKey, stored: Stored) -> Result<Before, Error> {
        let (own, status) = (Arc::clone(&stored.facts), stored.derived.status);
        let merged = status == Status::Merged;
        let component = if merged { None } else { self.old_component(key)? };
        let facts = component.and_then(|component| component.state(key.row)).unwrap_or(own);
        let class = Facts { class: &facts, own: &stored.facts, merged };
        let followed = &stored.derived.followed;
        let image = Image::stored(table, key.row, class, followed, |foreign_key, row| {
            self.old_root(RowKey { table: foreign_key.parent, row })
        })?;
        let footprint = Footprint::of(table, &stored.facts, &image, status == Status::Visible);
        Ok(Before { stored, facts, image, footprint })
    }

    /// The status of a row, as decided so far.
    pub(super) fn status_of(&mut self, key: RowKey) -> Result<Status, Error> {
        if let Some(status) = self.status.get(&key) {
            return Ok(*status);
        }
        Ok(self.before(key)?.map_or(Status::Dead, |before| before.stored.derived.status))
    }

    /// How many rows of a table were parked before the changes.
    pub(super) fn parked(&mut self, table: TableId) -> Result<u64, Error> {
        if let Some(parked) = self.parked.get(&table) {
            return Ok(*parked);
        }
        let parked = self.source.parked(table)?;
        self.parked.insert(table, parked);
        Ok(parked)
    }

    fn finish(mut self) -> Result<Delta, Error> {
        let mut delta = Delta::new();
        let touched = std::mem::take(&mut self.touched);
        for key in touched.union(&self.imaged).copied().collect::<Vec<_>>() {
            if let Some(row) = self.rederived(key)? {
                delta.insert(key, row);
            }
        }
        Ok(delta)
    }

    /// The derivation of a row, as decided so far.
    pub(super) fn rederived(&mut self, key: RowKey) -> Result<Option<Rederived>, Error> {
        let (Some(table), Some(facts)) = (self.schema.table_by_id(key.table), self.own_facts(key)?) else {
            return Ok(None);
        };
        let (Some(image), before) = (self.image(key)?, self.before(key)?) else { return Ok(None) };
        let status = self.status_of(key)?;
        let conflicts = self.conflicts(table, key, &facts, &image, status)?;
        let new = Footprint::of(table, &facts, &image, status == Status::Visible);
        let derived = Derived { status, followed: image.followed.clone() };
        let old = Some(before.as_ref().map(|before| before.footprint.clone()).unwrap_or_default());
        let before = before.map(|before| before.stored.clone());
        let failed = image.failed.clone();
        Ok(Some(Rederived { facts, derived, before, failed, old, new, conflicts }))
    }
}

/// The rows of one table in a set that is ordered by table.
pub(super) fn rows_of(rows: &BTreeSet<RowKey>, table: TableId) -> impl Iterator<Item = RowKey> + '_ {
    rows.range(RowKey::all_of(table)).copied()
}
