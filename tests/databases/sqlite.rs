//! P4: the visible tables load into SQLite under real keys, references and checks.

use std::fmt::Write as _;

use reunite::Database;
use reunite::schema::{Schema, Table};
use reunite::value::{Collation, Type, Value};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params_from_iter};

use super::perform::rows_of;
use crate::world::story::{Checked, Failure, ensure};

/// Loads all tables in one transaction; SQLite refuses what violates a constraint.
pub fn loads(db: &Database, schema: &Schema) -> Checked {
    let refused = |error: rusqlite::Error| Failure(format!("P4 SQLite refuses the visible tables: {error}"));
    let sqlite = Connection::open_in_memory().map_err(refused)?;
    sqlite.execute_batch(&definitions(schema)).map_err(refused)?;
    for table in schema.tables() {
        let holes = vec!["?"; table.columns.len()].join(", ");
        let mut insert =
            sqlite.prepare(&format!("INSERT INTO {} VALUES ({holes})", table.name)).map_err(refused)?;
        for (_, values) in rows_of(db, table) {
            let values =
                values.iter().zip(&table.columns).map(|(value, column)| sql_value(value, column.collation));
            insert.execute(params_from_iter(values)).map_err(refused)?;
        }
    }
    sqlite.execute_batch("COMMIT").map_err(refused)?;
    let mut check = sqlite.prepare("PRAGMA foreign_key_check").map_err(refused)?;
    let violated = check.exists([]).map_err(refused)?;
    ensure(!violated, || "P4 PRAGMA foreign_key_check finds an orphan".to_owned())
}

fn definitions(schema: &Schema) -> String {
    let mut sql = String::from("PRAGMA foreign_keys = ON; BEGIN;");
    for table in schema.tables() {
        let columns = table.columns.iter().map(|column| {
            let kind = if column.kind == Type::Integer { "INTEGER" } else { "TEXT" };
            let null = if column.nullable { "" } else { " NOT NULL" };
            let collation = if column.collation == Collation::NoCase { " COLLATE NOCASE" } else { "" };
            format!("{} {kind}{null}{collation}", column.name)
        });
        let mut parts: Vec<String> = columns.collect();
        parts.extend(table.keys.iter().map(|key| format!("UNIQUE ({})", names(table, &key.columns))));
        for foreign_key in &table.foreign_keys {
            let parent = schema.table_by_id(foreign_key.parent).expect("a table of the schema");
            let key = parent.key(foreign_key.key).expect("a key of the parent");
            parts.push(format!(
                "FOREIGN KEY ({}) REFERENCES {} ({}) DEFERRABLE INITIALLY DEFERRED",
                names(table, &foreign_key.columns),
                parent.name,
                names(parent, &key.columns)
            ));
        }
        let name = |column: usize| table.columns[column].name.clone();
        parts.extend(table.checks.iter().map(|check| format!("CHECK ({})", check.rule.to_sql(&name))));
        write!(sql, "CREATE TABLE {} ({});", table.name, parts.join(", ")).expect("a text grows");
    }
    sql
}

fn names(table: &Table, columns: &[usize]) -> String {
    table.column_names(columns).join(", ")
}

/// SQLite has no collation for Unicode: there it compares the folded text.
fn sql_value(value: &Value, collation: Collation) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Integer(number) => SqlValue::Integer(*number),
        Value::Text(text) if collation == Collation::UnicodeNoCase => {
            SqlValue::Text(collation.fold(text).into_owned())
        }
        Value::Text(text) => SqlValue::Text(text.clone()),
        Value::Json(json) => SqlValue::Text(json.as_str().to_owned()),
        other => unreachable!("the histories have no {other:?}"),
    }
}
