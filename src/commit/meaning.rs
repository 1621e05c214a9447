//! Which row a reference means that a transaction writes.
//!
//! It is looked up when the transaction commits, so the order of its statements does not matter; but
//! earlier, where a statement makes that the row cannot be found any more by what it shows then.

use super::WriteError;
use super::stage::Stage;
use crate::derive::{fold, written_values};
use crate::error::Error;
use crate::ids::{RowId, RowKey};
use crate::schema::{ForeignKey, Table};
use crate::value::Value;

impl Stage<'_> {
    /// Finds the rows that the written references mean, and stores them beside the key values.
    pub(super) fn resolve_references(&mut self) -> Result<(), WriteError> {
        for (key, id) in self.writes.pending.clone() {
            let table = self.table(key)?;
            let Some(foreign_key) = table.foreign_keys.iter().find(|foreign_key| foreign_key.id == id) else {
                continue;
            };
            let Some(shown) = self.visible(key)? else {
                self.resolve_hidden(key, table, foreign_key)?;
                continue;
            };
            let value = fold(table, &foreign_key.columns, |c| shown.get(c));
            // A later statement of the transaction may have taken the reference away again.
            if value.iter().any(Value::is_null) {
                continue;
            }
            let parent = self.table(RowKey { table: foreign_key.parent, ..key })?;
            match self.writes.holder(self.base, parent, foreign_key.key, &value)? {
                Some(row) => self.mean(key, foreign_key, row)?,
                None => {
                    let values = foreign_key.columns.iter().filter_map(|c| shown.get(*c).cloned());
                    return Err(self.missing_parent(key, foreign_key, values.collect())?);
                }
            }
        }
        Ok(())
    }

    /// Finds the row that a reference means of a row that the transaction does not show at its end: should it
    /// come back, it refers to that. A row that nobody sees may refer to nothing.
    fn resolve_hidden(
        &mut self,
        key: RowKey,
        table: &Table,
        foreign_key: &ForeignKey,
    ) -> Result<(), WriteError> {
        let dot = self.dot(key)?;
        let Some(facts) = self.facts(key)? else { return Ok(()) };
        let Some(sibling) = facts.unit(foreign_key.unit).get(dot) else { return Ok(()) };
        if sibling.value.parent(foreign_key.id).is_some() {
            return Ok(());
        }
        let written = written_values(table, &facts);
        drop(facts);
        let meant = self.row_with(key, table, foreign_key, &written)?;
        meant.map_or(Ok(()), |row| Ok(self.mean(key, foreign_key, row)?))
    }

    /// Says which rows the references of a row mean that were written in this transaction, as far as they
    /// are there: the row is about to leave its table.
    pub(super) fn settle_references(&mut self, key: RowKey) -> Result<(), WriteError> {
        let table = self.table(key)?;
        let Some(shown) = self.visible(key)? else { return Ok(()) };
        for foreign_key in &table.foreign_keys {
            if !self.writes.pending.contains(&(key, foreign_key.id)) {
                continue;
            }
            if let Some(row) = self.row_with(key, table, foreign_key, &shown)? {
                self.mean(key, foreign_key, row)?;
            }
        }
        Ok(())
    }

    /// Says which row a reference means, if that was still to be looked up.
    pub(super) fn settle_reference(
        &mut self,
        key: RowKey,
        foreign_key: &ForeignKey,
        parent: RowId,
    ) -> Result<(), Error> {
        if self.writes.pending.contains(&(key, foreign_key.id)) {
            self.mean(key, foreign_key, parent)?;
            self.writes.pending.remove(&(key, foreign_key.id));
            self.writes.meaning.insert(key);
        }
        Ok(())
    }

    /// The row that shows the key which a row with these values refers to. A transaction may show a key twice
    /// until it commits: then the row with the least id, whether it was there before or not.
    fn row_with(
        &self,
        key: RowKey,
        table: &Table,
        foreign_key: &ForeignKey,
        values: &[Value],
    ) -> Result<Option<RowId>, Error> {
        let value = fold(table, &foreign_key.columns, |c| values.get(c));
        if value.iter().any(Value::is_null) {
            return Ok(None);
        }
        let parent = self.table(RowKey { table: foreign_key.parent, ..key })?;
        let staged = self.writes.staged_with(foreign_key.key, &value).next();
        let stored = self.base.holder(foreign_key.key, &value)?;
        let stored = stored.filter(|row| !self.writes.stages(RowKey { table: parent.id, row: *row }));
        Ok(staged.into_iter().chain(stored).min())
    }

    fn mean(&mut self, key: RowKey, foreign_key: &ForeignKey, parent: RowId) -> Result<(), Error> {
        let dot = self.dot(key)?;
        let Some(facts) = self.facts(key)? else { return Ok(()) };
        let Some(sibling) = facts.unit(foreign_key.unit).get(dot) else { return Ok(()) };
        let mut value = sibling.value.clone();
        let stamp = sibling.stamp;
        value.parents.retain(|(id, _)| *id != foreign_key.id);
        value.parents.push((foreign_key.id, parent));
        value.parents.sort_unstable();
        drop(facts);
        self.edit(key, |facts| facts.write_unit(foreign_key.unit, stamp, value, &[]))
    }

    pub(super) fn missing_parent(
        &self,
        key: RowKey,
        foreign_key: &ForeignKey,
        values: Vec<Value>,
    ) -> Result<WriteError, Error> {
        let parent = self.table(RowKey { table: foreign_key.parent, ..key })?;
        Ok(WriteError::MissingParent {
            table: self.table(key)?.name.clone(),
            row: key.row,
            constraint: foreign_key.name.clone(),
            parent: parent.name.clone(),
            values,
        })
    }
}
