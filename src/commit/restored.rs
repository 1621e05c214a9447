//! What the rows of a resolution get back when it is taken back: computed from the facts before and after
//! the resolution and those of now. Writes nothing.

use std::collections::BTreeMap;

use super::undo::Touched;
use crate::derive::{winner, winning_life};
use crate::ids::{ConflictId, Dot, UnitId};
use crate::row::{Altered, Life, RowState, Sibling, Siblings, UnitValue};
use crate::schema::{Table, Tracking};

/// The values that a unit, or the life, gets back: in place of these changes, the winner last.
pub(super) struct Restored<V> {
    pub(super) values: Vec<Sibling<V>>,
    pub(super) replaces: Vec<Dot>,
}

/// What the resolution wrote is no longer there.
pub(super) struct Changed;

/// A row before and after a resolution; after it as the transaction left what the resolution wrote.
pub(super) fn altered(touched: &Touched, end: &RowState) -> Altered {
    let (before, mid) = (&touched.before, &touched.after);
    let mut after = (**before).clone();
    after.vector = end.vector.clone();
    if mid.life != before.life {
        after.life = end.life.clone();
    }
    if mid.boost != before.boost {
        after.boost = end.boost.clone();
    }
    if mid.acks != before.acks {
        after.acks = end.acks.clone();
    }
    for (id, _) in before.units().chain(mid.units()) {
        if mid.unit(id) != before.unit(id) {
            after.set_unit(id, end.unit(id).clone());
        }
    }
    for (unit, element, _) in before.elements.iter().chain(mid.elements.iter()) {
        if mid.elements.get(unit, element) != before.elements.get(unit, element) {
            after.elements.set(unit, element.clone(), end.elements.get(unit, element));
        }
    }
    Altered { key: touched.key, was_visible: touched.was_visible, before: (**before).clone(), after }
}

/// What the life gets back. That a change said once more that the row lives needs no undoing.
pub(super) fn restored_life(table: &Table, row: &Altered, now: &RowState) -> Result<Restored<Life>, Changed> {
    let visible = [&row.before, &row.after, now].map(|facts| winning_life(table, facts));
    let siblings = [&row.before.life, &row.after.life, &now.life];
    let nothing = Restored { values: Vec::new(), replaces: Vec::new() };
    restored(siblings, visible, |a, b| a == b).unwrap_or(Ok(nothing))
}

/// What the units get back. What the resolution wrote must still be what is visible, also where it wrote
/// what was visible before.
pub(super) fn restored_units(
    table: &Table,
    row: &Altered,
    now: &RowState,
) -> Result<BTreeMap<UnitId, Restored<UnitValue>>, Changed> {
    let mut units = BTreeMap::new();
    for unit in &table.units {
        let siblings = [&row.before, &row.after, now].map(|facts| facts.unit(unit.id));
        let [before, after, current] = siblings;
        if before == after {
            continue;
        }
        let visible = siblings.map(|siblings| winner(table, siblings));
        let same = |a: &UnitValue, b: &UnitValue| a.says_the_same(b);
        let [_, wrote, shown] = visible;
        if !wrote.zip(shown).is_some_and(|(wrote, shown)| same(&wrote.value, &shown.value)) {
            return Err(Changed);
        }
        if let Some(restored) = restored([before, after, current], visible, same) {
            let mut restored = restored?;
            if table.tracking == Tracking::Row {
                // The row has its keys for as long as it had before.
                restored.values.iter_mut().for_each(|s| s.value.claim = s.value.claim.or(Some(s.stamp)));
            }
            units.insert(unit.id, restored);
        }
    }
    Ok(units)
}

/// The values that were removed, ascending, and the winner of before as the last. None if what is visible
/// stayed and nothing was removed beside it.
fn restored<V: Clone>(
    [before, after, now]: [&Siblings<V>; 3],
    [won, wrote, shown]: [Option<&Sibling<V>>; 3],
    same: impl Fn(&V, &V) -> bool,
) -> Option<Result<Restored<V>, Changed>> {
    let (won, wrote) = (won?, wrote?);
    let mut values: Vec<Sibling<V>> = Vec::new();
    let mut removed: Vec<&Sibling<V>> =
        before.iter().filter(|sibling| !after.contains(sibling.stamp.dot)).collect();
    removed.sort_unstable_by_key(|sibling| sibling.stamp);
    for sibling in removed {
        let known = same(&sibling.value, &won.value) || values.iter().any(|v| same(&v.value, &sibling.value));
        if !known {
            values.push(sibling.clone());
        }
    }
    if values.is_empty() && same(&won.value, &wrote.value) {
        return None;
    }
    values.push(won.clone());
    let Some(shown) = shown.filter(|shown| same(&shown.value, &wrote.value)) else {
        return Some(Err(Changed));
    };
    let replaces = now.iter().filter(|sibling| same(&sibling.value, &shown.value));
    Some(Ok(Restored { values, replaces: replaces.map(|sibling| sibling.stamp.dot).collect() }))
}

/// The boost and the dismissals that the resolution wrote must still be there.
pub(super) fn check_marks(row: &Altered, now: &RowState) -> Result<(), Changed> {
    let boosted = added(&row.before.boost, &row.after.boost).all(|dot| now.boost.contains(dot));
    let dismissed = new_dismissals(row).into_iter().all(|id| now.dismisses(id));
    if boosted && dismissed { Ok(()) } else { Err(Changed) }
}

pub(super) fn added<'s, V>(
    before: &'s Siblings<V>,
    after: &'s Siblings<V>,
) -> impl Iterator<Item = Dot> + 's {
    after.dots().filter(|dot| !before.contains(*dot))
}

/// The conflicts that the resolution dismissed.
pub(super) fn new_dismissals(row: &Altered) -> Vec<ConflictId> {
    let all = |facts: &RowState| -> Vec<ConflictId> {
        facts.acks.iter().flat_map(|ack| ack.value.0.iter().copied()).collect()
    };
    let before = all(&row.before);
    all(&row.after).into_iter().filter(|id| !before.contains(id)).collect()
}
