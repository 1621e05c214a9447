//! What `docs/SCHEMA.md` says is so.

use crate::schema::{
    Expression, MAX_COLUMNS, MAX_CONSTRAINTS, MAX_NAME_BYTES, MAX_SCHEMA_BYTES, MAX_STATEMENT_BYTES,
    MAX_TABLES, Schema,
};

const PAGE: &str = include_str!("../../../docs/SCHEMA.md");

#[test]
fn every_example_is_a_schema() {
    let examples: Vec<&str> =
        PAGE.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 7);
    for example in examples {
        let schema = Schema::from_sql(example).unwrap_or_else(|error| panic!("{error}\n{example}"));
        assert_eq!(Schema::from_sql(&schema.to_sql()).unwrap(), schema);
    }
}

#[test]
fn the_limits_are_the_limits() {
    for (what, limit) in [
        ("tables of a schema", MAX_TABLES),
        ("columns of a table", MAX_COLUMNS),
        ("constraints and indexes of a table", MAX_CONSTRAINTS),
        ("a name", MAX_NAME_BYTES),
        ("a statement", MAX_STATEMENT_BYTES),
        ("the text of a schema", MAX_SCHEMA_BYTES),
        ("operators of a check", Expression::MAX_OPERATORS),
        ("parentheses in each other in a check", Expression::MAX_OPERATORS),
    ] {
        assert!(PAGE.contains(&format!("\n| {what} | {limit}")), "{what}");
    }
}
