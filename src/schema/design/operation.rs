//! What an amendment does: operations on objects with permanent ids. Plain data, and how it is written.
//!
//! No operation names an object by its name: two replicas may give one name to two objects, and a name
//! may come back with another meaning. Nothing here looks at a schema: see `fold`.

use serde::{Deserialize, Serialize};

use super::text;
use crate::ids::{ColumnId, ConstraintId, ReplicaId, TableId, UnitId};
use crate::schema::{
    ColumnRule, DeleteRule, DuplicateRule, Identity, OnDelete, OnUpdate, Tracking, WinnerRule,
};
use crate::value::{Collation, Type};

/// One change of a schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Operation {
    /// A new table, without constraints but for a key that names its rows: those are added by operations
    /// that follow.
    CreateTable(NewTable),
    /// A table goes, with its constraints and with the foreign keys that refer to it.
    DropTable {
        /// The table.
        table: TableId,
    },
    /// A table has another name.
    RenameTable {
        /// The table.
        table: TableId,
        /// The new name.
        name: String,
    },
    /// A table has a further column, which is a unit by itself.
    AddColumn {
        /// The table.
        table: TableId,
        /// The column.
        column: NewColumn,
    },
    /// A column goes.
    DropColumn {
        /// The table.
        table: TableId,
        /// The column.
        column: ColumnId,
    },
    /// A column has another name.
    RenameColumn {
        /// The table.
        table: TableId,
        /// The column.
        column: ColumnId,
        /// The new name.
        name: String,
    },
    /// A further unique key.
    AddKey {
        /// The table.
        table: TableId,
        /// The key.
        key: NewKey,
        /// Whether it is the primary key.
        primary: bool,
    },
    /// A further foreign key.
    AddForeignKey {
        /// The table.
        table: TableId,
        /// The foreign key.
        foreign_key: NewForeignKey,
    },
    /// A further validation rule.
    AddCheck {
        /// The table.
        table: TableId,
        /// The rule.
        check: NewCheck,
    },
    /// A further index.
    AddIndex {
        /// The table.
        table: TableId,
        /// The index.
        index: NewKey,
    },
    /// A key, foreign key, check or index goes, with all that say the same.
    DropConstraint {
        /// The table.
        table: TableId,
        /// The constraint.
        constraint: ConstraintId,
    },
    /// A key, foreign key, check or index has another name.
    RenameConstraint {
        /// The table.
        table: TableId,
        /// The constraint.
        constraint: ConstraintId,
        /// The new name.
        name: String,
    },
    /// A table has another winner rule.
    SetWinner {
        /// The table.
        table: TableId,
        /// The rule.
        winner: WinnerRule,
    },
    /// A table has another delete rule.
    SetDeletes {
        /// The table.
        table: TableId,
        /// The rule.
        deletes: DeleteRule,
    },
    /// Another replica is design master.
    SetMaster {
        /// The term of its mastership: greater than all before.
        term: u64,
        /// The replica.
        #[serde(with = "text")]
        replica: ReplicaId,
    },
}

/// A table as it is created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTable {
    /// The permanent id.
    pub id: TableId,
    /// The name.
    pub name: String,
    /// The columns, with their units.
    pub columns: Vec<NewColumn>,
    /// What names a row.
    #[serde(default, skip_serializing_if = "Identity::is_random")]
    pub identity: Identity,
    /// The primary key, if it names the rows: such a table is none without it. (Other constraints come
    /// with operations that follow.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub natural_key: Option<NewKey>,
    /// What counts as one change.
    pub tracking: Tracking,
    /// Which of two concurrent changes wins.
    pub winner: WinnerRule,
    /// Whether a deletion beats a concurrent change.
    pub deletes: DeleteRule,
    /// False for a table that never leaves a replica.
    pub replicate: bool,
}

