//! L3: a row as its constraints see it. Reads the row, and the current keys of the rows it refers to.
//!
//! Does not know which rows are visible: an image depends on L1 and L2 only.

use std::borrow::Cow;

use super::Status;
use super::joined::combined;
use super::rank::{Rank, rank};
use super::units::{life_of, winner};
use crate::error::Error;
use crate::ids::{ConstraintId, RowId};
use crate::row::RowState;
use crate::schema::{ColumnRule, ForeignKey, Table};
use crate::value::{Collation, Value};

/// The value of a key with its texts folded by their collation: equal keys collide.
///
/// See [`fold`] for an example.
pub type Key = Vec<Value>;

/// What a foreign key that is not null refers to.
///
/// ```
/// use reunite::derive::Need;
/// // An order whose customer was deleted: no row can satisfy it, whatever its key.
/// let lost = Need { parent: None, by_value: false, key: None };
/// // A reference that matches by value waits for any row with this key.
/// let waits = Need { parent: None, by_value: true, key: Some(vec!["ANN".into()]) };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The row it meant when it was written, or what that has become; as far as known.
    pub parent: Option<RowId>,
    /// Whether the stored value decides (`match_key`), and not the row.
    pub by_value: bool,
    /// The key that a visible row must hold; none if nothing can satisfy it: the row it means is
    /// deleted, unknown here, or has no key now.
    pub key: Option<Key>,
}

/// The row that a reference means.
pub(super) struct Parent {
    /// What the row has become, if it was merged.
    pub(super) row: RowId,
    /// For a reference that follows: the values that its key has now there; none if the row is deleted,
    /// unknown or has a `Null` there.
    pub(super) key: Option<Vec<Value>>,
}

/// The facts of a row as its image is made of them.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    /// With those of the rows merged into it.
    pub(super) class: &'a RowState,
    /// Of the row by itself.
    pub(super) own: &'a RowState,
    /// Whether it became another row.
    pub(super) merged: bool,
}

/// A row after L1, L2 and L3.
#[derive(Clone, Debug)]
pub(super) struct Image {
    /// Whether the row lives: neither deleted nor merged into another row.
    pub lives: bool,
    /// Whether it became another row.
    pub merged: bool,
    /// By column position: what the row shows, or would show if it were visible.
    pub values: Vec<Value>,
    /// The columns that show another value than the row's own winners, because they follow a key, because
    /// their concurrent values are combined, or because a row merged into this one has it: position and
    /// value, ascending.
    pub followed: Vec<(usize, Value)>,
    /// The checks that the row fails; a `NOT NULL` counts as one with its column's id.
    pub failed: Vec<ConstraintId>,
    /// Per unique key of the table.
    pub keys: Vec<Option<Key>>,
    /// Per foreign key of the table.
    pub references: Vec<Option<Need>>,
    /// The row's place among its rivals.
    pub rank: Rank,
}

impl Image {
    /// The image of a row. `parent` finds the row that a reference means.
    pub(super) fn new(
        table: &Table,
        row: RowId,
        facts: Facts<'_>,
        mut parent: impl FnMut(&ForeignKey, RowId) -> Result<Parent, Error>,
    ) -> Result<Image, Error> {
        let mut image = Image::written(table, row, facts);
        if image.lives {
            for foreign_key in &table.foreign_keys {
                let need = image.need(table, facts.class, foreign_key, &mut parent)?;
                image.references.push(need);
            }
        }
        image.followed = image.not_its_own(table, facts);
        if !image.lives {
            return Ok(image);
        }
        image.failed = image.failed_checks(table);
        image.keys = table.keys.iter().map(|key| image.key(table, &key.columns)).collect();
        Ok(image)
    }

