//! L1 and L3, over L2: which value of a unit is visible, and the row as its constraints see it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use reunite::ids::{ConstraintId, Dot, RowId, RowKey, UnitId};
use reunite::schema::{
    ColumnRule, DeleteRule, ForeignKey, Schema, Table, Tracking, UniqueKey, Unit, WinnerRule,
};
use reunite::value::{Collation, Value};
use reunite::version::{Hlc, Priority, Stamp};

use super::facts::{Cell, Content, Entry, Facts, Row, Slot};
use super::identity::Identity;
use super::together::Combined;

pub type Order = (Option<Priority>, Hlc, Dot);
pub type Rank = (Reverse<Option<(Hlc, Dot)>>, Reverse<Option<Priority>>, Hlc, Dot, RowId);

/// How a table compares stamps.
pub fn order(table: &Table, stamp: &Stamp) -> Order {
    ((table.winner == WinnerRule::Priority).then_some(stamp.priority), stamp.hlc, stamp.dot)
}

/// How a table compares the siblings of life. Under LATEST WINS only the stamp counts.
pub fn life_order(table: &Table, entry: &Entry) -> (u8, Order) {
    let class = match (table.deletes, &entry.content) {
        (DeleteRule::LatestWins, _) => 0,
        (_, Content::Merged(_)) => 2,
        (DeleteRule::DeleteWins, Content::Dead(_)) => 1,
        (DeleteRule::UpdateWins, Content::Alive(_)) => 1,
        _ => 0,
    };
    (class, order(table, &entry.stamp))
}

/// What a foreign key that is not null refers to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Need {
    pub parent: Option<RowId>,
    pub by_value: bool,
    /// The key that a visible row must hold; none if nothing can satisfy it.
    pub key: Option<Vec<Value>>,
}

/// A row after L1 and L3, with everything that L4 needs to know about it.
#[derive(Clone, Debug)]
pub struct Image {
    pub key: RowKey,
    /// Neither deleted nor merged into another row.
    pub lives: bool,
    /// The row that it became: itself, if it was not merged.
    pub root: RowKey,
    /// What the row shows, or would show.
    pub values: Vec<Value>,
    /// Of a surviving row, among the values of all rows that are one with it.
    pub winners: BTreeMap<UnitId, (Dot, Cell, Stamp)>,
    /// The live values that show what is visible, or count in it.
    pub agreeing: BTreeSet<(UnitId, Dot)>,
    pub failed: Vec<ConstraintId>,
    /// Per unique key of the table; none with a null in it.
    pub keys: Vec<Option<Vec<Value>>>,
    /// Per foreign key of the table; none if it is null.
    pub needs: Vec<Option<Need>>,
    pub rank: Rank,
}

impl Image {
    pub fn new(schema: &Schema, facts: &Facts, identity: &Identity, key: RowKey) -> Image {
        let (table, row) = (schema.table_by_id(key.table).expect("a table of the schema"), &facts[&key]);
        let winners = winners(table, facts, identity, key);
        let mut image = Image {
            key,
            lives: lives(table, facts, identity, key),
            root: identity.root(key),
            values: written(table, Combined { facts, identity, row: key }, &winners),
            failed: Vec::new(),
            keys: Vec::new(),
            needs: Vec::new(),
            rank: rank(table, key.row, row, &winners),
            agreeing: agreeing(table, Combined { facts, identity, row: key }, &winners),
            winners,
        };
        for foreign_key in &table.foreign_keys {
            let need = image.need(schema, facts, identity, table, foreign_key);
            image.needs.push(need);
        }
        image.keys = table.keys.iter().map(|key| image.folded(table, &key.columns)).collect();
        image.failed = failed(table, &image.values);
        image
    }

    /// A following reference means the row, hence whatever key that row now has, and shows it.
    fn need(
        &mut self,
        schema: &Schema,
        facts: &Facts,
        identity: &Identity,
        table: &Table,
        key: &ForeignKey,
    ) -> Option<Need> {
        let stored = self.folded(table, &key.columns)?;
        let parent = self.winners.get(&key.unit).and_then(|(_, cell, _)| cell.parents.get(&key.id).copied());
        let parent = parent.map(|row| identity.root(RowKey { table: key.parent, row }).row);
        let Some(row) = parent.filter(|_| key.follow) else {
            return Some(Need { parent, by_value: true, key: Some(stored) });
        };
        let current = current_key(schema, facts, identity, RowKey { table: key.parent, row }, key.key);
        let found = current.is_some();
        for (column, value) in key.columns.iter().zip(current.into_iter().flatten()) {
            self.values[*column] = value;
        }
        let key = self.folded(table, &key.columns).filter(|_| found);
        Some(Need { parent, by_value: false, key })
    }

