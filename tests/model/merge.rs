//! Merging rows, keeping them apart, and settling disagreements about it.

use std::collections::BTreeSet;

use reunite::ids::{Dot, RowId, RowKey, UnitId};
use reunite::schema::{ColumnRule, Unit};
use reunite::value::Value;

use super::commit::{Commit, Refusal};
use super::conflicts::Conflict;
use super::facts::{ConflictName, Content, Slot};
use super::identity::{Edge, name_of};
use super::image::{life_order, unwritten};
use super::operations::Values;
use super::resolve::Choice;

type Outcome = Result<(), Refusal>;

impl Commit<'_> {
    /// Merges a row, visible or parked, into another.
    pub fn merge(&mut self, from: RowKey, into: RowKey) -> Outcome {
        if !self.lives(from) || !self.shown.contains_key(&into) {
            return Err(Refusal::NoSuchRow);
        }
        if from.table != into.table || from == into {
            return Err(Refusal::NotApplicable);
        }
        self.join(from, into)
    }

    /// The survivor keeps what it has; where that is null throughout, it takes what the other has. Every unit
    /// on which the two do not simply agree is decided, hence rewritten.
    fn join(&mut self, from: RowKey, into: RowKey) -> Outcome {
        let before = self.shown.get(&from).cloned();
        let identity = self.identity();
        let mut both = BTreeSet::from([from, into]);
        for row in [from, into] {
            both.extend(identity.class(row));
        }
        self.joining.clone_from(&both);
        let mut absorbed = BTreeSet::new();
        let table = self.table(from);
        for unit in table.units.iter().filter(|unit| name_of(table) != Some(unit.id)) {
            self.join_unit(unit, from, into, &mut absorbed);
        }
        let names: BTreeSet<RowId> = both.iter().map(|row| row.row).collect();
        let apart = self.apart_of(from).union(&self.apart_of(into)).copied().collect::<BTreeSet<RowId>>();
        self.live_on(into, apart.difference(&names).copied().collect());
        let after = self.by_facts(into);
        self.shown.insert(into, after.clone());
        let visible = before.is_some();
        if let Some(before) = before {
            self.key_changed(from, &before, &after)?;
        }
        let all = self.dots_of(from, Slot::Life, |_| true);
        let edge = Edge { into: into.row, absorbed, removed: BTreeSet::new(), rule: None };
        self.write(from, Slot::Life, Content::Merged(edge), all);
        self.reunite(&both);
        self.joining.clear();
        self.settle_references(from);
        self.leave(from);
        self.own.insert(into);
        if !visible {
            self.show_followers(into);
        }
        Ok(())
    }

    fn join_unit(&mut self, unit: &Unit, from: RowKey, into: RowKey, absorbed: &mut BTreeSet<(UnitId, Dot)>) {
        let rule = self.table(from).rule_of(unit);
        if matches!(rule, ColumnRule::Max | ColumnRule::Min | ColumnRule::Union) {
            return; // What counts together goes on counting where it is.
        }
        let unwritten = unwritten(self.table(from), unit);
        let assigned = !self.spots(into, unit.id).is_empty();
        let competing = self.spots(from, unit.id);
        let (old, gone) = match self.visible_value(from, unit.id) {
            Some((cell, _, same)) => (cell, same),
            None => (unwritten.clone(), BTreeSet::new()),
        };
        for (row, dot) in gone {
            if row == from {
                absorbed.insert((unit.id, dot));
            } else {
                self.absorb((row, dot), unit.id);
            }
        }
        let (new, kept) = match self.visible_value(into, unit.id) {
            Some((cell, _, same)) => (cell, same),
            None => (unwritten, BTreeSet::new()),
        };
        if rule == ColumnRule::Sum {
            // The survivor's assignment goes on, or else the other's; what was added to either is added.
            if assigned || !competing.is_empty() {
                self.write_unit(into, unit.id, if assigned { new } else { old }, &kept);
            }
            return;
        }
        let nothing = new.columns.iter().all(Value::is_null);
        let table = self.table(from);
        let agree = self.combined(into, |class| class.means_the_same(table, unit, &old, &new));
        let undecided = !agree || competing.len() > 1;
        // A value that nobody wrote competes with none.
        if undecided && (nothing || !competing.is_empty()) {
            if nothing {
                self.carry_references(unit, from, into);
            }
            self.write_unit(into, unit.id, if nothing { old } else { new }, &kept);
        }
    }

    /// A reference of which the parent is still to be looked up is looked up for the row that takes it over.
    fn carry_references(&mut self, unit: &Unit, from: RowKey, into: RowKey) {
        for foreign_key in self.table(from).foreign_keys_of_unit(unit.id) {
            if self.pending.contains(&(from, foreign_key.id)) {
                self.pending.insert((into, foreign_key.id));
            } else {
                self.pending.remove(&(into, foreign_key.id));
            }
        }
    }

    /// The rows from which a row was decided to stay apart.
    pub fn apart_of(&self, row: RowKey) -> BTreeSet<RowId> {
        let lives = self.live(row, Slot::Life).into_iter();
        let apart = lives.filter_map(|(_, content)| match content {
            Content::Alive(apart) => Some(apart),
            _ => None,
        });
        apart.flatten().collect()
    }

    fn live_on(&mut self, row: RowKey, mut apart: BTreeSet<RowId>) {
        apart.remove(&row.row);
        let alive = self.dots_of(row, Slot::Life, Content::is_alive);
        self.write(row, Slot::Life, Content::Alive(apart), alive);
    }

    /// Rows that are one take back what they say of staying apart from each other.
    fn reunite(&mut self, rows: &BTreeSet<RowKey>) {
        let names: BTreeSet<RowId> = rows.iter().map(|row| row.row).collect();
        for row in rows {
            let apart = self.apart_of(*row);
            if apart.is_disjoint(&names) {
                continue;
            }
            if self.identity().root(*row) == *row {
                self.live_on(*row, apart.difference(&names).copied().collect());
                continue;
            }
            let names_one =
                |content: &Content| matches!(content, Content::Alive(a) if !a.is_disjoint(&names));
            let lost = self.dots_of(*row, Slot::Life, names_one);
            self.acknowledge(*row, None);
            lost.into_iter().for_each(|(slot, dot)| self.remove(*row, slot, dot));
        }
    }

    /// The rows that come back into one with a row that is not deleted any more.
    pub fn naming(&self, row: RowKey) -> BTreeSet<RowKey> {
        let identity = self.identity();
        let names = |content: &Content| matches!(content, Content::Merged(edge) if edge.into == row.row);
        let rows = self.replica.facts.keys().filter(|other| other.table == row.table);
        let rows = rows.filter(|other| !self.dots_of(**other, Slot::Life, names).is_empty());
        let mut rows: BTreeSet<RowKey> =
            rows.flat_map(|other| identity.class(identity.root(*other))).collect();
        rows.remove(&row);
        rows
    }

    /// Says of two rows that they are not one, on both as far as they live.
    pub fn keep_apart(&mut self, a: RowKey, b: RowKey) {
        for (row, other) in [(a, b), (b, a)] {
            if self.lives(row) {
                let mut apart = self.apart_of(row);
                apart.insert(other.row);
                self.live_on(row, apart);
            }
        }
    }

    pub fn holder_of(&self, conflict: &Conflict, row: RowKey) -> Result<RowKey, Refusal> {
        let holder = conflict.others.first().map(|other| RowKey { row: *other, ..row });
        holder.filter(|holder| self.lives(*holder)).ok_or(Refusal::NotApplicable)
    }

    pub fn resolve_identity(&mut self, name: &ConflictName, conflict: &Conflict, choice: &Choice) -> Outcome {
        let loser =
            self.replica.facts[&name.row].get(Slot::Life, name.dot).map(|entry| entry.content.clone());
        match (loser, choice) {
            (Some(Content::Merged(edge)), _) => {
                let target = self.identity().root(RowKey { row: edge.into, ..name.row });
                self.resolve_merge(name, conflict, target, choice)
            }
            (Some(Content::Alive(_)), Choice::KeepWinner) => {
                self.dismiss_identity(name, conflict);
                Ok(())
            }
            (Some(Content::Alive(_)), Choice::KeepLoser) => self.part(name, conflict, &Values::new()),
            (Some(Content::Alive(_)), Choice::KeepBoth(values)) => self.part(name, conflict, values),
            _ => Err(Refusal::NotApplicable),
        }
    }

    /// A merge lost.
    fn resolve_merge(
        &mut self,
        name: &ConflictName,
        conflict: &Conflict,
        target: RowKey,
        choice: &Choice,
    ) -> Outcome {
        let (row, lives) = (name.row, self.lives(name.row));
        match choice {
            Choice::KeepLoser if self.lives(target) => return self.join(row, target),
            Choice::KeepWinner if !lives => self.dismiss_identity(name, conflict),
            Choice::KeepWinner => {
                self.stand_alone(row);
                self.keep_apart(row, target);
            }
            Choice::KeepBoth(values) if lives => {
                self.stand_alone(row);
                self.appear(row);
                self.change(row, self.shown[&row].clone(), values, false)?;
                self.keep_apart(row, target);
            }
            _ => return Err(Refusal::NotApplicable),
        }
        Ok(())
    }

    fn stand_alone(&mut self, row: RowKey) {
        let (apart, old) = (self.apart_of(row), self.dots_of(row, Slot::Life, |content| !content.is_dead()));
        self.write(row, Slot::Life, Content::Alive(apart), old);
        self.own.insert(row);
    }

    /// Takes two rows apart that are one.
    fn part(&mut self, name: &ConflictName, conflict: &Conflict, values: &Values) -> Outcome {
        let other = RowKey { row: *conflict.others.first().expect("it names a row"), ..name.row };
        let is_root = self.identity().root(name.row) == name.row;
        let (leaves, stays) = if is_root { (other, name.row) } else { (name.row, other) };
        self.undelete(leaves)?;
        self.change(leaves, self.shown[&leaves].clone(), values, false)?;
        let stays = self.identity().root(stays);
        self.keep_apart(leaves, stays);
        Ok(())
    }

    /// A lost decision goes; a merge that is the row's life, though not in force, is acknowledged.
    pub fn dismiss_identity(&mut self, name: &ConflictName, conflict: &Conflict) {
        let facts = &self.replica.facts[&name.row];
        let loser = facts.get(Slot::Life, name.dot).expect("it is open");
        if loser.content.is_alive() {
            let others = conflict.others.iter().map(|other| RowKey { row: *other, ..name.row });
            return self.reunite(&others.chain([name.row]).collect());
        }
        let best = facts.live(Slot::Life).max_by_key(|(_, entry)| life_order(self.table(name.row), entry));
        if best.is_some_and(|(dot, _)| dot == name.dot) {
            return self.acknowledge(name.row, Some(*name));
        }
        self.acknowledge(name.row, None);
        self.remove(name.row, Slot::Life, name.dot);
    }
}
