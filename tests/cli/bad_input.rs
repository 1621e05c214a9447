//! Bad input: each is refused with one clear line, and the database is as it was.

use std::process::Stdio;
use std::time::Duration;

use crate::{Desk, without_ids};

/// Runs commands that must fail with these lines, and change nothing.
fn refused(desk: &Desk, cases: &[(&[&str], &str)]) {
    let before = desk.contents("shop");
    for (arguments, expected) in cases {
        assert_eq!(without_ids(&desk.fails(arguments)), *expected, "{arguments:?}");
    }
    assert_eq!(desk.contents("shop"), before);
    assert_eq!(desk.ok(&["check", "shop"]), "shop: nothing is wrong\n");
}

#[test]
fn names_that_are_not_there() {
    let desk = Desk::with_shop();
    let columns = "its columns are sku, name, price, stock, shelf";
    let no_column = format!("table product has no column prize: {columns}");
    refused(
        &desk,
        &[
            (
                &["rows", "shop", "prodcut"],
                "there is no table prodcut: the tables are customer, product, orders, order_line",
            ),
            (&["insert", "shop", "product", r#"{"prize":1}"#], &no_column),
            (&["update", "shop", "product", "GLUE", r#"{"prize":1}"#], &no_column),
            (&["update", "shop", "product", "NONE", r#"{"price":1}"#], "table product has no row NONE"),
            (
                &["delete", "shop", "product", r#"{"name":"None"}"#],
                r#"table product has no row {"name":"None"}"#,
            ),
            (
                &["delete", "shop", "product", r#"{"price":1}"#],
                "table product has no unique key of just these columns: its keys are (sku), (name)",
            ),
            (
                &["delete", "shop", "order_line", "1"],
                "the key of order_line has the columns order_number, line: write it as a JSON array",
            ),
            (
                &["resolve", "shop", "123", "dismiss"],
                "there is no open conflict 123, and none that was settled lately",
            ),
        ],
    );
}

#[test]
fn values_that_do_not_fit() {
    let desk = Desk::with_shop();
    let product = |row: &'static str| ["insert", "shop", "product", row];
    refused(
        &desk,
        &[
            (
                &product(r#"{"sku":"A","name":"A","price":"12"}"#),
                "table product, column price (INTEGER): expected INTEGER, found a JSON string",
            ),
            (
                &product(r#"{"sku":"A","name":"A","price":1.5}"#),
                "table product, column price (INTEGER): '1.5' is not a valid INTEGER: it is not an integer",
            ),
            (
                &product(r#"{"sku":"A","price":NaN}"#),
                r#"'{"sku":"A","price":NaN}' is no JSON object of columns and values: expected value at line 1 column 20"#,
            ),
            (
                &product(r#"{"sku":"A","sku":"B"}"#),
                r#"'{"sku":"A","sku":"B"}' is no JSON object of columns and values: member "sku" stands there twice at line 1 column 21"#,
            ),
            (&product(r#"{"sku":"A","price":1}"#), "table product: column name must have a value"),
            (
                &product(r#"{"sku":"A","name":"A","price":-1}"#),
                "table product, row <id>: the rule product_price_check fails: price >= 0",
            ),
            (
                &["delete", "shop", "orders", "first"],
                "table orders, column number (INTEGER): 'first' is not a valid INTEGER: invalid digit found in string",
            ),
        ],
    );
    let missing = desk.fails(&["insert", "shop", "orders", r#"{"number":1,"customer":"EVE"}"#]);
    assert!(missing.contains("orders_customer_fkey: no row of customer has the key"), "{missing}");
    let taken = desk.fails(&["insert", "shop", "customer", r#"{"code":"ann","name":"A"}"#]);
    assert!(taken.starts_with("table customer: key customer_pkey = "), "{taken}");
    desk.ok(&["insert", "shop", "orders", r#"{"number":1,"customer":"ANN"}"#]);
    let restricted = desk.fails(&["delete", "shop", "customer", "ANN"]);
    assert!(restricted.contains("still refers here by orders_customer_fkey"), "{restricted}");
}

/// A CSV file for the table product of the shop, and why it is refused.
fn bad_csv(csv: impl AsRef<[u8]>, expected: &str) {
    let desk = Desk::with_shop();
    desk.write("p.csv", csv);
    let expected = format!("p.csv: nothing was imported: {expected}");
    refused(&desk, &[(&["import", "shop", "product", "p.csv"], &expected)]);
}

#[test]
fn csv_files_that_are_none() {
    bad_csv("", "the file is empty: its first line names the columns");
    bad_csv("sku,name,price\nA,A,1\nB,B\n", "line 3: 2 fields, where the first line has 3");
    bad_csv("sku,name,price\nA,\"A\n,1\n", "line 2, column 2: the quote is never closed");
    bad_csv(
        "sku,name,price\nA,\"A\"x,1\n",
        "line 2, column 2: text after the closing quote: write a quote that belongs to the field twice",
    );
}

#[test]
fn csv_headers_that_name_no_columns() {
    let columns = "its columns are sku, name, price, stock, shelf";
    bad_csv("sku,prize\n", &format!("line 1, column 2: table product has no column 'prize': {columns}"));
    bad_csv("sku,,price\n", &format!("line 1, column 2: table product has no column '': {columns}"));
    bad_csv("sku,name,SKU\n", "line 1, column 3: the column sku is named twice");
    let hint = "(is the file separated by ';'? Use --delimiter ';')";
    bad_csv(
        "sku;name\n",
        &format!("line 1, column 1: table product has no column 'sku;name': {columns} {hint}"),
    );
}

#[test]
fn csv_values_that_do_not_fit() {
    bad_csv(
        "sku,name,price\nA,A,1\nB,\"two\nlines\",\"12,50\"\n",
        "line 4, column 3 (price): '12,50' is not a valid INTEGER: invalid digit found in string",
    );
    bad_csv(
        "sku,name,price\nA,A,99999999999999999999\n",
        "line 2, column 3 (price): 99999999999999999999 is out of the range of INTEGER",
    );
    bad_csv(
        "sku,name,price\nA,A,1\nB,,2\n",
        "line 3, column 2 (name): table product: column name must have a value",
    );
    bad_csv(
        "sku,name,price\nA,A,1\nB,B,-2\n",
        "line 3: table product, row <id>: the rule product_price_check fails: price >= 0",
    );
    let held = "is held by row <id>: choose another value, or change that row";
    bad_csv(
        "sku,name,price\nA,A,1\nB,B,2\nB,C,3\n",
        &format!("line 4: the same key as on line 3: table product: key product_pkey = (\"B\") {held}"),
    );
    bad_csv(
        "sku,name,price\nA,A,1\nglue,B,2\n",
        &format!("line 3: table product: key product_pkey = (\"glue\") {held}"),
    );
}

#[test]
fn csv_values_that_are_too_long() {
    bad_csv(
        format!("sku,name,price\n{},A,1\n", "x".repeat(70_000)),
        "line 2: the key (sku) of table product takes 70002 bytes, at most 4096 are allowed",
    );
    bad_csv(
        format!("sku,shelf\nA,{}\n", "x".repeat((8 << 20) + 1)),
        "line 2: the value of column shelf of table product takes 8388609 bytes, at most 8388608 are allowed",
    );
}

#[test]
fn csv_text_that_is_not_utf8() {
    bad_csv(b"sku,name,price\nA,\xC4,1\n", "line 2, column 2: it is not UTF-8: save the file as UTF-8");
    bad_csv(b"\xFF\xFEs\0k\0u\0", "line 1, column 1: the file is UTF-16: save it as UTF-8");
}

#[test]
fn reals_and_other_types_are_read_strictly() {
    let desk = Desk::new();
    desk.write("s.sql", "CREATE TABLE t (k TEXT PRIMARY KEY, r REAL, b BOOLEAN, at TIMESTAMP, bytes BLOB);");
    desk.ok(&["init", "db", "s.sql"]);
    let cases = [
        ("k,r\na,NaN\n", "line 2, column 2 (r): NaN is not a value: use NULL for an unknown number"),
        ("k,r\na,1e999\n", "line 2, column 2 (r): 1e999 is out of the range of REAL"),
        ("k,b\na,yes\n", "line 2, column 2 (b): 'yes' is not a valid BOOLEAN: write true or false"),
        (
            "k,at\na,2024-01-01T00:00:00\n",
            "line 2, column 2 (at): '2024-01-01T00:00:00' is not a valid TIMESTAMP: the offset from UTC is missing: add Z for UTC, or one like +01:00",
        ),
    ];
    for (csv, expected) in cases {
        desk.write("t.csv", csv);
        let error = desk.fails(&["import", "db", "t", "t.csv"]);
        assert_eq!(error, format!("t.csv: nothing was imported: {expected}"));
    }
    assert_eq!(desk.ok(&["tables", "db", "--json"]), "{\"conflicts\":0,\"rows\":0,\"table\":\"t\"}\n");
}

#[test]
fn directories_that_hold_no_database() {
    let desk = Desk::with_shop();
    std::fs::create_dir(desk.path("empty")).unwrap();
    desk.write("file", "");
    refused(
        &desk,
        &[
            (
                &["rows", "nowhere", "customer"],
                "nowhere is not a Reunite database: there is no such directory",
            ),
            (&["tables", "empty"], "empty is not a Reunite database: it has no file MANIFEST"),
            (&["status", "file"], "file is not a Reunite database: it is a file"),
            (&["sync", "shop", "empty"], "empty is not a Reunite database: it has no file MANIFEST"),
            (&["sync", "shop", "shop"], "shop and shop are the same replica"),
            (&["init", "shop"], "create shop: the directory is not empty"),
        ],
    );
    assert_eq!(std::fs::read_dir(desk.path("empty")).unwrap().count(), 0);
}

#[test]
fn replicas_of_different_databases_do_not_mix() {
    let desk = Desk::with_shop();
    desk.write("o.sql", "CREATE TABLE t (k TEXT PRIMARY KEY);");
    desk.ok(&["init", "other", "o.sql"]);
    let error = "shop and other are not replicas of one database (`reunite init DIR` makes a new replica): \
                 the peer is a replica of database <id>, this one of <id>";
    refused(&desk, &[(&["sync", "shop", "other"], error)]);
    desk.ok(&["init", "e1"]);
    desk.ok(&["init", "e2"]);
    let error = desk.fails(&["sync", "e1", "e2"]);
    assert!(
        error.ends_with("is empty and the peer gives it nothing: sync it with one that has a schema"),
        "{error}"
    );
}

#[test]
fn schemas_that_are_none() {
    let desk = Desk::new();
    desk.write("s.sql", "CREATE TABLE t (\n  a VARCHAR(3)\n);");
    let error = "s.sql: line 2, column 5: VARCHAR is no type of Reunite: use TEXT";
    assert_eq!(desk.fails(&["init", "db", "s.sql"]), error);
    assert!(!desk.path("db").exists());
}

#[test]
fn arguments_that_make_no_command() {
    let desk = Desk::new();
    let cases: [(&[&str], &str); 6] = [
        (&[], "Usage: reunite"),
        (&["frob"], "unrecognized subcommand 'frob'"),
        (&["rows", "shop"], "required arguments were not provided"),
        (&["import", "a", "b", "c", "--batch", "0"], "invalid value '0' for '--batch <N>'"),
        (&["init", "a", "--priority", "101"], "a priority is from 0 to 100"),
        (&["init", "a", "--engine", "paper"], "the engines are redb and sled"),
    ];
    for (arguments, expected) in cases {
        let answer = desk.run(arguments);
        assert_eq!(answer.status, 2, "{arguments:?}");
        assert!(answer.errors.contains(expected), "{}", answer.errors);
    }
    assert_eq!(desk.run(&["--version"]).out, format!("reunite {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn errors_as_json_have_a_code() {
    let desk = Desk::with_shop();
    let code = |arguments: &[&str]| {
        let answer = desk.run(arguments);
        assert_eq!((answer.status, answer.out.as_str()), (1, ""));
        let error: serde_json::Value = serde_json::from_str(&answer.errors).unwrap();
        error["error"]["code"].as_str().unwrap().to_string()
    };
    assert_eq!(code(&["--json", "delete", "shop", "customer", "NONE"]), "no-such-row");
    assert_eq!(code(&["--json", "insert", "shop", "product", r#"{"sku":1}"#]), "type-mismatch");
    assert_eq!(code(&["--json", "tables", "nowhere"]), "corrupt");
    desk.write("p.csv", "sku,name,price\nglue,B,2\n");
    assert_eq!(code(&["import", "--json", "shop", "product", "p.csv"]), "duplicate-key");
}

/// The first process is an import that waits for its input: the lock of one in this process could pass
/// for a moment to the children that other tests start.
#[test]
fn a_second_process_is_told_who_has_the_database() {
    let desk = Desk::with_shop();
    let before = desk.contents("shop");
    let import = &["import", "shop", "customer", "-"];
    let mut first = desk.command(import).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let id = first.id().to_string();
    // It has written its number into the lock's file when it has the lock.
    while std::fs::read_to_string(desk.path("shop/LOCK")).unwrap().trim() != id {
        assert_eq!(first.try_wait().unwrap(), None, "the first process ended");
        std::thread::sleep(Duration::from_millis(10));
    }
    let expected = format!("shop is already open in process {id}: close it there, or use that process");
    assert_eq!(desk.fails(&["insert", "shop", "customer", r#"{"code":"X","name":"X"}"#]), expected);
    assert_eq!(desk.fails(&["tables", "shop"]), expected);
    drop(first.stdin.take());
    assert_eq!(first.wait().unwrap().code(), Some(1)); // An empty file names no columns.
    assert_eq!(desk.contents("shop"), before);
}
