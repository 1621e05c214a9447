//! Every operation that a replica can do in a state: on each row, each column, each conflict in each way.

use reunite::ids::{RowId, RowKey};
use reunite::schema::{Schema, Table};
use reunite::value::Value;

use crate::databases::pair::Pair;
use crate::model::{Choice, Derived, Values};
use crate::world::generate::Operation;

/// A value that nothing has yet; the other one is for somebody who wants it different.
const FRESH: [i64; 2] = [77, 78];

/// All of them. Some will be refused.
pub fn operations(schema: &Schema, pair: &Pair) -> Vec<Operation> {
    let view = &pair.view;
    let all = [
        insertions(schema, view),
        changes(schema, view),
        lives(view),
        merges(view),
        resolutions(schema, view),
        taken_back(pair),
    ];
    all.into_iter().flatten().collect()
}

/// New rows, of which two share one key or the other.
fn insertions(schema: &Schema, view: &Derived) -> Vec<Operation> {
    let [person, task] = [&schema.tables()[0], &schema.tables()[1]];
    let [a, b] = FRESH;
    let mut all = vec![insert(person, &[a, a, 1]), insert(person, &[a, b, 1]), insert(person, &[b, a, 1])];
    // Tasks of one number, for different persons.
    let persons = view.visible.iter().filter(|(row, _)| row.table == person.id);
    all.extend(persons.map(|(_, shown)| insert(task, &[a, code(&shown[0])])));
    all
}

fn code(value: &Value) -> i64 {
    match value {
        Value::Integer(code) => *code,
        other => unreachable!("a code is a number, not {other:?}"),
    }
}

fn insert(table: &Table, values: &[i64]) -> Operation {
    let row = RowKey { table: table.id, row: RowId::from_bytes([0; 16]) };
    let values = values.iter().enumerate().map(|(column, value)| (column, Value::Integer(*value)));
    Operation::Insert { row, values: values.collect() }
}

/// Each column of each visible row, to one of two values, and by force; a reference to each person.
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
    match table.foreign_keys.iter().find(|key| key.columns == [column]) {
        Some(reference) => {
            let parents = view.visible.iter().filter(|(row, _)| row.table == reference.parent);
            let keys = schema.table_by_id(reference.parent).and_then(|parent| parent.key(reference.key));
            let key = keys.expect("a key of the parent").columns[0];
            parents.map(|(_, shown)| shown[key].clone()).collect()
        }
        None => FRESH.map(Value::Integer).to_vec(),
    }
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
