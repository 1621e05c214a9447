//! A local transaction: its writes, what SQL would show inside it, and the rule for its end.
//!
//! What each operation writes is in `operations` and `resolve`.

use std::collections::{BTreeMap, BTreeSet};

use reunite::ids::{ConstraintId, Dot, RowId, RowKey, UnitId};
use reunite::schema::{Schema, Table, Tracking};
use reunite::value::Value;
use reunite::version::{Hlc, Stamp};

use super::derive::{Derived, derive};
use super::facts::{Cell, ConflictName, Content, Facts, Row, Slot};
use super::identity::{Edge, Identity, Rule};
use super::image::{fold, lives, order};
use super::replica::Replica;
use super::together::Combined;
use super::undo::Settled;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refusal {
    Duplicate,
    ImmutableKey,
    MissingParent,
    Restricted,
    CheckFailed,
    NotNull,
    NoSuchRow,
    NotApplicable,
}

/// Values of one unit, with the rows that they are in.
pub type Spots = BTreeSet<(RowKey, Dot)>;

/// What a write replaces.
pub type Replaced = BTreeSet<(Slot, Dot)>;

/// One write to one unit: live values are those that no change replaces.
#[derive(Clone, Debug)]
pub struct Change {
    pub row: RowKey,
    pub slot: Slot,
    pub entry: Content,
    pub stamp: Stamp,
    pub replaces: Replaced,
}

/// A transaction that was committed.
#[derive(Clone, Debug)]
pub struct Done {
    pub replica: Replica,
    pub changes: Vec<Change>,
    pub after: Derived,
    /// The rows that have to be visible.
    pub wanted: BTreeSet<RowKey>,
    pub boosted: usize,
}

/// When a transaction is made, and which dot it has in which row, if that is known from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    pub hlc: Option<Hlc>,
    /// Ascending: a transaction may make several changes of a row.
    pub dots: BTreeMap<RowKey, BTreeSet<Dot>>,
}

pub struct Commit<'a> {
    pub schema: &'a Schema,
    pub before: &'a Derived,
    before_facts: Facts,
    pub replica: Replica,
    hints: Hints,
    dots: BTreeMap<RowKey, Dot>,
    used: BTreeSet<Dot>,
    pub changes: Vec<Change>,
    /// What SQL would show to the transaction.
    pub shown: BTreeMap<RowKey, Vec<Value>>,
    /// Rows that must be visible afterwards, and rows that this transaction takes away.
    pub own: BTreeSet<RowKey>,
    pub gone: BTreeSet<RowKey>,
    /// References that were written: the rows that they mean are looked up at the end.
    pub pending: BTreeSet<(RowKey, ConstraintId)>,
    /// References whose parent got another key, which `ON UPDATE RESTRICT` forbids: with the parent and
    /// its old key. They are looked at again at the end.
    pub restricted: BTreeMap<(RowKey, ConstraintId), (RowKey, Vec<Value>)>,
    /// Rows that the user wants to see, though others may be parked for it.
    pub preferred: BTreeSet<RowKey>,
    /// Rows that may be parked, because only a resolution had shown them.
    pub yields: BTreeSet<RowKey>,
    pub settled: Vec<Settled>,
    pub undone: Vec<ConflictName>,
    /// Rows that are just becoming one: what is written must outrank them all.
    pub joining: BTreeSet<RowKey>,
    /// Whether a policy writes, to decide a conflict.
    pub decides: bool,
}

