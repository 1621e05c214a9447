//! `import`: rows from a file, all or none of them unless asked otherwise.
//!
//! A transaction keeps what it writes in memory until it commits, so `--batch` is also what bounds the
//! memory of a large import.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::ProgressBar;
use serde_json::json;

use super::open;
use super::output::{Output, count};
use super::source::{self, CsvRows, FileRow, Format, Source};
use crate::commit::WriteError;
use crate::db::{Database, Transaction};
use crate::ids::RowId;
use crate::schema::Table;

/// Insert the rows of a file: CSV, or JSON lines
///
/// The first line of a CSV file names the columns; an empty field is NULL, "" is the empty text. Of JSON
/// lines each is an object. Columns that are not named have their default; what is called "row id" is the
/// permanent id of the row, as `export` writes it. If a line is wrong, nothing is imported, unless
/// --batch is given.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// The database
    dir: PathBuf,
    /// The table to insert into
    table: String,
    /// The file; - reads the standard input
    file: PathBuf,
    /// How rows stand in it. Unless given: JSON lines if its name ends in .jsonl or .ndjson, else CSV
    #[arg(long)]
    format: Option<Format>,
    /// Commit after every N rows: for files that do not fit into memory. What was committed before an
    /// error stays
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,
    /// Change the rows that are there already, instead of refusing them: found by row id where the file has
    /// it, else by primary key
    #[arg(long)]
    upsert: bool,
    /// What stands between the fields of CSV
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = source::delimiter)]
    delimiter: u8,
}

impl Import {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::write(&self.dir)?;
        let schema = db.schema();
        let table = open::table(&schema, &self.table)?;
        let (input, length) = self.input()?;
        let bar = output.progress(length, &table.name);
        let input = BufReader::with_capacity(1 << 16, bar.wrap_read(input));
        let rows = self.load(&db, table, input, &bar);
        bar.finish_and_clear();
        let rows = rows?;
        db.close()?;
        let text = format!("{}: {} from {}", table.name, count(rows, "row"), self.file.display());
        output.either(json!({ "table": table.name, "rows": rows }), text)?;
        Ok(())
    }

    fn input(&self) -> anyhow::Result<(Box<dyn Read>, Option<u64>)> {
        if self.file == Path::new("-") {
            return Ok((Box::new(io::stdin().lock()), None));
        }
        let open = || -> io::Result<(File, u64)> {
            let file = File::open(&self.file)?;
            let about = file.metadata()?;
            if about.is_dir() {
                Err(io::Error::from(io::ErrorKind::IsADirectory))
            } else {
                Ok((file, about.len()))
            }
        };
        let (file, length) = open().with_context(|| self.file.display().to_string())?;
        Ok((Box::new(file), Some(length)))
    }

    fn load(
        &self,
        db: &Database,
        table: &Table,
        input: impl BufRead,
        bar: &ProgressBar,
    ) -> anyhow::Result<u64> {
        let format = self.format.unwrap_or_else(|| Format::of(&self.file));
        let mut load = Load { db, table, upsert: self.upsert, bar, done: 0 };
        let result = source::open(input, table, format, self.delimiter)
            .and_then(|mut rows| load.run(&mut *rows, self.batch));
        let done = load.done;
        result.map(|()| done).map_err(|error| {
            let file = self.file.display();
            error.context(match done {
                0 => format!("{file}: nothing was imported"),
                done => format!("{file}: only the first {} imported", count(done, "row")),
            })
        })
    }
}

/// Inserts all rows of a CSV text in one transaction.
pub(super) fn load(db: &Database, table: &str, text: &str) -> anyhow::Result<u64> {
    let schema = db.schema();
    let table = open::table(&schema, table)?;
    let mut load = Load { db, table, upsert: false, bar: &ProgressBar::hidden(), done: 0 };
    load.run(&mut CsvRows::open(text.as_bytes(), table, b',')?, None)?;
    Ok(load.done)
}

/// An import under way.
struct Load<'a> {
    db: &'a Database,
    table: &'a Table,
    upsert: bool,
    bar: &'a ProgressBar,
    /// How many rows are committed.
    done: u64,
}

/// The rows of a transaction, with the lines they come from.
#[derive(Default)]
struct Lines {
    rows: u64,
    by_id: BTreeMap<RowId, u64>,
}

impl Load<'_> {
    fn run(&mut self, rows: &mut dyn Source, batch: Option<u64>) -> anyhow::Result<()> {
        let mut more = true;
        while more {
            let (mut transaction, mut lines) = (self.db.begin()?, Lines::default());
            while more && batch.is_none_or(|batch| lines.rows < batch) {
                match rows.next_row()? {
                    Some(row) => self.insert(&mut transaction, &mut lines, rows, row)?,
                    None => more = false,
                }
            }
            transaction.commit().map_err(|error| refused(error, &lines))?;
            self.done += lines.rows;
            self.bar.set_message(format!("{}: {}", self.table.name, count(self.done, "row")));
        }
        Ok(())
    }

    fn insert(
        &self,
        transaction: &mut Transaction,
        lines: &mut Lines,
        rows: &dyn Source,
        FileRow { line, id, row }: FileRow,
    ) -> anyhow::Result<()> {
        let mut table = transaction.table(&self.table.name)?;
        let result = match id {
            Some(id) if self.upsert => table.upsert_with_id(id, row).map(|()| id),
            Some(id) => table.insert_with_id(id, row).map(|()| id),
            None if self.upsert => table.upsert(row),
            None => table.insert(row),
        };
        let id = result.map_err(|error| {
            let place = match &error {
                WriteError::NotNull { column, .. } | WriteError::TypeMismatch { column, .. } => {
                    rows.place(column)
                }
                _ => format!("line {line}"),
            };
            anyhow::Error::from(error).context(place)
        })?;
        lines.by_id.insert(id, line);
        lines.rows += 1;
        Ok(())
    }
}

/// Why a transaction was refused, with the line whose row it was.
fn refused(error: WriteError, lines: &Lines) -> anyhow::Error {
    let line = |row: &RowId| lines.by_id.get(row).copied();
    let place = match &error {
        // Of two lines with the same key the later one is the wrong one.
        WriteError::DuplicateKey { row, holder, .. } => match (line(row), line(holder)) {
            (Some(a), Some(b)) => Some(format!("line {}: the same key as on line {}", a.max(b), a.min(b))),
            (a, b) => a.or(b).map(|line| format!("line {line}")),
        },
        WriteError::MissingParent { row, .. }
        | WriteError::CheckFailed { row, .. }
        | WriteError::ImmutableKey { row, .. }
        | WriteError::Restricted { row, .. }
        | WriteError::NotApplicable { row, .. } => line(row).map(|line| format!("line {line}")),
        _ => None,
    };
    let error = anyhow::Error::from(error);
    match place {
        Some(place) => error.context(place),
        None => error,
    }
}
