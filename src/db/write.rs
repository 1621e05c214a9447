//! A table as a transaction writes it: names to columns, values to types, then `commit`.

use super::row::{Row, RowRef};
use super::table::Table;
use super::transaction::Transaction;
use super::typed::for_column;
use crate::codec::check_value_size;
use crate::commit::{Columns, WriteError};
use crate::error::Error;
use crate::ids::{RowId, RowKey, TableId};
use crate::schema;
use crate::value::{Value, ValueError};

/// A table, for reading and writing.
///
/// ```
/// # use reunite::{Database, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let db = Database::builder().sql(sql)?.in_memory()?;
/// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// db.write(|tx| {
///     let mut customers = tx.table("customer")?;
///     let bob = customers.insert(row! { code: "BOB" })?;
///     customers.update(bob, row! { phone: "555" })?;
///     customers.delete("ANN")
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TableMut<'a> {
    pub(super) transaction: &'a mut Transaction,
    id: TableId,
}

impl<'a> TableMut<'a> {
    pub(super) const fn new(transaction: &'a mut Transaction, id: TableId) -> TableMut<'a> {
        TableMut { transaction, id }
    }

    /// The table, for reading: with what the transaction wrote.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// db.write(|tx| {
    ///     let customers = tx.table("customer")?;
    ///     assert_eq!(customers.read()?.len()?, 1);
    ///     Ok::<(), reunite::WriteError>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Never, unless the schema on disk is damaged.
    pub fn read(&self) -> Result<Table<'_>, WriteError> {
        Ok(Table::over(self.transaction.base(), Some(self.transaction.writes()), self.definition()?))
    }

    /// Changes the named columns of a row. What other replicas wrote there at the same time stays in
    /// the conflict table.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// db.write(|tx| tx.table("customer")?.update("ANN", row! { phone: "555" }))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such row, a name or value does not fit the table, or the key names the row and would be
    /// another.
    pub fn update(&mut self, row: impl Into<RowRef>, to: Row) -> Result<(), WriteError> {
        let (key, named) = (self.find(row)?, columns(self.definition()?, to)?);
        self.transaction.run(|stage| stage.update(key, &named, false))
    }

    /// Changes the named columns of a row, and settles all conflicts about them with these values.
    ///
    /// ```
    /// # use reunite::{Database, ResolveWith, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// replicate::sync(&a, &b)?;
    /// for (db, phone) in [(&a, "1"), (&b, "2")] {
    ///     db.write(|tx| tx.table("customer")?.update("ANN", row! { phone: phone }))?;
    /// }
    /// replicate::sync(&a, &b)?;
    /// a.write(|tx| tx.table("customer")?.update_forced("ANN", row! { phone: "3" }))?;
    /// assert!(a.read()?.conflicts()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TableMut::update`].
    pub fn update_forced(&mut self, row: impl Into<RowRef>, to: Row) -> Result<(), WriteError> {
        let (key, named) = (self.find(row)?, columns(self.definition()?, to)?);
        self.transaction.run(|stage| stage.update(key, &named, true))
    }

    /// Adds to counters of a row: to columns of the option `sum`. What other replicas add at the same time
    /// adds up; a counter is never in conflict because of it.
    ///
    /// ```
    /// # use reunite::{Database, replicate, row};
    /// let sql = "CREATE TABLE page (name TEXT PRIMARY KEY, hits INTEGER) WITH (sum = 'hits')";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// a.write(|tx| tx.table("page")?.insert(row! { name: "home" }))?;
    /// replicate::sync(&a, &b)?;
    /// a.write(|tx| tx.table("page")?.increment("home", row! { hits: 2 }))?;
    /// b.write(|tx| tx.table("page")?.increment("home", row! { hits: 3 }))?;
    /// replicate::sync(&a, &b)?;
    /// assert_eq!(b.read()?.table("page")?.get("home")?, Some(row! { name: "home", hits: 5 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such row, a column is no counter, or a counter would leave the range of INTEGER.
    pub fn increment(&mut self, row: impl Into<RowRef>, by: Row) -> Result<(), WriteError> {
        let (key, amounts) = (self.find(row)?, columns(self.definition()?, by)?);
        self.transaction.run(|stage| stage.increment(key, &amounts))
    }

    /// Deletes a row, and does to the rows that refer to it what their `ON DELETE` says.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// db.write(|tx| tx.table("customer")?.delete("ANN"))?;
    /// assert!(db.read()?.table("customer")?.is_empty()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such row. Rows that still refer to it make the commit fail.
    pub fn delete(&mut self, row: impl Into<RowRef>) -> Result<(), WriteError> {
        let key = self.find(row)?;
        self.transaction.run(|stage| stage.delete(key))
    }

    /// Brings back a deleted row.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let ann = db.read()?.table("customer")?.row_id("ANN")?.ok_or("there is no Ann")?;
    /// db.write(|tx| tx.table("customer")?.delete(ann))?;
    /// db.write(|tx| tx.table("customer")?.undelete(ann))?;
    /// assert_eq!(db.read()?.table("customer")?.row_id("ANN")?, Some(ann));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If nothing is known of the row, or it is not deleted.
    pub fn undelete(&mut self, row: RowId) -> Result<(), WriteError> {
        let key = self.key(row);
        self.transaction.run(|stage| stage.undelete(key))
    }

