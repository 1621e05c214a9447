//! Random histories of two to five replicas: writes, sessions in one and in both directions, sessions
//! that break anywhere.

use std::collections::BTreeMap;

use proptest::prelude::*;
use reunite::ids::Dot;
use reunite::sync::Session;
use reunite::version::Knowledge;

use crate::link::{Fault, run, sync};
use crate::toy::{Facts, Store, Write};

#[derive(Clone, Debug)]
enum Step {
    Commit { at: usize, writes: Vec<Write> },
    ChangeSchema { at: usize },
    Sync { a: usize, b: usize, both: bool, fault: Fault },
}

fn write() -> impl Strategy<Value = Write> {
    (0..6u8, 0..9u8, 0..60u8).prop_map(|(row, unit, value)| Write { row, unit, value })
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::default()),
        4 => (0..2_000usize).prop_map(|cut| Fault { cut: Some(cut), ..Fault::default() }),
        1 => (1..12usize).prop_map(|n| Fault { duplicate: Some(n), ..Fault::default() }),
        1 => (1..12usize).prop_map(|n| Fault { lose: Some(n), ..Fault::default() }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let writes = proptest::collection::vec(write(), 1..4);
    prop_oneof![
        3 => (0..5usize, writes).prop_map(|(at, writes)| Step::Commit { at, writes }),
        1 => (0..5usize).prop_map(|at| Step::ChangeSchema { at }),
        2 => (0..5usize, 1..5usize, any::<bool>(), fault())
            .prop_map(|(a, b, both, fault)| Step::Sync { a, b, both, fault }),
    ]
}

/// Replicas, and what the writer of each change knew when it made it: of data, and of the schema.
struct World {
    stores: Vec<Store>,
    basis: BTreeMap<Dot, (Knowledge, Knowledge)>,
}

impl World {
    fn new(replicas: u8, batch_bytes: usize) -> World {
        let stores = (1..=replicas).map(|n| Store::new(n, batch_bytes)).collect();
        World { stores, basis: BTreeMap::new() }
    }

    fn step(&mut self, step: Step) {
        let n = self.stores.len();
        match step {
            Step::Commit { at, writes } => {
                let store = &mut self.stores[at % n];
                let basis = (store.facts.knowledge.clone(), store.facts.schema_known());
                for dot in store.commit(&writes) {
                    self.basis.insert(dot, basis.clone());
                }
            }
            Step::ChangeSchema { at } => self.stores[at % n].change_schema(),
            Step::Sync { a, b, both, fault } => {
                let a = a % n;
                self.sync(a, (a + 1 + b % (n - 1)) % n, both, fault);
            }
        }
    }

    /// A session; checks every replica after every commit. Whether anything moved.
    fn sync(&mut self, a: usize, b: usize, both: bool, fault: Fault) -> bool {
        let World { stores, basis } = self;
        let [a, b] = stores.get_disjoint_mut([a, b]).unwrap();
        let before = (a.facts.clone(), b.facts.clone());
        let mut seen = |facts: &Facts| causally_closed(facts, basis);
        let (mut from, to) = (a.config(), b.config());
        from.takes = both;
        let sessions = [Session::open(&from), Session::accept(&to)];
        let end = run([a, b], sessions, fault, &mut seen);
        for store in [&*a, &*b] {
            store.check().unwrap();
        }
        assert!(both || a.facts == before.0, "a one-way session wrote to the giver");
        let moved = (&a.facts, &b.facts) != (&before.0, &before.1);
        if let [Ok(report), Ok(other)] = &end.outcomes {
            assert_eq!((report.moved(), other.moved()), (moved, moved));
            assert_eq!((report.sent, report.received), (other.received, other.sent));
            assert_eq!(report.schema_sent, other.schema_received);
            assert_eq!(report.schema_received, other.schema_sent);
            assert!(b.facts.schema_known().includes(&a.facts.schema_known()));
            assert!(b.facts.knowledge.includes(&a.facts.knowledge));
            let ahead = a.facts.is_ahead() || b.facts.is_ahead();
            assert!(
                !both || ahead || a.facts == b.facts,
                "a whole session in both directions leaves them equal"
            );
            assert_eq!(report.peer_knows, b.facts.knowledge);
        } else {
            assert!(fault.cut.or(fault.lose).or(fault.duplicate).is_some(), "{:?}", end.outcomes);
        }
        moved
    }

    fn settle(&mut self) {
        let n = self.stores.len();
        let pairs: Vec<_> = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))).collect();
        for round in 0.. {
            assert!(round < 4, "no rest");
            if !pairs.iter().fold(false, |moved, (a, b)| self.sync(*a, *b, true, Fault::default()) || moved) {
                return;
            }
        }
    }
}

/// Who knows a change knows all that its writer could see, and the schema that it was made under: no data
/// comes before its schema.
fn causally_closed(facts: &Facts, basis: &BTreeMap<Dot, (Knowledge, Knowledge)>) {
    for (dot, (basis, schema)) in basis.iter().filter(|(dot, _)| facts.knowledge.covers(**dot)) {
        assert!(facts.knowledge.includes(basis), "{dot} is known without its basis");
        assert!(facts.schema_known().includes(schema), "{dot} is known without its schema");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// P13: knowledge covers only what is there. P3: replicas converge. P14: idle sessions do nothing.
    #[test]
    fn replicas_converge_whatever_breaks(
        replicas in 2..=5u8,
        batch_bytes in prop_oneof![Just(1usize), 100..2_000usize, Just(1 << 18)],
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let mut world = World::new(replicas, batch_bytes);
        steps.into_iter().for_each(|step| world.step(step));
        world.settle();
        for store in &world.stores {
            prop_assert_eq!(&store.facts, &world.stores[0].facts);
        }
        let commits: Vec<_> = world.stores.iter().map(|store| store.commits).collect();
        let [a, b] = world.stores.get_disjoint_mut([0, 1]).unwrap();
        let idle = sync(a, b, Fault::default(), &mut |_| {});
        prop_assert!(idle.messages == 2 && idle.carried <= 220, "{} messages, {}", idle.messages, idle.carried);
        prop_assert_eq!(commits, world.stores.iter().map(|store| store.commits).collect::<Vec<_>>());
    }

    /// A session that breaks after any number of bytes costs nothing but what was under way: sessions
    /// that each get a little further come to the end.
    #[test]
    fn broken_sessions_make_progress(commits in proptest::collection::vec(proptest::collection::vec(write(), 1..4), 1..40)) {
        let mut world = World::new(2, 300);
        commits.into_iter().for_each(|writes| world.step(Step::Commit { at: 0, writes }));
        let all = world.stores[0].facts.knowledge.clone();
        for cut in (400..).step_by(97) {
            world.sync(0, 1, true, Fault { cut: Some(cut), ..Fault::default() });
            if world.stores[1].facts.knowledge == all {
                break;
            }
            prop_assert!(cut < 50_000, "no progress");
        }
        prop_assert_eq!(&world.stores[0].facts.rows, &world.stores[1].facts.rows);
    }
}
