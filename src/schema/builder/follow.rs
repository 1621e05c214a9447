//! Which references may follow. A following reference shows the current key of the row it means, so
//! its columns get their value from there; the value must be defined, and by one reference only.

use super::columns;
use super::draft::{Problem, TableDraft};
use crate::schema::graph;
use crate::schema::{ForeignKey, SchemaError, Table};

/// Refuses following references that share a column, those from a key that names rows, and those around a
/// cycle of keys.
pub(super) fn validate(drafts: &[TableDraft], tables: &[Table]) -> Result<(), Problem> {
    for (draft, table) in drafts.iter().zip(tables) {
        for (at, foreign_key) in table.foreign_keys.iter().enumerate().filter(|(_, key)| key.follow) {
            let named_by = table.natural_key().into_iter().flat_map(|key| &key.columns);
            if let Some(column) = named_by.into_iter().find(|column| foreign_key.columns.contains(column)) {
                let column = table.column_names(&[*column]).join("");
                let reason =
                    format!("has column {column:?} of the key that names the rows, which never changes");
                return Err(must_match(draft, at, reason));
            }
            let others = table.foreign_keys.iter().enumerate().filter(|(other, _)| *other != at);
            if let Some(column) = others.map(|(_, other)| shared(table, foreign_key, other)).find_map(|c| c) {
                let reason = format!("shares column {column:?} with another foreign key");
                return Err(must_match(draft, at, reason));
            }
        }
    }
    cycles(drafts, tables)
}

fn shared<'a>(table: &'a Table, left: &ForeignKey, right: &ForeignKey) -> Option<&'a str> {
    let column = left.columns.iter().find(|column| right.columns.contains(column))?;
    table.columns.get(*column).map(|column| column.name.as_str())
}

/// A reference depends on the references that give the key it refers to its value. If it depends on
/// itself, the key has none.
fn cycles(drafts: &[TableDraft], tables: &[Table]) -> Result<(), Problem> {
    let following: Vec<(usize, usize, &ForeignKey)> = tables
        .iter()
        .enumerate()
        .flat_map(|(at, table)| table.foreign_keys.iter().enumerate().map(move |(i, key)| (at, i, key)))
        .filter(|(_, _, key)| key.follow)
        .collect();
    let places_of = |table: usize| {
        let start = following.partition_point(|(other, ..)| *other < table);
        following.iter().enumerate().skip(start).take_while(move |(_, (other, ..))| *other == table)
    };
    let depends = |(_, _, foreign_key): &(usize, usize, &ForeignKey)| {
        let parent = tables.binary_search_by_key(&foreign_key.parent, |table| table.id).ok();
        let key = parent.and_then(|at| Some((at, tables.get(at)?.key(foreign_key.key)?)));
        let Some((parent, key)) = key else { return Vec::new() };
        let givers = places_of(parent)
            .filter(|(_, (_, _, other))| other.columns.iter().any(|column| key.columns.contains(column)));
        givers.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let edges: Vec<Vec<usize>> = following.iter().map(depends).collect();
    let components = graph::components(&edges);
    let cyclic = components.iter().filter(|component| graph::is_cyclic(&edges, component));
    let first = cyclic.filter_map(|component| component.first().map(|first| (*first, component.len()))).min();
    match first.and_then(|(place, size)| Some((following.get(place)?, size))) {
        None => Ok(()),
        Some(((table, at, _), size)) => Err(drafts.get(*table).map_or_else(
            || SchemaError::UnknownTable { table: String::new() }.at(super::Position::default()),
            |draft| must_match(draft, *at, reason(size)),
        )),
    }
}

fn reason(size: usize) -> String {
    match size {
        1 => "has columns that are part of the key it refers to".to_owned(),
        _ => "refers to a key that in turn gets its value, over other references, from this one".to_owned(),
    }
}

fn must_match(draft: &TableDraft, foreign_key: usize, reason: String) -> Problem {
    let written = draft.foreign_keys.get(foreign_key);
    let columns = written.map(|written| columns::list(&written.columns)).unwrap_or_default();
    let at = written.map(|written| written.at).unwrap_or_default();
    SchemaError::MustMatchKey { table: draft.name.text.clone(), columns, reason }.at(at)
}
