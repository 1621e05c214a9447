//! A process that writes and syncs two databases on disk is killed at random moments, many times over.
//!
//! Nothing that it acknowledged may be lost, no transaction and no batch may be there by half, and the
//! self-check must be clean without any repair. This is `kill -9`: what a power cut does to unsynced
//! writes is simulated in the storage tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test stops where something is not as expected, and is told by its environment what to do"
)]

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use reunite::storage::{Durability, EngineKind, Options, Storage};
use reunite::value::Value;
use reunite::{Database, replicate, row};

/// How often a process is killed, per engine.
const KILLS: u64 = 200;
/// After so many kills a new pair of databases is begun: making one can be interrupted too.
const KILLS_PER_PAIR: u64 = 20;
const DIRECTORY: &str = "REUNITE_KILL_DIRECTORY";
const ACKNOWLEDGED: &str = "acknowledged ";

const SCHEMA: &str = "
    CREATE TABLE entry (number INTEGER, part INTEGER, text TEXT, PRIMARY KEY (number, part));
    CREATE TABLE total (name TEXT PRIMARY KEY, last INTEGER NOT NULL);
";

#[test]
fn redb_survives_kills() {
    survive_kills("redb_survives_kills", EngineKind::Redb);
}

#[cfg(feature = "sled")]
#[test]
fn sled_survives_kills() {
    survive_kills("sled_survives_kills", EngineKind::Sled);
}

/// The parent starts this same test again as a child, with a directory to work in.
fn survive_kills(test: &str, engine: EngineKind) {
    if let Ok(directory) = std::env::var(DIRECTORY) {
        write_for_ever(Path::new(&directory), engine);
    }
    let root = tempfile::tempdir().unwrap();
    let mut count = Count::default();
    for kill in 0..KILLS {
        let directory = root.path().join((kill / KILLS_PER_PAIR).to_string());
        std::fs::create_dir_all(&directory).unwrap();
        let acknowledged = run_and_kill(test, &directory, kill);
        count.acknowledged += acknowledged.len() as u64;
        inspect(&directory, engine, &acknowledged, &mut count);
    }
    // Straight to the stream: the counts are shown even when the test passes.
    writeln!(
        io::stderr(),
        "{test}: {KILLS} kills, {} before a database was there, {} amid a session; {} transactions \
         acknowledged, {} more were whole, none was lost",
        count.nothing_there,
        count.behind,
        count.acknowledged,
        count.whole
    )
    .expect("stderr is open");
    assert!(count.acknowledged > KILLS && count.behind > 0, "the kills came too early to show anything");
}

/// What the rounds met.
#[derive(Default)]
struct Count {
    acknowledged: u64,
    /// Transactions that were committed and not yet acknowledged.
    whole: u64,
    nothing_there: u64,
    /// The second database had only a part of what the first one has.
    behind: u64,
}

/// Starts a child, kills it at a random moment, and returns the numbers that it acknowledged.
fn run_and_kill(test: &str, directory: &Path, kill: u64) -> Vec<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (told, numbers) = mpsc::channel();
    let reader = thread::spawn(move || {
        // A torn last line does not count: nobody has read it.
        for line in output.lines().map_while(Result::ok) {
            if let Some(number) = line.strip_prefix(ACKNOWLEDGED).and_then(|number| number.parse().ok()) {
                told.send(number).unwrap();
            }
        }
    });
    // Most are killed at work, some while they begin.
    let first =
        if kill.is_multiple_of(8) { None } else { numbers.recv_timeout(Duration::from_secs(60)).ok() };
    thread::sleep(Duration::from_micros(random(kill) % 40_000));
    assert!(child.try_wait().unwrap().is_none(), "the child ended by itself: {}", errors_of(&mut child));
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    first.into_iter().chain(numbers).collect()
}

fn errors_of(child: &mut std::process::Child) -> String {
    io::read_to_string(child.stderr.take().unwrap()).unwrap_or_default()
}

