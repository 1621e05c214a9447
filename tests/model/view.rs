//! The model's facts in the product's words, to compare the two.

use std::collections::BTreeSet;

use reunite::derive::conflict_id;
use reunite::ids::{ConflictId, ConstraintId, RowId};
use reunite::row::{Ack, Count, Life, Merge, MergeRule, RowState, Sibling, UnitValue};
use reunite::value::Json;
use reunite::version::{Stamp, VersionVector};

use super::facts::{ConflictName, Content, Row, Slot};
use super::identity::Rule;

impl ConflictName {
    pub fn id(&self) -> ConflictId {
        conflict_id(self.row.row, self.about, self.dot)
    }
}

/// The facts of a row as the product keeps them: with one vector for all units.
pub fn row_state(id: RowId, row: &Row) -> RowState {
    let mut state = RowState::new(row.born);
    state.vector = row.vector().into_iter().collect::<VersionVector>();
    for (slot, _, entry) in row.all() {
        let stamp = entry.stamp;
        match (slot, &entry.content) {
            (Slot::Life, content) => state.life.insert(Sibling { stamp, value: life(content) }),
            (Slot::Boost, _) => state.boost.insert(Sibling { stamp, value: () }),
            (Slot::Acks, Content::Ack(names)) => {
                let mut ids: Vec<ConflictId> = names.iter().map(ConflictName::id).collect();
                ids.sort_unstable();
                state.acks.insert(Sibling { stamp, value: Ack(ids) });
            }
            (Slot::Columns(unit), Content::Columns(cell)) => {
                let parents: Vec<(ConstraintId, RowId)> =
                    cell.parents.iter().map(|(k, v)| (*k, *v)).collect();
                let seen = cell.seen_by_row().into_iter().collect();
                let value =
                    UnitValue { columns: cell.columns.clone().into(), parents, claim: cell.claim, seen };
                insert(&mut state, unit, stamp, value);
            }
            (Slot::Added(unit), Content::Added(total)) => {
                let count = Count { seq: stamp.dot.seq, total: *total };
                state.counts.join(unit, id, stamp.dot.replica, count);
            }
            (Slot::Element(unit, element), Content::Element) => {
                let element = Json::parse(element).expect("it was JSON");
                let mut added = state.elements.get(unit, &element);
                added.insert(Sibling { stamp, value: () });
                state.elements.set(unit, element, added);
            }
            (slot, content) => unreachable!("{content:?} in {slot:?}"),
        }
    }
    state
}

fn life(content: &Content) -> Life {
    let list = |rows: &BTreeSet<RowId>| rows.iter().copied().collect();
    match content {
        Content::Alive(apart) => Life::Alive { apart: list(apart) },
        Content::Dead(with) => Life::Dead { with: list(with) },
        Content::Merged(edge) => {
            let seen = |rule: &Rule| rule.seen.iter().copied().collect();
            let rule = edge.rule.as_ref();
            let rule =
                rule.map(|rule| MergeRule { key: rule.key, value: rule.value.clone(), seen: seen(rule) });
            let absorbed = edge.absorbed.iter().copied().collect();
            let removed = edge.removed.iter().cloned().collect();
            Life::Merged(Merge { into: edge.into, absorbed, removed, rule })
        }
        content => unreachable!("{content:?} is no life"),
    }
}

fn insert(state: &mut RowState, unit: reunite::ids::UnitId, stamp: Stamp, value: UnitValue) {
    let mut siblings = state.unit(unit).clone();
    siblings.insert(Sibling { stamp, value });
    state.set_unit(unit, siblings);
}
