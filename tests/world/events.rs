//! What people did to the columns whose concurrent values count together, in the order in which they did it,
//! and what the columns must read then: from this history alone, without a look at the facts.
//!
//! Each deed names the rows that were one with its row at the time, and what its writer had seen. Deeds that this
//! has no words for (resolutions of such columns, what leaves a merge, two deeds to one row in a transaction) only
//! exclude the column of that row from the check.

use std::collections::BTreeSet;

use reunite::ids::{Dot, RowKey, UnitId};
use reunite::schema::{ColumnRule, Schema, Table};
use reunite::value::{Json, Value};
use reunite::version::Stamp;

use super::generate::Operation;
use super::story::{Checked, ensure};
use crate::model::{Change, Content, Derived, Facts, Replica, Slot, Vector, covers, order};

#[derive(Clone, PartialEq, Debug)]
enum Deed {
    /// The column was to read this from now on.
    Set(Value),
    Increment(i64),
    Add(Json),
    Remove(Json),
}

#[derive(Clone, Debug)]
struct Event {
    row: RowKey,
    unit: UnitId,
    deed: Deed,
    stamp: Stamp,
    /// The rows that were one with the row.
    class: BTreeSet<RowKey>,
    /// What the writer had seen.
    past: Vector,
}

impl Event {
    fn saw(&self, earlier: &Event) -> bool {
        self.class.contains(&earlier.row) && covers(&self.past, earlier.stamp.dot)
    }
}

/// Everything that happened, everywhere.
#[derive(Clone, Default)]
pub struct Events {
    all: Vec<Event>,
    /// Columns of rows that cannot be judged any more, and rows of which none can.
    torn: BTreeSet<(RowKey, UnitId)>,
    torn_rows: BTreeSet<RowKey>,
}

/// A transaction that was committed.
#[derive(Clone, Copy)]
pub struct Committed<'a> {
    pub schema: &'a Schema,
    pub operations: &'a [Operation],
    /// The replica as it was.
    pub before: &'a Replica,
    pub view: &'a Derived,
    pub changes: &'a [Change],
}

impl Committed<'_> {
    fn table(&self, row: RowKey) -> &Table {
        self.schema.table_by_id(row.table).expect("a table of the schema")
    }

    /// The rows that are one with a row that is there already.
    fn class(&self, row: RowKey) -> BTreeSet<RowKey> {
        self.view.identity.class(self.view.identity.root(row))
    }

    fn stamp(&self, row: RowKey, which: impl Fn(Slot) -> bool) -> Option<Stamp> {
        let change = self.changes.iter().find(|change| change.row == row && which(change.slot));
        change.map(|change| change.stamp)
    }
}

impl Events {
    /// Takes note of a transaction.
    pub fn note(&mut self, done: Committed<'_>) {
        let mut touched = BTreeSet::new();
        for operation in done.operations {
            let rows = rows_of(operation, &done);
            if !rows.is_disjoint(&touched) {
                self.torn_rows.extend(rows.iter().copied());
            }
            touched.extend(rows);
            self.note_operation(operation, &done);
        }
        self.tear(&done);
    }

    /// What happened that an earlier history does not have.
    pub fn since(mut self, earlier: &Events) -> Events {
        self.all.drain(..earlier.all.len());
        self
    }

    /// Takes note of what happened elsewhere.
    pub fn join(&mut self, other: &Events) {
        self.all.extend(other.all.iter().cloned());
        self.torn.extend(other.torn.iter().copied());
        self.torn_rows.extend(other.torn_rows.iter().copied());
    }

