//! Names that are free: the one that was asked for, or it with a number, if another object has it.

use super::fold::Effect;
use crate::ids::{ColumnId, ConstraintId, TableId};
use crate::schema::Table;
use crate::schema::limits::MAX_NAME_BYTES;

/// A name for a table; `own` is the one that is renamed.
pub(super) fn table(tables: &[Table], own: Option<TableId>, name: &str, effect: &mut Effect) -> String {
    free("table", name, effect, |name| {
        let indexes = tables.iter().flat_map(|table| &table.indexes);
        tables.iter().any(|table| Some(table.id) != own && is(&table.name, name))
            || indexes.into_iter().any(|index| is(&index.name, name))
    })
}

/// A name for a column.
pub(super) fn column(table: &Table, own: Option<ColumnId>, name: &str, effect: &mut Effect) -> String {
    free("column", name, effect, |name| {
        table.columns.iter().any(|column| Some(column.id) != own && is(&column.name, name))
    })
}

/// A name for a unique key: no other one of the database has it, and no constraint of its table.
pub(super) fn key(
    tables: &[Table],
    place: usize,
    own: Option<ConstraintId>,
    name: &str,
    effect: &mut Effect,
) -> String {
    free("constraint", name, effect, |name| {
        in_database(tables, own, name) || tables.get(place).is_some_and(|table| in_scope(table, own, name))
    })
}

/// A name for an index: no other one, no key and no table of the database has it.
pub(super) fn index(tables: &[Table], own: Option<ConstraintId>, name: &str, effect: &mut Effect) -> String {
    free("index", name, effect, |name| {
        in_database(tables, own, name) || tables.iter().any(|table| is(&table.name, name))
    })
}

/// A name for a foreign key or a check: no other constraint of its table has it.
pub(super) fn in_table(table: &Table, own: Option<ConstraintId>, name: &str, effect: &mut Effect) -> String {
    free("constraint", name, effect, |name| in_scope(table, own, name))
}

fn in_database(tables: &[Table], own: Option<ConstraintId>, name: &str) -> bool {
    tables.iter().any(|table| {
        let keys = table.keys.iter().map(|key| (key.id, &key.name));
        let mut all = keys.chain(table.indexes.iter().map(|index| (index.id, &index.name)));
        all.any(|(id, other)| Some(id) != own && is(other, name))
    })
}

fn in_scope(table: &Table, own: Option<ConstraintId>, name: &str) -> bool {
    let keys = table.keys.iter().map(|key| (key.id, &key.name));
    let foreign_keys = table.foreign_keys.iter().map(|key| (key.id, &key.name));
    let mut all = keys.chain(foreign_keys).chain(table.checks.iter().map(|check| (check.id, &check.name)));
    all.any(|(id, other)| Some(id) != own && is(other, name))
}

fn is(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

fn free(what: &'static str, name: &str, effect: &mut Effect, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_owned();
    }
    let numbered = (2_u64..).map(|number| {
        let ending = format!("_{number}");
        let room = MAX_NAME_BYTES.saturating_sub(ending.len());
        let cut = (0..=room.min(name.len())).rev().find(|&end| name.is_char_boundary(end));
        format!("{}{ending}", name.get(..cut.unwrap_or(0)).unwrap_or_default())
    });
    let mut numbered = numbered.filter(|name| !taken(name));
    let given = numbered.next().unwrap_or_else(|| name.to_owned());
    effect.renamed = Some((what, name.to_owned(), given.clone()));
    given
}
