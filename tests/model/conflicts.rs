//! L5: everything that lost. One entry per (row, losing dot) or (row, broken constraint), less what was
//! dismissed.

use std::collections::{BTreeMap, BTreeSet};

use reunite::derive::{About, Kind};
use reunite::ids::{ColumnId, ConstraintId, Dot, RowId, RowKey};
use reunite::schema::{ForeignKey, Schema, Table, Tracking};

use super::derive::{Derived, live_table};
use super::facts::{ConflictName, Content, Facts, Row, Slot};
use super::image::{Image, Need, life_order, order};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    pub kind: Kind,
    pub columns: BTreeSet<ColumnId>,
    pub others: BTreeSet<RowId>,
}

type Found = BTreeMap<ConflictName, Conflict>;

pub fn conflicts(schema: &Schema, facts: &Facts, derived: &Derived) -> Found {
    let mut found = Found::new();
    for (key, row) in facts {
        let Some(table) = live_table(schema, key.table) else { continue };
        let image = &derived.images[key];
        let root_lives = derived.images[&image.root].lives;
        lost_lives(table, row, image, root_lives, &mut found);
        for (dot, others) in derived.identity.lost(schema, facts, *key) {
            let name = ConflictName { row: *key, about: About::Identity, dot };
            found.insert(name, Conflict { kind: Kind::Identity, columns: BTreeSet::new(), others });
        }
        if image.root == *key {
            lost_values(table, facts, derived, image, &mut found);
        }
        if image.lives && !derived.visible.contains_key(key) {
            let mut bars = Bars { table, image, born: row.born, found: &mut found };
            bars.checks();
            bars.keys(derived);
            bars.references(schema, derived);
        }
    }
    for row in facts.values() {
        for (_, entry) in row.live(Slot::Acks) {
            if let Content::Ack(names) = &entry.content {
                found.retain(|name, _| !names.contains(name));
            }
        }
    }
    found
}

fn columns_of(table: &Table, positions: impl IntoIterator<Item = usize>) -> BTreeSet<ColumnId> {
    // Those that were dropped have no id any more.
    positions.into_iter().filter_map(|column| table.columns.get(column)).map(|column| column.id).collect()
}

/// Lives that say the opposite of the one that holds. A change of a merged row joins what the row became,
/// unless that is deleted.
fn lost_lives(table: &Table, row: &Row, image: &Image, root_lives: bool, found: &mut Found) {
    let best = row.live(Slot::Life).max_by_key(|(_, entry)| life_order(table, entry));
    let Some(best) = best.map(|(_, entry)| &entry.content) else { return };
    for (dot, entry) in row.live(Slot::Life) {
        let kind = match (best, &entry.content) {
            (Content::Alive(_) | Content::Merged(_), Content::Dead(_)) => Kind::UpdateDelete,
            (Content::Dead(_), Content::Alive(_)) => Kind::DeleteUpdate,
            (Content::Merged(_), Content::Alive(_)) if !root_lives => Kind::DeleteUpdate,
            _ => continue,
        };
        let wrote = |slot: &Slot, unit| match slot {
            Slot::Columns(of) | Slot::Added(of) | Slot::Element(of, _) => *of == unit,
            _ => false,
        };
        let written = table
            .units
            .iter()
            .filter(|unit| row.all().any(|(slot, other, _)| other == dot && wrote(&slot, unit.id)));
        let columns = columns_of(table, written.flat_map(|unit| unit.columns.iter().copied()));
        let name = ConflictName { row: image.key, about: About::Life, dot };
        found.insert(name, Conflict { kind, columns, others: BTreeSet::new() });
    }
}

/// Values unequal to the winner. A delete that nobody contests has decided them too.
fn lost_values(table: &Table, facts: &Facts, derived: &Derived, image: &Image, found: &mut Found) {
    if facts[&image.key].live(Slot::Life).all(|(_, entry)| entry.content.is_dead()) {
        return;
    }
    for unit in &table.units {
        for (row, dot) in derived.identity.spots(facts, image.key, unit.id) {
            if image.agreeing.contains(&(unit.id, dot)) {
                continue;
            }
            // It is a conflict of the row in which it is.
            let name = ConflictName { row, about: About::Update, dot };
            let fresh = Conflict { kind: Kind::Update, columns: BTreeSet::new(), others: BTreeSet::new() };
            let entry = found.entry(name).or_insert(fresh);
            entry.columns.extend(columns_of(table, unit.columns.iter().copied()));
        }
    }
}

