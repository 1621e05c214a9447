//! Conflicts as people and programs read them: a row of the table's conflict table.
//!
//! What is stored of a conflict is what it is about; both sides' values are read from the facts when
//! it is listed, so they are never stale and equal on every replica.

use super::row::Row;
use crate::derive::{
    About, Conflict, Kind, Source, Stored, class_of, saturated, total, winner, winning_life,
};
use crate::error::Error;
use crate::ids::{ColumnId, ConflictId, ConstraintId, Dot, ReplicaId, RowId, RowKey};
use crate::row::{RowState, Siblings, UnitValue};
use crate::schema::{self, ColumnRule, Constraint};
use crate::store::Snapshot;
use crate::value::{Timestamp, Value};
use crate::version::Stamp;

/// An open conflict.
///
/// ```
/// # use reunite::{Database, ResolveWith, replicate, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
/// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
/// # replicate::sync(&a, &b)?;
/// # use reunite::db::{Image, Reason};
/// # use reunite::derive::Kind;
/// let conflict = a.read()?.conflicts()?.remove(0);
/// assert_eq!((conflict.kind, conflict.reason), (Kind::Unique, Reason::Collision));
/// assert_eq!(conflict.constraint.as_deref(), Some("customer_pkey"));
/// let Image::Values(loser) = &conflict.loser.image else { unreachable!("nothing was deleted") };
/// assert_eq!(loser, &row! { code: "ANN", phone: "2" });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRow {
    /// The same on every replica, and for as long as the conflict is open.
    pub id: ConflictId,
    /// What kind it is now.
    pub kind: Kind,
    /// The class of its kind.
    pub reason: Reason,
    /// The table.
    pub table: String,
    /// The row that lost, or of which a value did.
    pub row: RowId,
    /// The columns that lost, sorted.
    pub units: Vec<String>,
    /// The constraint that bars the row.
    pub constraint: Option<String>,
    /// The rows it clashes with or lacks: the holder of the key, the missing parent.
    pub others: Vec<RowId>,
    /// What is visible instead, if anything is.
    pub winner: Option<Side>,
    /// What lost.
    pub loser: Side,
}

/// The class of a conflict, in the words of Microsoft Sync Framework.
///
/// ```
/// use reunite::db::Reason;
/// use reunite::derive::Kind;
/// assert_eq!(Reason::from(Kind::DeleteRi), Reason::NoParent);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Two changes that did not know of each other.
    Concurrency,
    /// Another row holds the key.
    Collision,
    /// The row that is referred to is not there.
    NoParent,
    /// Replicas disagree about which rows are one.
    Identity,
    /// A validation rule fails.
    Other,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 5] =
        [Reason::Concurrency, Reason::Collision, Reason::NoParent, Reason::Identity, Reason::Other];

    /// The reason with this name; ASCII letters compare without regard to case.
    ///
    /// ```
    /// use reunite::db::Reason;
    /// assert_eq!(Reason::called("noparent"), Some(Reason::NoParent));
    /// ```
    #[must_use]
    pub fn called(name: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.name().eq_ignore_ascii_case(name))
    }

    /// The name, as in conflict tables.
    ///
    /// ```
    /// assert_eq!(reunite::db::Reason::Collision.name(), "Collision");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Concurrency => "Concurrency",
            Reason::Collision => "Collision",
            Reason::NoParent => "NoParent",
            Reason::Identity => "Identity",
            Reason::Other => "Other",
        }
    }
}

impl From<Kind> for Reason {
    fn from(kind: Kind) -> Reason {
        match kind {
            Kind::Update | Kind::DeleteUpdate | Kind::UpdateDelete => Reason::Concurrency,
            Kind::Unique => Reason::Collision,
            Kind::DeleteRi | Kind::UpdateRi | Kind::ForeignKey => Reason::NoParent,
            Kind::Validation => Reason::Other,
            Kind::Identity => Reason::Identity,
        }
    }
}

/// One side of a conflict.
///
/// ```
/// # use reunite::{Database, ResolveWith, replicate, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
/// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
/// # replicate::sync(&a, &b)?;
/// let conflict = a.read()?.conflicts()?.remove(0);
/// assert_eq!(conflict.loser.replica, b.replica_id());
/// assert!(conflict.winner.is_some_and(|winner| winner.at <= conflict.loser.at));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Who made the change.
    pub replica: ReplicaId,
    /// When, by the clock of that replica.
    pub at: Timestamp,
    /// What it says.
    pub image: Image,
    /// The change.
    pub(crate) change: Dot,
    /// Whether a policy made it.
    pub(crate) decided: bool,
}

