//! Where a command's answer goes, and in which form.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value as Json;

use super::grid::Grid;

/// The answer of a command.
pub(super) struct Output<'a> {
    out: &'a mut dyn Write,
    json: bool,
    progress: bool,
}

impl<'a> Output<'a> {
    pub(super) fn new(out: &'a mut dyn Write, json: bool, progress: bool) -> Output<'a> {
        Output { out, json, progress }
    }

    /// Whether the answer is JSON.
    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// For what writes by itself.
    pub(super) fn writer(&mut self) -> &mut dyn Write {
        self.out
    }

    /// A line of text.
    pub(super) fn line(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.out, "{}", text.as_ref())
    }

    /// A JSON value on a line of its own.
    pub(super) fn object(&mut self, object: &Json) -> io::Result<()> {
        writeln!(self.out, "{object}")
    }

    /// A table.
    pub(super) fn grid(&mut self, grid: &Grid) -> io::Result<()> {
        write!(self.out, "{grid}")
    }

    /// One of both, as the user wants it.
    pub(super) fn either(&mut self, object: Json, text: impl AsRef<str>) -> io::Result<()> {
        if self.json { self.object(&object) } else { self.line(text) }
    }

    /// A bar on the terminal for something of `length` bytes; a running count if that is not known.
    /// Nothing is drawn where nobody watches.
    pub(super) fn progress(&self, length: Option<u64>, what: &str) -> ProgressBar {
        if !self.progress {
            return ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden());
        }
        let template = match length {
            Some(_) => "{msg} [{bar:30}] {bytes} of {total_bytes}, {eta} left",
            None => "{msg} {spinner} {bytes} in {elapsed}",
        };
        // The templates are constants: one that does not parse leaves the plain style.
        let style = ProgressStyle::with_template(template).map(|style| style.progress_chars("=> "));
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what.to_string());
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// A number with its noun: `1 row`, `2 rows`.
pub(super) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
