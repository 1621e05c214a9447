//! Merging rows: one row becomes another. What refers to it refers to that, and what is changed in it
//! elsewhere arrives there.

use std::collections::BTreeSet;

use super::WriteError;
use super::stage::Stage;
use crate::derive::{says_the_same, winner};
use crate::error::Error;
use crate::ids::{Dot, RowId, RowKey, UnitId};
use crate::row::{Life, Merge, Siblings, UnitValue};
use crate::schema::{ColumnRule, Table, Unit};
use crate::value::Value;

impl Stage<'_> {
    /// Merges a row, visible or parked, into a visible one. The survivor keeps its values, and takes those
    /// of the other where it has nothing but `Null` in a unit.
    pub fn merge(&mut self, from: RowKey, into: RowKey) -> Result<(), WriteError> {
        let table = self.table(from)?;
        if !self.lives(from)? {
            return Err(self.no_such_row(table, from));
        }
        if self.visible(into)?.is_none() {
            return Err(self.no_such_row(table, into));
        }
        if from.table != into.table || from == into {
            return Err(self.not_applicable(
                table,
                from,
                "a row can be merged into another of its table only",
            ));
        }
        self.join(table, from, into)
    }

    /// Merges a row into another. It may be part of a third one: then it leaves that.
    pub(super) fn join(&mut self, table: &Table, from: RowKey, into: RowKey) -> Result<(), WriteError> {
        let before = self.visible(from)?;
        let mut both = BTreeSet::from([from.row, into.row]);
        both.extend(self.members(from)?);
        both.extend(self.members(into)?);
        self.joining = both.clone();
        let mut absorbed = Vec::new();
        // The key that names a row comes from no other row.
        for unit in table.units.iter().filter(|unit| Some(unit.id) != table.natural_unit()) {
            self.join_unit(table, unit, from, into, &mut absorbed)?;
        }
        let apart = self.apart_of(from)?;
        self.live_on(into, &apart, &both)?;
        self.show_class(table, into)?;
        if let (Some(before), Some(after)) = (&before, self.visible(into)?) {
            self.key_changed(table, from, before, &after)?;
        }
        absorbed.sort_unstable();
        let merge = Merge { into: into.row, absorbed, removed: Vec::new(), rule: None };
        self.write_life(from, Life::Merged(merge), |_| true)?;
        self.reunite(table.id, &both)?;
        self.joining.clear();
        self.settle_references(from)?;
        self.leave(from)?;
        self.owns(into);
        // What referred to a row that was not visible showed the key of another.
        if before.is_none() { self.show_followers(table, into) } else { Ok(()) }
    }

    /// Decides a unit of two rows that become one. Where they simply agree there is nothing to decide.
    fn join_unit(
        &mut self,
        table: &Table,
        unit: &Unit,
        from: RowKey,
        into: RowKey,
        absorbed: &mut Vec<(UnitId, Dot)>,
    ) -> Result<(), WriteError> {
        let (Some(old), Some(new), Some(own)) = (self.class(from)?, self.class(into)?, self.facts(from)?)
        else {
            return Ok(());
        };
        let rule = table.rule_of(unit);
        if rule.is_joined() {
            // What counts together stays where it is, and goes on counting.
            return Ok(());
        }
        let gone = self.visible_dots(table, unit, &old)?;
        let replaces = self.visible_dots(table, unit, &new)?;
        let (old, new) = (old.unit(unit.id), new.unit(unit.id));
        let its = own.unit(unit.id);
        absorbed.extend(gone.iter().filter(|dot| its.contains(**dot)).map(|dot| (unit.id, *dot)));
        self.absorb(from, unit.id, &gone)?;
        if rule == ColumnRule::Sum {
            // Going on from what one of them was assigned, the row counts what was added to both.
            let Some(assigned) = winner(table, new).or(winner(table, old)) else { return Ok(()) };
            return Ok(self.write_unit(into, unit.id, assigned.value.clone(), &replaces)?);
        }
        let (its, kept) = (value(table, unit, old), value(table, unit, new));
        let nothing = kept.columns.iter().all(Value::is_null);
        let roots = self.roots(table, unit, [&its, &kept].into_iter())?;
        let agree = says_the_same(table, unit, &roots, &its, &kept) && old.len() <= 1;
        if agree || (old.is_empty() && !nothing) {
            return Ok(());
        }
        if nothing {
            self.carry_references(table, unit, from, into);
        }
        let chosen = if nothing { its } else { kept };
        Ok(self.write_unit(into, unit.id, chosen, &replaces)?)
    }

    /// A reference that this transaction wrote, and of which the parent is still to be looked up, is looked
    /// up for the row that takes it over.
    fn carry_references(&mut self, table: &Table, unit: &Unit, from: RowKey, into: RowKey) {
        self.writes.remember(into);
        for foreign_key in table.foreign_keys_of_unit(unit.id) {
            if self.writes.pending.contains(&(from, foreign_key.id)) {
                self.writes.pending.insert((into, foreign_key.id));
            } else {
                self.writes.pending.remove(&(into, foreign_key.id));
            }
        }
    }

    /// The rows from which a row was decided to stay apart.
    pub(super) fn apart_of(&self, key: RowKey) -> Result<BTreeSet<RowId>, Error> {
        let facts = self.facts(key)?;
        let lives = facts.iter().flat_map(|facts| facts.life.iter());
        let apart = lives.filter_map(|sibling| match &sibling.value {
            Life::Alive { apart } => Some(apart.clone()),
            _ => None,
        });
        Ok(apart.flatten().collect())
    }

    /// Takes a row out of its table.
    pub(super) fn leave(&mut self, key: RowKey) -> Result<(), WriteError> {
        self.show(key, None)?;
        self.writes.set_own(key, false);
        self.writes.preferred.remove(&key);
        self.writes.set_gone(key, true);
        Ok(())
    }

    /// Shows a row as its facts and those of the rows merged into it have it.
    pub(super) fn show_class(&mut self, table: &Table, key: RowKey) -> Result<(), WriteError> {
        let Some(class) = self.class(key)? else { return Ok(()) };
        let shown = self.values(table, &class)?;
        self.show(key, Some(shown.into()))
    }
}

/// What a unit shows: its winner, or the default.
fn value(table: &Table, unit: &Unit, siblings: &Siblings<UnitValue>) -> UnitValue {
    match winner(table, siblings) {
        Some(sibling) => sibling.value.clone(),
        None => UnitValue { columns: super::rows::defaults(table, unit), ..UnitValue::default() },
    }
}
