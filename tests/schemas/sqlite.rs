//! The same schema and rows in SQLite, under real keys, references and checks.
//!
//! SQLite has no collation for Unicode: there a column beside it holds the folded text, and stands for
//! it in keys and references.

use std::fmt::Write as _;

use reunite::ids::{RowId, RowKey};
use reunite::schema::{OnDelete, OnUpdate, Schema, Table};
use reunite::value::{Collation, Type, Value};
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params_from_iter};

use crate::story::{Checked, Failure, ensure};
use crate::view::{Values, View};

/// P4: the rows load in one transaction; SQLite refuses what violates a constraint.
pub fn loads(schema: &Schema, view: &View) -> Checked {
    load(schema, view)
        .map(drop)
        .map_err(|error| Failure(format!("P4 SQLite refuses the visible tables: {error}")))
}

/// A database with these rows.
pub fn load(schema: &Schema, view: &View) -> Checked<Connection> {
    let text = |error: rusqlite::Error| error.to_string();
    let sqlite = Connection::open_in_memory().map_err(text)?;
    sqlite.execute_batch(&definitions(schema)).map_err(text)?;
    // References are looked at when all rows are there.
    sqlite.execute_batch("PRAGMA foreign_keys = OFF; BEGIN").map_err(text)?;
    for (key, values) in view {
        insert(&sqlite, schema, *key, values).map_err(text)?;
    }
    sqlite.execute_batch("COMMIT").map_err(text)?;
    let violated =
        sqlite.prepare("PRAGMA foreign_key_check").and_then(|mut check| check.exists([])).map_err(text)?;
    ensure(!violated, || "PRAGMA foreign_key_check finds an orphan".to_owned())?;
    sqlite.execute_batch("PRAGMA foreign_keys = ON").map_err(text)?;
    Ok(sqlite)
}

pub fn insert(sqlite: &Connection, schema: &Schema, key: RowKey, values: &Values) -> rusqlite::Result<()> {
    let table = schema.table_by_id(key.table).expect("a table of the schema");
    let mut all = vec![SqlValue::Text(key.row.to_string())];
    all.extend(values.iter().map(sql_value));
    all.extend(folded(table).map(|at| sql_folded(&values[at])));
    let holes = vec!["?"; all.len()].join(", ");
    sqlite
        .prepare_cached(&format!("INSERT INTO {} VALUES ({holes})", table.name))?
        .execute(params_from_iter(all))?;
    Ok(())
}

pub fn update(
    sqlite: &Connection,
    table: &Table,
    row: RowId,
    changes: &[(usize, Value)],
) -> rusqlite::Result<()> {
    let names: Vec<String> =
        changes.iter().map(|(at, _)| format!("{} = ?", table.columns[*at].name)).collect();
    let mut values: Vec<SqlValue> = changes.iter().map(|(_, value)| sql_value(value)).collect();
    values.push(SqlValue::Text(row.to_string()));
    let sql = format!("UPDATE {} SET {} WHERE rid = ?", table.name, names.join(", "));
    sqlite.prepare_cached(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}

pub fn delete(sqlite: &Connection, table: &Table, row: RowId) -> rusqlite::Result<()> {
    let sql = format!("DELETE FROM {} WHERE rid = ?", table.name);
    sqlite.prepare_cached(&sql)?.execute([row.to_string()])?;
    Ok(())
}

/// The rows of a table by row id, as text, with the values that SQLite stores.
pub fn rows(sqlite: &Connection, table: &Table) -> Vec<(String, Vec<SqlValue>)> {
    let mut select = sqlite.prepare_cached(&format!("SELECT * FROM {} ORDER BY rid", table.name)).unwrap();
    let rows = select.query_map([], |row| {
        let values = (1..=table.columns.len()).map(|at| row.get(at)).collect::<Result<_, _>>()?;
        Ok((row.get(0)?, values))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn definitions(schema: &Schema) -> String {
    let mut sql = String::new();
    for table in schema.tables() {
        let columns = table.columns.iter().map(|column| {
            let null = if column.nullable { "" } else { " NOT NULL" };
            let collation = if column.collation == Collation::NoCase { " COLLATE NOCASE" } else { "" };
            format!("{} {}{null}{collation}", column.name, affinity(column.kind))
        });
        let mut parts = vec!["rid TEXT UNIQUE NOT NULL".to_owned()];
        parts.extend(columns);
        parts.extend(folded(table).map(|at| format!("{}_folded TEXT", table.columns[at].name)));
        parts.extend(table.keys.iter().map(|key| format!("UNIQUE ({})", names(table, &key.columns))));
        for foreign_key in &table.foreign_keys {
            let parent = schema.table_by_id(foreign_key.parent).expect("a table of the schema");
            let key = parent.key(foreign_key.key).expect("a key of the parent");
            let on_delete = match foreign_key.on_delete {
                OnDelete::Restrict => "NO ACTION",
                OnDelete::Cascade => "CASCADE",
                OnDelete::SetNull => "SET NULL",
            };
            let on_update = match (foreign_key.on_update, foreign_key.follow) {
                (OnUpdate::Default, false) => "NO ACTION",
                (OnUpdate::Restrict, _) => "RESTRICT",
                (OnUpdate::Default, true) | (OnUpdate::Cascade, _) => "CASCADE",
                (OnUpdate::SetNull, _) => "SET NULL",
            };
            parts.push(format!(
                "FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {on_delete} ON UPDATE {on_update} \
                 DEFERRABLE INITIALLY DEFERRED",
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

const fn affinity(kind: Type) -> &'static str {
    match kind {
        Type::Boolean | Type::Integer | Type::Timestamp => "INTEGER",
        Type::Real => "REAL",
        Type::Text | Type::Json => "TEXT",
        Type::Blob | Type::Uuid => "BLOB",
    }
}

fn folded(table: &Table) -> impl Iterator<Item = usize> + '_ {
    (0..table.columns.len()).filter(|at| table.columns[*at].collation == Collation::UnicodeNoCase)
}

fn names(table: &Table, columns: &[usize]) -> String {
    let name = |at: &usize| match table.columns[*at].collation {
        Collation::UnicodeNoCase => format!("{}_folded", table.columns[*at].name),
        _ => table.columns[*at].name.clone(),
    };
    columns.iter().map(name).collect::<Vec<_>>().join(", ")
}

pub fn sql_value(value: &Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Boolean(boolean) => SqlValue::Integer(i64::from(*boolean)),
        Value::Integer(number) => SqlValue::Integer(*number),
        Value::Real(_) => SqlValue::Real(value.as_real().expect("a REAL")),
        Value::Text(text) => SqlValue::Text(text.clone()),
        Value::Blob(bytes) => SqlValue::Blob(bytes.clone()),
        Value::Uuid(uuid) => SqlValue::Blob(uuid.as_bytes().to_vec()),
        Value::Timestamp(timestamp) => SqlValue::Integer(timestamp.0),
        Value::Json(json) => SqlValue::Text(json.as_str().to_owned()),
    }
}

fn sql_folded(value: &Value) -> SqlValue {
    match value {
        Value::Text(text) => SqlValue::Text(Collation::UnicodeNoCase.fold(text).into_owned()),
        other => sql_value(other),
    }
}
