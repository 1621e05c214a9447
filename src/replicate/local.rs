//! Sessions between two databases of one process.

use super::decide::{Decisions, apply_policies};
use super::driver::{Driver, State};
use super::patience::Patience;
use super::policy::Policies;
use super::reviewer::Reviews;
use crate::db::Database;
use crate::sync::{BATCH_BYTES, Report, Session, SyncError};
use crate::transport::{Arrival, Pipe, PipeEnd, Transport};

/// Which way changes go.
///
/// See [`sync_with`] for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both.
    #[default]
    Both,
    /// From the first to the second.
    Push,
    /// From the second to the first.
    Pull,
}

/// Told while a session runs.
///
/// See [`sync_with`] for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes carried so far, over both directions.
    pub bytes: u64,
    /// Messages carried so far.
    pub messages: u64,
}

/// How a session is run.
///
/// See [`sync_with`] for an example.
pub struct Options<'a> {
    /// Which way changes go.
    pub direction: Direction,
    /// The connection breaks after so many bytes: for tests.
    pub cut_after: Option<u64>,
    /// About how many bytes of changes go in one batch, which is applied in one commit.
    pub batch_bytes: usize,
    /// How it waits for locked tables.
    pub patience: Patience,
    /// What it does about the conflicts that it brings to the replica that takes; in a session both ways, to
    /// the second one. What is decided there is sent to the first in the same session.
    pub policies: Policies,
    /// Called after each message.
    pub progress: Option<&'a mut dyn FnMut(Progress)>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            direction: Direction::Both,
            cut_after: None,
            batch_bytes: BATCH_BYTES,
            patience: Patience::default(),
            policies: Policies::default(),
            progress: None,
        }
    }
}

/// What a session did.
///
/// See [`sync_with`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// At the first database.
    pub first: Report,
    /// At the second.
    pub second: Report,
    /// Bytes carried, over both directions.
    pub bytes: u64,
    /// What policies made of the conflicts that it brought.
    pub decisions: Decisions,
    /// What the reviewer said of the rows that it brought.
    pub reviews: Reviews,
}

/// Syncs two databases: afterwards each knows what either knew. Waits for other writers, so no
/// transaction of the same thread may be open.
///
/// ```
/// use reunite::{Database, replicate, row};
/// let schema = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// let a = Database::builder().sql(schema)?.in_memory()?;
/// let b = Database::builder().sql(schema)?.in_memory()?;
/// a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// replicate::sync(&a, &b)?;
/// assert_eq!(b.read()?.table("customer")?.len()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the two are not replicas of one database, the connection breaks, or a storage fails. What was
/// applied before stays, and the next session goes on from there.
pub fn sync(first: &Database, second: &Database) -> Result<Summary, SyncError> {
    sync_with(first, second, Options::default())
}

/// One way: `to` takes what `from` knows.
///
/// ```
/// # use reunite::{Database, ResolveWith, replicate, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// b.write(|tx| tx.table("customer")?.insert(row! { code: "BOB" }))?;
/// replicate::pull(&a, &b)?;
/// assert_eq!(a.read()?.table("customer")?.len()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`sync`].
pub fn pull(to: &Database, from: &Database) -> Result<Summary, SyncError> {
    sync_with(to, from, pull_options())
}

pub(super) fn pull_options<'a>() -> Options<'a> {
    Options { direction: Direction::Pull, ..Options::default() }
}

