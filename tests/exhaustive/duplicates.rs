//! All pairs where duplicates of a key merge: two replicas that know the same do one thing each, and meet. The rule
//! writes, and whoever meets first writes first, so they meet in each order.
//!
//! There is no model of the rule. What must hold: it comes to rest; both replicas then have the same; every order of
//! meeting shows the same rows; no two rows clash on the key that nobody keeps apart; what was written can be seen, in
//! a table or in a conflict; SQLite takes the tables; the databases find nothing wrong with themselves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reunite::db::{ConflictRow, Image};
use reunite::derive::Kind;
use reunite::ids::RowId;
use reunite::replicate::{pull, sync};
use reunite::schema::Schema;
use reunite::value::Value;
use reunite::{Database, ResolveWith, Row, Transaction, WriteError, row};

use super::seen::self_check;
use super::{in_parallel, say};
use crate::databases::pair::Pair;
use crate::databases::perform::rows_of;
use crate::databases::sqlite;
use crate::world::random::Random;
use crate::world::story::{Checked, Failure, ensure};

/// The email of a contact merges, its code parks. A visit's key follows its contact's, so merges cascade.
const SCHEMA: &str = "
CREATE TABLE contact (email INTEGER PRIMARY KEY, code INTEGER UNIQUE, phone INTEGER)
    WITH (merge_duplicates = 'email', deletes = 'RULE');
CREATE TABLE visit (contact INTEGER REFERENCES contact (email) ON DELETE CASCADE, day INTEGER, note INTEGER,
    PRIMARY KEY (contact, day)) WITH (merge_duplicates = '(contact, day)', deletes = 'RULE');
";

const RULES: [&str; 3] = ["delete wins", "update wins", "latest wins"];

/// Sessions until everybody must have come to rest.
const ROUNDS: usize = 6;

/// What happens in a beginning; returns contacts that may be hidden by then.
type Tell = fn(&[Pair; 2]) -> Result<Vec<RowId>, WriteError>;

const BEGINNINGS: [(&str, Tell); 4] = [
    ("two contacts", |_| Ok(Vec::new())),
    ("one contact of two", made_twice),
    ("taken apart", taken_apart),
    ("renamed while merged", renamed_while_merged),
];

/// What one replica does, and the number that it writes, if it does.
struct Deed {
    name: String,
    does: Does,
    writes: Option<i64>,
}

type Does = Box<dyn Fn(&mut Transaction) -> Result<(), WriteError> + Send + Sync>;

/// Two replicas at rest, with contacts that may be hidden.
struct Start {
    pairs: [Pair; 2],
    contacts: Vec<RowId>,
}

/// Runs all of them, and says how many there were.
pub fn duplicates() {
    for (name, tell) in BEGINNINGS {
        for rule in RULES {
            all_pairs(name, rule, &start(rule, tell).unwrap());
        }
    }
}

fn start(rule: &str, tell: Tell) -> Result<Start, WriteError> {
    let schema = Arc::new(Schema::from_sql(&SCHEMA.replace("RULE", rule)).expect("a valid schema"));
    let pairs = [0, 1].map(|i| Pair::new(&schema, i, false, &mut Random::new(i as u64 + 1)));
    pairs[0].db.write(|tx| {
        for n in [1, 2] {
            tx.table("contact")?.insert(row! { email: n, code: n, phone: n })?;
            tx.table("visit")?.insert(row! { contact: n, day: 1, note: n })?;
        }
        Ok::<(), WriteError>(())
    })?;
    meet(&pairs[0].db, &pairs[1].db);
    let contacts = tell(&pairs)?;
    come_to_rest(&pairs[0].db, &pairs[1].db).expect("a beginning that comes to rest");
    pairs[0].clock.advance(1_000_000);
    pairs[1].clock.advance(2_000_000);
    Ok(Start { pairs, contacts })
}

fn meet(a: &Database, b: &Database) {
    sync(a, b).expect("a session in memory");
}

/// Both inserted a contact of one email, with a visit on one day.
fn made_twice(pairs: &[Pair; 2]) -> Result<Vec<RowId>, WriteError> {
    let made = pairs.iter().zip([5, 6]).map(|(pair, n)| {
        pair.db.write(|tx| {
            let contact = tx.table("contact")?.insert(row! { email: 3, code: n, phone: n })?;
            tx.table("visit")?.insert(row! { contact: 3, day: 1, note: n })?;
            Ok(contact)
        })
    });
    made.collect()
}

