//! The model's facts in the product's words, to compare the two.

use reunite::derive::conflict_id;
use reunite::ids::{ConflictId, ConstraintId, RowId};
use reunite::row::{Ack, Life, RowState, Sibling, UnitValue};
use reunite::version::{Stamp, VersionVector};

use super::facts::{ConflictName, Content, Row, Slot};

impl ConflictName {
    pub fn id(&self) -> ConflictId {
        conflict_id(self.row.row, self.about, self.dot)
    }
}

/// The facts of a row as the product keeps them: with one vector for all units.
pub fn row_state(row: &Row) -> RowState {
    let mut state = RowState::new(row.born);
    state.vector = row.vector().into_iter().collect::<VersionVector>();
    for (slot, _, entry) in row.all() {
        let stamp = entry.stamp;
        match (slot, &entry.content) {
            (Slot::Life, Content::Alive) => state.life.insert(Sibling { stamp, value: Life::ALIVE }),
            (Slot::Life, Content::Dead) => state.life.insert(Sibling { stamp, value: Life::DEAD }),
            (Slot::Boost, _) => state.boost.insert(Sibling { stamp, value: () }),
            (Slot::Acks, Content::Ack(names)) => {
                let mut ids: Vec<ConflictId> = names.iter().map(ConflictName::id).collect();
                ids.sort_unstable();
                state.acks.insert(Sibling { stamp, value: Ack(ids) });
            }
            (Slot::Columns(unit), Content::Columns(cell)) => {
                let parents: Vec<(ConstraintId, RowId)> =
                    cell.parents.iter().map(|(k, v)| (*k, *v)).collect();
                let value = UnitValue { columns: cell.columns.clone(), parents, claim: cell.claim };
                insert(&mut state, unit, stamp, value);
            }
            (slot, content) => unreachable!("{content:?} in {slot:?}"),
        }
    }
    state
}

fn insert(state: &mut RowState, unit: reunite::ids::UnitId, stamp: Stamp, value: UnitValue) {
    let mut siblings = state.unit(unit).clone();
    siblings.insert(Sibling { stamp, value });
    state.set_unit(unit, siblings);
}
