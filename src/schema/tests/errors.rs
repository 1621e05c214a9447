//! What is refused, where, and in which words.

use crate::schema::{Schema, SchemaError};

/// Two tables, to which a column or a constraint of the second is added.
const PARENT: &str =
    "CREATE TABLE p (a INTEGER PRIMARY KEY, b TEXT COLLATE NOCASE UNIQUE, c INTEGER, d TEXT);\n";

fn error(sql: &str) -> String {
    match Schema::from_sql(sql) {
        Ok(_) => "fine".to_owned(),
        Err(error) => error.to_string().replace("line 1, column ", "1:").replace("line 2, column ", "2:"),
    }
}

#[track_caller]
fn table(cases: &[(&str, &str)], sql: impl Fn(&str) -> String) {
    let found: Vec<(&str, String)> = cases.iter().map(|(case, _)| (*case, error(&sql(case)))).collect();
    let expected: Vec<(&str, String)> =
        cases.iter().map(|(case, message)| (*case, (*message).to_owned())).collect();
    for (found, expected) in found.iter().zip(&expected) {
        if found != expected {
            println!("        ({:?}, {:?}),", found.0, found.1);
        }
    }
    assert_eq!(found, expected);
}

#[test]
fn statements() {
    let cases = [
        ("SELECT 1", "1:1: expected CREATE TABLE, CREATE INDEX or CREATE UNIQUE INDEX, found SELECT"),
        ("DROP TABLE t", "1:1: expected CREATE TABLE, CREATE INDEX or CREATE UNIQUE INDEX, found DROP"),
        ("CREATE VIEW v AS SELECT 1", "1:8: expected TABLE, INDEX or UNIQUE INDEX, found VIEW"),
        ("CREATE TEMP TABLE t (a TEXT)", "1:8: expected TABLE, INDEX or UNIQUE INDEX, found TEMP"),
        ("CREATE TABLE IF NOT EXISTS t (a TEXT)", "1:14: IF NOT EXISTS is not supported: leave it out"),
        ("CREATE TABLE t (a TEXT) STRICT", "1:25: expected ; or the end of the statement, found STRICT"),
        (
            "CREATE TABLE t (a TEXT) WITHOUT ROWID",
            "1:25: expected ; or the end of the statement, found WITHOUT",
        ),
        ("CREATE TABLE t AS SELECT 1", "1:16: expected ( and the columns, found AS"),
        ("CREATE TABLE main.t (a TEXT)", "1:18: expected ( and the columns, found ."),
        (
            "CREATE TABLE table (a TEXT)",
            "1:14: expected the name of the table, found the keyword table: quote it, as \"table\"",
        ),
        ("CREATE TABLE \"\" (a TEXT)", "1:14: table name \"\" is empty: name it"),
        ("CREATE TABLE t ()", "1:17: expected a column or a constraint, found )"),
        ("CREATE TABLE t (a TEXT,)", "1:24: expected a column or a constraint, found )"),
        ("CREATE TABLE t (a TEXT", "1:23: expected , or ), found the end"),
        ("CREATE TABLE t (CHECK (1 = 1))", "1:14: table \"t\" has no columns: give it at least one"),
        (
            "CREATE TABLE t (a TEXT); CREATE TABLE T (a TEXT)",
            "1:39: the table name \"T\" is taken: choose another",
        ),
        (
            "CREATE TABLE t (a TEXT, A TEXT)",
            "1:25: the column name \"A\" is taken in table \"t\": choose another",
        ),
        (
            "CREATE TABLE t_conflict (a TEXT)",
            "1:14: table name \"t_conflict\" ends in _conflict, which names conflict tables: choose another",
        ),
        ("CREATE TABLE t (a 'TEXT", "1:19: unterminated string literal"),
        ("CREATE INDEX i ON t (a)", "1:19: there is no table \"t\""),
        ("CREATE TABLE t (a TEXT); CREATE INDEX i ON t (b)", "1:47: table \"t\" has no column \"b\""),
        (
            "CREATE TABLE t (a TEXT); CREATE INDEX t ON t (a)",
            "1:39: the index name \"t\" is taken: choose another",
        ),
        ("CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a DESC)", "1:49: expected , or ), found DESC"),
        ("CREATE TABLE t (a TEXT); CREATE INDEX i ON t (lower(a))", "1:52: expected , or ), found ("),
        (
            "CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a) WHERE a > 1",
            "1:50: expected ; or the end of the statement, found WHERE",
        ),
        (
            "CREATE TABLE t (a TEXT, CONSTRAINT i UNIQUE (a)); CREATE INDEX i ON t (a)",
            "1:64: the index name \"i\" is taken: choose another",
        ),
        (
            "CREATE TABLE t (a TEXT); CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a)",
            "1:46: IF NOT EXISTS is not supported: leave it out",
        ),
    ];
    table(&cases, str::to_owned);
}

