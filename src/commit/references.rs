//! References of a transaction: who refers to a row, and what happens to them when its key changes. Which row a
//! written reference means is found in `meaning`.

use std::collections::BTreeSet;

use super::WriteError;
use super::rows::Columns;
use super::stage::Stage;
use super::writes::Shown;
use crate::derive::{Source, fold, winner};
use crate::error::Error;
use crate::ids::{RowId, RowKey};
use crate::schema::{ForeignKey, OnUpdate, Table, UniqueKey};
use crate::value::Value;

/// How many changes of keys may lead to each other. References by value may go round in a circle, and
/// each change of the circle to the next. (SQLite has a limit of 1000, for the same reason.)
const MAX_CASCADES: usize = 100;

impl<'a> Stage<'a> {
    /// Marks the references of a row that have to be looked up at commit: those among `written` columns
    /// that are not null.
    pub(super) fn refer(
        &mut self,
        table: &Table,
        key: RowKey,
        shown: &[Value],
        written: impl Fn(&[usize]) -> bool,
    ) {
        for foreign_key in table.foreign_keys.iter().filter(|foreign_key| written(&foreign_key.columns)) {
            let value = |column: &usize| shown.get(*column).is_none_or(Value::is_null);
            if foreign_key.columns.iter().any(value) {
                self.writes.pending.remove(&(key, foreign_key.id));
            } else {
                self.writes.pending.insert((key, foreign_key.id));
            }
        }
    }

    /// The visible rows that refer to a row which shows these values, with the reference.
    pub(super) fn referring_rows(
        &self,
        key: RowKey,
        shown: &[Value],
    ) -> Result<Vec<(RowKey, &'a ForeignKey)>, Error> {
        let mut found = Vec::new();
        let parent = self.table(key)?;
        for (table, foreign_key) in self.schema().referring(key.table) {
            let Some(unique) = parent.key(foreign_key.key) else { continue };
            let value = fold(parent, &unique.columns, |column| shown.get(column));
            if value.iter().any(Value::is_null) {
                let rows = self.rows_that_mean(key, table, foreign_key)?;
                found.extend(rows.into_iter().map(|row| (row, foreign_key)));
                continue;
            }
            let mut rows: BTreeSet<RowId> = self.writes.staged_with(foreign_key.id, &value).collect();
            for row in self.base_referring(foreign_key, key.row, &value)? {
                let child = RowKey { table: table.id, row };
                if self.writes.stages(child) {
                    continue;
                }
                let Some(shown) = self.base.visible(child)? else { continue };
                let refers = fold(table, &foreign_key.columns, |c| shown.get(c));
                if refers == value {
                    rows.insert(row);
                }
            }
            let shared = !rows.is_empty() && self.is_shared(unique, &value, key)?;
            for row in rows {
                if !shared || self.means(table, foreign_key, row)? == Some(key.row) {
                    found.push((RowKey { table: table.id, row }, foreign_key));
                }
            }
        }
        Ok(found)
    }

    /// The visible rows of which a reference that follows means a row. A row without a key is referred to by
    /// none but these: its key was taken away in this transaction, or they would not be visible.
    fn rows_that_mean(
        &self,
        key: RowKey,
        table: &Table,
        foreign_key: &ForeignKey,
    ) -> Result<Vec<RowKey>, Error> {
        let mut found = Vec::new();
        if !foreign_key.follow {
            return Ok(found);
        }
        let meaning = self.writes.meaning.range(RowKey::all_of(table.id));
        let mut rows: BTreeSet<RowId> = meaning.map(|child| child.row).collect();
        for parent in self.members(key)?.into_iter().chain([key.row]) {
            rows.extend(self.base.children(foreign_key.id, parent)?);
        }
        for row in rows {
            let child = RowKey { table: table.id, row };
            if self.visible(child)?.is_some() && self.means(table, foreign_key, row)? == Some(key.row) {
                found.push(child);
            }
        }
        Ok(found)
    }

    /// Whether another row shows this key too. A transaction may do that until it commits; then only
    /// what means a row goes with it.
    fn is_shared(&self, unique: &UniqueKey, value: &[Value], key: RowKey) -> Result<bool, Error> {
        if self.writes.staged_with(unique.id, value).any(|row| row != key.row) {
            return Ok(true);
        }
        let other = self.base.holder(unique.id, value)?.filter(|row| *row != key.row);
        Ok(other.is_some_and(|row| !self.writes.stages(RowKey { row, ..key })))
    }

