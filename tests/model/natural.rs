//! Rows that their primary key names: which row a key means, and the new life of one that was there before.

use std::collections::BTreeSet;

use reunite::ids::RowKey;
use reunite::schema::{ColumnRule, Table, Unit};
use reunite::value::{Json, Value};

use super::commit::{Commit, Refusal, Spots};
use super::facts::{Cell, Content, Slot};
use super::identity::name_of;
use super::image::{fold_each, unwritten};
use super::operations::Values;

impl Commit<'_> {
    /// The row that the key of these values means: the known one, or else what somebody called it.
    pub fn named(&self, given: RowKey, shown: &[Value]) -> RowKey {
        let table = self.table(given);
        let Some(unit) = name_of(table).filter(|_| !self.replica.facts.contains_key(&given)) else {
            return given;
        };
        let unit = table.unit(unit).expect("a unit of the table");
        let name = |values: &mut dyn Iterator<Item = Value>| -> Vec<Value> {
            unit.columns.iter().zip(values).map(|(column, value)| fold_each(table, *column, &value)).collect()
        };
        let wanted = name(&mut unit.columns.iter().map(|column| shown[*column].clone()));
        let mut known = self.replica.facts.iter().filter(|(row, _)| row.table == given.table);
        let same = known.find(|(_, facts)| {
            facts.live(Slot::Columns(unit.id)).any(|(_, entry)| match &entry.content {
                Content::Columns(cell) => name(&mut cell.columns.iter().cloned()) == wanted,
                _ => false,
            })
        });
        same.map_or(given, |(row, _)| *row)
    }

    /// Refuses to give a row another name. Another spelling is none.
    pub fn check_name(&self, row: RowKey, before: &[Value], named: &Values) -> Result<(), Refusal> {
        let table: &Table = self.table(row);
        let is_name = |column: usize| name_of(table) == Some(table.columns[column].unit);
        let changes = |(column, value): (&usize, &Value)| {
            fold_each(table, *column, value) != fold_each(table, *column, &before[*column])
        };
        let changed = named.iter().filter(|(column, _)| is_name(**column)).any(changes);
        if changed { Err(Refusal::ImmutableKey) } else { Ok(()) }
    }

    /// Begins a row again that is known: everything that its class shows, and counts, gives way to the
    /// defaults.
    pub fn begin_again(&mut self, row: RowKey) {
        if !self.replica.facts.contains_key(&row) {
            return;
        }
        self.revive(row);
        for unit in &self.table(row).units {
            self.reset(row, unit);
        }
    }

    fn reset(&mut self, row: RowKey, unit: &Unit) {
        let rule = self.table(row).rule_of(unit);
        if rule == ColumnRule::Union {
            let nothing = Value::Json(Json::parse("[]").expect("it is JSON"));
            return self.write_set(row, unit, &nothing);
        }
        let replaced: Spots = match self.visible_value(row, unit.id) {
            _ if matches!(rule, ColumnRule::Max | ColumnRule::Min) => self.spots(row, unit.id),
            Some((_, _, same)) => same,
            None => Spots::new(),
        };
        let seen = self.combined(row, |class| class.added(unit.id));
        if replaced.is_empty() && seen.is_empty() {
            return; // Nobody ever wrote it.
        }
        let (others, own): (Spots, Spots) = replaced.into_iter().partition(|spot| spot.0 != row);
        others.into_iter().for_each(|spot| self.absorb(spot, unit.id));
        let cell = Cell { seen, ..unwritten(self.table(row), unit) };
        let slot = Slot::Columns(unit.id);
        let own: BTreeSet<_> = own.into_iter().map(|(_, dot)| (slot, dot)).collect();
        self.write(row, slot, Content::Columns(cell), own);
    }
}
