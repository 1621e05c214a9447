//! What a schema has that another one has not: the operations that make the one into the other.
//!
//! Both have the same tables in the same order, and in these the same columns and constraints in the
//! same order, to which something was added: at the end, but for a primary key, which comes first.

use std::collections::BTreeMap;

use super::words::quoted;
use crate::ids::{ColumnId, ConstraintId, TableId, UnitId};
use crate::schema::design::{NewCheck, NewColumn, NewForeignKey, NewKey, NewTable, Numbers, Operation};
use crate::schema::{DuplicateRule, Expression, Table, UniqueKey};
use crate::value::Value;

/// The operations, tables first. `numbers` gives the ids.
pub(super) fn find(old: &[Table], new: &[Table], numbers: &mut Numbers<'_>) -> Vec<Operation> {
    let mut ids = Ids::default();
    for (place, table) in new.iter().enumerate() {
        ids.take(old.get(place), table, numbers);
    }
    let pairs: Vec<(Option<&Table>, &Table)> =
        new.iter().enumerate().map(|(place, table)| (old.get(place), table)).collect();
    let mut operations = Vec::new();
    for (old, new) in &pairs {
        operations.extend(ids.table(*old, new));
    }
    for (old, new) in &pairs {
        operations.extend(ids.keys(*old, new));
    }
    for (old, new) in &pairs {
        operations.extend(ids.others(*old, new));
    }
    operations
}

/// The permanent ids of what the builder numbered by itself.
#[derive(Default)]
struct Ids {
    tables: BTreeMap<TableId, TableId>,
    columns: BTreeMap<ColumnId, ColumnId>,
    constraints: BTreeMap<ConstraintId, ConstraintId>,
}

impl Ids {
    fn take(&mut self, old: Option<&Table>, new: &Table, numbers: &mut Numbers<'_>) {
        let id = old.map_or_else(|| TableId(numbers.next()), |old| old.id);
        self.tables.insert(new.id, id);
        for (place, column) in new.columns.iter().enumerate() {
            let known = old.and_then(|old| old.columns.get(place)).map(|column| column.id);
            self.columns
                .insert(column.id, known.unwrap_or_else(|| ColumnId(numbers.of_column(&column.name))));
        }
        let mut constraint = |new: ConstraintId, name: &str, known: Option<ConstraintId>| {
            self.constraints.insert(new, known.unwrap_or_else(|| ConstraintId(numbers.of_constraint(name))));
        };
        for (place, key) in new.keys.iter().enumerate() {
            let known = known_key(old, new, place).and_then(|place| old?.keys.get(place));
            constraint(key.id, &key.name, known.map(|key| key.id));
        }
        for (place, key) in new.foreign_keys.iter().enumerate() {
            constraint(key.id, &key.name, old.and_then(|old| old.foreign_keys.get(place)).map(|key| key.id));
        }
        for (place, check) in new.checks.iter().enumerate() {
            constraint(
                check.id,
                &check.name,
                old.and_then(|old| old.checks.get(place)).map(|check| check.id),
            );
        }
        for (place, index) in new.indexes.iter().enumerate() {
            constraint(
                index.id,
                &index.name,
                old.and_then(|old| old.indexes.get(place)).map(|index| index.id),
            );
        }
    }

    fn table_id(&self, id: TableId) -> TableId {
        self.tables.get(&id).copied().unwrap_or(id)
    }

    fn constraint_id(&self, id: ConstraintId) -> ConstraintId {
        self.constraints.get(&id).copied().unwrap_or(id)
    }

    /// The permanent ids of columns by position.
    fn columns_at(&self, table: &Table, positions: &[usize]) -> Vec<ColumnId> {
        let columns = positions.iter().filter_map(|position| table.columns.get(*position));
        columns.map(|column| self.columns.get(&column.id).copied().unwrap_or(column.id)).collect()
    }

    /// A new table, or the new columns of one.
    fn table(&self, old: Option<&Table>, new: &Table) -> Vec<Operation> {
        let table = self.table_id(new.id);
        let Some(old) = old else {
            let columns = (0..new.columns.len()).filter_map(|place| self.column(new, place, true));
            return vec![Operation::CreateTable(NewTable {
                id: table,
                name: new.name.clone(),
                columns: columns.collect(),
                identity: new.identity,
                natural_key: new.natural_key().map(|key| self.key(new, key)),
                tracking: new.tracking,
                winner: new.winner,
                deletes: new.deletes,
                replicate: new.replicate,
            })];
        };
        let added = (old.columns.len()..new.columns.len()).filter_map(|at| self.column(new, at, false));
        added.map(|column| Operation::AddColumn { table, column }).collect()
    }

