//! What these histories have found, by hand.

use reunite::{Database, WriteError, row};

#[test]
fn a_row_may_refer_to_its_own_key_that_follows_another() {
    let schema = "CREATE TABLE parent (a INTEGER PRIMARY KEY);
        CREATE TABLE child (k INTEGER UNIQUE REFERENCES parent (a), own INTEGER REFERENCES child (k))";
    let db = Database::builder().sql(schema).unwrap().in_memory().unwrap();
    let insert = |tx: &mut reunite::Transaction| {
        tx.table("parent")?.insert(row! { a: 1 })?;
        tx.table("child")?.insert(row! { k: 1, own: 1 })
    };
    let child = db.write::<_, WriteError>(insert).unwrap();
    db.write(|tx| tx.table("parent")?.update(1, row! { a: 2 })).unwrap();
    let shown = db.read().unwrap().table("child").unwrap().get(child).unwrap();
    assert_eq!(shown, Some(row! { k: 2, own: 2 }));
    assert_eq!(db.check().unwrap(), []);
}

#[test]
fn a_row_that_has_the_key_of_another_for_a_moment_takes_no_child_along() {
    let schema = "CREATE TABLE parent (a INTEGER PRIMARY KEY);
        CREATE TABLE child (n INTEGER PRIMARY KEY, a INTEGER REFERENCES parent (a) ON DELETE CASCADE)";
    let db = Database::builder().sql(schema).unwrap().in_memory().unwrap();
    db.write::<_, WriteError>(|tx| {
        let other = tx.table("parent")?.insert(row! { a: 1 })?;
        tx.table("parent")?.insert(row! { a: 2 })?;
        tx.table("child")?.insert(row! { n: 1, a: 2 })?;
        Ok(other)
    })
    .and_then(|other| {
        db.write(|tx| {
            let mut parents = tx.table("parent")?;
            parents.update(other, row! { a: 2 })?;
            parents.delete(other)
        })
    })
    .unwrap();
    assert_eq!(db.read().unwrap().table("child").unwrap().get(1).unwrap(), Some(row! { n: 1, a: 2 }));
}
