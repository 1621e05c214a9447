//! Whole sessions of a user: every command, in tables and in JSON.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::{Desk, example, without_ids};

fn object(line: &str) -> Value {
    serde_json::from_str(line).expect(line)
}

#[test]
fn the_example_data_makes_the_round() {
    let desk = Desk::new();
    assert_eq!(desk.ok(&["init", "shop", &example("schema.sql")]), "shop: a new database with 4 tables\n");
    let files = [
        ("customer", "customers"),
        ("product", "products"),
        ("orders", "orders"),
        ("order_line", "order_lines"),
    ];
    for (table, file) in files {
        desk.ok(&["import", "shop", table, &example(&format!("{file}.csv"))]);
    }
    let tables = " table        rows   conflicts\n───────────────────────────────\n customer     300    0\n \
                  product      120    0\n orders       500    0\n order_line   1314   0\n";
    assert_eq!(desk.ok(&["tables", "shop"]), tables);
    desk.ok(&["init", "van"]);
    let synced = object(&desk.ok(&["--json", "sync", "van", "shop"]));
    assert_eq!((&synced["to_first"], &synced["to_second"]), (&json!(2234), &json!(0)));
    assert_eq!(desk.ok(&["schema", "van"]), desk.ok(&["schema", "shop"]));
    for (table, _) in files {
        assert_eq!(desk.ok(&["--json", "rows", "van", table]), desk.ok(&["--json", "rows", "shop", table]));
    }
    assert_eq!(desk.ok(&["check", "van"]), "van: nothing is wrong\n");
    assert_eq!(object(&desk.ok(&["check", "van", "--json"])), json!({ "findings": [] }));
    let status = object(&desk.ok(&["--json", "status", "van"]));
    assert_eq!(
        (&status["rows"], &status["conflicts"], &status["engine"]),
        (&json!(2234), &json!(0), &json!("redb"))
    );
    // The empty text is not NULL: the CSV files mean the difference.
    let rows = desk.ok(&["--json", "rows", "van", "customer"]);
    let zips: Vec<Value> = rows.lines().map(|line| object(line)["zip"].clone()).collect();
    assert!(zips.contains(&json!("")) && zips.contains(&Value::Null));
}

