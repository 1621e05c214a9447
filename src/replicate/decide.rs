//! What policies make of the conflicts that a session brought, once everything is committed that all replicas
//! derive alike. Each outcome is a transaction of its own, under the rule of every transaction; one that is
//! refused counts as tried, and the conflict stays for people.

use std::collections::BTreeMap;

use super::handler::{Action, Case, ask};
use super::policy::{Policies, Policy};
use super::rename::fresh_key;
use super::reviewer::{Reviews, review};
use super::worker::Answer;
use crate::commit::WriteError;
use crate::db::access::Endpoint;
use crate::db::decisions::Undecided;
use crate::db::{ConflictRow, Database, Image, ResolveWith, Row, Transaction};
use crate::derive::Kind;
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{ConflictId, RowId};
use crate::schema::Constraint;

/// What policies made of the conflicts that a session brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// Conflicts that were decided.
    pub made: u64,
    /// Outcomes that a constraint forbids. These conflicts stay for people.
    pub refused: u64,
    /// Conflicts that the next session with a policy decides: deferred, or their handler failed.
    pub deferred: u64,
}

/// What policies and a reviewer made of what sessions brought.
///
/// See [`apply_policies`] for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What policies made of conflicts. The outcomes are changes: the next session takes them to other replicas.
    pub decisions: Decisions,
    /// What the reviewer said of rows.
    pub reviews: Reviews,
}

/// Lets policies decide the conflicts that sessions brought to a replica, then the reviewer say which of the rows
/// it accepts. [`sync_with`](super::sync_with) does that by itself; who carries the bytes of a
/// [`Driver`](super::Driver) in another way does it at the end of each session.
///
/// ```
/// # use reunite::{Database, replicate, row};
/// use reunite::replicate::{Driver, Policies, Policy, State, apply_policies};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
/// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
/// let policies = Policies::new(Policy::RenameDestination);
/// let mut source = Driver::open(&a, true, false)?;
/// let mut destination = Driver::accept(&b, false, true)?.with_policies(&policies)?;
/// loop {
///     match (source.step(), destination.step()) {
///         (State::Finished(source), State::Finished(destination)) => break (source?, destination?),
///         (sent, answered) => {
///             if let State::Send(message) = sent { destination.receive(&message) }
///             if let State::Send(message) = answered { source.receive(&message) }
///         }
///     }
/// };
/// assert_eq!(apply_policies(&b, &policies)?.decisions.made, 1);
/// assert_eq!(b.read()?.table("customer")?.len()?, 2); // the next session takes that to `a`
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the storage fails. What was decided before stays, and the rest is decided the next time.
pub fn apply_policies(db: &Database, policies: &Policies) -> Result<Outcome, Error> {
    let decisions = decide(db, policies)?;
    let reviews = policies.reviewer().map(|reviewer| review(db, reviewer)).transpose()?;
    Ok(Outcome { decisions, reviews: reviews.unwrap_or_default() })
}

/// Decides the conflicts that sessions brought to a replica.
fn decide(db: &Database, policies: &Policies) -> Result<Decisions, Error> {
    if policies.is_automatic() {
        return Ok(Decisions::default());
    }
    let (endpoint, reviewed) = (Endpoint::new(db), policies.reviewer().is_some());
    let mut deciding = Deciding {
        db,
        endpoint,
        reviewed,
        settled: BTreeMap::new(),
        done: Decisions::default(),
        slow: false,
    };
    for id in deciding.endpoint.undecided()? {
        // An earlier decision may have changed what it is about, or closed it.
        if let Some(undecided) = deciding.endpoint.undecided_conflict(id)? {
            deciding.one(&undecided, policies.of(&undecided.conflict))?;
        }
    }
    deciding.store_settled()?;
    Ok(deciding.done)
}

struct Deciding<'a> {
    db: &'a Database,
    endpoint: Endpoint,
    /// Whether somebody is asked afterwards about the rows that change.
    reviewed: bool,
    /// The conflicts that no policy has to do with any more, and whether they count as decided. They are stored in
    /// one commit, before the next outcome: that may close one, and it must be known then that it was decided.
    settled: BTreeMap<ConflictId, bool>,
    done: Decisions,
    /// A handler took too long. It is not asked again in this session: its threads may be stuck.
    slow: bool,
}

