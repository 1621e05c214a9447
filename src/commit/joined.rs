//! Writes to columns whose concurrent values are combined: what is added to a counter, and which elements
//! of a set come and go. A maximum or minimum is written like any column, in place of all its values.

use std::borrow::Cow;
use std::collections::BTreeSet;

use smallvec::smallvec;

use super::WriteError;
use super::rows::Columns;
use super::stage::Stage;
use crate::derive::{saturated, set_of, total, winner};
use crate::fault::{Bug, planted};
use crate::ids::RowKey;
use crate::row::UnitValue;
use crate::schema::{ColumnRule, Table, Unit};
use crate::value::{Json, Type, Value, ValueError};
use crate::version::Stamp;

impl Stage<'_> {
    /// Adds to counters of a visible row. What others add at the same time adds up, and is no conflict.
    ///
    /// # Errors
    /// If the row is not visible, a column is no counter, an amount is no INTEGER, or the counter would
    /// leave the range of INTEGER.
    pub fn increment(&mut self, key: RowKey, amounts: &Columns) -> Result<(), WriteError> {
        let table = self.table(key)?;
        let Some(shown) = self.visible(key)? else { return Err(self.no_such_row(table, key)) };
        let mut shown = shown.to_vec();
        for (position, amount) in amounts {
            let counter = table.columns.get(*position).filter(|column| column.rule == ColumnRule::Sum);
            let unit = counter.and_then(|column| table.unit(column.unit));
            let (Some(column), Some(unit)) = (counter, unit) else {
                let name = table.column_names(&[*position]).join("");
                let reason = format!("column {name} is no counter: only columns of the option sum are");
                return Err(self.not_applicable(table, key, reason));
            };
            let Value::Integer(amount) = *amount else {
                return Err(WriteError::NotNull { table: table.name.clone(), column: column.name.clone() });
            };
            let sum = self.add(key, table, unit, &column.default, amount)?;
            if let Some(slot) = shown.get_mut(*position) {
                *slot = Value::Integer(sum);
            }
        }
        self.touch(key)?;
        self.show(key, Some(shown.into()))?;
        self.owns(key);
        Ok(())
    }

    /// Adds to one counter; returns how it reads then.
    fn add(
        &mut self,
        key: RowKey,
        table: &Table,
        unit: &Unit,
        default: &Value,
        amount: i64,
    ) -> Result<i64, WriteError> {
        let dot = self.dot(key)?;
        self.edit(key, |facts| facts.increment(unit.id, key.row, dot, amount))?;
        let Some(facts) = self.class(key)? else { return Err(self.no_such_row(table, key)) };
        let unwritten = UnitValue { columns: smallvec![default.clone()], ..UnitValue::default() };
        let assigned = winner(table, facts.unit(unit.id)).map_or(&unwritten, |sibling| &sibling.value);
        let sum = total(assigned, unit.id, &facts);
        // Back towards the range is always allowed.
        if sum > i128::from(i64::MAX) && amount > 0 || sum < i128::from(i64::MIN) && amount < 0 {
            return Err(WriteError::OutOfRange {
                table: table.name.clone(),
                row: key.row,
                column: table.column_names(&unit.columns).join(", "),
                amount,
            });
        }
        Ok(saturated(sum))
    }

    /// Makes a set consist of these elements: adds what is new, removes what is not among them, and leaves
    /// what stays as it is, or removing it elsewhere at the same time would be undone.
    pub(super) fn write_set(
        &mut self,
        key: RowKey,
        unit: &Unit,
        to: Option<&Value>,
    ) -> Result<(), WriteError> {
        let wanted: BTreeSet<Json> = to.into_iter().flat_map(elements_of).collect();
        let have: BTreeSet<Json> = self.set(key, unit)?;
        let gone: BTreeSet<Json> = have.difference(&wanted).cloned().collect();
        self.remove_elements(key, unit.id, &gone)?;
        self.edit(key, |facts| gone.iter().for_each(|element| facts.elements.remove(unit.id, element)))?;
        let stamp = self.own_stamp(key)?;
        let new = wanted.iter().filter(|element| !have.contains(element) || planted(Bug::UnionWhole));
        self.edit(key, |facts| {
            new.for_each(|element| facts.add_element(unit.id, element.clone(), stamp));
        })?;
        Ok(())
    }

    /// The elements of a set: with those of the rows merged into its row.
    fn set(&self, key: RowKey, unit: &Unit) -> Result<BTreeSet<Json>, WriteError> {
        let class = self.class(key)?;
        let elements = class.iter().flat_map(|class| class.elements.of(unit.id));
        Ok(elements.map(|(element, _)| element.clone()).collect())
    }

    /// Writes every element of a set anew, as it is. Rows merged into this one keep theirs.
    pub(super) fn rewrite_set(&mut self, key: RowKey, unit: &Unit) -> Result<(), WriteError> {
        let stamp = self.own_stamp(key)?;
        self.edit(key, |facts| {
            let have: Vec<Json> = facts.elements.of(unit.id).map(|(element, _)| element.clone()).collect();
            have.into_iter().for_each(|element| facts.add_element(unit.id, element, stamp));
        })?;
        Ok(())
    }

    /// The stamp of an element: nothing wins among elements, so it inherits no priority.
    pub(super) fn own_stamp(&mut self, key: RowKey) -> Result<Stamp, WriteError> {
        let dot = self.dot(key)?;
        Ok(self.writes.author.stamp(self.writes.author.priority, dot))
    }
}

/// The elements of a set as it is written: those of a JSON array, each once.
pub(super) fn elements_of(set: &Value) -> impl Iterator<Item = Json> + use<> {
    let tree = match set {
        Value::Json(json) => json.to_tree(),
        _ => serde_json::Value::Null,
    };
    let items = match tree {
        serde_json::Value::Array(items) => items,
        _ => Vec::new(),
    };
    // What was read from canonical JSON reads again.
    items.into_iter().filter_map(|item| Json::from_tree(&item).ok())
}

/// The named values as they will be read: sets in their canonical order.
pub(super) fn fitted<'n>(table: &Table, named: Cow<'n, Columns>) -> Result<Cow<'n, Columns>, WriteError> {
    if table.columns.iter().all(|column| column.rule != ColumnRule::Union) {
        return Ok(named);
    }
    let mut fitted = named.into_owned();
    for (position, value) in &mut fitted {
        let column = table.columns.get(*position).filter(|column| column.rule == ColumnRule::Union);
        let Some(column) = column.filter(|_| !value.is_null()) else { continue };
        if !matches!(value, Value::Json(json) if json.as_str().starts_with('[')) {
            let found = "JSON that is no array, and the column is a set".to_owned();
            return Err(WriteError::TypeMismatch {
                table: table.name.clone(),
                column: column.name.clone(),
                expected: Type::Json,
                source: ValueError::WrongType { expected: Type::Json, found },
            });
        }
        let elements: Vec<Json> = elements_of(value).collect();
        *value = Value::Json(set_of(elements.iter()));
    }
    Ok(Cow::Owned(fitted))
}
