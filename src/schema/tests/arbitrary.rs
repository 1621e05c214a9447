//! Random valid schemas, made by the builder.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::schema::expression::arbitrary as expressions;
use crate::schema::{
    ColumnRule, DeleteRule, Identity, OnDelete, OnUpdate, Schema, SchemaBuilder, TableBuilder, Tracking,
    WinnerRule,
};
use crate::value::{Collation, Type, Value, arbitrary};

/// Names that want quotes, and such that only look so.
const NAMES: [&str; 12] =
    ["a", "B", "c d", "select", "größe", "x\"y", "2nd", "it's", "units", "Text", "😀", "[a`"];

#[derive(Clone, Debug)]
struct Column {
    name: &'static str,
    kind: Type,
    required: bool,
    default: Option<Value>,
    collation: Collation,
}

#[derive(Clone, Debug)]
struct Reference {
    parent: Index,
    key: Index,
    on_delete: OnDelete,
    on_update: OnUpdate,
    match_key: bool,
    is_named: bool,
}

#[derive(Clone, Debug)]
struct Table {
    name: &'static str,
    columns: Vec<Column>,
    /// Places of columns; the first list is the primary key if so said.
    keys: Vec<(Vec<Index>, bool)>,
    has_primary_key: bool,
    references: Vec<Reference>,
    checks: Vec<(Index, bool)>,
    index: Option<Vec<Index>>,
    unit: Option<Vec<Index>>,
    rules: (Tracking, WinnerRule, DeleteRule),
    is_local: bool,
    /// Its primary key names the rows, if that can be.
    is_natural: bool,
    /// A column of its own with this rule.
    combined: Option<ColumnRule>,
}

fn column() -> impl Strategy<Value = Column> {
    let kind = select(Type::ALL.to_vec());
    let collation = select(vec![Collation::Binary, Collation::NoCase, Collation::UnicodeNoCase]);
    (kind, collation).prop_flat_map(|(kind, collation)| {
        let finite = |value: &Value| value.as_real().is_none_or(f64::is_finite);
        let default = prop::option::of(arbitrary::of(kind).prop_filter("SQL has no infinity", finite));
        (select(NAMES.to_vec()), any::<bool>(), default).prop_map(move |(name, required, default)| {
            let collation = if kind == Type::Text { collation } else { Collation::Binary };
            Column { name, kind, required, default, collation }
        })
    })
}

fn reference() -> impl Strategy<Value = Reference> {
    let on_delete = select(vec![OnDelete::Restrict, OnDelete::Cascade, OnDelete::SetNull]);
    let on_update = select(vec![OnUpdate::Default, OnUpdate::Restrict, OnUpdate::Cascade, OnUpdate::SetNull]);
    (any::<Index>(), any::<Index>(), on_delete, on_update, any::<bool>(), any::<bool>()).prop_map(
        |(parent, key, on_delete, on_update, match_key, is_named)| Reference {
            parent,
            key,
            on_delete,
            on_update,
            match_key,
            is_named,
        },
    )
}

fn table() -> impl Strategy<Value = Table> {
    let some = || prop::collection::vec(any::<Index>(), 1..4);
    let structure = (
        select(NAMES.to_vec()),
        prop::collection::vec(column(), 1..6),
        prop::collection::vec((some(), any::<bool>()), 0..3),
        any::<bool>(),
        prop::collection::vec(reference(), 0..3),
        prop::collection::vec((any::<Index>(), any::<bool>()), 0..3),
    );
    let rules = (
        select(vec![Tracking::Column, Tracking::Row]),
        select(vec![WinnerRule::Latest, WinnerRule::Priority]),
        select(vec![DeleteRule::DeleteWins, DeleteRule::UpdateWins, DeleteRule::LatestWins]),
    );
    let combined = select(vec![ColumnRule::Max, ColumnRule::Min, ColumnRule::Sum, ColumnRule::Union]);
    let combined = prop::option::of(combined);
    let rest = (prop::option::of(some()), prop::option::of(some()), rules, any::<[bool; 2]>(), combined);
    (structure, rest).prop_map(|(structure, (index, unit, rules, [is_local, is_natural], combined))| {
        let (name, columns, keys, has_primary_key, references, checks) = structure;
        Table {
            name,
            columns,
            keys,
            has_primary_key,
            references,
            checks,
            index,
            unit,
            rules,
            is_local,
            is_natural,
            combined,
        }
    })
}

/// A key of a table that was made: the table's name, and the names, types and collations of the columns.
type Key = (String, Vec<(String, Type, Collation)>);

