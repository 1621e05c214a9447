//! Tables whose primary key names their rows: what the key may be, since it never changes.

use super::draft::{Problem, TableDraft};
use crate::schema::{DuplicateRule, SchemaError, Table};

/// Refuses a table whose rows its primary key cannot name.
pub(super) fn validate(draft: &TableDraft, table: &Table) -> Result<(), Problem> {
    if draft.identity.is_random() {
        return Ok(());
    }
    let name = || table.name.clone();
    let Some(key) = table.natural_key() else {
        return Err(SchemaError::NaturalWithoutKey { table: name() }.at(draft.identity_at));
    };
    if key.duplicates == DuplicateRule::Merge {
        let columns = table.column_names(&key.columns).join(", ");
        return Err(SchemaError::NaturalMerge { table: name(), columns }.at(draft.identity_at));
    }
    for unit in &draft.units {
        let positions = unit.iter().map(|name| table.column(&name.text).map(|(position, _)| position));
        let (inside, outside): (Vec<_>, Vec<_>) =
            positions.flatten().partition(|position| key.columns.contains(position));
        if let (Some(column), false) = (inside.first(), outside.is_empty()) {
            let column = table.column_names(&[*column]).join("");
            let at = unit.first().map(|name| name.at).unwrap_or_default();
            return Err(SchemaError::NaturalUnit { table: name(), column }.at(at));
        }
    }
    Ok(())
}