    fn note_operation(&mut self, operation: &Operation, done: &Committed<'_>) {
        match operation {
            // A row that begins again, where its id says what it is.
            Operation::Insert { row, .. } if done.before.facts.contains_key(row) => {
                self.torn_rows.insert(*row);
            }
            Operation::Insert { row, values } | Operation::Update { row, values, .. } => {
                for (column, value) in values {
                    self.written(*row, *column, value, done);
                }
            }
            Operation::Increment { row, amounts } => {
                for (column, amount) in amounts {
                    let Value::Integer(amount) = amount else { continue };
                    let unit = done.table(*row).columns[*column].unit;
                    self.event(*row, unit, Deed::Increment(*amount), done);
                }
            }
            Operation::Merge { row, into } => self.merged(*row, *into, done),
            Operation::Undelete { row } => self.brought_back(*row, done),
            Operation::Resolve { .. } | Operation::Undo { .. } => {
                let ruled = |unit: UnitId, row| is_ruled(done.table(row), unit);
                let units =
                    done.changes.iter().filter_map(|change| Some((change.row, unit_of(change.slot)?)));
                self.torn.extend(units.filter(|(row, unit)| ruled(*unit, *row)));
            }
            Operation::Delete { .. } | Operation::Prefer { .. } => {}
        }
    }

    fn event(&mut self, row: RowKey, unit: UnitId, deed: Deed, done: &Committed<'_>) {
        // A removal alone is carried by the row's life.
        let stamp = done
            .stamp(row, |slot| unit_of(slot) == Some(unit))
            .or_else(|| done.stamp(row, |slot| slot == Slot::Life));
        let Some(stamp) = stamp else { return };
        let (class, past) = (done.class(row), done.before.knowledge.clone());
        self.all.push(Event { row, unit, deed, stamp, class, past });
    }

    fn written(&mut self, row: RowKey, column: usize, value: &Value, done: &Committed<'_>) {
        let definition = &done.table(row).columns[column];
        match definition.rule {
            ColumnRule::Winner => {}
            ColumnRule::Sum | ColumnRule::Max | ColumnRule::Min => {
                self.event(row, definition.unit, Deed::Set(value.clone()), done);
            }
            ColumnRule::Union => {
                let had = done.view.visible.get(&row).map(|shown| elements(&shown[column]));
                let (had, wanted) = (had.unwrap_or_default(), elements(value));
                for element in wanted.difference(&had) {
                    self.event(row, definition.unit, Deed::Add(element.clone()), done);
                }
                for element in had.difference(&wanted) {
                    self.event(row, definition.unit, Deed::Remove(element.clone()), done);
                }
            }
        }
    }

    /// What counts together goes on counting; a counter goes on from what the survivor was assigned, or else the
    /// other one.
    fn merged(&mut self, from: RowKey, into: RowKey, done: &Committed<'_>) {
        for unit in units_with(done.table(into), ColumnRule::Sum) {
            let assigned =
                |row| self.assigned(done.table(row), &done.class(row), unit, Some(&done.before.knowledge));
            let Some(assigned) = assigned(into).or_else(|| assigned(from)).cloned() else { continue };
            self.again(into, assigned, done);
        }
    }

    /// Every column is written once more, as it is.
    fn brought_back(&mut self, row: RowKey, done: &Committed<'_>) {
        let (table, known) = (done.table(row), &done.before.knowledge);
        // A row that was merged into another is brought back alone.
        let root = done.view.identity.root(row) == row;
        let rows = if root { done.class(row) } else { BTreeSet::from([row]) };
        for unit in units_with(table, ColumnRule::Sum) {
            if let Some(assigned) = self.assigned(table, &rows, unit, Some(known)).cloned() {
                self.again(row, assigned, done);
            }
        }
        for rule in [ColumnRule::Max, ColumnRule::Min] {
            for unit in units_with(table, rule) {
                if let Some(value) = extreme(rule, self.open(&rows, unit, Some(known))) {
                    self.event(row, unit, Deed::Set(value), done);
                    self.only_of_its_row();
                }
            }
        }
        for unit in units_with(table, ColumnRule::Union) {
            for element in self.set(&rows, unit, Some(known)) {
                self.event(row, unit, Deed::Add(element), done);
                self.only_of_its_row();
            }
        }
    }

    fn only_of_its_row(&mut self) {
        if let Some(event) = self.all.last_mut() {
            event.class = BTreeSet::from([event.row]);
        }
    }

