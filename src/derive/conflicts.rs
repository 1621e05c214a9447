//! L5: everything of a row that lost, one entry per losing change or broken constraint, minus what
//! was dismissed. A conflict is a value that appears and goes with the facts; nothing creates it.

use std::collections::{BTreeMap, BTreeSet};

use super::image::{Image, Key, Need};
use super::pass::Pass;
use super::roots::Roots;
use super::units::{life_of, order, unit_losers, winner};
use super::{Source, Status};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{ColumnId, ConflictId, ConstraintId, Dot, RowId, RowKey};
use crate::row::{LifeKind, RowState};
use crate::schema::{ForeignKey, Table, Tracking, Unit};
use crate::version::{Hlc, Stamp};

/// The kind of a conflict. It may change while the conflict is open: it is not part of its id.
///
/// ```
/// use reunite::derive::Kind;
/// assert_eq!(Kind::DeleteRi.name(), "delete-ri"); // RI: referential integrity
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Two values of one unit; one lost.
    Update,
    /// The deletion won, a change lost.
    DeleteUpdate,
    /// A change won, the deletion lost.
    UpdateDelete,
    /// Another row holds a unique key of this one.
    Unique,
    /// The row it refers to was deleted.
    DeleteRi,
    /// The key it refers to by value was changed.
    UpdateRi,
    /// The row it refers to is itself parked, or not here.
    ForeignKey,
    /// A check or a `NOT NULL` fails.
    Validation,
    /// Whether two rows are one: merged here, kept apart or merged otherwise there.
    Identity,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 9] = [
        Kind::Update,
        Kind::DeleteUpdate,
        Kind::UpdateDelete,
        Kind::Unique,
        Kind::DeleteRi,
        Kind::UpdateRi,
        Kind::ForeignKey,
        Kind::Validation,
        Kind::Identity,
    ];

    /// The kind with this name.
    #[must_use]
    pub fn called(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name, as in conflict tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Update => "update",
            Kind::DeleteUpdate => "delete-update",
            Kind::UpdateDelete => "update-delete",
            Kind::Unique => "unique",
            Kind::DeleteRi => "delete-ri",
            Kind::UpdateRi => "update-ri",
            Kind::ForeignKey => "foreign-key",
            Kind::Validation => "validation",
            Kind::Identity => "identity",
        }
    }
}

/// What a conflict is about: part of its id, and the same for as long as it lasts.
///
/// See [`conflict_id`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Values of columns.
    Update,
    /// Whether the row lives.
    Life,
    /// Whether it is one with another row.
    Identity,
    /// A constraint that bars the row. A `NOT NULL` has its column's id.
    Constraint(ConstraintId),
}

/// An open conflict of a row.
///
/// See [`derive()`](super::derive()) for an example. [`ConflictRow`](crate::db::ConflictRow) has it with names and values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Same on every replica.
    pub id: ConflictId,
    /// What it is about.
    pub about: About,
    /// What kind it is now.
    pub kind: Kind,
    /// The change that lost, or that wrote what is barred.
    pub loser: Dot,
    /// When that change was made. A constraint may bar columns that nobody ever wrote: then the oldest
    /// change that is live in the row.
    pub at: Hlc,
    /// The columns that lost, ascending.
    pub columns: Vec<ColumnId>,
    /// The rows it clashes with or lacks: the holder of the key, the missing parent.
    pub others: Vec<RowId>,
}

impl Conflict {
    /// The units of which a value lost. (A unit is listed by all its columns.)
    pub(crate) fn units<'t>(&self, table: &'t Table) -> Vec<&'t Unit> {
        let lost = |position: &usize| {
            table.columns.get(*position).is_some_and(|column| self.columns.contains(&column.id))
        };
        table.units.iter().filter(|unit| unit.columns.iter().any(lost)).collect()
    }
}

