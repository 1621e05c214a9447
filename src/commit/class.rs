//! Rows that have become one, as a transaction sees them: which row stands for another, with what facts,
//! and how a write decides values that are in the merged ones.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use super::WriteError;
use super::stage::Stage;
use crate::derive::{Component, Lookup, Source, is_apart, life_of, merges};
use crate::error::Error;
use crate::ids::{Dot, RowId, RowKey, TableId, UnitId};
use crate::row::{Ack, Life, Merge, MergeRule, RowState};
use crate::schema::Table;
use crate::value::Json;

impl Lookup for Stage<'_> {
    fn facts(&self, row: RowKey) -> Result<Option<Arc<RowState>>, Error> {
        Stage::facts(self, row)
    }

    fn merged_into(&self, row: RowKey) -> Result<Vec<RowId>, Error> {
        let mut rows = self.base.merged_into(row)?;
        rows.retain(|other| !self.writes.rewrites(RowKey { row: *other, ..row }));
        rows.extend(self.writes.merged_into(row));
        Ok(rows)
    }
}

impl<'a> Stage<'a> {
    /// Whether any row of the table was ever merged, and that is not undone.
    fn is_merging(&self, table: TableId) -> Result<bool, Error> {
        Ok(self.writes.merges_in(table) || self.base.merging(table)? > 0)
    }

