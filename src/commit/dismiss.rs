//! Dismissing conflicts: what lost is no longer listed, and nothing else changes.

use super::WriteError;
use super::stage::Stage;
use crate::derive::{About, Conflict, winner};
use crate::fault::{Bug, planted};
use crate::ids::{Dot, RowKey};
use crate::row::Ack;
use crate::schema::{Table, Unit};

impl Stage<'_> {
    /// A losing value is dismissed by removing it; a parked row by the conflict's id, so that it is
    /// listed again if something else bars it later.
    pub(super) fn dismiss(
        &mut self,
        table: &Table,
        key: RowKey,
        conflict: &Conflict,
    ) -> Result<(), WriteError> {
        let loser = conflict.loser;
        match conflict.about {
            About::Update if planted(Bug::LoserAcknowledged) => {
                self.write_ack(key, Ack::of(conflict.id))?;
            }
            About::Update => {
                let root = self.root(key)?;
                self.write_ack(key, Ack::REMOVAL)?;
                for unit in conflict.units(table) {
                    self.dismiss_value(table, root, key, unit, loser)?;
                }
            }
            About::Identity => self.dismiss_identity(key, conflict)?,
            About::Life => {
                self.write_ack(key, Ack::REMOVAL)?;
                self.edit(key, |facts| facts.life.remove(loser))?;
            }
            About::Constraint(_) => self.write_ack(key, Ack::of(conflict.id))?,
        }
        Ok(())
    }

    /// Removes a losing value of a row. Where it is in a merged row, the merge absorbs it; where it is in the
    /// surviving row and the winner is not, the winner is written there, or the row would be left without a
    /// value should the merge be undone.
    fn dismiss_value(
        &mut self,
        table: &Table,
        root: RowKey,
        key: RowKey,
        unit: &Unit,
        loser: Dot,
    ) -> Result<(), WriteError> {
        if root != key {
            return Ok(self.absorb(root, unit.id, &[loser])?);
        }
        let (Some(class), Some(own)) = (self.class(key)?, self.facts(key)?) else { return Ok(()) };
        let siblings = class.unit(unit.id);
        match winner(table, siblings) {
            Some(winner) if !own.unit(unit.id).contains(winner.stamp.dot) => {
                let value = winner.value.clone();
                self.decide(table, key, unit, &class, value, loser)
            }
            _ => Ok(self.edit(key, |facts| facts.remove_from_unit(unit.id, loser))?),
        }
    }
}