    /// The image as it was stored: with the keys that its references had then. `root` finds what the row
    /// that a reference means had become.
    pub(super) fn stored(
        table: &Table,
        row: RowId,
        facts: Facts<'_>,
        followed: &[(usize, Value)],
        mut root: impl FnMut(&ForeignKey, RowId) -> Result<RowId, Error>,
    ) -> Result<Image, Error> {
        let mut image = Image::written(table, row, facts);
        if !std::ptr::eq(facts.class, facts.own) {
            image.values = winning_values(table, facts.own).into_iter().cloned().collect();
        }
        for (column, value) in followed {
            image.show(*column, value.clone());
        }
        if !image.lives {
            return Ok(image);
        }
        for foreign_key in &table.foreign_keys {
            let key = image.key(table, &foreign_key.columns);
            let parent = parent_of(table, facts.class, foreign_key);
            let by_value = !foreign_key.follow || parent.is_none();
            let parent = parent.filter(|_| key.is_some()).map(|row| root(foreign_key, row)).transpose()?;
            image.references.push(key.map(|key| Need { parent, by_value, key: Some(key) }));
        }
        image.keys = table.keys.iter().map(|key| image.key(table, &key.columns)).collect();
        Ok(image)
    }

    /// The values that the facts alone give, with no key followed.
    fn written(table: &Table, row: RowId, facts: Facts<'_>) -> Image {
        Image {
            lives: !facts.merged && !life_of(table, facts.class).is_dead(),
            merged: facts.merged,
            values: written_values(table, facts.class),
            followed: Vec::new(),
            failed: Vec::new(),
            keys: Vec::new(),
            references: Vec::new(),
            rank: rank(table, row, facts.class),
        }
    }

    /// The status of a row that does not live.
    pub(super) const fn absence(&self) -> Status {
        if self.merged { Status::Merged } else { Status::Dead }
    }

    /// The columns that show another value than the row's own winners, ascending.
    fn not_its_own(&self, table: &Table, facts: Facts<'_>) -> Vec<(usize, Value)> {
        let alone = std::ptr::eq(facts.class, facts.own);
        let follows = table.foreign_keys.iter().any(|foreign_key| foreign_key.follow);
        if alone && !follows && table.units.iter().all(|unit| table.rule_of(unit) == ColumnRule::Winner) {
            return Vec::new();
        }
        let shown = self.values.iter().zip(winning_values(table, facts.own)).enumerate();
        shown.filter(|(_, (shown, won))| *shown != *won).map(|(i, (shown, _))| (i, shown.clone())).collect()
    }

    fn need(
        &mut self,
        table: &Table,
        facts: &RowState,
        foreign_key: &ForeignKey,
        parent: &mut impl FnMut(&ForeignKey, RowId) -> Result<Parent, Error>,
    ) -> Result<Option<Need>, Error> {
        let Some(stored) = self.key(table, &foreign_key.columns) else { return Ok(None) };
        let Some(meant) = parent_of(table, facts, foreign_key) else {
            return Ok(Some(Need { parent: None, by_value: true, key: Some(stored) }));
        };
        let Parent { row, key: current } = parent(foreign_key, meant)?;
        if !foreign_key.follow {
            return Ok(Some(Need { parent: Some(row), by_value: true, key: Some(stored) }));
        }
        let found = current.is_some();
        for (column, value) in foreign_key.columns.iter().zip(current.into_iter().flatten()) {
            if self.values.get(*column) != Some(&value) {
                self.show(*column, value);
            }
        }
        let key = if found { self.key(table, &foreign_key.columns) } else { None };
        Ok(Some(Need { parent: Some(row), by_value: false, key }))
    }

    fn show(&mut self, column: usize, value: Value) {
        if let Some(slot) = self.values.get_mut(column) {
            *slot = value;
        }
    }

    fn failed_checks(&self, table: &Table) -> Vec<ConstraintId> {
        let columns = table.columns.iter().zip(&self.values);
        let missing = columns.filter(|(column, value)| !column.nullable && value.is_null());
        let missing = missing.map(|(column, _)| ConstraintId(column.id.0));
        if table.checks.is_empty() {
            return missing.collect();
        }
        let collations: Vec<Collation> = table.columns.iter().map(|column| column.collation).collect();
        let checks = table.checks.iter().filter(|check| !check.rule.passes(&self.values, &collations));
        missing.chain(checks.map(|check| check.id)).collect()
    }