#[test]
fn columns() {
    let cases = [
        (
            "a",
            "1:18: expected the type of column \"a\": BOOLEAN, INTEGER, REAL, TEXT, BLOB, UUID, TIMESTAMP or JSON, found )",
        ),
        ("a INT", "1:19: INT is no type of Reunite: use INTEGER"),
        ("a VARCHAR(10)", "1:19: VARCHAR is no type of Reunite: use TEXT"),
        (
            "a MONEY",
            "1:19: MONEY is no type of Reunite: use BOOLEAN, INTEGER, REAL, TEXT, BLOB, UUID, TIMESTAMP or JSON",
        ),
        ("a TEXT(10)", "1:23: TEXT takes no length: leave it out, or use a check"),
        (
            "a INTEGER PRIMARY KEY AUTOINCREMENT",
            "1:39: AUTOINCREMENT is not supported, since two replicas would give the same number: use a UUID",
        ),
        ("a INTEGER PRIMARY KEY DESC", "1:39: expected , or ), found DESC"),
        ("a INTEGER NULL NOT NULL", "1:32: column \"a\" says NULL or NOT NULL twice"),
        ("a INTEGER DEFAULT", "1:34: expected a constant, found )"),
        (
            "a INTEGER DEFAULT (1 + 1)",
            "1:38: expected ) after the constant: a default is a single constant, found +",
        ),
        ("a INTEGER DEFAULT CURRENT_TIMESTAMP", "1:35: expected a constant, found CURRENT_TIMESTAMP"),
        (
            "a INTEGER DEFAULT 'x'",
            "1:35: the default of t.a is no INTEGER value: write a whole number between -9223372036854775808 and 9223372036854775807",
        ),
        (
            "a INTEGER DEFAULT 1.5",
            "1:35: the default of t.a is no INTEGER value: write a whole number between -9223372036854775808 and 9223372036854775807",
        ),
        ("a INTEGER DEFAULT 9223372036854775808", "1:35: 9223372036854775808 is out of the range of INTEGER"),
        ("a INTEGER DEFAULT 0x10", "1:35: write the number in decimal; a BLOB is written x'…'"),
        ("a INTEGER DEFAULT 1 DEFAULT 2", "1:37: column \"a\" says DEFAULT twice"),
        ("a REAL DEFAULT 1e999", "1:32: 1e999 is out of the range of REAL"),
        (
            "a REAL DEFAULT 9007199254740993",
            "1:32: the default of t.a is no REAL value: write a finite number; an integer must have an exact REAL",
        ),
        ("a BOOLEAN DEFAULT 1", "1:35: the default of t.a is no BOOLEAN value: write TRUE or FALSE"),
        ("a BLOB DEFAULT x'123'", "1:32: a BLOB is written x'…' with two hexadecimal digits a byte"),
        (
            "a UUID DEFAULT 'x'",
            "1:32: the default of t.a is no UUID value: write '00000000-0000-0000-0000-000000000000'",
        ),
        (
            "a TIMESTAMP DEFAULT 'yesterday'",
            "1:37: the default of t.a is no TIMESTAMP value: write '2024-01-31T12:00:00Z'",
        ),
        ("a JSON DEFAULT '{'", "1:32: the default of t.a is no JSON value: write JSON in single quotes"),
        ("a TEXT COLLATE de_DE", "1:32: there is no collation 'de_DE': use BINARY, NOCASE or UNICODE_NOCASE"),
        ("a INTEGER COLLATE NOCASE", "1:17: t.a is INTEGER and has no collation: only TEXT columns have one"),
        (
            "a TEXT CONSTRAINT n NOT NULL",
            "1:37: expected PRIMARY KEY, UNIQUE, CHECK or REFERENCES, which alone have names, found NOT",
        ),
        ("a TEXT GENERATED ALWAYS AS (b)", "1:24: expected , or ), found GENERATED"),
    ];
    table(&cases, |case| format!("CREATE TABLE t ({case})"));
}

