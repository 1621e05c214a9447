//! Operations of a history, done to a database through its public face.

use reunite::db::ResolveWith;
use reunite::ids::{RowId, RowKey};
use reunite::schema::{Schema, Table};
use reunite::value::Value;
use reunite::{Database, Row, Transaction, WriteError};

use crate::model::{Choice, Values};
use crate::world::generate::Operation;

/// Runs a transaction. The rows that it inserts get their ids from the database: the operations are told.
pub fn transact(db: &Database, operations: &mut [Operation]) -> Result<(), WriteError> {
    finish(db.begin()?, &db.schema(), operations)
}

/// Does everything in a transaction that was begun, and commits it.
pub fn finish(
    mut transaction: Transaction,
    schema: &Schema,
    operations: &mut [Operation],
) -> Result<(), WriteError> {
    for operation in operations {
        perform(&mut transaction, schema, operation)?;
    }
    transaction.commit()
}

fn perform(
    transaction: &mut Transaction,
    schema: &Schema,
    operation: &mut Operation,
) -> Result<(), WriteError> {
    match operation {
        Operation::Insert { row, values } => {
            let table = table(schema, *row);
            row.row = transaction.table(&table.name)?.insert(named(table, values))?;
            Ok(())
        }
        Operation::Update { row, values, force } => {
            let table = table(schema, *row);
            let values = named(table, values);
            let mut rows = transaction.table(&table.name)?;
            if *force { rows.update_forced(row.row, values) } else { rows.update(row.row, values) }
        }
        Operation::Increment { row, amounts } => {
            let table = table(schema, *row);
            transaction.table(&table.name)?.increment(row.row, named(table, amounts))
        }
        Operation::Delete { row } => transaction.table(&table(schema, *row).name)?.delete(row.row),
        Operation::Undelete { row } => transaction.table(&table(schema, *row).name)?.undelete(row.row),
        Operation::Merge { row, into } => {
            transaction.table(&table(schema, *row).name)?.merge(row.row, into.row)
        }
        Operation::Prefer { row } => transaction.table(&table(schema, *row).name)?.prefer(row.row),
        Operation::Undo { conflict } => transaction.undo(conflict.id()),
        Operation::Resolve { conflict, choice } => {
            let how = resolution(table(schema, conflict.row), choice);
            match how {
                ResolveWith::Dismiss => transaction.dismiss(conflict.id()),
                how => transaction.resolve(conflict.id(), how),
            }
        }
    }
}

fn resolution(table: &Table, choice: &Choice) -> ResolveWith {
    match choice {
        Choice::KeepWinner => ResolveWith::KeepWinner,
        Choice::KeepLoser => ResolveWith::KeepLoser,
        Choice::Set(values) => ResolveWith::Set(named(table, values)),
        Choice::Rename(values) => ResolveWith::Rename(named(table, values)),
        Choice::Prefer => ResolveWith::Prefer,
        Choice::Reparent(values) => ResolveWith::Reparent(named(table, values)),
        Choice::RestoreParent => ResolveWith::RestoreParent,
        Choice::Merge => ResolveWith::Merge,
        Choice::KeepBoth(values) => ResolveWith::KeepBoth(named(table, values)),
        Choice::Delete => ResolveWith::Delete,
        Choice::Dismiss => ResolveWith::Dismiss,
    }
}

fn table(schema: &Schema, row: RowKey) -> &Table {
    schema.table_by_id(row.table).expect("a table of the schema")
}

pub fn named(table: &Table, values: &Values) -> Row {
    values.iter().map(|(column, value)| (table.columns[*column].name.as_str(), value.clone())).collect()
}

/// The rows of a table: id and values by column position.
pub fn rows_of(db: &Database, table: &Table) -> Vec<(RowId, Vec<Value>)> {
    let snapshot = db.read().expect("memory does not fail");
    let rows = snapshot.table(&table.name).expect("a table of the schema");
    let rows = rows.scan().expect("memory does not fail").map(|row| {
        let (id, row) = row.expect("memory does not fail");
        let values = table.columns.iter().map(|column| row.get(&column.name).cloned().unwrap_or_default());
        (id, values.collect())
    });
    rows.collect()
}
