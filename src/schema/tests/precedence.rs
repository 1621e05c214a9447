//! Operators bind as in SQLite: text without parentheses means there what our tree of it, printed with
//! parentheses, means there.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::schema::ddl::{Cursor, DdlError, expression};

const OPERATORS: [&str; 24] = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "||",
    "=",
    "==",
    "<>",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "AND",
    "OR",
    "LIKE",
    "NOT LIKE",
    "IS NULL +",
    "ISNULL =",
    "NOT NULL AND",
    "IN (1, 2) =",
    "NOT IN (1) AND",
    "BETWEEN 1 AND",
];

fn flat() -> impl Strategy<Value = String> {
    let prefix = select(vec!["", "", "", "", "- ", "NOT ", "+ "]);
    let constant = select(vec!["0", "1", "2", "3", "NULL", "-1", "'1'", "length('ab')"]);
    let part = (select(OPERATORS.to_vec()), prefix.clone(), constant.clone());
    (prefix, constant, prop::collection::vec(part, 1..7)).prop_map(|(prefix, constant, parts)| {
        parts.into_iter().fold(format!("{prefix}{constant}"), |text, (operator, prefix, constant)| {
            format!("{text} {operator} {prefix}{constant}")
        })
    })
}

#[test]
fn operators_bind_as_in_sqlite() {
    let sqlite = Connection::open_in_memory().unwrap();
    let evaluate = |sql: &str| {
        let result = sqlite.query_row(&format!("SELECT {sql}"), [], |row| row.get::<_, Value>(0));
        result.map_err(|error| TestCaseError::fail(format!("{error}: {sql}")))
    };
    let (compared, refused) = (Cell::new(0_u32), Cell::new(0_u32));
    TestRunner::new(Config { cases: 20_000, failure_persistence: None, ..Config::default() })
        .run(&flat(), |text| {
            let mut cursor = Cursor::new(&text).unwrap();
            let no_column = |name: &_| Err(DdlError::new(Default::default(), format!("{name:?}")));
            let tree = match expression(&mut cursor, &no_column) {
                Ok(tree) if cursor.peek().is_none() => tree,
                _ => {
                    refused.set(refused.get() + 1);
                    return Ok(());
                }
            };
            compared.set(compared.get() + 1);
            let printed = tree.to_sql(&|_| String::new());
            prop_assert_eq!(evaluate(&text)?, evaluate(&printed)?, "{} read as {}", text, printed);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(compared.get() > 10_000, "{} compared, {} refused", compared.get(), refused.get());
}

#[test]
fn the_pairs_that_other_parsers_read_otherwise() {
    for (text, expected) in [
        ("2 * 3 || 4", "2 * (3 || 4)"),
        ("1 = 2 < 3", "1 = (2 < 3)"),
        ("'a' LIKE 'a' = 1", "('a' LIKE 'a') = 1"),
        ("NOT 1 = 2 AND 3", "NOT (1 = 2) AND 3"),
        ("- 'a' || 'b'", "(-'a') || 'b'"),
        ("1 - -2", "1 - -2"),
        ("1 BETWEEN 0 AND 2 = 1", "(1 BETWEEN 0 AND 2) = 1"),
    ] {
        let mut cursor = Cursor::new(text).unwrap();
        let no_column = |name: &_| Err(DdlError::new(Default::default(), format!("{name:?}")));
        assert_eq!(expression(&mut cursor, &no_column).unwrap().to_sql(&|_| String::new()), expected);
    }
}
