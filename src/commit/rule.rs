//! The rule for local commits, and the boosts that make it hold.
//!
//! Let S be the rows visible before, minus those the commit takes away, plus its own. If S breaks a
//! constraint by itself, which is what SQL would check, the commit is refused. Otherwise it succeeds,
//! and S is what is visible afterwards: rows of S that a parked row would now displace are boosted in
//! the same commit. Boosting to the fixpoint always succeeds, for all of S on top of the rank is
//! consistent and closed under parents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::WriteError;
use super::stage::Stage;
use crate::derive::{Delta, Key, Rederived, Status, Stored, derive};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{ConstraintId, RowId, RowKey};
use crate::row::{Life, RowState};
use crate::schema::{Table, UniqueKey};
use crate::value::Value;

impl Stage<'_> {
    /// Derives what the transaction does, and boosts what it would displace; or refuses it.
    pub(super) fn settle(&mut self) -> Result<Delta, WriteError> {
        let yielding = self.yielding()?;
        let mut boosted = BTreeSet::new();
        loop {
            let delta = derive(self.schema(), &self.writes.before.of(self.base), &self.changed())?;
            let displaced: Vec<RowKey> = delta
                .iter()
                .filter(|(key, row)| {
                    row.derived.status != Status::Visible && self.wants(**key, row, &yielding)
                })
                .map(|(key, _)| *key)
                .collect();
            if displaced.is_empty() {
                return Ok(delta);
            }
            let bystanders_only = || displaced.iter().all(|key| !self.writes.owns(*key));
            if planted(Bug::BystandersUnchecked) && bystanders_only() {
                return Ok(delta);
            }
            if self.take_out(&delta, &displaced)? {
                continue;
            }
            self.check(&delta, &yielding)?;
            if planted(Bug::NoBoost) {
                return Ok(delta);
            }
            let fresh: Vec<RowKey> = displaced.iter().copied().filter(|key| boosted.insert(*key)).collect();
            debug_assert!(!fresh.is_empty(), "boosting must succeed: {displaced:?}");
            if fresh.is_empty() {
                return Err(Error::corrupt("rows that break no constraint cannot be shown: run check").into());
            }
            for key in fresh {
                if !self.writes.preferred.contains(&key) {
                    self.write_boost(key)?;
                }
            }
        }
    }

    /// A row that must stay may have a merge that nobody asked for now: it was void, and what the transaction
    /// does would bring it into force. That row lives by itself from now on. Says whether there is any.
    fn take_out(&mut self, delta: &Delta, displaced: &[RowKey]) -> Result<bool, Error> {
        let merged = |key: &&RowKey| delta.get(key).is_some_and(|row| row.derived.status == Status::Merged);
        let merged: Vec<RowKey> = displaced.iter().filter(merged).copied().collect();
        for key in &merged {
            let apart = self.apart_of(*key)?.into_iter().collect();
            self.write_life(*key, Life::Alive { apart }, |_| true)?;
        }
        Ok(!merged.is_empty())
    }

    /// The new facts of every row that was written.
    pub(super) fn changed(&self) -> BTreeMap<RowKey, Arc<RowState>> {
        let facts = self.writes.all_staged().filter_map(|(key, staged)| Some((key, staged.facts.clone()?)));
        facts.collect()
    }

    /// The rows that a preference parks: those that it displaces by itself, and those that hold a key of
    /// the preferred row. To park them is what the user asked for; as it is with the rows that only a
    /// resolution had shown, when that is taken back.
    fn yielding(&self) -> Result<BTreeSet<RowKey>, WriteError> {
        let mut yielding = self.writes.yielding.clone();
        let mut boosts = BTreeMap::new();
        for key in &self.writes.preferred {
            let staged = self.writes.facts(*key);
            if let (Some(stored), Some(staged)) = (self.before(*key)?, staged) {
                let mut facts = (*stored.facts).clone();
                facts.boost = staged.boost.clone();
                boosts.insert(*key, Arc::new(facts));
            }
        }
        if boosts.is_empty() {
            return Ok(yielding);
        }
        let alone = derive(self.schema(), &self.writes.before.of(self.base), &boosts)?;
        for (key, row) in &alone {
            let table = self.table(*key)?;
            if self.writes.preferred.contains(key) {
                for (unique, value) in table.keys.iter().zip(&row.new.keys) {
                    let Some(value) = value else { continue };
                    let holder = self.base.holder(unique.id, value)?;
                    yielding.extend(holder.map(|row| RowKey { row, ..*key }));
                }
            } else if row.derived.status != Status::Visible {
                yielding.insert(*key);
            }
        }
        Ok(yielding.difference(&self.writes.preferred).copied().collect())
    }

    /// Whether a row has to be visible after the commit: S of the rule.
    fn wants(&self, key: RowKey, row: &Rederived, yielding: &BTreeSet<RowKey>) -> bool {
        let stays = row.before.as_ref().is_some_and(|stored| stored.derived.status == Status::Visible)
            && !self.writes.takes_away(key)
            && !yielding.contains(&key);
        stays || self.writes.owns(key)
    }

    /// Would the rows that have to be visible satisfy every constraint among themselves?
    fn check(&self, delta: &Delta, yielding: &BTreeSet<RowKey>) -> Result<(), WriteError> {
        let mut claims: BTreeMap<(ConstraintId, &Key), BTreeSet<RowId>> = BTreeMap::new();
        for (key, row) in delta.iter().filter(|(key, row)| self.wants(**key, row, yielding)) {
            let table = self.table(*key)?;
            for (unique, value) in table.keys.iter().zip(&row.new.keys) {
                if let Some(value) = value {
                    claims.entry((unique.id, value)).or_default().insert(key.row);
                }
            }
        }
        let wanted = || {
            let own_first = [true, false].into_iter();
            own_first.flat_map(|own| {
                delta.iter().filter(move |(key, row)| {
                    self.wants(**key, row, yielding) && self.writes.owns(**key) == own
                })
            })
        };
        for (key, row) in wanted() {
            self.check_row(*key, row)?;
            self.check_keys(*key, row, delta, &claims)?;
        }
        for (key, row) in wanted() {
            self.check_parents(*key, row, delta, &claims)?;
        }
        Ok(())
    }

    fn check_row(&self, key: RowKey, row: &Rederived) -> Result<(), WriteError> {
        let table = self.table(key)?;
        match row.derived.status {
            Status::Dead => return Err(self.not_applicable(table, key, "the row is deleted")),
            Status::Merged => return Err(self.not_applicable(table, key, "the row is merged into another")),
            Status::Visible | Status::Parked => {}
        }
        let Some(failed) = row.failed.first().copied() else { return Ok(()) };
        match table.checks.iter().find(|check| check.id == failed) {
            Some(check) => {
                let name =
                    |column: usize| table.columns.get(column).map_or_else(String::new, |c| c.name.clone());
                Err(WriteError::CheckFailed {
                    table: table.name.clone(),
                    row: key.row,
                    constraint: check.name.clone(),
                    rule: check.rule.to_sql(&name),
                })
            }
            None => {
                let column = table.columns.iter().find(|column| column.id.0 == failed.0);
                let column = column.map_or_else(String::new, |column| column.name.clone());
                Err(WriteError::NotNull { table: table.name.clone(), column })
            }
        }
    }

    fn check_keys(
        &self,
        key: RowKey,
        row: &Rederived,
        delta: &Delta,
        claims: &BTreeMap<(ConstraintId, &Key), BTreeSet<RowId>>,
    ) -> Result<(), WriteError> {
        let table = self.table(key)?;
        for (unique, value) in table.keys.iter().zip(&row.new.keys) {
            let Some(value) = value else { continue };
            let staged = claims.get(&(unique.id, value)).into_iter().flatten().copied();
            let rival = match staged.filter(|other| *other != key.row).min() {
                Some(rival) => Some(rival),
                None => self.untouched_holder(table, unique.id, value, delta)?,
            };
            if let Some(holder) = rival {
                return Err(duplicate_key(table, unique, &shown(table, row), key.row, holder));
            }
        }
        Ok(())
    }

    fn check_parents(
        &self,
        key: RowKey,
        row: &Rederived,
        delta: &Delta,
        claims: &BTreeMap<(ConstraintId, &Key), BTreeSet<RowId>>,
    ) -> Result<(), WriteError> {
        let table = self.table(key)?;
        for (foreign_key, need) in table.foreign_keys.iter().zip(&row.new.references) {
            let Some(need) = need else { continue };
            let found = match &need.key {
                Some(value) => {
                    let parent = self.table(RowKey { table: foreign_key.parent, ..key })?;
                    claims.contains_key(&(foreign_key.key, value))
                        || self.untouched_holder(parent, foreign_key.key, value, delta)?.is_some()
                }
                None => false,
            };
            if !found && self.writes.owns(key) {
                let shown = shown(table, row);
                let values = foreign_key.columns.iter().map(|column| shown.get(*column).cloned());
                let values = values.map(Option::unwrap_or_default).collect();
                return Err(self.missing_parent(key, foreign_key, values)?);
            }
            if !found {
                return Err(self.restricted(key, foreign_key)?);
            }
        }
        Ok(())
    }

    /// The visible row that holds a key, among rows that the commit does not affect.
    fn untouched_holder(
        &self,
        table: &Table,
        key: ConstraintId,
        value: &Key,
        delta: &Delta,
    ) -> Result<Option<RowId>, Error> {
        let holder = self.base.holder(key, value)?;
        Ok(holder.filter(|row| !delta.contains_key(&RowKey { table: table.id, row: *row })))
    }
}

/// A row that shows these values cannot have its key, because another has it.
pub(super) fn duplicate_key(
    table: &Table,
    key: &UniqueKey,
    shown: &[Value],
    row: RowId,
    holder: RowId,
) -> WriteError {
    WriteError::DuplicateKey {
        table: table.name.clone(),
        key: key.name.clone(),
        columns: column_names(table, key),
        values: key.values_of(shown),
        row,
        holder,
    }
}

/// The names of a key's columns, as errors have them.
pub(super) fn column_names(table: &Table, key: &UniqueKey) -> Box<[String]> {
    table.column_names(&key.columns).into_iter().map(str::to_owned).collect()
}

/// What the row shows, or would.
fn shown(table: &Table, row: &Rederived) -> Vec<Value> {
    Stored { facts: Arc::clone(&row.facts), derived: row.derived.clone() }.values(table)
}
