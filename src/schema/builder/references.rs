//! Foreign keys: which unique key each refers to, and whether types and collations agree.

use super::build::Outline;
use super::columns::{self, Columns};
use super::draft::{ForeignKeyDraft, Problem, TableDraft};
use crate::ids::{ConstraintId, UnitId};
use crate::schema::{ForeignKey, OnDelete, OnUpdate, SchemaError, Table, UniqueKey};
use crate::value::{Collation, Type};

/// A foreign key whose parent is not looked up yet.
pub(super) struct Reference {
    pub id: ConstraintId,
    /// The referring columns by position, as written.
    pub columns: Vec<usize>,
}

/// Looks up all parents, then fills in the foreign keys and the collations that columns inherit.
pub(super) fn resolve(drafts: &[TableDraft], outlines: &mut [Outline]) -> Result<(), Problem> {
    let mut found = Vec::new();
    for (child, (draft, outline)) in drafts.iter().zip(outlines.iter()).enumerate() {
        for (reference, written) in outline.references.iter().zip(&draft.foreign_keys) {
            found.push(target(drafts, outlines, child, reference, written)?);
        }
    }
    inherit_collations(drafts, outlines, &found);
    for target in &found {
        validate(outlines, target)?;
    }
    for Target { child, foreign_key, .. } in found {
        outlines.get_mut(child).into_iter().for_each(|o| o.table.foreign_keys.push(foreign_key.clone()));
    }
    Ok(())
}

/// A foreign key whose parent is known.
struct Target<'a> {
    written: &'a ForeignKeyDraft,
    /// The places of both tables in the schema.
    child: usize,
    parent: usize,
    foreign_key: ForeignKey,
    /// The columns referred to, in the order of the key.
    parent_columns: Vec<usize>,
}

fn target<'a>(
    drafts: &'a [TableDraft],
    outlines: &[Outline],
    child: usize,
    reference: &Reference,
    written: &'a ForeignKeyDraft,
) -> Result<Target<'a>, Problem> {
    let parent = drafts.iter().position(|draft| draft.name.is(&written.parent.text));
    let place = parent.and_then(|at| Some((at, outlines.get(at)?)));
    let Some((parent, Outline { table, .. })) = place else {
        return Err(SchemaError::UnknownTable { table: written.parent.text.clone() }.at(written.parent.at));
    };
    let names = Names { child: drafts.get(child), written };
    let (key, columns) = matching_key(&names, table, reference)?;
    let parent_columns = key.columns.clone();
    let (on_delete, on_update) = (written.on_delete, on_update(written));
    let foreign_key = ForeignKey {
        id: reference.id,
        name: String::new(),
        columns,
        parent: table.id,
        key: key.id,
        unit: UnitId(0),
        follow: !written.match_key,
        on_delete,
        on_update,
    };
    Ok(Target { written, child, parent, foreign_key, parent_columns })
}

/// What spells the default out is the default.
fn on_update(written: &ForeignKeyDraft) -> OnUpdate {
    match (written.match_key, written.on_update) {
        (false, OnUpdate::Cascade) | (true, OnUpdate::Restrict) => OnUpdate::Default,
        (_, action) => action,
    }
}

/// The unique key that is referred to, and the referring columns in its order.
fn matching_key<'a>(
    names: &Names<'_>,
    parent: &'a Table,
    reference: &Reference,
) -> Result<(&'a UniqueKey, Vec<usize>), Problem> {
    let written = names.written;
    if written.parent_columns.is_empty() {
        let key = parent.primary_key().ok_or_else(|| names.no_primary_key())?;
        names.same_count(reference.columns.len(), key.columns.len())?;
        return Ok((key, reference.columns.clone()));
    }
    let lists = Columns { table: &written.parent, columns: &parent.columns };
    let referred = lists.positions("a reference", &written.parent_columns, written.parent.at)?;
    names.same_count(reference.columns.len(), referred.len())?;
    let place_of = |position: &usize| referred.iter().position(|other| other == position);
    for key in parent.keys.iter().filter(|key| key.columns.len() == referred.len()) {
        let places: Option<Vec<usize>> = key.columns.iter().map(place_of).collect();
        if let Some(places) = places {
            let columns = places.iter().filter_map(|&place| reference.columns.get(place).copied());
            return Ok((key, columns.collect()));
        }
    }
    Err(names.not_a_key())
}

/// The names in a foreign key, for errors about it.
struct Names<'a> {
    child: Option<&'a TableDraft>,
    written: &'a ForeignKeyDraft,
}