#[test]
fn constraints() {
    let cases = [
        (
            "a INTEGER, PRIMARY KEY (a), PRIMARY KEY (a)",
            "1:45: table \"t\" has two primary keys: make one of them UNIQUE",
        ),
        ("a INTEGER, UNIQUE (a), UNIQUE (a)", "1:40: table \"t\" has two unique keys over (a): drop one"),
        ("a INTEGER, UNIQUE (b)", "1:36: table \"t\" has no column \"b\""),
        (
            "a INTEGER, UNIQUE (a, a)",
            "1:39: a unique key of table \"t\" names column \"a\" twice: name it once",
        ),
        ("a INTEGER, UNIQUE ()", "1:36: expected a column, found )"),
        (
            "a INTEGER, CONSTRAINT x UNIQUE (a), CONSTRAINT X CHECK (a > 1)",
            "1:64: the constraint name \"X\" is taken in table \"t\": choose another",
        ),
        (
            "a INTEGER, EXCLUDE (a)",
            "1:36: expected the type of column \"EXCLUDE\": BOOLEAN, INTEGER, REAL, TEXT, BLOB, UUID, TIMESTAMP or JSON, found (",
        ),
    ];
    table(&cases, |case| format!("CREATE TABLE t ({case})"));
}

#[test]
fn foreign_keys() {
    let cases = [
        ("x INTEGER REFERENCES q", "2:38: there is no table \"q\""),
        ("x INTEGER REFERENCES p (z)", "2:41: table \"p\" has no column \"z\""),
        (
            "x INTEGER REFERENCES p (c)",
            "2:38: foreign key (x) of table \"c\" refers to p (c), which is no unique key: declare UNIQUE (c) there, or refer to a key",
        ),
        (
            "x INTEGER REFERENCES p (a, b)",
            "2:38: foreign key (x) of table \"c\" must have as many columns as it refers to in \"p\": it has 1, not 2",
        ),
        (
            "x TEXT REFERENCES p (a)",
            "2:24: c.x is TEXT and refers to p.a, which is INTEGER: give both one type",
        ),
        (
            "x TEXT COLLATE BINARY REFERENCES p (b)",
            "2:39: c.x has collation BINARY and refers to p.b, which has NOCASE: give both one collation",
        ),
        (
            "x INTEGER REFERENCES p ON DELETE SET DEFAULT",
            "2:50: expected RESTRICT, NO ACTION, CASCADE or SET NULL, found SET",
        ),
        (
            "x INTEGER REFERENCES p ON DELETE CASCADE ON DELETE CASCADE",
            "2:58: this action is given twice: leave one out",
        ),
        (
            "x INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED",
            "2:40: DEFERRABLE is not supported, since constraints are checked at the commit: leave it out",
        ),
        ("x INTEGER REFERENCES p MATCH FULL", "2:40: expected , or ), found MATCH"),
        (
            "x INTEGER NOT NULL REFERENCES p ON DELETE SET NULL",
            "2:36: foreign key (x) of table \"c\" says SET NULL, but column \"x\" cannot be null: let it be null, or choose another action",
        ),
        (
            "x INTEGER REFERENCES p, FOREIGN KEY (x) REFERENCES p (a)",
            "2:27: foreign key (x) of table \"c\" shares column \"x\" with another foreign key: add it to the table's match_key",
        ),
        (
            "x INTEGER PRIMARY KEY REFERENCES c",
            "2:39: foreign key (x) of table \"c\" has columns that are part of the key it refers to: add it to the table's match_key",
        ),
        (
            "x INTEGER REFERENCES c",
            "2:38: foreign key (x) of table \"c\" names no columns of \"c\", which has no primary key: name the columns of one of its unique keys",
        ),
        ("x INTEGER, FOREIGN KEY (y) REFERENCES p", "2:41: table \"c\" has no column \"y\""),
    ];
    table(&cases, |case| format!("{PARENT}CREATE TABLE c ({case})"));
}

