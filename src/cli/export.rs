//! `export`: the visible rows of a table as a file that `import` reads.
//!
//! Rows, not their history: neither versions nor conflicts leave the database this way.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value as Json, json};
use tempfile::NamedTempFile;

use super::csv::Writer;
use super::open;
use super::output::{Output, count};
use super::rows::ordered;
use super::source::{self, Format, ROW_ID};
use crate::db::{self, Row};
use crate::ids::RowId;
use crate::schema::Table;
use crate::value::Value;

/// Write the rows of a table to a file, as CSV or JSON lines
///
/// By primary key, each with its row id, so that whoever imports the file has the same rows and not others
/// like them. Parked rows are left out: they are no rows of the table while they are parked.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// The database
    dir: PathBuf,
    /// The table
    table: String,
    /// The file, which appears whole or not at all; unless given, or with -, the standard output
    file: Option<PathBuf>,
    /// How rows stand in it. Unless given: JSON lines if its name ends in .jsonl or .ndjson, or with
    /// --json, else CSV
    #[arg(long)]
    format: Option<Format>,
    /// Leave out the row ids: importing the file makes new rows
    #[arg(long)]
    without_row_ids: bool,
    /// What stands between the fields of CSV
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = source::delimiter)]
    delimiter: u8,
}

impl Export {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::read(&self.dir)?;
        let snapshot = db.read()?;
        let table = snapshot.table(&open::table(snapshot.schema(), &self.table)?.name)?;
        if !self.without_row_ids && table.definition().column(ROW_ID).is_some() {
            bail!(
                "table {} has a column that is called \"{ROW_ID}\": export it with --without-row-ids",
                table.definition().name
            );
        }
        let Some(path) = self.file.as_deref().filter(|path| *path != Path::new("-")) else {
            let default = if output.is_json() { Format::Jsonl } else { Format::Csv };
            self.write(&table, self.format.unwrap_or(default), output.writer())?;
            return Ok(());
        };
        let format = self.format.unwrap_or_else(|| Format::of(path));
        let rows = self.replace(path, |file| self.write(&table, format, file))?;
        let name = &table.definition().name;
        let text = format!("{name}: {} to {}", count(rows, "row"), path.display());
        Ok(output.either(json!({ "table": name, "rows": rows }), text)?)
    }

    /// Writes a file beside the one that it is to replace, and puts it in its place when it is whole.
    fn replace(
        &self,
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> anyhow::Result<u64>,
    ) -> anyhow::Result<u64> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let file = temporary(directory.unwrap_or(Path::new(".")));
        let mut file = file.with_context(|| path.display().to_string())?;
        let mut buffer = BufWriter::with_capacity(1 << 16, file.as_file_mut());
        let rows = write(&mut buffer)?;
        buffer.flush().with_context(|| path.display().to_string())?;
        drop(buffer);
        file.persist(path).with_context(|| path.display().to_string())?;
        Ok(rows)
    }

    fn write(&self, table: &db::Table<'_>, format: Format, to: &mut dyn Write) -> anyhow::Result<u64> {
        let mut rows = 0;
        let definition = table.definition();
        let mut sink = match format {
            Format::Csv => Sink::Csv(Writer::new(to, self.delimiter)),
            Format::Jsonl => Sink::JsonLines(to),
        };
        sink.header(definition, !self.without_row_ids)?;
        for entry in ordered(table)? {
            let (id, row) = entry?;
            sink.row((!self.without_row_ids).then_some(id), &row)?;
            rows += 1;
        }
        Ok(rows)
    }
}

/// A file with the permissions that files which users make have.
fn temporary(directory: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(directory)
}

/// Where the rows go, and how.
enum Sink<'w> {
    Csv(Writer<&'w mut dyn Write>),
    JsonLines(&'w mut dyn Write),
}

impl Sink<'_> {
    fn header(&mut self, table: &Table, with_ids: bool) -> io::Result<()> {
        let Sink::Csv(writer) = self else { return Ok(()) };
        let columns = table.columns.iter().map(|column| Some(column.name.as_str()));
        writer.record(with_ids.then_some(Some(ROW_ID)).into_iter().chain(columns))
    }

    fn row(&mut self, id: Option<RowId>, row: &Row) -> io::Result<()> {
        let id = id.map(|id| id.to_string());
        match self {
            Sink::Csv(writer) => {
                let texts: Vec<Option<String>> = row.iter().map(|(_, value)| text(value)).collect();
                let columns = texts.iter().map(Option::as_deref);
                writer.record(id.as_deref().map(Some).into_iter().chain(columns))
            }
            Sink::JsonLines(to) => {
                let mut object = row.to_json();
                if let (Some(id), Json::Object(members)) = (id, &mut object) {
                    members.insert(ROW_ID.to_string(), id.into());
                }
                writeln!(to, "{object}")
            }
        }
    }
}

/// The text of a value; none for NULL.
fn text(value: &Value) -> Option<String> {
    (*value != Value::Null).then(|| value.to_string())
}
