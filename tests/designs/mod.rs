//! Histories in which the schema changes: by the design master, by whoever takes that role by force, by
//! two at once, while others write under older schemas and sessions break.
//!
//! The second opinion is threefold. A model of the added columns, as plain sets that join by union, says
//! which ones each replica must have. The database's own check derives every row once more. And a replica
//! that begins empty at the end, which has never known another schema, must come to the same tables and
//! conflicts as those that went through all changes (and through P17: a rule that was added and dropped).

mod statements;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reunite::db::{AlterError, SeededRandom};
use reunite::ids::{ConflictId, ReplicaId};
use reunite::replicate::{Options, pull, sync_with};
use reunite::schema::Schema;
use reunite::value::{Timestamp, Value};
use reunite::version::ManualClock;
use reunite::{Database, ResolveWith, Row};

use self::statements::{FIRST, Statement};
use crate::world::random::Random;
use crate::world::story::{Checked, Failure, Plan, Story, ensure};

/// The columns that were ever added, by the serial number that is their default, and whether they were
/// dropped.
type Columns = BTreeMap<i64, bool>;

struct Replica {
    db: Database,
    clock: Arc<ManualClock>,
    /// What the model says of its schema.
    columns: Columns,
}

struct World<'a> {
    replicas: Vec<Replica>,
    serial: i64,
    story: &'a mut Story,
}

/// One history.
pub fn history(plan: &Plan, story: &mut Story) -> Checked {
    let mut random = Random::new(plan.seed);
    let schema = Arc::new(Schema::from_sql(FIRST).expect("a schema"));
    let replicas = (1..=2 + random.below(3)).map(|number| Replica::new(&schema, number as u8, &mut random));
    let mut world = World { replicas: replicas.collect(), serial: 0, story };
    for step in &plan.steps {
        world.step(&mut Random::new(step.seed))?;
    }
    world.settle(&mut random)
}

fn id(number: u8) -> ReplicaId {
    ReplicaId::from_bytes([number; 16])
}

impl Replica {
    fn new(schema: &Arc<Schema>, number: u8, random: &mut Random) -> Replica {
        let clock = Arc::new(ManualClock::new(Timestamp(random.below(60) as i64)));
        let builder = Database::builder().schema(Arc::clone(schema)).replica_id(id(number));
        let builder = builder.design_master(id(1)).clock(Arc::clone(&clock) as _);
        let db = builder.random(SeededRandom::new(random.next())).in_memory().expect("a database");
        Replica { db, clock, columns: Columns::new() }
    }

    fn sound(&self) -> Checked {
        let findings = self.db.check().expect("memory does not fail");
        ensure(findings.is_empty(), || format!("P7 the check finds {findings:?}"))?;
        let shown = added_columns(&self.db.schema());
        let live = self.columns.iter().filter(|(_, dropped)| !**dropped).map(|(serial, _)| *serial);
        let expected: BTreeSet<i64> = live.collect();
        ensure(shown == expected, || format!("P2 the added columns are {shown:?}, not {expected:?}"))
    }

    /// Everything that people see: the schema, the tables, the conflicts.
    fn shown(&self) -> String {
        let snapshot = self.db.read().expect("memory does not fail");
        let mut text = self.db.schema().to_sql();
        for table in snapshot.schema().tables() {
            let rows = snapshot.table(&table.name).expect("a table of the schema").scan();
            for row in rows.expect("memory does not fail") {
                text.push_str(&format!("{} {row:?}\n", table.name));
            }
        }
        for conflict in snapshot.conflicts().expect("memory does not fail") {
            text.push_str(&format!("{conflict:?}\n"));
        }
        text
    }
}

/// The columns that the histories added, by their defaults.
fn added_columns(schema: &Schema) -> BTreeSet<i64> {
    let columns = schema.tables().iter().flat_map(|table| &table.columns);
    columns.filter_map(|column| column.default.as_integer().filter(|serial| *serial >= 1000)).collect()
}

