//! Tables whose primary key names their rows, from the command line.

use serde_json::{Value, json};

use crate::Desk;

#[test]
fn a_file_that_two_replicas_import_makes_each_row_once() {
    let desk = Desk::new();
    let sql = "CREATE TABLE country (code TEXT COLLATE NOCASE PRIMARY KEY, name TEXT)";
    desk.write("s.sql", format!("{sql} WITH (identity = 'natural');"));
    desk.write("c.csv", "code,name\nDE,Germany\nFR,France\n");
    for database in ["office", "van"] {
        desk.ok(&["init", database, "s.sql"]);
        desk.ok(&["import", database, "country", "c.csv"]);
    }
    let synced = desk.ok(&["sync", "office", "van"]);
    assert!(synced.ends_with("; 0 open conflicts\n"), "{synced}");
    assert_eq!(desk.ok(&["--json", "rows", "van", "country"]).lines().count(), 2);
    let refused = desk.run(&["--json", "update", "van", "country", "de", r#"{"code":"DK"}"#]);
    let answer: Value = serde_json::from_str(&refused.errors).unwrap();
    let error = &answer["error"];
    assert_eq!((&error["code"], &error["values"]), (&json!("immutable-key"), &json!(["DE"])));
}
