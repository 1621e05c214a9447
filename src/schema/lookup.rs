//! Looking things up in one table. Nothing here reads another table: see `Schema` for that.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Check, Column, ColumnRule, ForeignKey, Table, UniqueKey, Unit};
use crate::ids::{ColumnId, ConstraintId, UnitId};
use crate::value::Value;

impl Table {
    /// The position and the column of this name; ASCII letters compare without regard to case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name.eq_ignore_ascii_case(name))
    }

    /// The position and the column with this id.
    #[must_use]
    pub fn column_by_id(&self, id: ColumnId) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.id == id)
    }

    /// The unit with this id.
    #[must_use]
    pub fn unit(&self, id: UnitId) -> Option<&Unit> {
        self.units.binary_search_by_key(&id, |unit| unit.id).ok().and_then(|at| self.units.get(at))
    }

    /// The unit that the column at this position is in.
    #[must_use]
    pub fn unit_of(&self, position: usize) -> Option<UnitId> {
        self.columns.get(position).map(|column| column.unit)
    }

    /// What becomes of concurrent values of a unit.
    #[must_use]
    pub fn rule_of(&self, unit: &Unit) -> ColumnRule {
        let column = unit.columns.first().and_then(|position| self.columns.get(*position));
        column.map_or(ColumnRule::Winner, |column| column.rule)
    }

    /// The units that hold at least one of the columns at these positions.
    pub fn units_of<'a>(&self, positions: impl IntoIterator<Item = &'a usize>) -> BTreeSet<UnitId> {
        positions.into_iter().filter_map(|&position| self.unit_of(position)).collect()
    }

    /// The constraints with their names: keys, foreign keys, checks, and for each column the rule that it
    /// has a value, which has the column's id.
    fn constraints(&self) -> impl Iterator<Item = (ConstraintId, Cow<'_, str>)> {
        let keys = self.keys.iter().map(|key| (key.id, key.name.as_str().into()));
        let foreign_keys = self.foreign_keys.iter().map(|key| (key.id, key.name.as_str().into()));
        let checks = self.checks.iter().map(|check| (check.id, check.name.as_str().into()));
        let values = self.columns.iter().map(|column| {
            (ConstraintId(column.id.0), format!("{}_{}_not_null", self.name, column.name).into())
        });
        keys.chain(foreign_keys).chain(checks).chain(values)
    }

    /// The name of a constraint of this table.
    #[must_use]
    pub fn constraint_name(&self, id: ConstraintId) -> Option<String> {
        self.constraints().find(|(known, _)| *known == id).map(|(_, name)| name.into_owned())
    }

    /// The constraint of this name; ASCII letters compare without regard to case.
    #[must_use]
    pub fn constraint_called(&self, name: &str) -> Option<ConstraintId> {
        self.constraints().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(id, _)| id)
    }

    /// The unique key with this id.
    #[must_use]
    pub fn key(&self, id: ConstraintId) -> Option<&UniqueKey> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// The primary key. Without one the row id is the key.
    #[must_use]
    pub fn primary_key(&self) -> Option<&UniqueKey> {
        self.keys.first().filter(|_| self.has_primary_key)
    }

    /// The units that hold a column of a unique key, the primary key included.
    #[must_use]
    pub fn key_units(&self) -> BTreeSet<UnitId> {
        self.units_of(self.keys.iter().flat_map(|key| &key.columns))
    }

    /// The foreign keys whose columns are in this unit.
    pub fn foreign_keys_of_unit(&self, unit: UnitId) -> impl Iterator<Item = &ForeignKey> {
        self.foreign_keys.iter().filter(move |foreign_key| foreign_key.unit == unit)
    }

    /// The units whose columns a check reads.
    #[must_use]
    pub fn units_of_check(&self, check: &Check) -> BTreeSet<UnitId> {
        self.units_of(&check.rule.columns())
    }

    /// The columns of every key, foreign key and index: whatever is looked up by value.
    pub fn indexed_columns(&self) -> impl Iterator<Item = &[usize]> {
        let keys = self.keys.iter().map(|key| key.columns.as_slice());
        let references = self.foreign_keys.iter().map(|foreign_key| foreign_key.columns.as_slice());
        keys.chain(references).chain(self.indexes.iter().map(|index| index.columns.as_slice()))
    }

    /// The names of the columns at these positions, in their order.
    #[must_use]
    pub fn column_names(&self, positions: &[usize]) -> Vec<&str> {
        positions.iter().filter_map(|&at| self.columns.get(at)).map(|column| column.name.as_str()).collect()
    }
}

impl UniqueKey {
    /// The values of its columns, in its order, of a row that shows these by column position. As they are
    /// written: not folded.
    pub(crate) fn values_of(&self, shown: &[Value]) -> Vec<Value> {
        self.columns.iter().map(|column| shown.get(*column).cloned().unwrap_or_default()).collect()
    }
}
