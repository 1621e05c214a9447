//! Writes CSV that the reader beside it, and any other, reads back as it was.
//!
//! Lines end in `\n`: RFC 4180 asks for `\r\n`, which line-based tools do not cope with, and every reader
//! takes both.

use std::io::{self, Write};

/// Writes records to a file.
pub(in crate::cli) struct Writer<W> {
    output: W,
    delimiter: u8,
}

impl<W: Write> Writer<W> {
    pub(in crate::cli) const fn new(output: W, delimiter: u8) -> Writer<W> {
        Writer { output, delimiter }
    }

    /// Writes a record. A field that is none is left empty.
    pub(in crate::cli) fn record<'f>(
        &mut self,
        fields: impl IntoIterator<Item = Option<&'f str>>,
    ) -> io::Result<()> {
        let mut count = 0;
        let mut only_none = true;
        for field in fields {
            if count > 0 {
                self.output.write_all(&[self.delimiter])?;
            }
            if let Some(text) = field {
                self.field(text)?;
                only_none = false;
            }
            count += 1;
        }
        // A line with nothing on it is no record: where the only field is none, there is no way to say so.
        if count == 1 && only_none {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, ONLY_NULL));
        }
        self.output.write_all(b"\n")
    }

    fn field(&mut self, text: &str) -> io::Result<()> {
        let special = |byte: u8| byte == self.delimiter || matches!(byte, b'"' | b'\n' | b'\r');
        // A byte order mark at the beginning of a file would be taken for one.
        let quoted = text.is_empty() || text.starts_with('\u{feff}') || text.bytes().any(special);
        if !quoted {
            return self.output.write_all(text.as_bytes());
        }
        self.output.write_all(b"\"")?;
        for (i, part) in text.split('"').enumerate() {
            if i > 0 {
                self.output.write_all(b"\"\"")?;
            }
            self.output.write_all(part.as_bytes())?;
        }
        self.output.write_all(b"\"")
    }
}

const ONLY_NULL: &str =
    "a row that is one NULL cannot be written as CSV: export with row ids, or as JSON lines";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Writer;
    use crate::cli::csv::Reader;

    proptest! {
        // What is written is read back, by this reader and by the csv crate; that one takes none for the empty text.
        #[test]
        fn is_read_back(
            rows in prop::collection::vec(prop::collection::vec(prop::option::of("[a\",; \r\nä\u{feff}]{0,4}"), 2), 0..6),
            delimiter in prop::sample::select(vec![b',', b';', b'\t']),
        ) {
            let mut written = Vec::new();
            let mut writer = Writer::new(&mut written, delimiter);
            for row in &rows {
                writer.record(row.iter().map(Option::as_deref)).unwrap();
            }
            let mut reader = Reader::new(written.as_slice(), delimiter);
            let ours = std::iter::from_fn(|| reader.record().unwrap());
            let ours: Vec<Vec<Option<String>>> =
                ours.map(|record| record.fields.into_iter().map(|field| field.text).collect()).collect();
            prop_assert_eq!(&ours, &rows);
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .delimiter(delimiter)
                .from_reader(written.as_slice());
            for (record, row) in reader.records().zip(&rows) {
                let texts: Vec<String> = row.iter().map(|field| field.clone().unwrap_or_default()).collect();
                let record = record.unwrap();
                prop_assert_eq!(record.iter().collect::<Vec<_>>(), texts);
            }
        }
    }
}
