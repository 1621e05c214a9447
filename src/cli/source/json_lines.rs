//! The rows of a file of JSON lines: an object on each line, its members the columns of a row.

use std::io::{BufRead, Read};

use anyhow::{Context, anyhow, bail};

use super::{FileRow, ROW_ID, Source, is_row_id};
use crate::cli::key;
use crate::db::Row;
use crate::ids::RowId;
use crate::schema::Table;
use crate::script::Object;

/// The longest line: more than the greatest row has, with every blob in base64 and every character escaped.
const MAX_LINE_BYTES: u64 = 80 << 20;

/// The rows of a file of JSON lines.
pub(super) struct JsonLines<'t, R> {
    input: R,
    table: &'t Table,
    /// The line read last, from 1.
    line: u64,
}

impl<'t, R: BufRead> JsonLines<'t, R> {
    pub(super) const fn new(input: R, table: &'t Table) -> JsonLines<'t, R> {
        JsonLines { input, table, line: 0 }
    }

    /// The next line that has something on it, without its end.
    fn line(&mut self) -> anyhow::Result<Option<String>> {
        loop {
            let mut bytes = Vec::new();
            let read = (&mut self.input).take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes)?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            let line = self.line;
            if read as u64 == MAX_LINE_BYTES && !bytes.ends_with(b"\n") {
                bail!("line {line}: the line is longer than any row may be");
            }
            let text = String::from_utf8(bytes)
                .map_err(|_| anyhow!("line {line}: it is not UTF-8: save the file as UTF-8"))?;
            let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { &text };
            let text = text.trim();
            if !text.is_empty() {
                return Ok(Some(text.to_string()));
            }
        }
    }

    fn read(&self, text: &str) -> anyhow::Result<(Option<RowId>, Row)> {
        let object: Object = serde_json::from_str(text)
            .map_err(|error| anyhow!("no JSON object of columns and values: {error}"))?;
        let (mut id, mut row) = (None, Row::new());
        for (name, json) in object.members() {
            if is_row_id(self.table, name) {
                let text = json.as_str().ok_or_else(|| anyhow!("the row id is a text"))?;
                id = Some(text.parse()?);
            } else {
                key::set(&mut row, self.table, name, json)?;
            }
        }
        Ok((id, row))
    }
}

impl<R: BufRead> Source for JsonLines<'_, R> {
    fn next_row(&mut self) -> anyhow::Result<Option<FileRow>> {
        let Some(text) = self.line()? else { return Ok(None) };
        let line = self.line;
        let (id, row) = self.read(&text).with_context(|| format!("line {line}"))?;
        Ok(Some(FileRow { line, id, row }))
    }

    fn place(&self, column: &str) -> String {
        if column == ROW_ID {
            format!("line {}", self.line)
        } else {
            format!("line {} ({column})", self.line)
        }
    }
}
