//! L2 in a derivation: which rows a change of facts makes one, or two again; and the same over a state at
//! rest, for readers.
//!
//! Tables without a single merge pay one look at a count.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::identity::{Component, Lookup, merges};
use super::pass::Pass;
use super::{Source, Status};
use crate::error::Error;
use crate::ids::{RowId, RowKey, TableId};
use crate::row::RowState;
use crate::schema::Schema;

/// A row with those merged into it.
///
/// ```
/// # use reunite::{Database, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let db = Database::builder().sql(sql)?.in_memory()?;
/// let (ann, anna) = db.write(|tx| {
///     let mut customers = tx.table("customer")?;
///     Ok::<_, reunite::WriteError>((customers.insert(row! { code: "ANN" })?, customers.insert(row! { code: "ANNA" })?))
/// })?;
/// db.write(|tx| tx.table("customer")?.merge(anna, ann))?;
/// let inspected = db.read()?.inspect("customer", anna)?.ok_or("nothing is known of it")?;
/// assert_eq!(inspected.class.root.row, ann);
/// assert_eq!(inspected.class.members, [anna]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Class {
    /// The surviving row.
    pub root: RowKey,
    /// Its facts, with the siblings of the merged rows that no merge has absorbed.
    pub facts: Arc<RowState>,
    /// The merged rows, ascending.
    pub members: Vec<RowId>,
}

/// The class that a stored row belongs to; none if it is not known.
///
/// # Errors
/// If the source fails.
pub(crate) fn class_of<S: Source + ?Sized>(
    schema: &Schema,
    source: &S,
    key: RowKey,
) -> Result<Option<Class>, Error> {
    let Some(component) = component_of(schema, source, key)? else {
        let stored = source.row(key)?;
        return Ok(stored.map(|stored| Class { root: key, facts: stored.facts, members: Vec::new() }));
    };
    let row = component.root(key.row);
    let members = component.members(row).collect();
    Ok(component.state(row).map(|facts| Class { root: RowKey { row, ..key }, facts, members }))
}

/// The rows that are connected with a stored row by merges; none in a table without any.
///
/// # Errors
/// If the source fails.
pub(crate) fn component_of<'s, S: Source + ?Sized>(
    schema: &'s Schema,
    source: &S,
    key: RowKey,
) -> Result<Option<Component<'s>>, Error> {
    match schema.table_by_id(key.table) {
        Some(table) if source.merging(key.table)? > 0 => {
            Component::of(table, key.row, &Resting(source)).map(Some)
        }
        _ => Ok(None),
    }
}

/// A state at rest.
struct Resting<'s, S: ?Sized>(&'s S);

impl<S: Source + ?Sized> Lookup for Resting<'_, S> {
    fn facts(&self, row: RowKey) -> Result<Option<Arc<RowState>>, Error> {
        Ok(self.0.row(row)?.map(|stored| stored.facts))
    }

    fn merged_into(&self, row: RowKey) -> Result<Vec<RowId>, Error> {
        self.0.merged_into(row)
    }
}

/// A state with changes over it.
struct Changed<'s, S: ?Sized> {
    source: &'s S,
    changed: &'s BTreeMap<RowKey, Arc<RowState>>,
    /// The changed rows that name a row as the survivor.
    naming: &'s BTreeMap<RowKey, BTreeSet<RowId>>,
}

impl<S: Source + ?Sized> Lookup for Changed<'_, S> {
    fn facts(&self, row: RowKey) -> Result<Option<Arc<RowState>>, Error> {
        match self.changed.get(&row) {
            Some(facts) => Ok(Some(Arc::clone(facts))),
            None => Resting(self.source).facts(row),
        }
    }

    fn merged_into(&self, row: RowKey) -> Result<Vec<RowId>, Error> {
        let mut rows = self.source.merged_into(row)?;
        rows.retain(|other| !self.changed.contains_key(&RowKey { row: *other, ..row }));
        rows.extend(self.naming.get(&row).into_iter().flatten());
        Ok(rows)
    }
}

/// What a derivation knows of identity.
pub(super) struct Classes<'a> {
    /// The connected rows of every row that a change can affect, after the changes.
    new: BTreeMap<RowKey, Arc<Component<'a>>>,
    /// The same before the changes, of rows that were looked at.
    old: BTreeMap<RowKey, Arc<Component<'a>>>,
    /// The states of surviving rows after the changes.
    states: BTreeMap<RowKey, Arc<RowState>>,
    /// Whether a table had merges before.
    merging: BTreeMap<TableId, bool>,
}

