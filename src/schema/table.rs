//! The parts of a schema as data. Columns are named by their position in the table, constraints and
//! tables by permanent ids. Nothing here validates: see the builder.

use super::Expression;
use crate::ids::{ColumnId, ConstraintId, TableId, UnitId};
use crate::value::{Collation, Type, Value};

/// A table: its columns, its constraints, and how conflicts in it are settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The permanent id.
    pub id: TableId,
    /// The name, as written.
    pub name: String,
    /// In the order of their definition. Other fields name columns by their position here.
    pub columns: Vec<Column>,
    /// The change units; every column is in exactly one. Ascending by id.
    pub units: Vec<Unit>,
    /// The unique keys; the primary key comes first if there is one.
    pub keys: Vec<UniqueKey>,
    /// Whether the first of `keys` is the primary key. Without one the row id is the key.
    pub has_primary_key: bool,
    /// The foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// The validation rules.
    pub checks: Vec<Check>,
    /// The secondary indexes, not unique.
    pub indexes: Vec<Index>,
    /// What counts as one change.
    pub tracking: Tracking,
    /// Which of two concurrent changes wins.
    pub winner: WinnerRule,
    /// Whether a deletion beats a concurrent change.
    pub deletes: DeleteRule,
    /// False for a table that never leaves this replica.
    pub replicate: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The permanent id.
    pub id: ColumnId,
    /// The name, as written.
    pub name: String,
    /// The type of its values.
    pub kind: Type,
    /// Whether it may hold `Null`.
    pub nullable: bool,
    /// The value of rows that were inserted without naming the column; `Null` unless given.
    pub default: Value,
    /// How its texts compare in keys, indexes, checks and order.
    pub collation: Collation,
    /// The change unit it is in.
    pub unit: UnitId,
}

/// A change unit: the columns that are versioned together, and win or lose as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The permanent id: the smallest id of its columns.
    pub id: UnitId,
    /// Its columns by position, ascending.
    pub columns: Vec<usize>,
}

/// A unique key. Rows with `Null` in one of its columns have no key and never collide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueKey {
    /// The permanent id.
    pub id: ConstraintId,
    /// The name: given, or `customer_pkey`, `customer_email_key`.
    pub name: String,
    /// Its columns by position, in the order of the key.
    pub columns: Vec<usize>,
}

/// A reference to a unique key of another table, or of the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The permanent id.
    pub id: ConstraintId,
    /// The name: given, or `orders_customer_fkey`.
    pub name: String,
    /// The referring columns by position, in the order of the key.
    pub columns: Vec<usize>,
    /// The table referred to.
    pub parent: TableId,
    /// The unique key of it that is referred to.
    pub key: ConstraintId,
    /// The unit that holds the referring columns: all columns of a foreign key are in one.
    pub unit: UnitId,
    /// Whether the reference means the parent *row* and shows that row's current key (the default),
    /// or the stored key value (`match_key`).
    pub follow: bool,
    /// What a local deletion of the parent does.
    pub on_delete: OnDelete,
    /// What a local change of the parent's key does.
    pub on_update: OnUpdate,
}

/// A validation rule over one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The permanent id.
    pub id: ConstraintId,
    /// The name: given, or `customer_name_check`.
    pub name: String,
    /// The rule; a row fails it if it is false. Columns by position.
    pub rule: Expression,
}

/// A secondary index, not unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The permanent id.
    pub id: ConstraintId,
    /// The name, unique in the database.
    pub name: String,
    /// Its columns by position, in the order of the index.
    pub columns: Vec<usize>,
}

/// What counts as one change (Sync Framework's change units).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracking {
    /// Every column by itself, but for those that a composite constraint joins.
    #[default]
    Column,
    /// The whole row.
    Row,
}

/// Which of two concurrent changes to a unit wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WinnerRule {
    /// The later stamp.
    #[default]
    Latest,
    /// The greater priority, then the later stamp.
    Priority,
}

/// Whether a deletion beats a concurrent change of the same row. The loser is in the conflict table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeleteRule {
    /// The deletion wins.
    #[default]
    DeleteWins,
    /// The change wins.
    UpdateWins,
    /// The later stamp wins.
    LatestWins,
}

/// What a local deletion does to the rows that refer to the deleted one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDelete {
    /// Refuses the commit while such rows remain. `NO ACTION` means the same.
    #[default]
    Restrict,
    /// Deletes them too.
    Cascade,
    /// Sets their referring columns to `Null`.
    SetNull,
}

/// What a local change of a parent's key does to the rows that refer to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUpdate {
    /// A following reference follows; a `match_key` reference refuses the commit (`Restrict`).
    #[default]
    Default,
    /// Refuses the commit while such rows remain.
    Restrict,
    /// Gives them the new key.
    Cascade,
    /// Sets their referring columns to `Null`.
    SetNull,
}
