//! What the units of a row hold.

use smallvec::SmallVec;

use crate::ids::{ConflictId, ConstraintId, Dot, RowId, UnitId};
use crate::value::{Json, Value};
use crate::version::Stamp;

/// Whether a row lives, as one change said.
///
/// ```
/// use reunite::ids::RowId;
/// use reunite::row::{Life, LifeKind, Merge};
/// let survivor = RowId::from_bytes([1; 16]);
/// let merged = Life::Merged(Merge { into: survivor, absorbed: Vec::new(), removed: Vec::new(), rule: None });
/// assert_eq!(merged.kind(), LifeKind::Merged);
/// assert_eq!(merged.merge().map(|merge| merge.into), Some(survivor));
/// assert!(Life::ALIVE.is_alive() && Life::DEAD.is_dead() && !merged.is_dead());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// It was inserted, changed or brought back.
    Alive {
        /// The rows that it was decided to stay apart from, ascending.
        apart: Vec<RowId>,
    },
    /// It was deleted. Its columns stay until no replica can need them.
    Dead {
        /// The rows merged into it that the deletion takes along, ascending: those that its writer saw.
        with: Vec<RowId>,
    },
    /// It became another row.
    Merged(Merge),
}

impl Life {
    /// That a row lives, and no more.
    pub const ALIVE: Life = Life::Alive { apart: Vec::new() };
    /// That a row was deleted, by itself.
    pub const DEAD: Life = Life::Dead { with: Vec::new() };

    /// What it says of the row, without what it names.
    #[must_use]
    pub const fn kind(&self) -> LifeKind {
        match self {
            Life::Alive { .. } => LifeKind::Alive,
            Life::Dead { .. } => LifeKind::Dead,
            Life::Merged(_) => LifeKind::Merged,
        }
    }

    /// Whether it says that the row lives.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        matches!(self, Life::Alive { .. })
    }

    /// Whether it says that the row was deleted.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        matches!(self, Life::Dead { .. })
    }

    /// The merge, if it says that the row became another one.
    #[must_use]
    pub const fn merge(&self) -> Option<&Merge> {
        match self {
            Life::Merged(merge) => Some(merge),
            _ => None,
        }
    }
}

/// What a [`Life`] says, without what it names.
///
/// See [`Life`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LifeKind {
    /// The row lives.
    Alive,
    /// It was deleted.
    Dead,
    /// It became another row.
    Merged,
}

/// The merge tombstone of a row: which row it became, and what the merge has taken in.
///
/// See [`Life`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The surviving row, of the same table.
    pub into: RowId,
    /// The values of this row that were decided when it was merged or since, ascending. They stay here,
    /// so that the merge can be undone, but compete no longer in the surviving row.
    pub absorbed: Vec<(UnitId, Dot)>,
    /// The elements of this row's sets that were removed since, each with the change that had added it,
    /// ascending. They stay here too, and are in the sets of the surviving row no longer.
    pub removed: Vec<(UnitId, Json, Dot)>,
    /// Why, if the duplicate rule of a key did it rather than a person.
    pub rule: Option<MergeRule>,
}

/// On what a merge by the duplicate rule rests. It holds while nobody who did not know of it has given
/// one of the rows another key.
///
/// ```
/// use reunite::ids::{ConstraintId, RowId};
/// use reunite::row::{Merge, MergeRule};
/// // Two customers with one mail address became one, by the duplicate rule of that key.
/// let rule = MergeRule { key: ConstraintId(7), value: vec!["ann@example.org".into()], seen: Vec::new() };
/// let into = RowId::from_bytes([1; 16]);
/// let merge = Merge { into, absorbed: Vec::new(), removed: Vec::new(), rule: Some(rule) };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeRule {
    /// The unique key.
    pub key: ConstraintId,
    /// What both rows had in it, folded by the collations of its columns.
    pub value: Vec<Value>,
    /// The live values of its units, in both rows, that its writer saw, ascending.
    pub seen: Vec<(UnitId, Dot)>,
}

/// What a dismissal says: the conflicts of a parked row that were dismissed.
///
/// With none of them it says nothing by itself: a losing value was dismissed by removing it, and the
/// dot of the acknowledgement carries the removal to the other replicas.
///
/// ```
/// use reunite::{ids::ConflictId, row::Ack};
/// let conflict = ConflictId::from_bytes([7; 16]);
/// assert_eq!(Ack::of(conflict).0, [conflict]);
/// assert!(Ack::REMOVAL.0.is_empty());
/// ```
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
///
/// ```
/// use reunite::ids::{ConstraintId, RowId};
/// use reunite::row::UnitValue;
/// // An order's column `customer`, and which Ann was meant.
/// let customer = ConstraintId(9);
/// let ann = |row| UnitValue { columns: vec!["ANN".into()].into(), parents: vec![(customer, row)], ..UnitValue::default() };
/// let [one, other] = [1, 2].map(|byte| RowId::from_bytes([byte; 16]));
/// assert_eq!(ann(one).parent(customer), Some(one));
/// assert!(!ann(one).says_the_same(&ann(other))); // equal texts, but another row
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitValue {
    /// In the order of the unit's columns. Most units have one: its value stands here without memory of its own.
    pub columns: SmallVec<[Value; 1]>,
    /// The row that each non-null foreign key of the unit meant when it was written, ascending by
    /// foreign key. A foreign key without an entry matches by value.
    pub parents: Vec<(ConstraintId, RowId)>,
    /// When the columns of the table's keys got their values, if that was before this change. Only
    /// under row tracking, where every change writes every column.
    pub claim: Option<Stamp>,
    /// Of a counter: what had been added to it when this value was assigned, by row; ascending, without
    /// zeros. Only what was added beyond that counts on top of the value.
    pub seen: Vec<(RowId, i128)>,
}

impl UnitValue {
    /// The row that a foreign key means.
    #[must_use]
    pub fn parent(&self, foreign_key: ConstraintId) -> Option<RowId> {
        self.parents.iter().find(|(id, _)| *id == foreign_key).map(|(_, row)| *row)
    }

    /// Whether both say the same: equal values that mean the same rows, and of a counter go by the same
    /// sums. When their keys were claimed is not part of what they say.
    #[must_use]
    pub fn says_the_same(&self, other: &UnitValue) -> bool {
        self.columns == other.columns && self.parents == other.parents && self.seen == other.seen
    }
}
