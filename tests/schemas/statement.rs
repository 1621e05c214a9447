//! Random statements, and how they are done to a database.

use std::collections::BTreeMap;

use reunite::db::{ConflictRow, ResolveWith};
use reunite::ids::{RowId, RowKey};
use reunite::schema::{ForeignKey, Schema, Table};
use reunite::value::Value;
use reunite::{Row, Transaction, WriteError};

use crate::random::Random;
use crate::values;
use crate::view::View;

/// What to do to a row of a table, which is named by its position in the schema.
#[derive(Clone, Debug)]
pub enum Statement {
    Insert(usize, Row),
    InsertAll(usize, Vec<Row>),
    Upsert(usize, Row),
    Update(usize, RowId, Row),
    UpdateForced(usize, RowId, Row),
    Delete(usize, RowId),
    Undelete(usize, RowId),
    Prefer(usize, RowId),
    Resolve(Box<ConflictRow>, ResolveWith),
}

/// What statements are made of.
pub struct Generator<'a> {
    pub schema: &'a Schema,
    /// What the transaction sees.
    pub view: &'a View,
    /// Rows that are known and not visible.
    pub hidden: &'a [RowKey],
    pub conflicts: &'a [ConflictRow],
    pub random: &'a mut Random,
}

impl Statement {
    /// Does it; returns the row that was inserted, if one was.
    pub fn run(&self, schema: &Schema, transaction: &mut Transaction) -> Result<Option<RowId>, WriteError> {
        let name = |at: &usize| schema.tables()[*at].name.as_str();
        match self {
            Statement::Insert(at, row) => transaction.table(name(at))?.insert(row.clone()).map(Some),
            Statement::InsertAll(at, rows) => {
                transaction.table(name(at))?.insert_all(rows.iter().cloned()).map(|_| None)
            }
            Statement::Upsert(at, row) => transaction.table(name(at))?.upsert(row.clone()).map(Some),
            Statement::Update(at, id, row) => {
                transaction.table(name(at))?.update(*id, row.clone()).map(|()| None)
            }
            Statement::UpdateForced(at, id, row) => {
                transaction.table(name(at))?.update_forced(*id, row.clone()).map(|()| None)
            }
            Statement::Delete(at, id) => transaction.table(name(at))?.delete(*id).map(|()| None),
            Statement::Undelete(at, id) => transaction.table(name(at))?.undelete(*id).map(|()| None),
            Statement::Prefer(at, id) => transaction.table(name(at))?.prefer(*id).map(|()| None),
            Statement::Resolve(conflict, ResolveWith::Dismiss) => {
                transaction.dismiss(conflict.id).map(|()| None)
            }
            Statement::Resolve(conflict, how) => transaction.resolve(conflict.id, how.clone()).map(|()| None),
        }
    }

    /// Whether it may hide rows of others that it does not name.
    pub const fn swaps(&self) -> bool {
        matches!(self, Statement::Prefer(..) | Statement::Resolve(_, ResolveWith::Prefer))
    }

    /// Whether it may change a value to null.
    pub fn writes_null(&self) -> bool {
        let (Statement::Upsert(_, row) | Statement::Update(.., row) | Statement::UpdateForced(.., row)) =
            self
        else {
            return false;
        };
        row.iter().any(|(_, value)| value.is_null())
    }

    /// Whether it may delete rows.
    pub const fn deletes(&self) -> bool {
        matches!(self, Statement::Delete(..) | Statement::Resolve(..))
    }

    pub fn explain(&self, schema: &Schema) -> String {
        let name = |at: &usize| &schema.tables()[*at].name;
        let list = |rows: &[Row]| rows.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        match self {
            Statement::Insert(at, row) => format!("insert {} {row}", name(at)),
            Statement::InsertAll(at, rows) => format!("insert all {} {}", name(at), list(rows)),
            Statement::Upsert(at, row) => format!("upsert {} {row}", name(at)),
            Statement::Update(at, id, row) => format!("update {} {id} {row}", name(at)),
            Statement::UpdateForced(at, id, row) => format!("update! {} {id} {row}", name(at)),
            Statement::Delete(at, id) => format!("delete {} {id}", name(at)),
            Statement::Undelete(at, id) => format!("undelete {} {id}", name(at)),
            Statement::Prefer(at, id) => format!("prefer {} {id}", name(at)),
            Statement::Resolve(conflict, how) => format!(
                "resolve {} {} of {} {} by {how:?}",
                conflict.kind.name(),
                conflict.id,
                conflict.table,
                conflict.row
            ),
        }
    }
}

