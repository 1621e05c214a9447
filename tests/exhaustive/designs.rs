//! A beginning in which the schema has changed already, and what a change may be. A rule that is added and
//! dropped again leaves no trace.

use reunite::Database;
use reunite::db::AlterError;

use super::beginnings::number;
use super::people::{PERSON, TASK, live_calmly};
use super::seen::{Seen, self_check};
use crate::databases::{World, sqlite};
use crate::world::story::{Failure, ensure};

/// The column that the beginning adds.
const EXTRA: usize = 3;

/// Changes of the schema. Those that do not fit a beginning are refused there.
pub const ALTERATIONS: [&str; 18] = [
    "ALTER TABLE person ADD COLUMN extra INTEGER NOT NULL DEFAULT 7",
    "ALTER TABLE person ADD COLUMN more INTEGER",
    "ALTER TABLE person DROP COLUMN extra",
    "ALTER TABLE person DROP COLUMN age",
    "ALTER TABLE person RENAME COLUMN age TO years",
    "ALTER TABLE person ADD CONSTRAINT one_age UNIQUE (age)",
    "ALTER TABLE person DROP CONSTRAINT one_age",
    "ALTER TABLE person DROP CONSTRAINT person_email_key",
    "ALTER TABLE person ADD CONSTRAINT young CHECK (age < 35)",
    "ALTER TABLE person DROP CONSTRAINT young",
    "ALTER TABLE task DROP CONSTRAINT task_person_fkey",
    "ALTER TABLE task ADD CONSTRAINT by_email FOREIGN KEY (number) REFERENCES person (email)",
    "ALTER TABLE task DROP CONSTRAINT by_email",
    "ALTER TABLE person SET (deletes = 'update wins')",
    "ALTER TABLE person SET (winner = 'priority')",
    "CREATE INDEX by_age ON person (age)",
    "ALTER TABLE task RENAME TO work",
    "DROP TABLE task",
];

/// Rules, each with the statement that takes it back.
const ADDED_AND_DROPPED: [(&str, &str); 4] = [
    ("ALTER TABLE person ADD CONSTRAINT p17 UNIQUE (age)", "ALTER TABLE person DROP CONSTRAINT p17"),
    ("ALTER TABLE person ADD CONSTRAINT p17 UNIQUE (extra)", "ALTER TABLE person DROP CONSTRAINT p17"),
    ("ALTER TABLE person ADD CONSTRAINT p17 CHECK (code < email)", "ALTER TABLE person DROP CONSTRAINT p17"),
    (
        "ALTER TABLE task ADD CONSTRAINT p17 FOREIGN KEY (number) REFERENCES person (code)",
        "ALTER TABLE task DROP CONSTRAINT p17",
    ),
];

/// P17: a rule that is added and dropped again leaves no trace. Which rule, `turn` says; whether it fits what has
/// become of the schema, and was tried.
pub fn leaves_no_trace(db: &Database, turn: usize) -> Result<bool, Failure> {
    let refused = |error: AlterError| Failure(format!("P17 {error}"));
    let (add, drop) = ADDED_AND_DROPPED[turn % ADDED_AND_DROPPED.len()];
    db.take_over_design().map_err(refused)?;
    let before = Seen::of(db);
    match db.alter(add) {
        Ok(()) => {}
        Err(AlterError::Sql(_)) => return Ok(false),
        Err(error) => return Err(refused(error)),
    }
    sqlite::loads(db, &db.schema())?;
    self_check(db)?;
    db.alter(drop).map_err(refused)?;
    let after = Seen::of(db);
    ensure(after == before, || format!("P17 {add} left {after:#?}, not {before:#?}"))?;
    Ok(true)
}

/// Rules that came later park a person and a task, and two replicas have written a column that was added.
pub fn later_rules(world: &mut World<'_>) -> Result<(), Failure> {
    live_calmly(world)?;
    world.perform(1, vec![world.insert(TASK, &[2, 2]), world.insert(TASK, &[3, 1])])?;
    for sql in [
        "ALTER TABLE person ADD COLUMN extra INTEGER DEFAULT 5",
        "ALTER TABLE person ADD CONSTRAINT one_age UNIQUE (age)",
        "ALTER TABLE task ADD CONSTRAINT by_email FOREIGN KEY (number) REFERENCES person (email) WITH (match_key = 'number')",
    ] {
        world.alter(0, sql)?;
    }
    world.meet()?;
    for i in [0, 1] {
        world.perform(i, vec![world.update(i, PERSON, 1, number(EXTRA, 40 + i as i64))])?;
    }
    Ok(())
}
