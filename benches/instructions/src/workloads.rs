//! What is counted: the workloads of `benches/peers` that have no peer here, on redb, small and the same on every run.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use reunite::db::SeededRandom;
use reunite::ids::ReplicaId;
use reunite::replicate::sync;
use reunite::storage::Durability;
use reunite::value::Timestamp;
use reunite::version::ManualClock;
use reunite::{Database, WriteError, row};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How many rows each of them works on.
pub const ROWS: u32 = 1000;

/// Rows a transaction.
const BATCH: u32 = 100;

const SCHEMA: &str = "
    CREATE TABLE contact (number INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE COLLATE NOCASE, phone TEXT, note TEXT);
    CREATE TABLE orders (number INTEGER PRIMARY KEY, contact INTEGER NOT NULL REFERENCES contact);
";

type Workload = fn(&Path) -> Outcome<()>;

/// Every workload: its name, and what runs it in a directory.
pub const WORKLOADS: [(&str, Workload); 6] = [
    ("insert", insert),
    ("update", update),
    ("get", get),
    ("first sync", first_sync),
    ("sync of changes", sync_of_changes),
    ("sync of nothing", sync_of_nothing),
];

pub fn run(name: &str) -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let (_, workload) = WORKLOADS.iter().find(|(known, _)| *known == name).ok_or("no such workload")?;
    workload(directory.path())
}

fn create(directory: &Path, replica: u8) -> Outcome<Database> {
    let clock = Arc::new(ManualClock::new(Timestamp(i64::from(replica))));
    let builder = Database::builder().sql(SCHEMA)?.durability(Durability::Eventual).clock(clock);
    let builder = builder.replica_id(ReplicaId::from_bytes([replica; 16]));
    Ok(builder.random(SeededRandom::new(u64::from(replica))).create(directory.join(replica.to_string()))?)
}

/// Eight contacts, then two orders of theirs, and so on.
fn load(db: &Database) -> Result<(), WriteError> {
    for batch in (0..ROWS).step_by(BATCH as usize) {
        db.write(|tx| {
            for n in batch..batch + BATCH {
                if n % 10 < 8 {
                    // Like a hash: e-mail addresses do not come in their order.
                    let email = format!("{:08x}@Example.org", n.wrapping_mul(0x9E37_79B9));
                    let note = "a note of some length, as people write them about somebody";
                    let contact = row! { number: n, email: email, phone: format!("+49 {n}"), note: note };
                    tx.table("contact")?.insert(contact)?;
                } else {
                    tx.table("orders")?.insert(row! { number: n, contact: n - n % 10 })?;
                }
            }
            Ok::<(), WriteError>(())
        })?;
    }
    Ok(())
}

fn loaded(directory: &Path) -> Outcome<Database> {
    let db = create(directory, 1)?;
    load(&db)?;
    Ok(db)
}

/// Changes the phone of each contact.
fn change(db: &Database) -> Result<(), WriteError> {
    for batch in (0..ROWS).step_by(BATCH as usize) {
        db.write(|tx| {
            let mut contacts = tx.table("contact")?;
            for n in (batch..batch + BATCH).filter(|n| n % 10 < 8) {
                contacts.update(i64::from(n), row! { phone: format!("+44 {n}") })?;
            }
            Ok::<(), WriteError>(())
        })?;
    }
    Ok(())
}

/// Valgrind counts in the functions of this name alone.
#[inline(never)]
fn measured<T>(work: impl FnOnce() -> T) -> T {
    work()
}

fn insert(directory: &Path) -> Outcome<()> {
    let db = create(directory, 1)?;
    Ok(measured(|| load(&db))?)
}

fn update(directory: &Path) -> Outcome<()> {
    let db = loaded(directory)?;
    Ok(measured(|| change(&db))?)
}

fn get(directory: &Path) -> Outcome<()> {
    let db = loaded(directory)?;
    let count = measured(|| -> Outcome<usize> {
        let read = db.read()?;
        let contacts = read.table("contact")?;
        let found = (0..ROWS).map(|n| contacts.get(i64::from(n)));
        Ok(found.collect::<Result<Vec<_>, _>>()?.iter().flatten().count())
    })?;
    if count == ROWS as usize * 8 / 10 { Ok(()) } else { Err(format!("{count} contacts").into()) }
}

fn first_sync(directory: &Path) -> Outcome<()> {
    let (first, second) = (loaded(directory)?, create(directory, 2)?);
    measured(|| sync(&second, &first))?;
    Ok(())
}

fn sync_of_changes(directory: &Path) -> Outcome<()> {
    let (first, second) = (loaded(directory)?, create(directory, 2)?);
    sync(&second, &first)?;
    change(&first)?;
    measured(|| sync(&second, &first))?;
    Ok(())
}

/// As often as there are rows, because a single one costs no more than what is left over from the work before it.
fn sync_of_nothing(directory: &Path) -> Outcome<()> {
    let (first, second) = (loaded(directory)?, create(directory, 2)?);
    sync(&second, &first)?;
    measured(|| (0..ROWS).try_for_each(|_| sync(&second, &first).map(drop)))?;
    Ok(())
}
