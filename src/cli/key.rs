//! How the command line names rows and their values.
//!
//! A row is named by its primary key as plain text (`ANN`, `10001`), by a JSON array of the key's
//! values (`[10001,2]`), or by a JSON object of any unique key (`{"email":"a@b.c"}`). In a table
//! without a primary key the plain text is the row id.

use anyhow::{Context, anyhow, bail};
use serde_json::Value as Json;

use super::grid::shorten;
use super::open::columns_of;
use crate::commit::WriteError;
use crate::db::{self, ReadTransaction, Row};
use crate::ids::RowId;
use crate::row::Version;
use crate::schema::{Table, UniqueKey};
use crate::script::Object;
use crate::value::Value;

/// The row that `key` names.
pub(super) fn find(table: &db::Table<'_>, key: &str) -> anyhow::Result<RowId> {
    let name = &table.definition().name;
    let missing = || WriteError::NoSuchRow { table: name.clone(), row: key.to_string() };
    Ok(find_visible(table, key)?.ok_or_else(missing)?)
}

/// The row that `key` names, or that of the version, if no row has the key any more.
pub(super) fn find_as_seen(
    table: &db::Table<'_>,
    key: &str,
    version: Option<&Version>,
) -> anyhow::Result<RowId> {
    match (find_visible(table, key)?, version) {
        (Some(row), _) => Ok(row),
        (None, Some(version)) => Ok(version.row()),
        (None, None) => find(table, key),
    }
}

fn find_visible(table: &db::Table<'_>, key: &str) -> anyhow::Result<Option<RowId>> {
    let definition = table.definition();
    Ok(match json_of(key) {
        Some(Json::Object(_)) => {
            let row = row(definition, key)?;
            let (key, values) = unique_key(definition, &row)?;
            table.get_by_key(&key.name, values)?.map(|(row, _)| row)
        }
        Some(Json::Array(values)) => table.row_id(primary_key(definition, &values)?)?,
        Some(value @ Json::String(_)) => table.row_id(primary_key(definition, &[value])?)?,
        _ => by_text(table, key)?,
    })
}

/// The row that `key` names; one that is not in the table by its row id.
pub(super) fn find_known(snapshot: &ReadTransaction, table: &str, key: &str) -> anyhow::Result<RowId> {
    if let Ok(row) = key.parse()
        && snapshot.inspect(table, row)?.is_some()
    {
        return Ok(row);
    }
    find(&snapshot.table(table)?, key)
}

/// A key that begins like a JSON object, array or string and is one.
fn json_of(key: &str) -> Option<Json> {
    if key.starts_with(['{', '[', '"']) { serde_json::from_str(key).ok() } else { None }
}

fn by_text(table: &db::Table<'_>, key: &str) -> anyhow::Result<Option<RowId>> {
    let definition = table.definition();
    let Some(primary) = definition.primary_key() else {
        let id: RowId = key.parse().map_err(|_| {
            anyhow!("table {} has no primary key: name the row by its row id", definition.name)
        })?;
        return Ok(table.row_id(id)?);
    };
    let names = definition.column_names(&primary.columns);
    let [column] = primary.columns.as_slice() else {
        bail!(
            "the key of {} has the columns {}: write it as a JSON array",
            definition.name,
            names.join(", ")
        );
    };
    let Some(column) = definition.columns.get(*column) else { return Ok(None) };
    let value = column.kind.parse(key).map_err(|source| mismatch(definition, &column.name, source))?;
    Ok(table.row_id(vec![value])?)
}

/// The values of the primary key from JSON.
fn primary_key(table: &Table, values: &[Json]) -> anyhow::Result<Vec<Value>> {
    let Some(primary) = table.primary_key() else {
        bail!("table {} has no primary key: name the row by its row id", table.name);
    };
    let names = table.column_names(&primary.columns);
    if names.len() != values.len() {
        bail!("the key of {} has the columns {}, not {}", table.name, names.join(", "), values.len());
    }
    names.iter().zip(values).map(|(name, json)| value(table, name, json)).collect()
}

/// The unique key that has just the columns of `row`, and its values in the key's order.
fn unique_key<'t>(table: &'t Table, row: &Row) -> anyhow::Result<(&'t UniqueKey, Vec<Value>)> {
    let found = table.keys.iter().find_map(|key| {
        let names = table.column_names(&key.columns);
        let values: Vec<Value> = names.iter().filter_map(|name| row.get(name)).cloned().collect();
        (values.len() == key.columns.len() && row.len() == values.len()).then_some((key, values))
    });
    found.with_context(|| {
        let keys = table.keys.iter().map(|key| format!("({})", table.column_names(&key.columns).join(", ")));
        let keys: Vec<String> = keys.collect();
        format!(
            "table {} has no unique key of just these columns: its keys are {}",
            table.name,
            keys.join(", ")
        )
    })
}

/// A row from a JSON object: values by column name.
pub(super) fn row(table: &Table, text: &str) -> anyhow::Result<Row> {
    let object: Object = serde_json::from_str(text).map_err(|error| {
        anyhow!("'{}' is no JSON object of columns and values: {error}", shorten(text, 60))
    })?;
    let mut row = Row::new();
    for (name, json) in object.members() {
        set(&mut row, table, name, json)?;
    }
    Ok(row)
}

/// Takes a column from JSON into a row.
pub(super) fn set(row: &mut Row, table: &Table, name: &str, json: &Json) -> anyhow::Result<()> {
    let value = value(table, name, json)?;
    if row.get(name).is_some() {
        bail!("the column {name} is named twice");
    }
    row.set(name, value);
    Ok(())
}

fn value(table: &Table, name: &str, json: &Json) -> anyhow::Result<Value> {
    let column = column(table, name)?;
    column.kind.from_json(json).map_err(|source| mismatch(table, &column.name, source))
}

/// The column of this name; the error lists those that there are.
pub(super) fn column<'t>(table: &'t Table, name: &str) -> anyhow::Result<&'t crate::schema::Column> {
    let unknown =
        || anyhow!("table {} has no column {name}: its columns are {}", table.name, columns_of(table));
    table.column(name).map(|(_, column)| column).ok_or_else(unknown)
}

fn mismatch(table: &Table, name: &str, source: crate::value::ValueError) -> anyhow::Error {
    let Some((_, column)) = table.column(name) else { return source.into() };
    let (table, column_name) = (table.name.clone(), column.name.clone());
    WriteError::TypeMismatch { table, column: column_name, expected: column.kind, source }.into()
}
