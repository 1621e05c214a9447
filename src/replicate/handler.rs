//! Programs that decide conflicts. A handler sees both sides and says what to do; it writes nothing itself. On
//! which thread it is called is up to `worker`.

use std::sync::Arc;
use std::time::Duration;

use super::worker::{Answer, HandlerError, Worker};
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

/// Asks a handler.
pub(super) fn ask(handler: &Arc<dyn ConflictHandler>, case: Case) -> Answer<Action> {
    let (asked, budget) = (Arc::clone(handler), handler.budget());
    let worker = Worker::start("conflict handler", budget, move |case: &Case| asked.decide(case));
    worker.map_or(Answer::Failed, |worker| worker.ask(case))
}
