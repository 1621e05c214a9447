//! `rows`: the rows of a table, or one of them in full.

use std::ops::RangeFull;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::grid::{Grid, cell, plain};
use super::output::Output;
use super::source::ROW_ID;
use super::{key, open};
use crate::db::{self, Row, RowRef};
use crate::error::Error;
use crate::ids::RowId;
use crate::schema::Table;

/// Rows of one table of text: its columns are as wide as their widest cell, so it is kept in memory.
const PAGE: usize = 500;
/// How many characters a line of the table should have at most.
const LINE: usize = 120;

/// Print the rows of a table, by primary key
///
/// Long values are cut and line breaks shown as \n; --key prints one row in full, --json all of them.
#[derive(Debug, clap::Args)]
pub(super) struct Rows {
    /// The database
    dir: PathBuf,
    /// The table
    table: String,
    /// The most rows to print, or `all`. Unless given: 100, with --json all
    #[arg(long, value_name = "N", value_parser = limit)]
    limit: Option<u64>,
    /// Print the one row with this key: its primary key, or a JSON object as {"email":"a@b.c"}
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// A number, or `all`.
pub(super) fn limit(text: &str) -> Result<u64, String> {
    if text == "all" { Ok(u64::MAX) } else { text.parse().map_err(|_| "a number, or `all`".to_string()) }
}

pub(super) type Entry = Result<(RowId, Row), Error>;

impl Rows {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::read(&self.dir)?;
        let snapshot = db.read()?;
        let table = snapshot.table(&open::table(snapshot.schema(), &self.table)?.name)?;
        match &self.key {
            Some(key) => one(&table, key, output),
            None => self.all(&table, output),
        }
    }

    fn all(&self, table: &db::Table<'_>, output: &mut Output<'_>) -> anyhow::Result<()> {
        let limit = self.limit.unwrap_or(if output.is_json() { u64::MAX } else { 100 });
        let (definition, total) = (table.definition(), table.len()?);
        let mut rows = ordered(table)?.take(usize::try_from(limit).unwrap_or(usize::MAX));
        if output.is_json() {
            for entry in rows {
                let (id, row) = entry?;
                output.object(&object(definition, id, &row))?;
            }
            return Ok(());
        }
        loop {
            let page = rows.by_ref().take(PAGE).collect::<Result<Vec<_>, _>>()?;
            let last = page.len() < PAGE;
            if !page.is_empty() || total == 0 {
                output.grid(&grid(definition, &page))?;
            }
            if last {
                break;
            }
        }
        if limit < total {
            output.line(format!("{limit} of {total} rows; --limit all prints every one"))?;
        }
        Ok(())
    }
}

fn one(table: &db::Table<'_>, key: &str, output: &mut Output<'_>) -> anyhow::Result<()> {
    let id = key::find(table, key)?;
    let row = table.get(id)?.unwrap_or_default();
    if output.is_json() {
        return Ok(output.object(&object(table.definition(), id, &row))?);
    }
    let mut grid = Grid::new(["column", "value"]);
    for (name, value) in row.iter() {
        grid.row([name.to_string(), plain(value)]);
    }
    grid.row(["(row id)".to_string(), id.to_string()]);
    Ok(output.grid(&grid)?)
}

/// By primary key; in a table without one, by row id.
pub(super) fn ordered<'a>(table: &db::Table<'a>) -> anyhow::Result<Box<dyn Iterator<Item = Entry> + 'a>> {
    Ok(match table.definition().primary_key() {
        Some(key) => Box::new(table.range::<RowRef>(&key.name, RangeFull)?),
        None => Box::new(table.scan()?),
    })
}

/// The columns; the row id too where it is the only key.
fn object(table: &Table, id: RowId, row: &Row) -> Json {
    let mut object = row.to_json();
    if let (None, Json::Object(members)) = (table.primary_key(), &mut object) {
        members.insert(ROW_ID.to_string(), json!(id.to_string()));
    }
    object
}

fn grid(table: &Table, page: &[(RowId, Row)]) -> Grid {
    let with_id = table.primary_key().is_none();
    let width = (LINE / table.columns.len().max(1)).clamp(14, 60);
    let names = table.columns.iter().map(|column| column.name.as_str());
    let mut grid = Grid::new(with_id.then_some(ROW_ID).into_iter().chain(names));
    for (id, row) in page {
        let cells = row.iter().map(|(_, value)| cell(value, width));
        grid.row(with_id.then(|| id.to_string()).into_iter().chain(cells));
    }
    grid
}
