//! What a transaction keeps by row. One statement asks for its row a dozen times, and a commit goes through the rows in
//! their order: so the row that was asked for last, and that which was added after it, are found without a search.
//!
//! Does not forget a row: it can be made what it is by default.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::ids::{RowKey, TableId};

/// A map by row that goes through its rows in their order.
#[derive(Debug, Default)]
pub(super) struct RowMap<T> {
    /// In the order in which they were added.
    rows: Vec<(RowKey, T)>,
    places: BTreeMap<RowKey, usize>,
    /// The place that was asked for last.
    last: Cell<usize>,
}

impl<T: Default> RowMap<T> {
    pub(super) fn get(&self, key: RowKey) -> Option<&T> {
        self.rows.get(self.place(key)?).map(|(_, row)| row)
    }

    pub(super) fn get_mut(&mut self, key: RowKey) -> Option<&mut T> {
        let place = self.place(key)?;
        self.rows.get_mut(place).map(|(_, row)| row)
    }

    /// Puts a row in place of what is there.
    pub(super) fn set(&mut self, key: RowKey, row: T) {
        match self.get_mut(key) {
            Some(slot) => *slot = row,
            None => self.add(key, row),
        }
    }

    /// Changes a row, which is there then.
    pub(super) fn change(&mut self, key: RowKey, change: impl FnOnce(&mut T)) {
        if let Some(row) = self.get_mut(key) {
            return change(row);
        }
        let mut row = T::default();
        change(&mut row);
        self.add(key, row);
    }

    fn add(&mut self, key: RowKey, row: T) {
        let place = self.rows.len();
        self.rows.push((key, row));
        self.places.insert(key, place);
        self.last.set(place);
    }

    /// All rows in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (RowKey, &T)> {
        self.at(self.places.iter())
    }

    /// The rows of a table in their order.
    pub(super) fn of_table(&self, table: TableId) -> impl Iterator<Item = (RowKey, &T)> {
        self.at(self.places.range(RowKey::all_of(table)))
    }

    fn at<'a>(
        &'a self,
        places: impl Iterator<Item = (&'a RowKey, &'a usize)>,
    ) -> impl Iterator<Item = (RowKey, &'a T)> {
        places.filter_map(|(key, place)| Some((*key, &self.rows.get(*place)?.1)))
    }

    /// All rows, in no order.
    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.rows.iter_mut().map(|(_, row)| row)
    }

    fn place(&self, key: RowKey) -> Option<usize> {
        let last = self.last.get();
        let is_at = |place: &usize| self.rows.get(*place).is_some_and(|(at, _)| *at == key);
        let place = [last, last + 1].into_iter().find(is_at).or_else(|| self.places.get(&key).copied())?;
        self.last.set(place);
        Some(place)
    }
}
