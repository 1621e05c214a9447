//! Commands that bring replicas together, and the assertion that they agree.

use std::sync::Arc;
use std::time::Duration;

use super::read::rows_of;
use super::replica::Replica;
use super::{Answer, World};
use crate::inspect::{conflict_json, preview_json};
use crate::replicate::{
    Decisions, Direction, Options, Patience, Policies, Reviews, Summary, Timer, preview_with, sync_with,
};
use crate::script::command::SessionPolicies;
use crate::script::failure::Failure;
use crate::script::names::ScriptNames;
use crate::sync::SyncError;

/// The most rounds of `sync all`. Two replicas need one, and each further one at most one more.
const MAX_ROUNDS: usize = 100;

impl World {
    /// `sync a b`, `sync a -> b`: with `cut`, the session breaks after so many bytes.
    pub(super) fn sync(
        &mut self,
        (first, second): (usize, usize),
        one_way: bool,
        cut: Option<u64>,
        policies: &SessionPolicies,
    ) -> Answer {
        let policies = policies.policies();
        let (a, b) = (self.replica(first)?.name.clone(), self.replica(second)?.name.clone());
        let arrow = if one_way { " ->" } else { "" };
        let moved = match self.session(first, second, one_way, cut, policies) {
            Ok(summary) => {
                let (there, back) = (&summary.second, &summary.first);
                let rows = match one_way {
                    true => rows(there.received.rows),
                    false => {
                        format!("{} to {b}, {} to {a}", rows(there.received.rows), rows(back.received.rows))
                    }
                };
                rows + &decided(summary.decisions)
                    + &reviewed(summary.reviews)
                    + &schema_changes(there.schema_received, &b)
                    + &schema_changes(back.schema_received, &a)
            }
            Err(Broken::Cut) => format!("broken off after {} bytes", cut.unwrap_or_default()),
            Err(Broken::Failed(failure)) => return Err(failure),
        };
        Ok(format!("sync {a}{arrow} {b}: {moved}\n"))
    }

    /// Rounds over all pairs, in the order of the replicas, until one moves nothing.
    pub(super) fn sync_all(&mut self) -> Answer {
        let count = self.replicas.len();
        let mut total = 0;
        for round in 1..=MAX_ROUNDS {
            let mut moved = false;
            for first in 0..count {
                for second in first + 1..count {
                    match self.session(first, second, false, None, Policies::default()) {
                        Ok(summary) => {
                            moved |= summary.first.moved();
                            total += summary.first.received.rows + summary.second.received.rows;
                        }
                        Err(Broken::Failed(failure)) => return Err(failure),
                        Err(Broken::Cut) => {}
                    }
                }
            }
            if !moved {
                let rounds = if round == 1 { "1 round".to_owned() } else { format!("{round} rounds") };
                return Ok(format!("sync all: {} in {rounds}\n", rows(total)));
            }
        }
        Err(Failure::new("limit", format!("rows still move after {MAX_ROUNDS} rounds over all replicas")))
    }

    /// What `sync a -> b` would do to b.
    pub(super) fn preview(&mut self, from: usize, to: usize, policies: &SessionPolicies) -> Answer {
        let (from, to) = (self.replica(from)?.db.clone(), self.replica(to)?.db.clone());
        let (direction, policies) = (Direction::Push, policies.policies());
        let options = Options { direction, policies, patience: patience(), ..Options::default() };
        let preview = preview_with(&from, &to, options)?.second;
        Ok(format!("{}\n", preview_json(&preview, &self.names)))
    }

    fn session(
        &mut self,
        first: usize,
        second: usize,
        one_way: bool,
        cut: Option<u64>,
        policies: Policies,
    ) -> Result<Summary, Broken> {
        let writers = if one_way { vec![second] } else { vec![first, second] };
        for replica in writers {
            let replica = self.replica(replica)?;
            if replica.transaction.is_some() {
                let message =
                    format!("{} has an open transaction: commit it or roll it back first", replica.name);
                return Err(Failure::new("locked", message).into());
            }
        }
        let (a, b) = (self.replica(first)?.db.clone(), self.replica(second)?.db.clone());
        let direction = if one_way { Direction::Push } else { Direction::Both };
        let options =
            Options { direction, cut_after: cut, patience: patience(), policies, ..Options::default() };
        sync_with(&a, &b, options).map_err(|error| match error {
            SyncError::Interrupted { .. } if cut.is_some() => Broken::Cut,
            error => Broken::Failed(error.into()),
        })
    }