impl World<'_> {
    fn step(&mut self, random: &mut Random) -> Checked {
        let (i, other) = (random.below(self.replicas.len()), random.below(self.replicas.len()));
        self.replicas[i].clock.advance(random.below(9) as i64);
        match random.below(10) {
            0..=3 => self.write(i, random),
            4 => self.dismiss(i, random),
            5 | 6 => self.alter(i, random)?,
            7 => self.master(i, other, random)?,
            _ if i != other => self.sync(i, other, random)?,
            _ => {}
        }
        self.replicas[i].sound()
    }

    /// A row with some values, whatever columns there are.
    fn write(&mut self, i: usize, random: &mut Random) {
        let db = &self.replicas[i].db;
        let schema = db.schema();
        let tables = schema.tables();
        let table = &tables[random.below(tables.len())];
        let mut row = Row::new();
        for column in &table.columns {
            if random.chance(70) {
                row.set(&column.name, Value::Integer(random.below(4) as i64));
            }
        }
        let written = db.write(|tx| {
            let first = tx.read_table(&table.name)?.scan()?.next().transpose()?;
            let mut rows = tx.table(&table.name)?;
            match first {
                Some((first, _)) if random.chance(30) => rows.update(first, row),
                Some((first, _)) if random.chance(20) => rows.delete(first),
                _ => rows.insert(row).map(|_| ()),
            }
        });
        self.story.count("commits", usize::from(written.is_ok()));
    }

    fn dismiss(&mut self, i: usize, random: &mut Random) {
        let db = &self.replicas[i].db;
        let open = db.read().and_then(|snapshot| snapshot.conflicts()).expect("memory does not fail");
        if open.is_empty() {
            return;
        }
        let conflict = &open[random.below(open.len())];
        let done = db.write(|tx| tx.resolve(conflict.id, ResolveWith::Dismiss));
        self.story.count("conflicts dismissed", usize::from(done.is_ok()));
    }

    fn alter(&mut self, i: usize, random: &mut Random) -> Checked {
        self.serial += 1;
        let statement = Statement::some(&self.replicas[i].db.schema(), 999 + self.serial, random);
        let replica = &mut self.replicas[i];
        let before = replica.db.read().expect("memory does not fail");
        let held = format!("{:?}", before.schema().to_sql());
        let (me, master) = (replica.db.replica_id(), replica.db.design().master);
        let done = replica.db.alter(&statement.sql);
        self.story.note(|| format!("{i}: {} -> {done:?}", statement.sql));
        ensure(held == format!("{:?}", before.schema().to_sql()), || {
            "a snapshot has another schema".to_owned()
        })?;
        match done {
            Err(AlterError::NotDesignMaster { master: named }) => {
                self.story.count("not-design-master", 1);
                return ensure(master == Some(named) && named != me, || "not the design master".to_owned());
            }
            Err(AlterError::Sql(_)) => self.story.count("changes refused", 1),
            Err(error) => return Err(Failure(format!("an unexpected refusal: {error}"))),
            Ok(()) => {
                self.story.count("schema changes", 1);
                statement.adds.map(|serial| replica.columns.insert(serial, false));
                statement.drops.map(|serial| replica.columns.insert(serial, true));
            }
        }
        ensure(master == Some(me), || "changed by another than the design master".to_owned())
    }

    fn master(&mut self, i: usize, other: usize, random: &mut Random) -> Checked {
        let heir = self.replicas[other].db.replica_id();
        let db = &self.replicas[i].db;
        if db.design().master == Some(db.replica_id()) {
            db.hand_over_design(heir).map_err(|error| Failure(error.to_string()))?;
            self.story.count("masters handed over", 1);
        } else if random.chance(60) {
            db.take_over_design().map_err(|error| Failure(error.to_string()))?;
            self.story.count("masters taken over", 1);
        }
        Ok(())
    }

    fn sync(&mut self, i: usize, other: usize, random: &mut Random) -> Checked {
        let cut = random.chance(30).then(|| random.below(4000) as u64);
        let options = Options { cut_after: cut, ..Options::default() };
        match sync_with(&self.replicas[i].db, &self.replicas[other].db, options) {
            Ok(_) => {}
            Err(_) if cut.is_some() => self.story.count("broken sessions", 1),
            Err(error) => return Err(Failure(format!("a session failed: {error}"))),
        }
        self.story.count("sessions", 1);
        self.learn(i, other);
        self.replicas[other].sound()
    }

    /// Sets of columns join by union; a session that broke may have brought them one way, or none.
    fn learn(&mut self, i: usize, other: usize) {
        let mut union = self.replicas[i].columns.clone();
        for (serial, dropped) in &self.replicas[other].columns {
            *union.entry(*serial).or_default() |= dropped;
        }
        let changes = |at: usize| self.replicas[at].db.design().changes;
        let (mine, theirs) = (changes(i), changes(other));
        let includes = |a: &[reunite::ids::Dot], b: &[reunite::ids::Dot]| {
            b.iter().all(|dot| a.iter().any(|known| known.replica == dot.replica && known.seq >= dot.seq))
        };
        let (mine_has, theirs_has) = (includes(&mine, &theirs), includes(&theirs, &mine));
        if mine_has {
            self.replicas[i].columns.clone_from(&union);
        }
        if theirs_has {
            self.replicas[other].columns = union;
        }
    }

    /// All hear of everything; then all show the same, and so does a replica that begins now.
    fn settle(&mut self, random: &mut Random) -> Checked {
        let n = self.replicas.len();
        for _ in 0..3 {
            for (i, other) in (0..n).flat_map(|i| (i + 1..n).map(move |other| (i, other))) {
                let done = sync_with(&self.replicas[i].db, &self.replicas[other].db, Options::default());
                done.map_err(|error| Failure(format!("a session failed: {error}")))?;
                self.learn(i, other);
            }
        }
        let shown = self.replicas[0].shown();
        for replica in &self.replicas {
            replica.sound()?;
            ensure(replica.shown() == shown, || {
                format!("P2 other tables, or conflicts: {}, not {shown}", replica.shown())
            })?;
            let notices = |replica: &Replica| format!("{:?}", replica.db.design());
            ensure(notices(replica) == notices(&self.replicas[0]), || "P2 another design".to_owned())?;
        }
        self.story.count("notices", self.replicas[0].db.design().notices.len());
        let fresh = Replica {
            db: Database::builder().replica_id(id(99)).in_memory().expect("a database"),
            clock: Arc::default(),
            columns: self.replicas[0].columns.clone(),
        };
        pull(&fresh.db, &self.replicas[random.below(n)].db).map_err(|error| Failure(error.to_string()))?;
        fresh.sound()?;
        ensure(fresh.shown() == shown, || {
            format!("P3 a new replica shows something else: {}, not {shown}", fresh.shown())
        })?;
        added_and_dropped(&fresh, &shown)?;
        dismissed_for_once(&fresh)
    }
}