    /// The values of these columns as keys compare them; none with a null among them.
    pub fn folded(&self, table: &Table, columns: &[usize]) -> Option<Vec<Value>> {
        fold(table, columns, &self.values)
    }
}

pub fn fold(table: &Table, columns: &[usize], values: &[Value]) -> Option<Vec<Value>> {
    let fold = |column: &usize| match &values[*column] {
        Value::Null => None,
        value => Some(fold_each(table, *column, value)),
    };
    columns.iter().map(fold).collect()
}

/// One value as keys compare it.
pub fn fold_each(table: &Table, column: usize, value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(table.columns[column].collation.fold(text).into_owned()),
        value => value.clone(),
    }
}

/// Whether a row is neither deleted nor merged into another. A merge that is not in force lets it live.
pub fn lives(table: &Table, facts: &Facts, identity: &Identity, key: RowKey) -> bool {
    let lives = facts.get(&key).into_iter().flat_map(|row| row.live(Slot::Life));
    let best = lives.max_by_key(|(_, entry)| life_order(table, entry));
    identity.root(key) == key && best.is_some_and(|(_, entry)| !entry.content.is_dead())
}

/// The winners of a surviving row and those that are one with it; of a merged row its own.
pub fn winners(
    table: &Table,
    facts: &Facts,
    identity: &Identity,
    key: RowKey,
) -> BTreeMap<UnitId, (Dot, Cell, Stamp)> {
    let merged = identity.root(key) != key;
    let winner = |unit: UnitId| {
        let own = || facts.get(&key).into_iter().flat_map(|row| row.live(Slot::Columns(unit)));
        let spots = match merged {
            true => own().map(|(dot, _)| (key, dot)).collect(),
            false => identity.spots(facts, key, unit),
        };
        let entries = spots.into_iter().filter_map(|(row, dot)| facts[&row].get(Slot::Columns(unit), dot));
        let best = entries.max_by_key(|entry| order(table, &entry.stamp))?;
        match &best.content {
            Content::Columns(cell) => Some((unit, (best.stamp.dot, cell.clone(), best.stamp))),
            _ => unreachable!("columns hold columns"),
        }
    };
    table.units.iter().filter_map(|unit| winner(unit.id)).collect()
}

fn agreeing(
    table: &Table,
    class: Combined<'_>,
    winners: &BTreeMap<UnitId, (Dot, Cell, Stamp)>,
) -> BTreeSet<(UnitId, Dot)> {
    let mut agreeing = BTreeSet::new();
    for unit in &table.units {
        for (dot, cell) in class.values(unit.id) {
            if class.shows_the_same(table, unit, &cell, &winners[&unit.id].1) {
                agreeing.insert((unit.id, dot));
            }
        }
    }
    agreeing
}

