//! Rows that their primary key names, or the caller by their row id: inserting one that was there before,
//! and keeping a key that names a row as it is.

use super::WriteError;
use super::joined::elements_of;
use super::rows::{Columns, is_inserted, names};
use super::rule::{column_names, duplicate_key};
use super::stage::Stage;
use crate::codec::natural_row_id;
use crate::derive::seen_sums;
use crate::fault::{Bug, planted};
use crate::ids::RowKey;
use crate::row::UnitValue;
use crate::schema::{ColumnRule, Table, Unit};
use crate::value::Value;

impl Stage<'_> {
    /// Refuses to insert a row that is there: its key names it, or the caller did.
    pub(super) fn check_absent(&self, table: &Table, key: RowKey, shown: &[Value]) -> Result<(), WriteError> {
        if self.visible(key)?.is_none() {
            return Ok(());
        }
        let Some(unique) = table.natural_key() else {
            return Err(WriteError::RowExists { table: table.name.clone(), row: key.row });
        };
        Err(duplicate_key(table, unique, shown, key.row, key.row))
    }

    /// A new life of a row that is deleted, merged into another or parked. Nothing of the old one is read,
    /// not even through rows that were merged into it and come back with it; old losers stay in conflict.
    pub(super) fn begin_again(
        &mut self,
        table: &Table,
        key: RowKey,
        named: &Columns,
        shown: &[Value],
    ) -> Result<(), WriteError> {
        let Some(facts) = self.class(key)? else { return Err(self.no_such_row(table, key)) };
        self.revive(table, key, &facts)?;
        drop(facts);
        for unit in &table.units {
            if names(unit, named) || !planted(Bug::NaturalFresh) {
                self.write_afresh(table, key, unit, named, shown)?;
            }
        }
        Ok(())
    }

    /// Writes a unit in place of all that the old life shows in it. A unit without any value is not written,
    /// as by any insertion.
    fn write_afresh(
        &mut self,
        table: &Table,
        key: RowKey,
        unit: &Unit,
        named: &Columns,
        shown: &[Value],
    ) -> Result<(), WriteError> {
        let columns = unit.columns.iter().map(|c| shown.get(*c).cloned().unwrap_or_default());
        let mut value = UnitValue { columns: columns.collect(), ..UnitValue::default() };
        let rule = table.rule_of(unit);
        if rule == ColumnRule::Union {
            self.write_set(key, unit, None)?;
            let stamp = self.own_stamp(key)?;
            let elements = value.columns.first().into_iter().flat_map(elements_of);
            return Ok(self.edit(key, |facts| {
                elements.for_each(|element| facts.add_element(unit.id, element, stamp));
            })?);
        }
        let Some(class) = self.class(key)? else { return Err(self.no_such_row(table, key)) };
        if rule == ColumnRule::Sum {
            value.seen = seen_sums(unit.id, &class);
        }
        let unwritten = class.unit(unit.id).is_empty() && value.seen.is_empty();
        if unwritten && !is_inserted(table, unit, named, shown) {
            return Ok(());
        }
        let replaces = if rule.is_joined() {
            class.unit(unit.id).dots().collect()
        } else {
            self.visible_dots(table, unit, &class)?
        };
        drop(class);
        Ok(self.write_unit_afresh(key, unit.id, value, &replaces)?)
    }

    /// Refuses a change of the key that names the row. Another spelling of it, where its collation holds both
    /// to be equal, is none.
    pub(super) fn check_immutable(
        &self,
        table: &Table,
        key: RowKey,
        before: &[Value],
        after: &[Value],
    ) -> Result<(), WriteError> {
        let Some(unique) = table.natural_key().filter(|_| !planted(Bug::NaturalRename)) else {
            return Ok(());
        };
        let named = natural_row_id(table, |column| after.get(column));
        if named == Some(key.row) {
            return Ok(());
        }
        Err(WriteError::ImmutableKey {
            table: table.name.clone(),
            row: key.row,
            key: unique.name.clone(),
            columns: column_names(table, unique),
            values: unique.values_of(before),
        })
    }
}