/// The names at these places, each once.
fn pick<T: Clone + PartialEq>(places: &[Index], from: &[T]) -> Vec<T> {
    let mut picked: Vec<T> = Vec::new();
    for place in places {
        let item = place.get(from).clone();
        if !picked.contains(&item) {
            picked.push(item);
        }
    }
    picked
}

/// Builders whose schemas are nearly always valid.
pub fn builders() -> impl Strategy<Value = SchemaBuilder> {
    let checks = expressions::conditions(&[], true);
    let checks = prop::collection::vec(checks, 3);
    (prop::collection::vec(table(), 0..5), checks).prop_map(|(tables, constant_checks)| {
        let mut keys: Vec<Key> = Vec::new();
        let mut builder = Schema::builder();
        for (number, table) in tables.iter().enumerate() {
            let name = format!("{}{number}", table.name);
            builder = builder.table(name.clone(), |t| {
                let t = define(t, &name, table, &mut keys);
                table.checks.iter().fold(t, |t, (check, is_named)| {
                    let t = t.check(check.get(&constant_checks).clone());
                    if *is_named { t.named(format!("chk {}", check.index(100_000))).done() } else { t.done() }
                })
            });
        }
        builder
    })
}

fn define(mut t: TableBuilder, name: &str, table: &Table, keys: &mut Vec<Key>) -> TableBuilder {
    let mut columns = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        let name = format!("{}{at}", column.name);
        let mut next = t.column(name.clone(), column.kind).collate(column.collation);
        if column.required {
            next = next.not_null();
        }
        t = match &column.default {
            Some(default) => next.default(default.clone()).done(),
            None => next.done(),
        };
        columns.push((name, column.kind, column.collation));
    }
    let mut seen: Vec<Vec<String>> = Vec::new();
    for (at, (places, is_named)) in table.keys.iter().enumerate() {
        let picked = pick(places, &columns);
        let names: Vec<String> = picked.iter().map(|(name, ..)| name.clone()).collect();
        let mut sorted = names.clone();
        sorted.sort();
        if seen.contains(&sorted) {
            continue;
        }
        seen.push(sorted);
        t = match (at == 0 && table.has_primary_key, is_named) {
            (true, true) => t.primary_key(names).named(format!("{name} key {at}")).done(),
            (true, false) => t.primary_key(names).done(),
            (false, true) => t.unique(names).named(format!("{name} key {at}")).done(),
            (false, false) => t.unique(names).done(),
        };
        if !table.is_local {
            keys.push((name.to_owned(), picked));
        }
    }
    for (at, reference) in table.references.iter().enumerate() {
        if !keys.is_empty() {
            t = refer(t, at, reference, reference.key.get(keys));
        }
    }
    if let Some(places) = &table.index {
        let names = pick(places, &columns).into_iter().map(|(name, ..)| name);
        t = t.index(format!("{name} index"), names);
    }
    let (tracking, winner, deletes) = table.rules;
    if let (Some(places), Tracking::Column) = (&table.unit, tracking) {
        t = t.unit(pick(places, &columns).into_iter().map(|(name, ..)| name));
    }
    if table.is_natural && table.has_primary_key && table.unit.is_none() && !table.keys.is_empty() {
        t = t.identity(Identity::Natural);
    }
    if let (Some(rule), Tracking::Column) = (table.combined, tracking) {
        let kind = if rule == ColumnRule::Union { Type::Json } else { Type::Integer };
        t = t.column("the combined one", kind).combine("the combined one", rule);
    }
    t = t.tracking(tracking).winner(winner).deletes(deletes);
    if table.is_local { t.local_only() } else { t }
}

/// A reference in columns of its own; the parent's columns are named in another order.
fn refer(mut t: TableBuilder, at: usize, reference: &Reference, (parent, key): &Key) -> TableBuilder {
    let mut own = Vec::new();
    for (place, (_, kind, collation)) in key.iter().enumerate() {
        let name = format!("ref {at} {place}");
        t = t.column(name.clone(), *kind).collate(*collation).done();
        own.push(name);
    }
    let turn = reference.parent.index(key.len());
    own.rotate_left(turn);
    let mut parents: Vec<&String> = key.iter().map(|(name, ..)| name).collect();
    parents.rotate_left(turn);
    let t = t.foreign_key(own, parent, parents).on_delete(reference.on_delete).on_update(reference.on_update);
    let t = if reference.is_named { t.named(format!("ref {at}")) } else { t };
    if reference.match_key { t.match_key().done() } else { t.done() }
}
