//! Dynamic rows: values by column name, and how callers name a row.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::typed::{of_row, row_of};
use crate::ids::RowId;
use crate::value::{FieldError, Value, ValueError};

/// Values by column name, in the order in which they were set.
///
/// ```
/// use reunite::row;
/// let mut customer = row! { code: "ANN", credit: 12.5 };
/// customer.set("phone", None::<String>);
/// assert_eq!(customer.get("code").and_then(|code| code.as_text()), Some("ANN"));
/// assert_eq!(customer.to_string(), r#"{"code":"ANN","credit":12.5,"phone":null}"#);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Row {
    // Shared, because all rows of a scan have the same names.
    names: Arc<Vec<String>>,
    values: Vec<Value>,
    /// The first value that could not be one: reported when the row is written.
    invalid: Option<(String, ValueError)>,
    /// Whether it was made from a struct: then columns read texts as what Rust has no type for.
    serialized: bool,
}

impl Row {
    /// A row without columns.
    ///
    /// ```
    /// assert!(reunite::Row::new().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Row {
        Row::default()
    }

    pub(crate) fn of(names: Arc<Vec<String>>, values: Vec<Value>) -> Row {
        Row { names, values, invalid: None, serialized: false }
    }

    /// The row of a struct, or of a map with texts as keys: its fields by their names.
    ///
    /// The columns that the row is written to read its texts as UUIDs and timestamps, and everything as
    /// JSON; sequences of `u8` are bytes, and other sequences, maps and structs in fields are JSON.
    ///
    /// ```
    /// use reunite::{Row, row};
    /// #[derive(serde::Serialize)]
    /// struct Customer {
    ///     code: &'static str,
    ///     #[serde(rename = "credit limit")]
    ///     credit: f32,
    /// }
    /// let ann = Row::from_typed(&Customer { code: "ANN", credit: 12.5 })?;
    /// assert_eq!(ann, row! { code: "ANN", "credit limit": 12.5 });
    /// # Ok::<(), reunite::value::FieldError>(())
    /// ```
    ///
    /// # Errors
    /// If it is neither a struct nor such a map, or a field is not a value: NaN, or an integer beyond
    /// 64 bits.
    pub fn from_typed<T: Serialize + ?Sized>(from: &T) -> Result<Row, FieldError> {
        row_of(from)
    }

    /// The row as a struct: its columns by the fields' names. Columns without a field are left out.
    ///
    /// ```
    /// use reunite::row;
    /// #[derive(serde::Deserialize)]
    /// struct Customer {
    ///     code: String,
    ///     level: u8,
    /// }
    /// let ann: Customer = row! { code: "ANN", level: 7, phone: "555" }.to_typed()?;
    /// assert_eq!((ann.code.as_str(), ann.level), ("ANN", 7));
    /// let error = row! { code: "BOB", level: 300 }.to_typed::<Customer>();
    /// let Err(error) = error else { unreachable!("300 is no u8") };
    /// assert_eq!(error.to_string(), "field level: 300 is out of the range of u8");
    /// # Ok::<(), reunite::value::FieldError>(())
    /// ```
    ///
    /// # Errors
    /// If a field has no column and no default, or its column does not have its type.
    pub fn to_typed<T: DeserializeOwned>(&self) -> Result<T, FieldError> {
        of_row(self.clone())
    }

    pub(super) fn serialized() -> Row {
        Row { serialized: true, ..Row::default() }
    }

    pub(super) const fn is_serialized(&self) -> bool {
        self.serialized
    }

    /// The names of the columns and their values.
    pub(super) fn into_parts(self) -> (Arc<Vec<String>>, Vec<Value>) {
        (self.names, self.values)
    }

    pub(super) fn into_columns(self) -> Vec<(String, Value)> {
        self.names.iter().cloned().zip(self.values).collect()
    }

    /// Sets a column. Names are the table's column names; ASCII letters compare without regard to
    /// case. A value that no column can hold (NaN) makes the write of the row fail.
    ///
    /// ```
    /// let mut row = reunite::Row::new();
    /// row.set("code", "ANN").set("CODE", "BOB");
    /// assert_eq!(row.to_string(), r#"{"code":"BOB"}"#);
    /// ```
    pub fn set<V: TryInto<Value>>(&mut self, name: &str, value: V) -> &mut Row
    where
        V::Error: Into<ValueError>,
    {
        let value = match value.try_into() {
            Ok(value) => value,
            Err(error) => {
                self.invalid.get_or_insert_with(|| (name.to_string(), error.into()));
                Value::Null
            }
        };
        match self.position(name) {
            Some(i) => {
                if let Some(slot) = self.values.get_mut(i) {
                    *slot = value;
                }
            }
            None => {
                Arc::make_mut(&mut self.names).push(name.to_string());
                self.values.push(value);
            }
        }
        self
    }

    /// The value of a column; none if the row does not have the column.
    ///
    /// ```
    /// let row = reunite::row! { code: "ANN" };
    /// assert_eq!(row.get("Code").and_then(|code| code.as_text()), Some("ANN"));
    /// assert_eq!(row.get("phone"), None);
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.position(name).and_then(|i| self.values.get(i))
    }

    /// The columns and their values, in order.
    ///
    /// ```
    /// let row = reunite::row! { code: "ANN", level: 1 };
    /// assert_eq!(row.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["code", "level"]);
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.names.iter().map(String::as_str).zip(&self.values)
    }

    /// How many columns the row has.
    ///
    /// ```
    /// assert_eq!(reunite::row! { code: "ANN", level: 1 }.len(), 2);
    /// ```
    #[must_use]
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the row has no columns.
    ///
    /// ```
    /// assert!(!reunite::row! { code: "ANN" }.is_empty());
    /// ```
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The row as a JSON object, its keys sorted.
    ///
    /// ```
    /// let row = reunite::row! { code: "ANN", at: reunite::value::Timestamp(0) };
    /// assert_eq!(row.to_json()["at"], "1970-01-01T00:00:00.000000Z");
    /// ```
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.iter().map(|(name, value)| (name.to_string(), value.to_json())).collect()
    }

    pub(crate) fn invalid(&self) -> Option<&(String, ValueError)> {
        self.invalid.as_ref()
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Rows are equal if they have the same values in the same columns, in whatever order.
impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Eq for Row {}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_json().fmt(f)
    }
}

