//! The handlers that scripts can name: each shows one thing that a program may do about a conflict.

use std::sync::Arc;
use std::time::Duration;

use crate::db::{Image, Row};
use crate::derive::Kind;
use crate::replicate::{Action, Case, ConflictHandler, HandlerError, Policies, Policy};
use crate::value::Value;

/// The names of the handlers.
pub(super) const NAMES: [&str; 6] = ["join", "attach", "keep-source", "fails", "panics", "slow"];

/// The policies of a session with the handler of this name.
pub(super) fn handled_by(name: &str) -> Policies {
    let handler: Arc<dyn ConflictHandler> = match name {
        "attach" => Arc::new(Attach),
        "keep-source" => Arc::new(KeepSource),
        "fails" => Arc::new(Fails),
        "panics" => Arc::new(Panics),
        "slow" => Arc::new(Slow),
        _ => Arc::new(Join),
    };
    Policies::new(Policy::Handler(handler))
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

/// Refuses: a limit of the destination, or a rule of its business.
struct Fails;

impl ConflictHandler for Fails {
    fn decide(&self, _: &Case) -> Result<Action, HandlerError> {
        Err("the credit limit is exceeded".into())
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
