//! What a session would do, as JSON.

use serde_json::{Value as Tree, json};

use super::{Names, conflict_json, review_json};
use crate::db::{Change, Preview, Row, RowPreview};

/// A preview as a JSON object: `rows`, `appear`, `go`, `refuse`, and `counts` of the rows by what becomes of them.
///
/// A row is `{"table","row","change","before","after","wins","loses"}`; `before` and `after` are null where
/// the row is not in its table. A conflict is as in a listing; one that would appear also says in `loses`
/// whose change loses: `source` (it comes) or `destination` (it is here). What would be refused is as in
/// [`review_json`].
///
/// ```
/// use reunite::db::Preview;
/// use reunite::inspect::{Ids, preview_json};
/// assert_eq!(preview_json(&Preview::default(), &Ids)["counts"]["park"], 0);
/// ```
#[must_use]
pub fn preview_json(preview: &Preview, names: &dyn Names) -> Tree {
    let rows: Vec<Tree> = preview.rows.iter().map(|row| row_json(row, names)).collect();
    let appear = preview.appear.iter().map(|one| {
        let mut conflict = conflict_json(&one.conflict, names);
        if let Tree::Object(members) = &mut conflict {
            let loses = if one.loser_comes { "source" } else { "destination" };
            members.insert("loses".to_string(), json!(loses));
        }
        conflict
    });
    let appear: Vec<Tree> = appear.collect();
    let go: Vec<Tree> = preview.go.iter().map(|conflict| conflict_json(conflict, names)).collect();
    let counts: serde_json::Map<String, Tree> =
        Change::ALL.iter().map(|change| (change.name().to_string(), json!(preview.count(*change)))).collect();
    let refuse: Vec<Tree> = preview.refuse.iter().map(|open| review_json(open, names)).collect();
    json!({ "rows": rows, "appear": appear, "go": go, "refuse": refuse, "counts": counts })
}

fn row_json(row: &RowPreview, names: &dyn Names) -> Tree {
    json!({
        "table": row.table,
        "row": names.row(row.row),
        "change": row.change.name(),
        "before": row.before.as_ref().map(Row::to_json),
        "after": row.after.as_ref().map(Row::to_json),
        "wins": row.wins,
        "loses": row.loses,
    })
}