/// The rule made one contact of two, and somebody took them apart again.
fn taken_apart(pairs: &[Pair; 2]) -> Result<Vec<RowId>, WriteError> {
    let contacts = made_twice(pairs)?;
    meet(&pairs[0].db, &pairs[1].db);
    let db = &pairs[0].db;
    let gone = *contacts.iter().find(|row| !shows(db, **row)).expect("one was merged into the other");
    db.write(|tx| {
        tx.table("contact")?.undelete(gone)?;
        tx.table("contact")?.update(gone, row! { email: 4, code: 7 })
    })?;
    Ok(contacts)
}

/// One made one contact of two, and the other gave its own another email meanwhile.
fn renamed_while_merged(pairs: &[Pair; 2]) -> Result<Vec<RowId>, WriteError> {
    let contacts = made_twice(pairs)?;
    pull(&pairs[0].db, &pairs[1].db).expect("a session in memory");
    pairs[1].db.write(|tx| tx.table("contact")?.update(contacts[1], row! { email: 4 }))?;
    Ok(contacts)
}

fn shows(db: &Database, contact: RowId) -> bool {
    rows(db)[0].iter().any(|(row, _)| *row == contact)
}

fn rows(db: &Database) -> Vec<Vec<(RowId, Vec<Value>)>> {
    db.schema().tables().iter().map(|table| rows_of(db, table)).collect()
}

fn conflicts(db: &Database) -> Vec<ConflictRow> {
    db.read().and_then(|read| read.conflicts()).expect("memory does not fail")
}

/// Everything that can be done there. Some will be refused. `fresh` is a number that only this replica writes.
fn deeds(start: &Start, fresh: i64) -> Vec<Deed> {
    let (db, mut all) = (&start.pairs[0].db, Vec::new());
    let mut add = |name: String, writes: Option<i64>, does: Does| all.push(Deed { name, does, writes });
    for (email, code) in [(77, fresh), (77, 77), (fresh, 77)] {
        let contact = row! { email: email, code: code, phone: fresh };
        let insert = move |tx: &mut Transaction| tx.table("contact")?.insert(contact.clone()).map(|_| ());
        add(format!("insert contact {email} {code}"), Some(fresh), Box::new(insert));
    }
    for (table, shown) in ["contact", "visit"].into_iter().zip(rows(db)) {
        for (id, values) in shown {
            for (column, value) in columns_of(table, &values, fresh) {
                let mut named = Row::new();
                named.set(column, value);
                let writes = (value == fresh).then_some(fresh);
                let update = move |tx: &mut Transaction| tx.table(table)?.update(id, named.clone());
                add(format!("update {table} {values:?}: {column} = {value}"), writes, Box::new(update));
            }
            let delete = move |tx: &mut Transaction| tx.table(table)?.delete(id);
            add(format!("delete {table} {values:?}"), None, Box::new(delete));
        }
    }
    let shown = &rows(db)[0];
    for (id, values) in shown {
        let visit = row! { contact: values[0].clone(), day: 77, note: fresh };
        let insert = move |tx: &mut Transaction| tx.table("visit")?.insert(visit.clone()).map(|_| ());
        add(format!("insert visit of {values:?}"), Some(fresh), Box::new(insert));
        for (into, _) in shown.iter().filter(|(other, _)| other != id) {
            let (id, into) = (*id, *into);
            let merge = move |tx: &mut Transaction| tx.table("contact")?.merge(id, into);
            add(format!("merge {values:?} into {into}"), None, Box::new(merge));
        }
    }
    for id in start.contacts.iter().copied().filter(|contact| !shows(db, *contact)) {
        let undelete = move |tx: &mut Transaction| tx.table("contact")?.undelete(id);
        add(format!("undelete {id}"), None, Box::new(undelete));
    }
    for conflict in conflicts(db) {
        use ResolveWith::{Delete, Dismiss, KeepLoser, KeepWinner, Merge, Prefer};
        for how in [KeepWinner, KeepLoser, Dismiss, Delete, Merge, Prefer] {
            let name = format!("resolve {} of {:?}: {how:?}", conflict.kind.name(), conflict.units);
            add(name, None, Box::new(move |tx| tx.resolve(conflict.id, how.clone())));
        }
    }
    all
}

