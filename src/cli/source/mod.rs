//! Rows from files: CSV, or JSON lines. A file says in its first line, or line by line, which columns it
//! has; the rows may bring their row ids along.
//!
//! Reads row by row in bounded memory, and writes nothing anywhere.

mod csv_rows;
mod json_lines;

use std::io::BufRead;
use std::path::Path;

use crate::db::Row;
use crate::ids::RowId;
use crate::schema::Table;

pub(super) use csv_rows::CsvRows;
use json_lines::JsonLines;

/// What the row id is called beside the columns of a row.
pub(super) const ROW_ID: &str = "row id";

/// How rows stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Comma separated values; the first line names the columns
    Csv,
    /// A JSON object on each line
    Jsonl,
}

impl Format {
    /// What the name of a file says that it is.
    pub(super) fn of(path: &Path) -> Format {
        let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        match extension.as_ref().and_then(|extension| extension.to_str()) {
            Some("jsonl" | "ndjson") => Format::Jsonl,
            _ => Format::Csv,
        }
    }
}

/// What stands between the fields of a CSV file: one ASCII character.
pub(super) fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if !matches!(byte, b'"' | b'\n' | b'\r' | 0x80..) => Ok(*byte),
        _ if text == "\\t" => Ok(b'\t'),
        _ => Err("one ASCII character, or \\t for a tab".to_string()),
    }
}

/// A row of a file.
pub(super) struct FileRow {
    /// The line that it begins on, from 1.
    pub(super) line: u64,
    /// Its permanent id, if the file has one.
    pub(super) id: Option<RowId>,
    /// The columns that the file has.
    pub(super) row: Row,
}

/// The rows of a file, one after the other.
pub(super) trait Source {
    /// The next row; none at the end of the file.
    fn next_row(&mut self) -> anyhow::Result<Option<FileRow>>;

    /// Where in the file a column of the row read last is.
    fn place(&self, column: &str) -> String;
}

/// Reads the rows of a table from a file.
pub(super) fn open<'t>(
    input: impl BufRead + 't,
    table: &'t Table,
    format: Format,
    delimiter: u8,
) -> anyhow::Result<Box<dyn Source + 't>> {
    Ok(match format {
        Format::Csv => Box::new(CsvRows::open(input, table, delimiter)?),
        Format::Jsonl => Box::new(JsonLines::new(input, table)),
    })
}

/// Whether a name stands for the row id: unless the table has a column that is called so.
fn is_row_id(table: &Table, name: &str) -> bool {
    name == ROW_ID && table.column(name).is_none()
}
