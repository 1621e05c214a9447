//! Identities: newtypes for everything that has a permanent id.
//!
//! An id never changes and is never reused; names and keys may change. This file does not make ids
//! (see `db`, which owns the random source) and does not know what they identify.

use std::cmp::Ordering;
use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The identity of a replica: one database directory.
///
/// ```
/// use reunite::Database;
/// use reunite::ids::ReplicaId;
/// let van: ReplicaId = "018c7e3a-0000-7000-8000-000000000001".parse()?;
/// let db = Database::builder().replica_id(van).in_memory()?;
/// assert_eq!(db.replica_id().to_string(), "018c7e3a-0000-7000-8000-000000000001");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplicaId(pub Uuid);

/// The permanent, hidden identity of a row. Keys may change, the row id never does. Where the primary key names
/// the rows of a table ([`Identity::Natural`](crate::schema::Identity::Natural)), it follows from that key, which
/// cannot change.
///
/// ```
/// use reunite::{Database, row};
/// let db = Database::builder().sql("CREATE TABLE tag (name TEXT PRIMARY KEY)")?.in_memory()?;
/// let id = db.write(|tx| tx.table("tag")?.insert(row! { name: "old" }))?;
/// db.write(|tx| tx.table("tag")?.update("old", row! { name: "new" }))?;
/// assert_eq!(db.read()?.table("tag")?.get(id)?, Some(row! { name: "new" }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RowId(pub Uuid);

/// The identity of a database: equal on all its replicas.
///
/// ```
/// use reunite::{Database, replicate};
/// let office = Database::builder().sql("CREATE TABLE tag (name TEXT)")?.in_memory()?;
/// let van = Database::builder().in_memory()?; // belongs to no database yet
/// assert_eq!(van.database_id(), None);
/// replicate::sync(&office, &van)?;
/// assert_eq!(van.database_id(), office.database_id());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DatabaseId(pub Uuid);

/// The identity of a conflict: the same on every replica that sees it, and for as long as it lasts.
///
/// As text it is what people name a conflict by.
///
/// ```
/// use reunite::ids::ConflictId;
/// let id: ConflictId = "f3be9685-0000-0000-0000-000000000000".parse()?;
/// assert!(id.to_string().starts_with("f3be9685"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConflictId(pub Uuid);

/// The permanent identity of a table.
///
/// ```
/// use reunite::schema::Schema;
/// let schema = Schema::from_sql("CREATE TABLE tag (name TEXT)")?;
/// let tag = schema.table("tag").ok_or("there is no table tag")?;
/// assert_eq!(schema.table_by_id(tag.id), Some(tag));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TableId(pub u32);

/// The permanent identity of a column.
///
/// ```
/// use reunite::schema::Schema;
/// let schema = Schema::from_sql("CREATE TABLE tag (name TEXT, color TEXT)")?;
/// let tag = schema.table("tag").ok_or("there is no table tag")?;
/// let (position, column) = tag.column("color").ok_or("there is no column color")?;
/// assert_eq!(tag.column_by_id(column.id), Some((position, column)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ColumnId(pub u32);

/// The permanent identity of a unit: the smallest id among the columns it was created with.
///
/// ```
/// use reunite::ids::UnitId;
/// use reunite::schema::Schema;
/// let schema = Schema::from_sql("CREATE TABLE span (lo INTEGER, hi INTEGER, CHECK (lo <= hi))")?;
/// let span = schema.table("span").ok_or("there is no table span")?;
/// let [lo, hi] = &span.columns[..] else { unreachable!("it has two columns") };
/// assert_eq!((lo.unit, hi.unit), (UnitId(lo.id.0), UnitId(lo.id.0))); // the check joins them
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitId(pub u32);

/// The permanent identity of a unique key, foreign key, check or index.
///
/// ```
/// use reunite::schema::{Constraint, Schema};
/// let schema = Schema::from_sql("CREATE TABLE tag (name TEXT PRIMARY KEY)")?;
/// let key = schema.table("tag").and_then(|tag| tag.primary_key()).ok_or("it has no key")?;
/// let (table, constraint) = schema.constraint(key.id).ok_or("there is no such id")?;
/// assert_eq!((table.name.as_str(), constraint.name()), ("tag", "tag_pkey"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConstraintId(pub u32);

/// A row of a table: what most maps here are keyed by. Orders by table, then by row id.
///
/// ```
/// use reunite::ids::{RowId, RowKey, TableId};
/// let key = |table, row| RowKey { table: TableId(table), row: RowId::from_bytes([row; 16]) };
/// assert!(key(1, 9) < key(2, 1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RowKey {
    /// The table.
    pub table: TableId,
    /// The row.
    pub row: RowId,
}

impl RowKey {
    /// The keys of all rows of a table, to look for in a map.
    pub(crate) const fn all_of(table: TableId) -> RangeInclusive<RowKey> {
        let first = RowKey { table, row: RowId::from_bytes([0; 16]) };
        RangeInclusive::new(first, RowKey { table, row: RowId::from_bytes([0xff; 16]) })
    }
}

/// The number of a replica's change: contiguous per replica from 1, never reused.
///
/// See [`Dot`] for an example.
pub type Seq = u64;

/// `(replica, seq)`: the identity of one change to one row. All units that one commit writes in a
/// row share its dot.
///
/// ```
/// use reunite::ids::{Dot, ReplicaId};
/// use reunite::version::VersionVector;
/// let dot = |seq| Dot { replica: ReplicaId::from_bytes([1; 16]), seq };
/// let mut seen = VersionVector::default();
/// seen.cover(dot(2)); // and so also the change before it
/// assert!(seen.covers(dot(1)) && !seen.covers(dot(3)));
/// ```
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
        /// As their bytes compare; as numbers, because maps by ids compare them all the time.
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.as_u128().cmp(&other.0.as_u128())
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

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
