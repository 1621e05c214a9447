//! Histories without a database: merge and derivation against the model, after every step.
//!
//! Besides ordinary transactions there are changes that obey no rule, so that many rows are parked for
//! several reasons at once.

mod compare;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reunite::derive::{Kind, Nothing, derive};
use reunite::ids::{Dot, ReplicaId, RowId, RowKey, UnitId};
use reunite::merge::merge;
use reunite::row::RowState;
use reunite::schema::{ColumnRule, Schema};
use reunite::value::Json;
use reunite::version::{Hlc, Priority};

use self::compare::compare;
use self::source::MemorySource;
use crate::model::{
    self, Cell, Change, Commit, Content, Derived, Edge, Facts, Replica, Row, Rule, Slot, fold, row_state,
};
use crate::world::checks::{Changes, check_facts, check_view};
use crate::world::generate::Generator;
use crate::world::losses::check_losses;
use crate::world::random::Random;
use crate::world::stable::check_stable;
use crate::world::story::{Checked, Plan, Story, ensure};
use crate::world::{explain, schemas};

/// A replica of the model, and the product's derivation of its facts.
struct Pair {
    model: Replica,
    source: MemorySource,
    view: Derived,
}

struct World<'a> {
    schema: Arc<Schema>,
    pairs: Vec<Pair>,
    changes: Changes,
    story: &'a mut Story,
}

/// One history.
pub fn history(plan: &Plan, story: &mut Story) -> Checked {
    let mut random = Random::new(plan.seed);
    let [schema, strict] = schemas::schemas(&mut random);
    let pair = |i: usize, random: &mut Random| {
        let priority = Priority::new(random.below(4) as u8 * 10).expect("at most 100");
        let id = ReplicaId::from_bytes([i as u8 + 1; 16]);
        let model = Replica::new(id, priority, Hlc(random.below(30) as u64));
        let view = model::derive(&schema, &model.facts, |_| {});
        Pair { model, source: MemorySource::default(), view }
    };
    let replicas = 2 + random.below(4);
    let pairs = (0..replicas).map(|i| pair(i, &mut random)).collect();
    let mut world = World { schema: Arc::clone(&schema), pairs, changes: Changes::new(), story };
    for step in &plan.steps {
        world.step(&mut Random::new(step.seed))?;
    }
    world.settle(&mut random)?;
    world.add_rule(&strict)
}

