//! Tables of Rust structs: serde between a struct's fields and a row's columns.
//!
//! A field is the column of its name (`#[serde(rename)]` renames it; ASCII letters compare without
//! regard to case). What the columns make of Rust's types:
//!
//! | column | fields |
//! |---|---|
//! | BOOLEAN | `bool` |
//! | INTEGER | integers of all widths, within their range |
//! | REAL | `f64`, `f32` |
//! | TEXT | `String`, `&str`, `char`, enums without data |
//! | BLOB | `Vec<u8>`, arrays of `u8`, whatever serializes as bytes |
//! | UUID | what serializes as the hyphenated text, as `uuid::Uuid` does |
//! | TIMESTAMP | [`Timestamp`](crate::value::Timestamp), and what serializes as RFC 3339 text |
//! | JSON | everything: structs, maps, sequences, enums with data, scalars |
//!
//! An `Option` is a column that may be `NULL`. Nothing is rounded but an `f64` that is read into an
//! `f32`; what does not fit is an error that names the field.

mod de;
mod ser;

use std::marker::PhantomData;
use std::ops::RangeBounds;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::row::{Row, RowRef};
use super::table::Table;
use super::write::TableMut;
use crate::commit::WriteError;
use crate::error::Error;
use crate::ids::RowId;
use crate::value::FieldError;

pub(super) use de::of_row;
pub(super) use ser::{for_column, row_of};

/// A table, for reading, whose rows are `T`s. Made by [`Table::of`].
///
/// ```
/// # use reunite::{Database, row};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize, Debug, PartialEq)]
/// # struct Customer {
/// #     code: String,
/// #     phone: Option<String>,
/// # }
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let db = Database::builder().sql(sql)?.in_memory()?;
/// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// let snapshot = db.read()?;
/// let customers = snapshot.table("customer")?.of::<Customer>();
/// assert_eq!(customers.get("ANN")?.map(|ann| ann.code), Some("ANN".to_string()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TypedTable<'a, T> {
    table: Table<'a>,
    rows: PhantomData<fn() -> T>,
}

/// A table, for reading and writing, whose rows are `T`s. Made by [`TableMut::of`].
///
/// ```
/// # use reunite::{Database, row};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize, Debug, PartialEq)]
/// # struct Customer {
/// #     code: String,
/// #     phone: Option<String>,
/// # }
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let db = Database::builder().sql(sql)?.in_memory()?;
/// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// db.write(|tx| {
///     let mut customers = tx.table("customer")?.of::<Customer>();
///     customers.upsert(&Customer { code: "ANN".into(), phone: Some("555".into()) })
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TypedTableMut<'a, T> {
    table: TableMut<'a>,
    rows: PhantomData<fn(T) -> T>,
}

/// Rows with their ids.
///
/// See [`TypedTable::range`] for an example.
pub type TypedRows<'a, T> = Box<dyn Iterator<Item = Result<(RowId, T), WriteError>> + 'a>;

impl<'a> Table<'a> {
    /// The table with its rows as `T`s.
    ///
    /// ```
    /// use reunite::{Database, row};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, Debug, PartialEq)]
    /// struct Customer {
    ///     code: String,
    ///     phone: Option<String>,
    /// }
    /// let schema = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// let db = Database::builder().sql(schema)?.in_memory()?;
    /// db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let snapshot = db.read()?;
    /// let customers = snapshot.table("customer")?.of::<Customer>();
    /// assert_eq!(customers.get("ANN")?, Some(Customer { code: "ANN".into(), phone: None }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn of<T>(self) -> TypedTable<'a, T> {
        TypedTable { table: self, rows: PhantomData }
    }
}

impl<'a> TableMut<'a> {
    /// The table with its rows as `T`s.
    ///
    /// ```
    /// use reunite::Database;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Customer {
    ///     code: String,
    ///     #[serde(skip_serializing_if = "Option::is_none")] // NULL would be written otherwise
    ///     level: Option<i32>,
    /// }
    /// let schema = "CREATE TABLE customer (code TEXT PRIMARY KEY, level INTEGER DEFAULT 1)";
    /// let db = Database::builder().sql(schema)?.in_memory()?;
    /// db.write(|tx| {
    ///     let mut customers = tx.table("customer")?.of::<Customer>();
    ///     customers.insert(&Customer { code: "ANN".into(), level: None })
    /// })?;
    /// let ann = db.read()?.table("customer")?.of::<Customer>().get("ANN")?;
    /// assert_eq!(ann.and_then(|ann| ann.level), Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn of<T>(self) -> TypedTableMut<'a, T> {
        TypedTableMut { table: self, rows: PhantomData }
    }
}

