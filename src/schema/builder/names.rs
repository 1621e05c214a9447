//! Names: which are allowed, which are taken, and the default names of constraints.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Name, Problem, TableDraft};
use crate::schema::limits::MAX_NAME_BYTES;
use crate::schema::{SchemaError, Table};

/// Conflict tables are named after their table.
const RESERVED_ENDING: &str = "_conflict";

/// Refuses bad and repeated names of tables and columns, and bad names of constraints.
pub(super) fn validate(drafts: &[TableDraft]) -> Result<(), Problem> {
    let mut tables = BTreeSet::new();
    for draft in drafts {
        well_formed("table", &draft.name)?;
        if draft.name.text.to_ascii_lowercase().ends_with(RESERVED_ENDING) {
            return Err(bad(
                "table",
                &draft.name,
                "ends in _conflict, which names conflict tables: choose another",
            ));
        }
        if !tables.insert(draft.name.text.to_ascii_lowercase()) {
            return Err(taken("table", &draft.name, ""));
        }
        let mut columns = BTreeSet::new();
        for column in &draft.columns {
            well_formed("column", &column.name)?;
            if !columns.insert(column.name.text.to_ascii_lowercase()) {
                return Err(taken("column", &column.name, &format!(" in table {:?}", draft.name.text)));
            }
        }
        let keys = draft.primary_keys.iter().chain(&draft.unique_keys).map(|key| &key.name);
        let foreign_keys = draft.foreign_keys.iter().map(|foreign_key| &foreign_key.name);
        let checks = draft.checks.iter().map(|check| &check.name);
        keys.chain(foreign_keys)
            .chain(checks)
            .flatten()
            .try_for_each(|name| well_formed("constraint", name))?;
        draft
            .indexes
            .iter()
            .filter_map(|i| i.name.as_ref())
            .try_for_each(|name| well_formed("index", name))?;
    }
    Ok(())
}

fn well_formed(what: &'static str, name: &Name) -> Result<(), Problem> {
    if name.text.is_empty() {
        return Err(bad(what, name, "is empty: name it"));
    }
    if name.text.len() > MAX_NAME_BYTES {
        return Err(bad(what, name, "is longer than 128 bytes: choose a shorter one"));
    }
    if name.text.chars().any(char::is_control) {
        return Err(bad(what, name, "has a control character: leave it out"));
    }
    Ok(())
}

fn bad(what: &'static str, name: &Name, problem: &'static str) -> Problem {
    SchemaError::BadName { what, name: name.text.clone(), problem }.at(name.at)
}

fn taken(what: &'static str, name: &Name, place: &str) -> Problem {
    let place = place.to_owned();
    SchemaError::DuplicateName { what, name: name.text.clone(), place }.at(name.at)
}

/// Names all constraints. Names of keys and indexes are unique in the database, those of a table's
/// keys, foreign keys and checks in the table. Given names come first; a default name that is taken
/// gets a number, as in PostgreSQL.
pub(super) fn assign(drafts: &[TableDraft], tables: &mut [Table]) -> Result<(), Problem> {
    let mut database = BTreeSet::new();
    let mut scopes = Vec::with_capacity(drafts.len());
    let table_names: BTreeSet<String> = tables.iter().map(|table| table.name.to_ascii_lowercase()).collect();
    for draft in drafts {
        scopes.push(given(draft, &mut database, &table_names)?);
    }
    for ((draft, table), scope) in drafts.iter().zip(tables).zip(&mut scopes) {
        let mut taken = Taken { table: scope, database: &mut database, numbers: BTreeMap::new() };
        let keys = draft.primary_keys.iter().chain(&draft.unique_keys);
        let defaults: Vec<String> = (0..table.keys.len()).map(|at| default_key(table, at)).collect();
        for ((written, key), default) in keys.zip(&mut table.keys).zip(defaults) {
            key.name = taken.name(written.name.as_ref(), default, true);
        }
        let defaults: Vec<String> =
            (0..table.foreign_keys.len()).map(|at| default_foreign_key(table, at)).collect();
        for ((written, key), default) in draft.foreign_keys.iter().zip(&mut table.foreign_keys).zip(defaults)
        {
            key.name = taken.name(written.name.as_ref(), default, false);
        }
        let defaults: Vec<String> = (0..table.checks.len()).map(|at| default_check(table, at)).collect();
        for ((written, check), default) in draft.checks.iter().zip(&mut table.checks).zip(defaults) {
            check.name = taken.name(written.name.as_ref(), default, false);
        }
        for (written, index) in draft.indexes.iter().zip(&mut table.indexes) {
            index.name = written.name.as_ref().map(|name| name.text.clone()).unwrap_or_default();
        }
    }
    Ok(())
}

