//! Text that is no SQL never panics, and every error stands inside of the text.

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::arbitrary;
use crate::schema::{DdlError, MAX_STATEMENT_BYTES, Schema};

/// Reads the text; an error must have a position in it, or directly behind it.
fn read(sql: &str) -> Result<Schema, DdlError> {
    let result = Schema::from_sql(sql);
    if let Err(error) = &result {
        let lines: Vec<&str> = sql.split('\n').collect();
        let line = usize::try_from(error.line).unwrap().checked_sub(1).and_then(|at| lines.get(at));
        let line = line.unwrap_or_else(|| panic!("no such line: {error}"));
        let column = usize::try_from(error.column).unwrap();
        assert!((1..=line.chars().count() + 1).contains(&column), "no such column: {error}\n{sql}");
    }
    result
}

const WORDS: [&str; 61] = [
    "CREATE",
    "TABLE",
    "INDEX",
    "UNIQUE",
    "t",
    "u",
    "a",
    "b",
    "(",
    "(",
    ")",
    ")",
    ",",
    ",",
    ";",
    "INTEGER",
    "TEXT",
    "UUID",
    "NOT",
    "NULL",
    "DEFAULT",
    "PRIMARY",
    "KEY",
    "FOREIGN",
    "REFERENCES",
    "ON",
    "DELETE",
    "UPDATE",
    "CASCADE",
    "SET",
    "CHECK",
    "CONSTRAINT",
    "COLLATE",
    "NOCASE",
    "WITH",
    "tracking",
    "units",
    "match_key",
    "merge_duplicates",
    "=",
    "'row'",
    "'(a, b)'",
    "'",
    "\"",
    "[",
    "x'0a'",
    "x'0'",
    "0x10",
    "1e999",
    "-",
    "+",
    "5",
    "9999999999999999999",
    "AND",
    "OR",
    "IS",
    "IN",
    "BETWEEN",
    "LIKE",
    "/*",
    "é\n",
];

proptest! {
    #![proptest_config(Config { cases: 4000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn random_characters(text in "\\PC{0,60}") {
        let _ = read(&format!("CREATE TABLE t (a INTEGER CHECK ({text}))"));
        let _ = read(&text);
    }

    #[test]
    fn random_words(words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..40)) {
        let _ = read(&words.join(" "));
        let _ = read(&format!("CREATE TABLE t (a INTEGER, {}", words.join(" ")));
        let _ = read(&format!("CREATE TABLE t (a INTEGER, b TEXT, CHECK ({}", words.join(" ")));
    }
}

proptest! {
    #![proptest_config(Config { cases: 500, failure_persistence: None, ..Config::default() })]

    #[test]
    fn valid_text_with_something_changed(
        builder in arbitrary::builders(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, prop::sample::select(WORDS.to_vec())), 1..5),
    ) {
        let Ok(schema) = builder.build() else { return Ok(()) };
        let mut text: Vec<char> = schema.to_sql().chars().collect();
        for (place, change, word) in changes {
            if text.is_empty() {
                break;
            }
            let at = place.index(text.len());
            match change {
                0 => { text.remove(at); }
                1 => { text.splice(at..at, word.chars()); }
                2 => text.truncate(at),
                _ => { let end = (at + 9).min(text.len()); text.splice(at..end, word.chars()); }
            }
        }
        // What is still valid must round-trip.
        if let Ok(schema) = read(&text.into_iter().collect::<String>()) {
            prop_assert_eq!(Schema::from_sql(&schema.to_sql()).unwrap(), schema);
        }
    }
}

#[test]
fn depth_is_bounded() {
    // Half of the stack that a thread has by default: enough without optimization, too.
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(deep_rules).unwrap();
    thread.join().unwrap();
}

fn deep_rules() {
    let check = |rule: String| read(&format!("CREATE TABLE t (a INTEGER, CHECK ({rule}))"));
    let message = |rule: String| check(rule).unwrap_err().message;
    let deep =
        |depth: usize, open: &str, close: &str| format!("{}a = 1{}", open.repeat(depth), close.repeat(depth));
    assert!(check(deep(100, "(", ")")).is_ok());
    assert!(check(deep(99, "NOT (", ")")).is_ok());
    assert!(message(deep(5000, "(", ")")).contains("nest more than 100 deep"));
    assert!(message(deep(10_000, "NOT ", "")).contains("more than 100 operators"));
    assert!(message(deep(10_000, "+", "")).contains("nest more than 100 deep"));
    assert!(message(deep(10_000, "- ", "")).contains("more than 100 operators"));
    assert!(message(deep(5000, "length(", ")")).contains("more than 100 operators"));
    assert!(message(deep(5000, "1 IN (", ")")).contains("more than 100 operators"));
    assert!(message(format!("a IN ({}1{})", "(".repeat(5000), ")".repeat(5000))).contains("100 deep"));
    assert!(check(format!("a = 0{}", " OR a = 1".repeat(49))).is_ok(), "99 operators");
    assert!(message(format!("a = 0{}", " OR a = 1".repeat(50))).contains("more than 100 operators"));
}

#[test]
fn a_statement_has_at_most_64_kibibytes_and_a_text_many() {
    let table = |size: usize| format!("CREATE TABLE t (a TEXT DEFAULT '{}')", "x".repeat(size));
    let room = MAX_STATEMENT_BYTES - table(0).len();
    let two = format!("CREATE TABLE u (a TEXT);\n{}; ", table(room));
    // It can be read, but its canonical form is longer by line ends.
    let message = read(&two).unwrap_err().message;
    assert!(message.starts_with("the statement CREATE TABLE t has 655"), "{message}");
    assert!(read(&table(room - 10)).is_ok());
    let error = read(&format!("CREATE TABLE u (a TEXT);\n{}; ", table(room + 1))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2, column 1: the statement is longer than 65536 bytes: make it shorter"
    );
    let many: String = (0..1000)
        .map(|at| format!("CREATE TABLE table_number_{at} (a TEXT, b TEXT, c TEXT, d TEXT, e TEXT);\n"))
        .collect();
    assert!(many.len() > MAX_STATEMENT_BYTES && read(&many).is_ok());
}