impl<'a, T: DeserializeOwned> TypedTable<'a, T> {
    /// The row with this row id or primary key. See [`Table::of`] for an example.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize, Debug, PartialEq)]
    /// # struct Customer {
    /// #     code: String,
    /// #     phone: Option<String>,
    /// # }
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// assert!(db.read()?.table("customer")?.of::<Customer>().get("ANN")?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::get`]; also if the row is not a `T`.
    pub fn get(&self, row: impl Into<RowRef>) -> Result<Option<T>, WriteError> {
        self.table.get(row)?.map(|row| self.typed(row)).transpose()
    }

    /// The row that holds this value of a unique key. See [`Table::get_by_key`].
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize, Debug, PartialEq)]
    /// # struct Customer {
    /// #     code: String,
    /// #     phone: Option<String>,
    /// # }
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let snapshot = db.read()?;
    /// let found = snapshot.table("customer")?.of::<Customer>().get_by_key("code", "ANN")?;
    /// assert!(found.is_some_and(|(_, ann)| ann.phone.is_none()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::get_by_key`]; also if the row is not a `T`.
    pub fn get_by_key(&self, key: &str, value: impl Into<RowRef>) -> Result<Option<(RowId, T)>, WriteError> {
        let found = self.table.get_by_key(key, value)?;
        found.map(|(id, row)| Ok((id, self.typed(row)?))).transpose()
    }

    /// All rows, in the order of their row ids.
    ///
    /// ```
    /// use reunite::{Database, row};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Person {
    ///     born: i16,
    /// }
    /// let db = Database::builder().sql("CREATE TABLE person (born INTEGER)")?.in_memory()?;
    /// db.write(|tx| tx.table("person")?.insert_all((1970..1990).map(|born| row! { born: born })))?;
    /// let snapshot = db.read()?;
    /// let mut oldest = i16::MAX;
    /// for person in snapshot.table("person")?.of::<Person>().scan()? {
    ///     let (_id, person) = person?;
    ///     oldest = oldest.min(person.born);
    /// }
    /// assert_eq!(oldest, 1970);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails; an item is an error if its row is not a `T`.
    pub fn scan(
        &self,
    ) -> Result<impl Iterator<Item = Result<(RowId, T), WriteError>> + use<'a, T>, WriteError> {
        Ok(typed_rows(self.table.definition().name.clone(), self.table.scan()?))
    }

    /// The rows in a range of a key or index, in its order. See [`Table::range`].
    ///
    /// ```
    /// use reunite::{Database, row};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Person {
    ///     born: u16,
    /// }
    /// let db = Database::builder().sql("CREATE TABLE person (born INTEGER PRIMARY KEY)")?.in_memory()?;
    /// db.write(|tx| tx.table("person")?.insert_all((1970..1990).map(|born| row! { born: born })))?;
    /// let snapshot = db.read()?;
    /// let mut eighties = snapshot.table("person")?.of::<Person>().range("born", 1980..)?;
    /// assert_eq!(eighties.next().transpose()?.map(|(_, person)| person.born), Some(1980));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::range`]; an item is an error if its row is not a `T`.
    pub fn range<B: Into<RowRef> + Clone>(
        &self,
        index: &str,
        bounds: impl RangeBounds<B>,
    ) -> Result<TypedRows<'a, T>, WriteError>
    where
        T: 'a,
    {
        Ok(Box::new(typed_rows(self.table.definition().name.clone(), self.table.range(index, bounds)?)))
    }

    /// The same rows, from the greatest to the least.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize, Debug, PartialEq)]
    /// # struct Customer {
    /// #     code: String,
    /// #     phone: Option<String>,
    /// # }
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let snapshot = db.read()?;
    /// let customers = snapshot.table("customer")?.of::<Customer>();
    /// let last = customers.range_back::<&str>("code", ..)?.next().transpose()?;
    /// assert!(last.is_some_and(|(_, customer)| customer.code == "ANN"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TypedTable::range`].
    pub fn range_back<B: Into<RowRef> + Clone>(
        &self,
        index: &str,
        bounds: impl RangeBounds<B>,
    ) -> Result<TypedRows<'a, T>, WriteError>
    where
        T: 'a,
    {
        Ok(Box::new(typed_rows(self.table.definition().name.clone(), self.table.range_back(index, bounds)?)))
    }

    fn typed(&self, row: Row) -> Result<T, WriteError> {
        of_row(row).map_err(|source| field_error(&self.table.definition().name, source))
    }
}

impl<'a, T> TypedTable<'a, T> {
    /// The table with its rows as dynamic [`Row`]s.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize, Debug, PartialEq)]
    /// # struct Customer {
    /// #     code: String,
    /// #     phone: Option<String>,
    /// # }
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// assert_eq!(db.read()?.table("customer")?.of::<Customer>().untyped().len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn untyped(self) -> Table<'a> {
        self.table
    }
}

