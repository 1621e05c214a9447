//! Digests are equal on replicas that hold the same, however they hold it.

use reunite::row;

use crate::world::{World, replicas};

#[test]
fn replicas_that_number_each_other_differently_agree() {
    let world = World::new();
    let digest = world.a.digest().unwrap();
    assert_eq!(world.b.digest().unwrap(), digest);
    assert_eq!(world.c.digest().unwrap(), digest);
    let order = |replica| replicas(&world.bytes_of(replica)).iter().collect::<Vec<_>>();
    assert_ne!(order(0), order(1));
}

#[test]
fn a_change_changes_it_and_a_local_one_does_not() {
    let world = World::new();
    let digest = world.b.digest().unwrap();
    world.b.write(|tx| tx.table("note")?.insert(row! { text: "local" })).unwrap();
    assert_eq!(world.b.digest().unwrap(), digest);
    world.b.write(|tx| tx.table("customer")?.update("ANN", row! { phone: "2" })).unwrap();
    assert_ne!(world.b.digest().unwrap(), digest);
    world.sync_all();
    assert_eq!(world.a.digest().unwrap(), world.b.digest().unwrap());
}