impl Deciding<'_> {
    fn one(&mut self, undecided: &Undecided, policy: &Policy) -> Result<(), Error> {
        let conflict = &undecided.conflict;
        let decided = conflict.loser.decided && conflict.winner.as_ref().is_some_and(|winner| winner.decided);
        if decided && !planted(Bug::DecideDecisions) {
            self.settle(conflict.id, true);
            return Ok(());
        }
        let action = match policy {
            // The rules of the table have decided it.
            Policy::Automatic => {
                self.settle(conflict.id, false);
                return Ok(());
            }
            Policy::SourceWins => Action::KeepSource,
            Policy::DestinationWins => Action::KeepDestination,
            Policy::Merge => Action::Merge,
            Policy::RenameSource => Action::RenameSource(None),
            Policy::RenameDestination => Action::RenameDestination(None),
            Policy::Skip => Action::Skip,
            Policy::Defer => Action::Defer,
            Policy::Handler(_) if self.slow => Action::Defer,
            Policy::Handler(handler) => match ask(handler, self.case(undecided)?) {
                Answer::Given(action) => action,
                Answer::Failed => Action::Defer,
                Answer::TookTooLong => {
                    self.slow = true;
                    Action::Defer
                }
            },
        };
        self.carry_out(undecided, action, matches!(policy, Policy::Handler(_)))
    }

    fn case(&self, undecided: &Undecided) -> Result<Case, Error> {
        let conflict = undecided.conflict.clone();
        let (loser, winner) = (Some(conflict.loser.clone()), conflict.winner.clone());
        let (source, destination) = if undecided.loser_came { (loser, winner) } else { (winner, loser) };
        Ok(Case { conflict, source, destination, data: self.db.read()? })
    }

    fn carry_out(&mut self, undecided: &Undecided, action: Action, handled: bool) -> Result<(), Error> {
        let id = undecided.conflict.id;
        match action {
            Action::Skip => {
                self.settle(id, true);
                return Ok(());
            }
            Action::Defer => {
                self.done.deferred += 1;
                return Ok(());
            }
            _ => {}
        }
        match self.write(undecided, action) {
            Ok(true) => self.done.made += 1,
            // The policy says nothing about conflicts of this kind.
            Ok(false) if !handled => self.settle(id, false),
            Err(error) if error.is_retryable() => self.done.deferred += 1,
            Err(WriteError::Storage(error)) if !matches!(error, Error::Limit { .. }) => return Err(error),
            Ok(false) | Err(_) => {
                self.done.refused += 1;
                self.settle(id, true);
            }
        }
        Ok(())
    }

    fn settle(&mut self, conflict: ConflictId, decided: bool) {
        self.settled.insert(conflict, decided);
    }

    fn store_settled(&mut self) -> Result<(), Error> {
        self.endpoint.settle_marks(&std::mem::take(&mut self.settled))
    }

    /// Writes an outcome; false if there is none for such a conflict.
    fn write(&mut self, undecided: &Undecided, action: Action) -> Result<bool, WriteError> {
        self.store_settled()?;
        let mut tx = self.db.begin_decision(undecided.conflict.id, self.reviewed)?;
        if !outcome(&mut tx, undecided, action)? {
            return Ok(false);
        }
        tx.commit()?;
        Ok(true)
    }
}

fn outcome(tx: &mut Transaction, undecided: &Undecided, action: Action) -> Result<bool, WriteError> {
    let (conflict, id) = (&undecided.conflict, undecided.conflict.id);
    let unique = conflict.kind == Kind::Unique;
    let resolution = match action {
        Action::KeepSource => return keep(tx, conflict, undecided.loser_came),
        Action::KeepDestination => return keep(tx, conflict, !undecided.loser_came),
        Action::RenameSource(key) if unique => return rename(tx, conflict, undecided.loser_came, key),
        Action::RenameDestination(key) if unique => return rename(tx, conflict, !undecided.loser_came, key),
        Action::MergeWith(row) => {
            tx.table(&conflict.table)?.merge(conflict.row, row)?;
            return Ok(true);
        }
        Action::Merge if unique => ResolveWith::Merge,
        Action::Set(values) => ResolveWith::Set(values),
        Action::Reparent(values) => ResolveWith::Reparent(values),
        Action::RestoreParent => ResolveWith::RestoreParent,
        Action::Delete => ResolveWith::Delete,
        _ => return Ok(false),
    };
    tx.resolve(id, resolution)?;
    Ok(true)
}