/// The id of a conflict: a hash of the row, what it is about, and the losing change. Neither kind,
/// winner nor columns are in it, because they may change while the conflict is open.
///
/// ```
/// use reunite::derive::{About, conflict_id};
/// use reunite::ids::{Dot, ReplicaId, RowId};
/// let row = RowId::from_bytes([7; 16]);
/// let loser = Dot { replica: ReplicaId::from_bytes([1; 16]), seq: 5 };
/// let id = conflict_id(row, About::Update, loser); // the same wherever it is computed
/// assert_ne!(id, conflict_id(row, About::Life, loser));
/// assert_ne!(id, conflict_id(row, About::Update, Dot { seq: 6, ..loser }));
/// ```
#[must_use]
pub fn conflict_id(row: RowId, about: About, loser: Dot) -> ConflictId {
    let (tag, constraint) = match about {
        About::Update => (0_u8, 0),
        About::Life => (1, 0),
        About::Constraint(id) => (2, id.0),
        About::Identity => (3, 0),
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"reunite conflict");
    hasher.update(row.as_bytes());
    hasher.update(&[tag]);
    hasher.update(&constraint.to_be_bytes());
    hasher.update(loser.replica.as_bytes());
    hasher.update(&loser.seq.to_be_bytes());
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    ConflictId::from_bytes(id)
}