/// A column as it is created. None of it ever changes, but for the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewColumn {
    /// The permanent id.
    pub id: ColumnId,
    /// The unit it is in: the smallest id of the unit's columns.
    pub unit: UnitId,
    /// The name.
    pub name: String,
    /// The type.
    #[serde(rename = "type", with = "text")]
    pub kind: Type,
    /// How its texts compare.
    #[serde(with = "text")]
    pub collation: Collation,
    /// Whether it may hold `Null`.
    pub nullable: bool,
    /// The default, as SQL; none for `Null`.
    pub default: Option<String>,
    /// What becomes of concurrent values of it.
    #[serde(with = "text")]
    pub rule: ColumnRule,
}

/// A unique key or an index as it is created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// The permanent id.
    pub id: ConstraintId,
    /// The name.
    pub name: String,
    /// The columns, in order.
    pub columns: Vec<ColumnId>,
    /// Of a unique key, what becomes of rows that clash on it.
    #[serde(default, skip_serializing_if = "DuplicateRule::is_park")]
    pub duplicates: DuplicateRule,
}

/// A foreign key as it is created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewForeignKey {
    /// The permanent id.
    pub id: ConstraintId,
    /// The name.
    pub name: String,
    /// The referring columns, in the order of the key.
    pub columns: Vec<ColumnId>,
    /// The table referred to.
    pub parent: TableId,
    /// The unique key of it.
    pub key: ConstraintId,
    /// Whether it follows the row, and not the value.
    pub follow: bool,
    /// What a deletion of the parent does.
    pub on_delete: OnDelete,
    /// What a change of the parent's key does.
    pub on_update: OnUpdate,
}

/// A validation rule as it is created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCheck {
    /// The permanent id.
    pub id: ConstraintId,
    /// The name.
    pub name: String,
    /// The rule as SQL, in which the column with the id 7 is called `c7`.
    pub rule: String,
}

impl Operation {
    /// The ids that come into use by it.
    pub(super) fn defines(&self) -> Vec<u32> {
        match self {
            Operation::CreateTable(table) => {
                let key = table.natural_key.as_ref().map(|key| key.id.0);
                let columns = table.columns.iter().map(|column| column.id.0);
                std::iter::once(table.id.0).chain(columns).chain(key).collect()
            }
            Operation::AddColumn { column, .. } => vec![column.id.0],
            Operation::AddKey { key, .. } => vec![key.id.0],
            Operation::AddForeignKey { foreign_key, .. } => vec![foreign_key.id.0],
            Operation::AddCheck { check, .. } => vec![check.id.0],
            Operation::AddIndex { index, .. } => vec![index.id.0],
            _ => Vec::new(),
        }
    }

    /// What it does, for people.
    pub(in crate::schema) fn describe(&self) -> String {
        match self {
            Operation::CreateTable(table) => format!("create table {:?}", table.name),
            Operation::DropTable { .. } => "drop a table".to_owned(),
            Operation::RenameTable { name, .. } => format!("rename a table to {name:?}"),
            Operation::AddColumn { column, .. } => format!("add column {:?}", column.name),
            Operation::DropColumn { .. } => "drop a column".to_owned(),
            Operation::RenameColumn { name, .. } => format!("rename a column to {name:?}"),
            Operation::AddKey { key, .. } => format!("add key {:?}", key.name),
            Operation::AddForeignKey { foreign_key, .. } => format!("add foreign key {:?}", foreign_key.name),
            Operation::AddCheck { check, .. } => format!("add check {:?}", check.name),
            Operation::AddIndex { index, .. } => format!("add index {:?}", index.name),
            Operation::DropConstraint { .. } => "drop a constraint".to_owned(),
            Operation::RenameConstraint { name, .. } => format!("rename a constraint to {name:?}"),
            Operation::SetWinner { .. } => "set a winner rule".to_owned(),
            Operation::SetDeletes { .. } => "set a delete rule".to_owned(),
            Operation::SetMaster { replica, .. } => format!("make {replica} design master"),
        }
    }
}
