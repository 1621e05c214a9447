//! Commands that expect a row to be as it was read. A version has a name in the script, and may be read
//! on one replica and expected on another.

use super::{Answer, World};
use crate::row::Version;
use crate::script::command::RowName;
use crate::script::failure::Failure;
use crate::script::objects::Object;
use crate::script::values::{no_such_row, row_called, row_of};

impl World {
    /// Remembers the version of a row.
    pub(super) fn version(&mut self, replica: usize, table: &str, row: &RowName, name: &str) -> Answer {
        let (names, replica) = self.names_and_replica(replica)?;
        let read = |table_read: &crate::db::Table<'_>| -> Result<Version, Failure> {
            let found = row_called(table_read, row, names)?.ok_or_else(|| no_such_row(table, row))?;
            table_read.version(found)?.ok_or_else(|| no_such_row(table, row))
        };
        let version = match &replica.transaction {
            Some(transaction) => read(&transaction.read_table(table)?)?,
            None => read(&replica.db.read()?.table(table)?)?,
        };
        self.names.name_version(name, version);
        Ok(String::new())
    }

    pub(super) fn update_if(
        &mut self,
        replica: usize,
        table: &str,
        row: &RowName,
        version: &str,
        values: &Object,
    ) -> Answer {
        let version = self.version_called(version)?;
        self.change(replica, table, row, |transaction, row| {
            let values = row_of(transaction.read_table(table)?.definition(), values)?;
            Ok(transaction.table(table)?.update_if(row, &version, values)?)
        })
    }

    pub(super) fn delete_if(&mut self, replica: usize, table: &str, row: &RowName, version: &str) -> Answer {
        let version = self.version_called(version)?;
        self.change(replica, table, row, |transaction, row| {
            Ok(transaction.table(table)?.delete_if(row, &version)?)
        })
    }

    fn version_called(&self, name: &str) -> Result<Version, Failure> {
        let none = || Failure::new("not-applicable", format!("no version is called {name}: read one first"));
        self.names.version_called(name).cloned().ok_or_else(none)
    }
}
