//! Operations on keys, foreign keys, checks and indexes.

use super::fold::{Effect, Fold, Unfit};
use super::names;
use super::operation::{NewCheck, NewForeignKey, NewKey};
use crate::ids::{ColumnId, ConstraintId, TableId};
use crate::schema::ddl::rule_of;
use crate::schema::{Check, ForeignKey, Index, SchemaError, Table, UniqueKey};

impl Fold {
    /// The constraint that stands for this one.
    fn standing(&self, id: ConstraintId) -> ConstraintId {
        self.same.get(&id).copied().unwrap_or(id)
    }

    pub(super) fn add_key(
        &mut self,
        table: TableId,
        new: &NewKey,
        primary: bool,
        effect: &mut Effect,
    ) -> Result<(), Unfit> {
        let place = self.place(table)?;
        let columns = positions(self.at(place)?, &new.columns)?;
        let sorted = |columns: &[usize]| {
            let mut columns = columns.to_vec();
            columns.sort_unstable();
            columns
        };
        let equal = |key: &&UniqueKey| sorted(&key.columns) == sorted(&columns);
        if let Some(older) = self.at(place)?.keys.iter().find(equal) {
            let older = (older.id, older.name.clone());
            return self.counts_as(new.id, older, effect);
        }
        let name = names::key(&self.tables, place, None, &new.name, effect);
        let table = self.tables.get_mut(place).ok_or(Unfit::Gone)?;
        if primary && table.has_primary_key {
            return Err(SchemaError::TwoPrimaryKeys { table: table.name.clone() }.into());
        }
        let at = if primary { 0 } else { table.keys.len() };
        table
            .keys
            .insert(at, UniqueKey { id: new.id, name, columns: columns.clone(), duplicates: new.duplicates });
        if primary {
            table.has_primary_key = true;
            let held = table.columns.iter_mut().enumerate().filter(|(at, _)| columns.contains(at));
            for (_, column) in held.filter(|(_, column)| column.nullable) {
                column.nullable = false;
                self.required.insert(column.id);
            }
        }
        Ok(())
    }

    pub(super) fn add_foreign_key(
        &mut self,
        table: TableId,
        new: &NewForeignKey,
        effect: &mut Effect,
    ) -> Result<(), Unfit> {
        let place = self.place(table)?;
        let key = self.standing(new.key);
        let parent = self.place(new.parent)?;
        let referred = self.at(parent)?.key(key).ok_or(Unfit::Gone)?.columns.len();
        let table = self.at(place)?;
        let columns = positions(table, &new.columns)?;
        if columns.len() != referred {
            return Err(Unfit::Malformed("a foreign key has more or fewer columns than its key".to_owned()));
        }
        let units = table.units_of(&columns);
        let unit = match (units.first(), units.len()) {
            (Some(unit), 1) => *unit,
            _ if new.follow => return Err(several_units(table, &columns)),
            _ => ForeignKey::NO_UNIT,
        };
        let foreign_key = ForeignKey {
            id: new.id,
            name: String::new(),
            columns,
            parent: new.parent,
            key,
            unit,
            follow: new.follow,
            on_delete: new.on_delete,
            on_update: new.on_update,
        };
        let equal = |older: &&ForeignKey| {
            ForeignKey { id: new.id, name: String::new(), ..(*older).clone() } == foreign_key
        };
        if let Some(older) = table.foreign_keys.iter().find(equal) {
            let older = (older.id, older.name.clone());
            return self.counts_as(new.id, older, effect);
        }
        let name = names::in_table(table, None, &new.name, effect);
        let table = self.tables.get_mut(place).ok_or(Unfit::Gone)?;
        table.foreign_keys.push(ForeignKey { name, ..foreign_key });
        Ok(())
    }

    pub(super) fn add_check(
        &mut self,
        table: TableId,
        new: &NewCheck,
        effect: &mut Effect,
    ) -> Result<(), Unfit> {
        let place = self.place(table)?;
        let table = self.at(place)?;
        let position = |name: &str| {
            let id = name.strip_prefix('c')?.parse().ok().map(ColumnId)?;
            table.column_by_id(id).map(|(position, _)| position)
        };
        let types: Vec<_> = table.columns.iter().map(|column| column.kind).collect();
        let rule = rule_of(&new.rule, &types, &position).ok_or(Unfit::Gone)?;
        if let Some(older) = table.checks.iter().find(|older| older.rule == rule) {
            let older = (older.id, older.name.clone());
            return self.counts_as(new.id, older, effect);
        }
        let name = names::in_table(table, None, &new.name, effect);
        let table = self.tables.get_mut(place).ok_or(Unfit::Gone)?;
        table.checks.push(Check { id: new.id, name, rule });
        Ok(())
    }

