//! Which row a reference means that a transaction writes: whoever shows its key at the end; or, where the key or
//! the row goes before, whoever showed it then.

use reunite::ids::{RowId, RowKey};
use reunite::schema::ForeignKey;

use super::commit::{Commit, Refusal};
use super::facts::{Content, Slot};
use super::image::{fold, own_values};

impl Commit<'_> {
    /// Looks up which rows the written references mean.
    pub fn resolve_references(&mut self) -> Result<(), Refusal> {
        for (row, id) in self.pending.clone() {
            let table = self.table(row);
            let foreign_key = table.foreign_keys.iter().find(|key| key.id == id).expect("a foreign key");
            let parent = self.schema.table_by_id(foreign_key.parent).expect("a table of the schema");
            let Some(shown) = self.shown.get(&row) else {
                // Nobody sees the row. Should it come back, it refers to whom it would refer to now.
                let values = own_values(table, &self.replica.facts[&row]);
                let holder = fold(table, &foreign_key.columns, &values)
                    .and_then(|value| self.holder(parent, foreign_key.key, &value));
                if let Some(parent) = holder.filter(|_| !self.says_which(row, foreign_key)) {
                    self.mean(row, foreign_key, parent);
                }
                continue;
            };
            let Some(value) = fold(table, &foreign_key.columns, shown) else { continue };
            let parent = self.holder(parent, foreign_key.key, &value).ok_or(Refusal::MissingParent)?;
            self.mean(row, foreign_key, parent);
        }
        Ok(())
    }

    fn says_which(&mut self, row: RowKey, foreign_key: &ForeignKey) -> bool {
        let dot = self.dot(row);
        let entry = self.replica.facts[&row].get(Slot::Columns(foreign_key.unit), dot);
        entry.is_some_and(|entry| match &entry.content {
            Content::Columns(cell) => cell.parents.contains_key(&foreign_key.id),
            _ => false,
        })
    }

    /// Says which row a reference means that this transaction wrote.
    pub fn mean(&mut self, row: RowKey, foreign_key: &ForeignKey, parent: RowId) {
        let (slot, dot) = (Slot::Columns(foreign_key.unit), self.dot(row));
        let facts = self.replica.facts.get_mut(&row).expect("it was written");
        let entry = facts.units.get_mut(&slot).and_then(|unit| unit.live.get_mut(&dot));
        let Some(Content::Columns(cell)) = entry.map(|entry| &mut entry.content) else { return };
        cell.parents.insert(foreign_key.id, parent);
        let cell = Content::Columns(cell.clone());
        let change = self.changes.iter_mut().find(|c| (c.row, c.slot, c.stamp.dot) == (row, slot, dot));
        change.expect("it was written").entry = cell;
    }

    /// Which rows the references mean that this transaction wrote in a row which leaves its table.
    pub fn settle_references(&mut self, row: RowKey) {
        let (table, Some(shown)) = (self.table(row), self.shown.get(&row).cloned()) else { return };
        for foreign_key in &table.foreign_keys {
            if !self.pending.contains(&(row, foreign_key.id)) {
                continue;
            }
            let parent = self.schema.table_by_id(foreign_key.parent).expect("a table of the schema");
            let value = fold(table, &foreign_key.columns, &shown);
            if let Some(parent) = value.and_then(|value| self.holder(parent, foreign_key.key, &value)) {
                self.mean(row, foreign_key, parent);
            }
        }
    }
}