/// Takes the names that a table's constraints were given. The names taken in the table.
fn given(
    draft: &TableDraft,
    database: &mut BTreeSet<String>,
    tables: &BTreeSet<String>,
) -> Result<BTreeSet<String>, Problem> {
    let mut scope = BTreeSet::new();
    let place = format!(" in table {:?}", draft.name.text);
    let keys = draft.primary_keys.iter().chain(&draft.unique_keys);
    for name in keys.filter_map(|key| key.name.as_ref()) {
        if !database.insert(name.text.to_ascii_lowercase()) {
            return Err(taken("constraint", name, ""));
        }
        scope.insert(name.text.to_ascii_lowercase());
    }
    for name in draft.indexes.iter().filter_map(|index| index.name.as_ref()) {
        let folded = name.text.to_ascii_lowercase();
        if tables.contains(&folded) || !database.insert(folded) {
            return Err(taken("index", name, ""));
        }
    }
    let foreign_keys = draft.foreign_keys.iter().map(|foreign_key| &foreign_key.name);
    for name in foreign_keys.chain(draft.checks.iter().map(|check| &check.name)).flatten() {
        if !scope.insert(name.text.to_ascii_lowercase()) {
            return Err(taken("constraint", name, &place));
        }
    }
    Ok(scope)
}

/// The names that are taken, in lower case.
struct Taken<'a> {
    /// Of keys, foreign keys and checks of one table.
    table: &'a mut BTreeSet<String>,
    /// Of keys and indexes.
    database: &'a mut BTreeSet<String>,
    /// The last number behind each default name: those before it are taken.
    numbers: BTreeMap<String, u32>,
}

impl Taken<'_> {
    /// The name given, else the default with the first number that makes it free.
    fn name(&mut self, given: Option<&Name>, default: String, is_key: bool) -> String {
        if let Some(name) = given {
            return name.text.clone();
        }
        let number = self.numbers.entry(default.to_ascii_lowercase()).or_default();
        let mut name = default.clone();
        loop {
            if *number > 0 {
                name = format!("{default}{number}");
            }
            *number += 1;
            let folded = name.to_ascii_lowercase();
            if self.table.contains(&folded) || is_key && self.database.contains(&folded) {
                continue;
            }
            if is_key {
                self.database.insert(folded.clone());
            }
            self.table.insert(folded);
            return name;
        }
    }
}

/// The default name of the key at this place: `customer_pkey`, `customer_email_key`.
pub(in crate::schema) fn default_key(table: &Table, at: usize) -> String {
    match table.keys.get(at) {
        Some(_) if at == 0 && table.has_primary_key => default_name(table, &[], "pkey"),
        key => default_name(table, key.map_or(&[], |key| &key.columns), "key"),
    }
}

/// The default name of the foreign key at this place: `orders_customer_fkey`.
pub(in crate::schema) fn default_foreign_key(table: &Table, at: usize) -> String {
    default_name(table, table.foreign_keys.get(at).map_or(&[], |key| &key.columns), "fkey")
}

/// The default name of the check at this place: `s_lo_hi_check`.
pub(in crate::schema) fn default_check(table: &Table, at: usize) -> String {
    let columns = table.checks.get(at).map(|check| check.rule.columns()).unwrap_or_default();
    default_name(table, &columns, "check")
}

/// Cut so that a number still fits behind it.
fn default_name(table: &Table, columns: &[usize], ending: &str) -> String {
    let mut name = table.name.clone();
    for column in table.column_names(columns) {
        name.push('_');
        name.push_str(column);
    }
    let room = MAX_NAME_BYTES - ending.len() - 8;
    let cut = (0..=room.min(name.len())).rev().find(|&end| name.is_char_boundary(end));
    name.truncate(cut.unwrap_or(0));
    format!("{name}_{ending}")
}
