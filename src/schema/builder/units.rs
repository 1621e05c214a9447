//! Change units: which columns are versioned together.
//!
//! Columns of one composite key, one composite foreign key or one check over several columns form one
//! unit, so that a merge never combines two valid writes into an invalid row. Groups that share a
//! column join.

use super::columns::Columns;
use super::draft::{Position, Problem, TableDraft};
use crate::ids::UnitId;
use crate::schema::{Column, ForeignKey, SchemaError, Table, Tracking, Unit};

/// Gives the table its units, and columns and foreign keys theirs.
pub(super) fn assign(draft: &TableDraft, table: &mut Table) -> Result<(), Problem> {
    if let (Tracking::Row, Some(names)) = (table.tracking, draft.units.first()) {
        let at = names.first().map(|name| name.at).unwrap_or_default();
        return Err(SchemaError::UnitsByRow { table: table.name.clone() }.at(at));
    }
    let columns = Columns { table: &draft.name, columns: &table.columns };
    let declared = draft.units.iter().map(|names| {
        columns.positions("a unit", names, names.first().map_or(Position::default(), |name| name.at))
    });
    let declared = declared.collect::<Result<Vec<_>, _>>()?;
    let mut groups = constraint_groups(table);
    groups.extend(declared);
    if table.tracking == Tracking::Row {
        let of_key = |column: &usize| table.natural_key().is_some_and(|key| key.columns.contains(column));
        groups.push((0..table.columns.len()).filter(|column| !of_key(column)).collect());
    }
    table.units = joined(&table.columns, &groups);
    for unit in &table.units {
        for &position in &unit.columns {
            table.columns.get_mut(position).into_iter().for_each(|column| column.unit = unit.id);
        }
    }
    for foreign_key in &mut table.foreign_keys {
        let mut units = foreign_key.columns.iter().filter_map(|at| Some(table.columns.get(*at)?.unit));
        let first = units.next().unwrap_or(ForeignKey::NO_UNIT);
        foreign_key.unit = if units.all(|unit| unit == first) { first } else { ForeignKey::NO_UNIT };
    }
    Ok(())
}

/// The groups that the table's constraints make, whatever its tracking. The key of a table whose rows it
/// names is in no group with other columns: it never changes, so no merge can tear them apart.
pub(in crate::schema) fn constraint_groups(table: &Table) -> Vec<Vec<usize>> {
    let keys = table.keys.iter().map(|key| key.columns.clone());
    let foreign_keys = table.foreign_keys.iter().map(|foreign_key| foreign_key.columns.clone());
    let checks = table.checks.iter().map(|check| check.rule.columns());
    let groups = keys.chain(foreign_keys).chain(checks);
    let Some(key) = table.natural_key() else { return groups.collect() };
    let apart = groups.map(|mut group| {
        group.retain(|column| !key.columns.contains(column));
        group
    });
    apart.chain([key.columns.clone()]).collect()
}

/// The units of columns, given which columns belong together. Every column is in one.
pub(in crate::schema) fn joined(columns: &[Column], groups: &[Vec<usize>]) -> Vec<Unit> {
    let mut forest = Forest((0..columns.len()).collect());
    for group in groups {
        for pair in group.windows(2) {
            if let [left, right] = pair {
                forest.join(*left, *right);
            }
        }
    }
    let mut units: Vec<Unit> = Vec::new();
    let mut unit_of_root = vec![None; columns.len()];
    for (position, column) in columns.iter().enumerate() {
        let Some(place) = unit_of_root.get_mut(forest.root(position)) else { continue };
        match place.and_then(|at: usize| units.get_mut(at)) {
            Some(unit) => unit.columns.push(position),
            None => {
                *place = Some(units.len());
                units.push(Unit { id: UnitId(column.id.0), columns: vec![position] });
            }
        }
    }
    units
}

/// Disjoint sets of positions: each entry is the parent of its index, roots are their own.
struct Forest(Vec<usize>);

impl Forest {
    fn root(&self, mut position: usize) -> usize {
        while let Some(&parent) = self.0.get(position).filter(|&&parent| parent != position) {
            position = parent;
        }
        position
    }

    /// The smaller root stays one.
    fn join(&mut self, left: usize, right: usize) {
        let (left, right) = (self.root(left), self.root(right));
        if let Some(parent) = self.0.get_mut(left.max(right)) {
            *parent = left.min(right);
        }
    }
}
