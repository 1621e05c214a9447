//! What a replica remembers of a conflict that is no longer open: who closed it, and, of its own
//! resolutions, how the rows were before and after, so that the resolution can be taken back.
//!
//! None of it replicates. How it is taken back is decided in `commit`.

use crate::ids::{Dot, RowKey};
use crate::row::RowState;
use crate::version::Hlc;

/// A conflict that was open here once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    /// The row that it was of.
    pub row: RowKey,
    /// The change that closed it; of several that came together, the newest.
    pub by: Dot,
    /// When that change was made, by its writer's clock.
    pub at: Hlc,
    /// Whether a policy of this replica has decided it, or has tried to.
    pub decided: bool,
    /// What this replica's last resolution of it did, unless it was taken back.
    pub resolved: Option<Resolved>,
}

/// What one resolution did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The rows that it wrote, ascending.
    pub rows: Vec<Altered>,
    /// The parked rows that became visible with it, ascending.
    pub returned: Vec<RowKey>,
}

/// A row that a resolution wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Altered {
    /// Which row.
    pub key: RowKey,
    /// Whether it was visible before.
    pub was_visible: bool,
    /// Its facts before.
    pub before: RowState,
    /// The same, with what the resolution changed.
    pub after: RowState,
}
