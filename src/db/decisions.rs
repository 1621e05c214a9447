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
use crate::derive::Delta;
use crate::error::Error;
use crate::ids::{ConflictId, Dot};
use crate::store::{Changes, Mark};
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
    /// Notes the conflicts in these rows that the session brought: `known` is what was known here before it.
    pub(super) fn note_own(&self, delta: &Delta, known: &Knowledge) -> Result<(), Error> {
        let me = self.db.replica_id();
        let came = |dot: Dot| dot.replica != me && !known.covers(dot);
        let permit = self.db.permit();
        let snapshot = self.db.snapshot()?;
        let mut marks = BTreeMap::new();
        for (key, row) in delta.iter().filter(|(_, row)| !row.conflicts.is_empty()) {
            for conflict in &row.conflicts {
                let id = conflict.id;
                let open = snapshot.row_of_conflict(id)? == Some(*key);
                if !open || snapshot.mark(id)?.is_some() || snapshot.is_decided(id)? {
                    continue;
                }
                let shown = show_conflict(&snapshot, *key, conflict)?;
                let loser = came(shown.loser.change);
                let winner = shown.winner.map(|winner| came(winner.change));
                match (loser, winner) {
                    (true, None | Some(false)) => marks.insert(id, Some(Mark::LoserCame)),
                    (false, Some(true)) => marks.insert(id, Some(Mark::WinnerCame)),
                    _ => None,
                };
            }
        }
        if marks.is_empty() {
            return Ok(());
        }
        let changes = Changes { marks, ..Changes::default() };
        self.db.store(&snapshot, &changes, permit, self.db.durability())
    }

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

    /// Notes that a conflict counts as decided, or, if not, that no policy has to do with it any more.
    pub fn settle_mark(&self, id: ConflictId, decided: bool) -> Result<(), Error> {
        let permit = self.db.permit();
        let snapshot = self.db.snapshot()?;
        if snapshot.row_of_conflict(id)?.is_none() {
            return Ok(());
        }
        let marks = BTreeMap::from([(id, decided.then_some(Mark::Decided))]);
        let changes = Changes { marks, ..Changes::default() };
        self.db.store(&snapshot, &changes, permit, self.db.durability())
    }
}

impl Database {
    /// Begins the transaction by which a policy decides a conflict. If it commits, the conflict is decided.
    pub(crate) fn begin_decision(&self, conflict: ConflictId) -> Result<Transaction, WriteError> {
        let mut transaction = self.begin()?;
        transaction.decides(conflict);
        Ok(transaction)
    }
}