impl<T: Serialize> TypedTableMut<'_, T> {
    /// Inserts a row. A field that is `None` is stored as `NULL`; a column without a field, or whose
    /// field was skipped, has its default. See [`TableMut::of`] for an example.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize, Debug, PartialEq)]
    /// # struct Customer {
    /// #     code: String,
    /// #     phone: Option<String>,
    /// # }
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let bob = Customer { code: "BOB".into(), phone: None };
    /// let id = db.write(|tx| tx.table("customer")?.of().insert(&bob))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TableMut::insert`]; also if a field does not fit its column.
    pub fn insert(&mut self, row: &T) -> Result<RowId, WriteError> {
        let row = self.dynamic(row)?;
        self.table.insert(row)
    }

    /// Inserts a row, or changes the row with its primary key: of that the columns whose values differ.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize, Debug, PartialEq)]
    /// # struct Customer {
    /// #     code: String,
    /// #     phone: Option<String>,
    /// # }
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let ann = Customer { code: "ANN".into(), phone: Some("555".into()) };
    /// db.write(|tx| tx.table("customer")?.of().upsert(&ann))?;
    /// assert_eq!(db.read()?.table("customer")?.of().get("ANN")?, Some(ann));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TableMut::upsert`]; also if a field does not fit its column.
    pub fn upsert(&mut self, row: &T) -> Result<RowId, WriteError> {
        let row = self.dynamic(row)?;
        self.table.upsert(row)
    }

    /// Makes a row be this: changes the columns whose values differ, and no others, so that what other
    /// replicas change at the same time in the rest of the row is not in conflict with it.
    ///
    /// ```
    /// use reunite::Database;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Customer {
    ///     code: String,
    ///     phone: Option<String>,
    /// }
    /// let schema = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// let db = Database::builder().sql(schema)?.in_memory()?;
    /// db.write(|tx| {
    ///     let mut customers = tx.table("customer")?.of::<Customer>();
    ///     let mut ann = Customer { code: "ANN".into(), phone: None };
    ///     customers.insert(&ann)?;
    ///     ann.phone = Some("555".into());
    ///     customers.update("ANN", &ann)
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TableMut::update`]; also if a field does not fit its column.
    pub fn update(&mut self, row: impl Into<RowRef>, to: &T) -> Result<(), WriteError> {
        let to = self.dynamic(to)?;
        self.table.make(row.into(), &to)
    }

    fn dynamic(&self, row: &T) -> Result<Row, WriteError> {
        match row_of(row) {
            Ok(row) => Ok(row),
            Err(source) => Err(field_error(&self.table.read()?.definition().name, source)),
        }
    }
}

impl<T: DeserializeOwned> TypedTableMut<'_, T> {
    /// The row with this row id or primary key, as the transaction sees it.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize, Debug, PartialEq)]
    /// # struct Customer {
    /// #     code: String,
    /// #     phone: Option<String>,
    /// # }
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// db.write(|tx| {
    ///     let customers = tx.table("customer")?.of::<Customer>();
    ///     assert!(customers.get("BOB")?.is_none());
    ///     Ok::<(), reunite::WriteError>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TypedTable::get`].
    pub fn get(&self, row: impl Into<RowRef>) -> Result<Option<T>, WriteError> {
        self.read()?.get(row)
    }

    /// The table, for reading: with what the transaction wrote.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize, Debug, PartialEq)]
    /// # struct Customer {
    /// #     code: String,
    /// #     phone: Option<String>,
    /// # }
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// db.write(|tx| {
    ///     let customers = tx.table("customer")?.of::<Customer>();
    ///     assert_eq!(customers.read()?.scan()?.count(), 1);
    ///     Ok::<(), reunite::WriteError>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`TableMut::read`].
    pub fn read(&self) -> Result<TypedTable<'_, T>, WriteError> {
        Ok(self.table.read()?.of())
    }
}

impl<'a, T> TypedTableMut<'a, T> {
    /// The table with its rows as dynamic [`Row`]s: to delete, and for all else that needs no type.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # use serde::{Deserialize, Serialize};
    /// # #[derive(Serialize, Deserialize, Debug, PartialEq)]
    /// # struct Customer {
    /// #     code: String,
    /// #     phone: Option<String>,
    /// # }
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// db.write(|tx| tx.table("customer")?.of::<Customer>().untyped().delete("ANN"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn untyped(self) -> TableMut<'a> {
        self.table
    }
}

fn typed_rows<'a, T: DeserializeOwned>(
    table: String,
    rows: impl Iterator<Item = Result<(RowId, Row), Error>> + 'a,
) -> impl Iterator<Item = Result<(RowId, T), WriteError>> + 'a {
    rows.map(move |entry| {
        let (id, row) = entry?;
        Ok((id, of_row(row).map_err(|source| field_error(&table, source))?))
    })
}

fn field_error(table: &str, source: FieldError) -> WriteError {
    WriteError::Field { table: table.to_string(), source }
}
