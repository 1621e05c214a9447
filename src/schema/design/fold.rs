//! A schema while amendments are applied to it, one operation after the other.
//!
//! An operation either fits, and then the schema is valid again, or it changes nothing. What two design
//! masters did without knowing of each other fits as far as it can, always in the same way:
//!
//! - a name that is taken gets a number, in the operation that comes later;
//! - a constraint that says what an older one says counts as that one: dropping either drops it;
//! - what is about an object that is gone does nothing; and when an object goes, the constraints that
//!   need it go along.
//!
//! A single master meets none of this: see `ddl::alter`, which refuses all of it with a reason.

use std::collections::{BTreeMap, BTreeSet};

use super::constraints::keep_natural_key;
use super::names;
use super::operation::{NewColumn, NewTable, Operation};
use crate::ids::{ColumnId, ConstraintId, TableId, UnitId};
use crate::schema::ddl::default_value;
use crate::schema::{Column, Schema, SchemaError, Table, Unit, builder};

/// A valid schema in the making.
#[derive(Clone, Debug)]
pub(in crate::schema) struct Fold {
    pub tables: Vec<Table>,
    /// Tables that were dropped: without constraints.
    dropped: Vec<Table>,
    /// Constraints that say the same as an older one, and that one.
    pub(super) same: BTreeMap<ConstraintId, ConstraintId>,
    /// Columns that may not be null because of a primary key that was added.
    pub(super) required: BTreeSet<ColumnId>,
}

/// What an operation did beside what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::schema) struct Effect {
    /// A name that was taken, and the one given instead.
    pub renamed: Option<(&'static str, String, String)>,
    /// The name of the older constraint that says the same.
    pub same: Option<String>,
    /// The constraints that went along: table and name.
    pub swept: Vec<(String, String)>,
}

/// Why an operation changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::schema) enum Unfit {
    /// What it is about was dropped.
    Gone,
    /// It would make no valid schema.
    Invalid(Box<SchemaError>),
    /// It is none that any replica would make.
    Malformed(String),
}

impl From<SchemaError> for Unfit {
    fn from(error: SchemaError) -> Unfit {
        Unfit::Invalid(Box::new(error))
    }
}

impl Unfit {
    /// The reason, for people.
    pub fn reason(&self) -> String {
        match self {
            Unfit::Gone => "what it is about was dropped".to_owned(),
            Unfit::Invalid(error) => error.to_string(),
            Unfit::Malformed(what) => what.clone(),
        }
    }
}

impl Fold {
    /// Begins with the first schema of a database.
    pub fn new(initial: &Schema) -> Fold {
        Fold {
            tables: initial.tables().to_vec(),
            dropped: Vec::new(),
            same: BTreeMap::new(),
            required: BTreeSet::new(),
        }
    }

    /// The schema so far.
    pub fn finish(self) -> Schema {
        Schema::of(self.tables, self.dropped)
    }

    /// Applies an operation, or changes nothing.
    pub fn apply(&mut self, operation: &Operation) -> Result<Effect, Unfit> {
        let (mut next, mut effect) = (self.clone(), Effect::default());
        next.change(operation, &mut effect)?;
        next.sweep(&mut effect);
        builder::validate(&next.tables)?;
        *self = next;
        Ok(effect)
    }

    fn change(&mut self, operation: &Operation, effect: &mut Effect) -> Result<(), Unfit> {
        match operation {
            Operation::CreateTable(new) => self.create_table(new, effect),
            Operation::DropTable { table } => self.drop_table(*table),
            Operation::RenameTable { table, name } => {
                let name = names::table(&self.tables, Some(*table), name, effect);
                self.table(*table)?.name = name;
                Ok(())
            }
            Operation::AddColumn { table, column } => add_column(self.table(*table)?, column, effect),
            Operation::DropColumn { table, column } => drop_column(self.table(*table)?, *column, effect),
            Operation::RenameColumn { table, column, name } => {
                let table = self.table(*table)?;
                let name = names::column(table, Some(*column), name, effect);
                let found = table.columns.iter_mut().find(|found| found.id == *column);
                found.ok_or(Unfit::Gone)?.name = name;
                Ok(())
            }
            Operation::AddKey { table, key, primary } => self.add_key(*table, key, *primary, effect),
            Operation::AddForeignKey { table, foreign_key } => {
                self.add_foreign_key(*table, foreign_key, effect)
            }
            Operation::AddCheck { table, check } => self.add_check(*table, check, effect),
            Operation::AddIndex { table, index } => self.add_index(*table, index, effect),
            Operation::DropConstraint { table, constraint } => self.drop_constraint(*table, *constraint),
            Operation::RenameConstraint { table, constraint, name } => {
                self.rename_constraint(*table, *constraint, name, effect)
            }
            Operation::SetWinner { table, winner } => {
                self.table(*table)?.winner = *winner;
                Ok(())
            }
            Operation::SetDeletes { table, deletes } => {
                self.table(*table)?.deletes = *deletes;
                Ok(())
            }
            Operation::SetMaster { .. } => Ok(()),
        }
    }

    pub(super) fn table(&mut self, id: TableId) -> Result<&mut Table, Unfit> {
        self.tables.iter_mut().find(|table| table.id == id).ok_or(Unfit::Gone)
    }

