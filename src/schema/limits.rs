//! How large a schema may be. The limits keep every schema writable as SQL, within those of the parser.

use super::builder::{Problem, TableDraft};
use super::{Schema, SchemaError, ddl};
use crate::schema::builder::Position;

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 128;
/// The most tables of a schema.
pub const MAX_TABLES: usize = 1000;
/// The most columns of a table, as in SQLite.
pub const MAX_COLUMNS: usize = 2000;
/// The most constraints and indexes of a table.
pub const MAX_CONSTRAINTS: usize = 1000;
/// The longest SQL statement, in bytes; every table and index has to be writable as one.
pub const MAX_STATEMENT_BYTES: usize = 64 << 10;
/// The longest SQL text of a schema, in bytes. Reading takes up to a hundred times as much memory.
pub const MAX_SCHEMA_BYTES: usize = 1 << 20;

/// Refuses a table that is empty or too large.
pub(super) fn table(draft: &TableDraft) -> Result<(), Problem> {
    let table = draft.name.text.clone();
    if draft.columns.is_empty() {
        return Err(SchemaError::NoColumns { table }.at(draft.name.at));
    }
    let keys = draft.primary_keys.len() + draft.unique_keys.len() + draft.foreign_keys.len();
    let constraints = keys + draft.checks.len() + draft.indexes.len();
    at_most(draft, draft.columns.len(), "columns", MAX_COLUMNS)?;
    at_most(draft, constraints, "constraints and indexes", MAX_CONSTRAINTS)
}

fn at_most(draft: &TableDraft, count: usize, unit: &'static str, limit: usize) -> Result<(), Problem> {
    if count <= limit {
        return Ok(());
    }
    let what = format!("table {:?}", draft.name.text);
    Err(SchemaError::Limit { what, count, unit, limit }.at(draft.name.at))
}

/// Refuses too many tables.
pub(super) fn tables(drafts: &[TableDraft]) -> Result<(), Problem> {
    match drafts.get(MAX_TABLES) {
        None => Ok(()),
        Some(draft) => {
            let (what, count) = ("the schema".to_owned(), drafts.len());
            Err(SchemaError::Limit { what, count, unit: "tables", limit: MAX_TABLES }.at(draft.name.at))
        }
    }
}

/// Refuses a schema that could not be read back from its SQL.
pub(super) fn text(schema: &Schema) -> Result<(), Problem> {
    let statements = ddl::statements(schema.tables(), |id| schema.table_by_id(id));
    let exceeds = |what: String, count, limit| {
        SchemaError::Limit { what, count, unit: "bytes", limit }.at(Position::default())
    };
    for statement in statements.iter().map(|statement| statement.trim_end_matches([';', '\n'])) {
        if statement.len() > MAX_STATEMENT_BYTES {
            let head: String = statement.chars().take_while(|letter| *letter != '(').collect();
            let what = format!("the statement {}", head.trim());
            return Err(exceeds(what, statement.len(), MAX_STATEMENT_BYTES));
        }
    }
    let size = statements.iter().map(String::len).sum();
    if size > MAX_SCHEMA_BYTES {
        return Err(exceeds("the SQL of the schema".to_owned(), size, MAX_SCHEMA_BYTES));
    }
    Ok(())
}
