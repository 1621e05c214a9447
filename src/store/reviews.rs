//! Rows that sessions brought and this replica has not accepted: nobody was asked yet, or the reviewer refused.
//! What a replica accepts is its own business: these notes do not replicate, and decide nothing that is derived.

use super::snapshot::Snapshot;
use super::space::{Prefix, Space, row_key_of};
use crate::error::Error;
use crate::ids::RowKey;
use crate::value::Timestamp;

/// What is noted of a row that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Review {
    /// A session brought it, and no reviewer has answered.
    Due,
    /// The reviewer refused it.
    Refused {
        /// When, by the clock of this replica.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

impl Review {
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Review::Due => Vec::new(),
            Review::Refused { at, reason } => [at.0.to_be_bytes().as_slice(), reason.as_bytes()].concat(),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Review, Error> {
        if bytes.is_empty() {
            return Ok(Review::Due);
        }
        let wrong = || Error::corrupt("a note about a row that was refused has no time or no text");
        let (at, reason) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
        let reason = std::str::from_utf8(reason).map_err(|_| wrong())?.to_owned();
        Ok(Review::Refused { at: Timestamp(i64::from_be_bytes(*at)), reason })
    }
}

impl Snapshot {
    /// What is noted of a row; none if it was accepted, or no reviewer had to do with it.
    pub fn review(&self, row: RowKey) -> Result<Option<Review>, Error> {
        let bytes = self.bytes.get(&Space::Review(row.table, row.row).key())?;
        bytes.map(|bytes| Review::decode(&bytes)).transpose()
    }

    /// The rows of which something is noted, by table and row id.
    pub fn reviews(&self) -> Result<Vec<(RowKey, Review)>, Error> {
        let wrong = || Error::corrupt("a note about a row that was not accepted names no row");
        let entries = self.prefixed(&Prefix::Reviews)?;
        let reviews = entries.map(|entry| {
            let (key, value) = entry?;
            Ok((row_key_of(&key).ok_or_else(wrong)?, Review::decode(&value)?))
        });
        reviews.collect()
    }
}
