//! The rank of a row among its rivals: one total order, the same on every replica. Less is better.

use std::cmp::Reverse;

use super::units::{order, winner};
use crate::fault::{Bug, planted};
use crate::ids::{Dot, ReplicaId, RowId, UnitId};
use crate::row::RowState;
use crate::schema::{Table, Tracking};
use crate::version::{Hlc, Priority, Stamp};

/// Orders rows that claim the same key: boosted rows first, the latest boost before all; then, in
/// PRIORITY tables, the greater priority; then the older claim; then the row id.
///
/// A row's claim is the newest stamp among the units that hold its keys, so "the first claim stays".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    // By time alone: a boost of high priority could otherwise never be answered.
    boost: Reverse<Option<(Hlc, Dot)>>,
    priority: Reverse<Option<Priority>>,
    claim: (Hlc, Dot),
    row: RowId,
}

/// The rank of a row. One rank for all its keys: with a rank per key, two rows could each bar the other.
pub(super) fn rank(table: &Table, row: RowId, facts: &RowState) -> Rank {
    let boost = facts.boost.stamps().map(|stamp| (boost_time(stamp), stamp.dot)).max();
    let keys = if planted(Bug::RankByFirstKey) { table.keys.get(..1) } else { None }.unwrap_or(&table.keys);
    let claims = table.units.iter().filter_map(|unit| {
        let holds_key = keys.iter().any(|key| key.columns.iter().any(|c| unit.columns.contains(c)));
        holds_key.then(|| claim(table, facts, unit.id)).flatten()
    });
    let newest = claims.max_by_key(|stamp| order(table, stamp));
    let (priority, claim) = match newest {
        Some(stamp) => (order(table, &stamp).0, (stamp.hlc, stamp.dot)),
        None => (None, (Hlc(0), facts.born)),
    };
    if planted(Bug::RankWithoutTieBreak) {
        let nobody = Dot { replica: ReplicaId::from_bytes([0; 16]), seq: 0 };
        let (claim, row) = ((claim.0, nobody), RowId::from_bytes([0; 16]));
        return Rank { boost: Reverse(boost), priority: Reverse(priority), claim, row };
    }
    Rank { boost: Reverse(boost), priority: Reverse(priority), claim, row }
}

fn boost_time(stamp: &Stamp) -> Hlc {
    let first = if planted(Bug::BoostByPriority) { u64::from(stamp.priority.get()) << 56 } else { 0 };
    Hlc(first | stamp.hlc.0)
}

/// When the unit's keys got their values. Under row tracking that may be before the unit's last change.
fn claim(table: &Table, facts: &RowState, unit: UnitId) -> Option<Stamp> {
    let winner = winner(table, facts.unit(unit))?;
    let kept = winner.value.claim.filter(|_| table.tracking == Tracking::Row);
    Some(kept.unwrap_or(winner.stamp))
}
