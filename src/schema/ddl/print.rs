//! The canonical SQL of a schema: one text for each, in which nothing is said that goes without saying.

use super::words::quoted;
use crate::ids::TableId;
use crate::schema::builder::{constraint_groups, default_check, default_foreign_key, default_key, joined};
use crate::schema::{
    Column, ColumnRule, DeleteRule, DuplicateRule, Expression, ForeignKey, Identity, OnDelete, OnUpdate,
    Table, Tracking, Unit, WinnerRule,
};
use crate::value::{Collation, Value};

/// The statements, each with its semicolon and line end: every table, followed by its indexes.
pub(in crate::schema) fn statements<'a>(
    tables: &'a [Table],
    by_id: impl Fn(TableId) -> Option<&'a Table>,
) -> Vec<String> {
    let mut statements = Vec::new();
    for table in tables {
        let mut lines: Vec<String> =
            table.columns.iter().enumerate().map(|(at, c)| column(table, at, c)).collect();
        lines.extend((0..table.keys.len()).map(|at| key(table, at)));
        for (at, foreign_key) in table.foreign_keys.iter().enumerate() {
            lines.push(reference(table, at, foreign_key, by_id(foreign_key.parent)));
        }
        lines.extend((0..table.checks.len()).map(|at| check(table, at)));
        let (name, lines, options) = (quoted(&table.name), lines.join(",\n  "), options(table));
        statements.push(format!("CREATE TABLE {name} (\n  {lines}\n){options};\n"));
        for index in &table.indexes {
            let columns = columns(table, &index.columns);
            statements.push(format!("CREATE INDEX {} ON {name} ({columns});\n", quoted(&index.name)));
        }
    }
    statements
}

fn column(table: &Table, at: usize, column: &Column) -> String {
    let mut line = format!("{} {}", quoted(&column.name), column.kind);
    if column.collation != Collation::Binary {
        line.push_str(&format!(" COLLATE {}", column.collation));
    }
    let in_primary_key = table.primary_key().is_some_and(|key| key.columns.contains(&at));
    if !column.nullable && !in_primary_key {
        line.push_str(" NOT NULL");
    }
    if column.default != Value::Null {
        let default = Expression::Literal(column.default.clone()).to_sql(&|_| String::new());
        line.push_str(&format!(" DEFAULT {default}"));
    }
    line
}

/// `CONSTRAINT name `, unless the name is the default.
///
/// A default name can be left out because names are unique: no other constraint takes it when the text
/// is read. A default name with a number is written.
fn named(name: &str, default: &str) -> String {
    if name == default { String::new() } else { format!("CONSTRAINT {} ", quoted(name)) }
}

fn key(table: &Table, at: usize) -> String {
    let Some(key) = table.keys.get(at) else { return String::new() };
    let what = if at == 0 && table.has_primary_key { "PRIMARY KEY" } else { "UNIQUE" };
    let name = named(&key.name, &default_key(table, at));
    format!("{name}{what} ({})", columns(table, &key.columns))
}

fn reference(table: &Table, at: usize, foreign_key: &ForeignKey, parent: Option<&Table>) -> String {
    let name = named(&foreign_key.name, &default_foreign_key(table, at));
    let own = columns(table, &foreign_key.columns);
    let target = parent.and_then(|parent| {
        let key = parent.key(foreign_key.key)?;
        Some(format!("{} ({})", quoted(&parent.name), columns(parent, &key.columns)))
    });
    let on_delete = match foreign_key.on_delete {
        OnDelete::Restrict => "",
        OnDelete::Cascade => " ON DELETE CASCADE",
        OnDelete::SetNull => " ON DELETE SET NULL",
    };
    let on_update = match foreign_key.on_update {
        OnUpdate::Default => "",
        OnUpdate::Restrict => " ON UPDATE RESTRICT",
        OnUpdate::Cascade => " ON UPDATE CASCADE",
        OnUpdate::SetNull => " ON UPDATE SET NULL",
    };
    format!("{name}FOREIGN KEY ({own}) REFERENCES {}{on_delete}{on_update}", target.unwrap_or_default())
}

fn check(table: &Table, at: usize) -> String {
    let Some(check) = table.checks.get(at) else { return String::new() };
    let name = named(&check.name, &default_check(table, at));
    let column = |at: usize| table.columns.get(at).map(|column| quoted(&column.name)).unwrap_or_default();
    format!("{name}CHECK ({})", check.rule.to_sql(&column))
}

fn columns(table: &Table, positions: &[usize]) -> String {
    table.column_names(positions).into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

fn options(table: &Table) -> String {
    let mut options = Vec::new();
    let mut option =
        |name: &str, value: &str| options.push(format!("{name} = '{}'", value.replace('\'', "''")));
    if table.identity == Identity::Natural {
        option("identity", "natural");
    }
    if table.tracking == Tracking::Row {
        option("tracking", "row");
    }
    if table.winner == WinnerRule::Priority {
        option("winner", "priority");
    }
    match table.deletes {
        DeleteRule::DeleteWins => {}
        DeleteRule::UpdateWins => option("deletes", "update wins"),
        DeleteRule::LatestWins => option("deletes", "latest wins"),
    }
    let merging = table.keys.iter().filter(|key| key.duplicates == DuplicateRule::Merge);
    let merging: Vec<String> = merging.map(|key| list(table, &key.columns)).collect();
    if !merging.is_empty() {
        option("merge_duplicates", &merging.join(", "));
    }
    let match_key = match_key(table);
    if !match_key.is_empty() {
        option("match_key", &match_key.join(", "));
    }
    let units = declared_units(table);
    if !units.is_empty() {
        option("units", &units.join(", "));
    }
    for rule in [ColumnRule::Max, ColumnRule::Min, ColumnRule::Sum, ColumnRule::Union] {
        let combined = table.columns.iter().filter(|column| column.rule == rule);
        let combined: Vec<String> = combined.map(|column| quoted(&column.name)).collect();
        if !combined.is_empty() {
            option(rule.name(), &combined.join(", "));
        }
    }
    if !table.replicate {
        option("replicate", "false");
    }
    if options.is_empty() { String::new() } else { format!(" WITH ({})", options.join(", ")) }
}

/// A list of columns as it stands in the value of an option.
fn list(table: &Table, positions: &[usize]) -> String {
    match positions {
        [single] => columns(table, &[*single]),
        _ => format!("({})", columns(table, positions)),
    }
}

/// The columns of the foreign keys that match by value, each set of columns once.
fn match_key(table: &Table) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    let matching = table.foreign_keys.iter().filter(|foreign_key| !foreign_key.follow);
    let mut first = |columns: &[usize]| {
        let mut set = columns.to_vec();
        set.sort_unstable();
        seen.insert(set)
    };
    let named = matching.filter(|foreign_key| first(&foreign_key.columns));
    named.map(|foreign_key| list(table, &foreign_key.columns)).collect()
}

/// The units that are larger than the constraints make them.
fn declared_units(table: &Table) -> Vec<String> {
    if table.tracking == Tracking::Row {
        return Vec::new();
    }
    let made: Vec<Unit> = joined(&table.columns, &constraint_groups(table));
    // A constraint that was added later makes no unit, so a unit of one column may not be made either.
    let several = |unit: &&Unit| unit.live_columns().count() > 1;
    let declared = table.units.iter().filter(several).filter(|unit| !made.contains(unit));
    declared.map(|unit| list(table, &unit.columns)).collect()
}