/// Syncs two databases in a given way.
///
/// ```
/// # use reunite::{Database, row};
/// use reunite::replicate::{Direction, Options, sync_with};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// # b.write(|tx| tx.table("customer")?.insert(row! { code: "BOB" }))?;
/// let mut carried = 0;
/// let mut show = |progress: reunite::replicate::Progress| carried = progress.bytes;
/// let options = Options { direction: Direction::Push, progress: Some(&mut show), ..Options::default() };
/// let summary = sync_with(&a, &b, options)?;
/// assert_eq!((summary.first.sent.rows, summary.first.received.rows), (1, 0));
/// assert_eq!(summary.bytes, carried);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`sync`].
pub fn sync_with(
    first: &Database,
    second: &Database,
    mut options: Options<'_>,
) -> Result<Summary, SyncError> {
    let mut summary = session(first, second, &mut options)?;
    if options.policies.asks_nobody() {
        return Ok(summary);
    }
    let decides = if options.direction == Direction::Pull { first } else { second };
    let outcome = apply_policies(decides, &options.policies)?;
    (summary.decisions, summary.reviews) = (outcome.decisions, outcome.reviews);
    if options.direction == Direction::Both && summary.decisions.made > 0 {
        // The outcomes travel back. If that breaks off, the next session takes them.
        options.direction = Direction::Pull;
        options.cut_after = options.cut_after.map(|cut| cut.saturating_sub(summary.bytes));
        options.policies = Policies::default();
        let back = session(first, second, &mut options)?;
        summary.bytes += back.bytes;
        summary.first.and_then(back.first);
        summary.second.and_then(back.second);
    }
    Ok(summary)
}

/// One exchange of what either knows.
fn session(first: &Database, second: &Database, options: &mut Options<'_>) -> Result<Summary, SyncError> {
    let (push, pull) = match options.direction {
        Direction::Both => (true, true),
        Direction::Push => (true, false),
        Direction::Pull => (false, true),
    };
    let (pipe, left, right) = Pipe::with_cut(options.cut_after);
    let bytes = options.batch_bytes;
    let opener = Driver::new(first, push, pull, bytes, Session::open)?;
    let mut opener = opener.with_patience(options.patience.clone());
    let accepter = Driver::new(second, pull, push, bytes, Session::accept)?;
    let mut accepter = accepter.with_patience(options.patience.clone());
    match options.direction {
        Direction::Pull => opener = opener.with_policies(&options.policies)?,
        Direction::Both | Direction::Push => accepter = accepter.with_policies(&options.policies)?,
    }
    let mut left = End { driver: opener, pipe: left, result: None };
    let mut right = End { driver: accepter, pipe: right, result: None };
    let mut messages = 0;
    while left.result.is_none() || right.result.is_none() {
        for end in [&mut left, &mut right] {
            messages += end.run();
            if let Some(progress) = &mut options.progress {
                progress(Progress { bytes: pipe.carried(), messages });
            }
        }
    }
    let (first, second) = (left.result.transpose(), right.result.transpose());
    match (first, second) {
        (Ok(Some(first)), Ok(Some(second))) => {
            let (decisions, reviews) = Default::default();
            Ok(Summary { first, second, bytes: pipe.carried(), decisions, reviews })
        }
        // Of two errors the one that found the fault says more than the one that was told.
        (Err(SyncError::Refused { .. } | SyncError::Interrupted { .. }), Err(error)) => Err(error),
        (Err(error), _) | (_, Err(error)) => Err(error),
        _ => Err(SyncError::Interrupted { reason: "the session did not end".to_string() }),
    }
}

struct End {
    driver: Driver,
    pipe: PipeEnd,
    result: Option<Result<Report, SyncError>>,
}

impl End {
    /// Does what can be done without the other end; returns how many messages it sent.
    fn run(&mut self) -> u64 {
        let mut sent = 0;
        while self.result.is_none() {
            match self.driver.step() {
                State::Send(message) => match self.pipe.send(&message) {
                    Ok(()) => sent += 1,
                    Err(error) => self.driver.interrupted(&error.to_string()),
                },
                State::Finished(result) => {
                    self.pipe.close();
                    self.result = Some(result);
                }
                State::Waiting => match self.pipe.poll() {
                    Ok(Arrival::Message(message)) => self.driver.receive(&message),
                    Ok(Arrival::Nothing) => break,
                    Ok(Arrival::Closed) => self.driver.interrupted("the peer closed the connection"),
                    Err(error) => self.driver.interrupted(&error.to_string()),
                },
            }
        }
        sent
    }
}
