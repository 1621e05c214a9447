//! SQL text as tokens with positions, and a cursor over them. `sqlparser` finds the tokens.
//!
//! The grammar itself is in this directory, not in `sqlparser`: that one gives few positions, ranks
//! `||` and the comparisons otherwise than SQLite (`a * b || c`, `a = b < c`), and reads much of other
//! databases that would have to be found and refused.

use sqlparser::dialect::SQLiteDialect;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::DdlError;
use super::words::is_reserved;
use crate::schema::builder::{Name, Position};
use crate::schema::limits::{MAX_SCHEMA_BYTES, MAX_STATEMENT_BYTES};

/// The tokens of a text, without spaces and comments, and the next one to read.
pub(in crate::schema) struct Cursor {
    tokens: Vec<TokenWithSpan>,
    next: usize,
    end: Position,
}

impl Cursor {
    /// Finds the tokens.
    pub fn new(sql: &str) -> Result<Cursor, DdlError> {
        if sql.len() > MAX_SCHEMA_BYTES {
            let message = format!("the text has {} bytes, at most {MAX_SCHEMA_BYTES} are allowed", sql.len());
            return Err(DdlError::new(Position { line: 1, column: 1 }, message));
        }
        let end = end_of(sql);
        let mut tokens = Tokenizer::new(&SQLiteDialect {}, sql)
            .tokenize_with_location()
            .map_err(|error| DdlError::new(position(error.location).min(end), lower_first(&error.message)))?;
        tokens.retain(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF));
        check_source(sql, &tokens)?;
        Ok(Cursor { tokens, next: 0, end })
    }

    pub fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|token| &token.token)
    }

    /// The token after the next one.
    pub fn peek_second(&self) -> Option<&Token> {
        self.tokens.get(self.next + 1).map(|token| &token.token)
    }

    /// Where the next token stands.
    pub fn at(&self) -> Position {
        self.tokens.get(self.next).map_or(self.end, |token| position(token.span.start).min(self.end))
    }

    /// Passes the next token.
    pub fn skip(&mut self) {
        self.next += 1;
    }

    /// A place to come back to.
    pub fn mark(&self) -> usize {
        self.next
    }

    pub fn return_to(&mut self, mark: usize) {
        self.next = mark;
    }

    /// Passes the next token if it is this one.
    pub fn eat(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    pub fn expect(&mut self, token: &Token, expected: &str) -> Result<(), DdlError> {
        if self.eat(token) { Ok(()) } else { Err(self.expected(expected)) }
    }

    /// The next token if it is an unquoted word.
    pub fn peek_word(&self) -> Option<&str> {
        self.peek().and_then(unquoted)
    }

    /// Whether the next tokens are these words.
    pub fn peek_words(&self, words: &[&str]) -> bool {
        let tokens = self.tokens.iter().skip(self.next).map(|token| unquoted(&token.token));
        let mut found = words.iter().zip(tokens.chain(std::iter::repeat(None)));
        found.all(|(word, token)| token.is_some_and(|token| token.eq_ignore_ascii_case(word)))
    }

    /// Passes these words if they are next.
    pub fn eat_words(&mut self, words: &[&str]) -> bool {
        let found = self.peek_words(words);
        self.next += if found { words.len() } else { 0 };
        found
    }

    pub fn expect_words(&mut self, words: &[&str]) -> Result<(), DdlError> {
        words.iter().try_for_each(
            |word| {
                if self.eat_words(&[word]) { Ok(()) } else { Err(self.expected(word)) }
            },
        )
    }

    /// Passes a name; `what` it names is for the message.
    pub fn name(&mut self, what: &str) -> Result<Name, DdlError> {
        let at = self.at();
        let Some(Token::Word(word)) = self.peek() else { return Err(self.expected(what)) };
        if word.quote_style.is_none() && is_reserved(&word.value) {
            let message = format!("expected {what}, found the keyword {0}: quote it, as \"{0}\"", word.value);
            return Err(DdlError::new(at, message));
        }
        let text = word.value.clone();
        self.skip();
        Ok(Name { text, at })
    }

    /// Passes a list of names in parentheses.
    pub fn names(&mut self, what: &str) -> Result<Vec<Name>, DdlError> {
        self.expect(&Token::LParen, "(")?;
        let mut names = vec![self.name(what)?];
        while self.eat(&Token::Comma) {
            names.push(self.name(what)?);
        }
        self.expect(&Token::RParen, ", or )")?;
        Ok(names)
    }

    /// The error that something else than the next token was expected.
    pub fn expected(&self, expected: &str) -> DdlError {
        DdlError::new(self.at(), format!("expected {expected}, found {}", self.found()))
    }

    /// The next token as it stands in a message.
    pub fn found(&self) -> String {
        const SHOWN: usize = 40;
        let Some(token) = self.peek() else { return "the end".to_owned() };
        let text = token.to_string();
        let mut shown: String = text.chars().take(SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        shown
    }
}

fn unquoted(token: &Token) -> Option<&str> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(&word.value),
        _ => None,
    }
}

fn position(location: Location) -> Position {
    Position { line: location.line.max(1), column: location.column.max(1) }
}

/// The place behind the last character.
fn end_of(sql: &str) -> Position {
    let last = sql.rsplit('\n').next().unwrap_or_default();
    Position { line: 1 + count(sql.matches('\n')), column: 1 + count(last.chars()) }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    items.fold(0, |count, _| count + 1)
}

fn lower_first(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Refuses a statement that is too long, before anything is made of it, and a number that was taken for
/// a BLOB.
fn check_source(sql: &str, tokens: &[TokenWithSpan]) -> Result<(), DdlError> {
    let mut walk = Walk { rest: sql, at: Position { line: 1, column: 1 } };
    let mut start: Option<(Position, usize)> = None;
    for token in tokens {
        if token.token == Token::SemiColon {
            start = None;
            continue;
        }
        let at = position(token.span.start);
        let begin = sql.len() - walk.to(at);
        if matches!(token.token, Token::HexStringLiteral(_)) && walk.rest.starts_with('0') {
            return Err(DdlError::new(at, "write the number in decimal; a BLOB is written x'…'"));
        }
        let end = sql.len() - walk.to(position(token.span.end));
        let (first, offset) = *start.get_or_insert((at, begin));
        if end - offset > MAX_STATEMENT_BYTES {
            let message =
                format!("the statement is longer than {MAX_STATEMENT_BYTES} bytes: make it shorter");
            return Err(DdlError::new(first, message));
        }
    }
    Ok(())
}

/// A walk through a text by lines and columns.
struct Walk<'a> {
    rest: &'a str,
    at: Position,
}

impl Walk<'_> {
    /// Walks on to a place. How many bytes are left behind it.
    fn to(&mut self, target: Position) -> usize {
        let mut letters = self.rest.chars();
        while self.at < target {
            match letters.next() {
                Some('\n') => self.at = Position { line: self.at.line + 1, column: 1 },
                Some(_) => self.at.column += 1,
                None => break,
            }
        }
        self.rest = letters.as_str();
        self.rest.len()
    }
}
