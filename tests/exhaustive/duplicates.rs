//! Beginnings where duplicates of a key merge, and what is peculiar to them: the rule writes, so whoever meets first
//! writes first. All must come to rest in each order in which they can meet.

use std::collections::BTreeMap;

use reunite::ids::RowKey;
use reunite::replicate::Direction;
use reunite::value::Value;

use super::beginnings::{After, Start, number};
use super::pairs::check;
use super::people::Told;
use crate::databases::World;
use crate::model::Choice;
use crate::world::generate::Operation;
use crate::world::story::{Checked, Story, ensure};

/// The email of a contact merges, its code parks. A visit's key follows its contact's, so merges cascade.
pub const SCHEMA: &str = "
CREATE TABLE contact (email INTEGER PRIMARY KEY, code INTEGER UNIQUE, phone INTEGER)
    WITH (merge_duplicates = 'email', deletes = 'RULE');
CREATE TABLE visit (contact INTEGER REFERENCES contact (email) ON DELETE CASCADE, day INTEGER, note INTEGER,
    PRIMARY KEY (contact, day)) WITH (merge_duplicates = '(contact, day)', deletes = 'RULE');
";

const CONTACT: usize = 0;
const VISIT: usize = 1;
const EMAIL: usize = 0;
const CODE: usize = 1;

/// Two contacts, each with a visit.
pub fn two_contacts(world: &mut World<'_>) -> Told {
    for n in [1, 2] {
        world.perform(0, vec![world.insert(CONTACT, &[n, n, n]), world.insert(VISIT, &[n, 1, n])])?;
    }
    world.meet()
}

/// Both inserted a contact of one email, with a visit on one day.
pub fn made_twice(world: &mut World<'_>) -> Told {
    two_contacts(world)?;
    for (i, n) in [(0, 5), (1, 6)] {
        world.perform(i, vec![world.insert(CONTACT, &[3, n, n]), world.insert(VISIT, &[3, 1, n])])?;
    }
    Ok(())
}

/// The contact that became one with another.
fn merged_one(world: &World<'_>) -> RowKey {
    let view = &world.pairs[0].view;
    view.images.values().find(|image| image.root != image.key).expect("a merged row").key
}

/// The rule made one contact of two, and somebody took them apart again.
pub fn taken_apart(world: &mut World<'_>) -> Told {
    made_twice(world)?;
    world.come_to_rest()?;
    let row = merged_one(world);
    let values = [(EMAIL, Value::Integer(4)), (CODE, Value::Integer(7))].into_iter().collect();
    world.perform(0, vec![Operation::Undelete { row }, Operation::Update { row, values, force: false }])
}

/// One made one contact of two, and the other gave its own another email meanwhile.
pub fn renamed_while_merged(world: &mut World<'_>) -> Told {
    made_twice(world)?;
    world.session(0, 1, Direction::Pull, None, usize::MAX >> 1)?;
    world.perform(1, vec![world.update(1, CONTACT, 3, number(EMAIL, 4))])
}

/// Of two contacts of one code, one replica made one contact, the other kept both.
pub fn kept_apart(world: &mut World<'_>) -> Told {
    two_contacts(world)?;
    for (i, email) in [(0, 3), (1, 4)] {
        world.perform(i, vec![world.insert(CONTACT, &[email, 5, email])])?;
    }
    world.come_to_rest()?;
    world.resolve_it(0, Choice::Merge)?;
    world.resolve_it(1, Choice::KeepBoth(number(CODE, 6)))
}

type Rows = BTreeMap<RowKey, Vec<Value>>;

/// Two meet, in each order. All orders must end with the same rows.
pub fn pair_in_each_order(start: &Start, did: [&After; 2]) -> Checked {
    let orders = [Direction::Both, Direction::Pull, Direction::Push].map(|first| vec![(0, 1, first)]);
    let shown = in_each_order(start, &did, &orders)?;
    ensure(shown.iter().all(|rows| *rows == shown[0]), || format!("P3 the order matters: {shown:#?}"))
}

/// In how many orders three meet.
pub const ORDERS: usize = 6;

/// Three meet: two of them first, then one of these and the third, one way. Who meets first may decide: a visit that one
/// deletes while the contacts of two others become one is deleted, or has become part of another visit before.
pub fn triple_in_each_order(start: &Start, did: [&After; 3]) -> Checked {
    let who: [_; ORDERS] = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)];
    let orders = who.map(|(a, b, c)| vec![(a, b, Direction::Pull), (c, a, Direction::Pull)]);
    in_each_order(start, &did, &orders).map(drop)
}

type Sessions = Vec<(usize, usize, Direction)>;

/// After these sessions everybody meets until there is nothing to say. What all show then, by order.
fn in_each_order(start: &Start, did: &[&After], orders: &[Sessions]) -> Checked<Vec<Rows>> {
    let one = |order: &Sessions| {
        let mut story = Story::default();
        let mut world = start.world(did, &mut story);
        for (a, b, direction) in order {
            world.session(*a, *b, *direction, None, usize::MAX >> 1)?;
        }
        world.come_to_rest()?;
        check(&world)?;
        Ok(world.pairs.swap_remove(0).view.visible)
    };
    orders.iter().map(one).collect()
}
