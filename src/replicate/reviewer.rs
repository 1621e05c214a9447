//! Programs that say which rows a replica accepts: its own limits, and rules of its business. A reviewer sees a row
//! that a session brought and accepts or refuses it; it writes nothing, and stops nothing.
//!
//! It is asked when everything is stored and the policies have decided. What it refuses is noted, and it is asked
//! again at the end of every session, until it accepts, or somebody accepts in its place, or the row is gone.

use std::sync::Arc;
use std::time::Duration;

use super::worker::{Answer, HandlerError, Worker};
use crate::db::access::Endpoint;
use crate::db::reviews::{Arrived, Reviewed};
use crate::db::{Database, ReadTransaction, Row};
use crate::error::Error;
use crate::ids::{RowId, RowKey};

/// How many verdicts are stored in one commit.
const CHUNK: usize = 1000;

/// A row that a session brought, as a reviewer sees it.
pub struct Arrival {
    /// The table.
    pub table: String,
    /// The row.
    pub row: RowId,
    /// What it shows.
    pub values: Row,
    /// The replica's data, to look up other rows.
    pub data: ReadTransaction,
}

/// What a reviewer says of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be so.
    Accept,
    /// It may not. The row stays where it is; that it was refused is listed, here alone.
    Refuse {
        /// Why, for people.
        reason: String,
    },
}

/// A program that says which rows a replica accepts.
///
/// See [`OpenReview`](crate::db::OpenReview) for an example.
pub trait Reviewer: Send + Sync {
    /// What to say of a row. It may be asked from another thread than the session's, and again about a row that it
    /// refused.
    ///
    /// # Errors
    /// Any: then nothing is noted but that it is still to be asked.
    fn review(&self, arrival: &Arrival) -> Result<Verdict, HandlerError>;

    /// How long a call may take.
    fn budget(&self) -> Duration {
        Duration::from_secs(5)
    }
}

/// What a reviewer said of the rows that sessions brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reviews {
    /// Rows that it accepted.
    pub accepted: u64,
    /// Rows that it refused, also those that it had refused before.
    pub refused: u64,
    /// Rows about which it did not answer: it failed, panicked, or took too long.
    pub unanswered: u64,
}

/// Asks a reviewer about the rows that sessions brought to a replica.
pub(super) fn review(db: &Database, reviewer: &Arc<dyn Reviewer>) -> Result<Reviews, Error> {
    let endpoint = Endpoint::new(db);
    let rows = endpoint.to_review()?;
    let mut reviewing = Reviewing { db, endpoint, worker: None, said: Reviews::default() };
    if !rows.is_empty() {
        let asked = Arc::clone(reviewer);
        let program = move |arrival: &Arrival| asked.review(arrival);
        reviewing.worker = Worker::start("row reviewer", reviewer.budget(), program);
    }
    for rows in rows.chunks(CHUNK) {
        let mut reviewed = Vec::with_capacity(rows.len());
        for row in rows {
            reviewed.extend(reviewing.one(*row)?);
        }
        reviewing.endpoint.settle_reviews(reviewed)?;
    }
    Ok(reviewing.said)
}

struct Reviewing<'a> {
    db: &'a Database,
    endpoint: Endpoint,
    /// None once a call took too long: no row is asked about any more in this session.
    worker: Option<Worker<Arrival, Verdict>>,
    said: Reviews,
}

impl Reviewing<'_> {
    /// None if nothing is to be noted.
    fn one(&mut self, noted: RowKey) -> Result<Option<Reviewed>, Error> {
        let seen = self.endpoint.arrived(noted)?;
        let (row, table, values) = match &seen {
            // It is asked about when it is in its table.
            Arrived::Parked => return Ok(None),
            Arrived::Gone => return Ok(Some(Reviewed { noted, seen, refused: None })),
            Arrived::Shown { row, table, values } => (row.row, table.clone(), values.clone()),
        };
        let arrival = Arrival { table, row, values, data: self.db.read()? };
        let answer = self.worker.as_ref().map_or(Answer::Failed, |worker| worker.ask(arrival));
        let refused = match answer {
            Answer::Given(Verdict::Accept) => None,
            Answer::Given(Verdict::Refuse { reason }) => Some(reason),
            Answer::Failed => {
                self.said.unanswered += 1;
                return Ok(None);
            }
            Answer::TookTooLong => {
                self.worker = None;
                self.said.unanswered += 1;
                return Ok(None);
            }
        };
        *(if refused.is_some() { &mut self.said.refused } else { &mut self.said.accepted }) += 1;
        Ok(Some(Reviewed { noted, seen, refused }))
    }
}
