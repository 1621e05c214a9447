//! What the replicas have in common before they part: small databases, each with one kind of conflict open.
//! What happens in each is in `people`, `pages`, `designs` and `duplicates`.

use std::sync::Arc;

use reunite::ids::{RowId, RowKey};
use reunite::replicate::Direction;
use reunite::schema::{DeleteRule, Schema};
use reunite::value::Value;

use super::operations::{Deed, alterations};
use super::{designs, duplicates, pages, people};
use crate::databases::pair::Pair;
use crate::databases::{World, merges};
use crate::model::{Choice, Values};
use crate::world::checks::Changes;
use crate::world::events::Events;
use crate::world::generate::Operation;
use crate::world::random::Random;
use crate::world::story::{Failure, Story};

/// A beginning: a name, the first schema, in which `RULE` stands for the delete rule, and what happens. The
/// first two replicas meet afterwards, then all others.
pub struct Beginning {
    pub name: &'static str,
    schema: &'static str,
    tell: fn(&mut World<'_>) -> Result<(), Failure>,
    /// Whether the replicas may change the schema afterwards.
    alters: bool,
    /// Whether the primary keys name the rows.
    natural: bool,
}

impl Beginning {
    const fn of_people(name: &'static str, tell: fn(&mut World<'_>) -> Result<(), Failure>) -> Beginning {
        Beginning { name, schema: people::SCHEMA, tell, alters: false, natural: false }
    }

    const fn of_pages(name: &'static str, tell: fn(&mut World<'_>) -> Result<(), Failure>) -> Beginning {
        Beginning { name, schema: pages::SCHEMA, tell, alters: false, natural: false }
    }

    const fn of_contacts(name: &'static str, tell: fn(&mut World<'_>) -> Result<(), Failure>) -> Beginning {
        Beginning { name, schema: duplicates::SCHEMA, tell, alters: false, natural: false }
    }

    const fn of_designs(name: &'static str, tell: fn(&mut World<'_>) -> Result<(), Failure>) -> Beginning {
        Beginning { name, schema: people::SCHEMA, tell, alters: true, natural: false }
    }

    const fn natural(mut self) -> Beginning {
        self.natural = true;
        self
    }
}

const BEGINNINGS: [Beginning; 20] = [
    Beginning::of_people("calm", people::live_calmly),
    Beginning::of_people("update", people::two_values),
    Beginning::of_people("unique", people::two_of_one_key),
    Beginning::of_people("delete-ri", people::an_orphan),
    Beginning::of_people("deletion", people::a_contested_deletion),
    Beginning::of_people("merged", people::a_merged_row_changed),
    Beginning::of_people("identity", people::merged_and_kept_apart),
    Beginning::of_people("settled", people::a_settled_conflict),
    Beginning::of_pages("together", pages::written_together),
    Beginning::of_pages("merged pages", pages::merged_while_written),
    Beginning::of_people("named", people::a_merged_row_changed).natural(),
    Beginning::of_people("named and parked", people::two_of_one_email).natural(),
    Beginning::of_pages("named pages", pages::merged_while_written).natural(),
    Beginning::of_designs("design", people::live_calmly),
    Beginning::of_designs("redesigned", designs::later_rules),
    Beginning::of_contacts("two contacts", duplicates::two_contacts),
    Beginning::of_contacts("one contact of two", duplicates::made_twice),
    Beginning::of_contacts("taken apart", duplicates::taken_apart),
    Beginning::of_contacts("renamed while merged", duplicates::renamed_while_merged),
    Beginning::of_contacts("kept apart", duplicates::kept_apart),
];

/// All of them, or the one that `BEGINNING` names.
#[expect(clippy::disallowed_methods, reason = "a test, not the library")]
pub fn beginnings() -> impl Iterator<Item = &'static Beginning> {
    let only = std::env::var("BEGINNING").ok();
    BEGINNINGS.iter().filter(move |beginning| only.as_ref().is_none_or(|only| *only == beginning.name))
}

/// Replicas at rest, from which worlds go on, each for itself.
pub struct Start {
    pub pairs: Vec<Pair>,
    pub changes: Changes,
    events: Events,
    pub alters: bool,
}

impl Beginning {
    /// So many replicas that know the same. A later one has a later clock.
    pub fn start(&self, deletes: DeleteRule, count: usize) -> Result<Start, Failure> {
        let deletes = match deletes {
            DeleteRule::DeleteWins => "delete wins",
            DeleteRule::UpdateWins => "update wins",
            DeleteRule::LatestWins => "latest wins",
        };
        let identity = if self.natural { "natural" } else { "random" };
        let options = format!("identity = '{identity}', deletes = '{deletes}'");
        let schema = Schema::from_sql(&self.schema.replace("deletes = 'RULE'", &options));
        let schema = Arc::new(schema.expect("a valid schema"));
        let mut random = Random::new(1);
        let pairs = (0..count).map(|i| Pair::new(&schema, i, false, &mut random)).collect();
        let mut story = Story::default();
        let mut world = World::new(pairs, Default::default(), &mut story);
        (self.tell)(&mut world)?;
        world.meet()?;
        world.come_to_rest()?;
        for (i, pair) in world.pairs.iter().enumerate() {
            pair.clock.advance(1_000_000 * (i as i64 + 1));
        }
        Ok(Start { pairs: world.pairs, changes: world.changes, events: world.events, alters: self.alters })
    }
}

