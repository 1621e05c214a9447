//! Inserting rows: new ones, ones that have their id from elsewhere, and ones that may be there already.

use super::row::{Row, RowRef};
use super::write::{TableMut, columns};
use crate::codec::natural_row_id;
use crate::commit::{Columns, WriteError};
use crate::ids::RowId;
use crate::schema;
use crate::value::Value;

impl TableMut<'_> {
    /// Inserts a row. Columns that are not named have their default.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let bob = db.write(|tx| tx.table("customer")?.insert(row! { code: "BOB", phone: "555" }))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a name or value does not fit the table, or a column without a value must have one. Keys and
    /// references are checked when the transaction commits; but that a row which its primary key names
    /// ([`Identity::Natural`](crate::schema::Identity::Natural)) is there already is known at once.
    pub fn insert(&mut self, row: Row) -> Result<RowId, WriteError> {
        let named = columns(self.definition()?, row)?;
        self.insert_columns(named)
    }

    fn insert_columns(&mut self, named: Columns) -> Result<RowId, WriteError> {
        if let Some(id) = natural_id(self.definition()?, &named) {
            let key = self.key(id);
            self.transaction.run(|stage| stage.insert(key, named))?;
            return Ok(id);
        }
        let id = self.transaction.new_row_id()?;
        let key = self.key(id);
        self.transaction.run(|stage| stage.insert_new(key, named))?;
        Ok(id)
    }

    /// Inserts a row that has its id from elsewhere: from an export, or from another application. Two
    /// replicas that insert a row with the same id have one row, whose columns may be in conflict. A row that
    /// is deleted, merged into another or parked begins again with the named columns.
    ///
    /// ```
    /// # use reunite::{Database, replicate, row};
    /// # let sql = "CREATE TABLE note (text TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// let id = a.write(|tx| tx.table("note")?.insert(row! { text: "milk" }))?;
    /// b.write(|tx| tx.table("note")?.insert_with_id(id, row! { text: "milk" }))?;
    /// replicate::sync(&a, &b)?;
    /// assert_eq!(a.read()?.table("note")?.len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TableMut::insert`]; also if the row is in the table, or if in this table the primary key names
    /// rows and gives this one another id.
    pub fn insert_with_id(&mut self, id: RowId, row: Row) -> Result<(), WriteError> {
        let table = self.definition()?;
        let named = columns(table, row)?;
        if let Some(natural) = natural_id(table, &named).filter(|natural| *natural != id) {
            let reason =
                format!("its primary key gives it the row id {natural}: insert it without naming one");
            return Err(WriteError::NotApplicable { table: table.name.clone(), row: id, reason });
        }
        let key = self.key(id);
        self.transaction.run(|stage| stage.insert(key, named))
    }

    /// As [`TableMut::insert_with_id`]; if the row is in the table, changes of it the named columns whose
    /// values differ.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let db = Database::builder().sql("CREATE TABLE note (text TEXT, done BOOLEAN)")?.in_memory()?;
    /// let id = db.write(|tx| tx.table("note")?.insert(row! { text: "milk", done: true }))?;
    /// db.write(|tx| tx.table("note")?.upsert_with_id(id, row! { text: "oat milk" }))?;
    /// assert_eq!(db.read()?.table("note")?.get(id)?, Some(row! { text: "oat milk", done: true }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TableMut::insert_with_id`], but for the row being there.
    pub fn upsert_with_id(&mut self, id: RowId, row: Row) -> Result<(), WriteError> {
        if self.get(id)?.is_some() { self.make(RowRef::Id(id), &row) } else { self.insert_with_id(id, row) }
    }

    /// Inserts many rows; returns how many. Either all or none.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let codes = ["BOB", "CAT"];
    /// let count = db.write(|tx| tx.table("customer")?.insert_all(codes.map(|code| row! { code: code })))?;
    /// assert_eq!(count, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TableMut::insert`].
    pub fn insert_all(&mut self, rows: impl IntoIterator<Item = Row>) -> Result<u64, WriteError> {
        let start = self.transaction.savepoint();
        let mut count = 0;
        for row in rows {
            if let Err(error) = self.insert(row) {
                self.transaction.rollback_to(start)?;
                return Err(error);
            }
            count += 1;
        }
        Ok(count)
    }

    /// Inserts a row, or changes the row with its primary key: of that the named columns whose values
    /// differ. Columns that are not named stay as they are.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// db.write(|tx| {
    ///     let mut customers = tx.table("customer")?;
    ///     customers.upsert(row! { code: "ANN", phone: "555" })?; // is there: changes the phone
    ///     customers.upsert(row! { code: "BOB" }) // is not: inserts
    /// })?;
    /// assert_eq!(db.read()?.table("customer")?.len()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TableMut::insert`]; also if the table has no primary key, or the row does not name it.
    pub fn upsert(&mut self, row: Row) -> Result<RowId, WriteError> {
        let table = self.definition()?;
        let named = columns(table, row)?;
        let Some(key) = table.primary_key() else {
            let what = "its primary key (it has none: use insert and update)".to_string();
            return Err(WriteError::UnknownColumn { table: table.name.clone(), column: what });
        };
        let value: Vec<Value> =
            key.columns.iter().map(|column| named.get(column).cloned().unwrap_or_default()).collect();
        let Some(id) = self.read()?.row_id(value)? else { return self.insert_columns(named) };
        self.change(id, named)?;
        Ok(id)
    }
}

/// The id that the row with these values has, if its primary key names it.
fn natural_id(table: &schema::Table, named: &Columns) -> Option<RowId> {
    natural_row_id(table, |column| named.get(&column).or_else(|| Some(&table.columns.get(column)?.default)))
}
