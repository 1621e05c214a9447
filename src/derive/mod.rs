//! From facts to what is visible: one pure function, in layers that read only earlier ones.
//!
//! `derive(facts, schema) -> (visible rows, conflicts)`. Equal facts give equal tables and equal
//! conflict tables on every replica, whatever the order of syncs. Deriving never writes a fact: a row
//! that a constraint bars is *parked*, keeps its facts, and returns by itself when the obstacle goes.
//!
//! - **L1** (`units`, `joined`): which sibling of a unit is visible, or what they are together.
//! - **L2** (`identity`, `class`): which rows have become one by merges.
//! - **L3** (`image`): the row with its followed references filled in, and its checks.
//! - **L4** (`visibility`, `cycle`): which rows are visible, by rank.
//! - **L5** (`conflicts`): everything that lost, minus what was dismissed.
//!
//! [`derive()`] works from changed rows and re-derives only what they can affect; from an empty
//! [`Source`] and all rows it derives from scratch. Both give the same result (P7).

mod claims;
mod class;
mod conflicts;
mod cycle;
mod footprint;
mod identity;
mod image;
mod joined;
mod pass;
mod rank;
mod roots;
mod undisputed;
mod units;
mod verify;
mod visibility;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use class::Class;
pub(crate) use class::{class_of, component_of};
pub use conflicts::{About, Conflict, Kind, conflict_id};
pub use footprint::Footprint;
pub(crate) use identity::{Component, Lookup, is_apart, merges};
pub(crate) use image::folded;
pub use image::{Key, Need, fold, written_values};
pub(crate) use joined::{combined, saturated, seen_sums, set_of, shows_the_same, total};
pub(crate) use roots::Roots;
pub(crate) use units::{life_of, says_the_same, unit_losers, winner, winning_life};
pub(crate) use verify::{is_unopposed, rederive_component, rederive_row};

use crate::error::Error;
use crate::ids::{ConstraintId, RowId, RowKey, TableId};
use crate::row::RowState;
use crate::schema::{Schema, Table};
use crate::value::Value;

/// What derivation says of a row.
///
/// See [`derive()`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// In the table.
    Visible,
    /// Kept but not in the table: a constraint bars it.
    Parked,
    /// Deleted; its tombstone.
    Dead,
    /// Merged into another row; its merge tombstone.
    Merged,
}

/// What is stored of the derivation of a row, so that readers need not derive.
///
/// See [`derive()`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// Whether the row is in its table.
    pub status: Status,
    /// The columns that show another value than the row's own winners, because the row they refer to has a
    /// new key, because their concurrent values are combined, or because a row merged into this one has the
    /// value: position and value, ascending.
    pub followed: Vec<(usize, Value)>,
}

/// A row as it is stored: its facts, and what was derived from them last.
///
/// ```
/// use std::sync::Arc;
/// use reunite::derive::{Derived, Status, Stored};
/// use reunite::ids::{Dot, ReplicaId};
/// use reunite::{row::RowState, schema::Schema};
/// let schema = Schema::from_sql("CREATE TABLE orders (number INTEGER, customer TEXT)")?;
/// let born = Dot { replica: ReplicaId::from_bytes([1; 16]), seq: 1 };
/// // The customer that the order refers to has a new key since.
/// let derived = Derived { status: Status::Visible, followed: vec![(1, "ANNA".into())] };
/// let order = Stored { facts: Arc::new(RowState::new(born)), derived };
/// assert_eq!(order.values(&schema.tables()[0])[1], "ANNA".into());
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
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
        let mut values: Vec<Value> = image::winning_values(table, &self.facts).into_iter().cloned().collect();
        for (column, value) in &self.derived.followed {
            if let Some(slot) = values.get_mut(*column) {
                slot.clone_from(value);
            }
        }
        values
    }
}

/// What derivation reads: the state before the changes, with the indexes that find related rows.
///
/// See [`derive()`] for an example, over the source that stores [`Nothing`].
///
/// # Errors
/// Every method: if the store cannot be read.
pub trait Source {
    /// A row as stored.
    fn row(&self, key: RowKey) -> Result<Option<Stored>, Error>;