impl Generator<'_> {
    pub fn statement(&mut self) -> Statement {
        let at = self.random.below(self.schema.tables().len());
        let table = &self.schema.tables()[at];
        let shown = self.row(self.view.keys().filter(|key| key.table == table.id).copied());
        let dice = self.random.below(100);
        if dice < 16 && !self.conflicts.is_empty() {
            return self.resolution();
        }
        match (dice, shown) {
            (16..40, Some(id)) => Statement::Update(at, id, self.changes(table)),
            (40..45, Some(id)) => Statement::UpdateForced(at, id, self.changes(table)),
            (45..56, Some(id)) => Statement::Delete(at, id),
            (56..66, _) if !self.hidden.is_empty() => {
                let key = self.hidden[self.random.below(self.hidden.len())];
                let at = self.schema.tables().iter().position(|table| table.id == key.table).unwrap();
                if self.random.chance(50) {
                    Statement::Prefer(at, key.row)
                } else {
                    Statement::Undelete(at, key.row)
                }
            }
            (66..72, _) => {
                let rows = (0..1 + self.random.below(3)).map(|_| self.new_row(table)).collect();
                Statement::InsertAll(at, rows)
            }
            (72..80, _) if table.primary_key().is_some() => self.upsert(at, table),
            _ => Statement::Insert(at, self.new_row(table)),
        }
    }

    /// A row with new values, of which some columns are left to their defaults.
    pub fn new_row(&mut self, table: &Table) -> Row {
        let all = self.values(table);
        let named = all.into_iter().filter(|(at, _)| {
            let column = &table.columns[*at];
            let left = if column.default == Value::Null && !column.nullable { 2 } else { 15 };
            !self.random.chance(left)
        });
        row(table, named.collect::<Vec<_>>())
    }

    fn upsert(&mut self, at: usize, table: &Table) -> Statement {
        let mut values = self.values(table);
        let known = self.row(self.view.keys().filter(|key| key.table == table.id).copied());
        if let Some(id) = known.filter(|_| self.random.chance(60)) {
            let shown = &self.view[&RowKey { table: table.id, row: id }];
            for column in &table.primary_key().expect("it has one").columns {
                values
                    .insert(*column, values::spelled(&table.columns[*column], &shown[*column], self.random));
            }
        }
        Statement::Upsert(at, row(table, values))
    }

    /// Changes of one or two columns; of a reference, mostly of all its columns.
    pub fn changes(&mut self, table: &Table) -> Row {
        let all = self.values(table);
        let mut columns = vec![self.random.below(table.columns.len())];
        if self.random.chance(40) {
            columns.push(self.random.below(table.columns.len()));
        }
        for foreign_key in &table.foreign_keys {
            if foreign_key.columns.iter().any(|column| columns.contains(column)) && self.random.chance(85) {
                columns.extend(&foreign_key.columns);
            }
        }
        row(table, all.into_iter().filter(|(at, _)| columns.contains(at)))
    }

    /// A value for every column: of references mostly that of a row which is there.
    fn values(&mut self, table: &Table) -> BTreeMap<usize, Value> {
        let random = &mut *self.random;
        let mut values: BTreeMap<usize, Value> = table
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| (at, values::value(column, random)))
            .collect();
        for foreign_key in &table.foreign_keys {
            if self.random.chance(85) {
                self.refer(table, foreign_key, &mut values);
            }
        }
        values
    }

    fn refer(&mut self, table: &Table, foreign_key: &ForeignKey, values: &mut BTreeMap<usize, Value>) {
        let Some(row) = self.row(self.view.keys().filter(|key| key.table == foreign_key.parent).copied())
        else {
            return;
        };
        let parent = self.schema.table_by_id(foreign_key.parent).expect("a table of the schema");
        let shown = &self.view[&RowKey { table: foreign_key.parent, row }];
        let key = parent.key(foreign_key.key).expect("a key of the parent");
        for (own, theirs) in foreign_key.columns.iter().zip(&key.columns) {
            let value = values::spelled(&table.columns[*own], &shown[*theirs], self.random);
            values.insert(*own, value);
        }
    }

    fn row(&mut self, from: impl Iterator<Item = RowKey>) -> Option<RowId> {
        self.random.pick(from).map(|key| key.row)
    }

    fn resolution(&mut self) -> Statement {
        let conflict = self.conflicts[self.random.below(self.conflicts.len())].clone();
        let table = self.schema.table(&conflict.table).expect("a table of the schema");
        let how = match self.random.below(9) {
            0 => ResolveWith::KeepWinner,
            1 => ResolveWith::KeepLoser,
            2 => ResolveWith::Set(self.changes(table)),
            3 => ResolveWith::Rename(self.changes(table)),
            4 => ResolveWith::Prefer,
            5 => ResolveWith::Reparent(self.changes(table)),
            6 => ResolveWith::RestoreParent,
            7 => ResolveWith::Delete,
            _ => ResolveWith::Dismiss,
        };
        Statement::Resolve(Box::new(conflict), how)
    }
}

/// A row by column names.
fn row(table: &Table, values: impl IntoIterator<Item = (usize, Value)>) -> Row {
    values.into_iter().map(|(at, value)| (table.columns[at].name.as_str(), value)).collect()
}
