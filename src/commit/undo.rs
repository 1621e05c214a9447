//! Taking a resolution back: an ordinary write that puts the values back which the resolution replaced, so
//! that the conflict is open again with both sides.
//!
//! Both sides have to be live beside each other, and one change cannot write two values of one unit. So the
//! transaction makes several changes of a row: the losers by the first ones, the winners by the last, which
//! is the greatest. That the conflict has a new id follows: its losing change is a new one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::WriteError;
use super::restored::{
    Changed, Restored, added, altered, check_marks, class_before, new_dismissals, restored_life,
    restored_units,
};
use super::savepoints::Mark;
use super::stage::Stage;
use crate::derive::{Delta, Status, winner};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{ConflictId, Dot, RowKey, UnitId};
use crate::row::{Ack, Altered, Life, Resolved, RowState, Sibling, UnitValue};
use crate::schema::Table;
use crate::value::Json;

/// What each unit of a row gets back.
type Units = BTreeMap<UnitId, Restored<UnitValue>>;

/// A resolution of the transaction.
#[derive(Debug)]
pub(super) struct Settled {
    /// The place in the transaction where it begins.
    pub(super) depth: usize,
    conflict: ConflictId,
    /// The rows that it wrote.
    rows: Vec<Touched>,
}

/// A row that a resolution wrote.
#[derive(Debug)]
pub(super) struct Touched {
    pub(super) key: RowKey,
    pub(super) was_visible: bool,
    pub(super) before: Arc<RowState>,
    pub(super) after: Arc<RowState>,
}

