//! Random histories of replicas whose sessions have policies, opposite ones among them, and reviewers. What must
//! hold is that everything comes to rest, and that all replicas then agree. What policies decide is compared with a
//! model elsewhere (`databases/decisions.rs`).

mod reviews;

use std::collections::BTreeSet;
use std::sync::Arc;

use reunite::db::Row;
use reunite::derive::Kind;
use reunite::ids::ReplicaId;
use reunite::replicate::{
    Action, Case, ConflictHandler, Direction, HandlerError, Options, Policies, Policy, preview_with, sync,
    sync_with,
};
use reunite::sync::SyncError;
use reunite::value::Timestamp;
use reunite::version::ManualClock;
use reunite::{Database, WriteError, row};

use self::reviews::{Limits, Place};
use crate::world::random::Random;
use crate::world::story::{Checked, Failure, Plan, Story, ensure};

const SCHEMA: &str = "
    CREATE TABLE customer (code TEXT PRIMARY KEY, phone INTEGER, name TEXT);
    CREATE TABLE orders (number INTEGER PRIMARY KEY, customer TEXT REFERENCES customer (code));
    CREATE TABLE task (title TEXT PRIMARY KEY, done INTEGER) WITH (deletes = 'update wins', tracking = 'row');
";

/// So many rounds are more than enough: each replica decides a conflict once, and decisions need not be decided.
const MOST_ROUNDS: usize = 12;

/// Sets a value that only its replica would set.
struct OwnValue(i64);

impl ConflictHandler for OwnValue {
    fn decide(&self, case: &Case) -> Result<Action, HandlerError> {
        let own = |column: &str| -> Row { [(column, self.0.into())].into_iter().collect() };
        match case.conflict.units.first().map(String::as_str) {
            Some("phone") if case.conflict.kind == Kind::Update => Ok(Action::Set(own("phone"))),
            Some("name") => Err("a name is nobody's business".into()),
            _ => Ok(Action::KeepSource),
        }
    }
}

struct World<'a> {
    replicas: Vec<Database>,
    policies: Vec<Policies>,
    /// Knows nothing and never learns: a session with it lets a replica decide what it has put off.
    idle: Database,
    /// Per replica: the rows that sessions changed and its reviewer must have been asked about.
    owed: Vec<BTreeSet<Place>>,
    story: &'a mut Story,
}

/// One history.
pub fn history(plan: &Plan, story: &mut Story) -> Checked {
    let mut random = Random::new(plan.seed);
    let count = 2 + random.below(2);
    let replicas = (1..=count).map(|i| replica(i as u8)).collect();
    let policies = (1..=count).map(|i| some_policies(&mut random, i as i64)).collect();
    let owed = vec![BTreeSet::new(); count];
    let mut world = World { replicas, policies, idle: replica(99), owed, story };
    for step in &plan.steps {
        world.step(&mut Random::new(step.seed))?;
    }
    world.come_to_rest()?;
    world.agree()
}

fn replica(id: u8) -> Database {
    let clock = ManualClock::new(Timestamp(i64::from(id % 3)));
    let builder = Database::builder().sql(SCHEMA).expect("a schema").clock(Arc::new(clock));
    builder.replica_id(ReplicaId::from_bytes([id; 16])).in_memory().expect("memory does not fail")
}

fn some_policies(random: &mut Random, own: i64) -> Policies {
    let mut policy = || match random.below(11) {
        0..=1 => Policy::SourceWins,
        2..=3 => Policy::DestinationWins,
        4 => Policy::Merge,
        5 => Policy::RenameSource,
        6 => Policy::RenameDestination,
        7 => Policy::Skip,
        8 => Policy::Handler(Arc::new(OwnValue(own))),
        9 => Policy::Defer,
        _ => Policy::Automatic,
    };
    Policies::new(policy()).collisions(policy()).table("task", policy())
}

