//! Conflicts that are no longer open, as this replica remembers them.

use crate::error::Error;
use crate::ids::{ConflictId, ReplicaId, RowId};
use crate::row::Closed;
use crate::store::Snapshot;
use crate::value::Timestamp;

/// A conflict that was open here once. A replica remembers the last 4096 of them; this does not replicate.
///
/// ```
/// # use reunite::{Database, ResolveWith, replicate, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
/// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
/// # replicate::sync(&a, &b)?;
/// let clash = a.read()?.conflicts()?.remove(0);
/// a.write(|tx| tx.dismiss(clash.id))?;
/// let closed = a.read()?.closed_conflicts()?.remove(0);
/// assert_eq!((closed.id, closed.by), (clash.id, a.replica_id()));
/// assert!(closed.can_be_undone);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedConflict {
    /// The conflict.
    pub id: ConflictId,
    /// The table.
    pub table: String,
    /// The row that it was of.
    pub row: RowId,
    /// The replica whose change closed it.
    pub by: ReplicaId,
    /// When that change was made, by the clock of that replica.
    pub at: Timestamp,
    /// Whether it was a resolution of this replica, which was not taken back yet.
    pub can_be_undone: bool,
}

/// All of them that are not open again, the newest first.
pub(super) fn closed_conflicts(snapshot: &Snapshot) -> Result<Vec<ClosedConflict>, Error> {
    let mut all = Vec::new();
    for entry in snapshot.all_closed()? {
        let (id, closed) = entry?;
        if snapshot.row_of_conflict(id)?.is_none() {
            all.push(show(snapshot, id, &closed));
        }
    }
    all.sort_by_key(|closed| (std::cmp::Reverse(closed.at), closed.id));
    Ok(all)
}

fn show(snapshot: &Snapshot, id: ConflictId, closed: &Closed) -> ClosedConflict {
    let table = snapshot.schema().table_by_id(closed.row.table);
    ClosedConflict {
        id,
        table: table.map_or_else(String::new, |table| table.name.clone()),
        row: closed.row.row,
        by: snapshot.author_of(closed.by),
        at: closed.at.timestamp(),
        can_be_undone: closed.resolved.is_some(),
    }
}
