//! What is visible: the rows of all tables, in a snapshot or in a transaction; and all else that a
//! database tells.

use std::collections::{BTreeMap, BTreeSet};

use reunite::db::{ConflictRow, Table};
use reunite::derive::fold;
use reunite::ids::{RowId, RowKey};
use reunite::schema::{self, Schema};
use reunite::value::Value;
use reunite::version::Knowledge;
use reunite::{Database, Row, Transaction};

/// Values by column position.
pub type Values = Vec<Value>;
/// Row id and values, by row id.
pub type View = BTreeMap<RowKey, Values>;

/// The values of a row by column position.
pub fn values_of(table: &schema::Table, row: &Row) -> Values {
    table
        .columns
        .iter()
        .map(|column| row.get(&column.name).cloned().expect("every column is there"))
        .collect()
}

/// Everything that a table shows.
pub fn rows_of(table: &Table<'_>) -> Vec<(RowId, Values)> {
    let rows = table.scan().expect("memory does not fail").map(|row| {
        let (id, row) = row.expect("memory does not fail");
        (id, values_of(table.definition(), &row))
    });
    rows.collect()
}

fn view<'a>(schema: &Schema, table: impl Fn(&str) -> Table<'a>) -> View {
    let mut view = View::new();
    for definition in schema.tables() {
        let rows = rows_of(&table(&definition.name)).into_iter();
        view.extend(rows.map(|(row, values)| (RowKey { table: definition.id, row }, values)));
    }
    view
}

pub fn of_database(db: &Database) -> View {
    let snapshot = db.read().expect("memory does not fail");
    view(snapshot.schema(), |name| snapshot.table(name).expect("a table of the schema"))
}

pub fn of_transaction(transaction: &Transaction) -> View {
    view(transaction.schema(), |name| transaction.read_table(name).expect("a table of the schema"))
}

/// All that can be told of a database.
#[derive(Debug, PartialEq)]
pub struct State {
    pub view: View,
    pub conflicts: Vec<ConflictRow>,
    pub digest: [u8; 16],
    pub knowledge: Knowledge,
}

impl State {
    pub fn of(db: &Database) -> State {
        State {
            view: of_database(db),
            conflicts: db.read().expect("memory does not fail").conflicts().expect("memory does not fail"),
            digest: db.digest().expect("memory does not fail"),
            knowledge: db.knowledge().expect("memory does not fail"),
        }
    }

    /// What replicates: without local-only tables.
    pub fn replicated(mut self, schema: &Schema) -> State {
        let local: BTreeSet<_> = schema
            .tables()
            .iter()
            .filter(|table| !table.replicate)
            .collect::<Vec<_>>()
            .into_iter()
            .map(|t| t.id)
            .collect();
        let name =
            |conflict: &ConflictRow| schema.table(&conflict.table).is_some_and(|table| table.replicate);
        self.view.retain(|key, _| !local.contains(&key.table));
        self.conflicts.retain(name);
        self
    }
}

/// A row with the columns of following references folded: such a column shows how its parent is
/// spelled, which a transaction learns when it commits.
pub fn unspelled(schema: &Schema, key: RowKey, values: &Values) -> Values {
    let table = schema.table_by_id(key.table).expect("a table of the schema");
    let mut values = values.clone();
    for column in table.foreign_keys.iter().filter(|key| key.follow).flat_map(|key| &key.columns) {
        values[*column] = fold(table, &[*column], |at| values.get(at)).remove(0);
    }
    values
}

pub fn show(schema: &Schema, view: &View) -> String {
    let mut text = String::new();
    for (key, values) in view {
        let table = schema.table_by_id(key.table).expect("a table of the schema");
        let values: Vec<String> = values.iter().map(|value| value.to_json().to_string()).collect();
        text += &format!("    {} {}: {}\n", table.name, key.row, values.join(", "));
    }
    text
}
