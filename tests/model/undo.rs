//! Taking a resolution back: what it replaced is there again, in place of what it wrote.

use std::collections::{BTreeMap, BTreeSet};

use reunite::ids::{Dot, RowKey, UnitId};
use reunite::schema::{Table, Tracking};

use super::commit::{Commit, Refusal};
use super::derive::Derived;
use super::facts::{ConflictName, Content, Entry, Facts, Row, Slot};
use super::identity::Edge;
use super::image::{life_order, order};
use super::replica::Replica;

type Outcome = Result<(), Refusal>;

/// A resolution of a transaction under way: the facts and the shown rows before it, the facts after it.
pub struct Settled {
    pub conflict: ConflictName,
    pub before: (Facts, BTreeSet<RowKey>),
    pub facts: Facts,
}

/// What a replica remembers of its last resolution of a conflict.
#[derive(Clone, Debug)]
pub struct Resolution {
    rows: Vec<Written>,
    /// Parked rows that the commit has shown.
    returned: BTreeSet<RowKey>,
}

#[derive(Clone, Debug)]
struct Written {
    row: RowKey,
    was_visible: bool,
    before: Row,
    /// Of what the resolution wrote, as the transaction left it.
    after: Row,
}

/// A conflict that closed otherwise than by a resolution of this replica cannot be undone by it any more.
pub fn forget_closed(replica: &mut Replica, before: &Derived, after: &Derived) {
    replica
        .resolutions
        .retain(|name, _| !before.conflicts.contains_key(name) || after.conflicts.contains_key(name));
}