impl<'a> FromIterator<(&'a str, Value)> for Row {
    fn from_iter<I: IntoIterator<Item = (&'a str, Value)>>(columns: I) -> Row {
        let mut row = Row::new();
        for (name, value) in columns {
            row.set(name, value);
        }
        row
    }
}

/// Makes a [`Row`](crate::db::Row): `row! { code: "ANN", "odd name": 7 }`.
///
/// A value may be anything that converts into a [`Value`](crate::value::Value): booleans, integers,
/// floating point numbers, texts, bytes, options of these.
#[macro_export]
macro_rules! row {
    (@name $name:ident) => { stringify!($name) };
    (@name $name:literal) => { $name };
    ($($name:tt : $value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut row = $crate::db::Row::new();
        $( row.set($crate::row!(@name $name), $value); )*
        row
    }};
}

/// How a caller names a row: by its row id, or by its primary key.
///
/// ```
/// use reunite::db::RowRef;
/// assert_eq!(RowRef::from("ANN").to_string(), r#"("ANN")"#);
/// assert_eq!(RowRef::from(("ANN", 7)).to_string(), r#"("ANN", 7)"#); // a key of two columns
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowRef {
    /// The permanent id.
    Id(RowId),
    /// The values of the primary key, in the order of its columns.
    Key(Vec<Value>),
}

impl From<RowId> for RowRef {
    fn from(row: RowId) -> RowRef {
        RowRef::Id(row)
    }
}

impl From<Vec<Value>> for RowRef {
    fn from(key: Vec<Value>) -> RowRef {
        RowRef::Key(key)
    }
}

macro_rules! key_of_one_column {
    ($($kind:ty),*) => {$(
        impl From<$kind> for RowRef {
            fn from(key: $kind) -> RowRef {
                RowRef::Key(vec![key.into()])
            }
        }
    )*};
}

key_of_one_column!(Value, &str, String, i64, i32, u32, bool, uuid::Uuid, crate::value::Timestamp);

macro_rules! key_of_columns {
    ($(($($kind:ident $part:ident),*)),*) => {$(
        impl<$($kind: Into<Value>),*> From<($($kind,)*)> for RowRef {
            fn from(($($part,)*): ($($kind,)*)) -> RowRef {
                RowRef::Key(vec![$($part.into()),*])
            }
        }
    )*};
}

key_of_columns!((A a), (A a, B b), (A a, B b, C c), (A a, B b, C c, D d));

impl fmt::Display for RowRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowRef::Id(row) => row.fmt(f),
            RowRef::Key(values) => {
                let values: Vec<String> = values.iter().map(|value| value.to_json().to_string()).collect();
                write!(f, "({})", values.join(", "))
            }
        }
    }
}
