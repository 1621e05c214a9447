//! Single sessions: greetings that fail, schemas that travel, windows, and what a batch holds.

use reunite::ids::{DatabaseId, Dot, RowKey, Seq};
use reunite::row::RowState;
use reunite::sync::{
    Base, Batcher, Config, Digest, Effect, Log, Message, Session, Source, SyncError, WINDOW,
};
use reunite::value::Collation;
use reunite::version::Knowledge;

use crate::link::{Fault, Run, run, sync};
use crate::toy::{Facts, Store, Write, base, replica};

fn store(n: u8, commits: u8) -> Store {
    let mut store = Store::new(n, 300);
    for row in 0..commits {
        store.commit(&[Write { row, unit: 3, value: 50 }]);
    }
    store
}

fn with(a: &mut Store, b: &mut Store, change: impl Fn(&mut Config)) -> Run {
    let mut config = b.config();
    change(&mut config);
    let sessions = [Session::open(&a.config()), Session::accept(&config)];
    run([a, b], sessions, Fault::default(), &mut |_| {})
}

fn codes(run: &Run) -> [&str; 2] {
    [0, 1].map(|side| run.outcomes[side].as_ref().map_or_else(SyncError::code, |_| "ok"))
}

#[test]
fn incompatible_replicas_exchange_nothing() {
    let (mut a, mut b) = (store(1, 9), store(2, 9));
    let before = (a.facts.clone(), b.facts.clone());
    let other = |database, schema| {
        Some(Base { database: DatabaseId::from_bytes([database; 16]), schema: Digest([schema; 16]) })
    };
    let wrong = with(&mut a, &mut b, |config| config.base = other(8, 3));
    assert_eq!(codes(&wrong), ["wrong-database"; 2]);
    let schema = with(&mut a, &mut b, |config| config.base = other(9, 4));
    assert_eq!(codes(&schema), ["schema-mismatch"; 2]);
    let Err(SyncError::SchemaMismatch { ours, theirs }) = &schema.outcomes[0] else { panic!() };
    assert_eq!((*ours, *theirs), (Digest([3; 16]), Digest([4; 16])));
    assert_eq!(codes(&with(&mut a, &mut b, |config| config.replica = replica(1))), ["same-replica"; 2]);
    assert_eq!(codes(&with(&mut a, &mut b, |config| config.base = None)), ["protocol"; 2]);
    assert_eq!((a.facts, b.facts), before);
}

/// Replicas with other tables of Unicode could disagree about which keys are equal, and which comes first. They
/// never come to it: neither takes a row of the other.
#[test]
fn replicas_with_other_tables_of_unicode_exchange_nothing() {
    let (mut a, mut b) = (store(1, 9), store(2, 9));
    let before = (a.facts.clone(), b.facts.clone());
    let other = |config: &mut Config| config.unicode = "17.0.0".to_owned();
    let folds = with(&mut a, &mut b, |config| {
        other(config);
        config.folds = true;
    });
    assert_eq!(codes(&folds), ["collation"; 2]);
    let Err(SyncError::CollationMismatch { collation, ours, theirs }) = &folds.outcomes[0] else { panic!() };
    assert_eq!((*collation, ours.as_str(), theirs.as_str()), (Collation::UnicodeNoCase, "16.0.0", "17.0.0"));
    assert_eq!((&a.facts, &b.facts), (&before.0, &before.1));
    // An empty replica takes no schema that it cannot obey.
    let mut empty = Store::new(3, 300);
    let adopted = with(&mut a, &mut empty, |config| {
        other(config);
        config.base = None;
        config.folds = true;
    });
    assert_eq!(codes(&adopted), ["collation"; 2]);
    // Where no text is compared by them it does not matter.
    assert_eq!(codes(&with(&mut a, &mut b, other)), ["ok"; 2]);
}

#[test]
fn a_side_with_nothing_to_give_has_nothing_to_hold() {
    let (a, b) = (store(1, 9), store(2, 0));
    let (mut opened, mut accepted) = (Session::open(&a.config()), Session::accept(&b.config()));
    assert!(opened.may_read() && accepted.may_read());
    let Some(Effect::Send(hello)) = opened.next_effect() else { panic!() };
    accepted.receive(hello);
    let Some(Effect::Send(welcome)) = accepted.next_effect() else { panic!() };
    opened.receive(welcome);
    assert!(opened.may_read() && !accepted.may_read());
}

