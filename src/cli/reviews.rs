//! `reviews`: the rows that came from other replicas and that this one has not accepted.

use std::path::PathBuf;

use serde_json::json;

use super::grid::{Grid, shorten, visible};
use super::open;
use super::output::{Output, count};
use crate::db::OpenReview;
use crate::inspect::{Ids, review_json};

/// How many characters of a reason or of a row's values a line shows.
const WIDTH: usize = 40;

/// List the rows that this replica has not accepted
///
/// A program that syncs may refuse rows for limits of its own. They stay in their tables until somebody changes
/// them, and here until the program accepts them, or `accept` does.
#[derive(Debug, clap::Args)]
pub(super) struct Reviews {
    /// The database
    dir: PathBuf,
}

impl Reviews {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let open = open::read(&self.dir)?.read()?.open_reviews()?;
        if output.is_json() {
            return Ok(open.iter().try_for_each(|review| output.object(&json_of(review)))?);
        }
        if !open.is_empty() {
            let mut grid = Grid::new(["table", "row", "values", "reason"]);
            for review in &open {
                let reason = review.refusal.as_ref().map_or("not reviewed yet", |refusal| &refusal.reason);
                let (values, reason) = (shorten(&review.values.to_string(), WIDTH), shorten(reason, WIDTH));
                grid.row([visible(&review.table), review.row.to_string(), values, reason]);
            }
            output.grid(&grid)?;
        }
        Ok(output.line(count(open.len() as u64, "open review"))?)
    }
}

fn json_of(review: &OpenReview) -> serde_json::Value {
    let mut json = review_json(review, &Ids);
    if let serde_json::Value::Object(members) = &mut json {
        let at = review.refusal.as_ref().map(|refusal| refusal.at.to_string());
        members.insert("at".to_string(), json!(at));
    }
    json
}
