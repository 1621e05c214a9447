//! Rows that sessions brought and that this replica has not accepted: limits and rules of its own. What is
//! noted of them is local and decides nothing: such a row is in its table, here as on every other replica, until
//! somebody writes something else.
//!
//! Who is asked about a row is decided in `replicate`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::access::Endpoint;
use super::database::Database;
use super::read::ReadTransaction;
use super::row::Row;
use crate::commit::WriteError;
use crate::derive::{Delta, Rederived, Source, Status, Stored, class_of};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{RowId, RowKey};
use crate::store::{Changes, Review, Snapshot};
use crate::value::Timestamp;

/// A row that came from another replica and that this one has not accepted. It is in its table all the same.
///
/// ```
/// # use std::sync::Arc;
/// # use reunite::{Database, row};
/// use reunite::replicate::{Arrival, HandlerError, Options, Policies, Reviewer, Verdict, sync_with};
/// struct CreditLimit;
/// impl Reviewer for CreditLimit {
///     fn review(&self, arrival: &Arrival) -> Result<Verdict, HandlerError> {
///         let credit = arrival.values.get("credit").and_then(|value| value.as_integer());
///         Ok(match credit {
///             Some(credit) if credit > 1000 => Verdict::Refuse { reason: "more than 1000".to_string() },
///             _ => Verdict::Accept,
///         })
///     }
/// }
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, credit INTEGER)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", credit: 5000 }))?;
/// let policies = Policies::default().reviewed_by(Arc::new(CreditLimit));
/// sync_with(&a, &b, Options { policies, ..Options::default() })?;
/// let open = b.read()?.open_reviews()?.remove(0);
/// assert_eq!(open.values, row! { code: "ANN", credit: 5000 });
/// assert_eq!(open.refusal.map(|refusal| refusal.reason).as_deref(), Some("more than 1000"));
/// assert!(b.accept("customer", open.row)?); // or a change of its own: a deletion, another value
/// assert!(b.read()?.open_reviews()?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReview {
    /// The table.
    pub table: String,
    /// The row.
    pub row: RowId,
    /// What it shows now.
    pub values: Row,
    /// Why it was refused; none if the reviewer has not answered yet.
    pub refusal: Option<Refusal>,
}

/// Why a row was refused.
///
/// See [`OpenReview`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the reviewer said.
    pub reason: String,
    /// When it said so first, by the clock of this replica.
    pub at: Timestamp,
}

/// What has become of a row that is to be reviewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// It is in its table, or the row is that it has become.
    Shown { row: RowKey, table: String, values: Row },
    /// A constraint bars it.
    Parked,
    /// It is deleted.
    Gone,
}

/// What was found out about a row that is to be reviewed.
pub(crate) struct Reviewed {
    /// The row that the note is about.
    pub noted: RowKey,
    /// What had become of it when the reviewer was asked.
    pub seen: Arrived,
    /// Why it is refused, if it is.
    pub refused: Option<String>,
}

/// What to note of the rows that a commit of a session changes: of those that show something new, and of those
/// that came and may show it later.
pub(super) fn to_review(
    snapshot: &Snapshot,
    delta: &Delta,
) -> Result<BTreeMap<RowKey, Option<Review>>, Error> {
    let mut reviews = BTreeMap::new();
    for (key, row) in delta {
        if is_new(snapshot, *key, row) && snapshot.review(*key)?.is_none() {
            reviews.insert(*key, Some(Review::Due));
        }
    }
    Ok(reviews)
}

fn is_new(snapshot: &Snapshot, key: RowKey, row: &Rederived) -> bool {
    let came = row.before.as_ref().is_none_or(|before| before.facts != row.facts);
    match row.derived.status {
        Status::Dead => false,
        Status::Parked | Status::Merged => came,
        Status::Visible => {
            let now = Stored { facts: Arc::clone(&row.facts), derived: row.derived.clone() };
            let before = row.before.as_ref().filter(|before| before.derived.status == Status::Visible);
            let table = snapshot.schema().table_by_id(key.table);
            table.is_some_and(|table| before.map(|row| row.values(table)) != Some(now.values(table)))
        }
    }
}

impl Endpoint {
    /// The rows that are to be reviewed, by table and row id.
    pub fn to_review(&self) -> Result<Vec<RowKey>, Error> {
        let mut reviews = self.db.snapshot()?.reviews()?;
        if planted(Bug::RefusedOnce) {
            reviews.retain(|(_, review)| *review == Review::Due);
        }
        Ok(reviews.into_iter().map(|(key, _)| key).collect())
    }