impl<'a> Commit<'a> {
    pub fn new(schema: &'a Schema, before: &'a Derived, replica: &Replica, hints: Hints) -> Commit<'a> {
        let mut replica = replica.clone();
        replica.clock = hints.hlc.unwrap_or(Hlc(replica.clock.0 + 1));
        let (dots, changes, own, gone, pending) = Default::default();
        let shown = before.visible.clone();
        Commit {
            schema,
            before,
            before_facts: replica.facts.clone(),
            replica,
            hints,
            dots,
            used: BTreeSet::new(),
            changes,
            shown,
            own,
            gone,
            pending,
            restricted: BTreeMap::new(),
            preferred: BTreeSet::new(),
            yields: BTreeSet::new(),
            settled: Vec::new(),
            undone: Vec::new(),
            joining: BTreeSet::new(),
            decides: false,
        }
    }

    /// Which rows are one, as the transaction sees it.
    pub fn identity(&self) -> Identity {
        Identity::of(self.schema, &self.replica.facts)
    }

    pub fn lives(&self, row: RowKey) -> bool {
        lives(self.table(row), &self.replica.facts, &self.identity(), row)
    }

    pub fn table(&self, key: RowKey) -> &'a Table {
        self.schema.table_by_id(key.table).expect("a table of the schema")
    }

    pub fn dot(&mut self, row: RowKey) -> Dot {
        if let Some(dot) = self.dots.get(&row) {
            return *dot;
        }
        let replica = &mut self.replica;
        let last = replica.knowledge.entry(replica.id).or_insert(0);
        *last += 1;
        // A row that the hints do not know gets a number that nobody uses: the comparison will show it.
        let unknown = *last + if self.hints.dots.is_empty() { 0 } else { 1_000_000 };
        let mut known = self.hints.dots.get(&row).into_iter().flatten();
        let unused = known.find(|dot| !self.used.contains(dot)).copied();
        let dot = unused.unwrap_or(Dot { replica: replica.id, seq: unknown });
        self.used.insert(dot);
        replica.log.insert(dot, (replica.clock, row));
        self.dots.insert(row, dot);
        dot
    }

    /// From now on the transaction makes another change of the row.
    pub fn next_change(&mut self, row: RowKey) {
        self.dots.remove(&row);
    }

    pub fn live(&self, row: RowKey, slot: Slot) -> Vec<(Dot, Content)> {
        let row = self.replica.facts.get(&row).into_iter();
        row.flat_map(|row| row.live(slot)).map(|(dot, entry)| (dot, entry.content.clone())).collect()
    }

    /// The dots of a slot whose content is so.
    pub fn dots_of(&self, row: RowKey, slot: Slot, which: impl Fn(&Content) -> bool) -> Replaced {
        self.live(row, slot)
            .iter()
            .filter(|(_, content)| which(content))
            .map(|(dot, _)| (slot, *dot))
            .collect()
    }

    /// The values that compete in a unit: of a surviving row those of all that are one with it.
    pub fn spots(&self, row: RowKey, unit: UnitId) -> Spots {
        let identity = self.identity();
        if identity.root(row) == row {
            return identity.spots(&self.replica.facts, row, unit).into_iter().collect();
        }
        self.live(row, Slot::Columns(unit)).into_iter().map(|(dot, _)| (row, dot)).collect()
    }

    /// The visible value of a unit, its stamp, and the values that say it.
    pub fn visible_value(&self, row: RowKey, unit: UnitId) -> Option<(Cell, Stamp, Spots)> {
        let spots = self.spots(row, unit);
        let entry = |(row, dot): &(RowKey, Dot)| self.replica.facts[row].get(Slot::Columns(unit), *dot);
        let entries = spots.iter().filter_map(entry);
        let best = entries.max_by_key(|entry| order(self.table(row), &entry.stamp))?;
        let Content::Columns(cell) = &best.content else { return None };
        let table = self.table(row);
        let unit = table.unit(unit).expect("a unit of the table");
        let identity = self.identity();
        let class = Combined { facts: &self.replica.facts, identity: &identity, row };
        let same = |content: &Content| matches!(content, Content::Columns(other) if class.shows_the_same(table, unit, other, cell));
        let says_it = |spot: &&(RowKey, Dot)| entry(spot).is_some_and(|entry| same(&entry.content));
        Some((cell.clone(), best.stamp, spots.iter().filter(says_it).copied().collect()))
    }

    /// Writes a unit in place of values, some of which may be in rows that were merged into this one.
    pub fn write_unit(&mut self, row: RowKey, unit: UnitId, mut cell: Cell, settled: &Spots) {
        let slot = Slot::Columns(unit);
        settled.iter().filter(|spot| spot.0 != row).for_each(|spot| self.absorb(*spot, unit));
        // The rows that were merged may be purged elsewhere.
        let identity = self.identity();
        for (id, parent) in &mut cell.parents {
            let key = self.table(row).foreign_keys.iter().find(|key| key.id == *id).expect("a foreign key");
            *parent = identity.root(RowKey { table: key.parent, row: *parent }).row;
        }
        cell.claim = self.kept_claim(row, unit, &cell);
        let own = settled.iter().filter(|spot| spot.0 == row).map(|spot| (slot, spot.1)).collect();
        self.write(row, slot, Content::Columns(cell), own);
    }

    /// A value of a merged row is not removed there: its merge absorbs it. Who absorbs a key knows the merge,
    /// which no longer depends on the rule that made it.
    pub fn absorb(&mut self, (row, dot): (RowKey, Dot), unit: UnitId) {
        self.widen(row, unit, |edge| edge.absorbed.insert((unit, dot)));
    }

    /// Changes what the merge of a row has decided of a unit.
    pub fn widen(&mut self, row: RowKey, unit: UnitId, decide: impl FnOnce(&mut Edge) -> bool) {
        let Some(into) = self.identity().edges.get(&row).copied() else { return };
        let into_it = |content: &Content| matches!(content, Content::Merged(edge) if edge.into == into.row);
        let old = self.dots_of(row, Slot::Life, into_it);
        let (absorbed, removed) = Default::default();
        let mut edge = Edge { into: into.row, absorbed, removed, rule: None };
        decide(&mut edge);
        let mut by_hand = false;
        for (_, content) in self.live(row, Slot::Life) {
            if let Content::Merged(other) = content.clone()
                && into_it(&content)
            {
                edge.absorbed.extend(other.absorbed);
                edge.removed.extend(other.removed);
                by_hand |= other.rule.is_none();
                edge.rule = other.rule.or(edge.rule);
            }
        }
        let table = self.table(row);
        let of_key = |rule: &Rule| {
            table
                .key(rule.key)
                .is_some_and(|key| key.columns.iter().any(|column| table.columns[*column].unit == unit))
        };
        edge.rule = edge.rule.filter(|rule| !by_hand && !of_key(rule));
        self.write(row, Slot::Life, Content::Merged(edge), old);
    }

    /// Dismisses a conflict of a parked row. Several dismissals of one transaction are one change.
    pub fn acknowledge(&mut self, row: RowKey, name: Option<ConflictName>) {
        let dot = self.dot(row);
        let facts = self.replica.facts.get(&row);
        let mut names: BTreeSet<ConflictName> = name.into_iter().collect();
        let earlier = facts.and_then(|facts| facts.get(Slot::Acks, dot));
        if let Some(Content::Ack(earlier)) = earlier.map(|entry| &entry.content) {
            names.extend(earlier);
        }
        self.write(row, Slot::Acks, Content::Ack(names), BTreeSet::new());
    }

    /// Removes a value that lost; the acknowledgement of this transaction carries the removal.
    pub fn remove(&mut self, row: RowKey, slot: Slot, lost: Dot) {
        let unit = self.replica.facts.get_mut(&row).and_then(|facts| facts.units.get_mut(&slot));
        unit.and_then(|unit| unit.live.remove(&lost));
        let change = self.changes.iter_mut().find(|change| (change.row, change.slot) == (row, Slot::Acks));
        change.expect("it was acknowledged").replaces.insert((slot, lost));
    }

    /// Removes an element from a set by itself; the row's life, which is written then, carries the removal.
    pub fn remove_element(&mut self, row: RowKey, slot: Slot) {
        if self.live(row, slot).is_empty() {
            return;
        }
        let dots: Vec<Dot> = self.live(row, slot).into_iter().map(|(dot, _)| dot).collect();
        let unit = self.replica.facts.get_mut(&row).and_then(|facts| facts.units.get_mut(&slot));
        unit.expect("the element is there").live.clear();
        self.touch(row);
        let mut changes = self.changes.iter_mut().rev();
        let change = changes.find(|change| (change.row, change.slot) == (row, Slot::Life));
        change.expect("it was touched").replaces.extend(dots.into_iter().map(|dot| (slot, dot)));
    }

    /// Writes a unit. A write inherits the priority of what it saw there.
    pub fn write(&mut self, row: RowKey, slot: Slot, content: Content, mut replaces: Replaced) {
        let dot = self.dot(row);
        let identity = self.identity();
        let joining = self.joining.contains(&row);
        let rows = if joining { self.joining.clone() } else { BTreeSet::from([row]) };
        let rows: BTreeSet<RowKey> =
            rows.into_iter().flat_map(|row| identity.class(identity.root(row))).collect();
        let seen =
            rows.iter().filter_map(|row| self.replica.facts.get(row)).flat_map(|facts| facts.live(slot));
        let inherited = seen.map(|(_, entry)| entry.stamp.priority).max();
        let inherits = matches!(slot, Slot::Life | Slot::Columns(_));
        let priority = inherited
            .filter(|_| inherits)
            .map_or(self.replica.priority, |seen| seen.max(self.replica.priority));
        let stamp = Stamp { decision: self.decides, ..Stamp::new(priority, self.replica.clock, dot) };
        replaces.remove(&(slot, dot));
        let all: Vec<(Slot, Dot)> = replaces.iter().copied().collect();
        let facts = self.replica.facts.entry(row).or_insert_with(|| Row::new(dot));
        facts.write(slot, content.clone(), stamp, &all);
        // What the transaction has removed and writes again is there after all.
        for change in self.changes.iter_mut().filter(|change| change.row == row) {
            change.replaces.remove(&(slot, dot));
        }
        // Writing a unit twice in one change is one write.
        if let Some(i) = self.changes.iter().position(|c| (c.row, c.slot, c.stamp.dot) == (row, slot, dot)) {
            replaces.extend(self.changes.remove(i).replaces);
        }
        self.changes.push(Change { row, slot, entry: content, stamp, replaces });
    }

    /// Under row tracking a write that leaves the keys as they are keeps their claim.
    pub fn kept_claim(&self, row: RowKey, unit: UnitId, cell: &Cell) -> Option<Stamp> {
        let table = self.table(row);
        let (old, stamp, _) = self.visible_value(row, unit).filter(|_| table.tracking == Tracking::Row)?;
        let is_key = |column: usize| table.keys.iter().any(|key| key.columns.contains(&column));
        let columns = table.unit(unit)?.columns.iter().zip(old.columns.iter().zip(&cell.columns));
        let same = columns.filter(|(column, _)| is_key(**column)).all(|(_, (old, new))| old == new);
        same.then_some(old.claim.unwrap_or(stamp))
    }

    /// The row that shows this key inside the transaction.
    pub fn holder(&self, table: &Table, key: ConstraintId, value: &[Value]) -> Option<RowId> {
        let columns = &table.key(key)?.columns;
        let rows = self.shown.iter().filter(|(row, _)| row.table == table.id);
        let mut holders = rows.filter(|(_, shown)| fold(table, columns, shown).as_deref() == Some(value));
        holders.next().map(|(row, _)| row.row)
    }

    /// Whether a row still refers to a key that its parent gave up, though `ON UPDATE` forbids it.
    fn is_restricted(&self) -> bool {
        self.restricted.iter().any(|((child, id), (parent, old))| {
            let (table, parent_table) = (self.table(*child), self.table(*parent));
            let foreign_key = table.foreign_keys.iter().find(|key| key.id == *id).expect("a foreign key");
            let key = parent_table.key(foreign_key.key).expect("a key of the parent");
            let parent = self.identity().root(*parent);
            let shown = self.shown.get(child).zip(self.shown.get(&parent));
            let Some((referring, now)) = shown else { return false };
            let refers = fold(table, &foreign_key.columns, referring).as_ref() == Some(old);
            let moved = fold(parent_table, &key.columns, now).as_ref() != Some(old);
            // Written in this transaction, it may mean another row that has the key now.
            let pending = self.pending.contains(&(*child, *id));
            refers && moved && !(pending && self.holder(parent_table, key.id, old).is_some())
        })
    }

    /// What SQL checks: would the rows that have to be visible satisfy every constraint among themselves?
    /// Returns everything that they break.
    fn broken(&self, after: &Derived, wanted: &BTreeSet<RowKey>) -> BTreeSet<Refusal> {
        let (mut keys, mut broken) = (BTreeSet::new(), BTreeSet::new());
        let image = |row: &RowKey| after.images.get(row).filter(|image| image.lives);
        if wanted.iter().any(|row| image(row).is_none()) {
            broken.insert(Refusal::NotApplicable);
        }
        for image in wanted.iter().filter_map(image) {
            let table = self.table(image.key);
            for id in &image.failed {
                let check = table.checks.iter().any(|check| check.id == *id);
                broken.insert(if check { Refusal::CheckFailed } else { Refusal::NotNull });
            }
            for (key, value) in table.keys.iter().zip(&image.keys) {
                if value.as_ref().is_some_and(|value| !keys.insert((key.id, value.clone()))) {
                    broken.insert(Refusal::Duplicate);
                }
            }
        }
        for image in wanted.iter().filter_map(image) {
            for (foreign_key, need) in self.table(image.key).foreign_keys.iter().zip(&image.needs) {
                let Some(need) = need else { continue };
                let key = need.key.clone().map(|value| (foreign_key.key, value));
                if !key.is_some_and(|key| keys.contains(&key)) {
                    let own = self.own.contains(&image.key);
                    broken.insert(if own { Refusal::MissingParent } else { Refusal::Restricted });
                }
            }
        }
        broken
    }

    /// The rows that have to be visible afterwards.
    fn wanted(&self) -> BTreeSet<RowKey> {
        let yielding = self.yielding();
        let yields = |row: &RowKey| yielding.contains(row) || self.yields.contains(row);
        let stays = |row: &&RowKey| !self.gone.contains(*row) && !yields(row);
        self.before.visible.keys().filter(stays).chain(&self.own).copied().collect()
    }

    /// The rows that the preferences park, by themselves: to park them is what the user asked for.
    fn yielding(&self) -> BTreeSet<RowKey> {
        let mut facts = self.before_facts.clone();
        let known: Vec<RowKey> =
            self.preferred.iter().filter(|row| facts.contains_key(row)).copied().collect();
        for row in &known {
            let boost = self.replica.facts[row].units.get(&Slot::Boost).cloned().unwrap_or_default();
            facts.get_mut(row).expect("it is known").units.insert(Slot::Boost, boost);
        }
        let alone = derive(self.schema, &facts, |_| {});
        let mut yielding: BTreeSet<RowKey> =
            self.before.visible.keys().filter(|row| !alone.visible.contains_key(row)).copied().collect();
        for row in &known {
            for (key, value) in self.table(*row).keys.iter().zip(&alone.images[row].keys) {
                let holder = value.clone().and_then(|value| self.before.holders.get(&(key.id, value)));
                yielding.extend(holder.map(|holder| RowKey { row: *holder, ..*row }));
            }
        }
        yielding.difference(&self.preferred).copied().collect()
    }

    /// A transaction is refused if the rows it wants visible, with all other rows visible so far, break
    /// a constraint. Otherwise nothing may stand in its way: where a parked row would now displace one
    /// of them, that one is boosted. Boosting to the fixpoint always succeeds.
    pub fn finish(mut self) -> Result<Done, BTreeSet<Refusal>> {
        if self.is_restricted() {
            return Err(BTreeSet::from([Refusal::Restricted]));
        }
        self.resolve_references().map_err(|refusal| BTreeSet::from([refusal]))?;
        let wanted = self.wanted();
        let mut boosted: BTreeSet<RowKey> = BTreeSet::new();
        loop {
            let after = derive(self.schema, &self.replica.facts, |_| {});
            let displaced = wanted.iter().filter(|row| !after.visible.contains_key(row)).copied();
            let displaced: BTreeSet<RowKey> = displaced.collect();
            if displaced.is_empty() {
                self.remember(&after);
                let Commit { replica, changes, .. } = self;
                return Ok(Done { replica, changes, after, wanted, boosted: boosted.len() });
            }
            // A row that must stay lives by itself, where a merge that was void would take it along now.
            let merged: Vec<RowKey> = displaced
                .iter()
                .filter(|row| after.images.get(row).is_some_and(|i| i.root != **row))
                .copied()
                .collect();
            if !merged.is_empty() {
                for row in merged {
                    let (apart, all) = (self.apart_of(row), self.dots_of(row, Slot::Life, |_| true));
                    self.write(row, Slot::Life, Content::Alive(apart), all);
                }
                continue;
            }
            let broken = self.broken(&after, &wanted);
            if !broken.is_empty() {
                return Err(broken);
            }
            let fresh: Vec<RowKey> = displaced.difference(&boosted).copied().collect();
            assert!(!fresh.is_empty(), "boosting must succeed: {displaced:?}");
            for row in fresh {
                boosted.insert(row);
                if !self.preferred.contains(&row) {
                    let old = self.dots_of(row, Slot::Boost, |_| true);
                    self.write(row, Slot::Boost, Content::Boost, old);
                }
            }
        }
    }

    /// Ends the transaction without any rule: what another kind of replica might have written.
    pub fn finish_unchecked(self) -> (Replica, Vec<Change>) {
        (self.replica, self.changes)
    }
}
