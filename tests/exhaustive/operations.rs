//! Everything that a replica can do in a state: each operation on each row, each column, each conflict in each
//! way, and each change of the schema.

use std::fmt;

use reunite::ids::{RowId, RowKey};
use reunite::schema::{ColumnRule, Identity, Schema, Table};
use reunite::value::{Type, Value};

use super::designs::ALTERATIONS;
use super::pages::set;
use crate::databases::pair::Pair;
use crate::model::{Choice, Derived, Values};
use crate::world::explain;
use crate::world::generate::Operation;

/// What one replica does.
#[derive(Clone, Debug)]
pub enum Deed {
    /// A transaction of one operation.
    Operation(Operation),
    /// A change of the schema.
    Alteration(&'static str),
}

impl Deed {
    pub fn explain(&self, schema: &Schema) -> impl fmt::Debug + use<> {
        match self {
            Deed::Operation(operation) => explain::operation(schema, operation),
            Deed::Alteration(sql) => (*sql).to_owned(),
        }
    }

    /// Whether both give a column of a table the same value.
    pub fn writes_what(&self, other: &Deed) -> bool {
        let written = |deed: &Deed| match deed {
            Deed::Operation(Operation::Insert { row, values } | Operation::Update { row, values, .. }) => {
                values.clone().into_iter().map(|(column, value)| (row.table, column, value)).collect()
            }
            _ => Vec::new(),
        };
        let theirs = written(other);
        written(self).iter().any(|value| theirs.contains(value))
    }
}

/// A value that nothing has yet; the other one is for somebody who wants it different.
const FRESH: [i64; 2] = [77, 78];

/// A number that is less than what the beginnings have: no maximum, but a minimum.
const SMALL: i64 = 2;

/// What somebody may want a set to be.
const SETS: [&str; 3] = [r#"["x", "y", "fresh"]"#, r#"["y"]"#, "[]"];

/// All changes of the schema. Some will be refused.
pub fn alterations() -> impl Iterator<Item = Deed> {
    ALTERATIONS.into_iter().map(Deed::Alteration)
}

/// All operations. Some will be refused.
pub fn operations(schema: &Schema, pair: &Pair) -> Vec<Operation> {
    let view = &pair.view;
    let all = [
        schema.tables().iter().flat_map(|table| insertions(schema, table, view)).collect(),
        schema.tables().iter().flat_map(|table| again(table, view)).collect(),
        changes(schema, view),
        increments(schema, view),
        lives(view),
        merges(view),
        resolutions(schema, view),
        taken_back(pair),
    ];
    all.into_iter().flatten().collect()
}

/// New rows, of which some share one key and some the other; or one key, and refer to different rows.
fn insertions(schema: &Schema, table: &Table, view: &Derived) -> Vec<Operation> {
    let [a, b] = FRESH;
    let mut fresh = Values::new();
    for column in 0..table.columns.len() {
        let some = if is_key(table, column) {
            Value::Integer(a)
        } else {
            values_for(schema, view, table, column)[0].clone()
        };
        fresh.insert(column, some);
    }
    let with = |columns: &[usize], value: &Value| {
        let mut values = fresh.clone();
        values.extend(columns.iter().map(|column| (*column, value.clone())));
        let row = RowKey { table: table.id, row: RowId::from_bytes([0; 16]) };
        Operation::Insert { row, values }
    };
    let reference = table.foreign_keys.first().map(|reference| reference.columns[0]);
    if let Some(column) = reference {
        return values_for(schema, view, table, column).iter().map(|value| with(&[column], value)).collect();
    }
    let mut all = vec![with(&[], &Value::Null)];
    if table.keys.len() > 1 {
        all.extend(table.keys.iter().map(|key| with(&key.columns, &Value::Integer(b))));
    }
    all
}

/// Each row that its key names and that is not visible, once more: with its key alone, and with all else new.
fn again(table: &Table, view: &Derived) -> Vec<Operation> {
    let Some(key) = table.keys.first().filter(|_| table.identity == Identity::Natural) else {
        return Vec::new();
    };
    let hidden = view.images.values().filter(|image| !view.visible.contains_key(&image.key));
    let mut all = Vec::new();
    for image in hidden.filter(|image| image.key.table == table.id) {
        let named = key.columns.iter().map(|column| (*column, image.values[*column].clone()));
        let bare: Values = named.collect();
        let plain = |column: &usize| !table.foreign_keys.iter().any(|key| key.columns.contains(column));
        let mut full = bare.clone();
        for column in (0..table.columns.len()).filter(plain).filter(|column| !key.columns.contains(column)) {
            let json = table.columns[column].kind == Type::Json;
            full.insert(column, if json { set(SETS[0]) } else { Value::Integer(FRESH[0]) });
        }
        all.extend([bare, full].map(|values| Operation::Insert { row: image.key, values }));
    }
    all
}

/// Each column of each visible row, to one of some values, and by force; a reference to each row that it may mean.
fn changes(schema: &Schema, view: &Derived) -> Vec<Operation> {
    let mut all = Vec::new();
    for (row, shown) in &view.visible {
        let table = table(schema, *row);
        for (column, now) in shown.iter().enumerate() {
            let targets = values_for(schema, view, table, column);
            let changed = targets.iter().filter(|value| *value != now);
            all.extend(changed.map(|value| update(*row, column, value, false)));
            if !is_key(table, column) {
                all.push(update(*row, column, &targets[0], true));
            }
        }
    }
    all
}

fn update(row: RowKey, column: usize, value: &Value, force: bool) -> Operation {
    Operation::Update { row, values: Values::from([(column, value.clone())]), force }
}

fn is_key(table: &Table, column: usize) -> bool {
    table.keys.iter().any(|key| key.columns.contains(&column))
}

fn values_for(schema: &Schema, view: &Derived, table: &Table, column: usize) -> Vec<Value> {
    if let Some(reference) = table.foreign_keys.iter().find(|key| key.columns == [column]) {
        let parents = view.visible.iter().filter(|(row, _)| row.table == reference.parent);
        let keys = schema.table_by_id(reference.parent).and_then(|parent| parent.key(reference.key));
        let key = keys.expect("a key of the parent").columns[0];
        return parents.map(|(_, shown)| shown[key].clone()).collect();
    }
    let definition = &table.columns[column];
    match (definition.kind, definition.rule) {
        (Type::Json, _) => SETS.map(set).to_vec(),
        (_, ColumnRule::Max | ColumnRule::Min) => [FRESH[0], SMALL].map(Value::Integer).to_vec(),
        _ => FRESH.map(Value::Integer).to_vec(),
    }
}

/// Each counter of each visible row goes up.
fn increments(schema: &Schema, view: &Derived) -> Vec<Operation> {
    let mut all = Vec::new();
    for row in view.visible.keys() {
        for (column, definition) in table(schema, *row).columns.iter().enumerate() {
            if definition.rule == ColumnRule::Sum {
                all.push(Operation::Increment {
                    row: *row,
                    amounts: Values::from([(column, Value::Integer(5))]),
                });
            }
        }
    }
    all
}
/// Deleting, bringing back, and preferring.
fn lives(view: &Derived) -> Vec<Operation> {
    let mut all: Vec<Operation> = view.visible.keys().map(|row| Operation::Delete { row: *row }).collect();
    for image in view.images.values().filter(|image| !view.visible.contains_key(&image.key)) {
        let row = image.key;
        all.push(if image.lives { Operation::Prefer { row } } else { Operation::Undelete { row } });
    }
    all
}

/// Each visible row into each other one of its table.
fn merges(view: &Derived) -> Vec<Operation> {
    let rows = || view.visible.keys().copied();
    let pairs = rows().flat_map(|row| rows().map(move |into| (row, into)));
    let others = pairs.filter(|(row, into)| row.table == into.table && row != into);
    others.map(|(row, into)| Operation::Merge { row, into }).collect()
}

/// Each resolution of the replica's own.
fn taken_back(pair: &Pair) -> Vec<Operation> {
    pair.model.resolutions.keys().map(|conflict| Operation::Undo { conflict: *conflict }).collect()
}

/// Each open conflict in each way, whether it fits or not.
fn resolutions(schema: &Schema, view: &Derived) -> Vec<Operation> {
    let mut all = Vec::new();
    for (name, conflict) in &view.conflicts {
        let table = table(schema, name.row);
        let lost = |value: &Value| -> Values {
            let columns = conflict.columns.iter().filter_map(|id| table.column_by_id(*id));
            columns.map(|(column, _)| (column, value.clone())).collect()
        };
        let mut choices = vec![
            Choice::KeepWinner,
            Choice::KeepLoser,
            Choice::Prefer,
            Choice::RestoreParent,
            Choice::Merge,
            Choice::Delete,
            Choice::Dismiss,
        ];
        for value in FRESH.map(Value::Integer) {
            let [set, rename, keep_both] = [Choice::Set, Choice::Rename, Choice::KeepBoth];
            choices.extend([set(lost(&value)), rename(lost(&value)), keep_both(lost(&value))]);
        }
        let column =
            conflict.columns.iter().find_map(|id| table.column_by_id(*id)).map_or(0, |(column, _)| column);
        for value in values_for(schema, view, table, column) {
            choices.push(Choice::Reparent(lost(&value)));
        }
        all.extend(choices.into_iter().map(|choice| Operation::Resolve { conflict: *name, choice }));
    }
    all
}

fn table(schema: &Schema, row: RowKey) -> &Table {
    schema.table_by_id(row.table).expect("a table of the schema")
}