    /// What has become of one of them.
    pub fn arrived(&self, noted: RowKey) -> Result<Arrived, Error> {
        arrived(&self.db.snapshot()?, noted)
    }

    /// Stores what was found out; what has changed meanwhile is left for the next time.
    pub fn settle_reviews(&self, reviewed: Vec<Reviewed>) -> Result<(), Error> {
        let permit = self.db.permit();
        let snapshot = self.db.snapshot()?;
        let at = self.db.clock().now();
        let mut reviews = BTreeMap::new();
        for Reviewed { noted, seen, refused } in reviewed {
            if arrived(&snapshot, noted)? != seen {
                continue;
            }
            let known = snapshot.review(noted)?;
            let again =
                |reason: &String| matches!(&known, Some(Review::Refused { reason: r, .. }) if r == reason);
            match seen {
                Arrived::Parked => {}
                Arrived::Shown { row, .. } if row == noted && refused.as_ref().is_some_and(again) => {}
                Arrived::Shown { row, .. } => {
                    reviews.insert(noted, None);
                    reviews.insert(row, refused.map(|reason| Review::Refused { at, reason }));
                }
                Arrived::Gone => {
                    reviews.insert(noted, None);
                }
            }
        }
        if reviews.is_empty() {
            return Ok(());
        }
        let changes = Changes { reviews, ..Changes::default() };
        self.db.store(&snapshot, &changes, permit, self.db.durability())
    }
}

fn arrived(snapshot: &Snapshot, noted: RowKey) -> Result<Arrived, Error> {
    let table = snapshot.schema().tables().iter().find(|table| table.id == noted.table);
    let Some(table) = table else { return Ok(Arrived::Gone) };
    let Some(class) = class_of(snapshot.schema(), snapshot, noted)? else { return Ok(Arrived::Gone) };
    let row = class.root;
    if let Some(values) = snapshot.visible(row)? {
        let names = table.columns.iter().map(|column| column.name.as_str());
        let (table, values) = (table.name.clone(), names.zip(values).collect());
        return Ok(Arrived::Shown { row, table, values });
    }
    let parked = snapshot.row(row)?.is_some_and(|stored| stored.derived.status == Status::Parked);
    Ok(if parked { Arrived::Parked } else { Arrived::Gone })
}

impl ReadTransaction {
    /// The rows that came from other replicas and that this one has not accepted, by table and row id: those
    /// that its reviewer refused, and those about which it has not answered. This does not replicate.
    ///
    /// See [`OpenReview`] for an example.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn open_reviews(&self) -> Result<Vec<OpenReview>, Error> {
        open_reviews(self.snapshot())
    }
}

pub(super) fn open_reviews(snapshot: &Snapshot) -> Result<Vec<OpenReview>, Error> {
    let mut open = BTreeMap::new();
    for (noted, review) in snapshot.reviews()? {
        let Arrived::Shown { row, table, values } = arrived(snapshot, noted)? else { continue };
        let refusal = match review {
            Review::Refused { at, reason } => Some(Refusal { reason, at }),
            Review::Due => None,
        };
        // Several rows may have become one.
        if refusal.is_some() || !open.contains_key(&row) {
            open.insert(row, OpenReview { table, row: row.row, values, refusal });
        }
    }
    Ok(open.into_values().collect())
}

impl Database {
    /// Accepts a row that the reviewer refused, or has not answered about: it is not asked about it again, until a
    /// session changes the row. False if there was nothing to accept. Waits for other writers: inside a
    /// transaction of the same thread it would wait for ever.
    ///
    /// See [`OpenReview`] for an example.
    ///
    /// # Errors
    /// If there is no such table, the database is read-only, or the storage fails.
    pub fn accept(&self, table: &str, row: RowId) -> Result<bool, WriteError> {
        let permit = self.writable_permit()?;
        let snapshot = self.snapshot()?;
        let unknown = || WriteError::UnknownTable { table: table.to_string() };
        let table = snapshot.schema().table(table).ok_or_else(unknown)?.id;
        let row = RowKey { table, row };
        let mut reviews = BTreeMap::new();
        for (noted, _) in snapshot.reviews()? {
            let shown = match arrived(&snapshot, noted)? {
                Arrived::Shown { row, .. } => row,
                Arrived::Parked | Arrived::Gone => noted,
            };
            if shown == row {
                reviews.insert(noted, None);
            }
        }
        let found = !reviews.is_empty();
        if found {
            let changes = Changes { reviews, ..Changes::default() };
            self.store(&snapshot, &changes, permit, self.durability())?;
        }
        Ok(found)
    }
}
