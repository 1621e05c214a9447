//! A changed row on its way to another replica: all of its metadata, and the values that the other
//! one may lack.

use crate::fault::{Bug, planted};
use crate::ids::{Dot, RowKey, UnitId};
use crate::row::RowState;
use crate::version::Knowledge;

/// A row as one replica sends it to another. The unit of sync is the row.
///
/// ```
/// use reunite::ids::{Dot, ReplicaId, RowId, RowKey, TableId, UnitId};
/// use reunite::row::{RowChange, RowState, UnitValue};
/// use reunite::version::{Hlc, Knowledge, Priority, Stamp};
/// let dot = |seq| Dot { replica: ReplicaId::from_bytes([1; 16]), seq };
/// let stamp = |seq| Stamp::new(Priority::default(), Hlc(seq), dot(seq));
/// let mut theirs = RowState::new(dot(1));
/// theirs.write_unit(UnitId(2), stamp(1), UnitValue::default(), &[]);
/// let mut mine = theirs.clone();
/// mine.write_unit(UnitId(3), stamp(2), UnitValue::default(), &[]);
///
/// let known: Knowledge = [(dot(1).replica, 1)].into_iter().collect();
/// let key = RowKey { table: TableId(1), row: RowId::from_bytes([7; 16]) };
/// let change = RowChange::for_peer(key, mine.clone(), &known);
/// assert_eq!(change.withheld, [(UnitId(2), dot(1))]); // they have that value
/// assert_eq!(change.complete(Some(&theirs)), Some(mine));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// Which row.
    pub key: RowKey,
    /// Its facts, but for the withheld values.
    pub state: RowState,
    /// Live values that the receiver has by what it said it knows, ascending.
    pub withheld: Vec<(UnitId, Dot)>,
}

impl RowChange {
    /// What a replica that knows `known` needs of a row.
    #[must_use]
    pub fn for_peer(key: RowKey, mut facts: RowState, known: &Knowledge) -> RowChange {
        let mut withheld = Vec::new();
        facts.retain_values(|unit, dot| {
            let is_known = known.covers(dot);
            if is_known {
                withheld.push((unit, dot));
            }
            !is_known
        });
        RowChange { key, state: facts, withheld }
    }

    /// The facts, with the withheld values filled in from what the receiver has of the row. A value
    /// that it no longer has live was replaced there, and stays so. None if the receiver has never
    /// taken in a withheld value: the sender was wrong about what the receiver knows.
    #[must_use]
    pub fn complete(mut self, mine: Option<&RowState>) -> Option<RowState> {
        for (unit, dot) in self.withheld {
            let mine = mine.filter(|mine| mine.vector.covers(dot))?;
            if let Some(sibling) = mine.unit(unit).get(dot).filter(|_| !planted(Bug::WithheldDropped)) {
                let mut siblings = self.state.unit(unit).clone();
                siblings.insert(sibling.clone());
                self.state.set_unit(unit, siblings);
            }
        }
        Some(self.state)
    }
}
