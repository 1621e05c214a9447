//! SQL and back: the same schema, with the same ids, and the same text.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::arbitrary;
use crate::schema::expression::arbitrary as expressions;
use crate::schema::{Binary, Expression, Identity, OnUpdate, Schema, TableBuilder, Tracking};
use crate::value::{Type, Value};

/// The example of the design.
const EXAMPLE: &str = "\
CREATE TABLE customer (
  code   TEXT COLLATE NOCASE PRIMARY KEY,
  email  TEXT COLLATE NOCASE UNIQUE,
  name   TEXT NOT NULL CHECK (length(name) > 0),
  phone  TEXT,
  zip    TEXT
) WITH (tracking = 'column', winner = 'latest', deletes = 'delete wins');
CREATE TABLE orders (
  number   INTEGER PRIMARY KEY,
  customer TEXT NOT NULL REFERENCES customer (code) ON DELETE RESTRICT,
  starts   TIMESTAMP, ends TIMESTAMP, CHECK (starts <= ends)
);
CREATE INDEX orders_customer ON orders (customer);
";

#[test]
fn the_example_of_the_design() {
    let schema = Schema::from_sql(EXAMPLE).unwrap();
    let expected = "\
CREATE TABLE customer (
  code TEXT COLLATE NOCASE,
  email TEXT COLLATE NOCASE,
  name TEXT NOT NULL,
  phone TEXT,
  zip TEXT,
  PRIMARY KEY (code),
  UNIQUE (email),
  CHECK (length(name) > 0)
);
CREATE TABLE orders (
  number INTEGER,
  customer TEXT COLLATE NOCASE NOT NULL,
  starts TIMESTAMP,
  ends TIMESTAMP,
  PRIMARY KEY (number),
  FOREIGN KEY (customer) REFERENCES customer (code),
  CHECK (starts <= ends)
);
CREATE INDEX orders_customer ON orders (customer);
";
    assert_eq!(schema.to_sql(), expected);
    assert_eq!(Schema::from_sql(expected).unwrap(), schema);
    let names: Vec<&str> =
        schema.table("customer").unwrap().keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["customer_pkey", "customer_email_key"]);
}

#[test]
fn every_option_is_read_and_printed() {
    let sql = "\
CREATE TABLE p (
  a INTEGER,
  b TEXT,
  c UUID DEFAULT '00000000-0000-0000-0000-000000000001',
  d BLOB DEFAULT X'0aff',
  e JSON DEFAULT '{\"it''s\":[1]}',
  f BOOLEAN DEFAULT TRUE,
  g REAL DEFAULT -2.0,
  h INTEGER DEFAULT -9223372036854775808,
  i TIMESTAMP DEFAULT '2024-01-31T12:00:00.000000Z',
  PRIMARY KEY (a, b)
) WITH (winner = 'priority', deletes = 'latest wins', merge_duplicates = '(a, b)', units = '(d, e), (f, g)');
CREATE TABLE n (
  a INTEGER,
  b TEXT,
  c TEXT,
  d TEXT,
  PRIMARY KEY (b, a),
  UNIQUE (a, c)
) WITH (identity = 'natural', units = '(c, d)');
CREATE TABLE c (
  x INTEGER,
  y TEXT,
  z INTEGER,
  CONSTRAINT \"the key\" UNIQUE (z),
  FOREIGN KEY (x, y) REFERENCES p (a, b) ON DELETE SET NULL ON UPDATE CASCADE,
  CONSTRAINT positive CHECK (x > 0)
) WITH (tracking = 'row', deletes = 'update wins', match_key = '(x, y)', replicate = 'false');
";
    let schema = Schema::from_sql(sql).unwrap();
    assert_eq!(schema.to_sql(), sql);
    let [p, n, c] = schema.tables() else { panic!("three tables") };
    let units: Vec<_> = n.units.iter().map(|unit| unit.columns.clone()).collect();
    assert_eq!((n.identity, units), (Identity::Natural, vec![vec![0, 1], vec![2, 3]]));
    assert_eq!(p.columns[7].default, Value::Integer(i64::MIN));
    assert_eq!(p.columns[6].default.kind(), Some(Type::Real));
    assert!(!c.replicate && c.tracking == Tracking::Row && !c.foreign_keys[0].follow);
    assert_eq!(c.foreign_keys[0].on_update, OnUpdate::Cascade);
}