/// What each column of a row may become: a contact's email also that of others, and of nobody yet.
fn columns_of(table: &str, values: &[Value], fresh: i64) -> Vec<(&'static str, i64)> {
    match table {
        "contact" => vec![("email", 77), ("email", fresh), ("code", 77), ("phone", fresh)],
        _ if values[1] == Value::Integer(1) => {
            vec![("contact", 1), ("contact", 2), ("day", 77), ("note", fresh)]
        }
        _ => Vec::new(),
    }
}

fn all_pairs(name: &str, rule: &str, start: &Start) {
    let did = |i: usize, deeds: &[Deed]| -> Vec<(usize, Pair)> {
        let after = |(place, deed): (usize, &Deed)| {
            let pair = start.pairs[i].fork();
            pair.db.write(|tx| (deed.does)(tx)).ok()?;
            Some((place, pair))
        };
        deeds.iter().enumerate().filter_map(after).collect()
    };
    let [mine, yours] = [1000, 2000].map(|fresh| deeds(start, fresh));
    let (first, second) = (did(0, &mine), did(1, &yours));
    let states = AtomicUsize::new(0);
    in_parallel(&first, |(x, after_x)| {
        for (y, after_y) in &second {
            let (x, y) = (&mine[*x], &yours[*y]);
            let told = |Failure(what)| {
                Failure(format!("{name:?} under {rule}, {} beside {}: {what}", x.name, y.name))
            };
            check([after_x, after_y], [x.writes, y.writes]).map_err(told)?;
            states.fetch_add(6, Ordering::Relaxed);
        }
        Ok(())
    });
    let (possible, states) = (mine.len(), states.into_inner());
    say(&format!(
        "duplicates: from {name:?} under {rule}, {} of {possible} deeds are possible, {states} states",
        first.len()
    ));
}

/// Lets the two meet in each order.
fn check(did: [&Pair; 2], writes: [Option<i64>; 2]) -> Checked {
    let orders: [fn(&Database, &Database); 3] = [
        |a, b| drop(pull(a, b).expect("a session in memory")),
        |a, b| drop(pull(b, a).expect("a session in memory")),
        meet,
    ];
    let mut shown = Vec::new();
    for order in orders {
        let [a, b] = did.map(Pair::fork_database);
        order(&a, &b);
        come_to_rest(&a, &b)?;
        check_end(&a, &b)?;
        if let [Some(x), Some(y)] = writes {
            can_be_seen(&a, [x, y])?;
        }
        shown.push(rows(&a));
    }
    ensure(shown.iter().all(|rows| *rows == shown[0]), || format!("P3 the order matters: {shown:#?}"))
}

fn come_to_rest(a: &Database, b: &Database) -> Checked {
    for _ in 0..ROUNDS {
        let done = sync(a, b).expect("a session in memory");
        if !done.first.moved() && !done.second.moved() {
            return Ok(());
        }
    }
    Err(Failure("P16 the rule does not come to rest".to_owned()))
}

fn check_end(a: &Database, b: &Database) -> Checked {
    let digest = |db: &Database| db.digest().expect("memory does not fail");
    ensure(digest(a) == digest(b) && rows(a) == rows(b), || "P2 equal knowledge, equal tables".to_owned())?;
    let open = conflicts(a);
    ensure(open == conflicts(b), || "P10 equal knowledge, equal conflicts".to_owned())?;
    let clash = open.iter().find(|conflict| {
        conflict.kind == Kind::Unique && conflict.constraint.as_deref() != Some("contact_code_key")
    });
    ensure(clash.is_none(), || format!("two rows clash: {clash:#?}"))?;
    sqlite::loads(a, &a.schema())?;
    [a, b].into_iter().try_for_each(self_check)
}

/// P9: a number that was written beside another write is in a table or in a conflict.
fn can_be_seen(db: &Database, written: [i64; 2]) -> Checked {
    let shown = rows(db).into_iter().flatten().flat_map(|(_, values)| values);
    let open = conflicts(db);
    let sides = open.iter().flat_map(|conflict| [Some(&conflict.loser), conflict.winner.as_ref()]).flatten();
    let listed = sides
        .filter_map(|side| match &side.image {
            Image::Values(values) => Some(values),
            _ => None,
        })
        .flat_map(|row| row.iter().map(|(_, v)| v.clone()));
    let seen: BTreeSet<Value> = shown.chain(listed).collect();
    let lost = written.into_iter().find(|number| !seen.contains(&Value::Integer(*number)));
    ensure(lost.is_none(), || format!("P9 {lost:?} is silently lost"))
}
