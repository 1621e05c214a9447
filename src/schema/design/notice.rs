//! What people should know of a design: what two masters did at once, and what became of it.
//!
//! A notice goes by itself when a later amendment was made that knew all that it is about.

use std::fmt;

use super::fold::{Effect, Unfit};
use super::{Amendment, Design, Operation};
use crate::ids::{Dot, ReplicaId};

/// Something about the schema that nobody asked for.
///
/// ```
/// use reunite::schema::Notice;
/// use reunite::{Database, replicate};
/// // Two replicas that were made apart each take themselves for the design master.
/// let sql = "CREATE TABLE tag (name TEXT)";
/// let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// a.alter("ALTER TABLE tag ADD COLUMN color TEXT")?;
/// b.alter("ALTER TABLE tag ADD COLUMN color INTEGER")?;
/// replicate::sync(&a, &b)?;
/// assert_eq!(a.schema().to_sql(), b.schema().to_sql()); // color and color_2
/// assert!(matches!(a.design().notices[..], [Notice::TwoMasters { .. }, Notice::Renamed { .. }]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// Two replicas changed the schema without knowing of each other. Their changes are joined.
    TwoMasters {
        /// The last change of the design master.
        master: Dot,
        /// The last change of the other one.
        other: Dot,
    },
    /// A name was taken by something that another replica made.
    Renamed {
        /// The change.
        change: Dot,
        /// What is named: `table`, `column`, `constraint` or `index`.
        what: &'static str,
        /// The name that it was to have.
        from: String,
        /// The name that it has.
        to: String,
    },
    /// A constraint went along with something that it needed.
    Dropped {
        /// The change.
        change: Dot,
        /// The table that had the constraint.
        table: String,
        /// Its name.
        constraint: String,
    },
    /// A part of a change does nothing.
    Skipped {
        /// The change.
        change: Dot,
        /// What it was to do.
        what: String,
        /// Why it does nothing.
        reason: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = |change: &Dot| format!("schema change {} of replica {}", change.seq, change.replica);
        match self {
            Notice::TwoMasters { master, other } => write!(
                f,
                "replicas {} and {} changed the schema without knowing of each other; their changes are joined",
                master.replica, other.replica
            ),
            Notice::Renamed { change, what, from, to } => {
                write!(
                    f,
                    "{} gives a {what} the name {from:?}, which was taken: it is called {to:?}",
                    by(change)
                )
            }
            Notice::Dropped { change, table, constraint } => {
                write!(
                    f,
                    "{} drops what constraint {constraint:?} of table {table:?} needs: it went along",
                    by(change)
                )
            }
            Notice::Skipped { change, what, reason } => write!(f, "{} was to {what}: {reason}", by(change)),
        }
    }
}

/// What is to be said of an operation that was applied.
pub(super) fn of(amendment: &Amendment, operation: &Operation, done: Result<Effect, Unfit>) -> Vec<Notice> {
    let change = amendment.id;
    match done {
        Ok(effect) => {
            let renamed = effect.renamed.map(|(what, from, to)| Notice::Renamed { change, what, from, to });
            let swept = effect.swept.into_iter();
            let dropped = swept.map(|(table, constraint)| Notice::Dropped { change, table, constraint });
            renamed.into_iter().chain(dropped).collect()
        }
        Err(unfit) => {
            vec![Notice::Skipped { change, what: operation.describe(), reason: unfit.reason() }]
        }
    }
}

impl Design {
    /// The last changes of replicas that did not know of each other, and of which nobody knew since.
    pub(super) fn concurrent(&self) -> Vec<Notice> {
        let known = |id: Dot| self.amendments.values().any(|amendment| amendment.knew(id));
        let heads: Vec<Dot> = self.known().iter().map(|(replica, seq)| Dot { replica, seq }).collect();
        let heads: Vec<Dot> = heads.into_iter().filter(|id| !known(*id)).collect();
        let master: Option<ReplicaId> = self.master().map(|mastership| mastership.replica);
        let first = heads.iter().find(|id| Some(id.replica) == master).or(heads.first());
        let Some(first) = first.copied() else { return Vec::new() };
        let others = heads.iter().filter(|id| **id != first);
        others.map(|other| Notice::TwoMasters { master: first, other: *other }).collect()
    }
}
