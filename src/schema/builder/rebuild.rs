//! Back from tables to drafts: so that what was changed is validated like what is new.

use super::build::schema;
use super::draft::{CheckDraft, ColumnDraft, ForeignKeyDraft, KeyDraft, Name, Position, Problem, TableDraft};
use crate::schema::{ColumnRule, DuplicateRule, ForeignKey, Schema, SchemaError, Table, Tracking, UniqueKey};

/// The schema of these drafts.
pub(in crate::schema) fn build(drafts: &[TableDraft]) -> Result<Schema, Problem> {
    schema(drafts)
}

/// Whether tables make a valid schema together.
pub(in crate::schema) fn validate(tables: &[Table]) -> Result<(), SchemaError> {
    schema(&drafts(tables)).map(|_| ()).map_err(|problem| problem.error)
}

/// The drafts of tables, in their order. All names are given; units are left out, since they cannot be
/// wrong, and a constraint that was added later would make others.
pub(in crate::schema) fn drafts(tables: &[Table]) -> Vec<TableDraft> {
    tables.iter().map(|table| draft(tables, table)).collect()
}

fn draft(tables: &[Table], table: &Table) -> TableDraft {
    let key = |name: &String, columns: &[usize], merge| KeyDraft {
        name: Some(Name::from(name.clone())),
        columns: names(table, columns),
        merge,
        at: Position::default(),
    };
    let merges = |unique: &UniqueKey| unique.duplicates == DuplicateRule::Merge;
    let keys = table.keys.iter().map(|unique| key(&unique.name, &unique.columns, merges(unique)));
    let (primary, unique) = keys.enumerate().partition(|(place, _)| *place == 0 && table.has_primary_key);
    let strip = |keys: Vec<(usize, KeyDraft)>| keys.into_iter().map(|(_, key)| key).collect();
    let columns = table.columns.iter().map(|column| ColumnDraft {
        nullable: column.nullable,
        default: column.default.clone(),
        collation: Some(column.collation),
        ..ColumnDraft::new(Name::from(column.name.clone()), column.kind)
    });
    let checks = table.checks.iter().map(|check| CheckDraft {
        name: Some(Name::from(check.name.clone())),
        rule: check.rule.clone().into(),
        at: Position::default(),
    });
    let combined = table.columns.iter().filter(|column| column.rule != ColumnRule::Winner);
    let column_rules = combined.map(|column| (column.rule, Name::from(column.name.clone())));
    TableDraft {
        name: Name::from(table.name.clone()),
        columns: columns.collect(),
        primary_keys: strip(primary),
        unique_keys: strip(unique),
        foreign_keys: table.foreign_keys.iter().map(|key| foreign_key(tables, table, key)).collect(),
        checks: checks.collect(),
        indexes: table.indexes.iter().map(|index| key(&index.name, &index.columns, false)).collect(),
        units: Vec::new(),
        column_rules: column_rules.collect(),
        identity: table.identity,
        identity_at: Position::default(),
        tracking: Tracking::Column,
        winner: table.winner,
        deletes: table.deletes,
        replicate: table.replicate,
    }
}

fn foreign_key(tables: &[Table], table: &Table, foreign_key: &ForeignKey) -> ForeignKeyDraft {
    let parent = tables.iter().find(|parent| parent.id == foreign_key.parent);
    let referred = parent.and_then(|parent| Some((parent, parent.key(foreign_key.key)?)));
    ForeignKeyDraft {
        name: Some(Name::from(foreign_key.name.clone())),
        columns: names(table, &foreign_key.columns),
        parent: Name::from(parent.map(|parent| parent.name.clone()).unwrap_or_default()),
        parent_columns: referred.map(|(parent, key)| names(parent, &key.columns)).unwrap_or_default(),
        on_delete: foreign_key.on_delete,
        on_update: foreign_key.on_update,
        match_key: !foreign_key.follow,
        at: Position::default(),
    }
}

fn names(table: &Table, positions: &[usize]) -> Vec<Name> {
    Name::list(table.column_names(positions))
}