impl World<'_> {
    fn step(&mut self, random: &mut Random) -> Checked {
        let i = random.below(self.pairs.len());
        match random.below(10) {
            0..=2 => self.transaction(i, random),
            3..=5 => self.scribble(i, random),
            _ => {
                let from = random.below(self.pairs.len());
                let limit = if random.chance(40) { random.below(6) } else { usize::MAX };
                if from == i { Ok(()) } else { self.pull(i, from, limit) }
            }
        }
    }

    fn transaction(&mut self, i: usize, random: &mut Random) -> Checked {
        let pair = &self.pairs[i];
        let mut commit = Commit::new(&self.schema, &pair.view, &pair.model, model::Hints::default());
        let unchecked = random.chance(50);
        for _ in 0..=random.below(3) {
            let (view, facts) = (&pair.view, &pair.model.facts);
            let operation =
                Generator { schema: &self.schema, view, facts, resolutions: Vec::new(), random }.operation();
            self.story.note(|| format!("{i}: {}", explain::operation(&self.schema, &operation)));
            if operation.apply(&mut commit).is_err() && !unchecked {
                return Ok(());
            }
        }
        let (replica, changes) = if unchecked {
            commit.finish_unchecked()
        } else {
            match commit.finish() {
                Ok(done) => (done.replica, done.changes),
                Err(_) => return Ok(()),
            }
        };
        self.committed(i, replica, changes)
    }

    /// Writes that no operation makes: any value, in place of any of the others.
    fn scribble(&mut self, i: usize, random: &mut Random) -> Checked {
        let pair = &self.pairs[i];
        let mut commit = Commit::new(&self.schema, &pair.view, &pair.model, model::Hints::default());
        for _ in 0..=random.below(3) {
            let known = random.pick(pair.model.facts.keys().copied()).filter(|_| random.chance(70));
            let tables = self.schema.tables();
            let fresh = RowKey {
                table: tables[random.below(tables.len())].id,
                row: RowId::from_bytes(random.bytes()),
            };
            let row = known.unwrap_or(fresh);
            let (view, facts) = (&pair.view, &pair.model.facts);
            Generator { schema: &self.schema, view, facts, resolutions: Vec::new(), random }
                .scribble(&mut commit, row);
        }
        let (replica, changes) = commit.finish_unchecked();
        self.story.note(|| format!("{i}: scribbles {changes:?}"));
        self.committed(i, replica, changes)
    }

    fn committed(&mut self, i: usize, replica: Replica, changes: Vec<Change>) -> Checked {
        self.story.count("transactions", 1);
        let rows: BTreeSet<RowKey> = changes.iter().map(|change| change.row).collect();
        for change in changes {
            self.changes.entry(change.row).or_default().push(change);
        }
        self.pairs[i].model = replica;
        self.rederive(i, &rows)
    }

    fn pull(&mut self, i: usize, from: usize, limit: usize) -> Checked {
        let theirs = self.pairs[from].model.clone();
        if theirs.knowledge == self.pairs[i].model.knowledge && limit == usize::MAX {
            return Ok(());
        }
        self.story.note(|| format!("{i}: pulls {} rows from {from}", limit.min(99)));
        self.story.count("syncs", 1);
        let before = self.pairs[i].model.facts.clone();
        model::pull(&mut self.pairs[i].model, &theirs, limit);
        let after = &self.pairs[i].model.facts;
        let changed: BTreeSet<RowKey> =
            after.keys().filter(|row| before.get(row) != after.get(row)).copied().collect();
        for row in &changed {
            self.merges_alike(row, &before, &theirs.facts, i)?;
        }
        self.rederive(i, &changed)
    }

    /// P1: one vector per row gives the same merge as one per unit, and the merge obeys its laws.
    fn merges_alike(&self, row: &RowKey, before: &Facts, theirs: &Facts, i: usize) -> Checked {
        let (Some(mine), Some(theirs)) = (before.get(row), theirs.get(row)) else { return Ok(()) };
        let (mine, theirs) = (row_state(row.row, mine), row_state(row.row, theirs));
        let merged = merge(&mine, &theirs);
        let expected = row_state(row.row, &self.pairs[i].model.facts[row]);
        ensure(merged == expected, || {
            format!("P1 one vector per row merges alike: {merged:?}, not {expected:?}")
        })?;
        let laws = merge(&theirs, &mine) == merged
            && merge(&merged, &theirs) == merged
            && merge(&mine, &mine) == mine;
        ensure(laws, || format!("P1 merge is commutative and idempotent: {mine:?}, {theirs:?}"))
    }

    /// Derives what changed in the product and everything in the model, and compares.
    fn rederive(&mut self, i: usize, rows: &BTreeSet<RowKey>) -> Checked {
        let pair = &mut self.pairs[i];
        let changed = states(&pair.model.facts, rows.iter());
        let delta = derive(&self.schema, &pair.source, &changed).expect("memory does not fail");
        pair.source.apply(&self.schema, delta)?;
        pair.view = model::derive(&self.schema, &pair.model.facts, |_| {});
        let (view, schema) = (&pair.view, &self.schema);
        self.story.note(|| explain::view(schema, view));
        compare(schema, &pair.source, view)?;
        check_view(schema, view)?;
        let checked = check_stable(schema, view)?;
        self.story.count("derivations", 1);
        self.story.count("checked against all subsets", usize::from(checked));
        Ok(())
    }

    /// Everybody syncs with everybody; then equal facts give equal tables, however they were derived.
    fn settle(&mut self, random: &mut Random) -> Checked {
        for pair in &self.pairs {
            check_facts(&self.changes, &pair.model)?;
        }
        for _ in 0..2 {
            for i in 0..self.pairs.len() {
                for from in 0..self.pairs.len() {
                    self.pull(i, from, usize::MAX)?;
                }
            }
        }
        let first = &self.pairs[0];
        for pair in &self.pairs {
            check_facts(&self.changes, &pair.model)?;
            ensure(pair.model.facts == first.model.facts, || "P2 equal knowledge, equal facts".to_owned())?;
        }
        check_losses(&self.changes, &first.model.facts, &first.view)?;
        self.story.count("conflicts at the end", first.view.conflicts.len());
        self.derive_otherwise(random)
    }

    /// P7, P8: from scratch, and in other portions in another order.
    fn derive_otherwise(&mut self, random: &mut Random) -> Checked {
        let (facts, view) = (&self.pairs[0].model.facts, &self.pairs[0].view);
        let shuffled = model::derive(&self.schema, facts, |rows| random.shuffle(rows));
        let same = shuffled.visible == view.visible && shuffled.conflicts == view.conflicts;
        ensure(same, || "P8 the model does not depend on an order".to_owned())?;
        let mut whole = MemorySource::default();
        let delta =
            derive(&self.schema, &Nothing, &states(facts, facts.keys())).expect("memory does not fail");
        whole.apply(&self.schema, delta)?;
        compare(&self.schema, &whole, view)?;
        let mut rows: Vec<RowKey> = facts.keys().copied().collect();
        random.shuffle(&mut rows);
        let mut piecemeal = MemorySource::default();
        while !rows.is_empty() {
            let some: Vec<RowKey> = rows.drain(..(1 + random.below(4)).min(rows.len())).collect();
            let delta =
                derive(&self.schema, &piecemeal, &states(facts, some.iter())).expect("memory does not fail");
            piecemeal.apply(&self.schema, delta)?;
        }
        compare(&self.schema, &piecemeal, view)
    }

    /// A rule that is added later parks the rows that violate it, and lists them.
    fn add_rule(&mut self, strict: &Schema) -> Checked {
        let (facts, lax) = (&self.pairs[0].model.facts, &self.pairs[0].view);
        let view = model::derive(strict, facts, |_| {});
        let mut source = MemorySource::default();
        let delta = derive(strict, &Nothing, &states(facts, facts.keys())).expect("memory does not fail");
        source.apply(strict, delta)?;
        compare(strict, &source, &view)?;
        check_view(strict, &view)?;
        check_losses(&self.changes, facts, &view)?;
        let violated =
            |view: &Derived| view.conflicts.values().filter(|c| c.kind == Kind::Validation).count();
        self.story.count("violators of a rule added later", violated(&view) - violated(lax));
        Ok(())
    }
}

