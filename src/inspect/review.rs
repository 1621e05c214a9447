//! Rows that were not accepted, as JSON.

use serde_json::{Value as Tree, json};

use super::Names;
use crate::db::OpenReview;

/// A row that was not accepted, as a JSON object: `table`, `row`, `values`, and the `reason` for which it was
/// refused; null if the reviewer has not answered yet.
///
/// ```
/// use reunite::db::{OpenReview, Refusal};
/// use reunite::ids::RowId;
/// use reunite::inspect::{Ids, review_json};
/// # use reunite::{row, value::Timestamp};
/// let refusal = Some(Refusal { reason: "over the limit".to_string(), at: Timestamp(0) });
/// let row = RowId::from_bytes([7; 16]);
/// let open = OpenReview { table: "customer".to_string(), row, values: row! { credit: 5000 }, refusal };
/// assert_eq!(review_json(&open, &Ids)["reason"], "over the limit");
/// ```
#[must_use]
pub fn review_json(open: &OpenReview, names: &dyn Names) -> Tree {
    json!({
        "table": open.table,
        "row": names.row(open.row),
        "values": open.values.to_json(),
        "reason": open.refusal.as_ref().map(|refusal| &refusal.reason),
    })
}
