//! The only writer: local transactions, batches from a peer and resolutions run one pipeline.
//!
//! A [`Stage`] collects new facts over a snapshot: `rows` holds the operations of an application,
//! `optimistic` those that a row must not have changed for, `resolve` the settling of conflicts, `remote` what a peer sent. `finish` derives what they do to
//! the visible state, applies the rule for local commits (`rule`), and returns what to store. Nothing
//! here touches the disk; a stage that is dropped has done nothing.

mod error;
mod expire;
mod finish;
mod optimistic;
mod references;
mod remote;
mod resolve;
mod restored;
mod rows;
mod rule;
mod stage;
mod undo;
mod writes;

pub use error::WriteError;
pub use optimistic::version_of;
pub use remote::{BatchError, apply};
pub use resolve::Resolution;
pub use rows::Columns;
pub use stage::Stage;
pub use writes::{Author, Savepoint, Writes};
