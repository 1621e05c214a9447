//! Identities: newtypes for everything that has a permanent id.
//!
//! An id never changes and is never reused; names and keys may change. This file does not make ids
//! (see `db`, which owns the random source) and does not know what they identify.

use std::fmt;

use uuid::Uuid;

/// The identity of a replica: one database directory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(pub Uuid);

/// The permanent, hidden identity of a row. Keys may change, the row id never does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub Uuid);

/// The identity of a database: equal on all its replicas.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseId(pub Uuid);

/// The identity of a conflict: the same on every replica that sees it, and for as long as it lasts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConflictId(pub Uuid);

/// The permanent identity of a table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TableId(pub u32);

/// The permanent identity of a column.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ColumnId(pub u32);

/// The permanent identity of a unit: the smallest id among the columns it was created with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UnitId(pub u32);

/// The permanent identity of a unique key, foreign key, check or index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConstraintId(pub u32);

/// A row of a table: what most maps here are keyed by. Orders by table, then by row id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RowKey {
    /// The table.
    pub table: TableId,
    /// The row.
    pub row: RowId,
}

/// The number of a replica's change: contiguous per replica from 1, never reused.
pub type Seq = u64;

/// `(replica, seq)`: the identity of one change to one row. All units that one commit writes in a
/// row share its dot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// Who made the change.
    pub replica: ReplicaId,
    /// Which of its changes.
    pub seq: Seq,
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.replica, self.seq)
    }
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.replica, self.seq)
    }
}

macro_rules! uuid_newtypes {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }

        impl $name {
            /// The id of these 16 bytes.
            ///
            /// ```
            #[doc = concat!("use reunite::ids::", stringify!($name), ";")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::from_bytes([7; 16]).as_bytes(), &[7; 16]);")]
            /// ```
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                $name(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes of the id, in the order in which ids compare.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }
    )*};
}

uuid_newtypes!(ReplicaId, RowId, DatabaseId, ConflictId);
