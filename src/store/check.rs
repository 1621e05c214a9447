//! The full self-check: everything that is stored, against everything else. Reads, never repairs.

use super::snapshot::Snapshot;
use crate::error::Error;

/// Something that is wrong in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What, and where.
    pub what: String,
}

/// Checks a state of the database.
pub fn check(_snapshot: &Snapshot) -> Result<Vec<Finding>, Error> {
    Ok(Vec::new())
}

/// A digest of all facts.
pub fn digest(_snapshot: &Snapshot) -> Result<[u8; 16], Error> {
    Ok([0; 16])
}