/// One side holds: the one that lost by the rules of the table, or the other.
fn keep(tx: &mut Transaction, conflict: &ConflictRow, loser: bool) -> Result<bool, WriteError> {
    let resolution = match (conflict.kind, loser) {
        (Kind::Update | Kind::DeleteUpdate | Kind::UpdateDelete | Kind::Identity, true) => {
            ResolveWith::KeepLoser
        }
        (Kind::Update | Kind::DeleteUpdate | Kind::UpdateDelete | Kind::Identity, false) => {
            ResolveWith::KeepWinner
        }
        (Kind::Unique, true) => ResolveWith::Prefer,
        (Kind::Unique, false) => {
            let Some(holder) = conflict.others.first() else { return Ok(false) };
            tx.table(&conflict.table)?.prefer(*holder)?;
            return Ok(true);
        }
        (Kind::DeleteRi, true) => ResolveWith::RestoreParent,
        (Kind::DeleteRi, false) => ResolveWith::Delete,
        (Kind::UpdateRi, false) => match new_key_of_parent(tx, conflict)? {
            Some(key) => ResolveWith::Reparent(key),
            None => return Ok(false),
        },
        // The parent's key is not changed back; what bars the parent is another conflict; a rule has no side.
        (Kind::UpdateRi, true) | (Kind::ForeignKey | Kind::Validation, _) => return Ok(false),
    };
    tx.resolve(conflict.id, resolution)?;
    Ok(true)
}

/// Gives one of two rows that clash another key.
fn rename(
    tx: &mut Transaction,
    conflict: &ConflictRow,
    loser: bool,
    key: Option<Row>,
) -> Result<bool, WriteError> {
    let Some(holder) = conflict.others.first().copied() else { return Ok(false) };
    let row = if loser { conflict.row } else { holder };
    let key = match key {
        Some(key) => key,
        None => match made_up_key(tx, conflict, row, loser)? {
            Some(key) => key,
            None => return Ok(false),
        },
    };
    if loser {
        tx.resolve(conflict.id, ResolveWith::Rename(key))?;
    } else {
        tx.table(&conflict.table)?.update(row, key)?;
    }
    Ok(true)
}

fn made_up_key(
    tx: &Transaction,
    conflict: &ConflictRow,
    row: RowId,
    loser: bool,
) -> Result<Option<Row>, WriteError> {
    let table = tx.read_table(&conflict.table)?;
    let definition = table.definition();
    let name = conflict.constraint.as_deref();
    let Some(key) = definition.keys.iter().find(|key| Some(key.name.as_str()) == name) else {
        return Ok(None);
    };
    let shown = match &conflict.loser.image {
        Image::Values(values) if loser => Some(values.clone()),
        _ => table.get(row)?,
    };
    Ok(shown.and_then(|shown| fresh_key(definition, key, &shown, row)))
}

/// What a row that refers by value has to say, to refer to the parent under its new key.
fn new_key_of_parent(tx: &Transaction, conflict: &ConflictRow) -> Result<Option<Row>, WriteError> {
    let schema = tx.schema();
    let name = conflict.constraint.as_deref();
    let found = schema.table(&conflict.table).and_then(|table| {
        let foreign = table.foreign_keys.iter().find(|foreign| Some(foreign.name.as_str()) == name)?;
        Some((table, foreign, schema.table_by_id(foreign.parent)?))
    });
    let (Some((table, foreign, parent)), Some(row)) = (found, conflict.others.first()) else {
        return Ok(None);
    };
    let Some(shown) = tx.read_table(&parent.name)?.get(*row)? else { return Ok(None) };
    let Some((_, Constraint::Key(key))) = schema.constraint(foreign.key) else { return Ok(None) };
    let mut values = Row::new();
    for (column, from) in foreign.columns.iter().zip(&key.columns) {
        if let (Some(column), Some(from)) = (table.columns.get(*column), parent.columns.get(*from)) {
            values.set(&column.name, shown.get(&from.name).cloned().unwrap_or_default());
        }
    }
    Ok(Some(values))
}