/// P17: a rule that is added and dropped again leaves no trace.
fn added_and_dropped(replica: &Replica, shown: &str) -> Checked {
    let refused = |error: AlterError| Failure(format!("P17 {error}"));
    replica.db.take_over_design().map_err(refused)?;
    for (add, drop) in statements::ADDED_AND_DROPPED {
        match replica.db.alter(add) {
            Ok(()) => replica.db.alter(drop).map_err(refused)?,
            // The history has such a rule already, or dropped what it is about.
            Err(AlterError::Sql(_)) => continue,
            Err(error) => return Err(refused(error)),
        }
        ensure(replica.shown() == shown, || format!("P17 {add} left {}, not {shown}", replica.shown()))?;
        replica.sound()?;
    }
    Ok(())
}

/// What was dismissed of a rule says nothing about a later rule of the same name.
fn dismissed_for_once(replica: &Replica) -> Checked {
    let refused = |error: AlterError| Failure(format!("P17 {error}"));
    let open = || -> Vec<ConflictId> {
        let all = replica.db.read().and_then(|snapshot| snapshot.conflicts()).expect("memory does not fail");
        all.iter().filter(|one| one.constraint.as_deref() == Some("p17")).map(|one| one.id).collect()
    };
    for (add, drop) in statements::ADDED_AND_DROPPED {
        if replica.db.alter(add).is_err() {
            continue;
        }
        let before = open();
        for conflict in &before {
            let done = replica.db.write(|tx| tx.resolve(*conflict, ResolveWith::Dismiss));
            done.map_err(|error| Failure(format!("P17 {error}")))?;
        }
        ensure(open().is_empty(), || "P17 what was dismissed is still listed".to_owned())?;
        replica.db.alter(drop).map_err(refused)?;
        replica.db.alter(add).map_err(refused)?;
        let after = open();
        ensure(after.len() == before.len(), || {
            format!("P17 a rule that comes back: {add} lists {after:?}, and listed {before:?} before")
        })?;
        replica.db.alter(drop).map_err(refused)?;
    }
    Ok(())
}