/// What one side of a conflict says.
///
/// ```
/// # use reunite::{Database, ResolveWith, replicate, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
/// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
/// # replicate::sync(&a, &b)?;
/// # use reunite::db::Image;
/// let conflict = a.read()?.conflicts()?.remove(0);
/// let shown = match conflict.loser.image {
///     Image::Deleted => "deleted".to_string(),
///     Image::Values(row) => row.to_string(),
/// };
/// assert_eq!(shown, r#"{"code":"ANN","phone":"2"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// That the row is deleted.
    Deleted,
    /// These values: of the columns that lost, or of the whole row where a row lost.
    Values(Row),
}

/// Fills in the names and both sides of a conflict.
pub(super) fn show_conflict(
    snapshot: &Snapshot,
    key: RowKey,
    conflict: &Conflict,
) -> Result<ConflictRow, Error> {
    let missing = || Error::corrupt(format!("the conflict {} is of a row that is not stored", conflict.id));
    let table = snapshot.schema().table_by_id(key.table).ok_or_else(missing)?;
    let stored = snapshot.row(key)?.ok_or_else(missing)?;
    // Of a value in a merged row, what won is to be seen in the surviving one.
    let class = class_of(snapshot.schema(), snapshot, key)?.ok_or_else(missing)?;
    let surviving =
        if class.root == key { stored.clone() } else { snapshot.row(class.root)?.ok_or_else(missing)? };
    let (stored, surviving, class) = (&stored, &surviving, &class.facts);
    let viewer = Viewer { snapshot, table, key, stored, surviving, class, conflict };
    let mut units: Vec<String> = viewer.columns().map(|(_, name)| name.to_string()).collect();
    units.sort();
    Ok(ConflictRow {
        id: conflict.id,
        kind: conflict.kind,
        reason: conflict.kind.into(),
        table: table.name.clone(),
        row: key.row,
        units,
        constraint: match conflict.about {
            About::Constraint(id) => table.constraint_name(id),
            About::Update | About::Life | About::Identity => None,
        },
        others: conflict.others.clone(),
        winner: viewer.winner()?,
        loser: viewer.loser()?,
    })
}

pub(super) struct Viewer<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) table: &'a schema::Table,
    pub(super) key: RowKey,
    pub(super) stored: &'a Stored,
    /// The row that the row has become: itself, if it was not merged.
    surviving: &'a Stored,
    /// The facts of the surviving row, with those of the rows merged into it.
    class: &'a RowState,
    pub(super) conflict: &'a Conflict,
}

