//! Random operations, made up from what a replica sees. They are plain data, so that they can be shown.

use std::collections::BTreeMap;

use reunite::derive::{About, Kind};
use reunite::ids::{RowId, RowKey, TableId};
use reunite::schema::{ColumnRule, ForeignKey, Identity, Schema, Table};
use reunite::value::{Collation, Json, Type, Value};

use super::random::Random;
use crate::model::{Choice, Commit, Conflict, ConflictName, Derived, Facts, Refusal, Values};

#[derive(Clone, Debug)]
pub enum Operation {
    Insert { row: RowKey, values: Values },
    Update { row: RowKey, values: Values, force: bool },
    Increment { row: RowKey, amounts: Values },
    Delete { row: RowKey },
    Undelete { row: RowKey },
    Prefer { row: RowKey },
    Merge { row: RowKey, into: RowKey },
    Resolve { conflict: ConflictName, choice: Choice },
    Undo { conflict: ConflictName },
}

impl Operation {
    /// Does it in the model.
    pub fn apply(&self, commit: &mut Commit<'_>) -> Result<(), Refusal> {
        match self {
            Operation::Insert { row, values } => commit.insert(*row, values),
            Operation::Update { row, values, force } => commit.update(*row, values, *force),
            Operation::Increment { row, amounts } => commit.increment(*row, amounts),
            Operation::Delete { row } => commit.delete(*row),
            Operation::Undelete { row } => commit.undelete(*row),
            Operation::Prefer { row } => commit.prefer(*row),
            Operation::Merge { row, into } => commit.merge(*row, *into),
            Operation::Resolve { conflict, choice } => commit.resolve(conflict, choice),
            Operation::Undo { conflict } => commit.undo(conflict),
        }
    }

    /// The table that it names.
    pub const fn table(&self) -> TableId {
        match self {
            Operation::Insert { row, .. }
            | Operation::Update { row, .. }
            | Operation::Increment { row, .. }
            | Operation::Delete { row }
            | Operation::Undelete { row }
            | Operation::Prefer { row }
            | Operation::Merge { row, .. } => row.table,
            Operation::Resolve { conflict, .. } | Operation::Undo { conflict } => conflict.row.table,
        }
    }

    /// Whether it may name siblings other than the visible value.
    pub const fn names_losers(&self) -> bool {
        let forced = matches!(self, Operation::Update { force: true, .. });
        forced
            || matches!(
                self,
                Operation::Undelete { .. }
                    | Operation::Resolve { .. }
                    | Operation::Undo { .. }
                    | Operation::Merge { .. }
            )
    }
}

/// What operations are made up from.
pub struct Generator<'a> {
    pub schema: &'a Schema,
    pub view: &'a Derived,
    pub facts: &'a Facts,
    /// The conflicts that the replica has resolved, as far as it can take that back.
    pub resolutions: Vec<ConflictName>,
    pub random: &'a mut Random,
}