    /// A column; `grouped` says whether its unit is the builder's, or the column by itself.
    fn column(&self, table: &Table, place: usize, grouped: bool) -> Option<NewColumn> {
        let column = table.columns.get(place)?;
        let id = *self.columns.get(&column.id)?;
        let unit = table.unit(column.unit).filter(|_| grouped);
        let together = unit.map(|unit| self.columns_at(table, &unit.columns)).unwrap_or_default();
        let in_primary_key = table.primary_key().is_some_and(|key| key.columns.contains(&place));
        let default = (column.default != Value::Null).then(|| literal(&column.default));
        Some(NewColumn {
            id,
            unit: UnitId(together.into_iter().min().unwrap_or(id).0),
            name: column.name.clone(),
            kind: column.kind,
            collation: column.collation,
            rule: column.rule,
            // The primary key forbids it; if that goes, so does this.
            nullable: column.nullable || in_primary_key,
            default,
        })
    }

    fn keys(&self, old: Option<&Table>, new: &Table) -> Vec<Operation> {
        let added = new.keys.iter().enumerate().filter(|(place, _)| known_key(old, new, *place).is_none());
        // A key that names the rows came with its table.
        let added = added.filter(|(_, key)| new.natural_key().is_none_or(|natural| natural.id != key.id));
        let operation = |(place, key): (usize, &UniqueKey)| Operation::AddKey {
            table: self.table_id(new.id),
            primary: place == 0 && new.has_primary_key,
            key: self.key(new, key),
        };
        added.map(operation).collect()
    }

    fn key(&self, table: &Table, key: &UniqueKey) -> NewKey {
        NewKey { duplicates: key.duplicates, ..self.list(table, key.id, &key.name, &key.columns) }
    }

    fn list(&self, table: &Table, id: ConstraintId, name: &str, columns: &[usize]) -> NewKey {
        let columns = self.columns_at(table, columns);
        let duplicates = DuplicateRule::Park;
        NewKey { id: self.constraint_id(id), name: name.to_owned(), columns, duplicates }
    }

    fn others(&self, old: Option<&Table>, new: &Table) -> Vec<Operation> {
        let table = self.table_id(new.id);
        let count = |count: fn(&Table) -> usize| old.map_or(0, count);
        let foreign_keys = new.foreign_keys.iter().skip(count(|table| table.foreign_keys.len()));
        let foreign_keys = foreign_keys.map(|key| Operation::AddForeignKey {
            table,
            foreign_key: NewForeignKey {
                id: self.constraint_id(key.id),
                name: key.name.clone(),
                columns: self.columns_at(new, &key.columns),
                parent: self.table_id(key.parent),
                key: self.constraint_id(key.key),
                follow: key.follow,
                on_delete: key.on_delete,
                on_update: key.on_update,
            },
        });
        let checks = new.checks.iter().skip(count(|table| table.checks.len()));
        let checks = checks.map(|check| {
            let (id, name) = (self.constraint_id(check.id), check.name.clone());
            let rule = self.rule(new, &check.rule);
            Operation::AddCheck { table, check: NewCheck { id, name, rule } }
        });
        let indexes = new.indexes.iter().skip(count(|table| table.indexes.len()));
        let indexes = indexes.map(|index| {
            let index = self.list(new, index.id, &index.name, &index.columns);
            Operation::AddIndex { table, index }
        });
        foreign_keys.chain(checks).chain(indexes).collect()
    }

    /// A rule in which columns are called by their ids.
    fn rule(&self, table: &Table, rule: &Expression) -> String {
        rule.to_sql(&|position| {
            let id = self.columns_at(table, &[position]).first().map_or(0, |id| id.0);
            quoted(&format!("c{id}"))
        })
    }
}

/// The place in the old table of the key at a place in the new one; none if it is new.
fn known_key(old: Option<&Table>, new: &Table, place: usize) -> Option<usize> {
    let old = old?;
    let place = match (old.has_primary_key, new.has_primary_key) {
        (false, true) => place.checked_sub(1)?,
        _ => place,
    };
    (place < old.keys.len()).then_some(place)
}

fn literal(value: &Value) -> String {
    Expression::Literal(value.clone()).to_sql(&|_| String::new())
}