/// The constraints that bar one parked row.
struct Bars<'a> {
    table: &'a Table,
    image: &'a Image,
    born: Dot,
    found: &'a mut Found,
}

impl Bars<'_> {
    fn checks(&mut self) {
        for id in &self.image.failed {
            let columns: Vec<usize> = match self.table.checks.iter().find(|check| check.id == *id) {
                Some(check) => check.rule.columns().into_iter().collect(),
                None => self.table.columns.iter().position(|c| c.id.0 == id.0).into_iter().collect(),
            };
            self.add(*id, Kind::Validation, &columns, self.newest(&columns), None);
        }
    }

    fn keys(&mut self, derived: &Derived) {
        for (key, value) in self.table.keys.iter().zip(&self.image.keys) {
            let holder = value.clone().and_then(|value| derived.holders.get(&(key.id, value)));
            if let Some(holder) = holder {
                let claim = self.claim(&key.columns).unwrap_or_else(|| self.newest(&key.columns));
                self.add(key.id, Kind::Unique, &key.columns, claim, Some(*holder));
            }
        }
    }

    fn references(&mut self, schema: &Schema, derived: &Derived) {
        for (foreign_key, need) in self.table.foreign_keys.iter().zip(&self.image.needs) {
            let Some(need) = need else { continue };
            if need.key.clone().is_some_and(|value| self.satisfied(derived, foreign_key, value)) {
                continue;
            }
            let kind = kind_of_missing(schema, derived, foreign_key, need);
            let columns = &foreign_key.columns;
            self.add(foreign_key.id, kind, columns, self.newest(columns), need.parent);
        }
    }

    fn satisfied(
        &self,
        derived: &Derived,
        foreign_key: &ForeignKey,
        value: Vec<reunite::value::Value>,
    ) -> bool {
        let own = self.table.keys.iter().zip(&self.image.keys).find(|(key, _)| key.id == foreign_key.key);
        own.is_some_and(|(_, own)| own.as_ref() == Some(&value))
            || derived.holders.contains_key(&(foreign_key.key, value))
    }

    /// Under row tracking a later change may have rewritten the key: the claim knows who made it.
    fn claim(&self, columns: &[usize]) -> Option<Dot> {
        let units: BTreeSet<_> = columns.iter().map(|column| self.table.columns[*column].unit).collect();
        let winners = units.iter().filter_map(|unit| self.image.winners.get(unit));
        let claims = winners.map(|(_, cell, stamp)| cell.claim.unwrap_or(*stamp));
        let newest = claims.max_by_key(|stamp| order(self.table, stamp));
        newest.filter(|_| self.table.tracking == Tracking::Row).map(|stamp| stamp.dot)
    }

    /// The change that wrote the visible values of these columns; the newest, if several did.
    fn newest(&self, columns: &[usize]) -> Dot {
        let units: BTreeSet<_> = columns.iter().map(|column| self.table.columns[*column].unit).collect();
        let stamps = units.iter().filter_map(|unit| self.image.winners.get(unit)).map(|(_, _, stamp)| stamp);
        stamps.max_by_key(|stamp| order(self.table, stamp)).map_or(self.born, |stamp| stamp.dot)
    }

    fn add(&mut self, id: ConstraintId, kind: Kind, columns: &[usize], dot: Dot, other: Option<RowId>) {
        let name = ConflictName { row: self.image.key, about: About::Constraint(id), dot };
        let columns = columns_of(self.table, columns.iter().copied());
        self.found.insert(name, Conflict { kind, columns, others: other.into_iter().collect() });
    }
}

/// Why the row that a reference means does not satisfy it.
fn kind_of_missing(schema: &Schema, derived: &Derived, foreign_key: &ForeignKey, need: &Need) -> Kind {
    let parent = need.parent.map(|row| RowKey { table: foreign_key.parent, row });
    let Some(parent) = parent.and_then(|key| derived.images.get(&key)) else { return Kind::ForeignKey };
    let table = schema.table_by_id(foreign_key.parent).expect("a table of the schema");
    let key = table.keys.iter().position(|key| key.id == foreign_key.key).expect("a key of the parent");
    match () {
        () if !parent.lives => Kind::DeleteRi,
        () if need.by_value && parent.keys[key] != need.key => Kind::UpdateRi,
        () => Kind::ForeignKey,
    }
}
