//! Optimistic writes: a row is read with its version, and a later write says which version it expects.
//!
//! No lock is held in between, and nothing is remembered of who read what. What counts as a change is
//! said at [`Version`].

use super::row::{Row, RowRef};
use super::table::Table;
use super::write::{TableMut, columns};
use crate::commit::{WriteError, version_of};
use crate::ids::RowKey;
use crate::row::Version;

impl Table<'_> {
    /// The version of a row; none if it is not in the table. In a transaction it is that of the row as
    /// the transaction found it: its own writes are no change for [`TableMut::update_if`].
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let before = db.read()?.table("customer")?.version("ANN")?;
    /// db.write(|tx| tx.table("customer")?.update("ANN", row! { phone: "555" }))?;
    /// assert_ne!(db.read()?.table("customer")?.version("ANN")?, before);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the key has a wrong number of columns or a value of a wrong type, or the storage fails.
    pub fn version(&self, row: impl Into<RowRef>) -> Result<Option<Version>, WriteError> {
        let Some(row) = self.row_id(row)? else { return Ok(None) };
        Ok(version_of(self.base(), RowKey { table: self.definition().id, row })?)
    }
}

impl TableMut<'_> {
    /// Changes the named columns of a row, if nobody has changed the row since this version of it was
    /// read.
    ///
    /// ```
    /// # use reunite::{Database, WriteError, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let seen = db.read()?.table("customer")?.version("ANN")?.ok_or("there is no Ann")?;
    /// db.write(|tx| tx.table("customer")?.update_if("ANN", &seen, row! { phone: "555" }))?;
    /// let again = db.write(|tx| tx.table("customer")?.update_if("ANN", &seen, row! { phone: "556" }));
    /// assert!(matches!(again, Err(WriteError::StaleVersion { columns, .. }) if columns == ["phone"]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`WriteError::StaleVersion`] if the row has changed; otherwise as [`TableMut::update`].
    pub fn update_if(
        &mut self,
        row: impl Into<RowRef>,
        version: &Version,
        to: Row,
    ) -> Result<(), WriteError> {
        let (key, named) = (self.find_seen(row, version)?, columns(self.definition()?, to)?);
        self.transaction.run(|stage| stage.update_if(key, version, &named))
    }

    /// Deletes a row, if nobody has changed it since this version of it was read.
    ///
    /// ```
    /// # use reunite::{Database, row};
    /// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
    /// # let db = Database::builder().sql(sql)?.in_memory()?;
    /// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
    /// let seen = db.read()?.table("customer")?.version("ANN")?.ok_or("there is no Ann")?;
    /// db.write(|tx| tx.table("customer")?.delete_if("ANN", &seen))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`WriteError::StaleVersion`] if the row has changed; otherwise as [`TableMut::delete`].
    pub fn delete_if(&mut self, row: impl Into<RowRef>, version: &Version) -> Result<(), WriteError> {
        let key = self.find_seen(row, version)?;
        self.transaction.run(|stage| stage.delete_if(key, version))
    }

    /// The row that the caller means. One that is not in the table any more is found by its id, and by a
    /// key through the version: that it was deleted is said as such.
    fn find_seen(&self, row: impl Into<RowRef>, version: &Version) -> Result<RowKey, WriteError> {
        let row = row.into();
        match &row {
            RowRef::Id(id) => Ok(self.key(*id)),
            RowRef::Key(_) => match self.read()?.row_id(row.clone())? {
                Some(id) => Ok(self.key(id)),
                None => Ok(self.key(version.row())),
            },
        }
    }
}