impl World<'_> {
    fn step(&mut self, random: &mut Random) -> Checked {
        let (i, j) = (random.below(self.replicas.len()), random.below(self.replicas.len()));
        if i == j || random.chance(65) {
            let done = self.replicas[i].write(|tx| change(tx, random));
            self.story.count("commits", usize::from(done.is_ok()));
            return Ok(());
        }
        let direction = [Direction::Both, Direction::Push, Direction::Pull][random.below(3)];
        let cut = random.chance(30).then(|| random.below(900) as u64);
        let decides = if direction == Direction::Pull { i } else { j };
        let mut policies =
            if random.chance(70) { self.policies[decides].clone() } else { Policies::default() };
        let reviewed = random.chance(50);
        if reviewed {
            policies = policies.reviewed_by(Arc::new(Limits));
        }
        let options =
            || Options { direction, cut_after: cut, policies: policies.clone(), ..Options::default() };
        if cut.is_some() || random.chance(50) {
            return self.reviewed_session((i, j), options(), cut.is_some(), reviewed);
        }
        let previews = preview_with(&self.replicas[i], &self.replicas[j], options());
        let previews = previews.map_err(|error| Failure(format!("a preview failed: {error}")))?;
        let expected = [(i, &previews.first), (j, &previews.second)]
            .map(|(k, preview)| (k, reviews::foretold(&self.replicas[k], preview)));
        self.reviewed_session((i, j), options(), false, reviewed)?;
        self.story.count("previews", 1);
        expected.into_iter().try_for_each(|(k, told)| reviews::check_foretold(&self.replicas[k], &told))
    }

    /// A session, of which a second account is kept: what the reviewer must have been asked about.
    fn reviewed_session(
        &mut self,
        (i, j): (usize, usize),
        options: Options<'_>,
        cut: bool,
        reviewed: bool,
    ) -> Checked {
        let (decides, both) = (if options.direction == Direction::Pull { i } else { j }, options.direction);
        let db = self.replicas[decides].clone();
        let (before, listed) = (reviews::shown(&db), reviews::listed(&db));
        let done = self.session(i, j, options, cut)?;
        if !reviewed {
            return reviews::check_kept(&db, &listed);
        }
        let owed = &mut self.owed[decides];
        owed.extend(reviews::changed(&before, &reviews::shown(&db)));
        if done.is_some() {
            reviews::check(&db, owed)?;
        }
        // A session both ways may have broken after the reviewer was asked, when the outcomes travelled back.
        if done.is_some() || both == Direction::Both {
            let listed = reviews::listed(&db);
            owed.retain(|place| listed.contains_key(place));
            self.story.count("rows not accepted", listed.len());
        }
        Ok(())
    }

    /// None if it broke.
    fn session(
        &mut self,
        i: usize,
        j: usize,
        options: Options<'_>,
        cut: bool,
    ) -> Result<Option<u64>, Failure> {
        self.story.count("sessions", 1);
        match sync_with(&self.replicas[i], &self.replicas[j], options) {
            Ok(summary) => {
                self.story.count("decisions", summary.decisions.made as usize);
                self.story.count("decisions refused", summary.decisions.refused as usize);
                Ok(Some(summary.decisions.made))
            }
            Err(SyncError::Interrupted { .. }) if cut => Ok(None),
            Err(error) => Err(Failure(format!("a session failed: {error}"))),
        }
    }

    /// P16, at its worst: in each round everybody takes from everybody first, and decides only then.
    fn come_to_rest(&mut self) -> Checked {
        for round in 0..MOST_ROUNDS {
            for i in 0..self.replicas.len() {
                for j in (0..self.replicas.len()).filter(|j| *j != i) {
                    let policies = Policies::new(Policy::Defer);
                    let options = Options { direction: Direction::Pull, policies, ..Options::default() };
                    self.session(i, j, options, false)?;
                }
            }
            let mut made = 0;
            for i in 0..self.replicas.len() {
                let policies = self.policies[i].clone();
                let options = Options { direction: Direction::Pull, policies, ..Options::default() };
                let summary = sync_with(&self.replicas[i], &self.idle, options);
                let summary = summary.map_err(|error| Failure(format!("a session failed: {error}")))?;
                made += summary.decisions.made;
            }
            self.story.count("decisions", made as usize);
            if made == 0 {
                self.story.count("rounds until rest", round + 1);
                return Ok(());
            }
        }
        Err(Failure("P16 the policies do not come to rest".to_owned()))
    }

    /// P2: whoever knows the same shows the same.
    fn agree(&mut self) -> Checked {
        for _ in 0..2 {
            for i in 1..self.replicas.len() {
                sync(&self.replicas[0], &self.replicas[i]).map_err(|error| Failure(error.to_string()))?;
            }
        }
        let state = |db: &Database| {
            let read = db.read().expect("memory does not fail");
            let conflicts = read.conflicts().expect("memory does not fail");
            let ids: Vec<_> = conflicts.iter().map(|conflict| conflict.id).collect();
            (db.knowledge().expect("memory does not fail"), db.digest().expect("memory does not fail"), ids)
        };
        let first = state(&self.replicas[0]);
        for db in &self.replicas {
            ensure(state(db) == first, || "P2 equal knowledge, equal state".to_owned())?;
            let findings = db.check().expect("memory does not fail");
            ensure(findings.is_empty(), || format!("the self-check finds {findings:?}"))?;
        }
        Ok(())
    }
}

/// One change; it may be refused.
fn change(tx: &mut reunite::db::Transaction, random: &mut Random) -> Result<(), WriteError> {
    let code = ["A", "B", "C"][random.below(3)];
    let number = random.below(5) as i64;
    match random.below(9) {
        0 | 1 => tx.table("customer")?.insert(row! { code: code, phone: number, name: code }).map(|_| ()),
        2 | 3 => tx.table("customer")?.update(code, row! { phone: number }),
        4 => tx.table("customer")?.update(code, row! { name: number.to_string() }),
        5 => tx.table("customer")?.delete(code),
        6 => tx.table("orders")?.insert(row! { number: number, customer: code }).map(|_| ()),
        7 => tx.table("task")?.insert(row! { title: code, done: number }).map(|_| ()),
        _ if number == 0 => tx.table("task")?.delete(code),
        _ => tx.table("task")?.update(code, row! { done: number }),
    }
}