    /// An assignment goes on, as of now, with what its writer had seen.
    fn again(&mut self, row: RowKey, assigned: Event, done: &Committed<'_>) {
        let stamp = done.stamp(row, |slot| slot == Slot::Columns(assigned.unit));
        if let Some(stamp) = stamp {
            self.all.push(Event { row, stamp, ..assigned });
        }
    }

    /// What was decided for rows that were one is not decided for a row that leaves them.
    fn tear(&mut self, done: &Committed<'_>) {
        for change in done.changes.iter().filter(|change| change.slot == Slot::Life) {
            let Some(facts) = done.before.facts.get(&change.row) else { continue };
            for (dot, entry) in facts.live(Slot::Life) {
                let Content::Merged(lost) = &entry.content else { continue };
                let kept = matches!(&change.entry, Content::Merged(edge) if edge.absorbed.is_superset(&lost.absorbed));
                if change.replaces.contains(&(Slot::Life, dot)) && !kept {
                    self.torn_rows.extend([change.row, RowKey { row: lost.into, ..change.row }]);
                }
            }
        }
    }

    // ----------------------------------------------------------------------------------------
    // What the columns must read
    // ----------------------------------------------------------------------------------------

    fn of<'a>(
        &'a self,
        class: &'a BTreeSet<RowKey>,
        unit: UnitId,
        known: Option<&'a Vector>,
    ) -> impl Iterator<Item = &'a Event> {
        let here = move |event: &&Event| class.contains(&event.row) && event.unit == unit;
        self.all.iter().filter(here).filter(move |event| is_known(event.stamp.dot, known))
    }

    /// The assignment that wins.
    fn assigned(
        &self,
        table: &Table,
        class: &BTreeSet<RowKey>,
        unit: UnitId,
        known: Option<&Vector>,
    ) -> Option<&Event> {
        let sets = self.all.iter().filter(|event| class.contains(&event.row) && event.unit == unit);
        let sets =
            sets.filter(|event| is_known(event.stamp.dot, known) && matches!(event.deed, Deed::Set(_)));
        sets.max_by_key(|event| order(table, &event.stamp))
    }

    /// The values that nobody replaced who had seen them.
    fn open(&self, class: &BTreeSet<RowKey>, unit: UnitId, known: Option<&Vector>) -> Vec<Value> {
        let replaced = |event: &Event| self.of(class, unit, known).any(|later| later.saw(event));
        let open = self.of(class, unit, known).filter(|event| !replaced(event));
        let value =
            |event: &Event| if let Deed::Set(value) = &event.deed { Some(value.clone()) } else { None };
        open.filter_map(value).collect()
    }

    /// The elements that were added and not removed by somebody who had seen that.
    fn set(&self, class: &BTreeSet<RowKey>, unit: UnitId, known: Option<&Vector>) -> BTreeSet<Json> {
        let removed = |added: &Event, element: &Json| {
            let known = self.all.iter().filter(|event| is_known(event.stamp.dot, known));
            let mut removals =
                known.filter(|event| event.unit == unit && event.deed == Deed::Remove(element.clone()));
            removals.any(|removal| removal.saw(added))
        };
        let added = self.of(class, unit, known).filter_map(|event| match &event.deed {
            Deed::Add(element) if !removed(event, element) => Some(element.clone()),
            _ => None,
        });
        added.collect()
    }

    fn sum(&self, table: &Table, class: &BTreeSet<RowKey>, unit: UnitId, default: &Value) -> i64 {
        let assigned = self.assigned(table, class, unit, None);
        let base = assigned
            .map_or(default, |event| if let Deed::Set(value) = &event.deed { value } else { default });
        let unseen = self.of(class, unit, None).filter(|event| assigned.is_none_or(|last| !last.saw(event)));
        let added = unseen.map(|event| if let Deed::Increment(amount) = event.deed { amount } else { 0 });
        base.as_integer().unwrap_or(0) + added.sum::<i64>()
    }

    /// Every column of every visible row that can be judged reads what people made of it; how many there were.
    pub fn check(&self, schema: &Schema, facts: &Facts, view: &Derived) -> Checked<usize> {
        let mut judged = 0;
        for (row, shown) in &view.visible {
            let table = schema.table_by_id(row.table).expect("a table of the schema");
            let class = view.identity.class(*row);
            if !self.torn_rows.is_disjoint(&class) || is_loose(&class, facts) {
                continue;
            }
            for (value, column) in shown.iter().zip(&table.columns) {
                let torn = class.iter().any(|row| self.torn.contains(&(*row, column.unit)));
                if torn || column.rule == ColumnRule::Winner {
                    continue;
                }
                let holds = match column.rule {
                    ColumnRule::Sum => {
                        *value == Value::Integer(self.sum(table, &class, column.unit, &column.default))
                    }
                    ColumnRule::Union => elements(value) == self.set(&class, column.unit, None),
                    rule => {
                        let must = extreme(rule, self.open(&class, column.unit, None));
                        *value == must.unwrap_or_else(|| column.default.clone())
                    }
                };
                let events = || self.of(&class, column.unit, None).collect::<Vec<_>>();
                ensure(holds, || {
                    format!("P9 {} of {row:?} reads {value:?}, and people did: {:#?}", column.name, events())
                })?;
                judged += 1;
            }
        }
        Ok(judged)
    }
}

