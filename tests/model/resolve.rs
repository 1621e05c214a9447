//! Settling conflicts: each way is an ordinary write, and names the losers that it settles.

use reunite::derive::{About, Kind};
use reunite::ids::RowKey;
use reunite::schema::Unit;

use super::commit::{Commit, Refusal};
use super::conflicts::Conflict;
use super::facts::{ConflictName, Content, Slot};
use super::image::lives;
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
            About::Constraint(_) => return self.resolve_parked(name, &conflict, choice),
        }
        Ok(())
    }

    /// Whether the transaction has not settled the conflict already.
    fn is_open(&self, name: &ConflictName, conflict: &Conflict) -> bool {
        let facts = &self.replica.facts[&name.row];
        let loser = |slot| facts.get(slot, name.dot);
        match name.about {
            About::Update => {
                self.units_of(name.row, conflict).iter().any(|unit| loser(Slot::Columns(unit.id)).is_some())
            }
            About::Life => loser(Slot::Life)
                .is_some_and(|entry| (entry.content == Content::Alive) != lives(self.table(name.row), facts)),
            About::Constraint(_) => {
                let dismissed =
                    |content: &Content| matches!(content, Content::Ack(names) if names.contains(name));
                !facts.live(Slot::Acks).any(|(_, entry)| dismissed(&entry.content))
                    && !self.gone.contains(&name.row)
            }
        }
    }

    fn resolve_update(&mut self, name: &ConflictName, conflict: &Conflict, choice: &Choice) -> Outcome {
        let row = name.row;
        let alive = lives(self.table(row), &self.replica.facts[&row]);
        if !alive && matches!(choice, Choice::Set(_)) {
            return Err(Refusal::NotApplicable);
        }
        for unit in self.units_of(row, conflict) {
            let slot = Slot::Columns(unit.id);
            let Some((winner, _, mut settled)) = self.visible_value(row, slot) else { continue };
            let lost = self.replica.facts[&row].get(slot, name.dot).map(|entry| entry.content.clone());
            let mut cell = match (choice, lost) {
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
            settled.insert((slot, name.dot));
            cell.claim = self.kept_claim(row, slot, &cell);
            self.write(row, slot, Content::Columns(cell), settled);
        }
        // Whether a deleted row lives is another conflict.
        if !alive {
            return Ok(());
        }
        self.touch(row);
        // A parked row may stay parked for another reason.
        if let Some(before) = self.shown.get(&row).cloned() {
            let (by_facts, mut shown) = (self.by_facts(row), before.clone());
            for column in self.units_of(row, conflict).iter().flat_map(|unit| &unit.columns) {
                shown[*column] = by_facts[*column].clone();
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
            (Kind::DeleteUpdate, Choice::KeepWinner) => self.bury(row),
            (Kind::DeleteUpdate, Choice::KeepLoser) => return self.undelete(row),
            (Kind::UpdateDelete, Choice::KeepWinner) => {
                let mut old = self.dots_of(row, Slot::Life, |content| *content == Content::Alive);
                old.insert((Slot::Life, name.dot));
                self.write(row, Slot::Life, Content::Alive, old);
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
        let dead = |facts: &super::facts::Row| !lives(self.table(parent), facts);
        if !self.replica.facts.get(&parent).is_some_and(dead) {
            return Err(Refusal::NotApplicable);
        }
        self.undelete(parent)
    }

    /// A losing sibling is removed; a parked row is acknowledged by conflict id.
    fn dismiss(&mut self, name: &ConflictName, conflict: &Conflict) {
        let lost: Vec<Slot> = match name.about {
            About::Constraint(_) => return self.acknowledge(name.row, Some(*name)),
            About::Life => vec![Slot::Life],
            About::Update => {
                self.units_of(name.row, conflict).iter().map(|unit| Slot::Columns(unit.id)).collect()
            }
        };
        self.acknowledge(name.row, None);
        lost.into_iter().for_each(|slot| self.remove(name.row, slot, name.dot));
    }

    fn units_of(&self, row: RowKey, conflict: &Conflict) -> Vec<Unit> {
        let table = self.table(row);
        let lost = |column: &usize| conflict.columns.contains(&table.columns[*column].id);
        table.units.iter().filter(|unit| unit.columns.iter().any(lost)).cloned().collect()
    }
}
