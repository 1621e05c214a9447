//! What a session would do, without doing it: the session runs, over rehearsals of both databases.

use super::local::{Options, Summary, pull_options, sync_with};
use crate::db::{Database, Preview, Rehearsal};
use crate::sync::SyncError;

/// What a session between two databases would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previews {
    /// To the first database.
    pub first: Preview,
    /// To the second.
    pub second: Preview,
    /// What would go over the way between them.
    pub summary: Summary,
}

/// What [`pull`](super::pull) would do to `to`. Nothing is written, at either side: the session runs on a
/// [`Rehearsal`] of each database, so that whatever decides an outcome there decides it here. A locked
/// table does not disturb it.
///
/// ```
/// # use reunite::{Database, replicate, row};
/// use reunite::db::Change;
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
/// b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
/// let preview = replicate::preview(&b, &a)?;
/// assert_eq!(preview.rows[0].change, Change::Park); // the customer of a, who came first, stays
/// assert!(preview.appear[0].loser_comes);
/// assert!(a.read()?.conflicts()?.is_empty()); // nothing has happened
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As the session. What it would write is kept in memory: beyond [`Rehearsal::BYTES`] it fails with
/// [`Error::Limit`](crate::error::Error::Limit).
pub fn preview(from: &Database, to: &Database) -> Result<Preview, SyncError> {
    Ok(preview_with(to, from, pull_options())?.first)
}

/// What [`sync_with`] would do to both.
///
/// ```
/// # use reunite::{Database, replicate, row};
/// use reunite::replicate::{Options, preview_with};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// let previews = preview_with(&a, &b, Options::default())?;
/// assert!(previews.first.is_empty());
/// assert_eq!(previews.second.rows[0].after, Some(row! { code: "ANN", phone: None::<String> }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`preview`].
pub fn preview_with(
    first: &Database,
    second: &Database,
    options: Options<'_>,
) -> Result<Previews, SyncError> {
    let (first, second) = (Rehearsal::of(first)?, Rehearsal::of(second)?);
    let summary = sync_with(first.database(), second.database(), options)?;
    Ok(Previews { first: first.preview()?, second: second.preview()?, summary })
}
