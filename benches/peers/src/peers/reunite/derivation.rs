//! W11: rows on which many others depend are changed, and what that hides or shows is derived anew.
//!
//! A figure is the time for a row that is hidden or shown, or for a write where that does not depend on the size.
//! Each case runs at several sizes, for it should be the same at all of them. Nothing here says whether it is.
//!
//! In memory: a checkpoint of the journal within one of these few writes would say more than all that is derived.

use anyhow::{Context, Result, ensure};
use reunite::value::Value;
use reunite::{Database, ResolveWith, Row, replicate, row};

use crate::measure::{Measurement, measure};
use crate::report::tables::whole;

const SCHEMA: &str = "
    CREATE TABLE claim (number INTEGER PRIMARY KEY, code TEXT, note TEXT);
    CREATE TABLE parent (number INTEGER PRIMARY KEY);
    CREATE TABLE child (number INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parent (number));
    CREATE TABLE guest (
        number INTEGER PRIMARY KEY,
        parent INTEGER REFERENCES parent (number) ON DELETE SET NULL
    );
    CREATE TABLE employee (number INTEGER PRIMARY KEY, boss INTEGER REFERENCES employee (number));
    CREATE TABLE other (number INTEGER PRIMARY KEY);
";
const KEY: &str = "CREATE UNIQUE INDEX one_code ON claim (code)";

/// How many rows are inserted in a transaction.
const BATCH: usize = 1000;
/// How often a write is measured that hides and shows few rows.
const TIMES: u32 = 3;

type Case = fn(&Pair, u32) -> Result<Vec<Measurement>>;

pub fn derivations(rows: usize) -> Result<Vec<Measurement>> {
    let rows = u32::try_from(rows)?;
    let cases: [(Case, u32); 5] = [
        (key, rows / 10),
        (parent, rows),
        (guests, rows),
        (chain, rows / 10),
        (chain_from_its_end, rows / 10),
    ];
    let mut measurements = Vec::new();
    for (case, greatest) in cases {
        let mut sizes = [greatest / 10, greatest / 2, greatest].map(|size| size.max(100)).to_vec();
        sizes.dedup();
        let by_size = sizes.iter().map(|size| run(case, *size)).collect::<Result<Vec<_>>>()?;
        // A phase at one size beside the same at the others.
        let phases = by_size.first().map_or(0, Vec::len);
        measurements.extend((0..phases).flat_map(|i| by_size.iter().map(move |phases| phases[i].clone())));
    }
    Ok(measurements)
}

fn run(case: Case, size: u32) -> Result<Vec<Measurement>> {
    let pair = Pair::new()?;
    let measurements = case(&pair, size)?;
    let findings = pair.here.check()?;
    ensure!(findings.is_empty(), "what is stored is not what follows from the facts: {}", findings[0]);
    Ok(measurements)
}

/// Two replicas of one database.
struct Pair {
    /// Has the many rows.
    here: Database,
    /// Has only those on which they depend.
    there: Database,
}

impl Pair {
    fn new() -> Result<Pair> {
        let create = || anyhow::Ok(Database::builder().sql(SCHEMA)?.in_memory()?);
        Ok(Pair { here: create()?, there: create()? })
    }

    /// Rows that both have.
    fn share(&self, table: &str, rows: impl Iterator<Item = Row>) -> Result<()> {
        insert(&self.there, table, BATCH, rows)?;
        replicate::sync(&self.here, &self.there)?;
        Ok(())
    }