/// The id of a conflict, with the mistakes that may be made about it.
fn identify(row: RowId, about: About, loser: Dot, kind: Kind, other: Option<RowId>) -> ConflictId {
    let id = conflict_id(row, about, loser);
    let changeable = match &other {
        _ if planted(Bug::IdFromKind) => kind.name().as_bytes(),
        Some(other) if planted(Bug::IdFromWinner) => other.as_bytes(),
        _ => return id,
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(id.as_bytes()).update(changeable);
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    ConflictId::from_bytes(id)
}

impl<S: Source + ?Sized> Pass<'_, S> {
    /// All open conflicts of a row with these facts of its own, ascending by id. A value that lost to one of
    /// another row of its class is a conflict of the row in which it is.
    pub(super) fn conflicts(
        &mut self,
        table: &Table,
        key: RowKey,
        facts: &RowState,
        image: &Image,
        status: Status,
    ) -> Result<Vec<Conflict>, Error> {
        let mut found = Vec::new();
        if table.dropped {
            return Ok(found);
        }
        self.lost_lives(table, key, facts, &mut found)?;
        self.lost_values(table, key, facts, &mut found)?;
        let own = facts;
        let Some(facts) = self.facts(key)? else { return Ok(found) };
        let facts = &*facts;
        if status == Status::Parked {
            failed_checks(table, key.row, facts, image, &mut found);
            self.lost_keys(table, key.row, facts, image, &mut found)?;
            self.lost_parents(table, key.row, facts, image, &mut found)?;
        }
        let dismissed: BTreeSet<ConflictId> = own.acks.iter().flat_map(|ack| &ack.value.0).copied().collect();
        found.retain(|conflict| !dismissed.contains(&conflict.id));
        found.sort_by_key(|conflict| conflict.id);
        Ok(found)
    }

    /// A key that a visible row holds.
    fn lost_keys(
        &mut self,
        table: &Table,
        row: RowId,
        facts: &RowState,
        image: &Image,
        found: &mut Vec<Conflict>,
    ) -> Result<(), Error> {
        for (unique, value) in table.keys.iter().zip(&image.keys) {
            let Some(value) = value else { continue };
            if let Some(holder) = self.holder(unique.id, value)? {
                let loser = claimed_by(table, facts, &unique.columns);
                found.push(barred(table, row, unique.id, Kind::Unique, loser, &unique.columns, Some(holder)));
            }
        }
        Ok(())
    }

    /// A reference that no visible row satisfies.
    fn lost_parents(
        &mut self,
        table: &Table,
        row: RowId,
        facts: &RowState,
        image: &Image,
        found: &mut Vec<Conflict>,
    ) -> Result<(), Error> {
        for (foreign_key, need) in table.foreign_keys.iter().zip(&image.references) {
            let Some(need) = need else { continue };
            if let Some(value) = &need.key {
                let satisfied = refers_to_itself(table, foreign_key, image, value)
                    || self.holder(foreign_key.key, value)?.is_some();
                if satisfied {
                    continue;
                }
            }
            let kind = self.kind_of_missing(foreign_key, need)?;
            let loser = written_by(table, facts, &foreign_key.columns);
            found.push(barred(table, row, foreign_key.id, kind, loser, &foreign_key.columns, need.parent));
        }
        Ok(())
    }

    /// Why the row that a reference means does not satisfy it.
    fn kind_of_missing(&mut self, foreign_key: &ForeignKey, need: &Need) -> Result<Kind, Error> {
        let Some(row) = need.parent else { return Ok(Kind::ForeignKey) };
        let Some(parent) = self.image(RowKey { table: foreign_key.parent, row })? else {
            return Ok(Kind::ForeignKey);
        };
        if !parent.lives {
            return Ok(Kind::DeleteRi);
        }
        let keys = self.schema.table_by_id(foreign_key.parent).map(|table| &table.keys);
        let position = keys.and_then(|keys| keys.iter().position(|key| key.id == foreign_key.key));
        let current = position.and_then(|i| parent.keys.get(i)).and_then(Option::as_ref);
        let moved = need.by_value && current != need.key.as_ref();
        Ok(if moved { Kind::UpdateRi } else { Kind::ForeignKey })
    }

    /// Changes that lost against a deletion, deletions that lost against a change, and decisions about
    /// identity that lost.
    fn lost_lives(
        &mut self,
        table: &Table,
        key: RowKey,
        facts: &RowState,
        found: &mut Vec<Conflict>,
    ) -> Result<(), Error> {
        let row = key.row;
        let life = life_of(table, facts).kind();
        let died_as_another = life == LifeKind::Merged && facts.life.len() > 1 && self.root_is_dead(key)?;
        for sibling in facts.life.iter() {
            let (loser, at, about) = (sibling.stamp.dot, sibling.stamp.hlc, About::Life);
            let kind = match (life, sibling.value.kind()) {
                (LifeKind::Alive | LifeKind::Merged, LifeKind::Dead) => Kind::UpdateDelete,
                (LifeKind::Dead, LifeKind::Alive) => Kind::DeleteUpdate,
                // A change of a merged row joins the surviving one, unless that was deleted.
                (LifeKind::Merged, LifeKind::Alive) if died_as_another => Kind::DeleteUpdate,
                _ => continue,
            };
            // The columns that the losing change wrote, as far as nobody replaced them since.
            let units = table.units.iter().filter(|unit| facts.wrote(unit.id, loser));
            let columns = column_ids(table, units.flat_map(|unit| &unit.columns));
            let id = identify(row, about, loser, kind, None);
            found.push(Conflict { id, about, kind, loser, at, columns, others: Vec::new() });
        }
        let component = self.connected(key)?;
        for ((loser, at), others) in component.map(|component| component.lost(row)).unwrap_or_default() {
            let (about, kind, columns) = (About::Identity, Kind::Identity, Vec::new());
            let id = identify(row, about, loser, kind, others.first().copied());
            found.push(Conflict { id, about, kind, loser, at, columns, others });
        }
        Ok(())
    }

    fn root_is_dead(&mut self, key: RowKey) -> Result<bool, Error> {
        let root = RowKey { row: self.root(key)?, ..key };
        Ok(self.image(root)?.is_some_and(|image| !image.lives))
    }

    /// Values that lost, one entry per losing change. A deletion that nobody contests has decided them.
    fn lost_values(
        &mut self,
        table: &Table,
        key: RowKey,
        own: &RowState,
        found: &mut Vec<Conflict>,
    ) -> Result<(), Error> {
        let root = RowKey { row: self.root(key)?, ..key };
        let (Some(class), Some(root)) = (self.facts(root)?, self.own_facts(root)?) else { return Ok(()) };
        let contested = root.life.iter().any(|sibling| !sibling.value.is_dead());
        if !contested && !planted(Bug::DecidedStillListed) {
            return Ok(());
        }
        let mut lost: BTreeMap<(Dot, Hlc), Vec<usize>> = BTreeMap::new();
        for unit in &table.units {
            let siblings = class.unit(unit.id);
            if siblings.len() > 1 {
                let values = siblings.iter().map(|sibling| &sibling.value);
                let roots = Roots::of(table, unit, values, |parent| self.root(parent))?;
                let losers = unit_losers(table, unit, &class, &roots).map(|sibling| &sibling.stamp);
                for loser in losers.filter(|loser| own.unit(unit.id).contains(loser.dot)) {
                    lost.entry(change(loser)).or_default().extend(&unit.columns);
                }
            }
        }
        for ((loser, at), columns) in lost {
            let (about, kind) = (About::Update, Kind::Update);
            let id = identify(key.row, about, loser, kind, None);
            let columns = column_ids(table, columns.iter());
            found.push(Conflict { id, about, kind, loser, at, columns, others: Vec::new() });
        }
        Ok(())
    }
}