impl Generator<'_> {
    /// One operation.
    pub fn operation(&mut self) -> Operation {
        if !self.resolutions.is_empty() && self.random.chance(30) {
            let conflict = self.random.pick(self.resolutions.iter().copied());
            return Operation::Undo { conflict: conflict.expect("there are some") };
        }
        let visible = self.random.pick(self.view.visible.keys().copied());
        let made = match (self.random.below(26), visible) {
            (0..=4, _) | (_, None) => None,
            (5..=12, Some(row)) if self.counts(row) && self.random.chance(40) => Some(self.increment(row)),
            (5..=12, Some(row)) => {
                let values = self.some_values(row, 1);
                let force = self.random.chance(15);
                Some(Operation::Update { row, values, force })
            }
            (13..=15, Some(row)) => Some(Operation::Delete { row }),
            (16, Some(_)) => {
                let dead = self.view.images.values().filter(|image| !image.lives);
                let dead = self.random.pick(dead).map(|image| image.key);
                dead.map(|row| self.again(row, 60).unwrap_or(Operation::Undelete { row }))
            }
            (17, Some(row)) => {
                let parked =
                    self.view.images.values().filter(|i| i.lives && !self.view.visible.contains_key(&i.key));
                let parked =
                    self.random.pick(parked.map(|image| image.key)).filter(|_| self.random.chance(50));
                let again = parked.and_then(|row| self.again(row, 60));
                Some(again.unwrap_or(Operation::Prefer { row: parked.unwrap_or(row) }))
            }
            (18 | 19, Some(row)) => self.merge(row),
            _ => self.resolution(),
        };
        made.unwrap_or_else(|| self.insertion())
    }

    /// Mostly of two visible rows.
    fn merge(&mut self, into: RowKey) -> Option<Operation> {
        let hidden = self.random.chance(15);
        let others =
            self.view.images.values().filter(|image| hidden || self.view.visible.contains_key(&image.key));
        let others = others.map(|image| image.key).filter(|row| row.table == into.table && *row != into);
        self.random.pick(others).map(|row| Operation::Merge { row, into })
    }

    /// Whether a row has a counter.
    fn counts(&self, row: RowKey) -> bool {
        let table = self.schema.table_by_id(row.table).expect("a table of the schema");
        table.columns.iter().any(|column| column.rule == ColumnRule::Sum)
    }

    /// Adds to the counters of a row; now and then to what is none.
    fn increment(&mut self, row: RowKey) -> Operation {
        let table = self.schema.table_by_id(row.table).expect("a table of the schema");
        let mut amounts = Values::new();
        for (position, column) in table.columns.iter().enumerate() {
            let mistaken = column.kind == Type::Integer && self.random.chance(2);
            if column.rule == ColumnRule::Sum || mistaken {
                amounts.insert(position, Value::Integer(self.random.below(9) as i64 - 3));
            }
        }
        Operation::Increment { row, amounts }
    }

    pub fn insertion(&mut self) -> Operation {
        let tables = self.schema.tables();
        let table = &tables[self.random.below(tables.len())];
        let hidden = self.view.images.keys().filter(|row| !self.view.visible.contains_key(row));
        let hidden = hidden.filter(|row| row.table == table.id).copied();
        let known = self.random.clone().pick(hidden);
        let again = known.and_then(|row| self.again(row, 40));
        again.unwrap_or_else(|| self.insertion_into(table, &Values::new()))
    }

    /// Now and then the insertion of a row that its key names, and that is known.
    fn again(&mut self, row: RowKey, percent: usize) -> Option<Operation> {
        let table = self.schema.table_by_id(row.table).expect("a table of the schema");
        let key = table.keys.first().filter(|_| table.identity == Identity::Natural)?;
        let shown = &self.view.images[&row].values;
        let name = key.columns.iter().map(|column| (*column, shown[*column].clone())).collect();
        self.random.chance(percent).then(|| self.insertion_into(table, &name))
    }

    /// A row with these values, and others.
    fn insertion_into(&mut self, table: &Table, fixed: &Values) -> Operation {
        let chance = RowId::from_bytes(self.random.bytes());
        let mut values = BTreeMap::new();
        for (column, definition) in table.columns.iter().enumerate() {
            let needed = !definition.nullable && definition.default.is_null();
            let refers = table.foreign_keys.iter().any(|key| key.columns.contains(&column));
            if needed || self.random.chance(if refers { 95 } else { 80 }) {
                values.insert(column, self.value(table, column));
            }
        }
        self.refer(table, &mut values);
        values.extend(fixed.clone());
        let row = RowKey { table: table.id, row: self.name(table, &values).unwrap_or(chance) };
        Operation::Insert { row, values }
    }

    /// A row id that follows from the key, where that names rows: any will do that everybody would choose.
    /// (A database chooses its own.)
    fn name(&self, table: &Table, values: &Values) -> Option<RowId> {
        let key = table.keys.first().filter(|_| table.identity == Identity::Natural)?;
        let mut name = u128::from(table.id.0);
        for column in &key.columns {
            let value = values.get(column).unwrap_or(&table.columns[*column].default);
            let text = match value {
                Value::Text(text) => table.columns[*column].collation.fold(text).into_owned(),
                value => value.to_json().to_string(),
            };
            name =
                text.bytes().fold(name << 8 | 0xff, |name, byte| name.wrapping_mul(257) ^ u128::from(byte));
        }
        Some(RowId::from_bytes(name.to_be_bytes()))
    }

    /// Mostly what names the row already, perhaps spelled otherwise.
    fn respell(&mut self, row: RowKey, table: &Table, values: &mut Values) {
        let Some(key) = table.keys.first().filter(|_| table.identity == Identity::Natural) else { return };
        let Some(image) = self.view.images.get(&row) else { return };
        for column in &key.columns {
            if values.contains_key(column) && self.random.chance(85) {
                let value = match &image.values[*column] {
                    Value::Text(text) if table.columns[*column].collation != Collation::Binary => {
                        let lower = self.random.chance(50);
                        Value::Text(if lower { text.to_lowercase() } else { text.to_uppercase() })
                    }
                    value => value.clone(),
                };
                values.insert(*column, value);
            }
        }
    }

    /// New values for some columns of a row, at least `least`.
    pub fn some_values(&mut self, row: RowKey, least: usize) -> Values {
        let table = self.schema.table_by_id(row.table).expect("a table of the schema");
        let mut values = Values::new();
        while values.len() < least || self.random.chance(30) {
            let column = self.random.below(table.columns.len());
            values.insert(column, self.value(table, column));
            if values.len() == table.columns.len() {
                break;
            }
        }
        self.refer(table, &mut values);
        self.respell(row, table, &mut values);
        values
    }

    /// Most references that are written name a row that is there.
    fn refer(&mut self, table: &Table, values: &mut Values) {
        for foreign_key in &table.foreign_keys {
            let written = foreign_key.columns.iter().any(|column| values.contains_key(column));
            if written && self.random.chance(95) {
                for (column, value) in foreign_key.columns.iter().zip(self.key_of_some_parent(foreign_key)) {
                    values.insert(*column, value);
                }
            }
        }
    }

    fn key_of_some_parent(&mut self, foreign_key: &ForeignKey) -> Vec<Value> {
        let parents = self.view.visible.iter().filter(|(row, _)| row.table == foreign_key.parent);
        let parent = self.schema.table_by_id(foreign_key.parent).expect("a table of the schema");
        let key = parent.key(foreign_key.key).expect("a key of the parent");
        match self.random.pick(parents) {
            Some((_, shown)) => key.columns.iter().map(|column| shown[*column].clone()).collect(),
            None => vec![Value::Null; key.columns.len()],
        }
    }

    pub fn value(&mut self, table: &Table, column: usize) -> Value {
        let definition = &table.columns[column];
        if definition.nullable && self.random.chance(15) || self.random.chance(1) {
            return Value::Null;
        }
        match definition.kind {
            Type::Json => {
                let elements = ["\"a\"", "\"b\"", "2", "10", "null", "{\"a\":[true]}"];
                let some: Vec<&str> = elements.into_iter().filter(|_| self.random.chance(40)).collect();
                Value::Json(Json::parse(&format!("[{}]", some.join(", "))).expect("a list of JSON is JSON"))
            }
            Type::Text => Value::from(["A", "a", "B", "b", "C", "é", "É", "D"][self.random.below(8)]),
            _ => Value::Integer(self.random.below(6) as i64),
        }
    }

    fn resolution(&mut self) -> Option<Operation> {
        let (name, conflict) = self.random.pick(&self.view.conflicts)?;
        let choice = self.choice(*name, conflict);
        Some(Operation::Resolve { conflict: *name, choice })
    }

    /// Mostly a way that fits the conflict.
    fn choice(&mut self, name: ConflictName, conflict: &Conflict) -> Choice {
        let row = name.row;
        let table = self.schema.table_by_id(row.table).expect("a table of the schema");
        if self.random.chance(10) {
            return Choice::Dismiss;
        }
        if self.random.chance(3) {
            return [
                Choice::KeepWinner,
                Choice::KeepLoser,
                Choice::Prefer,
                Choice::Delete,
                Choice::RestoreParent,
            ][self.random.below(5)]
            .clone();
        }
        let mut lost = Values::new();
        for column in &conflict.columns {
            let (position, _) = table.column_by_id(*column).expect("a column of the table");
            lost.insert(position, self.value(table, position));
        }
        self.refer(table, &mut lost);
        self.respell(row, table, &mut lost);
        let kept_both = self.random.chance(30);
        match (name.about, conflict.kind, self.random.below(4)) {
            (About::Update | About::Life, _, 0) => Choice::KeepWinner,
            (About::Update | About::Life, _, 1) | (About::Life, ..) => Choice::KeepLoser,
            (About::Update, ..) => Choice::Set(lost),
            (About::Identity, _, 0) => Choice::KeepWinner,
            (About::Identity, _, 1) => Choice::KeepLoser,
            (About::Identity, ..) => Choice::KeepBoth(self.some_values(row, usize::from(kept_both))),
            (_, Kind::Unique, _) if kept_both => Choice::KeepBoth(lost),
            (_, _, 0) => Choice::Delete,
            (_, Kind::Unique, 1) => [Choice::Prefer, Choice::Merge][self.random.below(2)].clone(),
            (_, Kind::Unique, _) => Choice::Rename(lost),
            (_, Kind::Validation, _) => Choice::Set(lost),
            (_, Kind::DeleteRi, 1) => Choice::RestoreParent,
            _ => Choice::Reparent(lost),
        }
    }
}