    /// The folded value of these columns; none if one of them is `Null`.
    fn key(&self, table: &Table, columns: &[usize]) -> Option<Key> {
        let key = self.folded(table, columns);
        (!key.iter().any(Value::is_null)).then_some(key)
    }

    /// The folded values of these columns.
    pub(super) fn folded(&self, table: &Table, columns: &[usize]) -> Key {
        fold(table, columns, |column| self.values.get(column))
    }
}

/// Folds the texts among some columns' values by the columns' collations. A value that is not there is
/// `Null`.
///
/// ```
/// use reunite::derive::fold;
/// use reunite::schema::Schema;
/// use reunite::value::Value;
/// let schema = Schema::from_sql("CREATE TABLE tag (name TEXT COLLATE NOCASE, size INTEGER)")?;
/// let row = [Value::from("Red"), Value::from(3)];
/// let key = fold(&schema.tables()[0], &[1, 0], |column| row.get(column));
/// assert_eq!(key, [Value::from(3), Value::from("red")]);
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[must_use]
pub fn fold<'v>(table: &Table, columns: &[usize], value: impl Fn(usize) -> Option<&'v Value>) -> Key {
    let fold = |column: &usize| value(*column).map(|value| folded(table, *column, value).into_owned());
    columns.iter().map(|column| fold(column).unwrap_or_default()).collect()
}

/// A value of a column, folded by the column's collation if it is a text.
pub(crate) fn folded<'v>(table: &Table, column: usize, value: &'v Value) -> Cow<'v, Value> {
    match (value, table.columns.get(column)) {
        (Value::Text(text), Some(column)) if column.collation != Collation::Binary => {
            Cow::Owned(Value::Text(column.collation.fold(text).into_owned()))
        }
        _ => Cow::Borrowed(value),
    }
}

/// By column position: the winners' values as they were written, or the defaults; where values are
/// combined, what they are together.
///
/// ```
/// use reunite::derive::written_values;
/// use reunite::ids::{Dot, ReplicaId};
/// use reunite::{row::RowState, schema::Schema, value::Value};
/// let schema = Schema::from_sql("CREATE TABLE tag (name TEXT, color TEXT DEFAULT 'red')")?;
/// let unwritten = RowState::new(Dot { replica: ReplicaId::from_bytes([1; 16]), seq: 1 });
/// assert_eq!(written_values(&schema.tables()[0], &unwritten), [Value::Null, Value::from("red")]);
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[must_use]
pub fn written_values(table: &Table, facts: &RowState) -> Vec<Value> {
    let mut values: Vec<Value> = winning_values(table, facts).into_iter().cloned().collect();
    for (column, value) in combined_values(table, facts) {
        if let Some(slot) = values.get_mut(column) {
            *slot = value;
        }
    }
    values
}

/// By column position: the winners' values as they were written, or the defaults.
pub(super) fn winning_values<'a>(table: &'a Table, facts: &'a RowState) -> Vec<&'a Value> {
    let mut values: Vec<&Value> = table.columns.iter().map(|column| &column.default).collect();
    for unit in &table.units {
        let Some(winner) = winner(table, facts.unit(unit.id)) else { continue };
        for (column, value) in unit.columns.iter().zip(&winner.value.columns) {
            if let Some(slot) = values.get_mut(*column) {
                *slot = value;
            }
        }
    }
    values
}

/// The columns whose values are combined, with what they show: ascending by position.
fn combined_values(table: &Table, facts: &RowState) -> Vec<(usize, Value)> {
    let ruled = table.units.iter().filter(|unit| table.rule_of(unit) != ColumnRule::Winner);
    let mut values: Vec<(usize, Value)> =
        ruled.filter_map(|unit| Some((*unit.columns.first()?, combined(table, unit, facts)?))).collect();
    values.sort_by_key(|(column, _)| *column);
    values
}

/// The row that a foreign key means, by the visible value of its unit.
pub(super) fn parent_of(table: &Table, facts: &RowState, foreign_key: &ForeignKey) -> Option<RowId> {
    winner(table, facts.unit(foreign_key.unit)).and_then(|sibling| sibling.value.parent(foreign_key.id))
}
