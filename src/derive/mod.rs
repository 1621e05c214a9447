//! From facts to what is visible: one pure function, in layers that read only earlier ones.
//!
//! `derive(facts, schema) -> (visible rows, conflicts)`. Equal facts give equal tables and equal
//! conflict tables on every replica, whatever the order of syncs. Deriving never writes a fact: a row
//! that a constraint bars is *parked*, keeps its facts, and returns by itself when the obstacle goes.
//!
//! - **L1** (`units`): which sibling of a unit is visible.
//! - **L3** (`image`): the row with its followed references filled in, and its checks.
//! - **L4** (`visibility`, `cycle`): which rows are visible, by rank.
//! - **L5** (`conflicts`): everything that lost, minus what was dismissed.
//!
//! (L2, rows merged into other rows, is not built yet.) [`derive()`] works from changed rows and
//! re-derives only what they can affect; from an empty [`Source`] and all rows it derives from
//! scratch. Both give the same result (P7).

mod conflicts;
mod cycle;
mod footprint;
mod image;
mod pass;
mod rank;
mod units;
mod verify;
mod visibility;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use conflicts::{About, Conflict, Kind, conflict_id};
pub use footprint::Footprint;
pub use image::{Image, Key, Need, fold, written_values};
pub use rank::Rank;
pub use units::{life_losers, life_of, unit_losers, winner, winning_life};
pub use verify::{is_unopposed, rederive_component, rederive_row};

use crate::error::Error;
use crate::ids::{ConstraintId, RowId, RowKey, TableId};
use crate::row::RowState;
use crate::schema::{Schema, Table};
use crate::value::Value;

/// What derivation says of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// In the table.
    Visible,
    /// Kept but not in the table: a constraint bars it.
    Parked,
    /// Deleted; its tombstone.
    Dead,
}

/// What is stored of the derivation of a row, so that readers need not derive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// Whether the row is in its table.
    pub status: Status,
    /// The columns that show another value than was written, because the row they refer to has a new
    /// key: position and value, ascending.
    pub followed: Vec<(usize, Value)>,
}

/// A row as it is stored: its facts, and what was derived from them last.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What replicates.
    pub facts: Arc<RowState>,
    /// What was derived.
    pub derived: Derived,
}

impl Stored {
    /// By column position: what the row shows, or would show if it were visible.
    #[must_use]
    pub fn values(&self, table: &Table) -> Vec<Value> {
        let mut values = written_values(table, &self.facts);
        for (column, value) in &self.derived.followed {
            if let Some(slot) = values.get_mut(*column) {
                slot.clone_from(value);
            }
        }
        values
    }
}

/// What derivation reads: the state before the changes, with the indexes that find related rows.
pub trait Source {
    /// A row as stored.
    fn row(&self, key: RowKey) -> Result<Option<Stored>, Error>;

    /// The rows, visible or parked, whose unique key `key` has this value.
    fn claimants(&self, key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error>;

    /// The rows, visible or parked, whose foreign key means the row `parent`.
    fn children(&self, foreign_key: ConstraintId, parent: RowId) -> Result<Vec<RowId>, Error>;

    /// The rows, visible or parked, whose foreign key, matching by value, has this value.
    fn children_by_value(&self, foreign_key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error>;

    /// How many rows of the table are parked.
    fn parked(&self, table: TableId) -> Result<u64, Error>;
}

/// The new derivation of one row.
#[derive(Clone, Debug)]
pub struct Rederived {
    /// The row's facts.
    pub facts: Arc<RowState>,
    /// What to store.
    pub derived: Derived,
    /// What was stored; none for a new row.
    pub before: Option<Stored>,
    /// The checks that the row fails; a `NOT NULL` counts as one with its column's id.
    pub failed: Vec<ConstraintId>,
    /// What the indexes said of the row.
    pub old: Footprint,
    /// What they must say now.
    pub new: Footprint,
    /// All open conflicts of the row, ascending by id.
    pub conflicts: Vec<Conflict>,
}

/// What a change of facts does to the derived state: every row whose derivation or whose conflicts
/// may differ from what is stored.
pub type Delta = BTreeMap<RowKey, Rederived>;

/// Derives anew what a change of facts can affect.
///
/// `changed` has the new facts of every changed row; `source` answers for the state before.
pub fn derive<S: Source + ?Sized>(
    schema: &Schema,
    source: &S,
    changed: &BTreeMap<RowKey, Arc<RowState>>,
) -> Result<Delta, Error> {
    pass::Pass::new(schema, source, changed).run()
}

/// A source in which nothing is stored: deriving all rows over it derives from scratch.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Source for Nothing {
    fn row(&self, _: RowKey) -> Result<Option<Stored>, Error> {
        Ok(None)
    }

    fn claimants(&self, _: ConstraintId, _: &[Value]) -> Result<Vec<RowId>, Error> {
        Ok(Vec::new())
    }

    fn children(&self, _: ConstraintId, _: RowId) -> Result<Vec<RowId>, Error> {
        Ok(Vec::new())
    }

    fn children_by_value(&self, _: ConstraintId, _: &[Value]) -> Result<Vec<RowId>, Error> {
        Ok(Vec::new())
    }

    fn parked(&self, _: TableId) -> Result<u64, Error> {
        Ok(0)
    }
}
