//! Small sources with one fault each, and sources that only look faulty: a check that cannot fail is none.

use crate::{Report, check_source, lexer};

/// What the checker says of `body` below an opening line, without the path.
fn faults(path: &str, body: &str) -> Vec<String> {
    let mut report = Report::default();
    check_source(path, &format!("//! A file.\n{body}"), &mut report);
    let strip = |fault: &String| fault.strip_prefix(path).unwrap_or(fault).to_owned();
    report.faults.iter().map(strip).collect()
}

fn assert_fault(path: &str, body: &str, expected: &str) {
    assert_eq!(faults(path, body), [expected], "for {path}:\n{body}");
}

fn assert_clean(path: &str, body: &str) {
    assert_eq!(faults(path, body), Vec::<String>::new(), "for {path}:\n{body}");
}

const UPWARD: &str = ":2: `merge` may not use `store`, which comes later in the order of layers";

#[test]
fn an_upward_path_is_found_however_it_is_written() {
    for body in [
        "use crate::store::Rows;",
        "pub use crate::store;",
        "use crate::store as bytes;",
        "use crate::store::*;",
        "use crate::{row::{Row, Unit}, store::Rows};",
        "use crate::{row::Row as Record, store::Rows as R};",
        "use {crate::row::Row, crate::store::Rows};",
        "fn open() { crate::store::open::<u8>(1) }",
        "fn open(rows: &crate::store::Rows<'_>) {}",
        "macro_rules! open { () => { $crate::store::open() }; }",
        "use super::store::Rows;",
        "use self::super::store::Rows;",
        "mod inner { use super::super::store::Rows; }",
        "mod inner { fn a() { { } } } use super::store::Rows;",
        "use crate::r#store::Rows;",
    ] {
        assert_fault("src/merge.rs", body, UPWARD);
        assert_fault("src/merge/mod.rs", body, UPWARD);
    }
    assert_fault("src/merge/join.rs", "use super::super::store::Rows;", UPWARD);
    assert_fault("src/merge/join.rs", "use super::{Joined, super::{store::Rows, row::Row}};", UPWARD);
    assert_fault("src/merge/join/unit.rs", "mod t { use super::super::super::super::store; }", UPWARD);
}

#[test]
fn two_upward_paths_are_two_faults_each_at_its_line() {
    assert_eq!(
        faults(
            "src/ids.rs",
            "use crate::{\n    value::Value,\n    row::Row,\n};\nfn a() {\n    crate::db::open();\n}"
        ),
        [
            ":2: `ids` may not use `value`, which comes later in the order of layers",
            ":2: `ids` may not use `row`, which comes later in the order of layers",
            ":7: `ids` may not use `db`, which comes later in the order of layers",
        ]
    );
}

#[test]
fn downward_paths_and_look_alikes_are_clean() {
    assert_clean("src/merge.rs", "use crate::{error::Error, row::{self, Row}, merge::join};");
    assert_clean("src/merge/join.rs", "use super::{self as merge, Joined}; use super::super::row::Row;");
    assert_clean("src/merge/join.rs", "mod tests { use super::*; use super::super::*; }");
    assert_clean("src/merge.rs", "pub(crate) fn a(&self, b: &Self) -> u8 { self.store(b) as u8 }");
    assert_clean(
        "src/merge.rs",
        "// use crate::store::Rows;\n/* /* */ use crate::store; */\n/// crate::db::Database",
    );
    assert_clean(
        "src/merge.rs",
        r###"const A: &str = "use crate::store;"; const B: &str = r#"a" crate::db::x "#;"###,
    );
    assert_clean(
        "src/merge.rs",
        "fn a<'store>(c: char) -> bool { c == '\"' || c == '\\'' || c == b'\"' as char }",
    );
    assert_clean("src/merge.rs", "use std::{self, store::x}; use other::store::Rows;");
    assert_clean("src/bin/reunite.rs", "use crate::anything::At::All; fn main() {}");
    assert_clean("tests/sync.rs", "use crate::anything::at::all;");
}

#[test]
fn the_crate_root_is_no_way_around_the_layers() {
    let through = |name: &str| {
        format!(":2: `crate::{name}` goes through the crate's root: name the module it lives in")
    };
    assert_fault("src/merge.rs", "use crate::Database;", &through("Database"));
    assert_fault("src/merge.rs", "use crate::{row::Row, Database};", &through("Database"));
    assert_fault("src/merge.rs", "fn a(row: super::Row) {}", &through("Row"));
    let root = ":2: imports the crate's root: name the module";
    assert_fault("src/merge.rs", "use crate::*;", root);
    assert_fault("src/merge.rs", "use super::*;", root);
    assert_fault("src/merge.rs", "use crate as reunite;", root);
    assert_fault("src/merge.rs", "use crate::{self as reunite};", root);
    assert_fault("src/merge/join.rs", "use super::super as reunite;", root);
    assert_fault("src/merge.rs", "use super::super::x;", ":2: `super` leads out of the crate");
    assert_fault("src/merge.rs", "use crate::util::x;", ":2: `util` is not one of the layers");
    assert_fault(
        "src/merge.rs",
        "#[path = \"../store/x.rs\"] mod x;",
        ":2: `#[path]` hides where a module belongs",
    );
    assert_fault("src/merge.rs", "include!(\"x\");", ":2: `include!` hides where code belongs");
    assert_fault(
        "src/merge.rs",
        "extern crate self as reunite;",
        ":2: `extern crate self` is a second name for the crate",
    );
}