impl Commit<'_> {
    /// At the end of the transaction: what is remembered of its resolutions.
    pub fn remember(&mut self, after: &Derived) {
        let before = self.before;
        forget_closed(&mut self.replica, before, after);
        let parked = |row: &RowKey| before.images.get(row).is_some_and(|image| image.lives);
        let new = |row: &&RowKey| !before.visible.contains_key(row) && parked(row);
        let returned: BTreeSet<RowKey> = after.visible.keys().filter(new).copied().collect();
        for settled in std::mem::take(&mut self.settled) {
            let open = after.conflicts.contains_key(&settled.conflict);
            if open {
                continue;
            }
            let rows = settled.facts.iter().filter_map(|(row, mid)| {
                let before = settled.before.0.get(row).filter(|before| *before != mid)?;
                let was_visible = settled.before.1.contains(row);
                let after = touched(before, mid, &self.replica.facts[row]);
                Some(Written { row: *row, was_visible, before: before.clone(), after })
            });
            let resolution = Resolution { rows: rows.collect(), returned: returned.clone() };
            self.replica.resolutions.insert(settled.conflict, resolution);
        }
        for name in &self.undone {
            self.replica.resolutions.remove(name);
        }
    }

    pub fn undo(&mut self, name: &ConflictName) -> Outcome {
        let resolution = self.replica.resolutions.get(name).cloned().ok_or(Refusal::NotApplicable)?;
        if self.before.conflicts.contains_key(name) || self.undone.contains(name) {
            return Err(Refusal::NotApplicable);
        }
        for written in &resolution.rows {
            self.put_back(written, &resolution.rows)?;
        }
        for written in &resolution.rows {
            self.show_again(written);
        }
        for row in &resolution.returned {
            if !resolution.rows.iter().any(|written| written.row == *row) {
                self.yields_place(*row);
            }
        }
        self.undone.push(*name);
        Ok(())
    }

    fn put_back(&mut self, written: &Written, all: &[Written]) -> Outcome {
        let (row, table) = (written.row, self.table(written.row));
        let mut plans: BTreeMap<Slot, Vec<(Dot, Entry)>> = BTreeMap::new();
        let mut withdrawn: BTreeSet<Slot> = BTreeSet::new();
        let taken = self.taken(row, all);
        let slots: BTreeSet<Slot> =
            written.before.units.keys().chain(written.after.units.keys()).copied().collect();
        for slot in slots {
            let combined = matches!(slot, Slot::Added(_) | Slot::Element(..));
            if combined
                || matches!(slot, Slot::Boost | Slot::Acks)
                || same_live(&written.before, &written.after, slot)
            {
                continue;
            }
            let plan = plan(table, slot, &written.before, &written.after, &taken);
            let now = &self.replica.facts[&row];
            let changed = !says_the_same(winner(table, slot, &written.after), winner(table, slot, now));
            if changed && (slot != Slot::Life || !plan.is_empty()) {
                return Err(Refusal::NotApplicable);
            }
            if matches!(slot, Slot::Columns(_)) && only_covered(table, slot, written, &taken) {
                withdrawn.insert(slot);
                continue;
            }
            plans.insert(slot, plan);
        }
        let boosts = added(written, Slot::Boost);
        let dismissed: BTreeSet<ConflictName> = &names(&written.after) - &names(&written.before);
        let now = &self.replica.facts[&row];
        let boosted = boosts.iter().all(|dot| now.get(Slot::Boost, *dot).is_some());
        if !boosted || !dismissed.is_subset(&names(now)) {
            return Err(Refusal::NotApplicable);
        }
        self.write_plans(written, &plans, &withdrawn);
        withdrawn.into_iter().for_each(|slot| self.withdraw(written, slot));
        self.put_elements_back(written);
        if !boosts.is_empty() || !dismissed.is_empty() {
            self.acknowledge(row, None);
            boosts.iter().for_each(|dot| self.remove(row, Slot::Boost, *dot));
            for (dot, content) in self.live(row, Slot::Acks) {
                let Content::Ack(acknowledged) = content else { continue };
                if !acknowledged.is_disjoint(&dismissed) {
                    self.remove(row, Slot::Acks, dot);
                    for name in acknowledged.difference(&dismissed) {
                        self.acknowledge(row, Some(*name));
                    }
                }
            }
        }
        Ok(())
    }

    /// The values that the resolution took into a row from rows which were merged into it before.
    fn taken(&self, row: RowKey, all: &[Written]) -> Vec<(Slot, Dot, Entry)> {
        let mut taken = Vec::new();
        for member in all.iter().filter(|other| other.row.table == row.table && other.row != row) {
            let old = edges(&member.before);
            let new = edges(&member.after).into_iter().filter(|edge| old.iter().any(|e| e.into == edge.into));
            let new: BTreeSet<(UnitId, Dot)> = new.flat_map(|edge| edge.absorbed).collect();
            for (unit, dot) in new.into_iter().filter(|spot| !old.iter().any(|e| e.absorbed.contains(spot))) {
                let entry = member.before.get(Slot::Columns(unit), dot);
                taken.extend(entry.map(|entry| (Slot::Columns(unit), dot, entry.clone())));
            }
            if self.root_before(member.row, all) != row {
                taken.retain(|(slot, dot, _)| member.before.get(*slot, *dot).is_none());
            }
        }
        taken
    }

    /// What a row was one with before the resolution.
    fn root_before(&self, row: RowKey, all: &[Written]) -> RowKey {
        let (mut path, identity) = (vec![row], self.identity());
        loop {
            let last = path[path.len() - 1];
            let next = match all.iter().find(|written| written.row == last) {
                Some(written) => edges(&written.before).last().map(|edge| RowKey { row: edge.into, ..row }),
                None => identity.edges.get(&last).copied(),
            };
            match next {
                Some(next) if !path.contains(&next) => path.push(next),
                Some(next) => return next,
                None => return last,
            }
        }
    }

    /// What was written over something that is still there goes.
    fn withdraw(&mut self, written: &Written, slot: Slot) {
        let row = written.row;
        let shown = winner(self.table(row), slot, &self.replica.facts[&row]).map(|(_, e)| e.content.clone());
        self.acknowledge(row, None);
        for (dot, content) in self.live(row, slot) {
            let same = shown.as_ref().is_some_and(|shown| alike(shown, &content));
            if same && written.before.get(slot, dot).is_none() {
                self.remove(row, slot, dot);
            }
        }
    }

    /// Elements of sets that the resolution removed are in them again, those that it added are not.
    fn put_elements_back(&mut self, written: &Written) {
        let slots = written.before.units.keys().chain(written.after.units.keys());
        let slots: BTreeSet<Slot> = slots.filter(|slot| matches!(slot, Slot::Element(..))).copied().collect();
        let is_in = |row: &Row, slot: &Slot| row.live(*slot).next().is_some();
        let differs = |slot: &Slot| is_in(&written.before, slot) != is_in(&written.after, slot);
        for slot in slots.into_iter().filter(differs) {
            self.acknowledge(written.row, None);
            let live = self.live(written.row, slot);
            if is_in(&written.before, &slot) {
                let old = live.into_iter().map(|(dot, _)| (slot, dot)).collect();
                self.write(written.row, slot, Content::Element, old);
            } else {
                live.into_iter().for_each(|(dot, _)| self.remove(written.row, slot, dot));
            }
        }
    }

    /// One change for each value that a slot gets back: those that lost, then the one that had won.
    fn write_plans(
        &mut self,
        written: &Written,
        plans: &BTreeMap<Slot, Vec<(Dot, Entry)>>,
        withdrawn: &BTreeSet<Slot>,
    ) {
        let (row, table) = (written.row, self.table(written.row));
        let most = plans.values().map(Vec::len).max().unwrap_or(0);
        for step in 0..most {
            self.next_change(row);
            for (slot, plan) in plans {
                let Some(place) = (step + plan.len()).checked_sub(most) else { continue };
                let (lost, entry) = &plan[place];
                let mut old = BTreeSet::new();
                if place == 0 {
                    let facts = &self.replica.facts[&row];
                    let shown = winner(table, *slot, facts).map(|(_, entry)| entry.content.clone());
                    let same = |content: &Content| shown.as_ref().is_some_and(|shown| alike(shown, content));
                    old = self.dots_of(row, *slot, same);
                }
                let before = self.replica.facts[&row].clone();
                self.write(row, *slot, kept(table, entry), old);
                if *slot == Slot::Life && place + 1 < plan.len() {
                    self.columns_of_loser(written, &before, *lost, plans, withdrawn);
                }
            }
        }
    }

    /// The columns that a change wrote which lost against a deletion are its own again.
    fn columns_of_loser(
        &mut self,
        written: &Written,
        now: &Row,
        lost: Dot,
        plans: &BTreeMap<Slot, Vec<(Dot, Entry)>>,
        withdrawn: &BTreeSet<Slot>,
    ) {
        let table = self.table(written.row);
        for unit in &table.units {
            let slot = Slot::Columns(unit.id);
            let planned = plans.get(&slot).is_some_and(|plan| !plan.is_empty()) || withdrawn.contains(&slot);
            let won = winner(table, slot, &written.before).is_some_and(|(dot, _)| dot == lost);
            let shown = winner(table, slot, now).map(|(_, entry)| entry.content.clone());
            let Some(Content::Columns(cell)) = shown.clone().filter(|_| !planned && won) else { continue };
            let same = |content: &Content| shown.as_ref().is_some_and(|shown| alike(shown, content));
            let old = self.dots_of(written.row, slot, same);
            let old = old.into_iter().map(|(_, dot)| (written.row, dot)).collect();
            self.write_unit(written.row, unit.id, cell, &old);
        }
    }

    fn show_again(&mut self, written: &Written) {
        let row = written.row;
        let alive = self.lives(row);
        if written.was_visible && alive {
            self.gone.remove(&row);
            let shown = self.by_facts(row);
            self.shown.insert(row, shown);
            self.own.insert(row);
            self.show_followers(row);
            return;
        }
        self.yields_place(row);
        if !alive {
            self.gone.insert(row);
        }
    }

    fn yields_place(&mut self, row: RowKey) {
        self.shown.remove(&row);
        self.own.remove(&row);
        self.preferred.remove(&row);
        self.yields.insert(row);
    }
}