fn is_known(dot: Dot, known: Option<&Vector>) -> bool {
    known.is_none_or(|known| covers(known, dot))
}

/// Whether some merge of rows of the class, or into it, is not in force: then what it absorbed is open again.
fn is_loose(class: &BTreeSet<RowKey>, facts: &Facts) -> bool {
    facts.iter().any(|(row, state)| {
        state.live(Slot::Life).any(|(_, entry)| match &entry.content {
            Content::Merged(edge) => {
                class.contains(row) != class.contains(&RowKey { row: edge.into, ..*row })
            }
            _ => false,
        })
    })
}

/// Nulls count only where there is nothing else.
fn extreme(rule: ColumnRule, values: Vec<Value>) -> Option<Value> {
    let numbers = values.iter().filter(|value| !value.is_null());
    let best = if rule == ColumnRule::Max { numbers.max() } else { numbers.min() };
    best.or(values.first()).cloned()
}

fn elements(set: &Value) -> BTreeSet<Json> {
    let Value::Json(json) = set else { return BTreeSet::new() };
    let tree = json.to_tree();
    let items = tree.as_array().into_iter().flatten();
    items.map(|item| Json::from_tree(item).expect("a part of JSON is JSON")).collect()
}

fn unit_of(slot: Slot) -> Option<UnitId> {
    match slot {
        Slot::Columns(unit) | Slot::Added(unit) | Slot::Element(unit, _) => Some(unit),
        Slot::Life | Slot::Boost | Slot::Acks => None,
    }
}

fn units_with(table: &Table, rule: ColumnRule) -> Vec<UnitId> {
    table.columns.iter().filter(|column| column.rule == rule).map(|column| column.unit).collect()
}

fn is_ruled(table: &Table, unit: UnitId) -> bool {
    table.columns.iter().any(|column| column.unit == unit && column.rule != ColumnRule::Winner)
}

/// The rows that an operation is about, with those that are one with them.
fn rows_of(operation: &Operation, done: &Committed<'_>) -> BTreeSet<RowKey> {
    match operation {
        Operation::Insert { row, .. }
        | Operation::Update { row, .. }
        | Operation::Increment { row, .. }
        | Operation::Delete { row }
        | Operation::Undelete { row }
        | Operation::Prefer { row } => done.class(*row),
        Operation::Merge { row, into } => &done.class(*row) | &done.class(*into),
        // These may be about anything that the transaction has changed.
        Operation::Resolve { .. } | Operation::Undo { .. } => {
            done.changes.iter().flat_map(|change| done.class(change.row)).collect()
        }
    }
}
