//! What names the rows of a table: chance, or their primary key. How a key becomes a row id is in `codec`,
//! which knows the bytes of values.

use serde::{Deserialize, Serialize};

use super::{Table, UniqueKey};
use crate::ids::UnitId;

/// What names a row, and so whether a record made on two replicas is one row.
///
/// ```
/// use reunite::{Database, replicate, row};
/// // Two people enter the same person.
/// for (identity, rows) in [("random", 2), ("natural", 1)] {
///     let sql = format!("CREATE TABLE c (code TEXT PRIMARY KEY, a TEXT) WITH (identity = '{identity}')");
///     let [x, y] = [Database::builder().sql(&sql)?.in_memory()?, Database::builder().sql(&sql)?.in_memory()?];
///     x.write(|tx| tx.table("c")?.insert(row! { code: "ANN" }))?;
///     y.write(|tx| tx.table("c")?.insert(row! { code: "ANN" }))?;
///     replicate::sync(&x, &y)?;
///     let snapshot = x.read()?;
///     let customers = snapshot.table("c")?;
///     assert_eq!((customers.len()? + customers.parked()?, snapshot.conflicts()?.len() as u64), (rows, rows - 1));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Chance: every insertion makes a row of its own, and its keys may change.
    #[default]
    Random,
    /// The primary key, which cannot be changed: one key is one row, wherever it was inserted.
    Natural,
}

impl Identity {
    pub(in crate::schema) const fn is_random(&self) -> bool {
        matches!(self, Identity::Random)
    }
}

impl Table {
    /// The primary key, if it names the rows.
    ///
    /// ```
    /// use reunite::schema::Schema;
    /// let sql = "CREATE TABLE tag (name TEXT PRIMARY KEY, color TEXT) WITH (identity = 'natural')";
    /// let schema = Schema::from_sql(sql)?;
    /// assert_eq!(schema.tables()[0].natural_key().map(|key| key.name.as_str()), Some("tag_pkey"));
    /// # Ok::<(), reunite::schema::DdlError>(())
    /// ```
    #[must_use]
    pub fn natural_key(&self) -> Option<&UniqueKey> {
        self.primary_key().filter(|_| !self.identity.is_random())
    }

    /// The unit of the primary key, if that names the rows: it holds nothing else.
    pub(crate) fn natural_unit(&self) -> Option<UnitId> {
        let first = self.natural_key()?.columns.first()?;
        self.columns.get(*first).map(|column| column.unit)
    }
}
