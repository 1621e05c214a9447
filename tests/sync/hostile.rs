//! A hostile peer: whatever it says, nothing panics, and what makes no sense changes nothing.

use std::collections::VecDeque;

use proptest::prelude::*;
use reunite::ids::{DatabaseId, Dot, UnitId};
use reunite::row::{Batch, Life, LogEntry, RowChange, RowState};
use reunite::sync::{
    Base, Digest, Hello, MAX_SCHEMA_CHANGE_BYTES, Message, PROTOCOL_VERSION, SchemaChange, SchemaState,
    Session,
};
use reunite::version::{Hlc, Knowledge, Priority, Stamp, VersionVector};

use crate::link::drive;
use crate::toy::{Store, Write, base, key, replica};

/// The ways to spoil a batch that a receiver must find. False if this batch cannot be spoilt so.
fn spoil(batch: &mut Batch, way: usize) -> bool {
    let stranger = Dot { replica: replica(77), seq: 1 };
    let last = batch.log.len() - 1;
    match way {
        0 => batch.log.clear(),
        1 => batch.log[0].dot.seq += 1,
        2 => batch.log[last].dot.seq = u64::MAX,
        3 if last > 0 => batch.log.swap(0, last),
        4 if !batch.changes.is_empty() => batch.changes.push(batch.changes[0].clone()),
        5 if !batch.changes.is_empty() => drop(batch.changes.remove(0)),
        6 if !batch.changes.is_empty() => batch.changes[0].withheld.push((UnitId(3), stranger)),
        7 if !batch.changes.is_empty() => batch.changes[0].state.vector = VersionVector::default(),
        8 => batch.log.push(LogEntry { dot: stranger, hlc: Hlc(u64::MAX), key: key(1) }),
        9 if last > 0 => batch.log[last].hlc = Hlc(0),
        10 => batch.changes.push(RowChange { key: key(99), state: state(stranger, 1), withheld: Vec::new() }),
        11 if last > 0 => drop(batch.log.remove(0)),
        12 if !batch.changes.is_empty() => batch.changes[0].state.born = stranger,
        13 if !batch.changes.is_empty() => batch.changes[0].key = key(98),
        _ => return false,
    }
    true
}

fn state(dot: Dot, hlc: u64) -> RowState {
    let mut state = RowState::new(dot);
    state.write_life(Stamp::new(Priority::default(), Hlc(hlc), dot), Life::ALIVE, &[]);
    state
}

/// Two replicas that have exchanged some changes, and then each made some more.
fn pair() -> [Store; 2] {
    let [mut a, mut b] = [Store::new(1, 300), Store::new(2, 300)];
    let write =
        |row, unit| [Write { row, unit, value: 20 }, Write { row: row + 1, unit: unit + 1, value: 9 }];
    (0..8).for_each(|n| drop(a.commit(&write(n, 3))));
    crate::link::sync(&mut a, &mut b, crate::link::Fault::default(), &mut |_| {});
    (0..8).for_each(|n| drop((a.commit(&write(n, n)), b.commit(&write(n + 4, n)))));
    [a, b]
}

#[test]
fn a_spoilt_batch_is_refused_whole() {
    let mut spoilt = [0; 14];
    for (way, count) in spoilt.iter_mut().enumerate() {
        for nth in 0..6 {
            *count += usize::from(send_spoilt(way, nth));
        }
    }
    assert!(spoilt.iter().all(|count| *count > 0), "{spoilt:?}");
}

/// A session in which the n-th batch for one side is spoilt.
fn send_spoilt(way: usize, nth: usize) -> bool {
    let [mut a, mut b] = pair();
    let (mut at_a, mut at_b) = (Session::open(&a.config()), Session::accept(&b.config()));
    let (mut to_a, mut to_b) = (VecDeque::new(), VecDeque::new());
    let mut batches = 0;
    loop {
        drive(&mut a, &mut at_a, &mut to_b, &mut |_| {});
        if to_b.is_empty() {
            return false;
        }
        for mut message in to_b.drain(..) {
            let mut bad = false;
            if let Message::Changes { batch, .. } = &mut message {
                bad = batches == nth && spoil(batch, way);
                batches += 1;
            }
            let before = b.facts.clone();
            at_b.receive(message);
            let end = drive(&mut b, &mut at_b, &mut to_a, &mut |_| {});
            if bad {
                let error = end.expect("ended").expect_err("refused");
                assert_eq!(error.code(), "protocol", "way {way}: {error}");
                assert_eq!(b.facts, before, "way {way}");
                return true;
            }
        }
        to_a.drain(..).for_each(|message| at_a.receive(message));
    }
}

#[test]
fn a_spoilt_schema_is_refused_whole() {
    for way in 0..6 {
        let [mut a, mut b] = pair();
        (0..3).for_each(|_| a.change_schema());
        let (mut at_a, mut at_b) = (Session::open(&a.config()), Session::accept(&b.config()));
        let (mut to_a, mut to_b) = (VecDeque::new(), VecDeque::new());
        drive(&mut a, &mut at_a, &mut to_b, &mut |_| {});
        to_b.drain(..).for_each(|message| at_b.receive(message));
        drive(&mut b, &mut at_b, &mut to_a, &mut |_| {});
        to_a.drain(..).for_each(|message| at_a.receive(message));
        drive(&mut a, &mut at_a, &mut to_b, &mut |_| {});
        let Some(Message::SchemaChanges(mut changes)) = to_b.pop_front() else {
            panic!("the schema goes first")
        };
        let before = b.facts.clone();
        let code = match way {
            0 => send_schema(&mut at_b, Vec::new()),
            1 => send_schema(&mut at_b, changes.split_off(1)),
            2 => send_schema(&mut at_b, changes[..2].to_vec()),
            3 => {
                let more = SchemaChange { id: Dot { seq: 4, ..changes[0].id }, text: String::new() };
                send_schema(&mut at_b, changes.into_iter().chain([more]).collect())
            }
            4 => {
                changes[1].text = "x".repeat(MAX_SCHEMA_CHANGE_BYTES + 1);
                send_schema(&mut at_b, changes)
            }
            // Data that is newer than the schema.
            _ => {
                let batch = to_b.into_iter().find(|message| matches!(message, Message::Changes { .. }));
                at_b.receive(batch.expect("it has changes"));
                "protocol"
            }
        };
        let end = drive(&mut b, &mut at_b, &mut to_a, &mut |_| {});
        let end = end.unwrap_or_else(|| panic!("way {way} was taken in")).expect_err("refused");
        assert_eq!(end.code(), code, "way {way}: {end}");
        assert_eq!(b.facts, before, "way {way}");
    }
}

