//! Reads CSV as RFC 4180 writes it, strictly, and keeps what the `csv` crate does not: whether an empty
//! field was quoted, and the line on which each field begins. A quote that is never closed, which that
//! crate takes for the end of the file, is an error here.
//!
//! Lines may end in `\n` or `\r\n`. Lines with nothing on them are skipped.

use std::io::{self, BufRead};

/// The longest field: more than a value may have, in base64.
const MAX_FIELD_BYTES: usize = 16 << 20;

/// Reads records from a file, in bounded memory.
pub(in crate::cli) struct Reader<R> {
    input: R,
    delimiter: u8,
    /// The line that the next byte is on, from 1.
    line: u64,
    started: bool,
}

/// A line of the file; of more, if a field has line breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Record {
    /// The line it begins on, from 1.
    pub(in crate::cli) line: u64,
    pub(in crate::cli) fields: Vec<Field>,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Field {
    /// The line it begins on, from 1.
    pub(in crate::cli) line: u64,
    /// None if there is nothing, not even quotes.
    pub(in crate::cli) text: Option<String>,
}

/// Where a file is no CSV, and why.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum CsvError {
    #[error("line {line}, column {column}: {reason}")]
    Malformed { line: u64, column: usize, reason: &'static str },
    #[error("cannot be read")]
    Io(#[from] io::Error),
}

/// What ended a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Field,
    Record,
    File,
}

impl<R: BufRead> Reader<R> {
    pub(in crate::cli) const fn new(input: R, delimiter: u8) -> Reader<R> {
        Reader { input, delimiter, line: 1, started: false }
    }

    /// The next record; none at the end of the file.
    pub(in crate::cli) fn record(&mut self) -> Result<Option<Record>, CsvError> {
        if !self.started {
            self.started = true;
            self.skip_mark()?;
        }
        while let Some(byte @ (b'\n' | b'\r')) = self.peek()? {
            self.take(byte);
            if byte == b'\r' && self.peek()? != Some(b'\n') {
                return Err(malformed(self.line, 1, BARE_RETURN));
            }
        }
        if self.peek()?.is_none() {
            return Ok(None);
        }
        let mut record = Record { line: self.line, fields: Vec::new() };
        loop {
            let (line, column) = (self.line, record.fields.len() + 1);
            let (bytes, quoted, end) = self.field(column)?;
            let text = String::from_utf8(bytes).map_err(|_| malformed(line, column, NOT_UTF8))?;
            let text = (quoted || !text.is_empty()).then_some(text);
            record.fields.push(Field { line, text });
            if end != End::Field {
                return Ok(Some(record));
            }
        }
    }

    /// Reads a field and what ends it: its bytes, and whether it was quoted.
    fn field(&mut self, column: usize) -> Result<(Vec<u8>, bool, End), CsvError> {
        let mut bytes = Vec::new();
        let quoted = self.peek()? == Some(b'"');
        if quoted {
            self.take(b'"');
            self.quoted(&mut bytes, column)?;
        }
        loop {
            let line = self.line;
            let fault = |reason| malformed(line, column, reason);
            match self.peek()? {
                None => return Ok((bytes, quoted, End::File)),
                Some(byte) if byte == self.delimiter => {
                    self.take(byte);
                    return Ok((bytes, quoted, End::Field));
                }
                Some(b'\n') => {
                    self.take(b'\n');
                    return Ok((bytes, quoted, End::Record));
                }
                Some(b'\r') => {
                    self.take(b'\r');
                    if self.peek()? != Some(b'\n') {
                        return Err(malformed(self.line, column, BARE_RETURN));
                    }
                }
                Some(_) if quoted => return Err(fault(AFTER_QUOTE)),
                Some(b'"') => return Err(fault(BARE_QUOTE)),
                Some(_) if bytes.len() >= MAX_FIELD_BYTES => return Err(fault(TOO_LONG)),
                Some(byte) => {
                    self.take(byte);
                    bytes.push(byte);
                }
            }
        }
    }

    /// Reads on to the closing quote.
    fn quoted(&mut self, bytes: &mut Vec<u8>, column: usize) -> Result<(), CsvError> {
        let line = self.line;
        while let Some(byte) = self.peek()? {
            self.take(byte);
            if byte == b'"' {
                if self.peek()? != Some(b'"') {
                    return Ok(());
                }
                self.take(b'"');
            }
            if bytes.len() >= MAX_FIELD_BYTES {
                return Err(malformed(line, column, UNCLOSED_LONG));
            }
            bytes.push(byte);
        }
        Err(malformed(line, column, UNCLOSED))
    }

