//! How large a schema may be. The limits keep every schema writable as SQL, within those of the parser.

use super::SchemaError;
use super::builder::{Problem, TableDraft};

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 128;
/// The most tables of a schema.
pub const MAX_TABLES: usize = 1000;
/// The most columns of a table, as in SQLite.
pub const MAX_COLUMNS: usize = 2000;
/// The most constraints and indexes of a table.
pub const MAX_CONSTRAINTS: usize = 1000;

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
