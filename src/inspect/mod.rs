//! What a database holds, for people: conflicts and previews as JSON, and why a row shows what it shows.
//!
//! Reads only, and only through the public face. Ids are long; who knows names for them gives a
//! [`Names`].

mod conflict;
mod explain;
mod preview;
mod review;

pub use conflict::{conflict_json, sort_conflicts};
pub use explain::explain;
pub use preview::preview_json;
pub use review::review_json;

use crate::ids::{ReplicaId, RowId};

/// What to call replicas and rows.
///
/// ```
/// use reunite::ids::ReplicaId;
/// use reunite::inspect::Names;
/// struct Here(ReplicaId);
/// impl Names for Here {
///     fn replica(&self, replica: ReplicaId) -> String {
///         if replica == self.0 { "here".to_string() } else { replica.to_string() }
///     }
/// }
/// let [me, other] = [1, 2].map(|byte| ReplicaId::from_bytes([byte; 16]));
/// assert_eq!(Here(me).replica(me), "here");
/// assert!(Here(me).replica(other).starts_with("02020202"));
/// ```
pub trait Names {
    /// The name of a replica; its id unless there is a better one.
    fn replica(&self, replica: ReplicaId) -> String {
        replica.to_string()
    }

    /// The name of a row; its id unless there is a better one.
    fn row(&self, row: RowId) -> String {
        row.to_string()
    }
}

/// Calls everything by its id.
///
/// See [`explain()`] for an example.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ids;

impl Names for Ids {}