/// Facts in the product's form.
fn states<'a>(facts: &Facts, rows: impl Iterator<Item = &'a RowKey>) -> BTreeMap<RowKey, Arc<RowState>> {
    rows.map(|row| (*row, Arc::new(row_state(row.row, &facts[row])))).collect()
}

impl Generator<'_> {
    /// Anything that may be said of the life of a row.
    fn life(&mut self, row: RowKey) -> Content {
        let others: Vec<RowId> =
            self.facts.keys().filter(|o| o.table == row.table && **o != row).map(|o| o.row).collect();
        let some = |random: &mut Random, percent| -> BTreeSet<RowId> {
            others.iter().filter(|_| random.chance(percent)).copied().collect()
        };
        let into = self.random.pick(others.iter().copied());
        match (self.random.below(20), into) {
            (0..=11, _) | (_, None) => Content::Alive(BTreeSet::new()),
            (12, _) => Content::Alive(some(self.random, 40)),
            (13, _) => Content::Dead(BTreeSet::new()),
            (14 | 15, _) => Content::Dead(some(self.random, 50)),
            (_, Some(into)) => Content::Merged(self.edge(row, into)),
        }
    }

    /// A merge that took some values in; some by the rule of a key that both rows may have.
    fn edge(&mut self, row: RowKey, into: RowId) -> Edge {
        let table = self.schema.table_by_id(row.table).expect("a table of the schema");
        let values = |row: RowKey| -> BTreeSet<(UnitId, Dot)> {
            let all = self.facts.get(&row).into_iter().flat_map(Row::all);
            all.filter_map(|(slot, dot, _)| match slot {
                Slot::Columns(unit) => Some((unit, dot)),
                _ => None,
            })
            .collect()
        };
        let (own, both) = (values(row), &values(row) | &values(RowKey { row: into, ..row }));
        let absorbed = own.into_iter().filter(|_| self.random.chance(40)).collect();
        let elements = self.facts.get(&row).into_iter().flat_map(Row::all);
        let elements = elements.filter_map(|(slot, dot, _)| match slot {
            Slot::Element(unit, element) => Some((unit, Json::parse(element).expect("it was JSON"), dot)),
            _ => None,
        });
        let removed = elements.filter(|_| self.random.chance(40)).collect();
        let key = self.random.pick(table.keys.iter()).filter(|_| self.random.chance(40));
        let shown = self.view.images.get(&row).map(|image| image.values.clone());
        let rule = key.zip(shown).and_then(|(key, shown)| {
            let value = fold(table, &key.columns, &shown)?;
            let seen = both.into_iter().filter(|_| self.random.chance(80)).collect();
            Some(Rule { key: key.id, value, seen })
        });
        Edge { into, absorbed, removed, rule }
    }

    fn scribble(&mut self, commit: &mut Commit<'_>, row: RowKey) {
        let table = self.schema.table_by_id(row.table).expect("a table of the schema");
        let life = self.life(row);
        for unit in &table.units {
            if !life.is_alive() || self.random.chance(50) {
                continue;
            }
            let slot = Slot::Columns(unit.id);
            if table.rule_of(unit) == ColumnRule::Union {
                let set = self.value(table, unit.columns[0]);
                commit.write_set(row, unit, &set);
                continue;
            }
            let columns = unit.columns.iter().map(|column| self.value(table, *column)).collect();
            let mut cell = Cell { columns, ..Cell::default() };
            for foreign_key in table.foreign_keys.iter().filter(|key| key.unit == unit.id) {
                let parents = self.facts.keys().filter(|row| row.table == foreign_key.parent);
                let parent = self.random.pick(parents).map(|row| row.row).filter(|_| self.random.chance(90));
                cell.parents.extend(parent.map(|parent| (foreign_key.id, parent)));
            }
            let some =
                commit.dots_of(row, slot, |_| true).into_iter().filter(|_| self.random.chance(50)).collect();
            commit.write(row, slot, Content::Columns(cell), some);
        }
        let some = commit
            .dots_of(row, Slot::Life, |_| true)
            .into_iter()
            .filter(|_| self.random.chance(60))
            .collect();
        commit.write(row, Slot::Life, life, some);
        if self.random.chance(5) {
            commit.write(row, Slot::Boost, Content::Boost, commit.dots_of(row, Slot::Boost, |_| true));
        }
    }
}
