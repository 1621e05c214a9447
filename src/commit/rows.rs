//! The operations on rows: what each writes and replaces (the table of operations in the design).
//!
//! A write replaces only the visible value: the winner and every sibling equal to it. So a loser stays
//! live, hence in the conflict table, until somebody resolves or dismisses it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::WriteError;
use super::joined::{elements_of, fitted};
use super::stage::Stage;
use super::writes::{Shown, Staged};
use crate::derive::{Roots, combined, fold, seen_sums, shows_the_same, winner, written_values};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{Dot, RowKey};
use crate::row::{Life, RowState, Sibling, Siblings, UnitValue};
use crate::schema::{ColumnRule, OnDelete, Table, Unit};
use crate::value::Value;

/// Values by column position. They have the columns' types already.
pub(crate) type Columns = BTreeMap<usize, Value>;

impl Stage<'_> {
    /// Inserts a row whose id nobody else has: nothing is known of it.
    pub fn insert_new(&mut self, key: RowKey, named: Columns) -> Result<(), WriteError> {
        self.writes.before.note_new(key);
        self.insert(key, named)
    }

    /// Inserts a row. Units of which no column is named are not written: they have their default. A row that
    /// its key names may have lived before: it begins again.
    pub fn insert(&mut self, key: RowKey, named: Columns) -> Result<(), WriteError> {
        let table = self.table(key)?;
        let named = fitted(table, Cow::Owned(named))?.into_owned();
        let default =
            |column: usize| table.columns.get(column).map(|c| c.default.clone()).unwrap_or_default();
        let shown: Vec<Value> = (0..table.columns.len())
            .map(|column| named.get(&column).cloned().unwrap_or_else(|| default(column)))
            .collect();
        required(table, &shown)?;
        self.check_absent(table, key, &shown)?;
        let again = self.facts(key)?.is_some();
        if again {
            self.begin_again(table, key, &named, &shown)?;
        } else {
            self.begin(table, key, named, &shown)?;
        }
        self.refer(table, key, &shown, |_| true);
        self.show(key, Some(shown.into()))?;
        self.owns(key);
        if again { self.show_followers(table, key) } else { Ok(()) }
    }

    /// The first life of a row.
    fn begin(
        &mut self,
        table: &Table,
        key: RowKey,
        mut named: Columns,
        shown: &[Value],
    ) -> Result<(), WriteError> {
        let dot = self.dot(key)?;
        // A new row sees nothing that it must outrank.
        let stamp = self.plain_stamp(dot);
        let inserted: SmallVec<[&Unit; 16]> =
            table.units.iter().filter(|unit| is_inserted(table, unit, &named, shown)).collect();
        // Shown it is too, but what was given need not be copied twice.
        let mut given = |column: &usize| match named.get_mut(column) {
            Some(value) => std::mem::take(value),
            None => shown.get(*column).cloned().unwrap_or_default(),
        };
        self.edit(key, |facts| {
            for unit in inserted {
                let columns = unit.columns.iter().map(&mut given);
                let value = UnitValue { columns: columns.collect(), ..UnitValue::default() };
                match (table.rule_of(unit), value.columns.first()) {
                    (ColumnRule::Union, Some(set)) => {
                        elements_of(set).for_each(|element| facts.add_element(unit.id, element, stamp));
                    }
                    _ => facts.write_unit(unit.id, stamp, value, &[]),
                }
            }
            facts.write_life(stamp, Life::ALIVE, &[]);
        })?;
        Ok(())
    }

    /// Changes columns of a visible row. `force` replaces all siblings of the units, not only what is
    /// visible.
    pub fn update(&mut self, key: RowKey, named: &Columns, force: bool) -> Result<(), WriteError> {
        let table = self.table(key)?;
        let Some(shown) = self.visible(key)? else { return Err(self.no_such_row(table, key)) };
        self.change(table, key, &shown, named, force)
    }

    /// Changes columns of a row, visible or parked, of which `before` are the values.
    pub(super) fn change(
        &mut self,
        table: &Table,
        key: RowKey,
        before: &[Value],
        named: &Columns,
        force: bool,
    ) -> Result<(), WriteError> {
        let mut shown = before.to_vec();
        let named = &*fitted(table, Cow::Borrowed(named))?;
        for (column, value) in named {
            if let Some(slot) = shown.get_mut(*column) {
                slot.clone_from(value);
            }
        }
        required(table, &shown)?;
        self.check_immutable(table, key, before, &shown)?;
        for unit in table.units.iter().filter(|unit| names(unit, named)) {
            self.change_unit(table, key, unit, &shown, named, force)?;
        }
        self.touch(key)?;
        self.refer(table, key, &shown, |columns| columns.iter().any(|column| named.contains_key(column)));
        let shown: Shown = shown.into();
        self.show(key, Some(Arc::clone(&shown)))?;
        self.owns(key);
        self.key_changed(table, key, before, &shown)
    }

    fn change_unit(
        &mut self,
        table: &Table,
        key: RowKey,
        unit: &Unit,
        shown: &[Value],
        named: &Columns,
        force: bool,
    ) -> Result<(), WriteError> {
        let class = self.class(key)?;
        let none = Siblings::new();
        let siblings = class.as_ref().map_or(&none, |class| class.unit(unit.id));
        let mut value = match winner(table, siblings) {
            Some(sibling) => sibling.value.clone(),
            None => UnitValue { columns: defaults(table, unit), ..UnitValue::default() },
        };
        for (slot, column) in value.columns.iter_mut().zip(&unit.columns) {
            // A named reference is rewritten whole, from the key that it shows.
            let referring = table.foreign_keys.iter().filter(|key| key.columns.contains(column));
            let rewritten = referring.flat_map(|key| &key.columns).any(|column| named.contains_key(column));
            if rewritten || named.contains_key(column) {
                *slot = shown.get(*column).cloned().unwrap_or_default();
            }
        }
        let renamed = |id| {
            let foreign_key = table.foreign_keys.iter().find(|key| key.id == id);
            foreign_key.is_some_and(|key| key.columns.iter().any(|column| named.contains_key(column)))
        };
        value.parents.retain(|(id, _)| !renamed(*id));
        let rule = table.rule_of(unit);
        if rule == ColumnRule::Union {
            return self.write_set(key, unit, value.columns.first());
        }
        let all = force || rule.is_joined() && !planted(Bug::MaxWinnerOnly) || planted(Bug::ReplaceAll);
        let replaces = match class.as_deref() {
            Some(class) if !all => self.visible_dots(table, unit, class)?,
            _ => siblings.dots().collect(),
        };
        value.seen = match class.as_deref() {
            Some(class) if rule == ColumnRule::Sum => seen_sums(unit.id, class),
            _ => Vec::new(),
        };
        self.write_unit(key, unit.id, value, &replaces)?;
        Ok(())
    }

    /// Deletes a visible row, and what `ON DELETE` says about the rows that refer to it.
    pub fn delete(&mut self, key: RowKey) -> Result<(), WriteError> {
        let table = self.table(key)?;
        if self.visible(key)?.is_none() {
            return Err(self.no_such_row(table, key));
        }
        let mut queue = VecDeque::from([key]);
        while let Some(key) = queue.pop_front() {
            let Some(shown) = self.visible(key)? else { continue };
            let children = self.referring_rows(key, &shown)?;
            for (child, foreign_key) in &children {
                if foreign_key.on_delete == OnDelete::Cascade {
                    self.settle_reference(*child, foreign_key, key.row)?;
                }
            }
            self.bury(key)?;
            for (child, foreign_key) in children {
                match foreign_key.on_delete {
                    OnDelete::Restrict => {}
                    OnDelete::Cascade => queue.push_back(child),
                    // The row itself may be among them, or a row that another reference took along.
                    OnDelete::SetNull if self.visible(child)?.is_none() => {}
                    OnDelete::SetNull => self.set_null(child, foreign_key)?,
                }
            }
        }
        Ok(())
    }

    /// Writes a row's tombstone. It takes along the rows that were merged into it.
    pub(super) fn bury(&mut self, key: RowKey) -> Result<(), WriteError> {
        self.settle_references(key)?;
        let with = self.members(key)?;
        with.iter().try_for_each(|row| self.settle_life(RowKey { row: *row, ..key }))?;
        self.write_life(key, Life::Dead { with }, |_| true)?;
        self.leave(key)
    }

    /// Brings back a deleted row, or takes a merged row out again. Every column is rewritten, because other
    /// replicas may have purged the old values; if nothing contests the deletion, it has decided the
    /// columns' conflicts too.
    pub fn undelete(&mut self, key: RowKey) -> Result<(), WriteError> {
        let table = self.table(key)?;
        let Some(facts) = self.class(key)? else { return Err(self.no_such_row(table, key)) };
        if self.lives(key)? {
            return Err(self.not_applicable(table, key, "the row is not deleted"));
        }
        let left = self.root(key)?;
        self.revive(table, key, &facts)?;
        self.show_facts(table, key)?;
        self.owns(key);
        // What it was merged into may have shown its values.
        if left != key && self.visible(left)?.is_some() {
            self.show_class(table, left)?;
            self.show_followers(table, left)?;
        }
        Ok(())
    }

    /// Lets a row live that does not, or not undisputed, with what it and those merged into it show: `facts`.
    pub(super) fn revive(&mut self, table: &Table, key: RowKey, facts: &RowState) -> Result<(), WriteError> {
        // What was merged into it without the deleter's knowing comes back with it.
        self.joining = self.naming(key)?;
        self.joining.insert(key.row);
        let decided =
            facts.life.iter().all(|sibling| sibling.value.is_dead()) && !planted(Bug::UndeleteKeepsLosers);
        for unit in &table.units {
            let siblings = facts.unit(unit.id);
            let rule = table.rule_of(unit);
            if rule == ColumnRule::Union {
                self.rewrite_set(key, unit)?;
                continue;
            }
            let Some(winner) = winner(table, siblings) else { continue };
            let all = decided || rule.is_joined();
            let old: Vec<Dot> = if all { siblings.dots().collect() } else { vec![winner.stamp.dot] };
            let mut value = winner.value.clone();
            if let Some(together) =
                combined(table, unit, facts).filter(|_| rule.is_joined() || planted(Bug::SumFolded))
            {
                value.columns = smallvec![together];
            }
            self.write_unit(key, unit.id, value, &old)?;
        }
        self.write_life(key, Life::ALIVE, |_| true)?;
        self.joining.clear();
        self.edit(key, |facts| {
            facts.boost = Siblings::new();
            facts.acks = Siblings::new();
        })?;
        self.writes.set_gone(key, false);
        Ok(())
    }

    /// Asks for this row before its rivals: they are parked instead.
    pub fn prefer(&mut self, key: RowKey) -> Result<(), WriteError> {
        let table = self.table(key)?;
        if !self.lives(key)? {
            return Err(self.no_such_row(table, key));
        }
        self.write_boost(key)?;
        for rival in self.rivals(table, key)? {
            self.show(rival, None)?;
        }
        self.show_facts(table, key)?;
        self.owns(key);
        self.writes.preferred.insert(key);
        Ok(())
    }

    /// The visible rows that hold a key of this row.
    pub(super) fn rivals(&self, table: &Table, key: RowKey) -> Result<BTreeSet<RowKey>, WriteError> {
        let Some(facts) = self.class(key)? else { return Ok(BTreeSet::new()) };
        let values = match self.visible(key)? {
            Some(shown) => shown,
            None => self.values(table, &facts)?.into(),
        };
        let mut rivals = BTreeSet::new();
        for unique in &table.keys {
            let value = fold(table, &unique.columns, |c| values.get(c));
            // The transaction itself may show several.
            rivals.extend(self.writes.staged_with(unique.id, &value).map(|row| RowKey { row, ..key }));
            let holder = self.base.holder(unique.id, &value)?.map(|row| RowKey { row, ..key });
            rivals.extend(holder.filter(|holder| !self.writes.stages(*holder)));
        }
        rivals.remove(&key);
        Ok(rivals)
    }

    pub(super) fn owns(&mut self, key: RowKey) {
        self.writes.set_own(key, true);
    }

    pub(super) fn show(&mut self, key: RowKey, shown: Option<Shown>) -> Result<(), WriteError> {
        let facts = self.writes.facts(key).cloned();
        Ok(self.put(key, Staged { facts, shown })?)
    }

    /// Shows a row as its facts have it: if it was visible before, with the keys that it follows.
    pub(super) fn show_facts(&mut self, table: &Table, key: RowKey) -> Result<(), WriteError> {
        if self.visible(key)?.is_some() {
            return Ok(());
        }
        self.show_class(table, key)?;
        self.show_followers(table, key)
    }

    /// What a row with these facts would show: with the keys that its parents show to the transaction.
    pub(super) fn values(&self, table: &Table, facts: &RowState) -> Result<Vec<Value>, WriteError> {
        let mut values = written_values(table, facts);
        for foreign_key in table.foreign_keys.iter().filter(|foreign_key| foreign_key.follow) {
            let null = |column: &usize| values.get(*column).is_none_or(Value::is_null);
            let meant =
                winner(table, facts.unit(foreign_key.unit)).and_then(|s| s.value.parent(foreign_key.id));
            let Some(row) = meant.filter(|_| !foreign_key.columns.iter().any(null)) else { continue };
            let parent = self.root(RowKey { table: foreign_key.parent, row })?;
            let (Some(shown), Some(key)) = (self.current(parent)?, self.table(parent)?.key(foreign_key.key))
            else {
                continue;
            };
            for (column, from) in foreign_key.columns.iter().zip(&key.columns) {
                if let (Some(slot), Some(value)) = (values.get_mut(*column), shown.get(*from)) {
                    slot.clone_from(value);
                }
            }
        }
        Ok(values)
    }

    /// What a row that lives shows, or would show if it were visible.
    fn current(&self, key: RowKey) -> Result<Option<Shown>, WriteError> {
        if let Some(shown) = self.visible(key)? {
            return Ok(Some(shown));
        }
        let table = self.table(key)?;
        let stored = if self.lives(key)? { self.before(key)? } else { None };
        Ok(stored.map(|stored| stored.values(table).into()))
    }

    /// The winner of a unit and every sibling equal to it: what a write replaces.
    pub(super) fn visible_dots(
        &self,
        table: &Table,
        unit: &Unit,
        facts: &RowState,
    ) -> Result<Vec<Dot>, Error> {
        let siblings = facts.unit(unit.id);
        let Some(winner) = winner(table, siblings) else { return Ok(Vec::new()) };
        if planted(Bug::WinnerOnly) {
            return Ok(vec![winner.stamp.dot]);
        }
        let roots = self.roots(table, unit, siblings.iter().map(|sibling| &sibling.value))?;
        let same = |sibling: &&Sibling<UnitValue>| {
            shows_the_same(table, unit, facts, &roots, &sibling.value, &winner.value)
        };
        Ok(siblings.iter().filter(same).map(|sibling| sibling.stamp.dot).collect())
    }

    /// What the rows have become that the references in some values of a unit mean.
    pub(super) fn roots<'v>(
        &self,
        table: &Table,
        unit: &Unit,
        values: impl ExactSizeIterator<Item = &'v UnitValue>,
    ) -> Result<Roots, Error> {
        Roots::of(table, unit, values, |parent| Ok(self.root(parent)?.row))
    }

    pub(super) fn no_such_row(&self, table: &Table, key: RowKey) -> WriteError {
        WriteError::NoSuchRow { table: table.name.clone(), row: key.row.to_string() }
    }

    pub(super) fn not_applicable(&self, table: &Table, key: RowKey, reason: impl Into<String>) -> WriteError {
        WriteError::NotApplicable { table: table.name.clone(), row: key.row, reason: reason.into() }
    }
}