impl Stage<'_> {
    /// Remembers what the resolution that began at `mark` wrote.
    pub(super) fn remember_resolution(&mut self, conflict: ConflictId, mark: Mark) -> Result<(), Error> {
        let mut rows = Vec::new();
        for (key, staged) in self.writes.written_since(mark) {
            let before = match staged.and_then(|staged| staged.facts.clone()) {
                Some(facts) => Some(facts),
                None => self.before(key)?.map(|stored| stored.facts),
            };
            let after = self.writes.facts(key).cloned();
            let (Some(before), Some(after)) = (before, after) else { continue };
            let was_visible = match staged {
                Some(staged) => staged.shown.is_some(),
                None => self.visible_before(key)?.is_some(),
            };
            if before != after {
                rows.push(Touched { key, was_visible, before, after });
            }
        }
        let Mark(depth) = mark;
        rows.sort_unstable_by_key(|touched| touched.key);
        self.writes.settled.push(Settled { depth, conflict, rows });
        Ok(())
    }

    /// What the resolutions of the transaction did, as it is stored with the commit.
    pub(super) fn resolved(&self, delta: &Delta) -> BTreeMap<ConflictId, Resolved> {
        let parked = |status: Status| status == Status::Parked;
        let returned = || {
            let before = |key: &RowKey| delta.get(key).and_then(|row| row.before.as_ref());
            let returns = delta.iter().filter(move |(key, row)| {
                row.derived.status == Status::Visible
                    && before(key).is_some_and(|stored| parked(stored.derived.status))
            });
            returns.map(|(key, _)| *key).collect()
        };
        let resolved = self.writes.settled.iter().map(|settled| {
            let rows = settled.rows.iter().filter_map(|touched| {
                let facts = self.writes.facts(touched.key)?;
                Some(altered(touched, facts))
            });
            (settled.conflict, Resolved { rows: rows.collect(), returned: returned() })
        });
        resolved.collect()
    }

    /// Takes back this replica's last resolution of a conflict: the conflict is open again, with both
    /// sides. What the resolution wrote must not have been changed since.
    pub fn undo(&mut self, id: ConflictId) -> Result<(), WriteError> {
        let Mark(depth) = self.writes.mark();
        let resolved = self.resolution_of(id)?;
        for row in &resolved.rows {
            self.put_back(id, row, &resolved.rows)?;
        }
        for row in &resolved.rows {
            self.show_again(row)?;
        }
        let altered = |key: &RowKey| resolved.rows.iter().any(|row| row.key == *key);
        for key in resolved.returned.iter().filter(|key| !altered(key)) {
            self.show(*key, None)?;
            self.yields(*key);
        }
        self.writes.undone.push((depth, id));
        Ok(())
    }

    /// What this replica's last resolution of a conflict did.
    fn resolution_of(&self, id: ConflictId) -> Result<Resolved, WriteError> {
        let refused = |reason: &str| WriteError::NotUndone { conflict: id, reason: reason.to_string() };
        if self.base.row_of_conflict(id)?.is_some() {
            return Err(refused("it is open: there is nothing to take back"));
        }
        if self.writes.undone.iter().any(|(_, undone)| *undone == id) {
            return Err(refused("this transaction has taken its resolution back"));
        }
        let Some(closed) = self.base.closed(id)? else {
            return Err(refused("it was never open here, or so long ago that it is not remembered"));
        };
        let by = self.base.author_of(closed.by);
        let other =
            || format!("replica {by} closed it, and only a resolution of this replica can be taken back");
        closed.resolved.ok_or_else(|| refused(&other()))
    }

    /// Writes back the values of one row that the resolution replaced.
    fn put_back(&mut self, id: ConflictId, row: &Altered, all: &[Altered]) -> Result<(), WriteError> {
        let (key, table) = (row.key, self.table(row.key)?);
        let Some(now) = self.facts(key)? else { return Err(self.no_such_row(table, key)) };
        let changed = |Changed| WriteError::NotUndone {
            conflict: id,
            reason: format!("row {} of table {} was changed since: settle it anew", key.row, table.name),
        };
        let life = restored_life(table, row, &now).map_err(changed)?;
        let class = class_before(row, all, |row| {
            let component = self.component(row)?;
            Ok(component
                .and_then(|component| component.edge(row.row))
                .map(|into| RowKey { row: into, ..row }))
        })?;
        let units = restored_units(table, row, &class, &now).map_err(changed)?;
        check_marks(row, &now).map_err(changed)?;
        let changes = units.values().map(|unit| unit.values.len()).chain([life.values.len()]).max();
        for change in (0..changes.unwrap_or(0)).rev() {
            if !planted(Bug::UndoInOneChange) {
                self.writes.next_change(key);
            }
            self.put_life(table, row, &life, &units, change)?;
            for (unit, restored) in &units {
                self.put_unit(key, *unit, restored, change)?;
            }
        }
        for (unit, restored) in units.iter().filter(|(_, restored)| restored.values.is_empty()) {
            self.write_ack(key, Ack::REMOVAL)?;
            self.edit(key, |facts| {
                restored.replaces.iter().for_each(|dot| facts.remove_from_unit(*unit, *dot));
            })?;
        }
        self.put_elements_back(row)?;
        self.put_marks_back(row)
    }

    /// Writes the value of the life that is `change` before its last one.
    fn put_life(
        &mut self,
        table: &Table,
        row: &Altered,
        life: &Restored<Life>,
        units: &Units,
        change: usize,
    ) -> Result<(), WriteError> {
        let Some(place) = life.values.len().checked_sub(change + 1) else { return Ok(()) };
        let Some(sibling) = life.values.get(place) else { return Ok(()) };
        let key = row.key;
        let dot = self.dot(key)?;
        let Some(facts) = self.facts(key)? else { return Ok(()) };
        let stamp = self.stamp(key, dot, |facts| &facts.life)?;
        let replaces = if place == 0 { life.replaces.as_slice() } else { &[] };
        self.edit(key, |facts| facts.write_life(stamp, sibling.value.clone(), replaces))?;
        if change == 0 {
            return Ok(());
        }
        // The conflict names the columns that the losing change wrote: they are its own again.
        for unit in table.units.iter().filter(|unit| !units.contains_key(&unit.id)) {
            let wrote = winner(table, row.before.unit(unit.id));
            let own = wrote.is_some_and(|winner| winner.stamp.dot == sibling.stamp.dot);
            let siblings = facts.unit(unit.id);
            let Some(shown) = winner(table, siblings).filter(|_| own) else { continue };
            let (value, replaces) = (shown.value.clone(), self.visible_dots(table, unit, &facts)?);
            self.write_unit(key, unit.id, value, &replaces)?;
        }
        Ok(())
    }

    /// Writes the value of a unit that is `change` before its last one.
    fn put_unit(
        &mut self,
        key: RowKey,
        unit: UnitId,
        restored: &Restored<UnitValue>,
        change: usize,
    ) -> Result<(), WriteError> {
        let Some(place) = restored.values.len().checked_sub(change + 1) else { return Ok(()) };
        let Some(sibling) = restored.values.get(place) else { return Ok(()) };
        let dot = self.dot(key)?;
        let stamp = self.stamp(key, dot, |facts| facts.unit(unit))?;
        let replaces = if place == 0 { restored.replaces.as_slice() } else { &[] };
        let value = sibling.value.clone();
        self.edit(key, |facts| facts.write_unit(unit, stamp, value, replaces))?;
        // The value names the rows that its references mean.
        self.writes.meaning.insert(key);
        let table = self.table(key)?;
        for foreign_key in table.foreign_keys_of_unit(unit) {
            self.writes.pending.remove(&(key, foreign_key.id));
        }
        Ok(())
    }

    /// Adds the elements of sets that the resolution removed, and removes those that it added.
    fn put_elements_back(&mut self, row: &Altered) -> Result<(), WriteError> {
        let missing = |from: &RowState, other: &RowState| -> Vec<(UnitId, Json)> {
            let elements = from.elements.iter().map(|(unit, element, _)| (unit, element.clone()));
            elements.filter(|(unit, element)| other.elements.get(*unit, element).is_empty()).collect()
        };
        let (removed, added) = (missing(&row.before, &row.after), missing(&row.after, &row.before));
        if removed.is_empty() && added.is_empty() {
            return Ok(());
        }
        self.write_ack(row.key, Ack::REMOVAL)?;
        let stamp = self.own_stamp(row.key)?;
        self.edit(row.key, |facts| {
            added.iter().for_each(|(unit, element)| facts.elements.remove(*unit, element));
            removed.into_iter().for_each(|(unit, element)| facts.add_element(unit, element, stamp));
        })?;
        Ok(())
    }

    /// Removes the boost and the dismissals that the resolution wrote.
    fn put_marks_back(&mut self, row: &Altered) -> Result<(), WriteError> {
        let boosts: Vec<Dot> = added(&row.before.boost, &row.after.boost).collect();
        let dismissed = new_dismissals(row);
        if boosts.is_empty() && dismissed.is_empty() {
            return Ok(());
        }
        self.write_ack(row.key, Ack::REMOVAL)?;
        let dot = self.dot(row.key)?;
        self.edit(row.key, |facts| {
            boosts.iter().for_each(|boost| facts.boost.remove(*boost));
            let acks: Vec<Sibling<Ack>> = facts.acks.iter().cloned().collect();
            for ack in acks.into_iter().filter(|ack| ack.value.0.iter().any(|id| dismissed.contains(id))) {
                facts.acks.remove(ack.stamp.dot);
                let kept = ack.value.0.iter().filter(|id| !dismissed.contains(id)).copied().collect();
                if let Some(own) = facts.acks.get(dot).cloned() {
                    facts.write_ack(own.stamp, Ack(kept));
                }
            }
        })?;
        Ok(())
    }

    /// Shows a row as it was before the resolution: if it was visible then, it has to be again.
    fn show_again(&mut self, row: &Altered) -> Result<(), WriteError> {
        let (key, table) = (row.key, self.table(row.key)?);
        let Some(facts) = self.class(key)? else { return Ok(()) };
        let alive = self.lives(key)?;
        if row.was_visible && alive {
            self.writes.set_gone(key, false);
            self.show(key, Some(self.values(table, &facts)?.into()))?;
            self.owns(key);
            return self.show_followers(table, key);
        }
        self.show(key, None)?;
        self.yields(key);
        if !alive {
            self.writes.set_gone(key, true);
        }
        Ok(())
    }

    fn yields(&mut self, key: RowKey) {
        self.writes.set_own(key, false);
        self.writes.preferred.remove(&key);
        self.writes.yielding.insert(key);
    }
}