#[test]
fn checks() {
    let cases = [
        ("", "1:51: expected a column, a constant or a function, found )"),
        (
            "a",
            "1:44: check of table \"t\": a check takes a BOOLEAN, found INTEGER: compare it with something",
        ),
        ("a >", "1:54: expected a column, a constant or a function, found )"),
        ("a > 1 1", "1:57: expected an operator, or ), found 1"),
        ("(a > 1", "1:59: expected , or ), found the end"),
        ("z > 1", "1:51: table \"t\" has no column \"z\""),
        (
            "a > 'x'",
            "1:44: check of table \"t\": > cannot compare INTEGER with TEXT: both must have one type, or be numbers",
        ),
        ("a IS 1", "1:56: expected NULL after IS (to compare values, write =), found 1"),
        ("a IS NULL < 2", "1:61: put IS NULL and its operand in parentheses"),
        ("a IN 1", "1:56: expected ( and a list of values, found 1"),
        ("a NOT 1", "1:57: expected IN, BETWEEN, LIKE or REGEXP, found 1"),
        ("b LIKE 'x' ESCAPE 'ab'", "1:69: ESCAPE takes a single character"),
        ("b REGEXP a", "1:60: expected a pattern in single quotes, found a"),
        (
            "b REGEXP '('",
            "1:44: check of table \"t\": the pattern '(' of REGEXP: found open group without closing ')'",
        ),
        ("b GLOB '*'", "1:53: expected an operator, or ), found GLOB"),
        ("random() > 1", "1:51: there is no function random in checks: only length, lower and upper"),
        ("CASE WHEN a THEN 1 END", "1:51: CASE is not supported in checks"),
        ("a > CURRENT_TIMESTAMP", "1:55: CURRENT_TIMESTAMP is not supported in checks"),
        ("a > (SELECT 1)", "1:56: SELECT is not supported in checks"),
        ("a > ?", "1:55: expected a column, a constant or a function, found ?"),
        ("t.a > 1", "1:51: a check reads the columns of its own table: leave the table out"),
        (
            "u > 'x'",
            "1:44: check of table \"t\": next to a UUID column: 'x' is not a valid UUID: invalid character: found `x` at 0",
        ),
        ("a & 1 = 1", "1:53: expected an operator, or ), found &"),
    ];
    table(&cases, |case| format!("CREATE TABLE t (a INTEGER, b TEXT, u UUID, CHECK ({case}))"));
}

#[test]
fn options() {
    let cases = [
        ("", "1:42: expected the name of an option, found )"),
        ("tracking", "1:50: expected =, found )"),
        ("tracking = row", "1:53: expected a value in single quotes, found row"),
        ("tracking = 'cell'", "1:53: option tracking cannot be 'cell': it is 'column' or 'row'"),
        ("tracking = 'row', tracking = 'row'", "1:60: option tracking is given twice: leave one out"),
        (
            "colour = 'red'",
            "1:42: there is no option colour: there are identity, tracking, winner, deletes, merge_duplicates, match_key, units, max, min, sum, union and replicate",
        ),
        (
            "identity = 'natural'",
            "1:53: table \"t\" has no primary key that could name its rows: give it one, or leave identity out",
        ),
        ("identity = 'name'", "1:53: option identity cannot be 'name': it is 'random' or 'natural'"),
        (
            "sum = 'b'",
            "1:48: column \"b\" of table \"t\" is TEXT; the rule sum needs INTEGER: sums of REAL depend on their order, so count in the smallest unit, as cents",
        ),
        (
            "union = 'b'",
            "1:50: column \"b\" of table \"t\" is TEXT; the rule union needs JSON: a set is an array",
        ),
        ("max = 'z'", "1:48: table \"t\" has no column \"z\""),
        (
            "max = 'a', min = 'a'",
            "1:59: column \"a\" of table \"t\" has two of the rules max, min, sum and union: leave one",
        ),
        ("min = '(a, b)'", "1:48: option min names columns one by one: leave the parentheses out"),
        (
            "max = 'a', tracking = 'row'",
            "1:48: column \"a\" of table \"t\" has the rule max and is in a table that tracks by row: it must be a unit by itself",
        ),
        (
            "max = 'a', units = '(a, b)'",
            "1:48: column \"a\" of table \"t\" has the rule max and is in one unit with other columns, by a declared unit or a check over several columns: it must be a unit by itself",
        ),
        ("merge_duplicates = 'a'", "1:61: merge_duplicates of table \"t\" names (a), which is no unique key"),
        ("units = 'a, '", "1:50: in 'a, ': expected a column, or columns in parentheses, found the end"),
        ("units = '(a, z)'", "1:50: table \"t\" has no column \"z\""),
        ("units = '(a, a)'", "1:50: a unit of table \"t\" names column \"a\" twice: name it once"),
        ("units = '(a b)'", "1:50: in '(a b)': expected , or ), found b"),
        (
            "units = '(a, b)', tracking = 'row'",
            "1:50: table \"t\" tracks by row, so each row is one unit: drop its option units",
        ),
        ("match_key = 'a'", "1:54: match_key of table \"t\" names (a), which is no foreign key"),
        ("replicate = 'no'", "1:54: option replicate cannot be 'no': it is 'true' or 'false'"),
    ];
    table(&cases, |case| format!("CREATE TABLE t (a INTEGER, b TEXT) WITH ({case})"));
}

