//! Settling conflicts: each way is an ordinary write that replicates, and names the losers it settles.
//!
//! Two people who resolve differently make two concurrent writes, hence one new conflict; who resolve
//! equally make none.

use super::WriteError;
use super::rows::Columns;
use super::stage::Stage;
use crate::derive::{About, Conflict, Kind, life_of, winner};
use crate::error::Error;
use crate::ids::{ConflictId, Dot, RowKey};
use crate::row::{RowState, UnitValue};
use crate::schema::{Constraint, ForeignKey, Table, Unit};

/// How to settle a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// What is visible stays; the loser is gone. For `update`, `delete-update`, `update-delete`, `identity`.
    KeepWinner,
    /// The loser becomes visible. For `update`, `delete-update`, `update-delete`, `identity`.
    KeepLoser,
    /// These values instead: for `update` and `validation`.
    Set(Columns),
    /// The parked row gets another key: for `unique`.
    Rename(Columns),
    /// The parked row is shown, and the row that holds its key is parked: for `unique`.
    Prefer,
    /// The parked row refers to another row: for `delete-ri`, `update-ri`, `foreign-key`.
    Reparent(Columns),
    /// The deleted parent is brought back: for `delete-ri`.
    RestoreParent,
    /// The parked row becomes the row that holds its key: for `unique`.
    Merge,
    /// Both rows stay, this one with these values: for `unique` and `identity`. Whoever merges them without
    /// knowing of it disagrees.
    KeepBoth(Columns),
    /// The parked row is deleted.
    Delete,
    /// Nothing changes but that the conflict is no longer listed.
    Dismiss,
}

