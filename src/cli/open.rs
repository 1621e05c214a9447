//! Opening databases and finding tables, with errors that say what there is instead.

use std::io;
use std::path::Path;

use anyhow::anyhow;

use crate::db::Database;
use crate::error::Error;
use crate::schema::{Schema, Table};

/// Opens a database to read it. Nothing in its directory changes.
pub(super) fn read(path: &Path) -> anyhow::Result<Database> {
    match Database::builder().read_only().open(path) {
        // sled cannot open a database without writing to it.
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::Unsupported => write(path),
        result => advise(path, result),
    }
}

/// Opens a database to change it.
pub(super) fn write(path: &Path) -> anyhow::Result<Database> {
    advise(path, Database::builder().open(path))
}

/// What to do about a damaged database.
fn advise(path: &Path, result: Result<Database, Error>) -> anyhow::Result<Database> {
    result.map_err(|error| match error {
        Error::Corrupt { .. } => anyhow::Error::from(error).context(format!(
            "{} is damaged: restore a backup, or make a new replica and sync it with a sound one",
            path.display()
        )),
        error => error.into(),
    })
}

/// The table of this name; the error lists those that there are.
pub(super) fn table<'s>(schema: &'s Schema, name: &str) -> anyhow::Result<&'s Table> {
    schema.table(name).ok_or_else(|| {
        let names: Vec<&str> = schema.tables().iter().map(|table| table.name.as_str()).collect();
        if names.is_empty() {
            anyhow!("there is no table {name}: this replica is empty until its first sync")
        } else {
            anyhow!("there is no table {name}: the tables are {}", names.join(", "))
        }
    })
}

/// The names of a table's columns, for an error.
pub(super) fn columns_of(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    names.join(", ")
}