    pub(super) fn add_index(
        &mut self,
        table: TableId,
        new: &NewKey,
        effect: &mut Effect,
    ) -> Result<(), Unfit> {
        let place = self.place(table)?;
        let columns = positions(self.at(place)?, &new.columns)?;
        if let Some(older) = self.at(place)?.indexes.iter().find(|older| older.columns == columns) {
            let older = (older.id, older.name.clone());
            return self.counts_as(new.id, older, effect);
        }
        let name = names::index(&self.tables, None, &new.name, effect);
        let table = self.tables.get_mut(place).ok_or(Unfit::Gone)?;
        table.indexes.push(Index { id: new.id, name, columns });
        Ok(())
    }

    fn counts_as(
        &mut self,
        new: ConstraintId,
        (older, name): (ConstraintId, String),
        effect: &mut Effect,
    ) -> Result<(), Unfit> {
        self.same.insert(new, older);
        effect.same = Some(name);
        Ok(())
    }

    pub(super) fn drop_constraint(&mut self, table: TableId, id: ConstraintId) -> Result<(), Unfit> {
        let (id, place) = (self.standing(id), self.place(table)?);
        let Fold { tables, required, .. } = self;
        let table = tables.get_mut(place).ok_or(Unfit::Gone)?;
        keep_natural_key(table, |key| key.id == id)?;
        if table.primary_key().is_some_and(|key| key.id == id) {
            table.has_primary_key = false;
            let columns = table.keys.first().map(|key| key.columns.clone()).unwrap_or_default();
            for (_, column) in table.columns.iter_mut().enumerate().filter(|(at, _)| columns.contains(at)) {
                column.nullable |= required.remove(&column.id);
            }
        }
        let before = count(table);
        table.keys.retain(|key| key.id != id);
        table.foreign_keys.retain(|foreign_key| foreign_key.id != id);
        table.checks.retain(|check| check.id != id);
        table.indexes.retain(|index| index.id != id);
        if count(table) < before { Ok(()) } else { Err(Unfit::Gone) }
    }

    pub(super) fn rename_constraint(
        &mut self,
        table: TableId,
        id: ConstraintId,
        name: &str,
        effect: &mut Effect,
    ) -> Result<(), Unfit> {
        let (id, place) = (self.standing(id), self.place(table)?);
        let found = self.at(place)?;
        let name = if found.keys.iter().any(|key| key.id == id) {
            names::key(&self.tables, place, Some(id), name, effect)
        } else if found.indexes.iter().any(|index| index.id == id) {
            names::index(&self.tables, Some(id), name, effect)
        } else {
            names::in_table(found, Some(id), name, effect)
        };
        let table = self.tables.get_mut(place).ok_or(Unfit::Gone)?;
        let keys = table.keys.iter_mut().map(|key| (key.id, &mut key.name));
        let foreign_keys = table.foreign_keys.iter_mut().map(|key| (key.id, &mut key.name));
        let checks = table.checks.iter_mut().map(|check| (check.id, &mut check.name));
        let indexes = table.indexes.iter_mut().map(|index| (index.id, &mut index.name));
        let mut all = keys.chain(foreign_keys).chain(checks).chain(indexes);
        let (_, slot) = all.find(|(other, _)| *other == id).ok_or(Unfit::Gone)?;
        *slot = name;
        Ok(())
    }

    fn place(&self, id: TableId) -> Result<usize, Unfit> {
        self.tables.iter().position(|table| table.id == id).ok_or(Unfit::Gone)
    }

    fn at(&self, place: usize) -> Result<&Table, Unfit> {
        self.tables.get(place).ok_or(Unfit::Gone)
    }
}

/// Refuses to drop the key that names the rows, if this would.
pub(super) fn keep_natural_key(table: &Table, drops: impl Fn(&UniqueKey) -> bool) -> Result<(), Unfit> {
    match table.natural_key().filter(|key| drops(key)) {
        None => Ok(()),
        Some(key) => {
            let (table, key) = (table.name.clone(), key.name.clone());
            Err(SchemaError::NaturalKeyDropped { table, key }.into())
        }
    }
}

fn count(table: &Table) -> usize {
    table.keys.len() + table.foreign_keys.len() + table.checks.len() + table.indexes.len()
}

fn positions(table: &Table, columns: &[ColumnId]) -> Result<Vec<usize>, Unfit> {
    let position = |id: &ColumnId| table.column_by_id(*id).map(|(position, _)| position);
    columns.iter().map(|id| position(id).ok_or(Unfit::Gone)).collect()
}

fn several_units(table: &Table, columns: &[usize]) -> Unfit {
    let reason = "has columns that are versioned apart, because they were created before it".to_owned();
    let columns = table.column_names(columns).join(", ");
    SchemaError::MustMatchKey { table: table.name.clone(), columns, reason }.into()
}
