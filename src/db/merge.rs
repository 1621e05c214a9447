//! Merging rows of a table, as a transaction does it.

use super::row::RowRef;
use super::write::TableMut;
use crate::commit::WriteError;

impl TableMut<'_> {
    /// Makes one row of two: `from` becomes `into`, here and everywhere. The surviving row keeps its values,
    /// and takes those of the other where it has only nulls. What refers to `from` refers to `into` from
    /// then on, and what other replicas change in `from` arrives in `into`. [`TableMut::undelete`] takes the
    /// row out again. `from` may be parked; then it is named by its row id.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANNA", phone: "555" }))?;
    /// db.write(|tx| tx.table("customer")?.merge("ANNA", "ANN"))?;
    /// let customers = db.read()?;
    /// let ann = customers.table("customer")?.get("ANN")?;
    /// assert_eq!(ann, Some(row! { code: "ANN", phone: "555" }));
    /// assert_eq!(customers.table("customer")?.len()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such row, or it is deleted. Rows that refer to a key of `from` by value alone, or whose
    /// `ON UPDATE` is `RESTRICT`, make the commit fail.
    pub fn merge(&mut self, from: impl Into<RowRef>, into: impl Into<RowRef>) -> Result<(), WriteError> {
        let (from, into) = (self.find_hidden(from)?, self.find(into)?);
        self.transaction.run(|stage| stage.merge(from, into))
    }
}
