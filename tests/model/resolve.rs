//! Settling conflicts: each way is an ordinary write, and names the losers that it settles.

use reunite::derive::{About, Kind};
use reunite::ids::{RowKey, UnitId};
use reunite::schema::Unit;

use super::commit::{Commit, Refusal};
use super::conflicts::Conflict;
use super::facts::{ConflictName, Content, Entry, Slot};
use super::image::life_order;
use super::operations::Values;
use super::undo::Settled;

/// How to settle a conflict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    KeepWinner,
    KeepLoser,
    Set(Values),
    Rename(Values),
    Prefer,
    Reparent(Values),
    RestoreParent,
    Merge,
    KeepBoth(Values),
    Delete,
    Dismiss,
}

type Outcome = Result<(), Refusal>;

impl Commit<'_> {
    pub fn resolve(&mut self, name: &ConflictName, choice: &Choice) -> Outcome {
        let before = (self.replica.facts.clone(), self.shown.keys().copied().collect());
        self.settle(name, choice)?;
        self.settled.push(Settled { conflict: *name, before, facts: self.replica.facts.clone() });
        Ok(())
    }

    fn settle(&mut self, name: &ConflictName, choice: &Choice) -> Outcome {
        let conflict = self.before.conflicts.get(name).ok_or(Refusal::NotApplicable)?.clone();
        if !self.is_open(name, &conflict) {
            return Err(Refusal::NotApplicable);
        }
        match name.about {
            _ if *choice == Choice::Dismiss => self.dismiss(name, &conflict),
            About::Update => return self.resolve_update(name, &conflict, choice),
            About::Life => return self.resolve_life(name, &conflict, choice),
            About::Identity => return self.resolve_identity(name, &conflict, choice),
            About::Constraint(_) => return self.resolve_parked(name, &conflict, choice),
        }
        Ok(())
    }

    /// Whether the transaction has not settled the conflict already.
    fn is_open(&self, name: &ConflictName, conflict: &Conflict) -> bool {
        let facts = &self.replica.facts[&name.row];
        let dismissed = |content: &Content| matches!(content, Content::Ack(names) if names.contains(name));
        let dismissed = facts.live(Slot::Acks).any(|(_, entry)| dismissed(&entry.content));
        match name.about {
            About::Update => {
                let root = self.identity().root(name.row);
                let competes = |unit: &Unit| self.spots(root, unit.id).iter().any(|spot| spot.1 == name.dot);
                self.units_of(name.row, conflict).iter().any(competes)
            }
            About::Life => {
                let table = self.table(name.row);
                let kind = |entry: &Entry| std::mem::discriminant(&entry.content);
                let best = facts.live(Slot::Life).max_by_key(|(_, entry)| life_order(table, entry));
                let loser = facts.get(Slot::Life, name.dot);
                loser.zip(best).is_some_and(|(loser, (_, best))| kind(loser) != kind(best))
            }
            About::Identity => {
                let lost = self.identity().lost(self.schema, &self.replica.facts, name.row);
                !dismissed && lost.iter().any(|(dot, _)| *dot == name.dot)
            }
            About::Constraint(_) => !dismissed && !self.gone.contains(&name.row),
        }
    }

    fn resolve_update(&mut self, name: &ConflictName, conflict: &Conflict, choice: &Choice) -> Outcome {
        // The value may be in a row that was merged: it competes in the surviving one.
        let row = self.identity().root(name.row);
        let alive = self.lives(row);
        if !alive && matches!(choice, Choice::Set(_)) {
            return Err(Refusal::NotApplicable);
        }
        for unit in self.units_of(row, conflict) {
            let Some((winner, _, mut settled)) = self.visible_value(row, unit.id) else { continue };
            let competes = self.spots(row, unit.id).contains(&(name.row, name.dot));
            let lost =
                self.replica.facts[&name.row].get(Slot::Columns(unit.id), name.dot).filter(|_| competes);
            let lost = lost.map(|entry| entry.content.clone());
            let cell = match (choice, lost) {
                (Choice::KeepWinner | Choice::Set(_), _) => winner,
                (Choice::KeepLoser, Some(Content::Columns(lost))) => lost,
                (Choice::KeepLoser, _) => continue,
                _ => return Err(Refusal::NotApplicable),
            };
            if *choice == Choice::KeepLoser {
                // The loser names the rows that its references mean.
                let keys = self.table(row).foreign_keys_of_unit(unit.id);
                keys.for_each(|key| {
                    self.pending.remove(&(row, key.id));
                });
            }
            settled.insert((name.row, name.dot));
            self.write_unit(row, unit.id, cell, &settled);
        }
        // Whether a deleted row lives is another conflict.
        if !alive {
            return Ok(());
        }
        self.touch(row);
        // A parked row may stay parked for another reason.
        if let Some(before) = self.shown.get(&row).cloned() {
            let (by_facts, mut shown) = (self.by_facts(row), before.clone());
            for column in self.units_of(row, conflict).iter().flat_map(Unit::live_columns) {
                shown[column] = by_facts[column].clone();
            }
            self.shown.insert(row, shown.clone());
            self.own.insert(row);
            self.key_changed(row, &before, &shown)?;
        }
        let Choice::Set(values) = choice else { return Ok(()) };
        let visible = self.shown.get(&row).cloned();
        let parked = visible.is_none();
        let shown = visible.unwrap_or_else(|| self.by_facts(row));
        self.change(row, shown, values, false)?;
        if parked {
            self.own.remove(&row);
        }
        Ok(())
    }

    fn resolve_life(&mut self, name: &ConflictName, conflict: &Conflict, choice: &Choice) -> Outcome {
        let row = name.row;
        match (conflict.kind, choice) {
            (_, Choice::KeepWinner) if self.identity().root(row) != row => self.dismiss(name, conflict),
            (Kind::DeleteUpdate, Choice::KeepWinner) => self.bury(row),
            (Kind::DeleteUpdate, Choice::KeepLoser) => return self.undelete(row),
            (Kind::UpdateDelete, Choice::KeepWinner) => {
                let mut old = self.dots_of(row, Slot::Life, Content::is_alive);
                old.insert((Slot::Life, name.dot));
                self.write(row, Slot::Life, Content::Alive(self.apart_of(row)), old);
                if self.shown.contains_key(&row) {
                    self.own.insert(row);
                }
            }
            (Kind::UpdateDelete, Choice::KeepLoser) if self.shown.contains_key(&row) => {
                return self.delete(row);
            }
            (Kind::UpdateDelete, Choice::KeepLoser) => self.bury(row),
            _ => return Err(Refusal::NotApplicable),
        }
        Ok(())
    }

    fn resolve_parked(&mut self, name: &ConflictName, conflict: &Conflict, choice: &Choice) -> Outcome {
        let row = name.row;
        let orphan = matches!(conflict.kind, Kind::DeleteRi | Kind::UpdateRi | Kind::ForeignKey);
        match (choice, conflict.kind) {
            (Choice::Delete, _) => {
                self.bury(row);
                Ok(())
            }
            (Choice::Prefer, Kind::Unique) => self.prefer(row),
            (Choice::Merge, Kind::Unique) => {
                let holder = self.holder_of(conflict, row)?;
                self.merge(row, holder)
            }
            (Choice::KeepBoth(values), Kind::Unique) => {
                let holder = self.holder_of(conflict, row)?;
                self.change_parked(row, values)?;
                self.keep_apart(row, holder);
                Ok(())
            }
            (Choice::Rename(values), Kind::Unique) | (Choice::Set(values), Kind::Validation) => {
                self.change_parked(row, values)
            }
            (Choice::Reparent(values), _) if orphan => self.change_parked(row, values),
            (Choice::RestoreParent, _) if orphan => self.restore_parent(name, conflict),
            _ => Err(Refusal::NotApplicable),
        }
    }

    fn change_parked(&mut self, row: RowKey, values: &Values) -> Outcome {
        let shown = self.shown.get(&row).cloned().unwrap_or_else(|| self.by_facts(row));
        self.change(row, shown, values, false)
    }

    fn restore_parent(&mut self, name: &ConflictName, conflict: &Conflict) -> Outcome {
        let About::Constraint(id) = name.about else { return Err(Refusal::NotApplicable) };
        let foreign_key = self.table(name.row).foreign_keys.iter().find(|key| key.id == id);
        let parent = foreign_key.zip(conflict.others.first()).ok_or(Refusal::NotApplicable)?;
        let parent = RowKey { table: parent.0.parent, row: *parent.1 };
        let parent = self.identity().root(parent);
        if !self.replica.facts.contains_key(&parent) || self.lives(parent) {
            return Err(Refusal::NotApplicable);
        }
        self.undelete(parent)
    }

    /// A losing sibling is removed; a parked row is acknowledged by conflict id.
    fn dismiss(&mut self, name: &ConflictName, conflict: &Conflict) {
        let lost: Vec<Slot> = match name.about {
            About::Constraint(_) => return self.acknowledge(name.row, Some(*name)),
            About::Life => vec![Slot::Life],
            About::Identity => return self.dismiss_identity(name, conflict),
            About::Update => return self.dismiss_values(name, conflict),
        };
        self.acknowledge(name.row, None);
        lost.into_iter().for_each(|slot| self.remove(name.row, slot, name.dot));
    }

    /// A losing value of a merged row is absorbed. Where the winner is in a merged row and the loser is not, the
    /// winner is written, or the row would have no value, should the merge be undone.
    fn dismiss_values(&mut self, name: &ConflictName, conflict: &Conflict) {
        self.acknowledge(name.row, None);
        let root = self.identity().root(name.row);
        for unit in self.units_of(name.row, conflict) {
            if root != name.row {
                self.absorb_if_open(name, root, unit.id);
                continue;
            }
            let visible = self.visible_value(root, unit.id);
            match visible {
                Some((winner, stamp, mut settled)) if !settled.contains(&(root, stamp.dot)) => {
                    settled.insert((root, name.dot));
                    self.write_unit(root, unit.id, winner, &settled);
                }
                _ => self.remove(name.row, Slot::Columns(unit.id), name.dot),
            }
        }
    }

    /// Absorbs a value that is there.
    fn absorb_if_open(&mut self, name: &ConflictName, root: RowKey, unit: UnitId) {
        if self.spots(root, unit).contains(&(name.row, name.dot)) {
            self.absorb((name.row, name.dot), unit);
        }
    }

    fn units_of(&self, row: RowKey, conflict: &Conflict) -> Vec<Unit> {
        let table = self.table(row);
        let lost = |column: usize| conflict.columns.contains(&table.columns[column].id);
        table.units.iter().filter(|unit| unit.live_columns().any(lost)).cloned().collect()
    }
}
