//! L2: which rows have become one. Looks at all facts at once, and knows no index.

use std::collections::{BTreeMap, BTreeSet};

use reunite::ids::{ConstraintId, Dot, RowId, RowKey, UnitId};
use reunite::schema::{DeleteRule, Schema, Table};
use reunite::value::{Json, Value};

use super::facts::{Content, Entry, Facts, Slot};
use super::image::{Order, fold_each, life_order, order};

/// The surviving row, and what the merge has taken in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    pub into: RowId,
    pub absorbed: BTreeSet<(UnitId, Dot)>,
    /// Elements of its sets that were removed since, with the change that added each.
    pub removed: BTreeSet<(UnitId, Json, Dot)>,
    /// What a merge by a duplicate rule rests on.
    pub rule: Option<Rule>,
}

/// The key on which two rows agreed, its value, and the entries that the writer saw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    pub key: ConstraintId,
    pub value: Vec<Value>,
    pub seen: BTreeSet<(UnitId, Dot)>,
}

#[derive(Clone, Default, Debug)]
pub struct Identity {
    /// The merges in force.
    pub edges: BTreeMap<RowKey, RowKey>,
    /// The units of keys that name rows: what a merged row says there is about itself alone.
    pub names: BTreeSet<UnitId>,
}

/// The unit of the key that names the rows of a table.
pub fn name_of(table: &Table) -> Option<UnitId> {
    let natural = table.identity == reunite::schema::Identity::Natural && !table.dropped;
    natural.then(|| table.columns[table.keys[0].columns[0]].unit)
}

fn best_life<'a>(table: &Table, facts: &'a Facts, row: RowKey) -> Option<&'a Entry> {
    let lives = facts.get(&row)?.live(Slot::Life).map(|(_, entry)| entry);
    lives.max_by_key(|entry| life_order(table, entry))
}

fn edges_of(facts: &Facts, row: RowKey) -> impl Iterator<Item = &Edge> {
    let lives = facts.get(&row).into_iter().flat_map(|row| row.live(Slot::Life));
    lives.filter_map(|(_, entry)| match &entry.content {
        Content::Merged(edge) => Some(edge),
        _ => None,
    })
}

fn is_dead(table: &Table, facts: &Facts, row: RowKey) -> bool {
    best_life(table, facts, row).is_none_or(|entry| matches!(entry.content, Content::Dead(_)))
}

impl Identity {
    pub fn of(schema: &Schema, facts: &Facts) -> Identity {
        let names = schema.tables().iter().filter_map(name_of).collect();
        let mut identity = Identity { names, ..Identity::default() };
        for table in schema.tables() {
            let rows = facts.keys().filter(|row| row.table == table.id);
            let rows: Vec<RowKey> =
                rows.filter(|row| edges_of(facts, **row).next().is_some()).copied().collect();
            if !rows.is_empty() {
                identity.connect(table, facts, &rows);
            }
        }
        identity
    }

    fn connect(&mut self, table: &Table, facts: &Facts, rows: &[RowKey]) {
        let mut strength: BTreeMap<RowKey, Order> = BTreeMap::new();
        for row in rows {
            let Some(Entry { content: Content::Merged(edge), stamp }) = best_life(table, facts, *row) else {
                continue;
            };
            let into = RowKey { row: edge.into, ..*row };
            let mut same = edges_of(facts, *row).filter(|other| other.into == edge.into);
            if facts.contains_key(&into) && same.any(|edge| holds(table, facts, *row, edge)) {
                self.edges.insert(*row, into);
                strength.insert(*row, order(table, stamp));
            }
        }
        // In a cycle the weakest goes.
        for row in rows {
            let path = self.path(*row);
            let last = path.last().and_then(|last| self.edges.get(last));
            if let Some(start) = last.and_then(|next| path.iter().position(|row| row == next)) {
                let weakest = path[start..].iter().min_by_key(|row| strength[row]).expect("a cycle");
                self.edges.remove(weakest);
            }
        }
        self.part(table, facts, &strength);
        // A deleted row takes only those with it that its deletion names.
        let mut void: BTreeSet<RowKey> = BTreeSet::new();
        for row in self.edges.keys().filter(|row| row.table == table.id) {
            let path = self.path(*row);
            let (root, below) = path.split_last().expect("a path");
            let names = |row: &RowKey| {
                let mut lives = facts[root].live(Slot::Life);
                lives.any(|(_, e)| matches!(&e.content, Content::Dead(with) if with.contains(&row.row)))
            };
            if is_dead(table, facts, *root) {
                void.extend(below.iter().rev().find(|row| !names(row)));
            }
        }
        self.edges.retain(|row, _| !void.contains(row));
    }

    /// Where two rows were decided to stay apart: unless deletions win, the last merge that joins them
    /// yields; under LATEST WINS only to a later decision.
    fn part(&mut self, table: &Table, facts: &Facts, strength: &BTreeMap<RowKey, Order>) {
        let mut apart: Vec<(Order, RowKey, RowKey)> = Vec::new();
        for (row, state) in facts.iter().filter(|(row, _)| row.table == table.id) {
            for (_, entry) in state.live(Slot::Life) {
                if let Content::Alive(others) = &entry.content {
                    let others = others.iter().map(|other| RowKey { row: *other, ..*row });
                    apart.extend(others.map(|other| (order(table, &entry.stamp), *row, other)));
                }
            }
        }
        apart.sort_unstable();
        for (decided, a, b) in apart.into_iter().rev().filter(|_| table.deletes != DeleteRule::DeleteWins) {
            let (up, down) = (self.path(a), self.path(b));
            if up.last() != down.last() {
                continue;
            }
            let only =
                |x: &[RowKey], y: &[RowKey]| x.iter().filter(|row| !y.contains(row)).copied().collect();
            let between: Vec<RowKey> =
                [only(&up, &down), only(&down, &up)].into_iter().flat_map(|v: Vec<_>| v).collect();
            let Some(last) = between.iter().max_by_key(|row| strength.get(row)) else { continue };
            if table.deletes == DeleteRule::UpdateWins || decided > strength[last] {
                self.edges.remove(last);
            }
        }
    }