#[test]
fn what_a_module_does_without_is_missed_if_it_comes() {
    for (path, body, fault) in [
        ("src/merge.rs", "use crate::schema::Table;", "`merge` does without `schema`"),
        ("src/storage/redb.rs", "fn a(row: crate::ids::RowId) {}", "`storage` does without `ids`"),
        ("src/sync/session.rs", "use crate::store::Snapshot;", "`sync` does without `store`"),
    ] {
        assert_fault(path, body, &format!(":2: {fault}: see docs/ARCHITECTURE.md"));
    }
    assert_clean("src/sync/session.rs", "use crate::version::Knowledge;");
    assert_clean("src/derive/rank.rs", "use crate::schema::Table;");
}

#[test]
fn an_unknown_module_or_a_wrong_order_of_declarations_is_found() {
    let unknown = "`util` is not one of the layers: place it in tests/tidy/layers.rs";
    assert_fault("src/util.rs", "", &format!(":1: {unknown}"));
    assert_fault("src/util/x.rs", "", &format!(":1: {unknown}"));
    assert_fault("src/lib.rs", "pub mod error;\nmod util;", &format!(":3: {unknown}"));
    assert_fault(
        "src/lib.rs",
        "pub mod error;\npub mod store;\npub mod codec;",
        ":4: `codec` is declared below a module that may use it",
    );
    assert_clean("src/lib.rs", "pub mod error;\npub mod codec;\npub use store::Rows;");
}

#[test]
fn an_opening_line_is_asked_for() {
    for source in ["", "//!\n//! Late.\n", "// A comment.\n", "\n//! Late.\n", "use std::fmt;\n"] {
        let mut report = Report::default();
        check_source("src/row.rs", source, &mut report);
        let expected = ["src/row.rs:1: does not open with a `//!` line that says what the file is for"];
        assert_eq!(report.faults, expected, "for {source:?}");
    }
}

#[test]
fn the_length_of_a_file_is_bounded() {
    assert_clean("src/row.rs", &"\n".repeat(599));
    assert_fault("src/row.rs", &"\n".repeat(600), ":1: 601 lines: split it, the limit is 600");
}

#[test]
fn the_length_of_a_function_is_bounded() {
    let function = |head: &str, lines: usize| format!("{head} {{{}}}", "\n".repeat(lines - 1));
    assert_clean("src/row.rs", &function("fn long()", 80));
    let too_long = ":2: `long` has 81 lines: split it, the limit is 80";
    assert_fault("src/row.rs", &function("fn long()", 81), too_long);
    assert_fault("tests/sync.rs", &function("fn long()", 81), too_long);
    assert_fault("src/row.rs", &function("pub async fn long(a: [u8; { 1 }]) -> [u8; 2]", 81), too_long);
    assert_fault(
        "src/row.rs",
        &function("impl A { fn long() { let b = \"}\"; } } mod c { fn long()", 81),
        too_long,
    );
    assert_fault(
        "src/row.rs",
        &function("macro_rules! m { () => { fn $name()", 81),
        ":2: `$name` has 81 lines: split it, the limit is 80",
    );
    // Without a body there is nothing to measure, and a function pointer is not a function.
    assert_clean("src/row.rs", &format!("trait A {{ fn a(); {} }}", "\n".repeat(90)));
    assert_clean("src/row.rs", &format!("const A: fn() = b; {}", "\n".repeat(90)));
}

#[test]
fn leftovers_are_found_in_code_and_comments_not_in_strings() {
    let unfinished = |word: &str| format!(":2: `{word}`: finish it or leave it out");
    for word in ["TODO", "FIXME"] {
        assert_fault("src/row.rs", &format!("// {word}: later"), &unfinished(word));
        assert_fault("src/row.rs", &format!("/* a ({word}) */"), &unfinished(word));
        assert_clean("src/row.rs", &format!("const A: &str = \"{word}\"; const NOT_{word}: u8 = 1;"));
    }
    for name in ["todo", "dbg"] {
        let expected = format!(":2: `{name}!` must not stay behind");
        assert_fault("src/row.rs", &format!("fn a() {{ {name}!(1) }}"), &expected);
        assert_clean("src/row.rs", &format!("fn a() {{ my_{name}!(1); {name}(1) }}"));
    }
}

#[test]
fn the_lexer_keeps_every_character_in_its_place() {
    let source = "a /* b\n/* c */ */ 'd' \"e\\\"\nf\" r##\"g\"#\nh\"## 'i: 'j' br\"k\" '\\u{1F}' l // m\nn";
    let lexed = lexer::lex(source);
    let words: Vec<_> = lexed.tokens.iter().map(|token| (token.text.as_str(), token.line)).collect();
    assert_eq!(words, [("a", 1), (":", 4), ("l", 4), ("n", 5)]);
    let shape = |text: &str| text.split('\n').map(|line| line.chars().count()).collect::<Vec<_>>();
    assert_eq!(shape(&lexed.code), shape(source));
    assert_eq!(shape(&lexed.comments), shape(source));
    assert_eq!(
        lexed.comments.split_whitespace().collect::<Vec<_>>(),
        ["/*", "b", "/*", "c", "*/", "*/", "//", "m"]
    );
}