    /// Every replica: equal knowledge, tables, conflict tables and facts.
    pub(super) fn converged(&mut self) -> Answer {
        let Some((first, others)) = self.replicas.split_first() else { return Ok("converged\n".to_owned()) };
        let expected = State::of(first, &self.names)?;
        for other in others {
            if let Some(what) = expected.difference(&State::of(other, &self.names)?) {
                let (a, b) = (&first.name, &other.name);
                return Err(Failure::new("not-converged", format!("{a} and {b} differ in {what}")));
            }
        }
        Ok("converged\n".to_owned())
    }
}

/// A session of a script waits for a lock as any other, but in no time: nothing can happen meanwhile.
fn patience() -> Patience {
    Patience { timer: Arc::new(InNoTime), ..Patience::default() }
}

#[derive(Debug)]
struct InNoTime;

impl Timer for InNoTime {
    fn sleep(&self, _: Duration) {}
}

/// Why a session did not end well.
enum Broken {
    /// It broke where the script said.
    Cut,
    Failed(Failure),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Broken {
        Broken::Failed(failure)
    }
}

/// What replicas that have converged have in common.
struct State {
    knowledge: String,
    tables: Vec<(String, String)>,
    conflicts: Vec<String>,
    digest: [u8; 16],
    schema: [u8; 16],
}

impl State {
    fn of(replica: &Replica, names: &ScriptNames) -> Result<State, Failure> {
        let snapshot = replica.db.read()?;
        let mut tables = Vec::new();
        for table in snapshot.schema().tables().iter().filter(|table| table.replicate) {
            let rows = rows_of(&snapshot.table(&table.name)?)?;
            let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
            tables.push((table.name.clone(), rows.join("\n")));
        }
        let mut conflicts = replica.conflicts(None, names)?;
        conflicts.retain(|conflict| tables.iter().any(|(name, _)| *name == conflict.table));
        Ok(State {
            knowledge: format!("{:?}", snapshot.knowledge()?),
            tables,
            conflicts: conflicts.iter().map(|conflict| conflict_json(conflict, names).to_string()).collect(),
            digest: replica.db.digest()?,
            schema: replica.db.schema().digest(),
        })
    }

    /// The first thing in which two states differ.
    fn difference(&self, other: &State) -> Option<String> {
        if self.knowledge != other.knowledge {
            return Some("what they know: sync them first".to_owned());
        }
        if self.schema != other.schema {
            return Some("their schemas".to_owned());
        }
        let differing = self.tables.iter().zip(&other.tables).find(|(mine, theirs)| mine != theirs);
        if let Some(((name, _), _)) = differing {
            return Some(format!("table {name}"));
        }
        if self.conflicts != other.conflicts {
            return Some("their conflicts".to_owned());
        }
        (self.digest != other.digest).then(|| "their facts, though tables and conflicts are equal".to_owned())
    }
}

/// What policies did, if they did anything.
fn decided(decisions: Decisions) -> String {
    let Decisions { made, refused, deferred } = decisions;
    let all = [(made, "decided"), (refused, "refused"), (deferred, "deferred")];
    let some = all.into_iter().filter(|(count, _)| *count > 0);
    some.map(|(count, what)| format!("; {count} {what}")).collect()
}

/// What a reviewer said, if it was asked.
fn reviewed(reviews: Reviews) -> String {
    let Reviews { accepted, refused, unanswered } = reviews;
    let all = [(accepted, "accepted"), (refused, "refused"), (unanswered, "unanswered")];
    let some: Vec<String> = all
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if some.is_empty() { String::new() } else { format!("; review: {}", some.join(", ")) }
}

fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

/// `; 1 schema change to b`, if there were any.
fn schema_changes(count: u64, to: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!("; 1 schema change to {to}"),
        _ => format!("; {count} schema changes to {to}"),
    }
}
