//! Columns whose concurrent values are combined: what they are together, and how they are written.

use std::collections::{BTreeMap, BTreeSet};

use reunite::ids::{Dot, RowId, RowKey, UnitId};
use reunite::schema::{ColumnRule, Table, Unit};
use reunite::value::{Json, Value};

use super::commit::{Commit, Refusal};
use super::facts::{Added, Cell, Content, Facts, Slot};
use super::identity::Identity;
use super::operations::Values;

/// What counts in a row: of a surviving row with all that were merged into it.
#[derive(Clone, Copy)]
pub struct Combined<'a> {
    pub facts: &'a Facts,
    pub identity: &'a Identity,
    pub row: RowKey,
}

impl Combined<'_> {
    fn rows(self) -> BTreeSet<RowKey> {
        let survives = self.identity.root(self.row) == self.row;
        if survives { self.identity.class(self.row) } else { BTreeSet::from([self.row]) }
    }

    /// The values that count or compete in a unit.
    pub fn values(self, unit: UnitId) -> Vec<(Dot, Cell)> {
        let slot = Slot::Columns(unit);
        let spots = if self.identity.root(self.row) == self.row {
            self.identity.spots(self.facts, self.row, unit)
        } else {
            let own = self.facts.get(&self.row).into_iter().flat_map(|row| row.live(slot));
            own.map(|(dot, _)| (self.row, dot)).collect()
        };
        let cell = |(row, dot): (RowKey, Dot)| match &self.facts[&row].get(slot, dot)?.content {
            Content::Columns(cell) => Some((dot, cell.clone())),
            _ => None,
        };
        spots.into_iter().filter_map(cell).collect()
    }

    /// What was added to a counter, by row and replica.
    pub fn added(self, unit: UnitId) -> Added {
        let rows = self.rows().into_iter().filter_map(|row| Some((row, self.facts.get(&row)?)));
        let added = rows.flat_map(|(key, row)| {
            row.added(unit).into_iter().map(move |(replica, sum)| ((key.row, replica), sum))
        });
        added.collect()
    }

    /// The elements of a set, with the rows and changes that they are in.
    pub fn elements(self, unit: UnitId) -> BTreeMap<Json, BTreeSet<(RowKey, Dot)>> {
        let mut all: BTreeMap<Json, BTreeSet<(RowKey, Dot)>> = BTreeMap::new();
        for key in self.rows() {
            let Some(row) = self.facts.get(&key) else { continue };
            for (element, dots) in row.elements(unit) {
                let removed = |dot: Dot| self.identity.is_removed(self.facts, key, unit, &element, dot);
                let open = |dot: &Dot| key == self.row || !removed(*dot);
                let open: Vec<(RowKey, Dot)> = dots.into_iter().filter(open).map(|dot| (key, dot)).collect();
                if !open.is_empty() {
                    all.entry(element).or_default().extend(open);
                }
            }
        }
        all
    }

    /// How a counter reads if this assignment wins: plus everything that its writer had not seen.
    fn reads(self, unit: UnitId, assigned: &Cell) -> i128 {
        let base = if let Value::Integer(base) = assigned.columns[0] { base } else { 0 };
        let added = self.added(unit);
        let of = |sums: &Added, row: RowId| -> i128 {
            sums.iter().filter(|((of, _), _)| *of == row).map(|(_, sum)| sum).sum()
        };
        let rows: BTreeSet<RowId> = added.keys().map(|(row, _)| *row).collect();
        let unseen = rows.into_iter().map(|row| of(&added, row) - of(&assigned.seen, row));
        i128::from(base) + unseen.sum::<i128>()
    }

    /// What a column with a rule shows; none for other columns.
    pub fn together(self, table: &Table, column: usize, winner: Option<&Cell>) -> Option<Value> {
        let definition = &table.columns[column];
        let values = || self.values(definition.unit).into_iter().map(|(_, cell)| cell.columns[0].clone());
        match definition.rule {
            ColumnRule::Winner => None,
            ColumnRule::Sum => {
                let unwritten = Cell { columns: vec![definition.default.clone()], ..Cell::default() };
                let sum = self.reads(definition.unit, winner.unwrap_or(&unwritten));
                Some(Value::Integer(sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64))
            }
            // The histories have numbers there, and nulls, which count only where there is nothing else.
            ColumnRule::Max => values().max(),
            ColumnRule::Min => values().filter(|value| !value.is_null()).min().or_else(|| values().next()),
            ColumnRule::Union => Some(array(self.elements(definition.unit).into_keys().collect())),
        }
    }

    /// Whether two values of a unit mean the same: rows that are one now, and beside references that follow, of
    /// which the key is no matter, equal columns.
    pub fn means_the_same(self, table: &Table, unit: &Unit, a: &Cell, b: &Cell) -> bool {
        let mut columns: Vec<usize> = unit.live_columns().collect();
        for key in table.foreign_keys.iter().filter(|key| key.unit == unit.id) {
            let root = |cell: &Cell| {
                let parent = cell.parents.get(&key.id)?;
                Some(self.identity.root(RowKey { table: key.parent, row: *parent }))
            };
            if root(a) != root(b) {
                return false;
            }
            if key.follow && root(a).is_some() {
                columns.retain(|column| !key.columns.contains(column));
            }
        }
        let value = |cell: &Cell, column: &usize| {
            let place = unit.columns.iter().position(|own| own == column).expect("a column of the unit");
            cell.columns[place].clone()
        };
        columns.iter().all(|column| value(a, column) == value(b, column))
    }

    /// Whether two values of a unit show the same.
    pub fn shows_the_same(self, table: &Table, unit: &Unit, a: &Cell, b: &Cell) -> bool {
        match table.rule_of(unit) {
            ColumnRule::Sum => self.reads(unit.id, a) == self.reads(unit.id, b),
            ColumnRule::Winner => self.means_the_same(table, unit, a, b),
            // All of them count: none is another than the rest.
            ColumnRule::Max | ColumnRule::Min | ColumnRule::Union => true,
        }
    }
}

