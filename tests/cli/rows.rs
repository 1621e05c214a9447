//! Commands that make one row of two, add to counters and bring rows back.

use serde_json::{Value, json};

use crate::{Desk, without_ids};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn two_rows_become_one_and_two_again() {
    let desk = Desk::with_shop();
    desk.ok(&["insert", "shop", "customer", r#"{"code":"ANNA","name":"Anna","city":"Graz"}"#]);
    desk.ok(&["insert", "shop", "orders", r#"{"number":1,"customer":"ANNA"}"#]);
    let answer = desk.ok(&["--json", "merge", "shop", "customer", "ANNA", r#"{"code":"ANN"}"#]);
    let merged = &lines(&answer)[0];
    assert_ne!(merged["row"], merged["into"]);
    let customers = lines(&desk.ok(&["--json", "rows", "shop", "customer"]));
    let codes: Vec<&Value> = customers.iter().map(|row| &row["code"]).collect();
    assert_eq!(codes, [&json!("ANN"), &json!("BOB")]);
    assert_eq!((&customers[0]["name"], &customers[0]["city"]), (&json!("Ann Müller"), &json!("Graz")));
    assert_eq!(lines(&desk.ok(&["--json", "rows", "shop", "orders"]))[0]["customer"], "ANN");
    let explained = desk.ok(&["explain", "shop", "customer", merged["row"].as_str().unwrap()]);
    assert!(
        without_ids(&explained).starts_with("<id> of customer was merged: it is <id> now\n"),
        "{explained}"
    );

    let unknown = desk.fails(&["merge", "shop", "customer", "EVE", "ANN"]);
    assert_eq!(unknown, "table customer has no row EVE");
    let itself = desk.fails(&["merge", "shop", "customer", "ANN", "ANN"]);
    assert!(itself.ends_with("a row can be merged into another of its table only"), "{itself}");

    let id = merged["row"].as_str().unwrap();
    let back = desk.ok(&["undelete", "shop", "customer", id]);
    assert_eq!(back, format!("brought back row {id}\n"));
    assert_eq!(lines(&desk.ok(&["--json", "rows", "shop", "customer"])).len(), 3);
    assert_eq!(lines(&desk.ok(&["--json", "rows", "shop", "orders"]))[0]["customer"], "ANNA");
    assert!(desk.fails(&["undelete", "shop", "customer", id]).ends_with("the row is not deleted"));
    assert_eq!(desk.ok(&["check", "shop"]), "shop: nothing is wrong\n");
}

#[test]
fn counters_add_up() {
    let desk = Desk::new();
    desk.write("schema.sql", "CREATE TABLE page (name TEXT PRIMARY KEY, hits INTEGER) WITH (sum = 'hits');");
    desk.ok(&["init", "shop", "schema.sql"]);
    desk.ok(&["init", "van"]);
    desk.ok(&["insert", "shop", "page", r#"{"name":"home","hits":10}"#]);
    desk.ok(&["sync", "shop", "van"]);
    desk.ok(&["increment", "shop", "page", "home", r#"{"hits":2}"#]);
    let answer = desk.ok(&["increment", "van", "page", "home", r#"{"hits":-5}"#]);
    assert_eq!(without_ids(&answer), "updated row <id>\n");
    desk.ok(&["sync", "shop", "van"]);
    assert_eq!(lines(&desk.ok(&["--json", "rows", "shop", "page"])), [json!({"name":"home","hits":7})]);
    let wrong = desk.fails(&["increment", "van", "page", "home", r#"{"name":"2"}"#]);
    assert!(wrong.ends_with("column name is no counter: only columns of the option sum are"), "{wrong}");
}