pub(super) fn names(unit: &Unit, named: &Columns) -> bool {
    unit.columns.iter().any(|column| named.contains_key(column))
}

/// Whether an insertion writes a unit: if a column is named; if its default refers to a row, to say which row
/// it means; and if it is the key that names the row, so that no other has to be asked for it.
pub(super) fn is_inserted(table: &Table, unit: &Unit, named: &Columns, shown: &[Value]) -> bool {
    names(unit, named) || refers(table, unit, shown) || table.natural_unit() == Some(unit.id)
}

fn refers(table: &Table, unit: &Unit, shown: &[Value]) -> bool {
    let set = |column: &usize| shown.get(*column).is_some_and(|value| !value.is_null());
    table.foreign_keys_of_unit(unit.id).any(|foreign_key| foreign_key.columns.iter().all(set))
}

pub(super) fn defaults(table: &Table, unit: &Unit) -> SmallVec<[Value; 1]> {
    let default = |column: &usize| table.columns.get(*column).map(|c| c.default.clone()).unwrap_or_default();
    unit.columns.iter().map(default).collect()
}

fn required(table: &Table, shown: &[Value]) -> Result<(), WriteError> {
    match table.columns.iter().zip(shown).find(|(column, value)| !column.nullable && value.is_null()) {
        Some((column, _)) => {
            Err(WriteError::NotNull { table: table.name.clone(), column: column.name.clone() })
        }
        None => Ok(()),
    }
}
