//! Beginnings with persons and their tasks: each kind of conflict that rows and references can have.

use super::beginnings::number;
use crate::databases::World;
use crate::model::Choice;
use crate::world::generate::Operation;
use crate::world::story::Failure;

/// A primary and a unique key, a reference, plain columns.
pub const SCHEMA: &str = "
CREATE TABLE person (code INTEGER PRIMARY KEY, email INTEGER UNIQUE, age INTEGER) WITH (deletes = 'RULE');
CREATE TABLE task (number INTEGER PRIMARY KEY, person INTEGER REFERENCES person (code))
    WITH (deletes = 'RULE');
";

/// The table whose rows are referred to, and the table that refers.
pub const PERSON: usize = 0;
pub const TASK: usize = 1;
pub const AGE: usize = 2;

pub type Told = Result<(), Failure>;

/// Two persons, one with a task, and one that was deleted.
pub fn live_calmly(world: &mut World<'_>) -> Told {
    world.perform(0, vec![world.insert(PERSON, &[1, 1, 30]), world.insert(PERSON, &[2, 2, 30])])?;
    world.perform(0, vec![world.insert(TASK, &[1, 1]), world.insert(PERSON, &[9, 9, 30])])?;
    world.perform(0, vec![Operation::Delete { row: world.row(0, PERSON, 9) }])?;
    world.meet()
}

/// Both changed the age of one person.
pub fn two_values(world: &mut World<'_>) -> Told {
    live_calmly(world)?;
    for i in [0, 1] {
        world.perform(i, vec![world.update(i, PERSON, 1, number(AGE, 40 + i as i64))])?;
    }
    Ok(())
}

/// Both inserted a person of one code; the one that is parked has a task.
pub fn two_of_one_key(world: &mut World<'_>) -> Told {
    live_calmly(world)?;
    world.perform(0, vec![world.insert(PERSON, &[3, 3, 30])])?;
    world.perform(1, vec![world.insert(PERSON, &[3, 4, 30]), world.insert(TASK, &[2, 3])])
}

/// Both inserted a person of one email; one of them is parked.
pub fn two_of_one_email(world: &mut World<'_>) -> Told {
    live_calmly(world)?;
    world.perform(0, vec![world.insert(PERSON, &[3, 5, 30])])?;
    world.perform(1, vec![world.insert(PERSON, &[4, 5, 30])])
}

/// A person was deleted who got a task elsewhere.
pub fn an_orphan(world: &mut World<'_>) -> Told {
    live_calmly(world)?;
    world.perform(0, vec![Operation::Delete { row: world.row(0, PERSON, 2) }])?;
    world.perform(1, vec![world.insert(TASK, &[2, 2])])
}

/// A person was deleted who was changed elsewhere.
pub fn a_contested_deletion(world: &mut World<'_>) -> Told {
    live_calmly(world)?;
    world.perform(0, vec![Operation::Delete { row: world.row(0, PERSON, 2) }])?;
    world.perform(1, vec![world.update(1, PERSON, 2, number(AGE, 41))])
}

/// A person was merged into another and changed elsewhere: the survivor has two ages.
pub fn a_merged_row_changed(world: &mut World<'_>) -> Told {
    live_calmly(world)?;
    let (row, into) = (world.row(0, PERSON, 2), world.row(0, PERSON, 1));
    world.perform(0, vec![Operation::Merge { row, into }])?;
    world.perform(1, vec![world.update(1, PERSON, 2, number(AGE, 41))])
}

/// Of two persons of one code, one replica made one person, the other kept both.
pub fn merged_and_kept_apart(world: &mut World<'_>) -> Told {
    two_of_one_key(world)?;
    world.meet()?;
    world.resolve_it(0, Choice::Merge)?;
    world.resolve_it(1, Choice::KeepBoth(number(0, 5)))
}

/// A conflict that its replica may yet take up again.
pub fn a_settled_conflict(world: &mut World<'_>) -> Told {
    two_values(world)?;
    world.meet()?;
    world.resolve_it(0, Choice::KeepLoser)
}