#[test]
fn equal_knowledge_with_different_facts_is_an_alarm() {
    let (mut a, mut b) = (store(1, 3), store(2, 0));
    sync(&mut a, &mut b, Fault::default(), &mut |_| {});
    let (mut at_a, mut at_b) = (a.config(), b.config());
    (at_a.state, at_b.state) = (Some(Digest([1; 16])), Some(Digest([2; 16])));
    let sessions = [Session::open(&at_a), Session::accept(&at_b)];
    assert_eq!(codes(&run([&mut a, &mut b], sessions, Fault::default(), &mut |_| {})), ["corrupt"; 2]);
}

#[test]
fn an_empty_replica_takes_over_database_schema_and_data() {
    for opener_is_empty in [false, true] {
        let (mut a, mut b) = (store(1, 20), store(2, 0));
        b.base = None;
        let run = if opener_is_empty {
            sync(&mut b, &mut a, Fault::default(), &mut |_| {})
        } else {
            sync(&mut a, &mut b, Fault::default(), &mut |_| {})
        };
        assert_eq!(codes(&run), ["ok"; 2]);
        assert_eq!((b.base, b.facts), (Some(base()), a.facts));
        assert!(run.outcomes.iter().flatten().any(|report| report.adopted));
    }
}

#[test]
fn an_empty_replica_learns_nothing_from_one_that_gives_nothing() {
    let (mut a, mut b) = (store(1, 0), store(2, 5));
    a.base = None;
    assert_eq!(codes(&with(&mut a, &mut b, |config| config.gives = false)), ["empty"; 2]);
    b = store(2, 0);
    b.base = None;
    assert_eq!(codes(&sync(&mut a, &mut b, Fault::default(), &mut |_| {})), ["empty"; 2]);
    assert_eq!((a.base, b.base), (None, None));
}

#[test]
fn an_adopted_schema_must_have_the_digest_that_was_announced() {
    let (a, b) = (store(1, 3), store(2, 0));
    let mut at_a = Session::open(&a.config());
    let mut at_b = Session::accept(&Config::new(b.id, None, Knowledge::default()));
    deliver(&mut at_a, &mut at_b);
    deliver(&mut at_b, &mut at_a);
    assert!(matches!(at_a.next_effect(), Some(Effect::ReadSchema)));
    at_a.supply_schema("CREATE TABLE other (a)".to_owned());
    deliver(&mut at_a, &mut at_b);
    assert!(matches!(at_b.next_effect(), Some(Effect::Prepare)));
    assert!(matches!(at_b.next_effect(), Some(Effect::AdoptSchema { .. })));
    at_b.adopted(Digest([0; 16]));
    assert!(
        matches!(at_b.next_effect(), Some(Effect::Send(Message::Refused { code, .. })) if code == "schema-mismatch")
    );
    assert!(matches!(at_b.next_effect(), Some(Effect::Finished(Err(SyncError::SchemaMismatch { .. })))));
    assert!(at_b.next_effect().is_none() && at_b.is_finished());
}

/// Hands over what is to be sent, up to the first other effect.
fn deliver(from: &mut Session, to: &mut Session) {
    let Some(Effect::Send(message)) = from.next_effect() else { panic!("nothing to send") };
    to.receive(message);
}

