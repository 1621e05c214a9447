//! The shape of a file: its opening line, its length, the length of its functions, and no leftovers.
//!
//! Lengths are counted in lines of source, comments and tests included: what has to be read counts.

use crate::Report;
use crate::lexer::{Lexed, Token};

/// Longest file, in lines. About 200 is usual; 400 is a sign to split.
const FILE_LINES: usize = 600;
/// Longest function, in lines, from `fn` to its closing brace.
const FUNCTION_LINES: usize = 80;
/// Words that say the work is not finished.
const UNFINISHED: [&str; 2] = ["TODO", "FIXME"];
/// Macros that must not stay behind.
const LEFTOVER_MACROS: [&str; 2] = ["todo", "dbg"];

/// Checks one file.
pub fn check(path: &str, source: &str, lexed: &Lexed, report: &mut Report) {
    let opening = source.lines().next().and_then(|line| line.strip_prefix("//!"));
    if opening.is_none_or(|text| text.trim().is_empty()) {
        report.fault(path, 1, "does not open with a `//!` line that says what the file is for");
    }
    let lines = source.lines().count();
    if lines > FILE_LINES {
        report.fault(path, 1, &format!("{lines} lines: split it, the limit is {FILE_LINES}"));
    }
    check_functions(path, &lexed.tokens, report);
    check_leftovers(path, lexed, report);
}

fn check_functions(path: &str, tokens: &[Token], report: &mut Report) {
    for (at, token) in tokens.iter().enumerate() {
        let name = match tokens.get(at + 1) {
            Some(next) if token.text == "fn" && next.is_word() => next.text.clone(),
            // A function made by a macro: `fn $name`.
            Some(next) if token.text == "fn" && next.text == "$" => {
                format!("${}", tokens.get(at + 2).map_or("", |name| name.text.as_str()))
            }
            _ => continue,
        };
        report.functions += 1;
        let Some(last) = body_end(tokens.get(at..).unwrap_or_default()) else { continue };
        let lines = last - token.line + 1;
        if lines > FUNCTION_LINES {
            let message = format!("`{name}` has {lines} lines: split it, the limit is {FUNCTION_LINES}");
            report.fault(path, token.line, &message);
        }
    }
}

/// The line of the closing brace of the function that `tokens` begin with, if it has a body.
fn body_end(tokens: &[Token]) -> Option<usize> {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for token in tokens {
        match token.text.as_str() {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets = brackets.saturating_sub(1),
            ";" if braces == 0 && brackets == 0 => return None,
            "{" if braces > 0 || brackets == 0 => braces += 1,
            "}" if braces == 1 => return Some(token.line),
            "}" => braces = braces.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn check_leftovers(path: &str, lexed: &Lexed, report: &mut Report) {
    for (index, (code, comment)) in lexed.code.lines().zip(lexed.comments.lines()).enumerate() {
        for word in UNFINISHED {
            if has_word(code, word) || has_word(comment, word) {
                report.fault(path, index + 1, &format!("`{word}`: finish it or leave it out"));
            }
        }
        for name in LEFTOVER_MACROS {
            let call = format!("{name}!");
            if has_word(code, &call) || has_word(comment, &call) {
                report.fault(path, index + 1, &format!("`{call}` must not stay behind"));
            }
        }
    }
}

/// Whether `word` stands in `text` and is not part of a longer word.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|tail| tail.chars().next());
        !before.is_some_and(part) && (word.ends_with('!') || !after.is_some_and(part))
    })
}
