//! What a check can find, in types and in plain words.

use std::fmt;

use crate::derive::{Kind, Status};
use crate::error::Error;
use crate::ids::{ConflictId, Dot, ReplicaId, RowId, Seq, UnitId};
use crate::value::Type;

/// After so many findings a check stops: the first ones say what happened.
pub const MAX_FINDINGS: usize = 1000;

/// Something that is wrong in a database.
///
/// ```
/// use reunite::store::{Finding, Problem};
/// let finding = Finding {
///     table: Some("orders".to_string()),
///     row: None,
///     problem: Problem::WrongCount { what: "visible", stored: 3, counted: 2 },
/// };
/// assert_eq!(finding.to_string(), "table orders: it is said to have 3 visible rows, and has 2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In which table; none if it concerns no table, or one that is not in the schema.
    pub table: Option<String>,
    /// In which row.
    pub row: Option<RowId>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong.
///
/// See [`Finding`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A record makes no sense, or names what is not there.
    Unreadable {
        /// Which record.
        record: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The row has a unit that its table does not have.
    UnknownUnit {
        /// The unit.
        unit: UnitId,
    },
    /// A stored value does not have its column's type.
    WrongType {
        /// The column.
        column: String,
        /// The column's type.
        expected: Type,
    },
    /// A unit names a row for a foreign key that it does not hold.
    WrongReference {
        /// The unit.
        unit: UnitId,
    },
    /// The key that names the row gives another row id.
    Misnamed,
    /// A change of a table that replicates is numbered like one of a local table, or the reverse.
    ForeignChange {
        /// The change.
        dot: Dot,
    },
    /// A change that was made here is not in this replica's knowledge.
    UnknownOwnChange {
        /// The change.
        dot: Dot,
    },
    /// A change is later than the time that this replica's clock continues from.
    LateChange {
        /// The change.
        dot: Dot,
    },
    /// The row's status is not what its facts give.
    WrongStatus {
        /// What is stored.
        stored: Status,
        /// What is right.
        derived: Status,
    },
    /// The row shows a key of another row that this does not have.
    WrongFollowed {
        /// The columns that are stored or right, but not both.
        columns: Vec<String>,
    },
    /// The stored conflicts of the row are not what its facts give.
    WrongConflicts {
        /// Those that are stored or right, but not both.
        conflicts: Vec<ConflictId>,
    },
    /// An entry of an index or a list is missing.
    MissingEntry {
        /// Of what.
        entry: String,
    },
    /// An entry of an index or a list says something else than the row.
    WrongEntry {
        /// Of what.
        entry: String,
    },
    /// An entry of an index or a list has no row that it belongs to.
    UnjustifiedEntry {
        /// Of what.
        entry: String,
    },
    /// The change log lacks changes that are said to be known.
    LogGap {
        /// Whose changes.
        replica: ReplicaId,
        /// The first that is missing.
        first: Seq,
        /// The last that is missing.
        last: Seq,
    },
    /// The change log lists a change that is not known.
    LogBeyondKnowledge {
        /// The change.
        dot: Dot,
    },
    /// The change log lists a change under another row than the one that has taken it in.
    LogWrongRow {
        /// The change.
        dot: Dot,
    },
    /// The change log gives a change another time than the row does.
    LogWrongTime {
        /// The change.
        dot: Dot,
    },
    /// The change log lists a change of a table that never leaves this replica.
    LogLocal {
        /// The change.
        dot: Dot,
    },
    /// A live change that is known is not in the change log.
    Unlogged {
        /// The change.
        dot: Dot,
    },
    /// A row count is wrong.
    WrongCount {
        /// Which: visible, parked or merging.
        what: &'static str,
        /// What is stored.
        stored: u64,
        /// What was counted.
        counted: u64,
    },
    /// A count of conflicts is wrong.
    WrongConflictCount {
        /// Of which kind.
        kind: Kind,
        /// On which day the losing changes were made, counted from 1970-01-01.
        day: u32,
        /// What is stored.
        stored: u64,
        /// What was counted.
        counted: u64,
    },
    /// A closed conflict does not have the place that it is remembered under.
    MisplacedClosed {
        /// The conflict.
        conflict: ConflictId,
    },
    /// The count of closed conflicts that are remembered is wrong.
    WrongClosedCount {
        /// How many it should be by the count that is stored.
        stored: u64,
        /// How many there are.
        counted: u64,
    },
    /// The count of notes about open conflicts is wrong.
    WrongMarkCount {
        /// What is stored.
        stored: u64,
        /// What was counted.
        counted: u64,
    },
    /// The list of replicas has a gap, or names one twice.
    WrongReplica {
        /// The number in question.
        number: u32,
    },
    /// A key that nothing stored has.
    UnknownKey {
        /// The key in hexadecimal digits.
        key: String,
    },
    /// There are more findings than a check reports.
    More,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.table, self.row) {
            (Some(table), Some(row)) => write!(f, "table {table}, row {row}: ")?,
            (Some(table), None) => write!(f, "table {table}: ")?,
            (None, Some(row)) => write!(f, "row {row}: ")?,
            (None, None) => {}
        }
        self.problem.fmt(f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Unreadable { record, reason } => write!(f, "the {record} cannot be read: {reason}"),
            Problem::UnknownUnit { unit } => write!(f, "it has a unit {}, which the table has not", unit.0),
            Problem::WrongType { column, expected } => {
                write!(f, "column {column} holds what is not a {expected}")
            }
            Problem::Misnamed => f.write_str("its key names another row"),
            Problem::WrongReference { unit } => {
                write!(f, "unit {} names a row for a foreign key that it does not hold", unit.0)
            }
            Problem::ForeignChange { dot } => {
                write!(f, "change {dot} is numbered as one of a table of another kind: local or replicated")
            }
            Problem::UnknownOwnChange { dot } => {
                write!(f, "change {dot} was made here, but is not in the knowledge")
            }
            Problem::LateChange { dot } => write!(f, "change {dot} is later than the stored time"),
            Problem::WrongStatus { stored, derived } => {
                write!(f, "it is stored as {}, and is {}", name(*stored), name(*derived))
            }
            Problem::WrongFollowed { columns } => {
                write!(
                    f,
                    "{} does not show the key of the row it refers to, or the value of a row merged into it",
                    columns.join(", ")
                )
            }
            Problem::WrongConflicts { conflicts } => {
                let ids: Vec<String> = conflicts.iter().map(ToString::to_string).collect();
                write!(f, "the stored conflicts are wrong in {}", ids.join(", "))
            }
            Problem::MissingEntry { entry } => write!(f, "its entry in {entry} is missing"),
            Problem::WrongEntry { entry } => write!(f, "its entry in {entry} is wrong"),
            Problem::UnjustifiedEntry { entry } => write!(f, "{entry} has an entry that no row justifies"),
            Problem::LogGap { replica, first, last } if first == last => {
                write!(f, "the change log lacks change {first} of replica {replica}")
            }
            Problem::LogGap { replica, first, last } => {
                write!(f, "the change log lacks the changes {first} to {last} of replica {replica}")
            }
            Problem::LogBeyondKnowledge { dot } => {
                write!(f, "the change log lists change {dot}, which is not known")
            }
            Problem::LogWrongRow { dot } => write!(f, "the change log lists change {dot} under a wrong row"),
            Problem::LogWrongTime { dot } => {
                write!(f, "the change log lists change {dot} with a wrong time")
            }
            Problem::LogLocal { dot } => {
                write!(f, "the change log lists change {dot} of a table that never leaves this replica")
            }
            Problem::Unlogged { dot } => write!(f, "change {dot} is not in the change log"),
            Problem::WrongCount { what, stored, counted } => {
                write!(f, "it is said to have {stored} {what} rows, and has {counted}")
            }
            Problem::WrongConflictCount { kind, day, stored, counted } => {
                let kind = kind.name();
                write!(f, "it is said to have {stored} {kind} conflicts of day {day}, and has {counted}")
            }
            Problem::MisplacedClosed { conflict } => {
                write!(f, "the closed conflict {conflict} and its place do not belong together")
            }
            Problem::WrongClosedCount { stored, counted } => {
                write!(f, "{stored} closed conflicts should be remembered, and {counted} are")
            }
            Problem::WrongMarkCount { stored, counted } => {
                write!(f, "something should be noted of {stored} open conflicts, and is of {counted}")
            }
            Problem::WrongReplica { number } => {
                write!(f, "the list of replicas is not right at number {number}")
            }
            Problem::UnknownKey { key } => write!(f, "there is a key that nothing stored has: {key}"),
            Problem::More => write!(f, "there is more: the check stopped after {MAX_FINDINGS} findings"),
        }
    }
}

