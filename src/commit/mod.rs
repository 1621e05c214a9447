//! The only writer: local transactions, batches from a peer and resolutions run one pipeline.
//!
//! A `Stage` collects new facts over a snapshot: `rows` holds the operations of an application, `merge` that of
//! making one row of two (`class` says what that means for all others), `optimistic` those that a row must not
//! have changed for, `resolve` the settling of conflicts, `coalesce` what the duplicate rule of a key does,
//! `remote` what a peer sent. `finish` derives what they do to the visible state, applies the rule for local commits (`rule`), and returns what to store. Nothing
//! here touches the disk; a stage that is dropped has done nothing. Of all this, users see the errors
//! and the savepoints.

mod before;
mod class;
mod coalesce;
mod dismiss;
mod entries;
mod error;
mod evolve;
mod expire;
mod finish;
mod identity;
mod joined;
mod meaning;
mod merge;
mod natural;
mod optimistic;
mod references;
mod remote;
mod resolve;
mod restored;
mod row_map;
mod rows;
mod rule;
mod savepoints;
mod stage;
mod undo;
mod writes;

pub(crate) use coalesce::next_duplicate;
pub use error::WriteError;
pub(crate) use evolve::evolve;
pub(crate) use optimistic::version_of;
pub(crate) use remote::{BatchError, apply};
pub(crate) use resolve::Resolution;
pub(crate) use rows::Columns;
pub use savepoints::Savepoint;
pub(crate) use stage::Stage;
pub(crate) use writes::{Author, Writes};
