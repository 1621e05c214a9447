//! The evaluator and the printer against SQLite itself: random expressions over random rows, printed as
//! SQL and evaluated there. Left out are only the differences that `mod.rs` names.

use super::{Expression, Fault, arbitrary};
use crate::value::{Collation, Type, Value};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::types::{ToSqlOutput, Value as SqlValue};
use rusqlite::{Connection, ToSql, params_from_iter};
use std::cell::Cell;

/// The columns of the SQLite table below.
const TYPES: [Type; 9] = [
    Type::Integer,
    Type::Integer,
    Type::Real,
    Type::Real,
    Type::Text,
    Type::Text,
    Type::Text,
    Type::Blob,
    Type::Boolean,
];
const COLLATIONS: [Collation; 9] = [
    Collation::Binary,
    Collation::Binary,
    Collation::Binary,
    Collation::Binary,
    Collation::Binary,
    Collation::NoCase,
    Collation::NoCase,
    Collation::Binary,
    Collation::Binary,
];
const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, \
    c0 INTEGER, c1 INTEGER, c2 REAL, c3 REAL, c4 TEXT, \
    c5 TEXT COLLATE NOCASE, c6 TEXT COLLATE NOCASE, c7 BLOB, c8 BOOLEAN)";

/// Expressions, each over four rows.
const EXPRESSIONS: u32 = 30_000;

#[test]
fn expressions_mean_what_they_mean_in_sqlite() {
    let sqlite = Connection::open_in_memory().unwrap();
    sqlite.execute_batch(TABLE).unwrap();
    let (compared, skipped, known) = (Cell::new(0u32), Cell::new(0u32), Cell::new(0u32));
    let expressions: Vec<_> = arbitrary::expressions(&TYPES, false).into_iter().collect();
    // Half of the expressions are conditions.
    let of_any_kind = prop::sample::select(expressions).prop_flat_map(|(_, expressions)| expressions);
    let expression = prop_oneof![arbitrary::conditions(&TYPES, false), of_any_kind];
    let cases = (expression, prop::collection::vec(arbitrary::rows(&TYPES), 4));
    let config = Config { cases: EXPRESSIONS, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&cases, |(expression, rows)| {
            expression.check_types(&TYPES).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let expected = evaluate_in_sqlite(&sqlite, &expression, &rows);
            for (row, expected) in rows.iter().zip(expected) {
                match expression.evaluate(row, &COLLATIONS) {
                    Ok(value) => {
                        compared.set(compared.get() + 1);
                        known.set(known.get() + u32::from(!value.is_null()));
                        prop_assert_eq!(to_sqlite(&value), expected, "{}", sql(&expression));
                    }
                    Err(Fault::Overflow) => skipped.set(skipped.get() + 1),
                    Err(fault) => prop_assert!(false, "{}: {fault}", sql(&expression)),
                }
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    println!(
        "{} results compared, {} not NULL; {} overflows skipped",
        compared.get(),
        known.get(),
        skipped.get()
    );
    assert!(known.get() > EXPRESSIONS && skipped.get() < compared.get() / 4, "the cases say too little");
}

fn sql(expression: &Expression) -> String {
    expression.to_sql(&|position| format!("c{position}"))
}

fn evaluate_in_sqlite(sqlite: &Connection, expression: &Expression, rows: &[Vec<Value>]) -> Vec<SqlValue> {
    sqlite.execute_batch("DELETE FROM t").unwrap();
    let mut insert = sqlite.prepare_cached("INSERT INTO t VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)").unwrap();
    for row in rows {
        insert.execute(params_from_iter(row.iter().map(Bound))).unwrap();
    }
    let query = format!("SELECT {} FROM t ORDER BY id", sql(expression));
    let mut select = sqlite.prepare(&query).unwrap_or_else(|error| panic!("{error}"));
    let results = select.query_map([], |result| result.get(0)).unwrap();
    results.collect::<Result<_, _>>().unwrap()
}

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(to_sqlite(self.0)))
    }
}

fn to_sqlite(value: &Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Boolean(boolean) => SqlValue::Integer((*boolean).into()),
        Value::Integer(integer) => SqlValue::Integer(*integer),
        Value::Real(real) => SqlValue::Real(real.get()),
        Value::Text(text) => SqlValue::Text(text.clone()),
        Value::Blob(bytes) => SqlValue::Blob(bytes.clone()),
        other => panic!("{other} has no counterpart in SQLite"),
    }
}
