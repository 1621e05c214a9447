//! What a reader has seen of a row, so that a later write can be refused if there is more by then.
//!
//! Says nothing about how the row looked, only which changes of it were there. Whether a row still is
//! as it was seen is decided in `commit`; the printable form is in `codec`.

use crate::ids::RowId;
use crate::version::VersionVector;

/// The version of a row, as one read saw it: opaque, comparable, printable (an HTTP gateway can use it
/// as an `ETag`), and the same at every replica that has the same changes of the row.
///
/// Every change of the row makes another version: of any column, also one that lost to another; a
/// deletion; a conflict that was settled or dismissed; and another key that it shows because it follows
/// the row it refers to.
///
/// ```
/// # use reunite::{Database, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let db = Database::builder().sql(sql)?.in_memory()?;
/// # db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// use reunite::row::Version;
/// let seen = db.read()?.table("customer")?.version("ANN")?.ok_or("there is no Ann")?;
/// let token = seen.to_string();
/// assert_eq!(token.parse::<Version>()?, seen);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The row.
    pub(crate) row: RowId,
    /// The changes that were there, of each row that is part of what the row shows; ascending.
    pub(crate) seen: Vec<(RowId, VersionVector)>,
    /// A digest of the values that it showed because it follows keys of other rows; zeros if none.
    pub(crate) followed: [u8; 8],
}

impl Version {
    /// The row of which it is a version.
    #[must_use]
    pub const fn row(&self) -> RowId {
        self.row
    }

    /// The changes of a row that were there; none if the row had no part in what was seen.
    pub(crate) fn of(&self, row: RowId) -> Option<&VersionVector> {
        self.seen.iter().find(|(seen, _)| *seen == row).map(|(_, vector)| vector)
    }
}
