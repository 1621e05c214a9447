//! The words of one line, taken from the front: names, numbers, JSON objects.
//!
//! Errors are messages without a line number; `parse` adds it.

use std::str::FromStr;

use super::objects::Object;

/// What is left of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn new(line: &'a str) -> Words<'a> {
        Words { rest: line.trim() }
    }

    /// The next word, if there is one before the end or a `#`.
    pub(super) fn next(&mut self) -> Option<&'a str> {
        if self.is_empty() {
            return None;
        }
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        Some(word)
    }

    /// The next word, without taking it.
    pub(super) fn peek(&self) -> Option<&'a str> {
        Words { rest: self.rest }.next()
    }

    /// Takes the next word if it is this one.
    pub(super) fn skip(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        if found {
            self.next();
        }
        found
    }

    /// Everything that is left.
    pub(super) fn rest(self) -> &'a str {
        self.rest
    }

    /// Whether nothing is left but a comment.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty() || self.rest.starts_with('#')
    }

    /// The next word; `what` is missing if there is none.
    pub(super) fn word(&mut self, what: &str) -> Result<&'a str, String> {
        self.next().ok_or_else(|| format!("{what} is missing"))
    }

    /// A name that the script gives or gave to something.
    pub(super) fn name(&mut self, what: &str) -> Result<&'a str, String> {
        let word = self.word(what)?;
        if is_name(word) {
            return Ok(word);
        }
        Err(format!("`{word}` is no name for {what}: use letters, digits, `_`, `-` and `.`"))
    }

    pub(super) fn number<T: FromStr>(&mut self, what: &str) -> Result<T, String> {
        let word = self.word(what)?;
        word.parse().map_err(|_| format!("`{word}` is not {what}: give a whole number"))
    }

    /// A JSON object. It may contain spaces.
    pub(super) fn object(&mut self, what: &str) -> Result<Object, String> {
        if !self.rest.starts_with('{') {
            let found =
                self.peek().map_or_else(|| "the line ends".to_owned(), |word| format!("found `{word}`"));
            return Err(format!("{what} must be a JSON object like {{\"column\":1}}: {found}"));
        }
        let mut objects = serde_json::Deserializer::from_str(self.rest).into_iter::<Object>();
        let object = match objects.next() {
            Some(Ok(object)) => object,
            Some(Err(error)) => return Err(format!("{what} is no JSON object: {}", without_line(&error))),
            None => return Err(format!("{what} is missing")),
        };
        self.rest = self.rest.get(objects.byte_offset()..).unwrap_or_default().trim_start();
        Ok(object)
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), String> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(format!("`{}` is too much here", self.rest)),
        }
    }
}

/// Whether a word can name a replica, a table or a row.
pub(super) fn is_name(word: &str) -> bool {
    let inside = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    word.starts_with(|first: char| first.is_alphanumeric() || first == '_') && word.chars().all(inside)
}

/// What serde_json says, but for its line, which is always 1.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(text) => format!("{text} (character {} of it)", error.column()),
        None => text,
    }
}
