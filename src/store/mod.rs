//! Typed spaces over bytes: rows, claims, references, the change log, conflicts, counts.
//!
//! A `Snapshot` reads one state of the database; `write` turns a derivation into the batch of one
//! commit. What a change means is decided above (`commit`), how bytes look below (`codec`); only
//! `space` knows a key prefix. Of all this, users see what a check finds.

mod check;
mod conflicts;
mod decisions;
mod closed;
mod digest;
mod kinds;
mod meta;
mod replicas;
mod reviews;
mod rewrite;
mod scan;
mod snapshot;
mod space;
#[cfg(test)]
mod tests;
mod touched;
mod write;

pub(crate) use check::check;
pub use check::{Finding, MAX_FINDINGS, Problem};
pub use closed::MAX_CLOSED;
pub(crate) use conflicts::{Age, Day, Group, Listed};
pub(crate) use decisions::Mark;
pub(crate) use digest::digest;
pub(crate) use meta::Meta;
pub use replicas::Replicas;
pub(crate) use reviews::Review;
pub(crate) use rewrite::{Rewrite, rewrite};
pub(crate) use scan::{Direction, Found, KeyRange, Logged};
pub(crate) use snapshot::{LOCAL, Snapshot};
pub(crate) use touched::rows_touched;
pub(crate) use write::{Changes, write, write_meta};