#[test]
fn a_unique_index_is_a_unique_key() {
    let indexed = "CREATE TABLE t (a TEXT, b TEXT); CREATE UNIQUE INDEX ab ON t (a, b);";
    let constrained = "CREATE TABLE t (a TEXT, b TEXT, CONSTRAINT ab UNIQUE (a, b))";
    assert_eq!(Schema::from_sql(indexed).unwrap(), Schema::from_sql(constrained).unwrap());
}

#[test]
fn comments_quotes_and_case_do_not_matter() {
    let odd =
        "/* a */ create Table \"T\" ( -- b\n `a` integer Not Null, [b c] text, check ((\"a\") >= (1)) );;";
    let plain = "CREATE TABLE T (a INTEGER NOT NULL, \"b c\" TEXT, CHECK (a >= 1))";
    assert_eq!(Schema::from_sql(odd).unwrap(), Schema::from_sql(plain).unwrap());
}

#[test]
fn constants_have_the_type_of_the_column_beside_them() {
    let schema =
        Schema::from_sql("CREATE TABLE t (at TIMESTAMP, CHECK (at > '2024-01-01T00:00:00Z'))").unwrap();
    let constant = Type::Timestamp.parse("2024-01-01T00:00:00Z").unwrap();
    let rule = Expression::Binary(
        Binary::Greater,
        Box::new(Expression::Column(0)),
        Box::new(Expression::Literal(constant)),
    );
    assert_eq!(schema.table("t").unwrap().checks[0].rule, rule);
}

#[test]
fn a_schema_of_every_kind_of_thing_round_trips() {
    let built = Cell::new(0_u32);
    let cases = 600;
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
        .run(&arbitrary::builders(), |builder| {
            let Ok(schema) = builder.clone().build() else { return Ok(()) };
            built.set(built.get() + 1);
            let sql = schema.to_sql();
            let read =
                Schema::from_sql(&sql).map_err(|error| TestCaseError::fail(format!("{error}\n{sql}")))?;
            prop_assert_eq!(&read, &schema, "{}", sql);
            prop_assert_eq!(read.to_sql(), sql);
            prop_assert_eq!(read.digest(), schema.digest());
            prop_assert_eq!(builder.build().unwrap(), schema);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(built.get() > cases * 2 / 3, "only {} of {cases} were valid", built.get());
}

proptest! {
    #![proptest_config(Config { cases: 1000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn checks_round_trip(rule in expressions::conditions(&Type::ALL, true)) {
        let columns = |t: TableBuilder| {
            Type::ALL.iter().enumerate().fold(t, |t, (at, kind)| t.column(format!("c {at}"), *kind).done())
        };
        let schema = Schema::builder().table("t", |t| columns(t).check(rule.clone())).build().unwrap();
        prop_assert_eq!(&schema.table("t").unwrap().checks[0].rule, &rule);
        let sql = schema.to_sql();
        let read = Schema::from_sql(&sql).map_err(|error| TestCaseError::fail(format!("{error}\n{sql}")))?;
        prop_assert_eq!(read, schema, "{}", sql);
    }
}

/// Replicas whose tables of Unicode differ could disagree about which keys are equal: they must not take
/// each other's schema for their own. Where no text is compared by those tables it does not matter.
#[test]
fn another_version_of_unicode_is_another_schema() {
    let text = |collation: &str| format!("CREATE TABLE word (text TEXT COLLATE {collation} PRIMARY KEY)");
    let differs = |collation: &str| {
        let schema = Schema::from_sql(&text(collation)).unwrap();
        assert_eq!(schema.digest(), schema.digest_under(crate::value::Collation::UNICODE_VERSION));
        schema.digest() != schema.digest_under("17.0.0")
    };
    assert!(differs("UNICODE_NOCASE"));
    assert!(!differs("NOCASE") && !differs("BINARY"));
}