impl Viewer<'_> {
    /// The columns that lost: position and name.
    fn columns(&self) -> impl Iterator<Item = (usize, &str)> {
        let lost = |id: &ColumnId| self.table.column_by_id(*id);
        self.conflict
            .columns
            .iter()
            .filter_map(lost)
            .map(|(position, column)| (position, column.name.as_str()))
    }

    fn loser(&self) -> Result<Side, Error> {
        let dot = self.conflict.loser;
        let image = match self.conflict.kind {
            Kind::Update => self.lost_values(),
            Kind::UpdateDelete => Image::Deleted,
            Kind::Identity => self.identity_loser()?,
            _ => Image::Values(whole_row(self.table, self.stored)),
        };
        let (replica, at) = (self.snapshot.author_of(dot), self.conflict.at.timestamp());
        let own = self.stored.facts.stamps().find(|stamp| stamp.dot == dot);
        let decided = own.is_some_and(|stamp| stamp.decision) || self.is_preferred(&self.stored.facts);
        Ok(Side { replica, at, image, change: dot, decided })
    }

    /// Whether a policy decided that a row comes before its rivals, where that is the matter.
    fn is_preferred(&self, facts: &RowState) -> bool {
        let matters = matches!(self.conflict.about, About::Constraint(_));
        matters && facts.boost.stamps().any(|stamp| stamp.decision)
    }

    /// The losing values of the columns that lost.
    fn lost_values(&self) -> Image {
        let mut row = Row::new();
        for (position, name) in self.columns() {
            let lost =
                self.sibling_value(position, |siblings| siblings.get(self.conflict.loser).map(|s| &s.value));
            row.set(name, lost.unwrap_or_default());
        }
        Image::Values(row)
    }

    fn sibling_value<'s>(
        &'s self,
        position: usize,
        pick: impl Fn(&'s Siblings<UnitValue>) -> Option<&'s UnitValue>,
    ) -> Option<Value> {
        let unit = self.table.unit_of(position).and_then(|unit| self.table.unit(unit))?;
        let value = pick(self.stored.facts.unit(unit.id))?;
        if self.table.rule_of(unit) == ColumnRule::Sum {
            return Some(Value::Integer(saturated(total(value, unit.id, self.class))));
        }
        let slot = unit.columns.iter().position(|column| *column == position)?;
        value.columns.get(slot).cloned()
    }

    fn winner(&self) -> Result<Option<Side>, Error> {
        Ok(match self.conflict.kind {
            Kind::Update => {
                let values = self.surviving.values(self.table);
                let columns = self.columns();
                let row =
                    columns.map(|(i, name)| (name, values.get(i).cloned().unwrap_or_default())).collect();
                let lost: Vec<usize> = self.columns().map(|(position, _)| position).collect();
                let stamp = winning_stamp(self.table, self.class, &lost);
                stamp.map(|stamp| self.side(stamp, Image::Values(row)))
            }
            Kind::DeleteUpdate => {
                self.life(&self.surviving.facts).map(|stamp| self.side(stamp, Image::Deleted))
            }
            Kind::UpdateDelete => {
                let image = Image::Values(self.class_row());
                self.life(&self.stored.facts).map(|stamp| self.side(stamp, image))
            }
            Kind::Identity => self.identity_winner()?,
            Kind::Unique => self.holder()?,
            Kind::DeleteRi | Kind::UpdateRi => self.parent()?,
            Kind::ForeignKey | Kind::Validation => None,
        })
    }

    /// The surviving row, whole.
    pub(super) fn class_row(&self) -> Row {
        whole_row(self.table, self.surviving)
    }

    pub(super) fn side(&self, stamp: Stamp, image: Image) -> Side {
        let replica = self.snapshot.author_of(stamp.dot);
        Side { replica, at: stamp.hlc.timestamp(), image, change: stamp.dot, decided: stamp.decision }
    }

    fn life(&self, facts: &RowState) -> Option<Stamp> {
        winning_life(self.table, facts).map(|sibling| sibling.stamp)
    }

    /// The row that holds the key.
    fn holder(&self) -> Result<Option<Side>, Error> {
        let About::Constraint(id) = self.conflict.about else { return Ok(None) };
        self.other(self.table, id)
    }

    /// The row that is referred to: deleted, or with another key than the reference has.
    fn parent(&self) -> Result<Option<Side>, Error> {
        let About::Constraint(id) = self.conflict.about else { return Ok(None) };
        let Some((_, Constraint::ForeignKey(foreign_key))) = self.snapshot.schema().constraint(id) else {
            return Ok(None);
        };
        let Some(parent) = self.snapshot.schema().table_by_id(foreign_key.parent) else { return Ok(None) };
        self.other(parent, foreign_key.key)
    }

    /// The other row of a constraint conflict, by the change that settled its key or its life.
    fn other(&self, table: &schema::Table, key: ConstraintId) -> Result<Option<Side>, Error> {
        let Some(row) = self.conflict.others.first() else { return Ok(None) };
        let Some(stored) = self.snapshot.row(RowKey { table: table.id, row: *row })? else { return Ok(None) };
        if self.conflict.kind == Kind::DeleteRi {
            let life = winning_life(table, &stored.facts);
            return Ok(life.map(|sibling| self.side(sibling.stamp, Image::Deleted)));
        }
        let columns = table.key(key).map(|key| key.columns.as_slice()).unwrap_or_default();
        let class = class_of(self.snapshot.schema(), self.snapshot, RowKey { table: table.id, row: *row })?;
        let stamp = class.and_then(|class| winning_stamp(table, &class.facts, columns));
        Ok(stamp.map(|stamp| {
            let side = self.side(stamp, Image::Values(whole_row(table, &stored)));
            Side { decided: side.decided || self.is_preferred(&stored.facts), ..side }
        }))
    }
}

/// The newest change among those that wrote the visible values of these columns.
fn winning_stamp(table: &schema::Table, facts: &RowState, columns: &[usize]) -> Option<Stamp> {
    let units = table.units_of(columns);
    let winners = units.into_iter().filter_map(|unit| winner(table, facts.unit(unit)));
    winners.map(|sibling| sibling.stamp).max_by_key(|stamp| (stamp.hlc, stamp.dot))
}

pub(super) fn whole_row(table: &schema::Table, stored: &Stored) -> Row {
    let names = table.columns.iter().map(|column| column.name.as_str());
    names.zip(stored.values(table)).collect()
}
