//! `preview`: what a sync would do.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::json;

use super::grid::{Grid, plain, shorten, visible};
use super::listing::{self, ShortIds};
use super::open;
use super::output::{Output, count};
use crate::db::{Change, Preview, Row, RowPreview};
use crate::inspect::{Ids, preview_json};
use crate::replicate::{Direction, Options, Policies, preview_with};
use crate::schema::Schema;
use crate::value::Value;

/// How many characters of a row's values a line shows.
const WIDTH: usize = 70;

/// Tell what a sync would do, and do nothing
///
/// For each replica: the rows that would change, be parked or return, in which columns a change that comes
/// wins or loses, and the conflicts that would appear and go.
#[derive(Debug, clap::Args)]
pub(super) struct ShowPreview {
    /// A replica
    first: PathBuf,
    /// Another one
    second: PathBuf,
    /// One way: the first takes what the second knows
    #[arg(long)]
    pull: bool,
    /// With these policies, as in `sync`
    #[arg(long, value_name = "POLICY")]
    policy: Vec<String>,
}

impl ShowPreview {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let canonical = (self.first.canonicalize(), self.second.canonicalize());
        if matches!(&canonical, (Ok(first), Ok(second)) if first == second) {
            bail!("{} and {} are the same replica", self.first.display(), self.second.display());
        }
        let (first, second) = (open::read(&self.first)?, open::read(&self.second)?);
        let direction = if self.pull { Direction::Pull } else { Direction::Both };
        let policies =
            Policies::spelled(self.policy.iter().map(String::as_str)).map_err(anyhow::Error::msg)?;
        let previews = preview_with(&first, &second, Options { direction, policies, ..Options::default() })?;
        if output.is_json() {
            let to_second = (!self.pull).then(|| preview_json(&previews.second, &Ids));
            let to_first = preview_json(&previews.first, &Ids);
            return Ok(output.object(&json!({ "to_first": to_first, "to_second": to_second }))?);
        }
        // An empty replica would take over the schema of the other one.
        let schema = if first.database_id().is_some() { first.schema() } else { second.schema() };
        show(&self.first.display().to_string(), &schema, &previews.first, output)?;
        if !self.pull {
            show(&self.second.display().to_string(), &schema, &previews.second, output)?;
        }
        Ok(())
    }
}

fn show(name: &str, schema: &Schema, preview: &Preview, output: &mut Output<'_>) -> anyhow::Result<()> {
    if preview.is_empty() {
        return Ok(output.line(format!("{name}: nothing would change"))?);
    }
    let changing = preview.rows.iter().filter(|row| row.change != Change::Stay).count() as u64;
    output.line(format!(
        "{name}: {} would change, {} would appear, {} would go",
        count(changing, "row"),
        count(preview.appear.len() as u64, "conflict"),
        preview.go.len()
    ))?;
    if !preview.rows.is_empty() {
        let mut grid = Grid::new(["change", "row", "values", "wins", "loses"]);
        for row in &preview.rows {
            let called = format!("{} {}", visible(&row.table), shorten(&row_name(schema, row), 24));
            let (wins, loses) = (visible(&row.wins.join(", ")), visible(&row.loses.join(", ")));
            grid.row([row.change.name().to_string(), called, shorten(&values(row), WIDTH), wins, loses]);
        }
        output.grid(&grid)?;
    }
    for conflict in preview.appear.iter().map(|one| &one.conflict) {
        output.line(format!("would appear: {}", listing::sentence(conflict, &ShortIds)))?;
    }
    for conflict in &preview.go {
        output.line(format!("would go: {}", listing::sentence(conflict, &ShortIds)))?;
    }
    for open in &preview.refuse {
        let reason = open.refusal.as_ref().map_or("", |refusal| &refusal.reason);
        output.line(format!(
            "would be refused: {} {}: {}",
            visible(&open.table),
            open.row,
            visible(reason)
        ))?;
    }
    Ok(())
}

/// The primary key of a row, as far as it is in its table; else its row id.
fn row_name(schema: &Schema, row: &RowPreview) -> String {
    let key =
        schema.table(&row.table).and_then(|table| Some(table.column_names(&table.primary_key()?.columns)));
    match (key, row.after.as_ref().or(row.before.as_ref())) {
        (Some(key), Some(shown)) => {
            let values = key.iter().filter_map(|column| shown.get(column)).map(plain);
            values.collect::<Vec<_>>().join(", ")
        }
        _ => row.row.to_string(),
    }
}

/// What changes in an update; else what is in the row.
fn values(row: &RowPreview) -> String {
    match (&row.before, &row.after) {
        (Some(before), Some(after)) if row.change == Change::Update => {
            let changed = after.iter().filter(|(name, value)| before.get(name) != Some(value));
            let was = |name: &str| before.get(name).map_or_else(String::new, plain);
            let changes =
                changed.map(|(name, now)| format!("{}: {} -> {}", visible(name), was(name), plain(now)));
            changes.collect::<Vec<_>>().join(", ")
        }
        (before, after) => {
            let shown = after.as_ref().or(before.as_ref()).into_iter().flat_map(Row::iter);
            let values = shown.filter(|(_, value)| !Value::is_null(value)).map(|(_, value)| plain(value));
            values.collect::<Vec<_>>().join(", ")
        }
    }
}
