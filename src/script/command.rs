//! A script as data: what `parse` makes and `run` runs. Replicas are named by their position.

use std::time::Duration;

use super::objects::Object;

/// A replica of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReplicaLine {
    pub name: String,
    /// 0 to 100; none for the default.
    pub priority: Option<u8>,
}

/// A command with the lines it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Counted from 1.
    pub line: usize,
    pub command: Command,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// `a: …`
    On {
        replica: usize,
        action: Action,
    },
    /// `sync a b`, `sync a -> b`
    Sync {
        first: usize,
        second: usize,
        /// Whether only the second one pulls.
        one_way: bool,
        /// After how many bytes the session breaks.
        cut: Option<u64>,
        policies: SessionPolicies,
    },
    /// `sync all`
    SyncAll,
    /// `master a -> b`; `master! b` takes the role by force.
    Master {
        /// The design master that hands its role over; none for a takeover.
        from: Option<usize>,
        to: usize,
    },
    /// `preview a -> b`
    Preview {
        from: usize,
        to: usize,
        policies: SessionPolicies,
    },
    /// `crash a`
    Crash {
        replica: usize,
    },
    /// `clock a +5s`
    Clock {
        replica: usize,
        micros: i64,
    },
    /// `expire a older-than 30d`
    Expire {
        replica: usize,
        age: Duration,
    },
    AssertConverged,
    /// `expect error CODE`
    ExpectError(&'static str),
}

/// What a session does about conflicts, and about the rows that it brings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SessionPolicies {
    /// `source-wins`, `collisions=merge`, `customer=skip`. Without words nothing.
    pub words: Vec<String>,
    /// One of the named handlers, in place of words.
    pub handler: Option<String>,
    /// One of the named reviewers.
    pub reviewer: Option<String>,
}

/// What one replica is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Insert {
        table: String,
        values: Object,
        /// How the script calls the row from then on.
        name: Option<String>,
    },
    Update {
        table: String,
        row: RowName,
        values: Object,
        forced: bool,
    },
    /// `increment page home {"hits":1}`
    Increment {
        table: String,
        row: RowName,
        amounts: Object,
    },
    /// `version customer ann as v1`
    Version {
        table: String,
        row: RowName,
        /// How the script calls the version from then on.
        name: String,
    },
    /// `update? customer ann v1 {…}`
    UpdateIf {
        table: String,
        row: RowName,
        version: String,
        values: Object,
    },
    Delete {
        table: String,
        row: RowName,
    },
    /// `delete? customer ann v1`
    DeleteIf {
        table: String,
        row: RowName,
        version: String,
    },
    Undelete {
        table: String,
        row: RowName,
    },
    Prefer {
        table: String,
        row: RowName,
    },
    Merge {
        table: String,
        row: RowName,
        into: RowName,
    },
    /// `alter <<END`: SQL on the lines that follow.
    Alter {
        sql: String,
    },
    Design,
    Schema,
    Begin,
    Commit,
    Rollback,
    Rows {
        table: String,
    },
    Row {
        table: String,
        row: RowName,
    },
    Conflicts {
        table: Option<String>,
    },
    /// `reviews`: the rows that were not accepted.
    Reviews,
    /// `accept customer ann`
    Accept {
        table: String,
        row: RowName,
    },
    Resolve {
        /// In the replica's last listing of conflicts, counted from 1.
        position: usize,
        how: How,
    },
    Undo {
        /// In the replica's last listing of conflicts, counted from 1.
        position: usize,
    },
    Explain {
        table: String,
        row: RowName,
    },
    Lock {
        table: String,
    },
    Unlock {
        table: String,
    },
    Knowledge,
    Stats,
    Check,
}

/// How a script names a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowName {
    /// By the name that an `insert … as NAME` gave it.
    Script(String),
    /// By the columns of a unique key.
    Key(Object),
}

/// A resolution, with values as they stand in the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum How {
    KeepWinner,
    KeepLoser,
    Set(Object),
    Rename(Object),
    Prefer,
    Reparent(Object),
    RestoreParent,
    Merge,
    KeepBoth(Object),
    Delete,
    Dismiss,
}

/// The codes that a failed command may have. Some belong to commands of later versions.
pub(super) const CODES: [&str; 23] = [
    "duplicate-key",
    "missing-parent",
    "check-failed",
    "restricted",
    "not-null",
    "immutable-key",
    "unknown-table",
    "unknown-column",
    "type-mismatch",
    "no-such-row",
    "no-such-conflict",
    "already-resolved",
    "not-applicable",
    "stale-version",
    "locked",
    "schema-mismatch",
    "not-design-master",
    "clock-drift",
    "forgotten",
    "read-only",
    "corrupt",
    "poisoned",
    "limit",
];
