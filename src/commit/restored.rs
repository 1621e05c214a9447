//! What the rows of a resolution get back when it is taken back: computed from the facts before and after
//! the resolution and those of now. Writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::undo::Touched;
use crate::derive::{merges, winner, winning_life};
use crate::error::Error;
use crate::ids::{ConflictId, Dot, RowKey, UnitId};
use crate::row::{Altered, Life, Merge, RowState, Sibling, Siblings, UnitValue};
use crate::schema::{Table, Tracking};

/// The values that a unit, or the life, gets back: in place of these changes, the winner last. Without values
/// the changes only go.
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

/// What the units get back, of a row that was this with what the resolution took from rows merged into it.
/// What the resolution wrote must still be what is visible, also where it wrote what was visible before.
pub(super) fn restored_units(
    table: &Table,
    row: &Altered,
    class: &RowState,
    now: &RowState,
) -> Result<BTreeMap<UnitId, Restored<UnitValue>>, Changed> {
    let mut units = BTreeMap::new();
    for unit in &table.units {
        let siblings = [&row.before, &row.after, now].map(|facts| facts.unit(unit.id));
        let [before, after, current] = siblings;
        if before == after {
            continue;
        }
        let won = winner(table, class.unit(unit.id));
        let (wrote, shown) = (winner(table, after), winner(table, current));
        let same = |a: &UnitValue, b: &UnitValue| a.says_the_same(b);
        let unchanged = wrote.zip(shown).filter(|(wrote, shown)| same(&wrote.value, &shown.value));
        let Some((_, visible)) = unchanged else { return Err(Changed) };
        let had_won = won.is_some_and(|won| before.contains(won.stamp.dot));
        if !had_won && before.dots().all(|dot| after.contains(dot)) {
            // What was visible is in a merged row, or nowhere: it shows again without what was written over it.
            let written = current.iter().filter(|s| same(&s.value, &visible.value));
            let written = written.map(|s| s.stamp.dot).filter(|dot| !before.contains(*dot));
            units.insert(unit.id, Restored { values: Vec::new(), replaces: written.collect() });
            continue;
        }
        if let Some(restored) = restored([before, after, current], [won, wrote, shown], same) {
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

/// What a row showed before a resolution: its facts with the values that the resolution took from rows which
/// had been merged into it. `merged` says, of a row that the resolution did not write, what it was merged into.
pub(super) fn class_before(
    row: &Altered,
    all: &[Altered],
    merged: impl Fn(RowKey) -> Result<Option<RowKey>, Error>,
) -> Result<RowState, Error> {
    let mut class = row.before.clone();
    for member in all.iter().filter(|other| other.key.table == row.key.table && other.key != row.key) {
        let taken = newly_absorbed(member);
        if taken.is_empty() || root_before(member.key, all, &merged)? != row.key {
            continue;
        }
        for (unit, dot) in taken {
            if let Some(sibling) = member.before.unit(unit).get(dot) {
                class.add_to_unit(unit, sibling.clone());
            }
        }
    }
    Ok(class)
}

/// The row that a row was one with before a resolution.
fn root_before(
    row: RowKey,
    all: &[Altered],
    merged: impl Fn(RowKey) -> Result<Option<RowKey>, Error>,
) -> Result<RowKey, Error> {
    let (mut root, mut passed) = (row, BTreeSet::new());
    while passed.insert(root) {
        let next = match all.iter().find(|altered| altered.key == root) {
            Some(altered) => {
                merges(&altered.before).map(|(_, merge)| RowKey { row: merge.into, ..row }).last()
            }
            None => merged(root)?,
        };
        match next {
            Some(next) => root = next,
            None => break,
        }
    }
    Ok(root)
}

/// The values of a merged row that the resolution took in.
fn newly_absorbed(row: &Altered) -> Vec<(UnitId, Dot)> {
    let known: BTreeSet<(UnitId, Dot)> =
        merges(&row.before).flat_map(|(_, merge)| &merge.absorbed).copied().collect();
    let same = |merge: &Merge| merges(&row.before).any(|(_, before)| before.into == merge.into);
    let still = merges(&row.after).map(|(_, merge)| merge).filter(|merge| same(merge));
    still.flat_map(|merge| &merge.absorbed).filter(|taken| !known.contains(taken)).copied().collect()
}