fn failed_checks(table: &Table, row: RowId, facts: &RowState, image: &Image, found: &mut Vec<Conflict>) {
    for id in &image.failed {
        let columns = match table.checks.iter().find(|check| check.id == *id) {
            Some(check) => check.rule.columns(),
            None => table.columns.iter().position(|column| column.id.0 == id.0).into_iter().collect(),
        };
        let loser = written_by(table, facts, &columns);
        found.push(barred(table, row, *id, Kind::Validation, loser, &columns, None));
    }
}

fn barred(
    table: &Table,
    row: RowId,
    constraint: ConstraintId,
    kind: Kind,
    (loser, at): (Dot, Hlc),
    columns: &[usize],
    other: Option<RowId>,
) -> Conflict {
    let about = About::Constraint(constraint);
    let id = identify(row, about, loser, kind, other);
    let columns = column_ids(table, columns.iter());
    Conflict { id, about, kind, loser, at, columns, others: other.into_iter().collect() }
}

/// The change that wrote the visible values of these columns; the newest, if several did.
fn written_by(table: &Table, facts: &RowState, columns: &[usize]) -> (Dot, Hlc) {
    let units = table.units_of(columns);
    let winners = units.into_iter().filter_map(|unit| winner(table, facts.unit(unit)));
    let newest = winners.max_by_key(|sibling| order(table, &sibling.stamp));
    newest.map_or_else(|| (facts.born, oldest(facts)), |sibling| change(&sibling.stamp))
}

fn oldest(facts: &RowState) -> Hlc {
    facts.stamps().map(|stamp| stamp.hlc).min().unwrap_or_default()
}

/// Which change a stamp is of, and when that was made.
const fn change(stamp: &Stamp) -> (Dot, Hlc) {
    (stamp.dot, stamp.hlc)
}

/// The change that claimed a key. Under row tracking a later change may have rewritten the columns.
fn claimed_by(table: &Table, facts: &RowState, columns: &[usize]) -> (Dot, Hlc) {
    let claims = table.units_of(columns).into_iter().filter_map(|unit| {
        let winner = winner(table, facts.unit(unit))?;
        Some(winner.value.claim.filter(|_| table.tracking == Tracking::Row).unwrap_or(winner.stamp))
    });
    match claims.max_by_key(|stamp| order(table, stamp)) {
        Some(stamp) => change(&stamp),
        None => written_by(table, facts, columns),
    }
}

fn refers_to_itself(table: &Table, foreign_key: &ForeignKey, image: &Image, value: &Key) -> bool {
    let own = table.keys.iter().position(|key| key.id == foreign_key.key);
    foreign_key.parent == table.id
        && own.and_then(|i| image.keys.get(i)).and_then(Option::as_ref) == Some(value)
}

fn column_ids<'a>(table: &Table, positions: impl Iterator<Item = &'a usize>) -> Vec<ColumnId> {
    let ids = positions.filter_map(|position| table.columns.get(*position)).map(|column| column.id);
    ids.collect::<BTreeSet<ColumnId>>().into_iter().collect()
}
