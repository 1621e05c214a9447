//! Rows to files and back: nothing is lost on the way, and the row ids stay.

use serde_json::{Value, json};

use super::Desk;

/// Every type, NULL, the empty text, and what needs quotes.
const KINDS: &str = "CREATE TABLE kind (
    name TEXT PRIMARY KEY, b BOOLEAN, i INTEGER, r REAL, x BLOB, u UUID, t TIMESTAMP, j JSON
);";
const ROWS: [&str; 4] = [
    r#"{"name":"nothing"}"#,
    r#"{"name":"","b":true,"i":-9223372036854775808,"r":-0.5,"x":"","j":[null,{"a":"b"}]}"#,
    r#"{"name":"a \"b\", c\r\nd","b":false,"i":7,"r":1e300,"x":"AP8=","j":"text"}"#,
    r#"{"name":"ünï","u":"018f2f6e-0000-7000-8000-000000000001","t":"2024-02-29T12:00:00.000001Z","j":{}}"#,
];

fn with_kinds() -> Desk {
    let desk = Desk::new();
    desk.write("s.sql", KINDS);
    desk.ok(&["init", "one", "s.sql"]);
    desk.ok(&["init", "two", "s.sql"]);
    for row in ROWS {
        desk.ok(&["insert", "one", "kind", row]);
    }
    desk
}

#[test]
fn what_is_exported_is_imported_as_the_same_rows() {
    for (file, format) in [("k.csv", "csv"), ("k.jsonl", "jsonl"), ("k.txt", "jsonl")] {
        let desk = with_kinds();
        let done = desk.ok(&["export", "one", "kind", file, "--format", format]);
        assert_eq!(done, format!("kind: 4 rows to {file}\n"));
        assert_eq!(desk.ok(&["export", "one", "kind", "--format", format]), read(&desk, file));
        desk.ok(&["import", "two", "kind", file, "--format", format]);
        let rows = |database| desk.ok(&["--json", "rows", database, "kind"]);
        assert_eq!(rows("one"), rows("two"));
        assert_eq!(rows("one").lines().count(), ROWS.len());
        // They are the same rows, not other rows with the same keys.
        desk.ok(&["sync", "one", "two"]);
        assert_eq!(rows("one").lines().count(), ROWS.len());
        assert_eq!(desk.ok(&["conflicts", "two"]), "0 open conflicts\n");
        assert_eq!(desk.ok(&["check", "two"]), "two: nothing is wrong\n");
    }
}

#[test]
fn without_row_ids_the_rows_are_others() {
    let desk = with_kinds();
    desk.ok(&["export", "one", "kind", "k.csv", "--without-row-ids"]);
    assert!(read(&desk, "k.csv").starts_with("name,b,i,r,x,u,t,j\n\"\",true,-9223372036854775808,"));
    desk.ok(&["import", "two", "kind", "k.csv"]);
    desk.ok(&["sync", "one", "two"]);
    assert_eq!(desk.ok(&["--json", "conflicts", "two", "--kind", "unique"]).lines().count(), ROWS.len());
}