/// The row before, with what the resolution changed as it is at the end.
fn touched(before: &Row, mid: &Row, end: &Row) -> Row {
    let mut after = before.clone();
    for (slot, unit) in &mid.units {
        if before.units.get(slot).map(|unit| &unit.live) != Some(&unit.live) {
            after.units.insert(*slot, end.units.get(slot).cloned().unwrap_or_default());
        }
    }
    after
}

fn same_live(a: &Row, b: &Row, slot: Slot) -> bool {
    a.live(slot).eq(b.live(slot))
}

/// What a slot gets back: the values that are gone, by stamp, the one that had won as the last. Nothing, if that is
/// still what is visible and nothing is gone beside it.
fn plan(table: &Table, slot: Slot, before: &Row, after: &Row, taken: &Taken) -> Vec<(Dot, Entry)> {
    let Some((won, winning)) = visible_before(table, slot, before, taken) else { return Vec::new() };
    let mut gone: Vec<(Dot, Entry)> = before
        .live(slot)
        .filter(|(dot, entry)| after.get(slot, *dot).is_none() && !alike(&entry.content, &winning.content))
        .map(|(dot, entry)| (dot, entry.clone()))
        .collect();
    gone.sort_by_key(|(_, entry)| entry.stamp);
    let mut plan: Vec<(Dot, Entry)> = Vec::new();
    for (dot, entry) in gone {
        if !plan.iter().any(|(_, known)| alike(&known.content, &entry.content)) {
            plan.push((dot, entry));
        }
    }
    if plan.is_empty() && says_the_same(Some((won, winning)), winner(table, slot, after)) {
        return plan;
    }
    plan.push((won, winning.clone()));
    plan
}

