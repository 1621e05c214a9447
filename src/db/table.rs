//! A table as its readers see it: in a snapshot, or in a transaction with its own writes.

use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use super::conflict::{ConflictRow, show_conflict};
use super::row::{Row, RowRef};
use crate::commit::{WriteError, Writes};
use crate::derive::fold;
use crate::error::Error;
use crate::ids::{ConstraintId, RowId, RowKey};
use crate::schema;
use crate::store::{Direction, Found, KeyRange, Snapshot};
use crate::value::Value;

/// A table, for reading.
///
/// ```
/// # use reunite::{Database, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let db = Database::builder().sql(sql)?.in_memory()?;
/// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// let snapshot = db.read()?;
/// let customers = snapshot.table("customer")?;
/// assert_eq!(customers.get("ANN")?, Some(row! { code: "ANN", phone: None::<String> }));
/// assert_eq!(customers.get("BOB")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Table<'a> {
    base: &'a Snapshot,
    writes: Option<&'a Writes>,
    table: &'a schema::Table,
    names: Arc<Vec<String>>,
}

/// A range of a key or index: bounds may name fewer columns than it has, and then cover every entry
/// that begins with them.
///
/// ```
/// # use reunite::{Database, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let db = Database::builder().sql(sql)?.in_memory()?;
/// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// # use reunite::db::Bounds;
/// # use std::ops::Bound;
/// let from_ann: Bounds = (Bound::Included(vec!["ANN".into()]), Bound::Unbounded);
/// let snapshot = db.read()?;
/// assert_eq!(snapshot.table("customer")?.range("code", from_ann)?.count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type Bounds = (Bound<Vec<Value>>, Bound<Vec<Value>>);

type Rows<'a> = Box<dyn Iterator<Item = Result<(RowId, Row), Error>> + 'a>;