    /// Deletes rows there and brings them back, and measures each time what follows from it here.
    fn delete_and_restore(
        &self,
        (table, numbers): (&str, impl Iterator<Item = i64>),
        (deleted, restored): (&str, &str),
        operations: u32,
        check: impl Fn(bool) -> Result<()>,
    ) -> Result<Vec<Measurement>> {
        let snapshot = self.there.read()?;
        let id = |number| snapshot.table(table)?.row_id(number)?.context("nothing to delete");
        let ids = numbers.map(id).collect::<Result<Vec<_>>>()?;
        self.there.write(|tx| ids.iter().try_for_each(|id| tx.table(table)?.delete(*id)))?;
        let ((), deleted) = measure(deleted, operations.into(), || self.pull(ids.len()))?;
        check(false)?;
        self.there.write(|tx| ids.iter().try_for_each(|id| tx.table(table)?.undelete(*id)))?;
        let ((), restored) = measure(restored, operations.into(), || self.pull(ids.len()))?;
        check(true)?;
        Ok(vec![deleted, restored])
    }

    fn pull(&self, rows: usize) -> Result<()> {
        let received = replicate::pull(&self.here, &self.there)?.first.received.rows;
        ensure!(received == rows as u64, "{received} rows came, not {rows}");
        Ok(())
    }
}

/// Inserts rows in transactions of so many.
fn insert(database: &Database, table: &str, batch: usize, rows: impl Iterator<Item = Row>) -> Result<()> {
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        database.write(|tx| tx.table(table)?.insert_all(rows.by_ref().take(batch)))?;
    }
    Ok(())
}

/// Writes what has nothing to do with the rest: the writes after a large one free what it has replaced.
fn free_what_was_replaced(database: &Database) -> Result<()> {
    (0..30).try_for_each(|i| {
        database.write(|tx| tx.table("other")?.insert(row! { number: i }))?;
        Ok(())
    })
}

/// Checks how many rows are in a table, and how many are kept but parked.
fn ensure_counts(database: &Database, table: &str, visible: u32, parked: u32) -> Result<()> {
    let snapshot = database.read()?;
    let counts = (snapshot.table(table)?.len()?, snapshot.table(table)?.parked()?);
    ensure!(counts == (visible.into(), parked.into()), "{table}: {counts:?} rows are visible and parked");
    Ok(())
}

/// Rows with one value are there before the key that allows one of them only; then the key is touched.
fn key(Pair { here, .. }: &Pair, size: u32) -> Result<Vec<Measurement>> {
    insert(here, "claim", BATCH, (0..i64::from(size)).map(|i| row! { number: i, code: "one" }))?;
    let what = format!("key of {} rows", whole(size.into()));
    let ((), added) =
        measure(&format!("{what} added, a row hidden"), u64::from(size) - 1, || Ok(here.alter(KEY)?))?;
    ensure_counts(here, "claim", 1, size - 1)?;
    free_what_was_replaced(here)?;
    let mut visible = 1;
    let mut writes = |name: &str, shown: u32, write: &mut dyn FnMut(i64) -> Result<()>| {
        let ((), measurement) = measure(&format!("{what}: {name}"), TIMES.into(), || {
            (0..TIMES).try_for_each(|time| write(time.into()))
        })?;
        visible += shown * TIMES;
        ensure_counts(here, "claim", visible, size - visible)?;
        anyhow::Ok(measurement)
    };
    let beside = writes("its holder changes beside it", 0, &mut |i| {
        Ok(here.write(|tx| tx.table("claim")?.update(0, row! { note: i.to_string() }))?)
    })?;
    let by_holder = writes("its holder gives it up", 1, &mut |i| {
        Ok(here.write(|tx| tx.table("claim")?.update(i, row! { code: i.to_string() }))?)
    })?;
    let conflicts = here.read()?.conflicts()?;
    let mut parked = conflicts.iter().map(|conflict| conflict.id);
    let by_parked = writes("a parked row gives it up", 1, &mut |i| {
        let conflict = parked.next().context("too few conflicts")?;
        let other = ResolveWith::Rename(row! { code: format!("other {i}") });
        Ok(here.write(|tx| tx.resolve(conflict, other))?)
    })?;
    Ok(vec![added, beside, by_holder, by_parked])
}

