//! L1: which sibling of a unit is visible, and which have lost. Reads one row and its table's rules.

use super::joined::shows_the_same;
use super::roots::Roots;
use crate::row::{Life, LifeKind, RowState, Sibling, Siblings, UnitValue};
use crate::schema::{DeleteRule, ForeignKey, Table, Unit, WinnerRule};
use crate::version::{Priority, Stamp};

/// How a table compares the stamps of siblings.
pub(super) fn order(table: &Table, stamp: &Stamp) -> (Option<Priority>, Stamp) {
    let priority = (table.winner == WinnerRule::Priority).then_some(stamp.priority);
    // Under LATEST the writer's priority must not count, though it is the stamp's first field.
    let by_time = Stamp { priority: Priority::default(), ..*stamp };
    (priority, by_time)
}

/// How a table compares the siblings of life. Under LATEST WINS only the stamp counts.
fn life_order(table: &Table, sibling: &Sibling<Life>) -> (u8, (Option<Priority>, Stamp)) {
    let class = match (table.deletes, sibling.value.kind()) {
        (DeleteRule::LatestWins, _) => 0,
        (DeleteRule::DeleteWins | DeleteRule::UpdateWins, LifeKind::Merged) => 2,
        (DeleteRule::DeleteWins, LifeKind::Dead) | (DeleteRule::UpdateWins, LifeKind::Alive) => 1,
        (DeleteRule::DeleteWins, LifeKind::Alive) | (DeleteRule::UpdateWins, LifeKind::Dead) => 0,
    };
    (class, order(table, &sibling.stamp))
}

/// The visible sibling of a unit; none if it was never written.
pub(crate) fn winner<'a, V>(table: &Table, siblings: &'a Siblings<V>) -> Option<&'a Sibling<V>> {
    siblings.iter().max_by_key(|sibling| order(table, &sibling.stamp))
}

/// Whether two values of a unit say the same to whoever reads the table: columns and references that
/// were dropped say nothing, rows that have become one are one, and a reference that follows shows the key
/// of the row that it means, whatever that was when it was written.
#[must_use]
pub(crate) fn says_the_same(
    table: &Table,
    unit: &Unit,
    roots: &Roots,
    one: &UnitValue,
    other: &UnitValue,
) -> bool {
    if one.says_the_same(other) {
        return true;
    }
    let parents = |foreign_key: &ForeignKey| {
        [one, other].map(|value| value.parent(foreign_key.id).map(|row| roots.root(foreign_key.parent, row)))
    };
    let mut references = table.foreign_keys_of_unit(unit.id);
    if !references.all(|foreign_key| matches!(parents(foreign_key), [one, other] if one == other)) {
        return false;
    }
    let follows = |column: usize| {
        let mut references = table.foreign_keys_of_unit(unit.id).filter(|foreign_key| foreign_key.follow);
        references.any(|key| key.columns.contains(&column) && one.parent(key.id).is_some())
    };
    let mut columns = unit.columns.iter().zip(one.columns.iter().zip(&other.columns));
    columns.all(|(column, (one, other))| one == other || *column == Unit::DROPPED || follows(*column))
}

/// The siblings that lost to another value. Equal values are never in conflict, and values that are all
/// combined have no loser.
pub(crate) fn unit_losers<'a>(
    table: &'a Table,
    unit: &'a Unit,
    facts: &'a RowState,
    roots: &'a Roots,
) -> impl Iterator<Item = &'a Sibling<UnitValue>> {
    let siblings = facts.unit(unit.id);
    let winner = winner(table, siblings).filter(|_| !table.rule_of(unit).is_joined());
    siblings.iter().filter(move |sibling| {
        winner.is_some_and(|w| !shows_the_same(table, unit, facts, roots, &w.value, &sibling.value))
    })
}

/// The sibling of life that holds.
pub(crate) fn winning_life<'a>(table: &Table, row: &'a RowState) -> Option<&'a Sibling<Life>> {
    row.life.iter().max_by_key(|sibling| life_order(table, sibling))
}

/// Whether the row lives. A row without any life has not fully arrived, and counts as dead.
#[must_use]
pub(crate) fn life_of<'a>(table: &Table, row: &'a RowState) -> &'a Life {
    static NOT_ARRIVED: Life = Life::DEAD;
    winning_life(table, row).map_or(&NOT_ARRIVED, |sibling| &sibling.value)
}