impl Start {
    /// Whether duplicates of some key merge: then a replica may write when it meets another.
    pub fn merges(&self) -> bool {
        merges(&self.pairs[0].schema)
    }

    /// What a replica may do.
    pub fn deeds(&self, i: usize) -> Vec<Deed> {
        let pair = &self.pairs[i];
        let operations = super::operations::operations(&pair.schema, pair).into_iter().map(Deed::Operation);
        operations.chain(alterations().filter(|_| self.alters)).collect()
    }

    /// What a replica has made of the start with each of these, as far as they were not refused.
    pub fn each<'d>(&self, i: usize, deeds: &'d [Deed]) -> Vec<(&'d Deed, After)> {
        let one = |deed: &'d Deed| match self.after(i, deed) {
            Ok(after) => Some((deed, after?)),
            Err(failure) => panic!("{i}: {:?}: {failure}", deed.explain(&self.pairs[i].schema)),
        };
        deeds.iter().filter_map(one).collect()
    }

    /// What a replica has made of the start with one deed; none if it was refused.
    fn after(&self, i: usize, deed: &Deed) -> Result<Option<After>, Failure> {
        let mut story = Story::default();
        let pairs = self.pairs.iter().map(Pair::fork).collect();
        let mut world = World::new(pairs, (self.changes.clone(), self.events.clone()), &mut story);
        let done = match deed {
            Deed::Operation(operation) => {
                world.perform(i, vec![operation.clone()])?;
                world.pairs[i].model.knowledge != self.pairs[i].model.knowledge
            }
            Deed::Alteration(sql) => world.alter(i, sql)?,
        };
        let mut changes = world.changes;
        for (row, before) in &self.changes {
            changes.get_mut(row).expect("changes are not forgotten").drain(..before.len());
        }
        let (pair, events) = (world.pairs.swap_remove(i), world.events.since(&self.events));
        Ok(done.then_some(After { pair, changes, events }))
    }

    /// A world of these replicas, each of which has done something.
    pub fn world<'s>(&self, afters: &[&After], story: &'s mut Story) -> World<'s> {
        let pairs = afters.iter().map(|after| after.pair.fork()).collect();
        World::new(pairs, (self.changes_with(afters), self.events_with(afters)), story)
    }

    /// Every change up to there.
    pub fn changes_with(&self, afters: &[&After]) -> Changes {
        let mut changes = self.changes.clone();
        for (row, added) in afters.iter().flat_map(|after| &after.changes) {
            changes.entry(*row).or_default().extend(added.iter().cloned());
        }
        changes
    }

    /// Everything that was done up to there.
    pub fn events_with(&self, afters: &[&After]) -> Events {
        let mut events = self.events.clone();
        afters.iter().for_each(|after| events.join(&after.events));
        events
    }
}

/// A replica after one deed, with the changes that it made.
pub struct After {
    pub pair: Pair,
    changes: Changes,
    events: Events,
}

/// What the beginnings tell their stories with.
impl World<'_> {
    pub fn meet(&mut self) -> Result<(), Failure> {
        for _ in 0..2 {
            for i in 1..self.pairs.len() {
                self.session(0, i, Direction::Both, None, usize::MAX >> 1)?;
            }
        }
        Ok(())
    }

    /// Resolves the conflict that is open.
    pub fn resolve_it(&mut self, i: usize, choice: Choice) -> Result<(), Failure> {
        let conflict = *self.pairs[i].view.conflicts.keys().next().expect("an open conflict");
        self.perform(i, vec![Operation::Resolve { conflict, choice }])
    }

    /// A new row: the values of its first columns.
    pub fn insert(&self, table: usize, values: &[i64]) -> Operation {
        let table = self.pairs[0].schema.tables()[table].id;
        let values = values.iter().enumerate().map(|(column, value)| (column, Value::Integer(*value)));
        Operation::Insert { row: RowKey { table, row: RowId::from_bytes([0; 16]) }, values: values.collect() }
    }

    pub fn update(&self, i: usize, table: usize, key: i64, values: Values) -> Operation {
        Operation::Update { row: self.row(i, table, key), values, force: false }
    }

    /// The visible row of replica `i` that begins with this key.
    pub fn row(&self, i: usize, table: usize, key: i64) -> RowKey {
        let table = self.pairs[i].schema.tables()[table].id;
        let mut rows = self.pairs[i].view.visible.iter();
        let found = rows.find(|(row, shown)| row.table == table && shown[0] == Value::Integer(key));
        *found.expect("a visible row").0
    }
}

/// One column gets a number.
pub fn number(column: usize, value: i64) -> Values {
    Values::from([(column, Value::Integer(value))])
}
