//! The JSON of a script as the values of a table's columns, and the rows that a script means.

use super::command::RowName;
use super::failure::Failure;
use super::names::ScriptNames;
use super::objects::Object;
use crate::commit::WriteError;
use crate::db::{self, Row};
use crate::ids::RowId;
use crate::schema::{Table, UniqueKey};
use crate::value::Value;

/// Values by column name, of the types that the columns have.
pub(super) fn row_of(table: &Table, object: &Object) -> Result<Row, Failure> {
    let mut row = Row::new();
    for (name, json) in object.members() {
        let Some((_, column)) = table.column(name) else {
            return Err(
                WriteError::UnknownColumn { table: table.name.clone(), column: name.to_owned() }.into()
            );
        };
        let value = column.kind.from_json(json).map_err(|source| WriteError::TypeMismatch {
            table: table.name.clone(),
            column: column.name.clone(),
            expected: column.kind,
            source,
        })?;
        if row.get(name).is_some() {
            return Err(Failure::new(
                "unknown-column",
                format!("column {} of {} is named twice", column.name, table.name),
            ));
        }
        row.set(&column.name, value);
    }
    Ok(row)
}

/// The unique key that has just the columns that a row names, and its values in that order.
fn key_of<'t>(table: &'t Table, row: &Row) -> Result<(&'t UniqueKey, Vec<Value>), Failure> {
    let values = |key: &UniqueKey| {
        let names = table.column_names(&key.columns);
        let values: Option<Vec<Value>> = names.iter().map(|name| row.get(name).cloned()).collect();
        values.filter(|values| values.len() == row.len())
    };
    let found = table.keys.iter().find_map(|key| values(key).map(|values| (key, values)));
    found.ok_or_else(|| {
        let named: Vec<&str> = row.iter().map(|(name, _)| name).collect();
        let named = named.join(", ");
        Failure::new("unknown-column", format!("table {} has no unique key over just {named}", table.name))
    })
}

/// The row that a script means; none if it has no such name, or no visible row has such a key. A row
/// with a name need not be visible.
pub(super) fn row_called(
    table: &db::Table<'_>,
    row: &RowName,
    names: &ScriptNames,
) -> Result<Option<RowId>, Failure> {
    let definition = table.definition();
    match row {
        RowName::Script(name) => Ok(names.row_called(&definition.name, name)),
        RowName::Key(object) => {
            let named = row_of(definition, object)?;
            let (key, values) = key_of(definition, &named)?;
            Ok(table.get_by_key(&key.name, values)?.map(|(row, _)| row))
        }
    }
}

pub(super) fn no_such_row(table: &str, row: &RowName) -> Failure {
    let message = match row {
        RowName::Script(name) => format!("no row of {table} is called {name}"),
        RowName::Key(object) => format!("table {table} has no row {object}"),
    };
    Failure::new("no-such-row", message)
}