/// Opens what the child has left, and looks at all of it.
fn inspect(directory: &Path, engine: EngineKind, acknowledged: &[i64], count: &mut Count) {
    let [first, second] = paths(directory);
    if !first.exists() || !second.exists() {
        assert!(acknowledged.is_empty(), "a database was acknowledged and is gone");
        count.nothing_there += 1;
        return;
    }
    let (a, b) = (open(&first, engine), open(&second, engine));
    let last = last_number(&a);
    let expected = acknowledged.last().copied().unwrap_or(0);
    assert!(last >= expected, "transaction {expected} was acknowledged, the last one here is {last}");
    count.whole += u64::from(last > expected && expected > 0);
    for db in [&a, &b] {
        assert_whole(db);
        assert_eq!(db.check().unwrap(), Vec::new(), "the self-check after a kill");
    }
    count.behind += u64::from(a.knowledge().unwrap() != b.knowledge().unwrap());
    replicate::sync(&a, &b).unwrap();
    assert_eq!(last_number(&b), last, "an interrupted session goes on where it stopped");
    assert_eq!(a.digest().unwrap(), b.digest().unwrap());
    a.close().unwrap();
    b.close().unwrap();
}

/// Every transaction up to the last one is there with all of its rows.
fn assert_whole(db: &Database) {
    let snapshot = db.read().unwrap();
    let entries = snapshot.table("entry").unwrap();
    let mut numbers: Vec<(i64, i64)> = Vec::new();
    for entry in entries.scan().unwrap() {
        let (_, row) = entry.unwrap();
        let number = |name| match row.get(name) {
            Some(Value::Integer(number)) => *number,
            other => panic!("{name} is {other:?}"),
        };
        numbers.push((number("number"), number("part")));
    }
    numbers.sort_unstable();
    let expected =
        (1..=last_number(db)).flat_map(|number| (0..parts(number)).map(move |part| (number, part)));
    assert!(expected.eq(numbers.iter().copied()), "half a transaction: {numbers:?}");
}

fn last_number(db: &Database) -> i64 {
    let row = db.read().unwrap().table("total").unwrap().get("entries").unwrap();
    match row.as_ref().and_then(|row| row.get("last")) {
        Some(Value::Integer(last)) => *last,
        None => 0,
        Some(other) => panic!("the last number is {other:?}"),
    }
}

const fn parts(number: i64) -> i64 {
    1 + number % 3
}

// --------------------------------------------------------------------------------------------
// The child
// --------------------------------------------------------------------------------------------

/// Commits numbered transactions and says so, until it is killed.
fn write_for_ever(directory: &Path, engine: EngineKind) -> ! {
    let [first, second] = paths(directory).map(|path| open(&path, engine));
    let mut number = last_number(&first);
    loop {
        number += 1;
        let mut transaction = first.begin().unwrap();
        for part in 0..parts(number) {
            let text = "x".repeat(usize::try_from(random(number.unsigned_abs()) % 3000).unwrap());
            transaction
                .table("entry")
                .unwrap()
                .insert(row! { number: number, part: part, text: text })
                .unwrap();
        }
        transaction.table("total").unwrap().upsert(row! { name: "entries", last: number }).unwrap();
        // The first commits of a process wait for the disk, the others only for the kernel.
        let durability = if number % 4 == 0 { Durability::Immediate } else { Durability::Eventual };
        transaction.commit_with(durability).unwrap();
        println!("{ACKNOWLEDGED}{number}");
        io::stdout().flush().unwrap();
        if number % 5 == 0 {
            replicate::sync(&first, &second).unwrap();
        }
    }
}

fn paths(directory: &Path) -> [PathBuf; 2] {
    ["first", "second"].map(|name| directory.join(name))
}

/// A process that was killed while it made a database has left none, or a whole one.
fn open(path: &Path, engine: EngineKind) -> Database {
    if !path.exists() {
        let builder = Database::builder().sql(SCHEMA).unwrap().engine(engine);
        builder.create(path).unwrap().close().unwrap();
    }
    // A short journal: checkpoints come often enough to be interrupted.
    let options = Options { journal_bytes: 16 << 10, ..Options::default() };
    Database::builder().over(Storage::open(path, options).unwrap()).unwrap()
}

/// A number that follows from another (SplitMix64).
const fn random(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