    /// The row that a reference means; none if that is looked up when the transaction commits.
    fn means(&self, table: &Table, foreign_key: &ForeignKey, row: RowId) -> Result<Option<RowId>, Error> {
        let child = RowKey { table: table.id, row };
        if self.writes.pending.contains(&(child, foreign_key.id)) {
            return Ok(None);
        }
        let Some(facts) = self.class(child)? else { return Ok(None) };
        let winner = winner(table, facts.unit(foreign_key.unit));
        let Some(row) = winner.and_then(|sibling| sibling.value.parent(foreign_key.id)) else {
            return Ok(None);
        };
        Ok(Some(self.root(RowKey { table: foreign_key.parent, row })?.row))
    }

    /// The stored rows that may be satisfied by the holder of a key: by row or by value.
    fn base_referring(
        &self,
        foreign_key: &ForeignKey,
        parent: RowId,
        value: &[Value],
    ) -> Result<BTreeSet<RowId>, Error> {
        let mut claimants: BTreeSet<RowId> =
            self.base.claimants(foreign_key.key, value)?.into_iter().collect();
        claimants.insert(parent);
        let mut rows: BTreeSet<RowId> = BTreeSet::new();
        for parent in claimants {
            rows.extend(self.base.children(foreign_key.id, parent)?);
        }
        rows.extend(self.base.children_by_value(foreign_key.id, value)?);
        Ok(rows)
    }

    /// Does what `ON UPDATE` says, where a key changed that rows refer to.
    pub(super) fn key_changed(
        &mut self,
        table: &Table,
        key: RowKey,
        before: &[Value],
        after: &[Value],
    ) -> Result<(), WriteError> {
        let changed =
            |columns: &[usize]| columns.iter().any(|column| before.get(*column) != after.get(*column));
        if !table.keys.iter().any(|unique| changed(&unique.columns)) {
            return Ok(());
        }
        if self.writes.cascades >= MAX_CASCADES {
            let reason = "a change of its key leads to a change of another, and so on without end: \
                          set one of the references to null first";
            return Err(self.not_applicable(table, key, reason));
        }
        self.writes.cascades += 1;
        let done = self.pass_on(table, key, before, after, &changed);
        self.writes.cascades -= 1;
        done
    }

    fn pass_on(
        &mut self,
        table: &Table,
        key: RowKey,
        before: &[Value],
        after: &[Value],
        changed: &impl Fn(&[usize]) -> bool,
    ) -> Result<(), WriteError> {
        for (child, foreign_key) in self.referring_rows(key, before)? {
            let Some(unique) = table.key(foreign_key.key).filter(|unique| changed(&unique.columns)) else {
                continue;
            };
            let new: Columns = foreign_key.columns.iter().copied().zip(unique.values_of(after)).collect();
            // 'ann' and 'ANN' are one key under NOCASE: what refers to it still does.
            let folded = |values: &[Value]| key_of(table, unique, values);
            let same = folded(before) == folded(after);
            match (foreign_key.on_update, foreign_key.follow) {
                (OnUpdate::Restrict, _) if same => {}
                (OnUpdate::Restrict, _) => {
                    let refused = self.writes.restricted.entry((child, foreign_key.id));
                    refused.or_insert_with(|| (key, folded(before)));
                }
                (OnUpdate::SetNull, _) if same => {}
                (OnUpdate::SetNull, _) => self.set_null(child, foreign_key)?,
                (OnUpdate::Cascade, false) if same => {}
                (OnUpdate::Default | OnUpdate::Cascade, true) => {
                    // A row that means a parked row was content with this one: it does not go along.
                    let child_table = self.table(child)?;
                    let meant = self.means(child_table, foreign_key, child.row)?;
                    if meant.is_none_or(|meant| meant == key.row) {
                        if new.values().any(Value::is_null) {
                            // By its key the parent could not be found any more.
                            self.settle_reference(child, foreign_key, key.row)?;
                        }
                        self.follow(child, &new)?;
                    }
                }
                (OnUpdate::Cascade, false) => self.update(child, &new, false)?,
                // A reference by value that is left behind refuses the commit, unless it is changed too.
                (OnUpdate::Default, false) => {}
            }
        }
        Ok(())
    }