impl Names<'_> {
    fn table(&self) -> String {
        self.child.map(|draft| draft.name.text.clone()).unwrap_or_default()
    }

    fn columns(&self) -> String {
        columns::list(&self.written.columns)
    }

    fn parent(&self) -> String {
        self.written.parent.text.clone()
    }

    fn same_count(&self, count: usize, expected: usize) -> Result<(), Problem> {
        if count == expected {
            return Ok(());
        }
        let (table, columns, parent) = (self.table(), self.columns(), self.parent());
        let error = SchemaError::ColumnCount { table, columns, count, parent, expected };
        Err(error.at(self.written.parent.at))
    }

    fn no_primary_key(&self) -> Problem {
        let (table, columns, parent) = (self.table(), self.columns(), self.parent());
        SchemaError::NoPrimaryKey { table, columns, parent }.at(self.written.parent.at)
    }

    fn not_a_key(&self) -> Problem {
        let (table, columns, parent) = (self.table(), self.columns(), self.parent());
        let parent_columns = columns::list(&self.written.parent_columns);
        SchemaError::NotAKey { table, columns, parent, parent_columns }.at(self.written.parent.at)
    }
}

/// A column without a collation of its own has that of the column it refers to.
///
/// Collations spread from parents to children until nothing changes. What is left is a cycle in which
/// nobody names one: `BINARY`.
fn inherit_collations(drafts: &[TableDraft], outlines: &mut [Outline], targets: &[Target<'_>]) {
    let known = |(draft, outline): (&TableDraft, &Outline)| -> Vec<bool> {
        let refers = |at| outline.references.iter().any(|reference| reference.columns.contains(&at));
        let columns = draft.columns.iter().enumerate();
        columns.map(|(at, c)| c.collation.is_some() || c.kind != Type::Text || !refers(at)).collect()
    };
    let mut known: Vec<Vec<bool>> = drafts.iter().zip(outlines.iter()).map(known).collect();
    let is_known = |known: &[Vec<bool>], table: usize, column: usize| {
        known.get(table).and_then(|columns| columns.get(column)).copied().unwrap_or(true)
    };
    loop {
        let mut changed = false;
        for target in targets {
            for (&from, &to) in target.parent_columns.iter().zip(&target.foreign_key.columns) {
                if is_known(&known, target.child, to) || !is_known(&known, target.parent, from) {
                    continue;
                }
                let parent = outlines.get(target.parent).and_then(|outline| outline.table.columns.get(from));
                let collation = parent.map_or(Collation::Binary, |column| column.collation);
                let child = outlines.get_mut(target.child).and_then(|o| o.table.columns.get_mut(to));
                child.into_iter().for_each(|column| column.collation = collation);
                known.get_mut(target.child).and_then(|c| c.get_mut(to)).into_iter().for_each(|k| *k = true);
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

fn validate(outlines: &[Outline], target: &Target<'_>) -> Result<(), Problem> {
    let (Some(child), Some(parent)) = (outlines.get(target.child), outlines.get(target.parent)) else {
        return Ok(());
    };
    let (child, parent) = (&child.table, &parent.table);
    if child.replicate && !parent.replicate {
        let (table, parent) = (child.name.clone(), parent.name.clone());
        return Err(SchemaError::RefersToLocal { table, parent }.at(target.written.parent.at));
    }
    same_types(child, parent, target)?;
    let nulls = target.foreign_key.on_delete == OnDelete::SetNull
        || target.foreign_key.on_update == OnUpdate::SetNull;
    let mut columns = target.foreign_key.columns.iter().filter_map(|&at| child.columns.get(at));
    match columns.find(|column| nulls && !column.nullable) {
        None => Ok(()),
        Some(column) => {
            let (table, column) = (child.name.clone(), column.name.clone());
            let columns = columns::list(&target.written.columns);
            Err(SchemaError::SetNullOfRequired { table, columns, column }.at(target.written.at))
        }
    }
}

fn same_types(child: &Table, parent: &Table, target: &Target<'_>) -> Result<(), Problem> {
    let pairs = target.foreign_key.columns.iter().zip(&target.parent_columns);
    for (column, other) in pairs.filter_map(|(&c, &p)| Some((child.columns.get(c)?, parent.columns.get(p)?)))
    {
        let (table, name) = (child.name.clone(), column.name.clone());
        let (parent, parent_column) = (parent.name.clone(), other.name.clone());
        let error = if column.kind != other.kind {
            let (kind, parent_kind) = (column.kind, other.kind);
            SchemaError::TypeMismatch { table, column: name, kind, parent, parent_column, parent_kind }
        } else if column.collation != other.collation {
            let (collation, parent_collation) = (column.collation, other.collation);
            SchemaError::CollationMismatch {
                table,
                column: name,
                collation,
                parent,
                parent_column,
                parent_collation,
            }
        } else {
            continue;
        };
        return Err(error.at(target.written.at));
    }
    Ok(())
}
