//! Tables of text for people. Values are shortened and control characters shown, since what a cell
//! shows may come from a stranger's replica: exact values are what `--json` is for.

use std::fmt;

use comfy_table::{ContentArrangement, LineStyle, Row, Table, TableStyle};

use crate::value::Value;

/// A table of text: columns padded, a line under the header, nothing else.
pub(super) struct Grid {
    table: Table,
}

impl Grid {
    pub(super) fn new(header: impl IntoIterator<Item = impl Into<String>>) -> Grid {
        let mut table = Table::new();
        let separator = LineStyle::none().fill('─').junction('─');
        table.load_style(TableStyle::new().header_separator(separator));
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(Row::from(header.into_iter().map(Into::into).collect::<Vec<String>>()));
        Grid { table }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.table.add_row(Row::from(cells.into_iter().map(Into::into).collect::<Vec<String>>()));
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.table.lines() {
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A value in one line of at most `width` characters.
pub(super) fn cell(value: &Value, width: usize) -> String {
    shorten(&plain(value), width)
}

/// A value in one line, whole.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) if text.is_empty() => "\"\"".to_string(),
        Value::Text(text) => visible(text),
        other => other.to_string(),
    }
}

/// A text without its control characters: a terminal obeys some of them.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            // Bidirectional controls reorder what stands around them.
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => shown.extend(letter.escape_unicode()),
            letter if letter.is_control() => shown.extend(letter.escape_default()),
            letter => shown.push(letter),
        }
    }
    shown
}

/// At most `width` characters; what is cut is marked.
pub(super) fn shorten(text: &str, width: usize) -> String {
    if text.chars().nth(width).is_none() {
        return text.to_string();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_one_short_harmless_line() {
        assert_eq!(cell(&Value::from("a\n\u{1b}[31mb"), 40), "a\\n\\u{1b}[31mb");
        assert_eq!(cell(&Value::from("Åsa Åberg"), 5), "Åsa…");
        assert_eq!(cell(&Value::from("Åsa Å"), 5), "Åsa Å");
        assert_eq!((cell(&Value::Null, 9), cell(&Value::from(""), 9)), ("NULL".into(), "\"\"".into()));
    }

    #[test]
    fn columns_are_aligned_without_trailing_blanks() {
        let mut grid = Grid::new(["code", "name"]);
        grid.row(["A", "x"]);
        grid.row(["ABERG", ""]);
        assert_eq!(grid.to_string(), " code    name\n──────────────\n A       x\n ABERG\n");
    }
}
