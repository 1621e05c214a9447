//! From drafts to a schema: the order of validation, and the ids.

use super::columns::Columns;
use super::draft::{Problem, TableDraft};
use super::references::Reference;
use super::{column_rules, columns, follow, names, natural, references, rules, units};
use crate::ids::{ColumnId, ConstraintId, TableId};
use crate::schema::{Check, DuplicateRule, Index, Schema, SchemaError, Table, UniqueKey, limits};

/// Validates drafts and gives everything its id.
///
/// Ids come from one counter: table by table, and in a table its columns, keys (the primary key
/// first), foreign keys, checks and indexes. Equal definitions hence have equal ids, and so has the
/// same schema after it was written as SQL and read again.
pub(super) fn schema(drafts: &[TableDraft]) -> Result<Schema, Problem> {
    limits::tables(drafts)?;
    names::validate(drafts)?;
    let mut ids = Ids(0);
    let mut outlines = drafts.iter().map(|draft| outline(draft, &mut ids)).collect::<Result<Vec<_>, _>>()?;
    references::resolve(drafts, &mut outlines)?;
    let mut tables: Vec<Table> = outlines.into_iter().map(|outline| outline.table).collect();
    for (draft, table) in drafts.iter().zip(&mut tables) {
        natural::validate(draft, table)?;
        units::assign(draft, table)?;
        column_rules::validate(draft, table)?;
    }
    names::assign(drafts, &mut tables)?;
    follow::validate(drafts, &tables)?;
    let schema = Schema::of(tables, Vec::new());
    limits::text(&schema)?;
    Ok(schema)
}

/// A table without what depends on other tables.
pub(super) struct Outline {
    pub table: Table,
    /// Its foreign keys, not yet resolved.
    pub references: Vec<Reference>,
}

struct Ids(u32);

impl Ids {
    /// The limits on tables, columns and constraints keep this far from the end.
    fn next(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }

    fn constraint(&mut self) -> ConstraintId {
        ConstraintId(self.next())
    }
}

/// Names of constraints and the units of columns are assigned later.
fn outline(draft: &TableDraft, ids: &mut Ids) -> Result<Outline, Problem> {
    limits::table(draft)?;
    let id = TableId(ids.next());
    let mut columns = columns::resolve(draft, || ColumnId(ids.next()))?;
    column_rules::apply(draft, &mut columns)?;
    let lists = Columns { table: &draft.name, columns: &columns };
    let keys = keys(draft, lists, ids)?;
    let references = draft.foreign_keys.iter().map(|foreign_key| {
        let columns = lists.positions("a foreign key", &foreign_key.columns, foreign_key.at)?;
        Ok(Reference { id: ids.constraint(), columns })
    });
    let references = references.collect::<Result<Vec<_>, Problem>>()?;
    let checks = draft.checks.iter().map(|check| {
        Ok(Check { id: ids.constraint(), name: String::new(), rule: rules::read(draft, check, lists)? })
    });
    let checks = checks.collect::<Result<Vec<_>, Problem>>()?;
    let indexes = draft.indexes.iter().map(|index| {
        let columns = lists.positions("an index", &index.columns, index.at)?;
        Ok(Index { id: ids.constraint(), name: String::new(), columns })
    });
    let indexes = indexes.collect::<Result<Vec<_>, Problem>>()?;
    let has_primary_key = !draft.primary_keys.is_empty();
    for &position in keys.first().filter(|_| has_primary_key).iter().flat_map(|key| &key.columns) {
        columns.get_mut(position).into_iter().for_each(|column| column.nullable = false);
    }
    let table = Table {
        id,
        name: draft.name.text.clone(),
        columns,
        units: Vec::new(),
        keys,
        has_primary_key,
        foreign_keys: Vec::new(),
        checks,
        indexes,
        identity: draft.identity,
        tracking: draft.tracking,
        winner: draft.winner,
        deletes: draft.deletes,
        replicate: draft.replicate,
        dropped: false,
    };
    Ok(Outline { table, references })
}

/// The unique keys, the primary key first.
fn keys(draft: &TableDraft, lists: Columns<'_>, ids: &mut Ids) -> Result<Vec<UniqueKey>, Problem> {
    if let Some(second) = draft.primary_keys.get(1) {
        return Err(SchemaError::TwoPrimaryKeys { table: draft.name.text.clone() }.at(second.at));
    }
    let mut keys: Vec<UniqueKey> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for key in draft.primary_keys.iter().chain(&draft.unique_keys) {
        let columns = lists.positions("a unique key", &key.columns, key.at)?;
        let mut set = columns.clone();
        set.sort_unstable();
        if !seen.insert(set) {
            let columns = columns::list(&key.columns);
            return Err(SchemaError::RepeatedKey { table: draft.name.text.clone(), columns }.at(key.at));
        }
        let duplicates = if key.merge { DuplicateRule::Merge } else { DuplicateRule::Park };
        keys.push(UniqueKey { id: ids.constraint(), name: String::new(), columns, duplicates });
    }
    Ok(keys)
}
