//! Typed spaces over bytes: rows, claims, references, the change log, conflicts, counts.
//!
//! A [`Snapshot`] reads one state of the database; [`write()`] turns a derivation into the batch of one
//! commit. What a change means is decided above (`commit`), how bytes look below (`codec`); only
//! `space` knows a key prefix.

mod check;
mod conflicts;
mod closed;
mod digest;
mod meta;
mod replicas;
mod scan;
mod snapshot;
mod space;
#[cfg(test)]
mod tests;
mod write;

pub use check::{Finding, MAX_FINDINGS, Problem, check};
pub use closed::MAX_CLOSED;
pub use conflicts::{Age, Day, Group, Listed};
pub use digest::digest;
pub use meta::Meta;
pub use replicas::Replicas;
pub use scan::{Direction, KeyRange, Logged};
pub use snapshot::{Counts, LOCAL, Snapshot};
pub use write::{Changes, write, write_meta};