impl Stage<'_> {
    /// Settles an open conflict.
    pub fn resolve(&mut self, id: ConflictId, how: &Resolution) -> Result<(), WriteError> {
        let mark = self.writes.mark();
        self.settle_conflict(id, how)?;
        Ok(self.remember_resolution(id, mark)?)
    }

    fn settle_conflict(&mut self, id: ConflictId, how: &Resolution) -> Result<(), WriteError> {
        let (key, conflict) = self.open_conflict(id)?;
        let table = self.table(key)?;
        let Some(facts) = self.class(key)? else { return Err(self.no_such_row(table, key)) };
        if *how == Resolution::Dismiss {
            return self.dismiss(table, key, &conflict);
        }
        match conflict.about {
            About::Update => {
                // The value may be in a row that was merged: it competes in the surviving one.
                let root = self.root(key)?;
                self.resolve_update(table, root, &conflict, how)
            }
            About::Life => self.resolve_life(table, key, &conflict, how),
            About::Identity => self.resolve_identity(table, key, &conflict, how),
            About::Constraint(_) => self.resolve_parked(table, key, &facts, &conflict, how),
        }
    }

    /// The open conflict with this id, and its row.
    fn open_conflict(&self, id: ConflictId) -> Result<(RowKey, Conflict), WriteError> {
        let Some(key) = self.base.row_of_conflict(id)? else { return Err(self.already_resolved(id)?) };
        match self.base.conflict(key, id)? {
            Some(conflict) if self.is_open(key, &conflict)? => Ok((key, conflict)),
            // The transaction itself has settled it.
            _ => {
                let by = Some(self.writes.author.replica);
                Err(WriteError::AlreadyResolved { conflict: id, by, at: None })
            }
        }
    }

    /// That a conflict is not open, and who closed it.
    pub fn already_resolved(&self, id: ConflictId) -> Result<WriteError, Error> {
        let closed = self.base.closed(id)?;
        let by = closed.as_ref().map(|closed| self.base.author_of(closed.by));
        let at = closed.map(|closed| closed.at.timestamp());
        Ok(WriteError::AlreadyResolved { conflict: id, by, at })
    }

    /// Whether the transaction itself has not settled the conflict.
    fn is_open(&self, key: RowKey, conflict: &Conflict) -> Result<bool, WriteError> {
        let table = self.table(key)?;
        let Some(facts) = self.facts(key)? else { return Ok(false) };
        Ok(match conflict.about {
            About::Update => {
                let class = self.class(self.root(key)?)?.unwrap_or(facts);
                conflict.units(table).iter().any(|unit| class.unit(unit.id).contains(conflict.loser))
            }
            About::Identity => {
                let dismissed = facts.dismisses(conflict.id);
                let lost = self.component(key)?.map(|component| component.lost(key.row)).unwrap_or_default();
                !dismissed && lost.iter().any(|((loser, _), _)| *loser == conflict.loser)
            }
            About::Life => {
                let loser = facts.life.get(conflict.loser);
                loser.is_some_and(|loser| loser.value.kind() != life_of(table, &facts).kind())
            }
            About::Constraint(_) => {
                let dismissed = facts.dismisses(conflict.id);
                !dismissed && !self.writes.takes_away(key)
            }
        })
    }

    fn resolve_update(
        &mut self,
        table: &Table,
        key: RowKey,
        conflict: &Conflict,
        how: &Resolution,
    ) -> Result<(), WriteError> {
        let alive = self.lives(key)?;
        if !alive && matches!(how, Resolution::Set(_)) {
            let reason = "the row is deleted: bring it back before its columns get other values";
            return Err(self.not_applicable(table, key, reason));
        }
        let units = conflict.units(table);
        for unit in &units {
            let Some(class) = self.class(key)? else { continue };
            let siblings = class.unit(unit.id);
            let value = match how {
                Resolution::KeepWinner | Resolution::Set(_) => winner(table, siblings),
                Resolution::KeepLoser => siblings.get(conflict.loser),
                _ => return Err(self.wrong_way(table, key, conflict, how)),
            };
            let Some(value) = value.map(|sibling| sibling.value.clone()) else { continue };
            self.decide(table, key, unit, &class, value, conflict.loser)?;
            if *how == Resolution::KeepLoser {
                // The loser names the rows that its references mean.
                for foreign_key in table.foreign_keys_of_unit(unit.id) {
                    self.writes.pending.remove(&(key, foreign_key.id));
                }
            }
        }
        // Its columns are settled; whether a deleted row lives is another conflict.
        if !alive {
            return Ok(());
        }
        self.touch(key)?;
        self.show_settled(table, key, &units)?;
        match how {
            Resolution::Set(columns) => self.change_settled(table, key, columns),
            _ => Ok(()),
        }
    }

    /// Shows settled units of a row that is visible. A parked row may stay parked for another reason.
    fn show_settled(&mut self, table: &Table, key: RowKey, units: &[&Unit]) -> Result<(), WriteError> {
        let Some(before) = self.visible(key)? else { return Ok(()) };
        self.show_units(table, key, units)?;
        self.owns(key);
        let after = self.visible(key)?.unwrap_or_default();
        self.key_changed(table, key, &before, &after)
    }

    /// Gives settled units third values. A parked row may stay parked for another reason.
    fn change_settled(&mut self, table: &Table, key: RowKey, columns: &Columns) -> Result<(), WriteError> {
        if let Some(shown) = self.visible(key)? {
            return self.change(table, key, &shown, columns, false);
        }
        let Some(facts) = self.class(key)? else { return Err(self.no_such_row(table, key)) };
        let shown = self.values(table, &facts)?;
        self.change(table, key, &shown, columns, false)?;
        self.writes.set_own(key, false);
        Ok(())
    }

    /// Shows these units as they were written now.
    fn show_units(&mut self, table: &Table, key: RowKey, units: &[&Unit]) -> Result<(), WriteError> {
        let Some(facts) = self.class(key)? else { return Ok(()) };
        let written = self.values(table, &facts)?;
        let mut shown = self.visible(key)?.map_or_else(|| written.clone(), |shown| shown.to_vec());
        for column in units.iter().flat_map(|unit| &unit.columns) {
            if let (Some(slot), Some(value)) = (shown.get_mut(*column), written.get(*column)) {
                slot.clone_from(value);
            }
        }
        self.show(key, Some(shown.into()))
    }

    /// Writes a unit in place of its visible value and a named loser.
    pub(super) fn decide(
        &mut self,
        table: &Table,
        key: RowKey,
        unit: &Unit,
        facts: &RowState,
        value: UnitValue,
        loser: Dot,
    ) -> Result<(), WriteError> {
        let mut settled = self.visible_dots(table, unit, facts)?;
        settled.push(loser);
        Ok(self.write_unit(key, unit.id, value, &settled)?)
    }

    fn resolve_life(
        &mut self,
        table: &Table,
        key: RowKey,
        conflict: &Conflict,
        how: &Resolution,
    ) -> Result<(), WriteError> {
        let merged = self.root(key)? != key;
        match (conflict.kind, how) {
            // Of a merged row only the losing change goes: what it became stays as it is.
            (_, Resolution::KeepWinner) if merged => self.dismiss(table, key, conflict),
            (Kind::DeleteUpdate, Resolution::KeepWinner) => self.bury(key),
            (Kind::DeleteUpdate, Resolution::KeepLoser) => self.undelete(key),
            (Kind::UpdateDelete, Resolution::KeepWinner) => {
                self.touch(key)?;
                let loser = conflict.loser;
                self.edit(key, |facts| facts.life.remove(loser))?;
                if self.visible(key)?.is_some() {
                    self.owns(key);
                }
                Ok(())
            }
            (Kind::UpdateDelete, Resolution::KeepLoser) if self.visible(key)?.is_some() => self.delete(key),
            (Kind::UpdateDelete, Resolution::KeepLoser) => self.bury(key),
            _ => Err(self.wrong_way(table, key, conflict, how)),
        }
    }

    fn resolve_parked(
        &mut self,
        table: &Table,
        key: RowKey,
        facts: &RowState,
        conflict: &Conflict,
        how: &Resolution,
    ) -> Result<(), WriteError> {
        let unique = conflict.kind == Kind::Unique;
        let orphan = matches!(conflict.kind, Kind::DeleteRi | Kind::UpdateRi | Kind::ForeignKey);
        match how {
            Resolution::Delete => self.bury(key),
            Resolution::Rename(columns) if unique => self.change_parked(table, key, facts, columns),
            Resolution::Prefer if unique => self.prefer(key),
            Resolution::Merge if unique => self.merge(key, self.holder_of(table, key, conflict)?),
            Resolution::KeepBoth(columns) if unique => {
                let holder = self.holder_of(table, key, conflict)?;
                self.change_parked(table, key, facts, columns)?;
                self.keep_apart(key, holder.row)
            }
            Resolution::Reparent(columns) if orphan => self.change_parked(table, key, facts, columns),
            Resolution::Set(columns) if conflict.kind == Kind::Validation => {
                self.change_parked(table, key, facts, columns)
            }
            Resolution::RestoreParent if orphan => self.restore_parent(table, key, conflict),
            _ => Err(self.wrong_way(table, key, conflict, how)),
        }
    }

    fn change_parked(
        &mut self,
        table: &Table,
        key: RowKey,
        facts: &RowState,
        columns: &Columns,
    ) -> Result<(), WriteError> {
        let shown = match self.visible(key)? {
            Some(shown) => shown,
            None => self.values(table, facts)?.into(),
        };
        self.change(table, key, &shown, columns, false)
    }

    fn restore_parent(&mut self, table: &Table, key: RowKey, conflict: &Conflict) -> Result<(), WriteError> {
        let foreign_key = self.broken_reference(conflict);
        let parent = foreign_key.zip(conflict.others.first());
        let Some((foreign_key, parent)) = parent else {
            return Err(self.not_applicable(
                table,
                key,
                "it is not known which row it referred to: reparent it",
            ));
        };
        let parent = RowKey { table: foreign_key.parent, row: *parent };
        let parent_table = self.table(parent)?;
        let parent = self.root(parent)?;
        let dead = self.facts(parent)?.is_some_and(|facts| life_of(parent_table, &facts).is_dead());
        if !dead {
            return Err(self.not_applicable(table, key, "the row it refers to is not deleted: reparent it"));
        }
        self.undelete(parent)
    }

    fn broken_reference(&self, conflict: &Conflict) -> Option<&ForeignKey> {
        let About::Constraint(id) = conflict.about else { return None };
        match self.schema().constraint(id) {
            Some((_, Constraint::ForeignKey(foreign_key))) => Some(foreign_key),
            _ => None,
        }
    }

    pub(super) fn wrong_way(
        &self,
        table: &Table,
        key: RowKey,
        conflict: &Conflict,
        how: &Resolution,
    ) -> WriteError {
        let ways = match conflict.kind {
            Kind::Update => "keep-winner, keep-loser, set or dismiss",
            Kind::Identity => "keep-winner, keep-loser, keep-both or dismiss",
            Kind::DeleteUpdate | Kind::UpdateDelete => "keep-winner, keep-loser or dismiss",
            Kind::Unique => "rename, prefer, merge, keep-both, delete or dismiss",
            Kind::DeleteRi => "reparent, restore-parent, delete or dismiss",
            Kind::UpdateRi | Kind::ForeignKey => "reparent, delete or dismiss",
            Kind::Validation => "set, delete or dismiss",
        };
        let kind = conflict.kind.name();
        self.not_applicable(
            table,
            key,
            format!("a conflict of kind {kind} cannot be settled by {}: {ways}", how.name()),
        )
    }
}

impl Resolution {
    /// The name, as in scripts and on the command line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Resolution::KeepWinner => "keep-winner",
            Resolution::KeepLoser => "keep-loser",
            Resolution::Set(_) => "set",
            Resolution::Rename(_) => "rename",
            Resolution::Prefer => "prefer",
            Resolution::Reparent(_) => "reparent",
            Resolution::RestoreParent => "restore-parent",
            Resolution::Merge => "merge",
            Resolution::KeepBoth(_) => "keep-both",
            Resolution::Delete => "delete",
            Resolution::Dismiss => "dismiss",
        }
    }
}