#[test]
fn keys_that_name_rows() {
    let cases = [
        (
            ") WITH (identity = 'natural', merge_duplicates = '(a, b)'",
            "1:118: merge_duplicates of table \"t\" names its primary key (a, b), which names the rows, so there are no duplicates: leave it out",
        ),
        (
            ") WITH (units = '(b, c)', identity = 'natural'",
            "1:115: a unit of table \"t\" has column \"b\" of the key that names the rows, which is a unit by itself: leave it out",
        ),
        (
            ", FOREIGN KEY (b) REFERENCES p) WITH (identity = 'natural'",
            "1:101: foreign key (b) of table \"t\" has column \"b\" of the key that names the rows, which never changes: add it to the table's match_key",
        ),
        (
            ") WITH (identity = 'natural', max = 'a'",
            "1:135: column \"a\" of table \"t\" has the rule max and is part of a key: it must be a unit by itself",
        ),
    ];
    let before =
        "CREATE TABLE p (x TEXT PRIMARY KEY); CREATE TABLE t (a INTEGER, b TEXT, c TEXT, PRIMARY KEY (a, b)";
    table(&cases, |case| format!("{before}{case})"));
}

#[test]
fn columns_with_rules() {
    let alone = "it must be a unit by itself";
    let cases = [
        ("a INTEGER PRIMARY KEY) WITH (sum = 'a'", format!("line 1, column 52: column \"a\" of table \"t\" has the rule sum and is part of a key: {alone}")),
        (
            "a INTEGER PRIMARY KEY, b INTEGER REFERENCES t (a)) WITH (max = 'b'",
            format!("line 1, column 80: column \"b\" of table \"t\" has the rule max and is part of a foreign key: {alone}"),
        ),
        (
            "a INTEGER, b INTEGER, CHECK (a < b)) WITH (max = 'b'",
            format!(
                "line 1, column 66: column \"b\" of table \"t\" has the rule max and is in one unit with other columns, by a declared \
                 unit or a check over several columns: {alone}"
            ),
        ),
        (
            "a JSON DEFAULT '[1]') WITH (union = 'a'",
            "line 1, column 53: column \"a\" of table \"t\" is a set and begins empty: leave its default out".to_owned(),
        ),
        (
            "a JSON) WITH (max = 'a'",
            "line 1, column 37: column \"a\" of table \"t\" is JSON; the rule max needs any type but JSON, which has no order"
                .to_owned(),
        ),
    ];
    for (case, expected) in cases {
        let error = Schema::from_sql(&format!("CREATE TABLE t ({case})")).unwrap_err();
        assert_eq!(error.to_string(), expected, "{case}");
    }
}

#[test]
fn an_error_of_the_schema_is_the_source() {
    let error = Schema::from_sql("CREATE TABLE t (a INTEGER REFERENCES u)").unwrap_err();
    let expected = SchemaError::UnknownTable { table: "u".to_owned() };
    assert_eq!(error.schema.as_deref(), Some(&expected));
    assert!(std::error::Error::source(&error).is_some());
}
