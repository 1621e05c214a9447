//! `import`: rows from a CSV file, all or none of them unless asked otherwise.
//!
//! A transaction keeps what it writes in memory until it commits, so `--batch` is also what bounds the
//! memory of a large import.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use indicatif::ProgressBar;
use serde_json::json;

use super::csv::{Field, Reader, Record};
use super::open;
use super::output::{Output, count};
use crate::commit::WriteError;
use crate::db::{Database, Row, Transaction};
use crate::ids::RowId;
use crate::schema::Table;
use crate::value::Type;

/// Insert the rows of a CSV file
///
/// The first line names the columns; columns it does not name have their default. An empty field is
/// NULL, "" is the empty text. The file is UTF-8, as RFC 4180 has it. If a line is wrong, nothing is
/// imported, unless --batch is given.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// The database
    dir: PathBuf,
    /// The table to insert into
    table: String,
    /// The CSV file; - reads the standard input
    file: PathBuf,
    /// Commit after every N rows: for files that do not fit into memory. What was committed before an
    /// error stays
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,
    /// Change the rows whose primary key is there already, instead of refusing them
    #[arg(long)]
    upsert: bool,
    /// What stands between fields
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter)]
    delimiter: u8,
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] if !matches!(byte, b'"' | b'\n' | b'\r' | 0x80..) => Ok(*byte),
        _ if text == "\\t" => Ok(b'\t'),
        _ => Err("one ASCII character, or \\t for a tab".to_string()),
    }
}

impl Import {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::write(&self.dir)?;
        let schema = db.schema();
        let table = open::table(&schema, &self.table)?;
        let (input, length) = self.input()?;
        let bar = output.progress(length, &table.name);
        let reader = Reader::new(BufReader::with_capacity(1 << 16, bar.wrap_read(input)), self.delimiter);
        let rows = self.load(&db, table, reader, &bar);
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

    fn load<R: io::BufRead>(
        &self,
        db: &Database,
        table: &Table,
        mut reader: Reader<R>,
        bar: &ProgressBar,
    ) -> anyhow::Result<u64> {
        let header = reader.record().map_err(anyhow::Error::from);
        let header = header.and_then(|record| Header::read(record, table, self.delimiter));
        let mut load = Load { db, table, upsert: self.upsert, bar, done: 0 };
        let result = header.and_then(|header| load.run(&header, &mut reader, self.batch));
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
    let mut reader = Reader::new(text.as_bytes(), b',');
    let header = Header::read(reader.record()?, table, b',')?;
    let mut load = Load { db, table, upsert: false, bar: &ProgressBar::hidden(), done: 0 };
    load.run(&header, &mut reader, None)?;
    Ok(load.done)
}

/// Which columns the fields of a record are for.
struct Header {
    names: Vec<(String, Type)>,
}

impl Header {
    fn read(record: Option<Record>, table: &Table, delimiter: u8) -> anyhow::Result<Header> {
        let record = record.ok_or_else(|| anyhow!("the file is empty: its first line names the columns"))?;
        let mut names: Vec<(String, Type)> = Vec::new();
        for (i, field) in record.fields.iter().enumerate() {
            let name = field.text.as_deref().unwrap_or_default();
            let at = format!("line {}, column {}", field.line, i + 1);
            let Some((_, column)) = table.column(name) else {
                let columns = open::columns_of(table);
                let hint = other_delimiter(name, delimiter);
                bail!("{at}: table {} has no column '{name}': its columns are {columns}{hint}", table.name);
            };
            if names.iter().any(|(other, _)| *other == column.name) {
                bail!("{at}: the column {} is named twice", column.name);
            }
            names.push((column.name.clone(), column.kind));
        }
        Ok(Header { names })
    }

    fn row(&self, record: &Record) -> anyhow::Result<Row> {
        let (expected, found) = (self.names.len(), record.fields.len());
        if expected != found {
            let fields = count(found as u64, "field");
            bail!("line {}: {fields}, where the first line has {expected}", record.line);
        }
        let mut row = Row::new();
        for (i, ((name, kind), Field { line, text })) in self.names.iter().zip(&record.fields).enumerate() {
            match text {
                None => row.set(name, None::<bool>),
                Some(text) => {
                    let value = kind.parse(text);
                    row.set(name, value.with_context(|| format!("line {line}, column {} ({name})", i + 1))?)
                }
            };
        }
        Ok(row)
    }

    /// Where in the file a column of a record is.
    fn place(&self, record: &Record, column: &str) -> String {
        let position = self.names.iter().position(|(name, _)| name == column);
        let field = position.and_then(|i| Some((i + 1, record.fields.get(i)?)));
        match field {
            Some((number, field)) => format!("line {}, column {number} ({column})", field.line),
            None => format!("line {}", record.line),
        }
    }
}

fn other_delimiter(name: &str, delimiter: u8) -> String {
    let other = [";", "\t", "|", ","].into_iter().find(|other| name.contains(other));
    match other.filter(|other| other.as_bytes() != [delimiter]) {
        Some(other) => {
            format!(" (is the file separated by '{0}'? Use --delimiter '{0}')", other.escape_default())
        }
        None => String::new(),
    }
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
    fn run<R: io::BufRead>(
        &mut self,
        header: &Header,
        reader: &mut Reader<R>,
        batch: Option<u64>,
    ) -> anyhow::Result<()> {
        let mut more = true;
        while more {
            let (mut transaction, mut lines) = (self.db.begin()?, Lines::default());
            while more && batch.is_none_or(|batch| lines.rows < batch) {
                match reader.record()? {
                    Some(record) => self.insert(&mut transaction, &mut lines, header, &record)?,
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
        header: &Header,
        record: &Record,
    ) -> anyhow::Result<()> {
        let row = header.row(record)?;
        let mut table = transaction.table(&self.table.name)?;
        let result = if self.upsert { table.upsert(row) } else { table.insert(row) };
        let id = result.map_err(|error| {
            let place = match &error {
                WriteError::NotNull { column, .. } | WriteError::TypeMismatch { column, .. } => {
                    header.place(record, column)
                }
                _ => format!("line {}", record.line),
            };
            anyhow::Error::from(error).context(place)
        })?;
        lines.by_id.insert(id, record.line);
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