const fn name(status: Status) -> &'static str {
    match status {
        Status::Visible => "visible",
        Status::Parked => "parked",
        Status::Dead => "deleted",
        Status::Merged => "merged",
    }
}

/// Why a check ends early.
pub(super) enum Stop {
    /// There is enough to report.
    Enough,
    /// The storage failed.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add(
        &mut self,
        table: Option<&str>,
        row: Option<RowId>,
        problem: Problem,
    ) -> Result<(), Stop> {
        let table = table.map(str::to_string);
        if self.0.len() == MAX_FINDINGS {
            self.0.push(Finding { table: None, row: None, problem: Problem::More });
            return Err(Stop::Enough);
        }
        self.0.push(Finding { table, row, problem });
        Ok(())
    }

    /// What was read, or a finding in its place if the bytes make no sense. Other errors end the check.
    pub(super) fn read<T>(
        &mut self,
        table: Option<&str>,
        row: Option<RowId>,
        record: &str,
        read: Result<T, Error>,
    ) -> Result<Option<T>, Stop> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(Error::Corrupt { what: reason }) => {
                self.add(table, row, Problem::Unreadable { record: record.to_string(), reason })?;
                Ok(None)
            }
            Err(error) => Err(Stop::Failed(error)),
        }
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.0
    }
}
