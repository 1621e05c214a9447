//! The operations on rows: what each writes and replaces, and what SQL shows then.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use reunite::ids::{RowId, RowKey};
use reunite::schema::{ColumnRule, ForeignKey, OnDelete, OnUpdate, Table, Unit};
use reunite::value::Value;

use super::commit::{Commit, Refusal};
use super::facts::{Cell, Content, Slot};
use super::identity::name_of;
use super::image::{fold, unwritten, winners, written};
use super::together::{Combined, fitted};

/// Values by column position.
pub type Values = BTreeMap<usize, Value>;

type Outcome = Result<(), Refusal>;

impl Commit<'_> {
    /// Units of which no column is named are not written: they have their default. A default that
    /// refers to a row is written, to say which row it means, and so is the key that names the row.
    pub fn insert(&mut self, mut row: RowKey, named: &Values) -> Outcome {
        let table = self.table(row);
        let named = &fitted(table, named);
        let default = |(column, definition): (usize, &reunite::schema::Column)| {
            named.get(&column).unwrap_or(&definition.default).clone()
        };
        let shown: Vec<Value> = table.columns.iter().enumerate().map(default).collect();
        required(table, &shown)?;
        let set = |column: &usize| !shown[*column].is_null();
        let refers = |unit: &Unit| table.foreign_keys_of_unit(unit.id).any(|key| key.columns.iter().all(set));
        let name = name_of(table);
        let says = |unit: &Unit| names(&unit.columns, named) || refers(unit) || name == Some(unit.id);
        if name.is_some() {
            row = self.named(row, &shown);
            if self.shown.contains_key(&row) {
                return Err(Refusal::Duplicate);
            }
            self.begin_again(row);
        }
        let again = self.replica.facts.contains_key(&row);
        for unit in table.units.iter().filter(|unit| says(unit)) {
            if table.rule_of(unit) == ColumnRule::Union {
                self.write_set(row, unit, &shown[unit.columns[0]]);
                continue;
            }
            let columns =
                unit.columns.iter().map(|column| shown.get(*column).cloned().unwrap_or_default()).collect();
            let seen = self.combined(row, |class| class.added(unit.id));
            let cell = Cell { columns, seen, ..Cell::default() };
            self.write(row, Slot::Columns(unit.id), Content::Columns(cell), BTreeSet::new());
        }
        self.touch(row);
        self.pending.extend(table.foreign_keys.iter().map(|key| (row, key.id)));
        self.shown.insert(row, shown);
        self.own.insert(row);
        if again {
            self.show_followers(row);
        }
        Ok(())
    }

    /// Changes columns of a visible row. `force` replaces all siblings of the units.
    pub fn update(&mut self, row: RowKey, named: &Values, force: bool) -> Outcome {
        let shown = self.shown.get(&row).cloned().ok_or(Refusal::NoSuchRow)?;
        self.change(row, shown, named, force)
    }

    /// Changes columns of a row that shows, or would show, `shown`.
    pub fn change(&mut self, row: RowKey, mut shown: Vec<Value>, named: &Values, force: bool) -> Outcome {
        let (table, before) = (self.table(row), shown.clone());
        let named = &fitted(table, named);
        named.iter().for_each(|(column, value)| shown[*column] = value.clone());
        required(table, &shown)?;
        self.check_name(row, &before, named)?;
        for unit in table.units.iter().filter(|unit| names(&unit.columns, named)) {
            self.change_unit(row, unit, &shown, named, force);
        }
        self.touch(row);
        for key in table.foreign_keys.iter().filter(|key| names(&key.columns, named)) {
            self.pending.insert((row, key.id));
        }
        self.shown.insert(row, shown.clone());
        self.own.insert(row);
        self.gone.remove(&row);
        self.key_changed(row, &before, &shown)
    }

    fn change_unit(&mut self, row: RowKey, unit: &Unit, shown: &[Value], named: &Values, force: bool) {
        let table = self.table(row);
        let rule = table.rule_of(unit);
        if rule == ColumnRule::Union {
            return self.write_set(row, unit, &shown[unit.columns[0]]);
        }
        let visible = self.visible_value(row, unit.id);
        let (mut cell, visible) =
            visible.map_or((unwritten(table, unit), BTreeSet::new()), |(cell, _, visible)| (cell, visible));
        // A named reference is rewritten whole, from the key that it shows.
        let renamed = |key: &&ForeignKey| names(&key.columns, named);
        let whole: BTreeSet<usize> =
            table.foreign_keys.iter().filter(renamed).flat_map(|key| key.columns.iter().copied()).collect();
        for (value, column) in cell.columns.iter_mut().zip(&unit.columns) {
            if named.contains_key(column) || whole.contains(column) {
                *value = shown[*column].clone();
            }
        }
        table.foreign_keys.iter().filter(renamed).for_each(|key| {
            cell.parents.remove(&key.id);
        });
        let old = if force { self.spots(row, unit.id) } else { visible };
        if rule == ColumnRule::Sum {
            cell.seen = self.combined(row, |class| class.added(unit.id));
        }
        self.write_unit(row, unit.id, cell, &old);
    }

    /// A change says that the row lives, so that a concurrent deletion is noticed.
    pub fn touch(&mut self, row: RowKey) {
        let (alive, apart) = (self.dots_of(row, Slot::Life, Content::is_alive), self.apart_of(row));
        self.write(row, Slot::Life, Content::Alive(apart), alive);
    }

    /// The shown rows that refer to a row which shows these values, with the reference. A transaction may
    /// show two rows with one key until it commits: then only what means the row refers to it.
    fn referring(&self, parent: RowKey, shown: &[Value]) -> Vec<(RowKey, ForeignKey)> {
        let (table, mut found) = (self.table(parent), Vec::new());
        for child in self.schema.tables() {
            for foreign_key in child.foreign_keys.iter().filter(|key| key.parent == table.id) {
                let key = table.key(foreign_key.key).expect("a key of the parent");
                let Some(value) = fold(table, &key.columns, shown) else {
                    // Its key was taken away in this transaction: only what follows the row refers to it.
                    let rows = self.shown.keys().filter(|row| row.table == child.id && foreign_key.follow);
                    let means = rows.filter(|row| self.means(**row, foreign_key) == Some(parent.row));
                    found.extend(means.map(|row| (*row, foreign_key.clone())));
                    continue;
                };
                let has = |values: &[Value], table: &Table, columns: &[usize]| {
                    fold(table, columns, values).as_ref() == Some(&value)
                };
                let shared = self.shown.iter().any(|(row, values)| {
                    *row != parent && row.table == table.id && has(values, table, &key.columns)
                });
                for (row, values) in self.shown.iter().filter(|(row, _)| row.table == child.id) {
                    let means = !shared || self.means(*row, foreign_key) == Some(parent.row);
                    if means && has(values, child, &foreign_key.columns) {
                        found.push((*row, foreign_key.clone()));
                    }
                }
            }
        }
        found
    }

    /// The row that a reference means; none while that is still to be looked up.
    fn means(&self, row: RowKey, foreign_key: &ForeignKey) -> Option<RowId> {
        let decided = !self.pending.contains(&(row, foreign_key.id));
        let cell = self.visible_value(row, foreign_key.unit).filter(|_| decided);
        let parent = cell.and_then(|(cell, _, _)| cell.parents.get(&foreign_key.id).copied())?;
        Some(self.identity().root(RowKey { table: foreign_key.parent, row: parent }).row)
    }

    /// What `ON UPDATE` says, where a key changed that rows refer to.
    pub fn key_changed(&mut self, row: RowKey, before: &[Value], after: &[Value]) -> Outcome {
        let table = self.table(row);
        for (child, foreign_key) in self.referring(row, before) {
            let columns = &table.key(foreign_key.key).expect("a key of the parent").columns;
            if columns.iter().all(|column| before[*column] == after[*column]) {
                continue;
            }
            // 'ann' and 'ANN' are one key under NOCASE: what refers to it still does.
            let old = fold(table, columns, before);
            let same = old == fold(table, columns, after);
            let new = columns.iter().map(|column| after[*column].clone());
            let new: Values = foreign_key.columns.iter().copied().zip(new).collect();
            match (foreign_key.on_update, foreign_key.follow) {
                (OnUpdate::Restrict | OnUpdate::SetNull, _) | (OnUpdate::Cascade, false) if same => {}
                (OnUpdate::Restrict, _) => {
                    let refused = self.restricted.entry((child, foreign_key.id));
                    refused.or_insert_with(|| (row, old.unwrap_or_default()));
                }
                (OnUpdate::SetNull, _) => self.set_null(child, &foreign_key)?,
                (OnUpdate::Default | OnUpdate::Cascade, true) => {
                    // A row that means a parked row was content with this one: it does not go along.
                    if self.means(child, &foreign_key).is_none_or(|meant| meant == row.row) {
                        if new.values().any(Value::is_null) && self.pending.remove(&(child, foreign_key.id)) {
                            self.mean(child, &foreign_key, row.row);
                        }
                        self.follow(child, &new)?;
                    }
                }
                (OnUpdate::Cascade, false) => self.update(child, &new, false)?,
                (OnUpdate::Default, false) => {}
            }
        }
        Ok(())
    }

    /// A following row shows the new key; its facts do not change.
    fn follow(&mut self, child: RowKey, new: &Values) -> Outcome {
        let Some(before) = self.shown.get(&child).cloned() else { return Ok(()) };
        let mut after = before.clone();
        new.iter().for_each(|(column, value)| after[*column] = value.clone());
        if after == before {
            return Ok(());
        }
        self.shown.insert(child, after.clone());
        self.key_changed(child, &before, &after)
    }

    /// A row is shown again: what means it shows the key that it has now, whatever `ON UPDATE` says.
    pub fn show_followers(&mut self, row: RowKey) {
        for table in self.schema.tables() {
            let follows = |key: &&ForeignKey| key.parent == row.table && key.follow;
            for foreign_key in table.foreign_keys.iter().filter(follows) {
                let key = self.table(row).key(foreign_key.key).expect("a key of the parent");
                let Some(shown) = self.shown.get(&row).cloned() else { return };
                let children = self.shown.keys().filter(|child| child.table == table.id);
                let children = children.filter(|child| self.means(**child, foreign_key) == Some(row.row));
                for child in children.copied().collect::<Vec<_>>() {
                    let mut values = self.shown[&child].clone();
                    for (column, from) in foreign_key.columns.iter().zip(&key.columns) {
                        values[*column] = shown[*from].clone();
                    }
                    if self.shown.insert(child, values.clone()) != Some(values) {
                        self.show_followers(child);
                    }
                }
            }
        }
    }

    fn set_null(&mut self, child: RowKey, foreign_key: &ForeignKey) -> Outcome {
        let nulls: Values = foreign_key.columns.iter().map(|column| (*column, Value::Null)).collect();
        self.update(child, &nulls, false)
    }

    /// Deletes a visible row, and does what `ON DELETE` says about the rows that refer to it.
    pub fn delete(&mut self, row: RowKey) -> Outcome {
        if !self.shown.contains_key(&row) {
            return Err(Refusal::NoSuchRow);
        }
        let mut queue = VecDeque::from([row]);
        while let Some(row) = queue.pop_front() {
            let Some(shown) = self.shown.get(&row).cloned() else { continue };
            let children = self.referring(row, &shown);
            for (child, foreign_key) in children.iter().filter(|(_, key)| key.on_delete == OnDelete::Cascade)
            {
                if self.pending.remove(&(*child, foreign_key.id)) {
                    self.mean(*child, foreign_key, row.row);
                }
            }
            self.bury(row);
            for (child, foreign_key) in children {
                match foreign_key.on_delete {
                    OnDelete::Restrict => {}
                    OnDelete::Cascade => queue.push_back(child),
                    OnDelete::SetNull if self.shown.contains_key(&child) => {
                        self.set_null(child, &foreign_key)?;
                    }
                    OnDelete::SetNull => {}
                }
            }
        }
        Ok(())
    }

    /// Takes a row out of its table.
    pub fn leave(&mut self, row: RowKey) {
        self.shown.remove(&row);
        self.own.remove(&row);
        self.preferred.remove(&row);
        self.gone.insert(row);
    }

    /// Writes the tombstone. It names the rows that were merged into the row.
    pub fn bury(&mut self, row: RowKey) {
        self.settle_references(row);
        let all = self.dots_of(row, Slot::Life, |_| true);
        let mut with = self.identity().class(row);
        with.remove(&row);
        // Whoever deletes it knows what was changed in the merged rows, and deletes that too.
        for member in &with {
            let alive = self.dots_of(*member, Slot::Life, Content::is_alive);
            if !alive.is_empty() {
                self.acknowledge(*member, None);
                alive.into_iter().for_each(|(slot, dot)| self.remove(*member, slot, dot));
            }
        }
        let with = with.into_iter().map(|row| row.row).collect();
        self.write(row, Slot::Life, Content::Dead(with), all);
        self.leave(row);
    }

    /// Brings back a deleted row, or takes a merged one out again. It starts afresh: every column is rewritten, because other replicas
    /// may have purged the old values.
    pub fn undelete(&mut self, row: RowKey) -> Outcome {
        if !self.replica.facts.contains_key(&row) {
            return Err(Refusal::NoSuchRow);
        }
        if self.lives(row) {
            return Err(Refusal::NotApplicable);
        }
        let left = self.identity().root(row);
        self.revive(row);
        self.appear(row);
        // What it was merged into may have shown its values.
        if self.shown.contains_key(&left) {
            self.shown.insert(left, self.by_facts(left));
            self.show_followers(left);
        }
        Ok(())
    }

    /// Lets a row live, with what its class showed.
    pub fn revive(&mut self, row: RowKey) {
        let table = self.table(row);
        let decided = self.replica.facts[&row].live(Slot::Life).all(|(_, entry)| entry.content.is_dead());
        self.joining = self.naming(row);
        self.joining.insert(row);
        for unit in &table.units {
            let rule = table.rule_of(unit);
            if rule == ColumnRule::Union {
                self.rewrite_set(row, unit);
            }
            let Some((mut cell, stamp, same)) = self.visible_value(row, unit.id) else { continue };
            let winner = same.into_iter().filter(|(_, dot)| *dot == stamp.dot).collect();
            let extreme = matches!(rule, ColumnRule::Max | ColumnRule::Min);
            // A counter keeps what it was assigned, and what was seen then: it goes on reading the same.
            if extreme {
                let value = self.combined(row, |class| class.together(table, unit.columns[0], Some(&cell)));
                cell.columns = value.into_iter().collect();
            }
            let old = if decided || extreme { self.spots(row, unit.id) } else { winner };
            self.write_unit(row, unit.id, cell, &old);
        }
        let old = [Slot::Life, Slot::Boost, Slot::Acks].map(|slot| self.dots_of(row, slot, |_| true));
        self.write(row, Slot::Life, Content::Alive(BTreeSet::new()), old.into_iter().flatten().collect());
        self.joining.clear();
        self.gone.remove(&row);
    }

    /// Asks for this row before its rivals.
    pub fn prefer(&mut self, row: RowKey) -> Outcome {
        if !self.lives(row) {
            return Err(Refusal::NoSuchRow);
        }
        let old = self.dots_of(row, Slot::Boost, |_| true);
        self.write(row, Slot::Boost, Content::Boost, old);
        self.preferred.insert(row);
        self.appear(row);
        let (table, shown) = (self.table(row), self.shown[&row].clone());
        for key in &table.keys {
            let Some(value) = fold(table, &key.columns, &shown) else { continue };
            let same = |other: &[Value]| fold(table, &key.columns, other).as_ref() == Some(&value);
            self.shown.retain(|other, values| *other == row || other.table != row.table || !same(values));
        }
        Ok(())
    }

    /// Shows a row that was not visible as its facts have it now.
    pub fn appear(&mut self, row: RowKey) {
        if !self.shown.contains_key(&row) {
            self.shown.insert(row, self.by_facts(row));
            self.show_followers(row);
        }
        self.own.insert(row);
    }

    /// What a row shows by its facts, with the keys that its parents show to the transaction.
    pub fn by_facts(&self, row: RowKey) -> Vec<Value> {
        let (table, identity) = (self.table(row), self.identity());
        let winners = winners(table, &self.replica.facts, &identity, row);
        let class = Combined { facts: &self.replica.facts, identity: &identity, row };
        let mut values = written(table, class, &winners);
        for foreign_key in table.foreign_keys.iter().filter(|key| key.follow) {
            let null = foreign_key.columns.iter().any(|column| values[*column].is_null());
            let cell = winners.get(&foreign_key.unit).filter(|_| !null);
            let Some(parent) = cell.and_then(|(_, cell, _)| cell.parents.get(&foreign_key.id)) else {
                continue;
            };
            let parent = identity.root(RowKey { table: foreign_key.parent, row: *parent });
            let Some(shown) = self.current(parent) else { continue };
            let key = self.table(parent).key(foreign_key.key).expect("a key of the parent");
            for (column, from) in foreign_key.columns.iter().zip(&key.columns) {
                values[*column] = shown[*from].clone();
            }
        }
        values
    }

    /// What a row that lives shows, or would show if it were visible.
    fn current(&self, row: RowKey) -> Option<&Vec<Value>> {
        let stored = || self.before.images.get(&row).filter(|_| self.lives(row)).map(|image| &image.values);
        self.shown.get(&row).or_else(stored)
    }
}

pub fn names(columns: &[usize], named: &Values) -> bool {
    columns.iter().any(|column| named.contains_key(column))
}

fn required(table: &Table, shown: &[Value]) -> Outcome {
    let missing = table.columns.iter().zip(shown).any(|(column, value)| !column.nullable && value.is_null());
    if missing { Err(Refusal::NotNull) } else { Ok(()) }
}