    /// The rows, visible or parked, whose unique key `key` has this value.
    fn claimants(&self, key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error>;

    /// The visible one of them.
    fn holder(&self, key: ConstraintId, value: &[Value]) -> Result<Option<RowId>, Error>;

    /// The rows, visible or parked, whose foreign key means the row `parent`.
    fn children(&self, foreign_key: ConstraintId, parent: RowId) -> Result<Vec<RowId>, Error>;

    /// The rows, visible or parked, whose foreign key, matching by value, has this value.
    fn children_by_value(&self, foreign_key: ConstraintId, value: &[Value]) -> Result<Vec<RowId>, Error>;

    /// How many rows of the table are parked.
    fn parked(&self, table: TableId) -> Result<u64, Error>;

    /// The rows of which a live merge names this row as the survivor, in force or not.
    fn merged_into(&self, row: RowKey) -> Result<Vec<RowId>, Error>;

    /// How many rows of the table have a live merge, in force or not.
    fn merging(&self, table: TableId) -> Result<u64, Error>;
}

/// The new derivation of one row.
///
/// See [`derive()`] for an example.
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
    /// What the indexes said of the row; none if they say of it what they must.
    pub old: Option<Footprint>,
    /// What they must say now.
    pub new: Footprint,
    /// All open conflicts of the row, ascending by id.
    pub conflicts: Vec<Conflict>,
}

/// What a change of facts does to the derived state: every row whose derivation or whose conflicts
/// may differ from what is stored.
///
/// See [`derive()`] for an example.
pub type Delta = BTreeMap<RowKey, Rederived>;

/// Derives anew what a change of facts can affect.
///
/// `changed` has the new facts of every changed row; `source` answers for the state before.
///
/// ```
/// use std::{collections::BTreeMap, sync::Arc};
/// use reunite::derive::{Kind, Nothing, Status, derive};
/// use reunite::ids::{Dot, ReplicaId, RowId, RowKey};
/// use reunite::row::{Life, RowState, UnitValue};
/// use reunite::schema::Schema;
/// use reunite::version::{Hlc, Priority, Stamp};
/// let schema = Schema::from_sql("CREATE TABLE customer (code TEXT PRIMARY KEY)")?;
/// let customer = &schema.tables()[0];
/// let ann = |replica: u8| {
///     let dot = Dot { replica: ReplicaId::from_bytes([replica; 16]), seq: 1 };
///     let stamp = Stamp::new(Priority::default(), Hlc(replica.into()), dot);
///     let code = UnitValue { columns: vec!["ANN".into()].into(), ..UnitValue::default() };
///     let mut facts = RowState::new(dot);
///     facts.write_life(stamp, Life::ALIVE, &[]);
///     facts.write_unit(customer.units[0].id, stamp, code, &[]);
///     (RowKey { table: customer.id, row: RowId::from_bytes([replica; 16]) }, Arc::new(facts))
/// };
/// // Two replicas, each with a row of its own for the same key. Nothing was stored before.
/// let delta = derive(&schema, &Nothing, &BTreeMap::from([ann(1), ann(2)]))?;
/// let [first, second] = &delta.values().collect::<Vec<_>>()[..] else { unreachable!("two rows") };
/// assert_eq!((first.derived.status, second.derived.status), (Status::Visible, Status::Parked));
/// assert!(first.conflicts.is_empty());
/// assert_eq!(second.conflicts[0].kind, Kind::Unique);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the source fails.
pub fn derive<S: Source + ?Sized>(
    schema: &Schema,
    source: &S,
    changed: &BTreeMap<RowKey, Arc<RowState>>,
) -> Result<Delta, Error> {
    match undisputed::undisputed(schema, source, changed)? {
        Some(delta) => Ok(delta),
        None => pass::Pass::new(schema, source, changed).run(),
    }
}

/// A source in which nothing is stored: deriving all rows over it derives from scratch.
///
/// See [`derive()`] for an example.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Source for Nothing {
    fn row(&self, _: RowKey) -> Result<Option<Stored>, Error> {
        Ok(None)
    }

    fn claimants(&self, _: ConstraintId, _: &[Value]) -> Result<Vec<RowId>, Error> {
        Ok(Vec::new())
    }

    fn holder(&self, _: ConstraintId, _: &[Value]) -> Result<Option<RowId>, Error> {
        Ok(None)
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

    fn merged_into(&self, _: RowKey) -> Result<Vec<RowId>, Error> {
        Ok(Vec::new())
    }

    fn merging(&self, _: TableId) -> Result<u64, Error> {
        Ok(0)
    }
}
