//! L2: which rows have become one. Reads L1 of the rows that name each other as merged, and nothing else.
//!
//! Each merged row has one edge to the row it became. Which edges are in force follows from the facts of
//! the connected rows alone: it does not depend on keys, on what is visible, or on what came first.
//! What a *class*, a surviving row with those merged into it, shows is one row state with the siblings
//! of all of them, so everything above reads it like any row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::image::fold;
use super::units::{life_of, order, winning_life};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{Dot, RowId, RowKey, UnitId};
use crate::row::{Life, Merge, RowState, UnitValue};
use crate::schema::{DeleteRule, Table};
use crate::value::Json;
use crate::version::{Hlc, Priority, Stamp};

/// Finds rows and those that were merged into them: in a snapshot, in a transaction, or in a derivation.
pub(crate) trait Lookup {
    /// The facts of a row by itself.
    fn facts(&self, row: RowKey) -> Result<Option<Arc<RowState>>, Error>;

    /// The rows of which a live merge names this row as the survivor, in force or not.
    fn merged_into(&self, row: RowKey) -> Result<Vec<RowId>, Error>;
}

/// How strong a decision about identity is: by the table's order of stamps.
type Strength = (Option<Priority>, Stamp);

/// The rows that are connected by live merges, and what became of them.
#[derive(Clone, Debug)]
pub(crate) struct Component<'t> {
    table: &'t Table,
    /// The row from which the others were found.
    start: RowId,
    rows: BTreeMap<RowId, Arc<RowState>>,
    /// The merges in force: row and the row it became.
    edges: BTreeMap<RowId, RowId>,
    roots: BTreeMap<RowId, RowId>,
}

