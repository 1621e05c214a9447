//! The public face: databases, transactions, tables, conflicts.
//!
//! A [`Database`] is a cheap handle, shared by threads. [`Database::read`] gives one snapshot;
//! [`Database::write`] runs a transaction, one at a time. Nothing here decides what a change means
//! (`commit`) and nothing talks to other replicas (`replicate`).

pub(crate) mod access;
mod builder;
mod closed;
mod coalesce;
mod conflict;
mod conflicts;
mod database;
mod design;
pub(crate) mod decisions;
mod identity;
mod insert;
mod lock;
mod merge;
mod optimistic;
mod preview;
mod random;
mod read;
mod rehearsal;
mod resolve;
pub(crate) mod reviews;
mod row;
mod statistics;
mod table;
mod transaction;
mod typed;
mod write;

pub use builder::Builder;
pub use closed::ClosedConflict;
pub use conflict::{ConflictRow, Image, Reason, Side};
pub use conflicts::{ConflictFilter, ConflictPlace, Conflicts, NotAPlace};
pub use database::Database;
pub use design::{AlterError, DesignStatus};
pub use lock::TableLock;
pub use preview::{Change, ConflictPreview, Preview, RowPreview};
pub use random::{Random, SeededRandom, SystemRandom};
pub use read::{Inspected, ReadTransaction};
pub use rehearsal::Rehearsal;
pub use resolve::ResolveWith;
pub use reviews::{OpenReview, Refusal};
pub use row::{Row, RowRef};
pub use statistics::{ConflictCount, ConflictStatistics};
pub use table::{Bounds, Table};
pub use transaction::Transaction;
pub use typed::{TypedRows, TypedTable, TypedTableMut};
pub use write::TableMut;