#[test]
fn no_more_batches_are_under_way_than_the_window_allows() {
    let (a, b) = (store(1, 30), store(2, 0));
    let mut at_a = Session::open(&a.config());
    let mut at_b = Session::accept(&b.config());
    deliver(&mut at_a, &mut at_b);
    deliver(&mut at_b, &mut at_a);
    let mut batches = Vec::new();
    while let Some(effect) = at_a.next_effect() {
        match effect {
            Effect::ReadChanges => at_a.supply(&a.facts),
            Effect::Send(message @ Message::Changes { .. }) => batches.push(message),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(batches.len(), WINDOW);
    at_a.receive(Message::Applied);
    assert!(matches!(at_a.next_effect(), Some(Effect::ReadChanges)));
    // The receiver insists on it.
    at_a.supply(&a.facts);
    batches.extend(at_a.next_effect().map(|effect| match effect {
        Effect::Send(message) => message,
        other => panic!("{other:?}"),
    }));
    batches.into_iter().for_each(|message| at_b.receive(message));
    assert!(
        matches!(at_b.next_effect(), Some(Effect::Send(Message::Refused { code, .. })) if code == "protocol")
    );
}

/// The second batch holds another replica's changes, so nothing but its number shows that one is missing.
#[test]
fn a_lost_batch_is_missed() {
    let (mut a, mut b) = (Store::new(1, 1), store(2, 0));
    let mut c = store(3, 1);
    a.commit(&[Write { row: 9, unit: 3, value: 50 }]);
    sync(&mut a, &mut c, Fault::default(), &mut |_| {});
    let before = b.facts.clone();
    // Hello and welcome, then the batches.
    let run = sync(&mut a, &mut b, Fault { lose: Some(3), ..Fault::default() }, &mut |_| {});
    assert_eq!(codes(&run), ["protocol"; 2]);
    assert_eq!(b.facts, before);
}

#[test]
fn the_words_of_a_storage_error_do_not_reach_the_peer() {
    let (a, b) = (store(1, 3), store(2, 0));
    let (mut at_a, mut at_b) = (Session::open(&a.config()), Session::accept(&b.config()));
    deliver(&mut at_a, &mut at_b);
    at_b.failed(reunite::error::Error::corrupt("/home/bob/secret"));
    deliver(&mut at_b, &mut at_a);
    let Some(Effect::Send(Message::Refused { code, message })) = at_b.next_effect() else { panic!() };
    assert_eq!((code.as_str(), message.contains("secret")), ("corrupt", false));
    at_a.receive(Message::Refused { code, message });
    let Some(Effect::Finished(Err(error))) = at_a.next_effect() else { panic!() };
    assert_eq!((error.code(), error.is_retryable()), ("corrupt", false));
}

#[test]
fn a_row_changed_often_travels_once_and_all_its_changes_are_taught() {
    let mut a = Store::new(1, 1 << 18);
    (0..50).for_each(|value| drop(a.commit(&[Write { row: 1, unit: 3, value }])));
    let mut batcher = Batcher::new(Knowledge::default(), a.facts.knowledge.clone());
    let batch = batcher.next(&a.facts, 1 << 18).unwrap().unwrap();
    assert_eq!((batch.changes.len(), batch.log.len()), (1, 50));
    assert!(batcher.is_done() && batcher.next(&a.facts, 1).unwrap().is_none());
}

#[test]
fn a_commit_stays_whole_where_it_fits_twice() {
    let mut a = Store::new(1, 0);
    for first in [0, 4, 8] {
        let write = |row| Write { row, unit: 3, value: 40 };
        a.commit(&[write(first), write(first + 1), write(first + 2)]);
    }
    let mut batcher = Batcher::new(Knowledge::default(), a.facts.knowledge.clone());
    let batches = std::iter::from_fn(|| batcher.next(&a.facts, 300).unwrap());
    assert_eq!(batches.map(|batch| batch.log.len()).collect::<Vec<_>>(), [3, 3, 3]);
}

#[test]
fn a_gap_in_the_log_is_never_taught() {
    let mut a = store(1, 9);
    a.facts.log.remove(&Dot { replica: a.id, seq: 4 });
    let mut batcher = Batcher::new(Knowledge::default(), a.facts.knowledge.clone());
    assert!(matches!(batcher.next(&a.facts, 1 << 18), Err(reunite::error::Error::Corrupt { .. })));
    let mut short = store(1, 9);
    short.facts.log.remove(&Dot { replica: short.id, seq: 9 });
    let mut batcher = Batcher::new(Knowledge::default(), short.facts.knowledge.clone());
    assert_eq!(batcher.next(&short.facts, 1 << 18).unwrap().unwrap().teaches().get(short.id), 8);
    assert!(batcher.next(&short.facts, 1 << 18).is_err());
}

/// Counts what is read.
struct Counting<'a>(&'a Facts, std::cell::Cell<usize>);

impl Source for Counting<'_> {
    fn log(&self, replica: reunite::ids::ReplicaId, after: Seq) -> Result<Log<'_>, reunite::error::Error> {
        let count = || self.1.set(self.1.get() + 1);
        Ok(Box::new(self.0.log(replica, after)?.inspect(move |_| count())))
    }

    fn row(&self, key: RowKey) -> Result<Option<RowState>, reunite::error::Error> {
        self.0.row(key)
    }
}

#[test]
fn logs_are_read_no_further_than_a_batch_needs() {
    let a = store(1, 200);
    let source = Counting(&a.facts, std::cell::Cell::new(0));
    let mut batcher = Batcher::new(Knowledge::default(), a.facts.knowledge.clone());
    let batch = batcher.next(&source, 1_000).unwrap().unwrap();
    assert!(source.1.get() <= batch.log.len() + 2, "{} for {}", source.1.get(), batch.log.len());
}