    fn create_table(&mut self, new: &NewTable, effect: &mut Effect) -> Result<(), Unfit> {
        let columns = new.columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let table = Table {
            id: new.id,
            name: names::table(&self.tables, None, &new.name, effect),
            units: units(&columns)?,
            columns,
            keys: Vec::new(),
            has_primary_key: false,
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            indexes: Vec::new(),
            identity: new.identity,
            tracking: new.tracking,
            winner: new.winner,
            deletes: new.deletes,
            replicate: new.replicate,
            dropped: false,
        };
        self.tables.push(table);
        let Some(key) = &new.natural_key else { return Ok(()) };
        self.add_key(new.id, key, true, effect)?;
        let table = self.table(new.id)?;
        let unit = table.natural_unit().and_then(|unit| table.unit(unit));
        let held = |column: &usize| table.natural_key().is_some_and(|key| key.columns.contains(column));
        match unit.filter(|unit| unit.columns.len() == key.columns.len() && unit.columns.iter().all(held)) {
            Some(_) => Ok(()),
            None => Err(Unfit::Malformed("a key that names rows is a unit by itself".to_owned())),
        }
    }

    fn drop_table(&mut self, id: TableId) -> Result<(), Unfit> {
        let place = self.tables.iter().position(|table| table.id == id).ok_or(Unfit::Gone)?;
        let mut table = self.tables.remove(place);
        table.foreign_keys.clear();
        table.keys.clear();
        table.checks.clear();
        table.indexes.clear();
        table.has_primary_key = false;
        table.dropped = true;
        // A row of it may lack a value, and nobody minds.
        table.columns.iter_mut().for_each(|column| column.nullable = true);
        self.dropped.push(table);
        Ok(())
    }

    /// Removes the foreign keys that refer to what is gone.
    fn sweep(&mut self, effect: &mut Effect) {
        let keys: BTreeSet<(TableId, ConstraintId)> =
            self.tables.iter().flat_map(|table| table.keys.iter().map(|key| (table.id, key.id))).collect();
        for table in &mut self.tables {
            let name = &table.name;
            table.foreign_keys.retain(|foreign_key| {
                let stays = keys.contains(&(foreign_key.parent, foreign_key.key));
                if !stays {
                    effect.swept.push((name.clone(), foreign_key.name.clone()));
                }
                stays
            });
        }
    }
}

fn column(new: &NewColumn) -> Result<Column, Unfit> {
    let malformed = |what: &str| Unfit::Malformed(format!("column {:?}: {what}", new.name));
    let default = match &new.default {
        Some(sql) => {
            default_value(sql, new.kind).ok_or_else(|| malformed("its default is not of its type"))?
        }
        None => crate::value::Value::Null,
    };
    if !new.rule.admits(new.kind) || (new.rule.is_never_null() && new.nullable) {
        return Err(malformed("its rule does not fit its type"));
    }
    Ok(Column {
        id: new.id,
        name: new.name.clone(),
        kind: new.kind,
        nullable: new.nullable,
        default,
        collation: new.collation,
        unit: new.unit,
        rule: new.rule,
    })
}

/// The units that columns say they are in. Ascending by id.
fn units(columns: &[Column]) -> Result<Vec<Unit>, Unfit> {
    let mut units: BTreeMap<UnitId, Vec<usize>> = BTreeMap::new();
    for (position, column) in columns.iter().enumerate() {
        units.entry(column.unit).or_default().push(position);
    }
    let first = |positions: &[usize]| {
        positions.iter().filter_map(|position| columns.get(*position)).map(|column| column.id.0).min()
    };
    if units.iter().any(|(id, positions)| first(positions) != Some(id.0)) {
        return Err(Unfit::Malformed("a unit is not called by the smallest id of its columns".to_owned()));
    }
    Ok(units.into_iter().map(|(id, columns)| Unit { id, columns }).collect())
}

/// The column is a unit by itself: units are fixed when their columns are created, and rows that were
/// written before have no value for it.
fn add_column(table: &mut Table, new: &NewColumn, effect: &mut Effect) -> Result<(), Unfit> {
    if new.unit.0 != new.id.0 || (!new.nullable && new.default.is_none()) {
        let what = "an added column is a unit by itself, and has a default unless it may be null";
        return Err(Unfit::Malformed(what.to_owned()));
    }
    let mut column = column(new)?;
    column.name = names::column(table, None, &new.name, effect);
    let unit = Unit { id: column.unit, columns: vec![table.columns.len()] };
    let place = table.units.partition_point(|other| other.id < unit.id);
    table.units.insert(place, unit);
    table.columns.push(column);
    Ok(())
}

/// The column goes with the constraints that read it. Its place in its unit stays, for the values that
/// were written with it.
fn drop_column(table: &mut Table, id: ColumnId, effect: &mut Effect) -> Result<(), Unfit> {
    let (gone, _) = table.column_by_id(id).ok_or(Unfit::Gone)?;
    keep_natural_key(table, |key| key.columns.contains(&gone))?;
    table.columns.remove(gone);
    let moved = |column: usize| if column > gone && column != Unit::DROPPED { column - 1 } else { column };
    let mut swept = |name: &str| effect.swept.push((table.name.clone(), name.to_owned()));
    let mut stays = |name: &str, columns: &mut Vec<usize>| {
        let stays = !columns.contains(&gone);
        columns.iter_mut().for_each(|column| *column = moved(*column));
        if !stays {
            swept(name);
        }
        stays
    };
    let primary = table.primary_key().map(|key| key.id);
    table.keys.retain_mut(|key| stays(&key.name, &mut key.columns));
    table.has_primary_key = primary.is_some_and(|id| table.keys.iter().any(|key| key.id == id));
    table.foreign_keys.retain_mut(|foreign_key| stays(&foreign_key.name, &mut foreign_key.columns));
    table.indexes.retain_mut(|index| stays(&index.name, &mut index.columns));
    table.checks.retain_mut(|check| {
        let stays = stays(&check.name, &mut check.rule.columns());
        check.rule.renumber(&moved);
        stays
    });
    for unit in &mut table.units {
        for column in &mut unit.columns {
            *column = if *column == gone { Unit::DROPPED } else { moved(*column) };
        }
    }
    Ok(())
}
