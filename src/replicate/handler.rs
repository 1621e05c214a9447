//! Programs that decide conflicts. A handler sees both sides and says what to do; it writes nothing itself.
//!
//! It runs on a thread of its own, because nothing else can end a call that takes too long: the session goes
//! on without it, and whatever it says later is dropped.

use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::db::{ConflictRow, ReadTransaction, Row, Side};
use crate::ids::RowId;

/// A conflict as a handler sees it.
pub struct Case {
    /// The conflict, with what won and what lost by the rules of the table.
    pub conflict: ConflictRow,
    /// What the source has; none where a rule or a row that is not there stands against the other side.
    pub source: Option<Side>,
    /// What the destination has.
    pub destination: Option<Side>,
    /// The destination's data, to look up other rows.
    pub data: ReadTransaction,
}

/// What a handler decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// What the source has, holds.
    KeepSource,
    /// What the destination has, holds.
    KeepDestination,
    /// These values hold: for `update` and `validation`.
    Set(Row),
    /// The rows that clash become one.
    Merge,
    /// The losing row becomes another row than the one it clashes with.
    MergeWith(RowId),
    /// The source's row gets this key; a made-up one, if none is given.
    RenameSource(Option<Row>),
    /// The destination's row gets this key; a made-up one, if none is given.
    RenameDestination(Option<Row>),
    /// The parked row refers to another row.
    Reparent(Row),
    /// The deleted row that is referred to is brought back.
    RestoreParent,
    /// The parked row is deleted.
    Delete,
    /// The conflict stays listed; no policy of this replica will decide it later.
    Skip,
    /// The conflict stays listed, and the next session that has a policy asks again.
    Defer,
}

/// A program that decides conflicts.
///
/// ```
/// # use reunite::{Database, replicate, row};
/// # use std::sync::Arc;
/// use reunite::db::Image;
/// use reunite::replicate::{Action, Case, ConflictHandler, HandlerError, Options, Policies, Policy, sync_with};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "0" }))?;
/// # replicate::sync(&a, &b)?;
/// struct BothNumbers;
/// impl ConflictHandler for BothNumbers {
///     fn decide(&self, case: &Case) -> Result<Action, HandlerError> {
///         let sides = [&case.source, &case.destination].map(|side| side.as_ref().map(|side| &side.image));
///         let [Some(Image::Values(source)), Some(Image::Values(destination))] = sides else {
///             return Ok(Action::Defer);
///         };
///         let both = [destination, source].map(|row| row.get("phone").map(ToString::to_string));
///         Ok(Action::Set(row! { phone: both.map(Option::unwrap_or_default).join(" or ") }))
///     }
/// }
/// a.write(|tx| tx.table("customer")?.update("ANN", row! { phone: "1" }))?;
/// b.write(|tx| tx.table("customer")?.update("ANN", row! { phone: "2" }))?;
/// let policies = Policies::new(Policy::Handler(Arc::new(BothNumbers)));
/// let summary = sync_with(&a, &b, Options { policies, ..Options::default() })?;
/// assert_eq!(summary.decisions.made, 1);
/// # assert!(a.read()?.conflicts()?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ConflictHandler: Send + Sync {
    /// What to do about a conflict. It may be asked from another thread than the session's.
    ///
    /// # Errors
    /// Any: then nothing is done, and the next session asks again.
    fn decide(&self, case: &Case) -> Result<Action, HandlerError>;

    /// How long a call may take.
    fn budget(&self) -> Duration {
        Duration::from_secs(5)
    }
}

/// Why a handler could not decide.
pub type HandlerError = Box<dyn StdError + Send + Sync>;

/// What became of a call.
pub(super) enum Asked {
    Decided(Action),
    /// It failed or panicked.
    Failed,
    /// It took too long.
    TookTooLong,
}

/// Asks a handler.
pub(super) fn ask(handler: &Arc<dyn ConflictHandler>, case: Case) -> Asked {
    let (answer, answered) = mpsc::channel();
    let (asked, budget) = (Arc::clone(handler), handler.budget());
    let call = move || {
        let decided = catch_unwind(AssertUnwindSafe(|| asked.decide(&case)));
        // Nobody listens any more if it took too long.
        let _ = answer.send(decided.ok().and_then(Result::ok));
    };
    if thread::Builder::new().name("conflict handler".to_string()).spawn(call).is_err() {
        return Asked::Failed;
    }
    match answered.recv_timeout(budget) {
        Ok(Some(action)) => Asked::Decided(action),
        Ok(None) | Err(mpsc::RecvTimeoutError::Disconnected) => Asked::Failed,
        Err(mpsc::RecvTimeoutError::Timeout) => Asked::TookTooLong,
    }
}