impl<'t> Component<'t> {
    /// The rows connected with a row. Without a row that is known it is empty.
    pub fn of(table: &'t Table, start: RowId, lookup: &impl Lookup) -> Result<Component<'t>, Error> {
        let (rows, edges, roots) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut component = Component { table, start, rows, edges, roots };
        let mut todo = vec![start];
        while let Some(row) = todo.pop() {
            let key = RowKey { table: table.id, row };
            if component.rows.contains_key(&row) {
                continue;
            }
            let Some(facts) = lookup.facts(key)? else { continue };
            todo.extend(merges(&facts).map(|(_, merge)| merge.into));
            todo.extend(lookup.merged_into(key)?);
            component.rows.insert(row, facts);
        }
        component.connect();
        Ok(component)
    }

    /// The rows, with their own facts.
    pub fn rows(&self) -> impl Iterator<Item = (RowId, &Arc<RowState>)> {
        self.rows.iter().map(|(row, facts)| (*row, facts))
    }

    /// The facts of a row by itself.
    #[must_use]
    pub fn facts(&self, row: RowId) -> Option<&Arc<RowState>> {
        self.rows.get(&row)
    }

    /// The row that a row has become in the end: itself, if it was not merged.
    #[must_use]
    pub fn root(&self, row: RowId) -> RowId {
        self.roots.get(&row).copied().unwrap_or(row)
    }

    /// The rows that were merged into a surviving row, directly or not, without itself.
    pub fn members(&self, root: RowId) -> impl Iterator<Item = RowId> {
        self.roots.iter().filter(move |(row, its)| **its == root && **row != root).map(|(row, _)| *row)
    }

    /// The merge of a row that is in force.
    #[must_use]
    pub fn edge(&self, row: RowId) -> Option<RowId> {
        self.edges.get(&row).copied()
    }

    /// The state of a surviving row with those merged into it: of each unit the root's siblings, and those
    /// of the merged rows that no merge has absorbed. Dots are never shared by rows, so they stay apart.
    #[must_use]
    pub fn state(&self, root: RowId) -> Option<Arc<RowState>> {
        let own = self.rows.get(&root)?;
        let mut state = Arc::clone(own);
        // The key that names a row comes from no other row.
        let natural = self.table.natural_unit();
        for member in self.members(root) {
            let Some(facts) = self.rows.get(&member) else { continue };
            for (unit, siblings) in facts.units().filter(|(unit, _)| Some(*unit) != natural) {
                for sibling in siblings.iter().filter(|s| !self.is_absorbed(member, unit, s.stamp.dot)) {
                    Arc::make_mut(&mut state).add_to_unit(unit, sibling.clone());
                }
            }
            self.combine(member, facts, &mut state);
        }
        Some(state)
    }

    /// Adds what counts together in a merged row: its counts, and the elements that were not removed since.
    fn combine(&self, member: RowId, facts: &RowState, state: &mut Arc<RowState>) {
        for (unit, row, replica, count) in facts.counts.iter() {
            Arc::make_mut(state).counts.join(unit, row, replica, count);
        }
        for (unit, element, siblings) in facts.elements.iter() {
            let open =
                siblings.iter().filter(|sibling| !self.is_removed(member, unit, element, sibling.stamp.dot));
            let mut all = state.elements.get(unit, element);
            open.for_each(|sibling| all.insert(sibling.clone()));
            if !all.is_empty() {
                Arc::make_mut(state).elements.set(unit, element.clone(), all);
            }
        }
    }

    /// Whether a value of a merged row was taken in by a merge into what the row has become: by any that
    /// is live, also one that lost to another into the same row.
    #[must_use]
    pub fn is_absorbed(&self, row: RowId, unit: UnitId, dot: Dot) -> bool {
        let Some(facts) = self.rows.get(&row).filter(|_| self.edges.contains_key(&row)) else { return false };
        let counts = |merge: &Merge| match planted(Bug::AbsorbedByWinner) {
            true => self.edges.get(&row) == Some(&merge.into),
            false => self.is_one(row, merge.into),
        };
        let took = |merge: &Merge| counts(merge) && merge.absorbed.binary_search(&(unit, dot)).is_ok();
        merges(facts).any(|(_, merge)| took(merge)) && !planted(Bug::AbsorbedIgnored)
    }

    /// Whether an element of a set of a merged row was removed since it was merged into what it has become.
    #[must_use]
    pub fn is_removed(&self, row: RowId, unit: UnitId, element: &Json, dot: Dot) -> bool {
        let Some(facts) = self.rows.get(&row).filter(|_| self.edges.contains_key(&row)) else { return false };
        let removed = |merge: &Merge| {
            merge.removed.iter().any(|(of, removed, by)| *of == unit && *by == dot && removed == element)
        };
        merges(facts).any(|(_, merge)| removed(merge) && self.is_one(row, merge.into))
            && !planted(Bug::RemovedElementsBack)
    }

    /// The decisions about a row's identity that lost, by change and time, each with the other rows that it is about: merges
    /// that are not in force though the rows did not become one anyway, and decisions to stay apart from
    /// rows that it is one with.
    #[must_use]
    pub fn lost(&self, row: RowId) -> Vec<((Dot, Hlc), Vec<RowId>)> {
        let Some(facts) = self.rows.get(&row) else { return Vec::new() };
        let dead = self.is_dead(self.root(row));
        let mut lost = Vec::new();
        for sibling in facts.life.iter() {
            match &sibling.value {
                // What a rule merged it may merge again; nobody has to decide it.
                Life::Merged(merge) if merge.rule.is_none() && !self.is_done(row, merge.into) => {
                    lost.push(((sibling.stamp.dot, sibling.stamp.hlc), vec![self.root(merge.into)]));
                }
                Life::Alive { apart } if !dead => {
                    let joined = apart.iter().filter(|other| self.disagrees(row, **other));
                    let joined: Vec<RowId> = joined.copied().collect();
                    if !joined.is_empty() {
                        lost.push(((sibling.stamp.dot, sibling.stamp.hlc), joined));
                    }
                }
                _ => {}
            }
        }
        lost
    }

    /// Whether a merge needs nobody any more: the rows are one, by whichever merge.
    fn is_done(&self, row: RowId, into: RowId) -> bool {
        match planted(Bug::IdentityNoise) {
            true => self.edges.get(&row) == Some(&into),
            false => self.is_one(row, into),
        }
    }

    /// Whether two rows have become one.
    #[must_use]
    pub fn is_one(&self, a: RowId, b: RowId) -> bool {
        self.rows.contains_key(&a) && self.rows.contains_key(&b) && self.root(a) == self.root(b)
    }

    /// Whether a row that names another as apart is one with it. Where both name each other, only one of
    /// them says so: the row that was merged.
    fn disagrees(&self, row: RowId, other: RowId) -> bool {
        let names_back = self.rows.get(&other).is_some_and(|facts| is_apart(facts, row));
        let other_says_it = self.root(row) == row || (self.root(other) != other && other < row);
        self.is_one(row, other) && !(names_back && other_says_it)
    }

    fn is_dead(&self, row: RowId) -> bool {
        self.rows.get(&row).is_some_and(|facts| life_of(self.table, facts).is_dead())
    }

    /// Decides which merges are in force.
    fn connect(&mut self) {
        let mut strengths = BTreeMap::new();
        for (row, facts) in &self.rows {
            let Some(sibling) = winning_life(self.table, facts) else { continue };
            let Life::Merged(merge) = &sibling.value else { continue };
            // A target that has not arrived yet does not swallow the row.
            let here = self.rows.contains_key(&merge.into) && merge.into != *row;
            let mut same = merges(facts).filter(|(_, other)| other.into == merge.into);
            if here && same.any(|(_, other)| self.holds(*row, other)) {
                self.edges.insert(*row, merge.into);
                strengths.insert(*row, order(self.table, &sibling.stamp));
            }
        }
        self.cut_cycles(&strengths);
        self.keep_apart(&strengths);
        self.void_unknown();
        let root = |row: &RowId| (*row, self.path(*row).last().copied().unwrap_or(*row));
        self.roots = self.rows.keys().map(root).collect();
    }

    /// A merge by rule holds while nobody who did not know of it has given either row another key.
    fn holds(&self, row: RowId, merge: &Merge) -> bool {
        let Some(rule) = &merge.rule else { return true };
        let Some(key) = self.table.key(rule.key) else { return true };
        let says = |columns: &[usize], value: &UnitValue| {
            let at = |column: usize| columns.iter().position(|own| *own == column);
            let own = |column: usize| at(column).and_then(|i| value.columns.get(i));
            let value = fold(self.table, &key.columns, own);
            let pairs = key.columns.iter().zip(value.iter().zip(&rule.value));
            pairs.filter(|(column, _)| at(**column).is_some()).all(|(_, (its, agreed))| its == agreed)
        };
        let units = self.table.units_of(&key.columns);
        let agrees = |facts: &RowState| {
            units.iter().filter_map(|unit| self.table.unit(*unit)).all(|unit| {
                let saw = |dot| rule.seen.binary_search(&(unit.id, dot)).is_ok();
                let mut siblings = facts.unit(unit.id).iter();
                siblings.all(|s| saw(s.stamp.dot) || says(&unit.columns, &s.value))
            })
        };
        let both = [row, merge.into].into_iter().filter_map(|row| self.rows.get(&row));
        planted(Bug::RuleEdgeSticks) || both.into_iter().all(|facts| agrees(facts))
    }

    /// In a cycle the weakest merge goes.
    fn cut_cycles(&mut self, strengths: &BTreeMap<RowId, Strength>) {
        let mut passed: BTreeSet<RowId> = BTreeSet::new();
        for start in self.rows.keys() {
            let mut path = Vec::new();
            let mut next = Some(*start);
            while let Some(row) = next.filter(|row| passed.insert(*row)) {
                path.push(row);
                next = self.edges.get(&row).copied();
            }
            let Some(first) = next.and_then(|next| path.iter().position(|row| *row == next)) else {
                continue;
            };
            let cycle = path.get(first..).unwrap_or_default();
            let weakest = match cycle.iter().find(|row| **row == self.start) {
                Some(first) if planted(Bug::CycleCutByArrival) => Some(first),
                _ => cycle.iter().min_by_key(|row| strengths.get(row)),
            };
            if let Some(weakest) = weakest {
                self.edges.remove(weakest);
            }
        }
    }

    /// Where rows were merged that somebody else decided to keep apart, the table's rule for deletions
    /// says which decision holds. What yields is the last of the merges that join the two.
    fn keep_apart(&mut self, strengths: &BTreeMap<RowId, Strength>) {
        let later_only = match self.table.deletes {
            DeleteRule::DeleteWins => return,
            DeleteRule::UpdateWins => false,
            DeleteRule::LatestWins => true,
        };
        let mut decisions: Vec<(Strength, RowId, RowId)> = Vec::new();
        for (row, facts) in &self.rows {
            for sibling in facts.life.iter() {
                if let Life::Alive { apart } = &sibling.value {
                    let strength = order(self.table, &sibling.stamp);
                    decisions.extend(apart.iter().map(|other| (strength, *row, *other)));
                }
            }
        }
        decisions.sort_unstable();
        if planted(Bug::ApartIgnored) {
            return;
        }
        for (strength, row, other) in decisions.into_iter().rev() {
            let between = self.between(row, other);
            let last = between.iter().max_by_key(|row| strengths.get(row));
            if let Some(last) = last.filter(|last| !later_only || Some(&strength) > strengths.get(last)) {
                self.edges.remove(last);
            }
        }
    }

    /// The rows whose merges join two rows; none if nothing does.
    fn between(&self, a: RowId, b: RowId) -> Vec<RowId> {
        let (mut up, mut other) = (self.path(a), self.path(b));
        if up.last() != other.last() {
            return Vec::new();
        }
        while let (Some(x), Some(y)) = (up.last(), other.last()) {
            if x != y {
                break;
            }
            up.pop();
            other.pop();
        }
        up.append(&mut other);
        up
    }

    /// A deleted row takes only those merged rows with it that its deletion names: whoever deleted it did
    /// not know of the others.
    fn void_unknown(&mut self) {
        let mut void = BTreeSet::new();
        for row in self.edges.keys() {
            let mut path = self.path(*row);
            let Some(root) = path.pop().filter(|root| self.is_dead(*root)) else { continue };
            void.extend(path.into_iter().rev().find(|row| !self.takes(root, *row)));
        }
        if !planted(Bug::VoidNever) {
            self.edges.retain(|row, _| !void.contains(row));
        }
    }

    /// Whether a deletion of the row `root` names the other one.
    fn takes(&self, root: RowId, row: RowId) -> bool {
        let deaths = self.rows.get(&root).into_iter().flat_map(|facts| facts.life.iter());
        deaths
            .into_iter()
            .any(|s| matches!(&s.value, Life::Dead { with } if with.binary_search(&row).is_ok()))
    }

    /// A row and those that it became, one after the other. Ends before it would repeat.
    fn path(&self, row: RowId) -> Vec<RowId> {
        let mut path = vec![row];
        let mut last = row;
        while let Some(next) = self.edges.get(&last).filter(|next| !path.contains(next)) {
            path.push(*next);
            last = *next;
        }
        path
    }
}

/// The merges that are live in a row, in force or not, with the change that made each.
pub(crate) fn merges(facts: &RowState) -> impl Iterator<Item = (Stamp, &Merge)> {
    facts.life.iter().filter_map(|sibling| Some((sibling.stamp, sibling.value.merge()?)))
}

/// Whether a live decision keeps the row apart from another.
#[must_use]
pub(crate) fn is_apart(facts: &RowState, other: RowId) -> bool {
    let names = |life: &Life| matches!(life, Life::Alive { apart } if apart.binary_search(&other).is_ok());
    facts.life.iter().any(|sibling| names(&sibling.value))
}