    /// The rows that a row is connected with by merges; none in a table without any. Found once until facts
    /// change: one write asks for it several times.
    pub(super) fn component(&self, key: RowKey) -> Result<Option<Rc<Component<'a>>>, Error> {
        if !self.is_merging(key.table)? {
            return Ok(None);
        }
        if let Some(known) = self.components.borrow().get(&key) {
            return Ok(Some(Rc::clone(known)));
        }
        let component = Rc::new(Component::of(self.table(key)?, key.row, self)?);
        self.components.borrow_mut().insert(key, Rc::clone(&component));
        Ok(Some(component))
    }

    /// The row that a row has become: itself, if it was not merged.
    pub(super) fn root(&self, key: RowKey) -> Result<RowKey, Error> {
        let component = self.component(key)?;
        Ok(component.map_or(key, |component| RowKey { row: component.root(key.row), ..key }))
    }

    /// The rows that were merged into a row.
    pub(super) fn members(&self, key: RowKey) -> Result<Vec<RowId>, Error> {
        let component = self.component(key)?;
        Ok(component.map(|component| component.members(key.row).collect()).unwrap_or_default())
    }

    /// The facts of a row with those of the rows merged into it. Of a merged row its own.
    pub(super) fn class(&self, key: RowKey) -> Result<Option<Arc<RowState>>, Error> {
        match self.component(key)? {
            Some(component) if component.root(key.row) == key.row => Ok(component.state(key.row)),
            _ => self.facts(key),
        }
    }

    /// Whether a row lives: neither deleted nor merged into another.
    pub(super) fn lives(&self, key: RowKey) -> Result<bool, Error> {
        let table = self.table(key)?;
        let dead = self.facts(key)?.is_none_or(|facts| life_of(table, &facts).is_dead());
        Ok(!dead && self.root(key)? == key)
    }

    /// The facts of every row whose decisions a write of the row has seen: of the row, of those merged into
    /// it, and of those that are just becoming one with it.
    pub(super) fn seen(&self, key: RowKey) -> Result<Vec<Arc<RowState>>, Error> {
        let joining = self.joining.contains(&key.row);
        let component = self.component(key)?;
        if component.is_none() && !joining {
            return Ok(self.facts(key)?.into_iter().collect());
        }
        let mut rows: BTreeSet<RowId> =
            if joining { self.joining.clone() } else { BTreeSet::from([key.row]) };
        if let Some(component) = component {
            for row in rows.clone() {
                let root = component.root(row);
                rows.insert(root);
                rows.extend(component.members(root));
            }
        }
        let facts = rows.into_iter().map(|row| self.facts(RowKey { row, ..key }));
        Ok(facts.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect())
    }

    /// The rows that a live merge, in force or not, made one with this row, with those merged into them.
    pub(super) fn naming(&self, key: RowKey) -> Result<BTreeSet<RowId>, Error> {
        let mut rows = BTreeSet::new();
        let Some(component) = self.component(key)? else { return Ok(rows) };
        for row in self.merged_into(key)? {
            rows.insert(component.root(row));
            rows.extend(component.members(component.root(row)));
        }
        rows.remove(&key.row);
        Ok(rows)
    }

    /// Takes values in that are not of the row itself but of rows merged into it. They are not removed
    /// there, or undoing the merge would bring back a torn row: the merge absorbs them.
    pub(super) fn absorb(&mut self, root: RowKey, unit: UnitId, dots: &[Dot]) -> Result<(), Error> {
        let Some(component) = self.component(root)? else { return Ok(()) };
        for member in component.members(root.row) {
            let Some(facts) = component.facts(member) else { continue };
            let open = |dot: &Dot| dots.contains(dot) && !component.is_absorbed(member, unit, *dot);
            let taken: Vec<Dot> = facts.unit(unit).dots().filter(open).collect();
            let Some(into) = component.edge(member).filter(|_| !taken.is_empty()) else { continue };
            let (mut merge, old) = self.widened(root, facts, into, unit)?;
            let absorbed = merge.absorbed.iter().copied().chain(taken.into_iter().map(|dot| (unit, dot)));
            merge.absorbed = absorbed.collect::<BTreeSet<_>>().into_iter().collect();
            self.write_merge(RowKey { row: member, ..root }, merge, &old)?;
        }
        Ok(())
    }

    /// Takes elements out of a set that are in it because of merged rows: the merges say so.
    pub(super) fn remove_elements(
        &mut self,
        root: RowKey,
        unit: UnitId,
        elements: &BTreeSet<Json>,
    ) -> Result<(), Error> {
        let Some(component) = self.component(root)? else { return Ok(()) };
        for member in component.members(root.row) {
            let Some(facts) = component.facts(member) else { continue };
            let gone = facts.elements.of(unit).filter(|(element, _)| elements.contains(*element));
            let gone =
                gone.flat_map(|(element, added)| added.dots().map(move |dot| (unit, element.clone(), dot)));
            let open =
                |(_, element, dot): &(UnitId, Json, Dot)| !component.is_removed(member, unit, element, *dot);
            let gone: Vec<(UnitId, Json, Dot)> = gone.filter(open).collect();
            let Some(into) = component.edge(member).filter(|_| !gone.is_empty()) else { continue };
            let (mut merge, old) = self.widened(root, facts, into, unit)?;
            let removed = std::mem::take(&mut merge.removed).into_iter().chain(gone);
            merge.removed = removed.collect::<BTreeSet<_>>().into_iter().collect();
            self.write_merge(RowKey { row: member, ..root }, merge, &old)?;
        }
        Ok(())
    }

    fn write_merge(&mut self, key: RowKey, merge: Merge, old: &[Merge]) -> Result<(), Error> {
        let replaces = |life: &Life| life.merge().is_some_and(|merge| old.contains(merge));
        self.write_life(key, Life::Merged(merge), replaces)
    }

    /// The merges of a row into another as one that decides a unit, and those that it replaces.
    fn widened(
        &self,
        key: RowKey,
        facts: &RowState,
        into: RowId,
        unit: UnitId,
    ) -> Result<(Merge, Vec<Merge>), Error> {
        let same = merges(facts).map(|(_, merge)| merge).filter(|merge| merge.into == into);
        let old: Vec<Merge> = same.cloned().collect();
        let absorbed: BTreeSet<(UnitId, Dot)> = old.iter().flat_map(|m| &m.absorbed).copied().collect();
        let removed: BTreeSet<(UnitId, Json, Dot)> = old.iter().flat_map(|m| &m.removed).cloned().collect();
        let rule = if old.iter().all(|merge| merge.rule.is_some()) {
            old.iter().filter_map(|merge| merge.rule.as_ref()).next_back().cloned()
        } else {
            None
        };
        // Who decides a key of the class knows that the rows are one, and no longer because of a rule.
        let table = self.table(key)?;
        let rule = rule.filter(|rule| !holds_key(table, unit, rule));
        let (absorbed, removed) = (absorbed.into_iter().collect(), removed.into_iter().collect());
        let merge = Merge { into, absorbed, removed, rule };
        Ok((merge, old))
    }

    /// Says that a row lives, and is or is not another than some rows. Decisions to stay apart that were
    /// made before go on, but for those about rows that `forgets` names.
    pub(super) fn live_on(
        &mut self,
        key: RowKey,
        apart: &BTreeSet<RowId>,
        forgets: &BTreeSet<RowId>,
    ) -> Result<(), Error> {
        let facts = self.facts(key)?;
        let mut all = apart.clone();
        for sibling in facts.iter().flat_map(|facts| facts.life.iter()) {
            if let Life::Alive { apart } = &sibling.value {
                all.extend(apart);
            }
        }
        let apart = all.difference(forgets).copied().filter(|other| *other != key.row).collect();
        drop(facts);
        self.write_life(key, Life::Alive { apart }, Life::is_alive)
    }

    /// Whoever deletes a row knows what was changed in those merged into it, and deletes that too.
    pub(super) fn settle_life(&mut self, member: RowKey) -> Result<(), Error> {
        let facts = self.facts(member)?;
        let alive = facts.iter().flat_map(|facts| facts.life.iter()).filter(|s| s.value.is_alive());
        let alive: Vec<Dot> = alive.map(|sibling| sibling.stamp.dot).collect();
        if alive.is_empty() {
            return Ok(());
        }
        drop(facts);
        self.write_ack(member, Ack::REMOVAL)?;
        self.edit(member, |facts| alive.iter().for_each(|dot| facts.life.remove(*dot)))
    }

    /// Takes back what rows say of staying apart from each other.
    pub(super) fn reunite(&mut self, table: TableId, rows: &BTreeSet<RowId>) -> Result<(), WriteError> {
        for row in rows {
            let key = RowKey { table, row: *row };
            let Some(facts) = self.facts(key)? else { continue };
            if !rows.iter().any(|other| is_apart(&facts, *other)) {
                continue;
            }
            if self.root(key)? == key {
                self.live_on(key, &BTreeSet::new(), rows)?;
                continue;
            }
            // Of a merged row nothing else hangs on its being alive.
            let names = |life: &Life| matches!(life, Life::Alive { apart } if apart.iter().any(|other| rows.contains(other)));
            let named = facts.life.iter().filter(|sibling| names(&sibling.value));
            let named: Vec<Dot> = named.map(|sibling| sibling.stamp.dot).collect();
            self.write_ack(key, Ack::REMOVAL)?;
            self.edit(key, |facts| named.iter().for_each(|dot| facts.life.remove(*dot)))?;
        }
        Ok(())
    }
}

/// Whether a unit holds columns of the key of a rule.
fn holds_key(table: &Table, unit: UnitId, rule: &MergeRule) -> bool {
    table.key(rule.key).is_some_and(|key| table.units_of(&key.columns).contains(&unit))
}