/// The values of a unit that can be read, by column: not those of columns that were dropped.
pub fn live_columns<'a>(
    unit: &'a Unit,
    values: &'a [Value],
) -> impl Iterator<Item = (usize, &'a Value)> + use<'a> {
    let all = unit.columns.iter().copied().zip(values);
    all.filter(|(column, _)| *column != Unit::DROPPED)
}

/// What a unit has that nobody has written.
pub fn unwritten(table: &Table, unit: &Unit) -> Cell {
    let default = |column: &usize| table.columns.get(*column).map(|column| column.default.clone());
    let columns = unit.columns.iter().map(|column| default(column).unwrap_or_default());
    Cell { columns: columns.collect(), ..Cell::default() }
}

/// The winners of a row by itself as they were written, or the defaults.
pub fn own_values(table: &Table, row: &Row) -> Vec<Value> {
    let mut values: Vec<Value> = table.columns.iter().map(|column| column.default.clone()).collect();
    for unit in &table.units {
        let live = row.live(Slot::Columns(unit.id));
        let best = live.max_by_key(|(_, entry)| order(table, &entry.stamp));
        let Some(Content::Columns(cell)) = best.map(|(_, entry)| &entry.content) else { continue };
        for (column, value) in live_columns(unit, &cell.columns) {
            values[column] = value.clone();
        }
    }
    values
}

/// What a row shows by itself: the winners' values as they were written, or what concurrent values are
/// together; what was never written has its default.
pub fn written(
    table: &Table,
    class: Combined<'_>,
    winners: &BTreeMap<UnitId, (Dot, Cell, Stamp)>,
) -> Vec<Value> {
    let mut values: Vec<Value> = table.columns.iter().map(|column| column.default.clone()).collect();
    for unit in &table.units {
        let cell = winners.get(&unit.id).map(|(_, cell, _)| cell);
        for (column, value) in cell.into_iter().flat_map(|cell| live_columns(unit, &cell.columns)) {
            values[column] = value.clone();
        }
        if table.rule_of(unit) != ColumnRule::Winner
            && let Some(value) = class.together(table, unit.columns[0], cell)
        {
            values[unit.columns[0]] = value;
        }
    }
    values
}

/// The key of a row as the rows that refer to it show it; none if it is deleted, unknown or null there.
fn current_key(
    schema: &Schema,
    facts: &Facts,
    identity: &Identity,
    row: RowKey,
    key: ConstraintId,
) -> Option<Vec<Value>> {
    let (table, row) = (schema.table_by_id(row.table)?, identity.root(row));
    if !lives(table, facts, identity, row) {
        return None;
    }
    let winners = winners(table, facts, identity, row);
    let mut values = written(table, Combined { facts, identity, row }, &winners);
    let key = table.key(key)?;
    let part_of_key = |f: &&ForeignKey| f.follow && f.columns.iter().any(|c| key.columns.contains(c));
    for f in table.foreign_keys.iter().filter(part_of_key) {
        let parent = winners.get(&f.unit).and_then(|(_, cell, _)| cell.parents.get(&f.id).copied());
        let null = f.columns.iter().any(|column| values[*column].is_null());
        let Some(parent) = parent.filter(|_| !null) else { continue };
        let above = current_key(schema, facts, identity, RowKey { table: f.parent, row: parent }, f.key);
        for (column, value) in f.columns.iter().zip(above.into_iter().flatten()) {
            values[*column] = value;
        }
    }
    let values: Vec<Value> = key.columns.iter().map(|column| values[*column].clone()).collect();
    (!values.iter().any(Value::is_null)).then_some(values)
}

pub fn failed(table: &Table, values: &[Value]) -> Vec<ConstraintId> {
    let collations: Vec<Collation> = table.columns.iter().map(|column| column.collation).collect();
    let missing =
        table.columns.iter().zip(values).filter(|(column, value)| !column.nullable && value.is_null());
    let missing = missing.map(|(column, _)| ConstraintId(column.id.0));
    let broken = |rule: &reunite::schema::Expression| !rule.passes(values, &collations);
    let checks = table.checks.iter().filter(|check| broken(&check.rule)).map(|check| check.id);
    missing.chain(checks).collect()
}

/// First claim stays: the newest claim among the row's keys dates the row.
fn rank(table: &Table, id: RowId, row: &Row, winners: &BTreeMap<UnitId, (Dot, Cell, Stamp)>) -> Rank {
    let in_unit = |key: &UniqueKey, unit: UnitId| key.columns.iter().any(|c| table.columns[*c].unit == unit);
    let of_keys = winners.iter().filter(|(unit, _)| table.keys.iter().any(|key| in_unit(key, **unit)));
    let claims = of_keys.map(|(_, (_, cell, stamp))| match (table.tracking, cell.claim) {
        (Tracking::Row, Some(claim)) => order(table, &claim),
        _ => order(table, stamp),
    });
    let (priority, hlc, dot) = claims.max().unwrap_or((None, Hlc(0), row.born));
    // Boosts compare by time alone, or one of high priority could never be answered.
    let boost = row.live(Slot::Boost).map(|(dot, entry)| (entry.stamp.hlc, dot)).max();
    (Reverse(boost), Reverse(priority), hlc, dot, id)
}