    /// A row and what it became, one after the other.
    pub fn path(&self, row: RowKey) -> Vec<RowKey> {
        let mut path = vec![row];
        while let Some(next) = self.edges.get(path.last().expect("not empty")) {
            if path.contains(next) {
                break;
            }
            path.push(*next);
        }
        path
    }

    pub fn root(&self, row: RowKey) -> RowKey {
        *self.path(row).last().expect("not empty")
    }

    /// The rows that are one with this one, itself among them.
    pub fn class(&self, root: RowKey) -> BTreeSet<RowKey> {
        let merged = self.edges.keys().filter(|row| self.root(**row) == root);
        merged.copied().chain([root]).collect()
    }

    /// The values that compete in a unit of a surviving row, with the rows that they are in.
    pub fn spots(&self, facts: &Facts, root: RowKey, unit: UnitId) -> Vec<(RowKey, Dot)> {
        let mut spots = Vec::new();
        for row in self.class(root) {
            if row != root && self.names.contains(&unit) {
                continue;
            }
            let live = facts.get(&row).into_iter().flat_map(|row| row.live(Slot::Columns(unit)));
            spots.extend(
                live.map(|(dot, _)| (row, dot))
                    .filter(|(_, dot)| row == root || !self.is_absorbed(facts, row, unit, *dot)),
            );
        }
        spots
    }

    /// Whether what a change wrote in a merged row was taken in by a merge into what the row has become.
    pub fn is_absorbed(&self, facts: &Facts, row: RowKey, unit: UnitId, dot: Dot) -> bool {
        edges_of(facts, row).any(|edge| {
            self.is_one(facts, row, RowKey { row: edge.into, ..row }) && edge.absorbed.contains(&(unit, dot))
        })
    }

    /// Whether an element that a change added in a merged row was removed since.
    pub fn is_removed(&self, facts: &Facts, row: RowKey, unit: UnitId, element: &Json, dot: Dot) -> bool {
        edges_of(facts, row).any(|edge| {
            self.is_one(facts, row, RowKey { row: edge.into, ..row })
                && edge.removed.contains(&(unit, element.clone(), dot))
        })
    }

    pub fn is_one(&self, facts: &Facts, a: RowKey, b: RowKey) -> bool {
        facts.contains_key(&a) && facts.contains_key(&b) && self.root(a) == self.root(b)
    }

    /// The decisions about a row's identity that lost: change and the other rows.
    pub fn lost(&self, schema: &Schema, facts: &Facts, row: RowKey) -> Vec<(Dot, BTreeSet<RowId>)> {
        let table = schema.table_by_id(row.table).expect("a table of the schema");
        let mut lost = Vec::new();
        for (dot, entry) in facts[&row].live(Slot::Life) {
            match &entry.content {
                Content::Merged(edge) if edge.rule.is_none() => {
                    let into = RowKey { row: edge.into, ..row };
                    if !self.is_one(facts, row, into) {
                        lost.push((dot, BTreeSet::from([self.root(into).row])));
                    }
                }
                Content::Alive(apart) if !is_dead(table, facts, self.root(row)) => {
                    let joined = apart.iter().filter(|other| self.says_apart(facts, row, **other));
                    let joined: BTreeSet<RowId> = joined.copied().collect();
                    if !joined.is_empty() {
                        lost.push((dot, joined));
                    }
                }
                _ => {}
            }
        }
        lost
    }

    /// Whether a row that is one with another though it names it as apart has to say so. If the other names
    /// it too, one of them does: the one that was merged, else the one with the smaller id.
    fn says_apart(&self, facts: &Facts, row: RowKey, other: RowId) -> bool {
        let other = RowKey { row: other, ..row };
        if !self.is_one(facts, row, other) {
            return false;
        }
        let mut lives = facts[&other].live(Slot::Life);
        let mutual =
            lives.any(|(_, e)| matches!(&e.content, Content::Alive(apart) if apart.contains(&row.row)));
        let root = self.root(row);
        !mutual || other == root || (row != root && row < other)
    }
}

/// A merge by rule holds while nobody who did not know of it has given either row another key.
fn holds(table: &Table, facts: &Facts, row: RowKey, edge: &Edge) -> bool {
    let Some((rule, key)) = edge.rule.as_ref().and_then(|rule| Some((rule, table.key(rule.key)?))) else {
        return true;
    };
    [row, RowKey { row: edge.into, ..row }].iter().all(|row| {
        table.units.iter().all(|unit| {
            facts[row].live(Slot::Columns(unit.id)).all(|(dot, entry)| {
                let Content::Columns(cell) = &entry.content else { return true };
                let values = unit.columns.iter().copied().zip(cell.columns.iter());
                let mut of_key = values.filter_map(|(column, value)| {
                    Some((column, value, key.columns.iter().position(|own| *own == column)?))
                });
                rule.seen.contains(&(unit.id, dot))
                    || of_key.all(|(column, value, i)| fold_each(table, column, value) == rule.value[i])
            })
        })
    })
}