    /// Skips the byte order mark that some programs write; says so if it is that of another encoding.
    fn skip_mark(&mut self) -> Result<(), CsvError> {
        let start = self.input.fill_buf()?;
        if start.starts_with(&[0xEF, 0xBB, 0xBF]) {
            self.input.consume(3);
        } else if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
            return Err(malformed(1, 1, UTF16));
        }
        Ok(())
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.input.fill_buf() {
                Ok(bytes) => return Ok(bytes.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the byte that was peeked at.
    fn take(&mut self, byte: u8) {
        self.line += u64::from(byte == b'\n');
        self.input.consume(1);
    }
}

const NOT_UTF8: &str = "it is not UTF-8: save the file as UTF-8";
const UTF16: &str = "the file is UTF-16: save it as UTF-8";
const BARE_RETURN: &str =
    "a carriage return without a line feed: end lines with \\n or \\r\\n, and quote what has others in it";
const BARE_QUOTE: &str = "a quote within a field: put the whole field in quotes, and write the quote twice";
const AFTER_QUOTE: &str = "text after the closing quote: write a quote that belongs to the field twice";
const UNCLOSED: &str = "the quote is never closed";
const UNCLOSED_LONG: &str = "the field is longer than 16 MiB: is its quote never closed?";
const TOO_LONG: &str = "the field is longer than 16 MiB";

const fn malformed(line: u64, column: usize, reason: &'static str) -> CsvError {
    CsvError::Malformed { line, column, reason }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> Result<Vec<Record>, CsvError> {
        let mut reader = Reader::new(io::BufReader::with_capacity(3, text), b',');
        std::iter::from_fn(|| reader.record().transpose()).collect()
    }

    fn texts(text: &str) -> Vec<Vec<Option<String>>> {
        let records = read(text.as_bytes()).unwrap().into_iter();
        records.map(|record| record.fields.into_iter().map(|field| field.text).collect()).collect()
    }

    #[test]
    fn an_empty_field_is_not_an_empty_text() {
        let expected = vec![vec![None, Some(String::new()), None], vec![Some("\"".into()), None, None]];
        assert_eq!(texts(",\"\",\n\"\"\"\",,"), expected);
    }

    #[test]
    fn lines_are_counted_through_line_breaks_and_blank_lines() {
        let records = read(b"a,b\r\n\r\n\n\"x\r\ny\",\"z\n\"\nlast,1").unwrap();
        let lines: Vec<(u64, Vec<u64>)> =
            records.iter().map(|r| (r.line, r.fields.iter().map(|field| field.line).collect())).collect();
        assert_eq!(lines, [(1, vec![1, 1]), (4, vec![4, 5]), (7, vec![7, 7])]);
        assert_eq!(records[1].fields[0].text.as_deref(), Some("x\r\ny"));
    }

    #[test]
    fn what_is_no_csv_is_refused_where_it_stands() {
        let cases: [(&[u8], &str); 7] = [
            (b"a,b\n1,\"2\n3", "line 2, column 2: the quote is never closed"),
            (b"a\n\"x\"y", "line 2, column 1: text after the closing quote"),
            (b"a,b\nx,y\"z", "line 2, column 2: a quote within a field"),
            (b"a\nx\ry", "line 2, column 1: a carriage return without"),
            (b"a\n\rb", "line 2, column 1: a carriage return without"),
            (b"a,b\nx,\xFF", "line 2, column 2: it is not UTF-8"),
            (b"\xFF\xFEa\0", "line 1, column 1: the file is UTF-16"),
        ];
        for (text, expected) in cases {
            // A whole buffer, as a file has it: the marks are looked for in the first one.
            let mut reader = Reader::new(text, b',');
            let error = loop {
                match reader.record() {
                    Ok(record) => assert!(record.is_some(), "{expected}: no error"),
                    Err(error) => break error.to_string(),
                }
            };
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_header() {
        let record = Reader::new(&b"\xEF\xBB\xBFcode\n"[..], b',').record().unwrap().unwrap();
        assert_eq!(record.fields[0].text.as_deref(), Some("code"));
    }

    proptest! {
        // What the csv crate writes is read back.
        #[test]
        fn reads_what_others_write(
            rows in prop::collection::vec(prop::collection::vec("[a\", \r\nä]{0,5}", 2), 0..6),
        ) {
            let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let written = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let expected: Vec<Vec<Option<String>>> =
                rows.into_iter().map(|row| row.into_iter().map(Some).collect()).collect();
            prop_assert_eq!(texts(&written), expected);
        }

        // Whatever the bytes are, the reader answers, and the csv crate agrees on what is well-formed.
        #[test]
        fn agrees_with_the_csv_crate(text in "([ab\"]{0,3}[,\n])*") {
            let Ok(records) = read(text.as_bytes()) else { return Ok(()) };
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let theirs: Vec<Vec<String>> = reader
                .records()
                .map(|record| record.unwrap().iter().map(str::to_string).collect())
                .collect();
            let ours: Vec<Vec<String>> = records
                .into_iter()
                .map(|record| record.fields.into_iter().map(|field| field.text.unwrap_or_default()).collect())
                .collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
