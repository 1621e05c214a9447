//! What every script begins with: its replicas and their schema.

use std::fs;

use super::Parser;
use crate::schema::{DdlError, Schema};
use crate::script::ScriptError;
use crate::script::command::ReplicaLine;
use crate::script::words::{Words, is_name};

impl<'a> Parser<'a> {
    /// `replicas a b c [priority a=90 b=50]`
    pub(super) fn replicas(&mut self, mut words: Words<'a>) -> Result<(), String> {
        if !self.script.replicas.is_empty() {
            return Err("the replicas are named already: a script has one `replicas` line".to_owned());
        }
        loop {
            let name = words.name("a replica")?;
            if name == "all" {
                return Err("no replica can be called `all`: `sync all` means all of them".to_owned());
            }
            if self.names.insert(name, self.script.replicas.len()).is_some() {
                return Err(format!("replica `{name}` is named twice"));
            }
            self.script.replicas.push(ReplicaLine { name: name.to_owned(), priority: None });
            if words.is_empty() {
                return Ok(());
            }
            if words.skip("priority") {
                return self.priorities(words);
            }
        }
    }

    fn priorities(&mut self, mut words: Words<'a>) -> Result<(), String> {
        loop {
            let word = words.word("a priority like `a=90`")?;
            let (name, priority) = word
                .split_once('=')
                .ok_or_else(|| format!("`{word}` is not a priority: write it like `a=90`"))?;
            let replica = self.replica_named(name)?;
            let priority = priority.parse().ok().filter(|priority| *priority <= 100);
            let priority =
                priority.ok_or_else(|| format!("`{word}`: a priority is a number from 0 to 100"))?;
            if let Some(replica) = self.script.replicas.get_mut(replica) {
                replica.priority = Some(priority);
            }
            if words.is_empty() {
                return Ok(());
            }
        }
    }

    /// `schema <<END` or `schema FILE`, at line `number`.
    pub(super) fn schema(&mut self, number: usize, words: Words<'a>) -> Result<(), ScriptError> {
        let fault = |message| ScriptError { line: number, message };
        if self.script.replicas.is_empty() {
            return Err(fault("name the replicas before their schema, as in `replicas a b`".to_owned()));
        }
        if self.script.schema.is_some() {
            return Err(fault("there is a schema already: change it with `a: alter <<END`".to_owned()));
        }
        let schema = match words.rest().strip_prefix("<<") {
            Some(marker) => {
                let text = self.here_document(marker.trim()).map_err(fault)?;
                Schema::from_sql(&text).map_err(|error| inside(number, &error))
            }
            None => self.schema_file(words).map_err(fault),
        };
        self.script.schema = Some(schema?);
        Ok(())
    }

    fn schema_file(&self, words: Words<'_>) -> Result<Schema, String> {
        if words.is_empty() {
            return Err("the schema is missing: write `schema <<END`, the tables, and a line `END`; or the name of a \
                        file"
                .to_owned());
        }
        let path = self.options.base_dir.join(words.rest());
        let text =
            fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Schema::from_sql(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The lines up to one that is the marker.
    pub(super) fn here_document(&mut self, marker: &str) -> Result<String, String> {
        if !is_name(marker) {
            return Err("`<<` is followed by a word, and a line of that word ends the text".to_owned());
        }
        let mut text = String::new();
        while let Some(line) = self.take_line() {
            if line.trim() == marker {
                return Ok(text);
            }
            text.push_str(line);
            text.push('\n');
        }
        Err(format!("the text has no end: a line `{marker}` is missing"))
    }
}

/// An error of SQL text that begins below the line `number`, at its own line of the script.
fn inside(number: usize, error: &DdlError) -> ScriptError {
    let line = number.saturating_add(usize::try_from(error.line).unwrap_or(usize::MAX));
    ScriptError { line, message: format!("column {}: {}", error.column, error.message) }
}
