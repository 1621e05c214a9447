//! The handlers and reviewers that scripts can name: each shows one thing that a program may do about a conflict,
//! or about a row that came.

use std::sync::Arc;
use std::time::Duration;

use crate::db::{Image, Row};
use crate::derive::Kind;
use crate::replicate::{
    Action, Arrival, Case, ConflictHandler, HandlerError, Policies, Policy, Reviewer, Verdict,
};
use crate::script::command::SessionPolicies;
use crate::value::Value;

/// The names of the handlers.
pub(super) const HANDLERS: [&str; 6] = ["join", "attach", "keep-source", "fails", "panics", "slow"];

/// The names of the reviewers.
pub(super) const REVIEWERS: [&str; 4] = ["limit", "fails", "panics", "slow"];

impl SessionPolicies {
    /// The policies that a script means.
    pub(super) fn policies(&self) -> Policies {
        let policies = match &self.handler {
            Some(name) => Policies::new(Policy::Handler(handler(name))),
            // Parsing has spelled them.
            None => Policies::spelled(self.words.iter().map(String::as_str)).unwrap_or_default(),
        };
        match &self.reviewer {
            Some(name) => policies.reviewed_by(reviewer(name)),
            None => policies,
        }
    }
}

fn handler(name: &str) -> Arc<dyn ConflictHandler> {
    match name {
        "attach" => Arc::new(Attach),
        "keep-source" => Arc::new(KeepSource),
        "fails" => Arc::new(Fails),
        "panics" => Arc::new(Panics),
        "slow" => Arc::new(Slow),
        _ => Arc::new(Join),
    }
}

fn reviewer(name: &str) -> Arc<dyn Reviewer> {
    match name {
        "fails" => Arc::new(Fails),
        "panics" => Arc::new(Panics),
        "slow" => Arc::new(Slow),
        _ => Arc::new(Limit),
    }
}

/// So long that only a handler that is stuck needs more: what a script prints must not depend on the machine.
const LONG: Duration = Duration::from_secs(60);

/// Joins the texts of both sides; leaves everything else to people.
struct Join;

impl ConflictHandler for Join {
    fn decide(&self, case: &Case) -> Result<Action, HandlerError> {
        let images = [&case.destination, &case.source].map(|side| side.as_ref().map(|side| &side.image));
        let [Some(Image::Values(ours)), Some(Image::Values(theirs))] = images else {
            return Ok(Action::Defer);
        };
        if case.conflict.kind != Kind::Update {
            return Ok(Action::Defer);
        }
        let mut joined = Row::new();
        for column in &case.conflict.units {
            if let (Some(Value::Text(ours)), Some(Value::Text(theirs))) =
                (ours.get(column), theirs.get(column))
            {
                joined.set(column, format!("{ours} / {theirs}"));
            }
        }
        Ok(if joined.is_empty() { Action::Defer } else { Action::Set(joined) })
    }

    fn budget(&self) -> Duration {
        LONG
    }
}

/// Says that rows that clash are the same: the one becomes the other.
struct Attach;

impl ConflictHandler for Attach {
    fn decide(&self, case: &Case) -> Result<Action, HandlerError> {
        let same = case.conflict.others.first().filter(|_| case.conflict.kind == Kind::Unique);
        Ok(same.map_or(Action::Skip, |row| Action::MergeWith(*row)))
    }

    fn budget(&self) -> Duration {
        LONG
    }
}

/// What the source has, holds.
struct KeepSource;

impl ConflictHandler for KeepSource {
    fn decide(&self, _: &Case) -> Result<Action, HandlerError> {
        Ok(Action::KeepSource)
    }

    fn budget(&self) -> Duration {
        LONG
    }
}

/// Fails.
struct Fails;

impl ConflictHandler for Fails {
    fn decide(&self, _: &Case) -> Result<Action, HandlerError> {
        Err("the program has lost its connection".into())
    }

    fn budget(&self) -> Duration {
        LONG
    }
}

impl Reviewer for Fails {
    fn review(&self, _: &Arrival) -> Result<Verdict, HandlerError> {
        Err("the program has lost its connection".into())
    }

    fn budget(&self) -> Duration {
        LONG
    }
}

/// Has a mistake in it.
struct Panics;

impl ConflictHandler for Panics {
    fn decide(&self, _: &Case) -> Result<Action, HandlerError> {
        std::panic::resume_unwind(Box::new("a mistake in the handler"))
    }

    fn budget(&self) -> Duration {
        LONG
    }
}

impl Reviewer for Panics {
    fn review(&self, _: &Arrival) -> Result<Verdict, HandlerError> {
        std::panic::resume_unwind(Box::new("a mistake in the reviewer"))
    }

    fn budget(&self) -> Duration {
        LONG
    }
}

/// Is never done in time.
struct Slow;

impl ConflictHandler for Slow {
    fn decide(&self, _: &Case) -> Result<Action, HandlerError> {
        std::thread::sleep(LONG);
        Ok(Action::KeepSource)
    }

    fn budget(&self) -> Duration {
        Duration::from_millis(20)
    }
}

impl Reviewer for Slow {
    fn review(&self, _: &Arrival) -> Result<Verdict, HandlerError> {
        std::thread::sleep(LONG);
        Ok(Verdict::Accept)
    }

    fn budget(&self) -> Duration {
        Duration::from_millis(20)
    }
}

/// The most credit that the replica gives to anybody.
const CREDIT: i64 = 1000;

/// Refuses rows with a greater `credit` than that.
struct Limit;

impl Reviewer for Limit {
    fn review(&self, arrival: &Arrival) -> Result<Verdict, HandlerError> {
        let credit = arrival.values.get("credit").and_then(Value::as_integer);
        Ok(match credit.filter(|credit| *credit > CREDIT) {
            Some(credit) => Verdict::Refuse { reason: format!("a credit of {credit} is over {CREDIT}") },
            None => Verdict::Accept,
        })
    }

    fn budget(&self) -> Duration {
        LONG
    }
}