impl Classes<'_> {
    pub(super) fn new() -> Self {
        let (new, old) = (BTreeMap::new(), BTreeMap::new());
        Classes { new, old, states: BTreeMap::new(), merging: BTreeMap::new() }
    }
}

impl<'a, S: Source + ?Sized> Pass<'a, S> {
    /// Finds what the changed rows are connected with, before and after. All of it is imaged.
    pub(super) fn identify(&mut self) -> Result<(), Error> {
        let mut todo = Vec::new();
        for (key, facts) in self.changed {
            if self.is_merging(key.table)? || merges(facts).next().is_some() {
                todo.push(*key);
            }
        }
        self.identify_rows(todo)
    }

    /// Finds anew what these rows are connected with.
    pub(super) fn identify_rows(&mut self, mut todo: Vec<RowKey>) -> Result<(), Error> {
        let mut naming: BTreeMap<RowKey, BTreeSet<RowId>> = BTreeMap::new();
        for (key, facts) in self.changed {
            for (_, merge) in merges(facts) {
                naming.entry(RowKey { row: merge.into, ..*key }).or_default().insert(key.row);
            }
        }
        while let Some(key) = todo.pop() {
            let Some(table) = self.schema.table_by_id(key.table) else { continue };
            if self.classes.new.contains_key(&key) {
                continue;
            }
            let lookup = Changed { source: self.source, changed: self.changed, naming: &naming };
            let component = Arc::new(Component::of(table, key.row, &lookup)?);
            for (row, _) in component.rows() {
                let key = RowKey { row, ..key };
                self.imaged.insert(key);
                self.classes.new.insert(key, Arc::clone(&component));
                // What it was connected with before may have come apart.
                let old = self.old_component(key)?;
                let old = old.iter().flat_map(|old| old.rows().map(|(row, _)| RowKey { row, ..key }));
                todo.extend(old.filter(|old| !self.classes.new.contains_key(old)));
            }
        }
        Ok(())
    }

    fn is_merging(&mut self, table: TableId) -> Result<bool, Error> {
        if let Some(merging) = self.classes.merging.get(&table) {
            return Ok(*merging);
        }
        let merging = self.source.merging(table)? > 0;
        self.classes.merging.insert(table, merging);
        Ok(merging)
    }

    /// The rows that a row was connected with before the changes; none in a table without merges.
    pub(super) fn old_component(&mut self, key: RowKey) -> Result<Option<Arc<Component<'a>>>, Error> {
        if let Some(known) = self.classes.old.get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        if !self.is_merging(key.table)? {
            return Ok(None);
        }
        let component = component_of(self.schema, self.source, key)?.map(Arc::new);
        if let Some(component) = &component {
            for (row, _) in component.rows() {
                self.classes.old.insert(RowKey { row, ..key }, Arc::clone(component));
            }
        }
        Ok(component)
    }

    /// The rows that a row is connected with; none if nothing was ever merged with it.
    pub(super) fn connected(&mut self, key: RowKey) -> Result<Option<Arc<Component<'a>>>, Error> {
        match self.classes.new.get(&key) {
            Some(component) => Ok(Some(Arc::clone(component))),
            None => self.old_component(key),
        }
    }

    /// What a row has become: itself, if it was not merged.
    pub(super) fn root(&mut self, key: RowKey) -> Result<RowId, Error> {
        match self.classes.new.get(&key) {
            Some(component) => Ok(component.root(key.row)),
            None => self.old_root(key),
        }
    }

    /// What a row had become before the changes.
    pub(super) fn old_root(&mut self, key: RowKey) -> Result<RowId, Error> {
        if !self.is_merging(key.table)? {
            return Ok(key.row);
        }
        let merged = self.source.row(key)?.is_some_and(|stored| stored.derived.status == Status::Merged);
        let component = if merged { self.old_component(key)? } else { None };
        Ok(component.map_or(key.row, |component| component.root(key.row)))
    }

    /// The facts of a row, with those of the rows merged into it. Of a merged row its own.
    pub(super) fn facts(&mut self, key: RowKey) -> Result<Option<Arc<RowState>>, Error> {
        let Some(component) = self.classes.new.get(&key) else {
            if let Some(facts) = self.changed.get(&key) {
                return Ok(Some(Arc::clone(facts)));
            }
            return Ok(self.before(key)?.map(|before| Arc::clone(&before.facts)));
        };
        if component.root(key.row) != key.row {
            return Ok(component.facts(key.row).cloned());
        }
        if let Some(state) = self.classes.states.get(&key) {
            return Ok(Some(Arc::clone(state)));
        }
        let state = component.state(key.row);
        self.classes.states.extend(state.clone().map(|state| (key, state)));
        Ok(state)
    }
}
