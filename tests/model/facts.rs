//! Facts and their merge. Knows no constraint and no schema.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use reunite::derive::About;
use reunite::ids::{ConstraintId, Dot, ReplicaId, RowId, RowKey, UnitId};
use reunite::value::{Json, Value};
use reunite::version::Stamp;

use super::identity::Edge;

/// A version vector: of a unit, or, joined over everything, a replica's knowledge.
pub type Vector = BTreeMap<ReplicaId, u64>;

pub fn covers(vector: &Vector, dot: Dot) -> bool {
    vector.get(&dot.replica).is_some_and(|seq| *seq >= dot.seq)
}

pub fn join(into: &mut Vector, from: &Vector) {
    for (replica, seq) in from {
        let mine = into.entry(*replica).or_insert(0);
        *mine = (*mine).max(*seq);
    }
}

/// What a row is made of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Slot {
    Life,
    Boost,
    Acks,
    Columns(UnitId),
    /// What replicas have added to a counter: one live value per replica.
    Added(UnitId),
    /// One element of a set, as JSON.
    Element(UnitId, &'static str),
}

impl Slot {
    /// The place of an element. Its text lives as long as the test.
    pub fn element(unit: UnitId, element: &Json) -> Slot {
        static TEXTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let mut texts = TEXTS.lock().expect("nobody panics here");
        let known = texts.get(element.as_str()).copied();
        let text = known.unwrap_or_else(|| Box::leak(element.as_str().to_owned().into_boxed_str()));
        texts.insert(text);
        Slot::Element(unit, text)
    }
}

/// The value of one unit: its columns, and the rows that its references mean.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Cell {
    pub columns: Vec<Value>,
    pub parents: BTreeMap<ConstraintId, RowId>,
    /// Under row tracking: when the keys got their values, if that was before.
    pub claim: Option<Stamp>,
    /// Of a counter: what each replica had added, as far as the writer of this value knew.
    pub seen: Added,
}

/// Who has added how much to the counter of which row, in all.
pub type Added = BTreeMap<(RowId, ReplicaId), i128>;

impl Cell {
    pub fn says_the_same(&self, other: &Cell) -> bool {
        (&self.columns, &self.parents) == (&other.columns, &other.parents)
            && self.seen_by_row() == other.seen_by_row()
    }

    /// What had been added to the counter of each row. Who added it does not matter, nor that somebody added nothing.
    pub fn seen_by_row(&self) -> BTreeMap<RowId, i128> {
        let mut sums: BTreeMap<RowId, i128> = BTreeMap::new();
        for ((row, _), sum) in &self.seen {
            *sums.entry(*row).or_default() += sum;
        }
        sums.retain(|_, sum| *sum != 0);
        sums
    }
}

/// What a conflict is, in words: its id says the same as a hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ConflictName {
    pub row: RowKey,
    pub about: About,
    /// The losing dot; for a parked row, the dot that wrote the barred value.
    pub dot: Dot,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// It lives, and was decided to stay apart from these rows.
    Alive(BTreeSet<RowId>),
    /// It was deleted, with these rows that were merged into it.
    Dead(BTreeSet<RowId>),
    /// It became another row.
    Merged(Edge),
    Boost,
    /// Dismissed conflicts of a parked row; with none it only carries a removal to the other replicas.
    Ack(BTreeSet<ConflictName>),
    Columns(Cell),
    /// What its writer had added to a counter by then, in all.
    Added(i128),
    /// An element is in its set.
    Element,
}

impl Content {
    pub const fn is_alive(&self) -> bool {
        matches!(self, Content::Alive(_))
    }

    pub const fn is_dead(&self) -> bool {
        matches!(self, Content::Dead(_))
    }
}

/// One live value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub content: Content,
    pub stamp: Stamp,
}

/// A dotted version vector set.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Unit {
    pub live: BTreeMap<Dot, Entry>,
    pub vector: Vector,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    pub born: Dot,
    pub units: BTreeMap<Slot, Unit>,
}

pub type Facts = BTreeMap<RowKey, Row>;

impl Row {
    pub fn new(born: Dot) -> Row {
        Row { born, units: BTreeMap::new() }
    }

    /// The live values of a slot, by dot.
    pub fn live(&self, slot: Slot) -> impl Iterator<Item = (Dot, &Entry)> {
        self.units.get(&slot).into_iter().flat_map(|unit| &unit.live).map(|(dot, entry)| (*dot, entry))
    }

    pub fn get(&self, slot: Slot, dot: Dot) -> Option<&Entry> {
        self.units.get(&slot).and_then(|unit| unit.live.get(&dot))
    }

    pub fn all(&self) -> impl Iterator<Item = (Slot, Dot, &Entry)> {
        let units = self.units.iter();
        units.flat_map(|(slot, unit)| unit.live.iter().map(|(dot, entry)| (*slot, *dot, entry)))
    }

    /// What was added to a counter, by replica.
    pub fn added(&self, unit: UnitId) -> BTreeMap<ReplicaId, i128> {
        let added = |(dot, entry): (Dot, &Entry)| match entry.content {
            Content::Added(sum) => Some((dot.replica, sum)),
            _ => None,
        };
        self.live(Slot::Added(unit)).filter_map(added).collect()
    }

    /// The elements of a set, with the changes that added them.
    pub fn elements(&self, set: UnitId) -> BTreeMap<Json, BTreeSet<Dot>> {
        let mut elements: BTreeMap<Json, BTreeSet<Dot>> = BTreeMap::new();
        for (slot, dot, _) in self.all() {
            if let Slot::Element(unit, element) = slot
                && unit == set
            {
                elements.entry(Json::parse(element).expect("it was JSON")).or_default().insert(dot);
            }
        }
        elements
    }

    /// Everything that was taken in, in any unit.
    pub fn vector(&self) -> Vector {
        let mut vector = Vector::new();
        self.units.values().for_each(|unit| join(&mut vector, &unit.vector));
        vector
    }

    /// One write: the new value stands in the place of the replaced ones.
    pub fn write(&mut self, slot: Slot, content: Content, stamp: Stamp, replaces: &[(Slot, Dot)]) {
        for (slot, dot) in replaces {
            if let Some(unit) = self.units.get_mut(slot) {
                unit.live.remove(dot);
            }
        }
        let unit = self.units.entry(slot).or_default();
        unit.live.insert(stamp.dot, Entry { content, stamp });
        join(&mut unit.vector, &Vector::from([(stamp.dot.replica, stamp.dot.seq)]));
    }
}

/// Keeps a dot that both have, or that one has and the other has never taken in.
pub fn merge_unit(a: &Unit, b: &Unit) -> Unit {
    let mut merged = Unit { live: BTreeMap::new(), vector: a.vector.clone() };
    join(&mut merged.vector, &b.vector);
    for (mine, other) in [(a, b), (b, a)] {
        for (dot, entry) in &mine.live {
            if other.live.contains_key(dot) || !covers(&other.vector, *dot) {
                merged.live.insert(*dot, entry.clone());
            }
        }
    }
    merged
}

pub fn merge_row(a: &Row, b: &Row) -> Row {
    let mut merged = Row::new(a.born.min(b.born));
    let empty = Unit::default();
    for slot in a.units.keys().chain(b.units.keys()) {
        let unit = |row: &Row| row.units.get(slot).unwrap_or(&empty).clone();
        merged.units.insert(*slot, merge_unit(&unit(a), &unit(b)));
    }
    merged
}
