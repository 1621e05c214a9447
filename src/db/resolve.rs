//! How to settle a conflict, as an application says it.

use super::row::Row;
use super::write::columns;
use crate::commit::{Resolution, WriteError};
use crate::schema;

/// How to settle a conflict, with values by column name.
///
/// ```
/// # use reunite::{Database, ResolveWith, replicate, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
/// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
/// # replicate::sync(&a, &b)?;
/// let clash = a.read()?.conflicts()?.remove(0); // both have the code ANN
/// a.write(|tx| tx.resolve(clash.id, ResolveWith::Prefer))?;
/// let shown = a.read()?.table("customer")?.get("ANN")?;
/// assert_eq!(shown, Some(row! { code: "ANN", phone: "2" })); // the other one is parked now
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolveWith {
    /// What is visible stays; the loser is gone. For `update`, `delete-update`, `update-delete`,
    /// `identity`.
    KeepWinner,
    /// The loser becomes visible. For `update`, `delete-update`, `update-delete`,
    /// `identity`.
    KeepLoser,
    /// These values instead. For `update` and `validation`.
    Set(Row),
    /// The parked row gets another key. For `unique`.
    Rename(Row),
    /// The parked row is shown, and the row that holds its key is parked. For `unique`.
    Prefer,
    /// The parked row refers to another row. For `delete-ri`, `update-ri`, `foreign-key`.
    Reparent(Row),
    /// The deleted parent is brought back. For `delete-ri`.
    RestoreParent,
    /// The parked row becomes the row that holds its key. For `unique`.
    Merge,
    /// Both rows stay, this one with these values, and are not to be merged. For `unique` and `identity`.
    KeepBoth(Row),
    /// The parked row is deleted.
    Delete,
    /// Nothing changes but that the conflict is no longer listed.
    Dismiss,
}

impl ResolveWith {
    pub(super) fn fit(self, table: &schema::Table) -> Result<Resolution, WriteError> {
        Ok(match self {
            ResolveWith::KeepWinner => Resolution::KeepWinner,
            ResolveWith::KeepLoser => Resolution::KeepLoser,
            ResolveWith::Set(row) => Resolution::Set(columns(table, row)?),
            ResolveWith::Rename(row) => Resolution::Rename(columns(table, row)?),
            ResolveWith::Prefer => Resolution::Prefer,
            ResolveWith::Reparent(row) => Resolution::Reparent(columns(table, row)?),
            ResolveWith::RestoreParent => Resolution::RestoreParent,
            ResolveWith::Merge => Resolution::Merge,
            ResolveWith::KeepBoth(row) => Resolution::KeepBoth(columns(table, row)?),
            ResolveWith::Delete => Resolution::Delete,
            ResolveWith::Dismiss => Resolution::Dismiss,
        })
    }
}