#[test]
fn a_conflict_is_made_listed_and_settled() {
    let desk = Desk::with_shop();
    desk.ok(&["init", "van"]);
    desk.ok(&["sync", "shop", "van"]);
    desk.ok(&["update", "shop", "product", "glue", r#"{"price":700}"#]);
    desk.ok(&["update", "van", "product", r#"{"name":"Glue"}"#, r#"{"price":710,"shelf":"A1"}"#]);
    desk.ok(&["update", "shop", "product", "BONE", r#"{"shelf":"B2"}"#]);
    let synced = desk.ok(&["sync", "shop", "van"]);
    assert!(synced.ends_with("; 1 open conflict\n"), "{synced}");
    let listed = object(&desk.ok(&["--json", "conflicts", "shop"]));
    assert_eq!(listed, object(&desk.ok(&["--json", "conflicts", "van", "product"])));
    assert_eq!((&listed["kind"], &listed["units"]), (&json!("update"), &json!(["price"])));
    assert_eq!(listed["winner"]["values"], json!({ "price": 710 }));
    assert_eq!(listed["loser"]["values"], json!({ "price": 700 }));
    let id = listed["conflict"].as_str().unwrap();
    let table = desk.ok(&["conflicts", "van"]);
    assert!(
        table.contains(&id[..8]) && table.contains("product GLUE") && table.ends_with("1 open conflict\n")
    );
    let detail = desk.ok(&["conflicts", "van", "--id", &id[..6]]);
    assert!(detail.contains("resolve   keep-winner | keep-loser | set JSON | dismiss"), "{detail}");
    assert_eq!(desk.ok(&["resolve", "van", &id[..6], "keep-loser"]), "settled; 0 open conflicts left\n");
    desk.ok(&["sync", "shop", "van", "--pull"]);
    let glue = object(&desk.ok(&["--json", "rows", "shop", "product", "--key", "GLUE"]));
    assert_eq!((&glue["price"], &glue["shelf"]), (&json!(700), &json!("A1")));
    assert_eq!(desk.ok(&["conflicts", "shop"]), "0 open conflicts\n");
    let gone = desk.fails(&["resolve", "van", id, "dismiss"]);
    assert!(gone.starts_with(&format!("conflict {id} was already resolved by replica ")), "{gone}");
    // The van made the decision, and only it can take it back.
    let closed = object(&desk.ok(&["--json", "closed", "shop"]));
    assert_eq!((&closed["conflict"], &closed["can_be_undone"]), (&json!(id), &json!(false)));
    assert!(desk.ok(&["closed", "van"]).ends_with("possible\n1 closed conflict\n"));
    assert!(desk.fails(&["undo", "shop", id]).contains("only a resolution of this replica"));
    assert_eq!(desk.ok(&["undo", "van", id]), "taken back; 1 open conflict\n");
    let glue = object(&desk.ok(&["--json", "rows", "van", "product", "--key", "GLUE"]));
    assert_eq!(glue["price"], json!(710));
    assert_eq!(
        desk.ok(&["expire", "van", "--older-than", "1h"]),
        "0 conflicts dismissed; 1 open conflict left\n"
    );
    desk.ok(&["sync", "shop", "van"]);
    let expired = object(&desk.ok(&["--json", "expire", "shop", "--older-than", "0s"]));
    assert_eq!(expired, json!({ "dismissed": 1, "left": 0 }));
    assert!(desk.fails(&["expire", "shop", "--older-than", "old"]).contains("is no age"));
}

#[test]
fn the_schema_is_changed_by_its_master() {
    let desk = Desk::new();
    let shop = object(&desk.ok(&["--json", "init", "shop", &example("schema.sql")]));
    let van = object(&desk.ok(&["--json", "init", "van"]));
    let (shop, van) = (shop["replica"].as_str().unwrap(), van["replica"].as_str().unwrap());
    assert_eq!(desk.ok(&["master", "van"]), "design master: nobody, until the first sync\n");
    desk.ok(&["sync", "shop", "van"]);
    let change = "ALTER TABLE product ADD COLUMN color TEXT; CREATE INDEX by_color ON product (color)";
    assert_eq!(desk.ok(&["alter", "shop", change]), "changed the schema; 0 open conflicts (before: 0)\n");
    assert!(
        desk.fails(&["alter", "shop", "ALTER TABLE product DROP COLUMN colour"])
            .contains("line 1, column 33")
    );
    let refused = desk.fails(&["alter", "van", "DROP INDEX by_color"]);
    assert!(refused.contains(&format!("replica {shop} is design master")), "{refused}");
    assert_eq!(desk.ok(&["master", "shop", "--to", van]), format!("design master: {van}\n"));
    desk.ok(&["sync", "shop", "van"]);
    let changed = object(&desk.ok(&["--json", "alter", "van", "DROP INDEX by_color"]));
    assert_eq!(changed, json!({ "conflicts": 0, "conflicts_before": 0 }));
    desk.ok(&["master", "shop", "--take"]);
    desk.ok(&["alter", "shop", "ALTER TABLE product RENAME COLUMN color TO colour"]);
    desk.ok(&["sync", "shop", "van"]);
    assert_eq!(desk.ok(&["schema", "shop"]), desk.ok(&["schema", "van"]));
    assert!(desk.ok(&["schema", "van"]).contains("colour TEXT"));
    let status = desk.ok(&["status", "van"]);
    assert!(status.contains("without knowing of each other"), "{status}");
    assert_eq!(object(&desk.ok(&["--json", "status", "van"]))["design_master"], json!(shop));
}

/// A clash over the code `NEW`, between `shop` and `van`.
fn clash(desk: &Desk) -> String {
    desk.ok(&["init", "van"]);
    desk.ok(&["sync", "shop", "van"]);
    desk.ok(&["insert", "shop", "customer", r#"{"code":"NEW","name":"First"}"#]);
    desk.ok(&["insert", "van", "customer", r#"{"code":"new","name":"Second"}"#]);
    desk.ok(&["sync", "van", "shop"]);
    let listed = object(&desk.ok(&["--json", "conflicts", "van"]));
    assert_eq!((&listed["kind"], &listed["constraint"]), (&json!("unique"), &json!("customer_pkey")));
    listed["conflict"].as_str().unwrap().to_string()
}

#[test]
fn a_hidden_row_is_explained_renamed_or_preferred() {
    let desk = Desk::with_shop();
    let id = clash(&desk);
    let row = object(&desk.ok(&["--json", "conflicts", "van"]))["row"].as_str().unwrap().to_string();
    let why = desk.ok(&["explain", "van", "customer", &row]);
    assert!(why.contains("is parked") && why.contains("customer_pkey"), "{why}");
    let refused = desk.fails(&["resolve", "van", &id, "rename", r#"{"code":"ANN"}"#]);
    assert!(refused.contains("customer_pkey"), "{refused}");
    desk.ok(&["resolve", "shop", &id, "prefer"]);
    let new = object(&desk.ok(&["--json", "rows", "shop", "customer", "--key", "NEW"]));
    assert_eq!(new["name"], json!("Second"));
    let other = object(&desk.ok(&["--json", "conflicts", "shop"]))["conflict"].as_str().unwrap().to_string();
    desk.ok(&["resolve", "shop", &other, "rename", r#"{"code":"NEW2"}"#]);
    assert_eq!(
        desk.ok(&["rows", "shop", "customer", "--limit", "0"]),
        "0 of 4 rows; --limit all prints every one\n"
    );
}

#[test]
fn a_preview_tells_what_the_sync_does_and_writes_nothing() {
    let desk = Desk::with_shop();
    desk.ok(&["init", "van"]);
    let files = || -> Vec<Vec<u8>> {
        let paths = ["shop", "van"].map(|dir| ["journal", "data.redb"].map(|file| desk.path(dir).join(file)));
        paths.into_iter().flatten().map(|path| std::fs::read(path).unwrap()).collect()
    };
    let before = files();
    let empty = desk.ok(&["preview", "shop", "van"]);
    assert!(empty.contains("shop: nothing would change\nvan: ") && empty.contains("insert"), "{empty}");
    assert!(files() == before, "a preview has written something");
    desk.ok(&["sync", "shop", "van"]);
    desk.ok(&["update", "shop", "product", "glue", r#"{"price":700}"#]);
    desk.ok(&["update", "van", "product", "glue", r#"{"price":710}"#]);
    desk.ok(&["delete", "van", "customer", "BOB"]);
    let before = files();
    let told = desk.ok(&["preview", "shop", "van"]);
    assert!(told.starts_with("shop: 2 rows would change, 1 conflict would appear, 0 would go\n"), "{told}");
    assert!(told.contains("price: 700 -> 710") && told.contains("would appear: update in product"), "{told}");
    let json = object(&desk.ok(&["--json", "preview", "shop", "van"]));
    assert_eq!(json["to_first"]["counts"]["delete"], json!(1));
    assert_eq!(json["to_second"]["appear"][0]["loses"], json!("source"));
    let pull = object(&desk.ok(&["--json", "preview", "shop", "van", "--pull"]));
    assert_eq!((&pull["to_first"], &pull["to_second"]), (&json["to_first"], &Value::Null));
    assert!(files() == before, "a preview has written something");
    desk.ok(&["sync", "shop", "van"]);
    let idle = desk.ok(&["preview", "shop", "van"]);
    assert_eq!(idle, "shop: nothing would change\nvan: nothing would change\n");
    assert_eq!(desk.fails(&["preview", "shop", "shop"]), "shop and shop are the same replica");
}

#[test]
fn conflicts_are_filtered_counted_and_shown_in_pages() {
    let desk = Desk::with_shop();
    clash(&desk);
    desk.ok(&["update", "shop", "product", "glue", r#"{"price":700}"#]);
    desk.ok(&["update", "van", "product", "glue", r#"{"price":710}"#]);
    desk.ok(&["sync", "shop", "van"]);
    let kinds = |arguments: &[&str]| -> Vec<String> {
        let listed = desk.ok(&[&["--json", "conflicts", "shop"], arguments].concat());
        listed.lines().map(|line| object(line)["kind"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(kinds(&[]), ["unique", "update"]); // Oldest first.
    assert_eq!(kinds(&["--kind", "update"]), ["update"]);
    assert_eq!(kinds(&["--reason", "collision", "--newer-than", "1h"]), ["unique"]);
    assert_eq!(kinds(&["customer", "--constraint", "customer_pkey"]), ["unique"]);
    assert_eq!(kinds(&["product", "--key", "GLUE"]), ["update"]);
    assert_eq!(kinds(&["--older-than", "1h"]), Vec::<String>::new());
    let loser = object(&desk.ok(&["--json", "conflicts", "shop", "product"]))["loser"].clone();
    assert_eq!(kinds(&["--kind", "update", "--replica", loser["replica"].as_str().unwrap()]), ["update"]);
    let page = desk.ok(&["conflicts", "shop", "--limit", "1"]);
    let (_, place) = page.trim_end().rsplit_once(' ').unwrap();
    assert!(page.contains("2 open conflicts\nthe next page: --after "), "{page}");
    assert_eq!(kinds(&["--after", place]), ["update"]);
    let last = desk.ok(&["conflicts", "shop", "--limit", "1", "--after", place]);
    assert!(last.ends_with("2 open conflicts\n"), "{last}");
    let stats = desk.ok(&["stats", "shop"]);
    assert!(stats.contains("unique") && stats.ends_with("2 open conflicts\n"), "{stats}");
    let one = object(desk.ok(&["--json", "stats", "shop"]).lines().next().unwrap());
    assert_eq!((&one["constraint"], &one["conflicts"]), (&json!("customer_pkey"), &json!(1)));
    let unknown = desk.fails(&["conflicts", "shop", "--constraint", "nothing"]);
    assert_eq!(unknown, "there is no key, foreign key or rule nothing");
}

#[test]
fn an_order_returns_with_its_customer() {
    let desk = Desk::with_shop();
    desk.ok(&["init", "van"]);
    desk.ok(&["sync", "shop", "van"]);
    desk.ok(&["delete", "shop", "customer", "BOB"]);
    desk.ok(&["insert", "van", "orders", r#"{"number":1,"customer":"BOB"}"#]);
    desk.ok(&["insert", "van", "order_line", r#"{"order_number":1,"line":1,"product":"GLUE","quantity":2}"#]);
    desk.ok(&["sync", "shop", "van"]);
    let listed = desk.ok(&["--json", "conflicts", "shop", "orders"]);
    let listed = object(&listed);
    assert_eq!((&listed["kind"], &listed["winner"]["deleted"]), (&json!("delete-ri"), &json!(true)));
    desk.ok(&["resolve", "shop", listed["conflict"].as_str().unwrap(), "restore-parent"]);
    let line = desk.ok(&["rows", "shop", "order_line", "--key", "[1,1]"]);
    assert!(line.contains(" quantity       2\n"), "{line}");
    assert_eq!(desk.ok(&["conflicts", "shop"]), "0 open conflicts\n");
}

#[test]
fn import_takes_what_spreadsheets_write() {
    let desk = Desk::with_shop();
    // A byte order mark, \r\n, a field of two lines, NULL and the empty text, another delimiter.
    desk.write(
        "c.csv",
        "\u{feff}code;name;zip;note\r\nCY;\"Cy \"\"C\"\"\";\"\";\"a\r\nb;\"\r\n\r\nDEE;Dée;;x\r\n",
    );
    let done = desk.ok(&["import", "shop", "customer", "c.csv", "--delimiter", ";"]);
    assert_eq!(done, "customer: 2 rows from c.csv\n");
    let cy = object(&desk.ok(&["--json", "rows", "shop", "customer", "--key", "CY"]));
    assert_eq!((&cy["name"], &cy["zip"], &cy["note"]), (&json!("Cy \"C\""), &json!(""), &json!("a\r\nb;")));
    let dee = object(&desk.ok(&["--json", "rows", "shop", "customer", "--key", "dee"]));
    assert_eq!((&dee["zip"], &dee["phone"]), (&Value::Null, &Value::Null));
    let shown = desk.ok(&["rows", "shop", "customer", "--key", "CY"]);
    assert!(shown.contains(r" note       a\r\nb;") && shown.contains(" zip        \"\"\n"), "{shown}");
}

#[test]
fn import_in_batches_keeps_what_was_committed() {
    let desk = Desk::with_shop();
    desk.write("p.csv", "sku,name,price\nA,A,1\nB,B,2\nC,C,3\nD,D,x\n");
    let error = desk.fails(&["import", "shop", "product", "p.csv", "--batch", "2"]);
    let expected =
        "p.csv: only the first 2 rows imported: line 5, column 3 (price): 'x' is not a valid INTEGER";
    assert!(error.starts_with(expected), "{error}");
    assert_eq!(desk.ok(&["--json", "rows", "shop", "product"]).lines().count(), 4);
    desk.write("p.csv", "sku,name,price\na,A,10\nB,B,2\nC,C,3\n");
    let done = desk.ok(&["import", "shop", "product", "p.csv", "--batch", "2", "--upsert"]);
    assert_eq!(done, "product: 3 rows from p.csv\n");
    assert_eq!(object(&desk.ok(&["--json", "rows", "shop", "product", "--key", "A"]))["price"], json!(10));
}

#[test]
fn import_reads_the_standard_input() {
    let desk = Desk::with_shop();
    let mut child = desk
        .command(&["import", "shop", "customer", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"code,name\nEVE,Eve\n").unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    desk.ok(&["rows", "shop", "customer", "--key", "EVE"]);
}

#[test]
fn a_table_without_a_key_is_reached_by_row_id() {
    let desk = Desk::new();
    desk.write("s.sql", "CREATE TABLE note (text TEXT NOT NULL);");
    desk.ok(&["init", "notes", "s.sql"]);
    let row = object(&desk.ok(&["--json", "insert", "notes", "note", r#"{"text":"one"}"#]));
    let id = row["row"].as_str().unwrap();
    desk.ok(&["update", "notes", "note", id, r#"{"text":"\u001b[31mtwo"}"#]);
    let listed = object(&desk.ok(&["--json", "rows", "notes", "note"]));
    assert_eq!(listed, json!({ "row id": id, "text": "\u{1b}[31mtwo" }));
    // What came from elsewhere does not drive the terminal.
    assert!(desk.ok(&["rows", "notes", "note"]).contains(r"\u{1b}[31mtwo"));
    assert_eq!(without_ids(&desk.ok(&["delete", "notes", "note", id])), "deleted row <id>\n");
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let desk = Desk::new();
    desk.ok(&["init", "shop", &example("schema.sql")]);
    desk.ok(&["import", "shop", "customer", &example("customers.csv")]);
    let mut child = desk
        .command(&["rows", "shop", "customer", "--limit", "all"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &[][..]));
}

#[test]
fn scripts_end_with_the_worst_status() {
    let desk = Desk::new();
    let story = "replicas a b\nschema <<END\nCREATE TABLE t (k TEXT PRIMARY KEY);\nEND\n\
                 a: insert t {\"k\":\"x\"}\nsync a b\nb: rows t\n";
    desk.write("good", story);
    desk.write("bad", format!("{story}a: insert t {{\"k\":\"x\"}}\n"));
    desk.write("worse", "frob\n");
    let good = desk.run(&["script", "good"]);
    assert_eq!((good.status, good.out.contains("{\"k\":\"x\"}")), (0, true), "{good:?}");
    assert_eq!(desk.run(&["script", "good", "bad"]).status, 1);
    assert_eq!(desk.run(&["script", "bad", "worse", "good"]).status, 2);
    let json = object(&desk.ok(&["--json", "script", "good"]));
    assert_eq!((&json["file"], &json["status"]), (&json!("good"), &json!(0)));
}

#[test]
fn the_demo_leaves_three_sound_replicas() {
    let desk = Desk::new();
    let told = desk.ok(&["--json", "demo", "--keep", "kept"]);
    assert!(told.lines().map(object).all(|line| line.is_object()));
    let listed = desk.ok(&["--json", "conflicts", "kept/office"]);
    let kinds: Vec<Value> = listed.lines().map(|line| object(line)["kind"].clone()).collect();
    assert_eq!(kinds, ["update", "delete-update", "foreign-key", "delete-ri"]);
    for replica in ["kept/office", "kept/shop", "kept/van"] {
        assert_eq!(desk.ok(&["check", replica]), format!("{replica}: nothing is wrong\n"));
        assert_eq!(desk.ok(&["--json", "conflicts", replica]), listed);
    }
    let again = desk.fails(&["demo", "--keep", "kept"]);
    assert_eq!(again, "create kept/office: the directory is not empty");
}

#[test]
#[cfg(feature = "sled")]
fn engines_differ_in_nothing_but_their_name() {
    let desk = Desk::with_shop();
    desk.ok(&["init", "van", "--engine", "sled"]);
    desk.ok(&["sync", "shop", "van"]);
    desk.ok(&["update", "van", "product", "GLUE", r#"{"price":700}"#]);
    desk.ok(&["sync", "shop", "van"]);
    let rows = |database| desk.ok(&["--json", "rows", database, "product"]);
    assert_eq!(rows("shop"), rows("van"));
    assert_eq!(object(&desk.ok(&["--json", "status", "van"]))["engine"], json!("sled"));
    assert_eq!(desk.ok(&["check", "van"]), "van: nothing is wrong\n");
}

#[test]
fn a_form_is_not_saved_over_somebody_elses_work() {
    let desk = Desk::with_shop();
    let version = || desk.ok(&["version", "shop", "product", "GLUE"]).trim().to_string();
    let read = version();
    let json = object(&desk.ok(&["--json", "version", "shop", "product", r#"{"name":"Glue"}"#]));
    assert_eq!(json["version"], json!(read));
    desk.ok(&["update", "shop", "product", "GLUE", r#"{"price":700}"#, "--if-version", &read]);
    let again = ["--json", "update", "shop", "product", "GLUE", r#"{"price":710}"#, "--if-version", &read];
    let error = object(&desk.run(&again).errors)["error"].clone();
    assert_eq!((&error["code"], &error["columns"]), (&json!("stale-version"), &json!(["price"])));
    desk.fails(&["delete", "shop", "product", "GLUE", "--if-version", &read]);
    let read = version();
    desk.ok(&["delete", "shop", "product", "GLUE", "--if-version", &read]);
    let gone = desk.fails(&["delete", "shop", "product", "GLUE", "--if-version", &read]);
    assert!(gone.contains("it was deleted by"), "{gone}");
    assert_eq!(desk.run(&["delete", "shop", "product", "BONE", "--if-version", "nonsense"]).status, 2);
}

#[test]
fn a_duplicate_names_its_key_and_who_holds_it() {
    let desk = Desk::with_shop();
    let taken = ["--json", "insert", "shop", "product", r#"{"sku":"X","name":"Glue","price":1}"#];
    let error = object(&desk.run(&taken).errors)["error"].clone();
    assert_eq!((&error["code"], &error["columns"]), (&json!("duplicate-key"), &json!(["name"])));
    assert_eq!((&error["key"], &error["values"]), (&json!("product_name_key"), &json!(["Glue"])));
    assert!(error["holder"].is_string(), "{error}");
}
