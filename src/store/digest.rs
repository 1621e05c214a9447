//! The digest of the facts: what replicas compare to see that they hold the same.

use super::snapshot::Snapshot;
use crate::codec::canonical_row;
use crate::error::Error;

/// A digest of the facts of all rows that replicate. It does not depend on how they are stored, in
/// which order they came, or what this replica calls others; rows come by table and row id.
///
/// # Errors
/// If the storage fails, or a row cannot be read.
pub(crate) fn digest(snapshot: &Snapshot) -> Result<[u8; 16], Error> {
    let mut hasher = blake3::Hasher::new_derive_key("reunite 2026 digest of the facts");
    let mut bytes = Vec::new();
    for entry in snapshot.all_rows()? {
        let (key, stored) = entry?;
        if !snapshot.table(key.table)?.replicate {
            continue;
        }
        bytes.clear();
        canonical_row(&key, &stored.facts, &mut bytes);
        hasher.update(&bytes);
    }
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    Ok(digest)
}
