//! Rows that their primary key names: a replica that broke the rule is found out, by its own check and by whoever syncs
//! with it. No replica can do that but by a mistake in the code, so one is planted.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where something is not as expected")]

use reunite::fault::{Bug, plant};
use reunite::store::Problem;
use reunite::{Database, replicate, row};

const SQL: &str = "CREATE TABLE tag (name TEXT PRIMARY KEY, color TEXT) WITH (identity = 'natural')";

#[test]
fn a_row_whose_key_names_another_is_found_and_refused() {
    let [wrong, right] = [(); 2].map(|()| Database::builder().sql(SQL).unwrap().in_memory().unwrap());
    wrong.write(|tx| tx.table("tag")?.insert(row! { name: "new" })).unwrap();
    replicate::sync(&wrong, &right).unwrap();
    assert!(wrong.check().unwrap().is_empty());

    plant(Some(Bug::NaturalRename));
    wrong.write(|tx| tx.table("tag")?.update("new", row! { name: "old" })).unwrap();
    plant(None);

    let findings = wrong.check().unwrap();
    assert!(findings.iter().any(|finding| finding.problem == Problem::Misnamed), "{findings:?}");
    let digest = right.digest().unwrap();
    let refused = replicate::sync(&wrong, &right).unwrap_err();
    assert_eq!(refused.code(), "protocol", "{refused}");
    assert!(refused.to_string().contains("names another row"), "{refused}");
    assert_eq!(right.digest().unwrap(), digest);
}