/// A set in its canonical order.
fn array(elements: BTreeSet<Json>) -> Value {
    let mut trees: Vec<serde_json::Value> = elements.iter().map(Json::to_tree).collect();
    let class = |tree: &serde_json::Value| match tree {
        serde_json::Value::Null => 0,
        serde_json::Value::Bool(truth) => 1 + u8::from(*truth),
        serde_json::Value::Number(_) => 3,
        serde_json::Value::String(_) => 4,
        serde_json::Value::Array(_) => 5,
        serde_json::Value::Object(_) => 6,
    };
    trees.sort_by(|a, b| {
        let number = |tree: &serde_json::Value| tree.as_f64().unwrap_or_default();
        let by_number = number(a).total_cmp(&number(b));
        class(a).cmp(&class(b)).then(by_number).then_with(|| a.to_string().cmp(&b.to_string()))
    });
    Value::Json(Json::from_tree(&serde_json::Value::Array(trees)).expect("an array of JSON is JSON"))
}

/// The elements of an array.
fn elements(array: &Value) -> BTreeSet<Json> {
    let Value::Json(json) = array else { return BTreeSet::new() };
    let items = json.to_tree().as_array().cloned().unwrap_or_default();
    items.iter().map(|item| Json::from_tree(item).expect("a part of JSON is JSON")).collect()
}

/// Named values as they will be read.
pub fn fitted(table: &Table, named: &Values) -> Values {
    let is_set =
        |column: usize, value: &Value| table.columns[column].rule == ColumnRule::Union && !value.is_null();
    let fit = |(column, value): (&usize, &Value)| {
        (*column, if is_set(*column, value) { array(elements(value)) } else { value.clone() })
    };
    named.iter().map(fit).collect()
}

impl Commit<'_> {
    /// Asks what counts in a row.
    pub fn combined<T>(&self, row: RowKey, ask: impl FnOnce(Combined<'_>) -> T) -> T {
        let identity = self.identity();
        ask(Combined { facts: &self.replica.facts, identity: &identity, row })
    }

    /// Adds to counters of a visible row: in place of what this replica alone has added so far.
    pub fn increment(&mut self, row: RowKey, amounts: &Values) -> Result<(), Refusal> {
        let mut shown = self.shown.get(&row).cloned().ok_or(Refusal::NoSuchRow)?;
        let table = self.table(row);
        for (column, amount) in amounts {
            let definition = &table.columns[*column];
            if definition.rule != ColumnRule::Sum {
                return Err(Refusal::NotApplicable);
            }
            let Value::Integer(amount) = amount else { return Err(Refusal::NotNull) };
            let slot = Slot::Added(definition.unit);
            let me = self.dot(row).replica;
            let facts = self.replica.facts.get(&row);
            let before = facts.and_then(|facts| facts.added(definition.unit).get(&me).copied()).unwrap_or(0);
            let own = self.live(row, slot).into_iter().filter(|(dot, _)| dot.replica == me);
            let own = own.map(|(dot, _)| (slot, dot)).collect();
            self.write(row, slot, Content::Added(before + i128::from(*amount)), own);
            shown[*column] = self.by_facts(row)[*column].clone();
        }
        self.touch(row);
        self.shown.insert(row, shown);
        self.own.insert(row);
        self.gone.remove(&row);
        Ok(())
    }

    /// Makes a set consist of these elements. What stays is not written again.
    pub fn write_set(&mut self, row: RowKey, unit: &Unit, wanted: &Value) {
        let wanted = elements(wanted);
        let have = self.combined(row, |class| class.elements(unit.id));
        for (element, spots) in have.iter().filter(|(element, _)| !wanted.contains(element)) {
            for (member, dot) in spots.iter().filter(|spot| spot.0 != row) {
                // In a merged row it stays; the merge knows that it is gone.
                let gone = (unit.id, element.clone(), *dot);
                self.widen(*member, unit.id, |edge| edge.removed.insert(gone));
            }
            self.remove_element(row, Slot::element(unit.id, element));
        }
        for element in wanted.iter().filter(|element| !have.contains_key(element)) {
            self.write(row, Slot::element(unit.id, element), Content::Element, BTreeSet::new());
        }
    }

    /// Writes every element of a set anew. Rows that were merged into this one keep theirs.
    pub fn rewrite_set(&mut self, row: RowKey, unit: &Unit) {
        for element in self.replica.facts[&row].elements(unit.id).into_keys() {
            let slot = Slot::element(unit.id, &element);
            let old = self.dots_of(row, slot, |_| true);
            self.write(row, slot, Content::Element, old);
        }
    }
}