impl<'a> Table<'a> {
    pub(super) fn find(
        base: &'a Snapshot,
        writes: Option<&'a Writes>,
        name: &str,
    ) -> Result<Table<'a>, WriteError> {
        let unknown = || WriteError::UnknownTable { table: name.to_string() };
        let table = base.schema().table(name).ok_or_else(unknown)?;
        Ok(Table::over(base, writes, table))
    }

    pub(super) const fn base(&self) -> &'a Snapshot {
        self.base
    }

    pub(super) fn over(
        base: &'a Snapshot,
        writes: Option<&'a Writes>,
        table: &'a schema::Table,
    ) -> Table<'a> {
        let names = Arc::new(table.columns.iter().map(|column| column.name.clone()).collect());
        Table { base, writes, table, names }
    }

    /// The table's definition.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let snapshot = db.read()?;
    /// assert_eq!(snapshot.table("customer")?.definition().columns.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn definition(&self) -> &'a schema::Table {
        self.table
    }

    /// The row with this row id or primary key.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let snapshot = db.read()?;
    /// let customers = snapshot.table("customer")?;
    /// let id = customers.row_id("ANN")?.ok_or("there is no Ann")?;
    /// assert_eq!(customers.get("ANN")?, customers.get(id)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the key has a wrong number of columns or a value of a wrong type, or the storage fails.
    pub fn get(&self, row: impl Into<RowRef>) -> Result<Option<Row>, WriteError> {
        let Some(row) = self.row_id(row)? else { return Ok(None) };
        Ok(self.values(row)?.map(|values| self.row(values)))
    }

    /// The row that holds this value of a unique key, named by the key's name or by its columns, as
    /// `"email"` or `"a, b"`.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let snapshot = db.read()?;
    /// let found = snapshot.table("customer")?.get_by_key("customer_pkey", "ANN")?;
    /// assert!(found.is_some_and(|(_, customer)| customer.get("phone").is_some()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such key, the value does not fit it, or the storage fails.
    pub fn get_by_key(
        &self,
        key: &str,
        value: impl Into<RowRef>,
    ) -> Result<Option<(RowId, Row)>, WriteError> {
        let Some(key) =
            self.table.keys.iter().find(|candidate| self.is_called(&candidate.name, &candidate.columns, key))
        else {
            return Err(self.unknown(key));
        };
        let RowRef::Key(values) = value.into() else {
            return Err(self.shape(&key.name, key.columns.len(), 1));
        };
        let Some(row) = self.holder(key, values)? else { return Ok(None) };
        Ok(self.values(row)?.map(|values| (row, self.row(values))))
    }

    /// The id of a row, if it is in the table.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let snapshot = db.read()?;
    /// assert!(snapshot.table("customer")?.row_id("ANN")?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the key has a wrong number of columns or a value of a wrong type, or the storage fails.
    pub fn row_id(&self, row: impl Into<RowRef>) -> Result<Option<RowId>, WriteError> {
        match (row.into(), self.table.primary_key()) {
            (RowRef::Id(row), _) => Ok(self.values(row)?.map(|_| row)),
            (RowRef::Key(values), Some(key)) => self.holder(key, values),
            (RowRef::Key(values), None) => Err(self.shape("the row id, its only key", 1, values.len())),
        }
    }

    /// All rows, in the order of their row ids: about the order in which they were inserted, unless their
    /// primary key names them.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let snapshot = db.read()?;
    /// let mut codes = Vec::new();
    /// for entry in snapshot.table("customer")?.scan()? {
    ///     let (_id, customer) = entry?;
    ///     codes.extend(customer.get("code").cloned());
    /// }
    /// assert_eq!(codes, ["ANN".into()]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn scan(&self) -> Result<impl Iterator<Item = Result<(RowId, Row), Error>> + use<'a>, WriteError> {
        let names = Arc::clone(&self.names);
        let (base, writes, table) = (self.base, self.writes, self.table);
        let stored = base.rows(table.id, None)?;
        let stored = stored.filter(move |entry| match (entry, writes) {
            (Ok((row, _)), Some(writes)) => !writes.stages(RowKey { table: table.id, row: *row }),
            _ => true,
        });
        let staged = writes.into_iter().flat_map(move |writes| writes.staged_rows(table));
        let staged = staged.map(|(row, values)| Ok((row, values.to_vec())));
        let merged = merge_by(stored, staged, |(row, _)| *row);
        Ok(merged.map(move |entry| entry.map(|(row, values)| (row, Row::of(Arc::clone(&names), values)))))
    }

    /// How many rows are in the table. Does not count them one by one.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// assert_eq!(db.read()?.table("customer")?.len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn len(&self) -> Result<u64, Error> {
        let stored = self.base.counts(self.table.id)?.visible;
        let Some(writes) = self.writes else { return Ok(stored) };
        let mut hidden = 0;
        for row in writes.staged_ids(self.table) {
            hidden += u64::from(self.base.visible(RowKey { table: self.table.id, row })?.is_some());
        }
        let shown = writes.staged_rows(self.table).count() as u64;
        Ok((stored + shown).saturating_sub(hidden))
    }

    /// How many rows are parked: kept, but not in the table. Does not count them one by one. In a
    /// transaction: as before it began.
    ///
    /// ```
    /// # use reunite::{Database, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
    /// # replicate::sync(&a, &b)?;
    /// let snapshot = a.read()?;
    /// let customers = snapshot.table("customer")?;
    /// assert_eq!((customers.len()?, customers.parked()?), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn parked(&self) -> Result<u64, Error> {
        Ok(self.base.counts(self.table.id)?.parked)
    }

    /// Whether no row is in the table.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// assert!(!db.read()?.table("customer")?.is_empty()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.len()? == 0)
    }

    /// The rows in a range of a key or index, in its order. It is named by its name or by its columns.
    ///
    /// ```
    /// use reunite::{Database, row};
    /// let schema = "CREATE TABLE person (name TEXT, born INTEGER); CREATE INDEX by_year ON person (born)";
    /// let db = Database::builder().sql(schema)?.in_memory()?;
    /// db.write(|tx| {
    ///     let rows = (1970..1990).map(|born| row! { name: format!("p{born}"), born: born });
    ///     tx.table("person")?.insert_all(rows)
    /// })?;
    /// let snapshot = db.read()?;
    /// let eighties = snapshot.table("person")?.range("by_year", 1980..)?;
    /// assert_eq!(eighties.count(), 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such key or index, a bound does not fit it, or the storage fails.
    pub fn range<B: Into<RowRef> + Clone>(
        &self,
        index: &str,
        bounds: impl RangeBounds<B>,
    ) -> Result<Rows<'a>, WriteError> {
        self.range_in(index, bounds, Direction::Forward)
    }

    /// The same rows, from the greatest to the least.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// db.write(|tx| tx.table("customer")?.insert(row! { code: "BOB" }))?;
    /// let snapshot = db.read()?;
    /// let last = snapshot.table("customer")?.range_back("code", .."C")?.next().transpose()?;
    /// assert!(last.is_some_and(|(_, customer)| customer.get("code") == Some(&"BOB".into())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::range`].
    pub fn range_back<B: Into<RowRef> + Clone>(
        &self,
        index: &str,
        bounds: impl RangeBounds<B>,
    ) -> Result<Rows<'a>, WriteError> {
        self.range_in(index, bounds, Direction::Backward)
    }

    /// The open conflicts of the table, by row id. Costs what it lists. In a transaction: those from
    /// before it began.
    ///
    /// ```
    /// # use reunite::{Database, ResolveWith, replicate, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
    /// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
    /// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
    /// # replicate::sync(&a, &b)?;
    /// assert_eq!(a.read()?.table("customer")?.conflicts()?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the storage fails.
    pub fn conflicts(&self) -> Result<Vec<ConflictRow>, Error> {
        let mut all = Vec::new();
        for entry in self.base.conflicts(self.table.id)? {
            let (key, conflicts) = entry?;
            for conflict in conflicts {
                all.push(show_conflict(self.base, key, &conflict)?);
            }
        }
        Ok(all)
    }

    fn range_in<B: Into<RowRef> + Clone>(
        &self,
        index: &str,
        bounds: impl RangeBounds<B>,
        direction: Direction,
    ) -> Result<Rows<'a>, WriteError> {
        let key = self.table.keys.iter().find(|key| self.is_called(&key.name, &key.columns, index));
        let found =
            self.table.indexes.iter().find(|found| self.is_called(&found.name, &found.columns, index));
        let (id, columns) = match (key, found) {
            (Some(key), _) => (key.id, &key.columns),
            (None, Some(index)) => (index.id, &index.columns),
            (None, None) => return Err(self.unknown(index)),
        };
        let start = self.bound(index, columns, bounds.start_bound().cloned())?;
        let end = self.bound(index, columns, bounds.end_bound().cloned())?;
        let range = KeyRange::new(as_slice(&start), as_slice(&end));
        let stored = if key.is_some() {
            self.base.key_range(id, &range, direction)?
        } else {
            self.base.index_range(id, &range, direction)?
        };
        let mut rows = self.with_staged(id, range, stored, direction);
        let table = self.clone();
        Ok(Box::new(std::iter::from_fn(move || {
            loop {
                match rows.next()? {
                    Err(error) => return Some(Err(error)),
                    Ok((_, row)) => match table.values(row) {
                        Ok(Some(values)) => return Some(Ok((row, table.row(values)))),
                        Ok(None) => {}
                        Err(error) => return Some(Err(error)),
                    },
                }
            }
        })))
    }

    /// The stored entries of rows that the transaction did not write, and the entries of those it did.
    fn with_staged(
        &self,
        id: ConstraintId,
        range: KeyRange,
        stored: Found<'a>,
        direction: Direction,
    ) -> Found<'a> {
        let Some(writes) = self.writes else { return stored };
        let table = self.table.id;
        let stored = stored.filter(move |entry| match entry {
            Ok((_, row)) => !writes.stages(RowKey { table, row: *row }),
            Err(_) => true,
        });
        let staged = writes.staged_entries(id);
        let staged = staged.filter(move |(value, _)| range.contains(value));
        let staged = staged.map(|(value, row)| Ok((value.to_vec(), row)));
        match direction {
            Direction::Forward => Box::new(merge_by(stored, staged, Clone::clone)),
            Direction::Backward => Box::new(merge_by(stored, staged.rev(), |e| std::cmp::Reverse(e.clone()))),
        }
    }

    fn bound<B: Into<RowRef>>(
        &self,
        index: &str,
        columns: &[usize],
        bound: Bound<B>,
    ) -> Result<Bound<Vec<Value>>, WriteError> {
        let fit = |value: B| match value.into() {
            RowRef::Key(values) if values.len() <= columns.len() => self.fit(columns, values),
            RowRef::Key(values) => Err(self.shape(index, columns.len(), values.len())),
            RowRef::Id(_) => Err(self.shape(index, columns.len(), 1)),
        };
        Ok(match bound {
            Bound::Included(value) => Bound::Included(fit(value)?),
            Bound::Excluded(value) => Bound::Excluded(fit(value)?),
            Bound::Unbounded => Bound::Unbounded,
        })
    }

    /// The values by column position of a row in the table.
    pub(super) fn values(&self, row: RowId) -> Result<Option<Vec<Value>>, Error> {
        let key = RowKey { table: self.table.id, row };
        match self.writes {
            Some(writes) => writes.visible(self.base, key),
            None => self.base.visible(key),
        }
    }

    fn row(&self, values: Vec<Value>) -> Row {
        Row::of(Arc::clone(&self.names), values)
    }

    fn holder(&self, key: &schema::UniqueKey, values: Vec<Value>) -> Result<Option<RowId>, WriteError> {
        if values.len() != key.columns.len() {
            return Err(self.shape(&key.name, key.columns.len(), values.len()));
        }
        let value = self.fit(&key.columns, values)?;
        Ok(match self.writes {
            Some(writes) => writes.holder(self.base, self.table, key.id, &value)?,
            None => self.base.holder(key.id, &value)?,
        })
    }

    /// Values as they are compared in these columns.
    fn fit(&self, columns: &[usize], values: Vec<Value>) -> Result<Vec<Value>, WriteError> {
        let mut fitted = Vec::new();
        for (position, value) in columns.iter().zip(values) {
            let value = super::write::fit(self.table, *position, value)?;
            fitted.extend(fold(self.table, &[*position], |_| Some(&value)));
        }
        Ok(fitted)
    }

    fn is_called(&self, name: &str, columns: &[usize], asked: &str) -> bool {
        let names = asked.trim_matches(['(', ')']).split(',').map(str::trim);
        let own = self.table.column_names(columns);
        name.eq_ignore_ascii_case(asked)
            || own.len() == names.clone().count()
                && own.iter().zip(names).all(|(a, b)| a.eq_ignore_ascii_case(b))
    }

    fn unknown(&self, what: &str) -> WriteError {
        WriteError::UnknownColumn { table: self.table.name.clone(), column: what.to_string() }
    }

    fn shape(&self, key: &str, expected: usize, given: usize) -> WriteError {
        WriteError::KeyShape { table: self.table.name.clone(), key: key.to_string(), expected, given }
    }
}

fn as_slice(bound: &Bound<Vec<Value>>) -> Bound<&[Value]> {
    match bound {
        Bound::Included(values) => Bound::Included(values),
        Bound::Excluded(values) => Bound::Excluded(values),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// Merges two ascending sequences. Errors come as soon as they are met.
fn merge_by<'a, T: 'a, K: Ord>(
    a: impl Iterator<Item = Result<T, Error>> + 'a,
    b: impl Iterator<Item = Result<T, Error>> + 'a,
    key: impl Fn(&T) -> K + 'a,
) -> impl Iterator<Item = Result<T, Error>> + 'a {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    std::iter::from_fn(move || match (a.peek(), b.peek()) {
        (Some(Ok(first)), Some(Ok(second))) => {
            if key(first) <= key(second) {
                a.next()
            } else {
                b.next()
            }
        }
        (None, _) | (Some(Ok(_)), Some(Err(_))) => b.next(),
        _ => a.next(),
    })
}
