//! L4 for tables that refer to each other in a cycle, a table that refers to itself included.
//!
//! There the rule of `visibility` may have no solution or several, so it is read as a procedure
//! (`models/l4.rs`): propagate what is certain; then accept, in the order of rank, the first undecided
//! row whose support can stand together; repeat; what is left is parked. It terminates, is
//! deterministic, sound and maximal. It runs on the connected rows only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::image::Image;
use super::pass::{Pass, rows_of};
use super::{Source, Status};
use crate::error::Error;
use crate::ids::{RowId, RowKey};
use crate::schema::Table;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Decision {
    Undecided,
    In,
    Out,
}

/// A row of the component under decision; other rows by their position, which is their rank.
struct Node {
    key: RowKey,
    image: Arc<Image>,
    /// Per reference that no decided row satisfies, the rows that would.
    needs: Vec<Vec<usize>>,
    rivals: Vec<usize>,
    decision: Decision,
}

impl<S: Source + ?Sized> Pass<'_, S> {
    /// Decides the marked rows of a stratum whose tables refer to each other.
    pub(super) fn decide_cycle(&mut self, tables: &[&Table]) -> Result<(), Error> {
        let marked: BTreeSet<RowKey> =
            tables.iter().flat_map(|table| rows_of(&self.undecided, table.id)).collect();
        if marked.is_empty() {
            return Ok(());
        }
        let decisions = match self.all_stand(tables, &marked)? {
            Some(visible) => visible,
            None => self.solve(tables, marked)?,
        };
        for (key, status) in decisions {
            let (Some(table), Some(image)) = (self.schema.table_by_id(key.table), self.image(key)?) else {
                continue;
            };
            if self.settle(table, key, &image, status)? {
                for rival in self.rivals(table, key.row, &image)? {
                    self.touched.insert(RowKey { table: table.id, row: rival });
                }
            }
        }
        Ok(())
    }

    /// The usual case, without a look at the rest of the tables: nothing in them is parked, and no
    /// marked row is invalid, has a rival or lacks a parent. Then all rows stand: without rivals the
    /// greatest set in which every row is supported is the solution. None if that is not so.
    fn all_stand(
        &mut self,
        tables: &[&Table],
        marked: &BTreeSet<RowKey>,
    ) -> Result<Option<Vec<(RowKey, Status)>>, Error> {
        for table in tables {
            if self.parked(table.id)? > 0 {
                return Ok(None);
            }
        }
        let mut decisions = Vec::new();
        for key in marked {
            let (Some(table), Some(image)) = (self.schema.table_by_id(key.table), self.image(*key)?) else {
                continue;
            };
            if !image.lives {
                if !self.children_of(table, *key)?.iter().all(|child| marked.contains(child)) {
                    return Ok(None);
                }
                decisions.push((*key, image.absence()));
                continue;
            }
            if !image.failed.is_empty() || !self.rivals(table, key.row, &image)?.is_empty() {
                return Ok(None);
            }
            let moved = self.before(*key)?.is_some_and(|before| before.footprint.keys != image.keys);
            if moved && !self.children_of(table, *key)?.iter().all(|child| marked.contains(child)) {
                return Ok(None);
            }
            if !self.stands(table, tables, marked, &image)? {
                return Ok(None);
            }
            decisions.push((*key, Status::Visible));
        }
        Ok(Some(decisions))
    }

    /// Whether every reference of a row finds a row that is visible, or marked and alive.
    pub(super) fn stands(
        &mut self,
        table: &Table,
        tables: &[&Table],
        marked: &BTreeSet<RowKey>,
        image: &Image,
    ) -> Result<bool, Error> {
        for (foreign_key, need) in table.foreign_keys.iter().zip(&image.references) {
            let Some(need) = need else { continue };
            let Some(value) = &need.key else { return Ok(false) };
            let inside = tables.iter().any(|table| table.id == foreign_key.parent);
            let mut found = false;
            for row in self.claimants(foreign_key.key, value)? {
                let parent = RowKey { table: foreign_key.parent, row };
                found |= (inside && marked.contains(&parent)) || self.status_of(parent)? == Status::Visible;
            }
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Decides everything that is connected with the marked rows.
    pub(super) fn solve(
        &mut self,
        tables: &[&Table],
        marked: BTreeSet<RowKey>,
    ) -> Result<Vec<(RowKey, Status)>, Error> {
        let component = self.component(tables, marked)?;
        let mut decisions = Vec::new();
        let mut rows = Vec::new();
        for key in component {
            match self.image(key)? {
                Some(image) if image.lives => rows.push((key, image)),
                Some(image) => decisions.push((key, image.absence())),
                None => {}
            }
        }
        rows.sort_by_key(|(_, image)| image.rank);
        let mut solver = Solver::new(self.nodes(rows)?);
        solver.solve();
        decisions.extend(solver.nodes.iter().map(|node| {
            let visible = node.decision == Decision::In;
            (node.key, if visible { Status::Visible } else { Status::Parked })
        }));
        Ok(decisions)
    }

    /// The rows that share a key or a reference with a marked row, directly or through others.
    fn component(&mut self, tables: &[&Table], marked: BTreeSet<RowKey>) -> Result<BTreeSet<RowKey>, Error> {
        let mut found = BTreeSet::new();
        let mut todo: Vec<RowKey> = marked.into_iter().collect();
        while let Some(key) = todo.pop() {
            let Some(table) = tables.iter().find(|table| table.id == key.table) else { continue };
            let Some(image) = self.image(key)? else { continue };
            if !found.insert(key) {
                continue;
            }
            todo.extend(self.children_of(table, key)?);
            todo.extend(self.rivals(table, key.row, &image)?.into_iter().map(|row| RowKey { row, ..key }));
            // What it referred to before counts too: it may have supported that row.
            let before = self.before(key)?;
            let images = [Some(&*image), before.as_ref().map(|before| &before.image)];
            for image in images.into_iter().flatten() {
                todo.extend(self.parents_of(table, image)?);
            }
        }
        Ok(found)
    }

    /// The rows that would satisfy a reference of this row.
    fn parents_of(&mut self, table: &Table, image: &Image) -> Result<Vec<RowKey>, Error> {
        let mut parents = Vec::new();
        for (foreign_key, need) in table.foreign_keys.iter().zip(&image.references) {
            if let Some(value) = need.as_ref().and_then(|need| need.key.as_ref()) {
                let rows = self.claimants(foreign_key.key, value)?;
                parents.extend(rows.into_iter().map(|row| RowKey { table: foreign_key.parent, row }));
            }
        }
        Ok(parents)
    }

    /// The stored rows that refer to this row, by row or by the value of one of its keys, old or new.
    fn children_of(&mut self, table: &Table, key: RowKey) -> Result<Vec<RowKey>, Error> {
        let (image, before) = (self.image(key)?, self.before(key)?);
        let mut children = BTreeSet::new();
        for (child, foreign_key) in self.schema.referring(table.id) {
            let Some(i) = table.keys.iter().position(|unique| unique.id == foreign_key.key) else { continue };
            let old =
                before.as_ref().and_then(|before| before.footprint.keys.get(i)).and_then(Option::as_ref);
            let new = image.as_ref().and_then(|image| image.keys.get(i)).and_then(Option::as_ref);
            let mut rows: BTreeSet<RowId> =
                self.source.children(foreign_key.id, key.row)?.into_iter().collect();
            for value in old.into_iter().chain(new) {
                rows.extend(self.source.children_by_value(foreign_key.id, value)?);
            }
            children.extend(rows.into_iter().map(|row| RowKey { table: child.id, row }));
        }
        Ok(children.into_iter().collect())
    }

    fn nodes(&mut self, rows: Vec<(RowKey, Arc<Image>)>) -> Result<Vec<Node>, Error> {
        let positions: BTreeMap<RowKey, usize> =
            rows.iter().enumerate().map(|(i, (key, _))| (*key, i)).collect();
        let mut nodes = Vec::new();
        for (key, image) in rows {
            let Some(table) = self.schema.table_by_id(key.table) else { continue };
            let at = |row: RowId| positions.get(&RowKey { table: key.table, row }).copied();
            let rivals = self.rivals(table, key.row, &image)?.into_iter().filter_map(at).collect();
            let needs = self.needs(table, &image, &positions)?;
            nodes.push(Node { key, image, needs, rivals, decision: Decision::Undecided });
        }
        Ok(nodes)
    }

    fn needs(
        &mut self,
        table: &Table,
        image: &Image,
        positions: &BTreeMap<RowKey, usize>,
    ) -> Result<Vec<Vec<usize>>, Error> {
        let mut needs = Vec::new();
        for (foreign_key, need) in table.foreign_keys.iter().zip(&image.references) {
            let Some(need) = need else { continue };
            let Some(value) = &need.key else {
                needs.push(Vec::new());
                continue;
            };
            let (mut inside, mut satisfied) = (Vec::new(), false);
            for row in self.claimants(foreign_key.key, value)? {
                let parent = RowKey { table: foreign_key.parent, row };
                match positions.get(&parent) {
                    Some(position) => inside.push(*position),
                    None => satisfied |= self.status_of(parent)? == Status::Visible,
                }
            }
            if !satisfied {
                needs.push(inside);
            }
        }
        Ok(needs)
    }
}

/// The procedure, on rows in the order of their rank.
struct Solver {
    nodes: Vec<Node>,
    /// Per row, those of which the decision looks at this one's.
    dependents: Vec<Vec<usize>>,
}

impl Solver {
    fn new(nodes: Vec<Node>) -> Solver {
        let mut dependents = vec![Vec::new(); nodes.len()];
        for (i, node) in nodes.iter().enumerate() {
            for other in node.needs.iter().flatten().chain(&node.rivals) {
                if let Some(dependents) = dependents.get_mut(*other) {
                    dependents.push(i);
                }
            }
        }
        Solver { nodes, dependents }
    }

    fn solve(&mut self) {
        self.propagate((0..self.nodes.len()).collect());
        loop {
            let open: Vec<usize> =
                (0..self.nodes.len()).filter(|i| self.decision(*i) == Decision::Undecided).collect();
            if open.is_empty() {
                return;
            }
            match open.iter().find_map(|i| self.support(*i)) {
                Some(accepted) => {
                    accepted.iter().for_each(|i| self.set(*i, Decision::In));
                    let affected = accepted.iter().filter_map(|i| self.dependents.get(*i)).flatten();
                    self.propagate(affected.copied().collect());
                }
                None => open.into_iter().for_each(|i| self.set(i, Decision::Out)),
            }
        }
    }

    /// Decides what is certain of these rows, and what becomes so by that. The order does not matter.
    fn propagate(&mut self, mut todo: Vec<usize>) {
        while let Some(i) = todo.pop() {
            if self.decision(i) != Decision::Undecided {
                continue;
            }
            let decision = self.certain(i);
            if decision != Decision::Undecided {
                self.set(i, decision);
                todo.extend(self.dependents.get(i).into_iter().flatten());
            }
        }
    }

    fn certain(&self, i: usize) -> Decision {
        let Some(node) = self.nodes.get(i) else { return Decision::Out };
        if !node.image.failed.is_empty() {
            return Decision::Out;
        }
        let mut sure = true;
        for need in &node.needs {
            if need.iter().any(|c| *c == i || self.decision(*c) == Decision::In) {
                continue;
            }
            if need.iter().all(|c| self.decision(*c) == Decision::Out) {
                return Decision::Out;
            }
            sure = false;
        }
        for rival in &node.rivals {
            match self.decision(*rival) {
                Decision::In => return Decision::Out,
                Decision::Undecided if *rival < i => sure = false,
                _ => {}
            }
        }
        if sure { Decision::In } else { Decision::Undecided }
    }

    /// The row and the best undecided parents it needs, recursively, if they can stand together.
    fn support(&self, row: usize) -> Option<BTreeSet<usize>> {
        let (mut closure, mut todo) = (BTreeSet::new(), vec![row]);
        while let Some(row) = todo.pop() {
            if !closure.insert(row) {
                continue;
            }
            for need in &self.nodes.get(row)?.needs {
                if !need.iter().any(|c| self.decision(*c) == Decision::In || closure.contains(c)) {
                    let open = need.iter().filter(|c| self.decision(**c) == Decision::Undecided);
                    todo.push(*open.min()?);
                }
            }
        }
        let clash = |rival: &usize| self.decision(*rival) == Decision::In || closure.contains(rival);
        let node = |i: &usize| self.nodes.get(*i);
        let consistent = !closure.iter().filter_map(node).any(|node| node.rivals.iter().any(clash));
        consistent.then_some(closure)
    }

    fn decision(&self, i: usize) -> Decision {
        self.nodes.get(i).map_or(Decision::Out, |node| node.decision)
    }

    fn set(&mut self, i: usize, decision: Decision) {
        if let Some(node) = self.nodes.get_mut(i) {
            node.decision = decision;
        }
    }
}