/// Values of merged rows.
type Taken = [(Slot, Dot, Entry)];

/// The value that a slot showed, in the row or in one that had been merged into it.
fn visible_before<'a>(
    table: &Table,
    slot: Slot,
    before: &'a Row,
    taken: &'a Taken,
) -> Option<(Dot, &'a Entry)> {
    let taken = taken.iter().filter(|(of, ..)| *of == slot).map(|(_, dot, entry)| (*dot, entry));
    let others = taken.max_by_key(|(_, entry)| order(table, &entry.stamp));
    match (winner(table, slot, before), others) {
        (Some(own), Some(other)) => {
            Some(if order(table, &own.1.stamp) > order(table, &other.1.stamp) { own } else { other })
        }
        (own, other) => own.or(other),
    }
}

/// Whether a resolution only wrote over values that are not of the row itself.
fn only_covered(table: &Table, slot: Slot, written: &Written, taken: &Taken) -> bool {
    let visible = visible_before(table, slot, &written.before, taken);
    visible.is_none_or(|(dot, _)| written.before.get(slot, dot).is_none())
        && written.before.live(slot).all(|(dot, _)| written.after.get(slot, dot).is_some())
}

/// The merges of a row, in force or not.
fn edges(row: &Row) -> Vec<Edge> {
    let lives = row.live(Slot::Life).filter_map(|(_, entry)| match &entry.content {
        Content::Merged(edge) => Some(edge.clone()),
        _ => None,
    });
    lives.collect()
}

/// The value that a slot shows.
fn winner<'a>(table: &Table, slot: Slot, row: &'a Row) -> Option<(Dot, &'a Entry)> {
    match slot {
        Slot::Life => row.live(slot).max_by_key(|(_, entry)| life_order(table, entry)),
        _ => row.live(slot).max_by_key(|(_, entry)| order(table, &entry.stamp)),
    }
}

fn says_the_same(a: Option<(Dot, &Entry)>, b: Option<(Dot, &Entry)>) -> bool {
    a.zip(b).is_some_and(|((_, a), (_, b))| alike(&a.content, &b.content))
}

fn alike(a: &Content, b: &Content) -> bool {
    match (a, b) {
        (Content::Columns(a), Content::Columns(b)) => a.says_the_same(b),
        _ => a == b,
    }
}

/// Under row tracking a row has its keys for as long as it had before.
fn kept(table: &Table, entry: &Entry) -> Content {
    match &entry.content {
        Content::Columns(cell) if table.tracking == Tracking::Row => {
            let mut cell = cell.clone();
            cell.claim = cell.claim.or(Some(entry.stamp));
            Content::Columns(cell)
        }
        content => content.clone(),
    }
}

fn added(written: &Written, slot: Slot) -> BTreeSet<Dot> {
    let new = written.after.live(slot).filter(|(dot, _)| written.before.get(slot, *dot).is_none());
    new.map(|(dot, _)| dot).collect()
}

fn names(row: &Row) -> BTreeSet<ConflictName> {
    let acks = row.live(Slot::Acks).filter_map(|(_, entry)| match &entry.content {
        Content::Ack(names) => Some(names.clone()),
        _ => None,
    });
    acks.flatten().collect()
}