#[test]
fn a_row_that_was_deleted_comes_back_as_itself() {
    let desk = with_kinds();
    desk.ok(&["export", "one", "kind", "k.jsonl"]);
    let error = desk.fails(&["import", "one", "kind", "k.jsonl"]);
    assert!(error.starts_with("k.jsonl: nothing was imported: line 1: table kind: row "), "{error}");
    desk.ok(&["delete", "one", "kind", "ünï"]);
    desk.ok(&["update", "one", "kind", "nothing", r#"{"i":1}"#]);
    let before = read(&desk, "k.jsonl");
    desk.ok(&["import", "one", "kind", "k.jsonl", "--upsert"]);
    desk.ok(&["export", "one", "kind", "k.jsonl"]);
    assert_eq!(read(&desk, "k.jsonl"), before);
}

#[test]
fn files_without_row_ids_in_json_lines() {
    let desk = with_kinds();
    desk.write("k.ndjson", "\u{feff}{\"name\":\"a\",\"i\":1}\r\n\n  {\"name\":\"b\"}");
    assert_eq!(desk.ok(&["import", "two", "kind", "k.ndjson"]), "kind: 2 rows from k.ndjson\n");
    let a: Value = serde_json::from_str(&desk.ok(&["--json", "rows", "two", "kind", "--key", "a"])).unwrap();
    assert_eq!((&a["i"], &a["r"]), (&json!(1), &Value::Null));
}

#[test]
fn lines_that_are_no_rows_are_refused_where_they_stand() {
    let cases: [(&[u8], &str); 8] = [
        (b"{\"name\":\"a\"}\n[1]\n", "line 2: no JSON object of columns and values: invalid type: sequence"),
        (b"{\"name\":\"a\"\n", "line 1: no JSON object of columns and values: EOF while parsing an object"),
        (
            b"{\"name\":\"a\",\"name\":\"b\"}",
            "line 1: no JSON object of columns and values: member \"name\" stands",
        ),
        (b"\n{\"nam\":\"a\"}", "line 2: table kind has no column nam: its columns are name, b, i"),
        (b"{\"name\":\"a\",\"NAME\":\"b\"}", "line 1: the column NAME is named twice"),
        (
            b"{\"name\":\"a\",\"i\":\"1\"}",
            "line 1: table kind, column i (INTEGER): expected INTEGER, found a JSON string",
        ),
        (b"{\"name\":\"a\",\"row id\":\"1\"}", "line 1: "),
        (b"{\"name\":\"\xFF\"}", "line 1: it is not UTF-8: save the file as UTF-8"),
    ];
    for (text, expected) in cases {
        let desk = with_kinds();
        desk.write("k.jsonl", text);
        let error = desk.fails(&["import", "two", "kind", "k.jsonl"]);
        let expected = format!("k.jsonl: nothing was imported: {expected}");
        assert!(error.starts_with(&expected), "{error}");
        assert_eq!(desk.ok(&["--json", "rows", "two", "kind"]), "");
    }
}

#[test]
fn an_export_that_fails_leaves_the_file_as_it_was() {
    let desk = Desk::new();
    desk.write("s.sql", "CREATE TABLE note (text TEXT); CREATE TABLE odd (\"row id\" TEXT);");
    desk.ok(&["init", "one", "s.sql"]);
    desk.ok(&["insert", "one", "note", "{}"]);
    desk.write("n.csv", "as it was");
    let error = desk.fails(&["export", "one", "note", "n.csv", "--without-row-ids"]);
    assert!(error.starts_with("a row that is one NULL cannot be written as CSV"), "{error}");
    assert_eq!(read(&desk, "n.csv"), "as it was");
    assert_eq!(std::fs::read_dir(desk.path("")).unwrap().count(), 3);
    let error = desk.fails(&["export", "one", "odd", "o.csv"]);
    assert!(error.contains("has a column that is called \"row id\""), "{error}");
    desk.ok(&["export", "one", "odd", "o.csv", "--without-row-ids"]);
    assert_eq!(read(&desk, "o.csv"), "row id\n");
}

fn read(desk: &Desk, name: &str) -> String {
    std::fs::read_to_string(desk.path(name)).unwrap()
}

#[test]
fn compacting_changes_no_row() {
    let desk = with_kinds();
    let rows = desk.ok(&["--json", "rows", "one", "kind"]);
    let sizes: Value = serde_json::from_str(&desk.ok(&["--json", "compact", "one"])).unwrap();
    assert!(sizes["bytes"].as_u64() <= sizes["bytes_before"].as_u64(), "{sizes}");
    assert_eq!(desk.ok(&["--json", "rows", "one", "kind"]), rows);
    assert!(desk.ok(&["compact", "one"]).starts_with("one: "));
}
