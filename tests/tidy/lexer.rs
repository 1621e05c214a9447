//! Splits Rust source into code and comments, so that no rule is fooled by a string or a comment.
//!
//! It knows only what is needed for that: raw strings, character literals against lifetimes, nested
//! block comments. It does not check that the source is valid Rust.

/// One file: the same characters at the same places, seen as code and seen as comments.
pub struct Lexed {
    /// Comments, strings, character literals and lifetimes are blanks here.
    pub code: String,
    /// Everything but comments is blank here.
    pub comments: String,
    /// The words and signs of `code`.
    pub tokens: Vec<Token>,
}

/// A word, a number, `::` or a single sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

impl Token {
    /// Whether this is an identifier, a keyword or a number.
    pub fn is_word(&self) -> bool {
        self.text.starts_with(is_word_char)
    }
}

/// What a stretch of the source is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// Lexes one file.
pub fn lex(source: &str) -> Lexed {
    let chars: Vec<char> = source.chars().collect();
    let (mut code, mut comments) = (String::new(), String::new());
    let mut at = 0;
    while at < chars.len() {
        let rest = chars.get(at..).unwrap_or_default();
        let after_word =
            at.checked_sub(1).and_then(|before| chars.get(before)).is_some_and(|c| is_word_char(*c));
        let (kind, length) = stretch(rest, after_word);
        for &c in rest.iter().take(length) {
            let blank = if c == '\n' { '\n' } else { ' ' };
            code.push(if kind == Kind::Code { c } else { blank });
            comments.push(if kind == Kind::Comment { c } else { blank });
        }
        at += length;
    }
    let tokens = tokens(&code);
    Lexed { code, comments, tokens }
}

/// The kind and the length, at least one, of what `rest` begins with.
fn stretch(rest: &[char], after_word: bool) -> (Kind, usize) {
    match rest {
        ['/', '/', ..] => (Kind::Comment, rest.iter().position(|c| *c == '\n').unwrap_or(rest.len())),
        ['/', '*', ..] => (Kind::Comment, block_comment(rest)),
        ['"', ..] => (Kind::Literal, string(rest)),
        ['\'', ..] => (Kind::Literal, quote(rest)),
        _ if !after_word => raw_string(rest).map_or((Kind::Code, 1), |length| (Kind::Literal, length)),
        _ => (Kind::Code, 1),
    }
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match rest.get(at..) {
            Some(['/', '*', ..]) => (depth, at) = (depth + 1, at + 2),
            Some(['*', '/', ..]) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while let Some(&c) = rest.get(at) {
        match c {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A character literal, or a lifetime: `'a'` against `'a`.
fn quote(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', _, tail @ ..] => {
            tail.iter().position(|c| *c == '\'').map_or(rest.len(), |end| 3 + end + 1)
        }
        ['\'', _, '\'', ..] => 3,
        _ => 1 + rest.iter().skip(1).take_while(|c| is_word_char(**c)).count(),
    }
}

/// The length of a raw string (`r"…"`, `br#"…"#`), or nothing if there is none here.
fn raw_string(rest: &[char]) -> Option<usize> {
    let letters = match rest {
        ['b' | 'c', 'r', ..] => 2,
        ['r', ..] => 1,
        _ => return None,
    };
    let hashes = rest.iter().skip(letters).take_while(|c| **c == '#').count();
    let start = letters + hashes;
    if rest.get(start) != Some(&'"') {
        return None;
    }
    let closes = |at: usize| {
        rest.get(at) == Some(&'"') && rest.iter().skip(at + 1).take_while(|c| **c == '#').count() >= hashes
    };
    let end = (start + 1..rest.len()).find(|at| closes(*at));
    Some(end.map_or(rest.len(), |end| end + 1 + hashes))
}

/// The words and signs of code without comments and literals. A raw identifier loses its `r#`.
fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (index, text) in code.lines().enumerate() {
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            rest = rest.strip_prefix("r#").unwrap_or(rest);
            let word: usize = rest.chars().take_while(|c| is_word_char(*c)).map(char::len_utf8).sum();
            let length = match word {
                0 if rest.starts_with("::") => 2,
                0 => rest.chars().next().map_or(rest.len(), char::len_utf8),
                _ => word,
            };
            let (token, tail) = rest.split_at(length);
            tokens.push(Token { text: token.to_owned(), line: index + 1 });
            rest = tail.trim_start();
        }
    }
    tokens
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
