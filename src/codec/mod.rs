//! Bytes and back: ordered keys, records, messages, frames, and the limits of each.
//!
//! The only place that knows how anything looks as bytes; `docs/FORMAT.md` has the layouts.
//! Equal values have equal bytes. Bytes from disk or from a peer never panic here and never make it
//! allocate more than a multiple of their own length: a length is believed only when that many bytes
//! are there. This module reads no store, and decides nothing.

mod bytes;
mod canonical;
mod change;
mod facts;
mod joined;
mod life;
mod natural;
mod stamps;
mod units;
mod values;
mod version;

pub(crate) mod closed;
pub(crate) mod conflict;
pub mod frame;
pub mod key;
pub mod log;
pub mod record;
pub mod wire;

#[cfg(test)]
pub(crate) mod generate;
#[cfg(test)]
mod tests;

pub use bytes::Malformed;
pub(crate) use canonical::canonical_row;
pub(crate) use natural::{natural_row_id, row_id_of_unit};
pub(crate) use values::{check_value_size, value_size};
pub use version::VersionTokenError;

use crate::ids::ReplicaId;

/// Gives replicas small numbers, so that bytes stay few: on disk per directory, in messages per message.
///
/// See [`Replicas`](crate::store::Replicas) for an example.
pub trait ReplicaNumbers {
    /// The number of a replica; a new one if it has none yet.
    fn number(&mut self, id: ReplicaId) -> u32;
}

/// The greatest length of one value of TEXT, BLOB or JSON, in bytes: what a writer may store.
pub const MAX_VALUE_BYTES: usize = 8 << 20;

/// The greatest size of the texts, blobs and JSON of one row together, in bytes. Several concurrent
/// versions of a row still fit into a message.
pub const MAX_ROW_BYTES: usize = 12 << 20;

/// The greatest length of any record and of any message, in bytes.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

/// The most units, or columns of one unit, that a row may have: more than a schema has columns, because
/// the values of dropped columns stay.
pub const MAX_ROW_COLUMNS: usize = 4096;
