//! What the replicas have in common before they part: small databases, each with one kind of conflict open.

use std::sync::Arc;

use reunite::ids::{RowId, RowKey};
use reunite::replicate::Direction;
use reunite::schema::{DeleteRule, Schema};
use reunite::value::Value;

use crate::databases::World;
use crate::databases::pair::Pair;
use crate::model::{Choice, Values};
use crate::world::checks::Changes;
use crate::world::generate::Operation;
use crate::world::random::Random;
use crate::world::story::{Failure, Story};

/// A beginning: a name, and what happens. The first two replicas meet afterwards, then all others.
pub struct Beginning {
    pub name: &'static str,
    tell: fn(&mut World<'_>) -> Result<(), Failure>,
}

pub const BEGINNINGS: [Beginning; 8] = [
    Beginning { name: "calm", tell: |_| Ok(()) },
    Beginning { name: "update", tell: two_values },
    Beginning { name: "unique", tell: two_of_one_key },
    Beginning { name: "delete-ri", tell: an_orphan },
    Beginning { name: "deletion", tell: a_contested_deletion },
    Beginning { name: "merged", tell: a_merged_row_changed },
    Beginning { name: "identity", tell: merged_and_kept_apart },
    Beginning { name: "settled", tell: a_settled_conflict },
];

/// The table whose rows are referred to, and the table that refers.
const PERSON: usize = 0;
const TASK: usize = 1;

/// The schema: a primary and a unique key, a reference, plain columns.
pub fn schema(deletes: DeleteRule) -> Arc<Schema> {
    let deletes = match deletes {
        DeleteRule::DeleteWins => "delete wins",
        DeleteRule::UpdateWins => "update wins",
        DeleteRule::LatestWins => "latest wins",
    };
    let sql = format!(
        "CREATE TABLE person (code INTEGER PRIMARY KEY, email INTEGER UNIQUE, age INTEGER)
             WITH (deletes = '{deletes}');
         CREATE TABLE task (number INTEGER PRIMARY KEY, person INTEGER REFERENCES person (code))
             WITH (deletes = '{deletes}');"
    );
    Arc::new(Schema::from_sql(&sql).expect("a valid schema"))
}

/// Replicas at rest, from which worlds go on, each for itself.
pub struct Start {
    pub schema: Arc<Schema>,
    pub pairs: Vec<Pair>,
    pub changes: Changes,
}

impl Beginning {
    /// So many replicas that know the same. A later one has a later clock.
    pub fn start(&self, deletes: DeleteRule, count: usize) -> Result<Start, Failure> {
        let schema = schema(deletes);
        let mut random = Random::new(1);
        let pairs = (0..count).map(|i| Pair::new(&schema, i, false, &mut random)).collect();
        let mut story = Story::default();
        let mut world = World { schema, pairs, changes: Changes::new(), seen: Vec::new(), story: &mut story };
        world.share_a_calm_life()?;
        (self.tell)(&mut world)?;
        world.meet()?;
        for (i, pair) in world.pairs.iter().enumerate() {
            pair.clock.advance(1_000_000 * (i as i64 + 1));
        }
        Ok(Start { schema: world.schema, pairs: world.pairs, changes: world.changes })
    }
}

impl Start {
    /// What a replica has made of the start with one operation; none if it was refused.
    pub fn after(&self, i: usize, operation: &Operation) -> Result<Option<After>, Failure> {
        let mut story = Story::default();
        let pairs = self.pairs.iter().map(Pair::fork).collect();
        let mut world = World {
            schema: Arc::clone(&self.schema),
            pairs,
            changes: self.changes.clone(),
            seen: Vec::new(),
            story: &mut story,
        };
        world.perform(i, vec![operation.clone()])?;
        let mut changes = world.changes;
        for (row, before) in &self.changes {
            changes.get_mut(row).expect("changes are not forgotten").drain(..before.len());
        }
        let pair = world.pairs.swap_remove(i);
        let done = pair.model.knowledge != self.pairs[i].model.knowledge;
        Ok(done.then_some(After { pair, changes }))
    }

    /// A world of these replicas, each of which has done something.
    pub fn world<'s>(&self, afters: &[&After], story: &'s mut Story) -> World<'s> {
        let mut changes = self.changes.clone();
        for (row, added) in afters.iter().flat_map(|after| &after.changes) {
            changes.entry(*row).or_default().extend(added.iter().cloned());
        }
        let pairs = afters.iter().map(|after| after.pair.fork()).collect();
        World { schema: Arc::clone(&self.schema), pairs, changes, seen: Vec::new(), story }
    }
}

