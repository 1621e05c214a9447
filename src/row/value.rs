//! What the units of a row hold.

use crate::ids::{ConflictId, ConstraintId, RowId};
use crate::value::Value;
use crate::version::Stamp;

/// Whether a row lives, as one change said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Life {
    /// It was inserted, changed or brought back.
    Alive,
    /// It was deleted. Its columns stay until no replica can need them.
    Dead,
}

/// What a dismissal says: the conflicts of a parked row that were dismissed.
///
/// With none of them it says nothing by itself: a losing value was dismissed by removing it, and the
/// dot of the acknowledgement carries the removal to the other replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ack(
    /// Ascending.
    pub Vec<ConflictId>,
);

impl Ack {
    /// That a losing value was removed.
    pub const REMOVAL: Ack = Ack(Vec::new());

    /// That a conflict was dismissed.
    #[must_use]
    pub fn of(conflict: ConflictId) -> Ack {
        Ack(vec![conflict])
    }
}

/// The value of a column unit: the values of its columns, and the rows that its references mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitValue {
    /// In the order of the unit's columns.
    pub columns: Vec<Value>,
    /// The row that each non-null foreign key of the unit meant when it was written, ascending by
    /// foreign key. A foreign key without an entry matches by value.
    pub parents: Vec<(ConstraintId, RowId)>,
    /// When the columns of the table's keys got their values, if that was before this change. Only
    /// under row tracking, where every change writes every column.
    pub claim: Option<Stamp>,
}

impl UnitValue {
    /// The row that a foreign key means.
    #[must_use]
    pub fn parent(&self, foreign_key: ConstraintId) -> Option<RowId> {
        self.parents.iter().find(|(id, _)| *id == foreign_key).map(|(_, row)| *row)
    }

    /// Whether both say the same: equal values that mean the same rows. When their keys were claimed
    /// is not part of what they say.
    #[must_use]
    pub fn says_the_same(&self, other: &UnitValue) -> bool {
        self.columns == other.columns && self.parents == other.parents
    }
}