fn send_schema(session: &mut Session, changes: Vec<SchemaChange>) -> &'static str {
    let limit = changes.iter().any(|change| change.text.len() > MAX_SCHEMA_CHANGE_BYTES);
    session.receive(Message::SchemaChanges(changes));
    if limit { "limit" } else { "protocol" }
}

fn dot() -> impl Strategy<Value = Dot> {
    (1..4u8, prop_oneof![8 => 0..20u64, 1 => Just(u64::MAX)])
        .prop_map(|(id, seq)| Dot { replica: replica(id), seq })
}

fn knowledge() -> impl Strategy<Value = Knowledge> {
    proptest::collection::vec(dot(), 0..4)
        .prop_map(|dots| dots.into_iter().map(|dot| (dot.replica, dot.seq)).collect())
}

fn hello() -> impl Strategy<Value = Hello> {
    let base = prop_oneof![
        4 => Just(Some(base())),
        1 => Just(None),
        1 => Just(Some(Base { database: DatabaseId::from_bytes([1; 16]), schema: Digest([1; 16]) })),
    ];
    let state = proptest::option::of(any::<[u8; 16]>().prop_map(Digest));
    (
        prop_oneof![9 => Just(PROTOCOL_VERSION), 1 => any::<u32>()],
        1..4u8,
        base,
        prop_oneof![3 => Just(Knowledge::default()), 1 => knowledge()],
        knowledge(),
        state,
        (any::<[bool; 3]>(), prop_oneof![9 => Just("16.0.0"), 1 => Just("15.1.0")]),
    )
        .prop_map(|(protocol, id, base, known, knowledge, state, ([gives, takes, folds], unicode))| {
            Hello {
                protocol,
                replica: replica(id),
                base,
                schema: SchemaState { known, digest: Digest([5; 16]) },
                unicode: unicode.to_owned(),
                folds,
                knowledge,
                state,
                gives,
                takes,
            }
        })
}

fn change() -> impl Strategy<Value = RowChange> {
    let withheld =
        proptest::collection::vec((2..6u32, dot()).prop_map(|(unit, dot)| (UnitId(unit), dot)), 0..2);
    (0..12u8, dot(), dot(), knowledge(), 0..500u64, withheld).prop_map(
        |(row, born, live, vector, hlc, withheld)| {
            let mut state = state(born, hlc);
            state.vector = vector;
            state.write_life(Stamp::new(Priority::default(), Hlc(hlc), live), Life::DEAD, &[]);
            RowChange { key: key(row), state, withheld }
        },
    )
}

fn batch() -> impl Strategy<Value = Batch> {
    let entry = (dot(), 0..500u64, 0..12u8).prop_map(|(dot, hlc, row)| LogEntry {
        dot,
        hlc: Hlc(hlc),
        key: key(row),
    });
    let log = proptest::collection::vec(entry, 0..4);
    (proptest::collection::vec(change(), 0..3), log).prop_map(|(changes, log)| Batch { changes, log })
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        2 => hello().prop_map(Message::Hello),
        1 => hello().prop_map(Message::Welcome),
        1 => any::<u8>().prop_map(|n| Message::Schema {
            database: DatabaseId::from_bytes([n % 10; 16]),
            creator: Some(replica(n)),
            sql: String::new(),
        }),
        2 => proptest::collection::vec(dot(), 0..3).prop_map(|ids| {
            let change = |id| SchemaChange { id, text: "x".into() };
            Message::SchemaChanges(ids.into_iter().map(change).collect())
        }),
        4 => (1..3u64, batch()).prop_map(|(number, batch)| Message::Changes { number, batch }),
        2 => Just(Message::Applied),
        1 => Just(Message::Refused { code: "x".into(), message: "y".into() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// No sequence of messages makes a replica panic, or know what it does not have.
    #[test]
    fn nonsense_never_panics_and_teaches_nothing(
        opens in any::<bool>(),
        greeting in hello(),
        messages in proptest::collection::vec(message(), 0..12),
    ) {
        let [mut store, _] = pair();
        let (config, mut out) = (store.config(), VecDeque::new());
        let mut session = if opens { Session::open(&config) } else { Session::accept(&config) };
        let greeting = if opens { Message::Welcome(greeting) } else { Message::Hello(greeting) };
        for message in [greeting].into_iter().chain(messages) {
            session.receive(message);
            let before = store.facts.clone();
            let end = drive(&mut store, &mut session, &mut out, &mut |_| {});
            prop_assert_eq!(store.check(), Ok(()));
            prop_assert!(store.facts.knowledge.includes(&before.knowledge));
            if matches!(end, Some(Err(_))) {
                prop_assert_eq!(&store.facts, &before);
                break;
            }
        }
        session.interrupted("end");
        drive(&mut store, &mut session, &mut out, &mut |_| {});
        prop_assert!(session.is_finished());
    }
}