/// A parent is deleted where nobody knows of its children, and some that have none.
fn parent(pair: &Pair, size: u32) -> Result<Vec<Measurement>> {
    pair.share("parent", (0..=i64::from(TIMES)).map(|number| row! { number: number }))?;
    insert(&pair.here, "child", BATCH, (0..i64::from(size)).map(|i| row! { number: i, parent: 0 }))?;
    let children = whole(size.into());
    let phases = [
        format!("parent of {children} rows deleted, a row hidden"),
        format!("parent of {children} rows restored, a row shown"),
    ];
    let mut measurements =
        pair.delete_and_restore(("parent", 0..1), (&phases[0], &phases[1]), size, |shown| match shown {
            true => ensure_counts(&pair.here, "child", size, 0),
            false => ensure_counts(&pair.here, "child", 0, size),
        })?;
    let phases = [
        format!("parent of none beside {children} rows deleted"),
        format!("parent of none beside {children} rows restored"),
    ];
    free_what_was_replaced(&pair.here)?;
    let others = 1..i64::from(TIMES) + 1;
    measurements.extend(pair.delete_and_restore(
        ("parent", others),
        (&phases[0], &phases[1]),
        TIMES,
        |_| ensure_counts(&pair.here, "child", size, 0),
    )?);
    Ok(measurements)
}

/// A parent is deleted where its children are: none is hidden, for their references become null. They stay so.
fn guests(Pair { here, .. }: &Pair, size: u32) -> Result<Vec<Measurement>> {
    here.write(|tx| tx.table("parent")?.insert(row! { number: 0 }))?;
    insert(here, "guest", BATCH, (0..i64::from(size)).map(|i| row! { number: i, parent: 0 }))?;
    let id = here.read()?.table("parent")?.row_id(0)?.context("no parent")?;
    let guests = whole(size.into());
    let phase = format!("parent of {guests} rows deleted, SET NULL, a row changed");
    let ((), deleted) =
        measure(&phase, size.into(), || Ok(here.write(|tx| tx.table("parent")?.delete(id))?))?;
    free_what_was_replaced(here)?;
    let phase = format!("parent of {guests} rows restored, SET NULL");
    let ((), restored) = measure(&phase, 1, || Ok(here.write(|tx| tx.table("parent")?.undelete(id))?))?;
    ensure_counts(here, "guest", size, 0)?;
    let snapshot = here.read()?;
    let mut rows = snapshot.table("guest")?.scan()?;
    let parentless = rows.all(|row| row.is_ok_and(|(_, row)| row.get("parent").is_some_and(Value::is_null)));
    ensure!(parentless, "a guest has a parent again");
    Ok(vec![deleted, restored])
}

/// Rows of which each refers to the one before it; the first of all is deleted elsewhere.
fn chain(pair: &Pair, size: u32) -> Result<Vec<Measurement>> {
    chain_in_order(pair, size, "", 1..=i64::from(size))
}

/// The same, but the first row of the chain is the last that was inserted, and so the last by rank.
fn chain_from_its_end(pair: &Pair, size: u32) -> Result<Vec<Measurement>> {
    chain_in_order(pair, size, " made from its end", (1..=i64::from(size)).rev())
}

fn chain_in_order(
    pair: &Pair,
    size: u32,
    how: &str,
    order: impl Iterator<Item = i64>,
) -> Result<Vec<Measurement>> {
    pair.share("employee", std::iter::once(row! { number: 0 }))?;
    // In one transaction, where a row may come before the one that it refers to.
    insert(&pair.here, "employee", size as usize, order.map(|i| row! { number: i, boss: i - 1 }))?;
    let what = format!("root of a chain of {} rows{how}", whole(size.into()));
    let phases = [format!("{what} deleted, a row hidden"), format!("{what} restored, a row shown")];
    pair.delete_and_restore(("employee", 0..1), (&phases[0], &phases[1]), size, |shown| match shown {
        true => ensure_counts(&pair.here, "employee", size + 1, 0),
        false => ensure_counts(&pair.here, "employee", 0, size),
    })
}