    /// Shows a parked row in place of the row that holds its key, which is parked instead.
    ///
    /// ```
    /// # use reunite::{Database, ResolveWith, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
    /// # replicate::sync(&a, &b)?;
    /// let parked = a.read()?.conflicts()?.remove(0).row;
    /// a.write(|tx| tx.table("customer")?.prefer(parked))?;
    /// assert_eq!(a.read()?.table("customer")?.row_id("ANN")?, Some(parked));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the row is deleted or unknown. If something else bars it too, the commit fails.
    pub fn prefer(&mut self, row: RowId) -> Result<(), WriteError> {
        let key = self.key(row);
        self.transaction.run(|stage| stage.prefer(key))
    }

    /// The row with this row id or primary key, as the transaction sees it.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// db.write(|tx| {
    ///     let mut customers = tx.table("customer")?;
    ///     customers.update("ANN", row! { phone: "555" })?;
    ///     assert_eq!(customers.get("ANN")?, Some(row! { code: "ANN", phone: "555" }));
    ///     Ok::<(), reunite::WriteError>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::get`].
    pub fn get(&self, row: impl Into<RowRef>) -> Result<Option<Row>, WriteError> {
        self.read()?.get(row)
    }

    pub(super) fn definition(&self) -> Result<&schema::Table, Error> {
        let missing = || Error::corrupt(format!("table {} is not in the schema", self.id.0));
        self.transaction.base().schema().table_by_id(self.id).ok_or_else(missing)
    }

    /// Makes the named columns of a row be these: changes those that differ.
    pub(super) fn make(&mut self, row: RowRef, to: &Row) -> Result<(), WriteError> {
        let (key, named) = (self.find(row)?, columns(self.definition()?, to.clone())?);
        self.change(key.row, named)
    }

    pub(super) fn change(&mut self, row: RowId, mut named: Columns) -> Result<(), WriteError> {
        let shown = self.read()?.values(row)?.unwrap_or_default();
        named.retain(|column, value| shown.get(*column) != Some(value));
        if named.is_empty() {
            return Ok(());
        }
        let key = self.key(row);
        self.transaction.run(|stage| stage.update(key, &named, false))
    }

    pub(super) const fn key(&self, row: RowId) -> RowKey {
        RowKey { table: self.id, row }
    }

    /// The row as it is named: by row id also if it is not visible.
    pub(super) fn find_hidden(&self, row: impl Into<RowRef>) -> Result<RowKey, WriteError> {
        match row.into() {
            RowRef::Id(row) => Ok(self.key(row)),
            row => self.find(row),
        }
    }

    pub(super) fn find(&self, row: impl Into<RowRef>) -> Result<RowKey, WriteError> {
        let row = row.into();
        let found = self.read()?.row_id(row.clone())?;
        let table = &self.definition()?.name;
        let missing = || WriteError::NoSuchRow { table: table.clone(), row: row.to_string() };
        Ok(self.key(found.ok_or_else(missing)?))
    }
}

/// The values of a row by column position, in the columns' types.
pub(super) fn columns(table: &schema::Table, row: Row) -> Result<Columns, WriteError> {
    if let Some((name, source)) = row.invalid() {
        let (position, column) = find_column(table, name)?;
        let expected = table.columns.get(position).map_or(column.kind, |column| column.kind);
        let (table, column, source) = (table.name.clone(), column.name.clone(), source.clone());
        return Err(WriteError::TypeMismatch { table, column, expected, source });
    }
    let mut named = Columns::new();
    let is_serialized = row.is_serialized();
    let (names, values) = row.into_parts();
    for (name, mut value) in names.iter().zip(values) {
        let (position, column) = find_column(table, name)?;
        if is_serialized {
            value = for_column(column.kind, value).map_err(|source| mismatch(table, column, source))?;
        }
        named.insert(position, fit(table, position, value)?);
    }
    Ok(named)
}

fn find_column<'t>(table: &'t schema::Table, name: &str) -> Result<(usize, &'t schema::Column), WriteError> {
    let unknown = || WriteError::UnknownColumn { table: table.name.clone(), column: name.to_string() };
    table.column(name).ok_or_else(unknown)
}

/// A value in the type of its column.
pub(super) fn fit(table: &schema::Table, position: usize, value: Value) -> Result<Value, WriteError> {
    let Some(column) = table.columns.get(position) else { return Ok(value) };
    let what = || format!("the value of column {} of table {}", column.name, table.name);
    check_value_size("", &value).map_err(|error| match error {
        Error::Limit { size, limit, .. } => Error::Limit { what: what(), size, limit },
        error => error,
    })?;
    if value.is_null() {
        return Ok(value);
    }
    column.kind.coerce(value).map_err(|source| mismatch(table, column, source))
}

fn mismatch(table: &schema::Table, column: &schema::Column, source: ValueError) -> WriteError {
    let (table, expected) = (table.name.clone(), column.kind);
    WriteError::TypeMismatch { table, column: column.name.clone(), expected, source }
}
