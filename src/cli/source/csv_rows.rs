//! The rows of a CSV file: its first line names the columns, and fields are read by their types.

use std::io::BufRead;

use anyhow::{Context, anyhow, bail};

use super::{FileRow, Source, is_row_id};
use crate::cli::csv::{Reader, Record};
use crate::cli::open;
use crate::cli::output::count;
use crate::db::Row;
use crate::schema::Table;
use crate::value::Type;

/// The rows of a CSV file.
pub(in crate::cli) struct CsvRows<R> {
    reader: Reader<R>,
    fields: Vec<Meaning>,
    last: Option<Record>,
}

/// What the fields at one position are.
enum Meaning {
    RowId,
    Column(String, Type),
}

impl<R: BufRead> CsvRows<R> {
    /// Reads the first line.
    pub(in crate::cli) fn open(input: R, table: &Table, delimiter: u8) -> anyhow::Result<CsvRows<R>> {
        let mut reader = Reader::new(input, delimiter);
        let fields = meanings(reader.record()?, table, delimiter)?;
        Ok(CsvRows { reader, fields, last: None })
    }

    fn read(&self, record: &Record) -> anyhow::Result<FileRow> {
        let (expected, found) = (self.fields.len(), record.fields.len());
        if expected != found {
            let fields = count(found as u64, "field");
            bail!("line {}: {fields}, where the first line has {expected}", record.line);
        }
        let (mut id, mut row) = (None, Row::new());
        for (i, (meaning, field)) in self.fields.iter().zip(&record.fields).enumerate() {
            let text = field.text.as_deref();
            let at = || format!("line {}, column {} ({})", field.line, i + 1, meaning.name());
            match (meaning, text) {
                (Meaning::RowId, None) => {}
                (Meaning::RowId, Some(text)) => id = Some(text.parse().with_context(at)?),
                (Meaning::Column(name, _), None) => drop(row.set(name, None::<bool>)),
                (Meaning::Column(name, kind), Some(text)) => {
                    row.set(name, kind.parse(text).with_context(at)?);
                }
            }
        }
        Ok(FileRow { line: record.line, id, row })
    }
}

impl<R: BufRead> Source for CsvRows<R> {
    fn next_row(&mut self) -> anyhow::Result<Option<FileRow>> {
        let Some(record) = self.reader.record()? else { return Ok(None) };
        let row = self.read(&record)?;
        self.last = Some(record);
        Ok(Some(row))
    }

    fn place(&self, column: &str) -> String {
        let Some(record) = &self.last else { return "line 1".to_string() };
        let position = self.fields.iter().position(|meaning| meaning.name() == column);
        match position.and_then(|i| Some((i + 1, record.fields.get(i)?))) {
            Some((number, field)) => format!("line {}, column {number} ({column})", field.line),
            None => format!("line {}", record.line),
        }
    }
}

impl Meaning {
    fn name(&self) -> &str {
        match self {
            Meaning::RowId => super::ROW_ID,
            Meaning::Column(name, _) => name,
        }
    }
}

fn meanings(record: Option<Record>, table: &Table, delimiter: u8) -> anyhow::Result<Vec<Meaning>> {
    let record = record.ok_or_else(|| anyhow!("the file is empty: its first line names the columns"))?;
    let mut meanings: Vec<Meaning> = Vec::new();
    for (i, field) in record.fields.iter().enumerate() {
        let name = field.text.as_deref().unwrap_or_default();
        let at = format!("line {}, column {}", field.line, i + 1);
        let meaning = match table.column(name) {
            Some((_, column)) => Meaning::Column(column.name.clone(), column.kind),
            None if is_row_id(table, name) => Meaning::RowId,
            None => {
                let columns = open::columns_of(table);
                let hint = other_delimiter(name, delimiter);
                bail!("{at}: table {} has no column '{name}': its columns are {columns}{hint}", table.name);
            }
        };
        if meanings.iter().any(|other| other.name() == meaning.name()) {
            bail!("{at}: the column {} is named twice", meaning.name());
        }
        meanings.push(meaning);
    }
    Ok(meanings)
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