/// A replica after one operation, with the changes that it made.
pub struct After {
    pub pair: Pair,
    changes: Changes,
}

impl World<'_> {
    /// Two persons, one with a task, and one that was deleted.
    fn share_a_calm_life(&mut self) -> Result<(), Failure> {
        self.perform(0, vec![self.insert(PERSON, &[1, 1, 30]), self.insert(PERSON, &[2, 2, 30])])?;
        self.perform(0, vec![self.insert(TASK, &[1, 1]), self.insert(PERSON, &[9, 9, 30])])?;
        self.perform(0, vec![Operation::Delete { row: self.row(0, PERSON, 9) }])?;
        self.meet()
    }

    fn meet(&mut self) -> Result<(), Failure> {
        for _ in 0..2 {
            for i in 1..self.pairs.len() {
                self.session(0, i, Direction::Both, None, usize::MAX >> 1)?;
            }
        }
        Ok(())
    }

    /// Resolves the conflict that is open.
    fn resolve_it(&mut self, i: usize, choice: Choice) -> Result<(), Failure> {
        let conflict = *self.pairs[i].view.conflicts.keys().next().expect("an open conflict");
        self.perform(i, vec![Operation::Resolve { conflict, choice }])
    }

    pub fn insert(&self, table: usize, values: &[i64]) -> Operation {
        let row = RowKey { table: self.schema.tables()[table].id, row: RowId::from_bytes([0; 16]) };
        let values = values.iter().enumerate().map(|(column, value)| (column, Value::Integer(*value)));
        Operation::Insert { row, values: values.collect() }
    }

    /// The visible row of replica `i` that begins with this key.
    fn row(&self, i: usize, table: usize, key: i64) -> RowKey {
        let table = self.schema.tables()[table].id;
        let mut rows = self.pairs[i].view.visible.iter();
        let found = rows.find(|(row, shown)| row.table == table && shown[0] == Value::Integer(key));
        *found.expect("a visible row").0
    }
}

fn values(column: usize, value: i64) -> Values {
    Values::from([(column, Value::Integer(value))])
}

/// Both changed the age of one person.
fn two_values(world: &mut World<'_>) -> Result<(), Failure> {
    for i in [0, 1] {
        let row = world.row(i, PERSON, 1);
        world.perform(i, vec![Operation::Update { row, values: values(2, 40 + i as i64), force: false }])?;
    }
    Ok(())
}

/// Both inserted a person of one code; the one that is parked has a task.
fn two_of_one_key(world: &mut World<'_>) -> Result<(), Failure> {
    world.perform(0, vec![world.insert(PERSON, &[3, 3, 30])])?;
    world.perform(1, vec![world.insert(PERSON, &[3, 4, 30]), world.insert(TASK, &[2, 3])])
}

/// A person was deleted who got a task elsewhere.
fn an_orphan(world: &mut World<'_>) -> Result<(), Failure> {
    world.perform(0, vec![Operation::Delete { row: world.row(0, PERSON, 2) }])?;
    world.perform(1, vec![world.insert(TASK, &[2, 2])])
}

/// A person was deleted who was changed elsewhere.
fn a_contested_deletion(world: &mut World<'_>) -> Result<(), Failure> {
    world.perform(0, vec![Operation::Delete { row: world.row(0, PERSON, 2) }])?;
    let row = world.row(1, PERSON, 2);
    world.perform(1, vec![Operation::Update { row, values: values(2, 41), force: false }])
}

/// A person was merged into another and changed elsewhere: the survivor has two ages.
fn a_merged_row_changed(world: &mut World<'_>) -> Result<(), Failure> {
    let (row, into) = (world.row(0, PERSON, 2), world.row(0, PERSON, 1));
    world.perform(0, vec![Operation::Merge { row, into }])?;
    world.perform(1, vec![Operation::Update { row, values: values(2, 41), force: false }])
}

/// Of two persons of one code, one replica made one person, the other kept both.
fn merged_and_kept_apart(world: &mut World<'_>) -> Result<(), Failure> {
    two_of_one_key(world)?;
    world.meet()?;
    world.resolve_it(0, Choice::Merge)?;
    world.resolve_it(1, Choice::KeepBoth(values(0, 5)))
}

/// A conflict that its replica may yet take up again.
fn a_settled_conflict(world: &mut World<'_>) -> Result<(), Failure> {
    two_values(world)?;
    world.meet()?;
    world.resolve_it(0, Choice::KeepLoser)
}
