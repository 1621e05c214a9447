//! What the policies of a session need of a database: which open conflicts the session brought, and
//! transactions that decide one.
//!
//! A conflict is a session's own if exactly one of its sides was unknown here before. It is noted with the
//! batch that brought it, so a session that breaks off loses no decision: the next one makes it. What a policy
//! makes of a conflict is decided in `replicate`.

use std::collections::BTreeMap;

use super::access::Endpoint;
use super::conflict::{ConflictRow, show_conflict};
use super::database::Database;
use super::transaction::Transaction;
use crate::commit::WriteError;
use crate::derive::{About, Conflict};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{ConflictId, Dot, RowKey};
use crate::store::{Changes, Mark, Snapshot};
use crate::version::Knowledge;

/// An open conflict that a session brought and nobody has decided yet.
#[derive(Clone, Debug)]
pub struct Undecided {
    /// The conflict.
    pub conflict: ConflictRow,
    /// Whether the session brought the losing side; else it brought the other one.
    pub loser_came: bool,
}

impl Endpoint {
    /// The open conflicts that sessions brought and nobody has decided yet.
    pub fn undecided(&self) -> Result<Vec<ConflictId>, Error> {
        let marks = self.db.snapshot()?.marks()?.into_iter();
        Ok(marks.filter(|(_, mark)| *mark != Mark::Decided).map(|(id, _)| id).collect())
    }

    /// One of them; none if it is no longer.
    pub fn undecided_conflict(&self, id: ConflictId) -> Result<Option<Undecided>, Error> {
        let snapshot = self.db.snapshot()?;
        let loser_came = match snapshot.mark(id)? {
            Some(Mark::LoserCame) => true,
            Some(Mark::WinnerCame) => false,
            Some(Mark::Decided) | None => return Ok(None),
        };
        let Some(key) = snapshot.row_of_conflict(id)? else { return Ok(None) };
        let conflict = snapshot.conflict(key, id)?;
        let conflict = conflict.map(|conflict| show_conflict(&snapshot, key, &conflict)).transpose()?;
        Ok(conflict.map(|conflict| Undecided { conflict, loser_came }))
    }

    /// Notes of each conflict that it counts as decided, or, if not, that no policy has to do with it any more.
    pub fn settle_marks(&self, decided: &BTreeMap<ConflictId, bool>) -> Result<(), Error> {
        if decided.is_empty() {
            return Ok(());
        }
        let permit = self.db.permit();
        let snapshot = self.db.snapshot()?;
        let mut marks = BTreeMap::new();
        for (id, decided) in decided {
            // Somebody may have closed it meanwhile.
            if snapshot.row_of_conflict(*id)?.is_some() {
                marks.insert(*id, decided.then_some(Mark::Decided));
            }
        }
        let changes = Changes { marks, ..Changes::default() };
        self.db.store(&snapshot, &changes, permit, self.db.durability())
    }
}

/// Whether a parked row was barred by the same rows before. What else came of these rows is no new conflict.
fn stood(before: &Snapshot, key: RowKey, conflict: &Conflict) -> Result<bool, Error> {
    if !matches!(conflict.about, About::Constraint(_)) {
        return Ok(false);
    }
    let earlier = before.conflict(key, conflict.id)?;
    Ok(earlier.is_some_and(|earlier| (earlier.kind, &earlier.others) == (conflict.kind, &conflict.others)))
}

impl Database {
    /// What to note of the conflicts that a batch of a session brings: `known` is what was known here before the
    /// session. It is stored with the batch, so that a killed process forgets no decision.
    pub(super) fn own_conflicts(
        &self,
        before: &Snapshot,
        changes: &Changes,
        known: &Knowledge,
    ) -> Result<BTreeMap<ConflictId, Option<Mark>>, Error> {
        let mut marks = BTreeMap::new();
        let delta = &changes.delta;
        if delta.values().all(|row| row.conflicts.is_empty()) {
            return Ok(marks);
        }
        let after = self.snapshot_with(before, changes)?;
        let came = |dot: Dot| dot.replica != self.replica_id() && !known.covers(dot);
        for (key, conflict) in delta.iter().flat_map(|(key, row)| row.conflicts.iter().map(move |c| (key, c)))
        {
            let id = conflict.id;
            if before.mark(id)?.is_some() || before.is_decided(id)? || stood(before, *key, conflict)? {
                continue;
            }
            let shown = show_conflict(&after, *key, conflict)?;
            let loser = came(shown.loser.change);
            let winner = shown.winner.map(|winner| came(winner.change));
            match (loser, winner) {
                (true, None | Some(false)) => marks.insert(id, Some(Mark::LoserCame)),
                (true, Some(true)) if planted(Bug::DecideForOthers) => {
                    marks.insert(id, Some(Mark::LoserCame))
                }
                (false, Some(true)) => marks.insert(id, Some(Mark::WinnerCame)),
                _ => None,
            };
        }
        Ok(marks)
    }

    /// Begins the transaction by which a policy decides a conflict. If it commits, the conflict is decided. With
    /// `reviewed`, a reviewer is to be asked about the rows that it changes.
    pub(crate) fn begin_decision(
        &self,
        conflict: ConflictId,
        reviewed: bool,
    ) -> Result<Transaction, WriteError> {
        let mut transaction = self.begin()?;
        transaction.decides(conflict, reviewed);
        Ok(transaction)
    }
}