    /// Refuses what `ON UPDATE RESTRICT` forbids: a row still refers to a key that its parent gave up.
    pub(super) fn check_restricted(&self) -> Result<(), WriteError> {
        for ((child, id), (parent, old)) in &self.writes.restricted {
            let (table, parent_table) = (self.table(*child)?, self.table(*parent)?);
            let foreign_key = table.foreign_keys.iter().find(|foreign_key| foreign_key.id == *id);
            let Some(foreign_key) = foreign_key else { continue };
            let Some(unique) = parent_table.key(foreign_key.key) else { continue };
            let (Some(shown), Some(now)) = (self.visible(*child)?, self.visible(self.root(*parent)?)?) else {
                continue;
            };
            let refers = fold(table, &foreign_key.columns, |column| shown.get(column)) == *old;
            let moved = key_of(parent_table, unique, &now) != *old;
            // Written in this transaction, it may mean another row that has the key now.
            let means_another = self.writes.pending.contains(&(*child, *id))
                && self.writes.holder(self.base, parent_table, unique.id, old)?.is_some();
            if refers && moved && !means_another {
                return Err(self.restricted(*child, foreign_key)?);
            }
        }
        Ok(())
    }

    /// A row is in its table again, maybe with another key than what means it shows: that shows its key now.
    /// `ON UPDATE` has no say: no key is changed, as little as by a row that comes back with a sync.
    pub(super) fn show_followers(&mut self, table: &Table, key: RowKey) -> Result<(), WriteError> {
        for (child_table, foreign_key) in self.schema().referring(key.table) {
            let Some(unique) = table.key(foreign_key.key) else { continue };
            let children = self.rows_that_mean(key, child_table, foreign_key)?;
            let Some(shown) = self.visible(key)?.filter(|_| !children.is_empty()) else { continue };
            let new: Columns = foreign_key.columns.iter().copied().zip(unique.values_of(&shown)).collect();
            for child in children {
                if self.show_key(child, &new)?.is_some() {
                    self.show_followers(child_table, child)?;
                }
            }
        }
        Ok(())
    }

    /// A row goes along with its parent's key, and what refers to it with its own.
    fn follow(&mut self, child: RowKey, new: &Columns) -> Result<(), WriteError> {
        let Some(before) = self.show_key(child, new)? else { return Ok(()) };
        let Some(after) = self.visible(child)? else { return Ok(()) };
        self.key_changed(self.table(child)?, child, &before, &after)
    }

    /// Shows the new key of its parent in a row whose facts do not change. Returns what it showed before, if that
    /// was something else.
    fn show_key(&mut self, child: RowKey, new: &Columns) -> Result<Option<Shown>, WriteError> {
        let Some(before) = self.visible(child)? else { return Ok(None) };
        let mut after = before.to_vec();
        for (column, value) in new {
            if let Some(slot) = after.get_mut(*column) {
                slot.clone_from(value);
            }
        }
        if *after == *before {
            return Ok(None);
        }
        self.show(child, Some(after.into()))?;
        Ok(Some(before))
    }

    pub(super) fn set_null(&mut self, child: RowKey, foreign_key: &ForeignKey) -> Result<(), WriteError> {
        let nulls: Columns = foreign_key.columns.iter().map(|column| (*column, Value::Null)).collect();
        self.update(child, &nulls, false)
    }

    pub(super) fn restricted(&self, child: RowKey, foreign_key: &ForeignKey) -> Result<WriteError, Error> {
        let parent = self.table(RowKey { table: foreign_key.parent, ..child })?;
        Ok(WriteError::Restricted {
            table: self.table(child)?.name.clone(),
            row: child.row,
            constraint: foreign_key.name.clone(),
            parent: parent.name.clone(),
        })
    }
}

/// The folded key of a row that shows these values.
fn key_of(table: &Table, key: &UniqueKey, shown: &[Value]) -> Vec<Value> {
    fold(table, &key.columns, |column| shown.get(column))
}
