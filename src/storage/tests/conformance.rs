//! Every engine must behave as the model does.

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::model::*;
use crate::error::Error;
use crate::storage::{Durability, Reader};

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<crate::storage::Op>),
    Snapshot,
    Range(Vec<u8>, Option<Vec<u8>>),
    DropSnapshot,
    Checkpoint,
    Compact,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => batch().prop_map(Step::Append),
        3 => Just(Step::Snapshot),
        3 => (key(), prop::option::of(key())).prop_map(|(start, end)| Step::Range(start, end)),
        1 => Just(Step::DropSnapshot),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
    ]
}

fn run(opener: &mut Opener, steps: &[Step]) {
    let mut storage = opener();
    let mut model = Model::new();
    let mut snapshots: Vec<(Box<dyn Reader>, Model)> = Vec::new();
    for step in steps {
        match step {
            Step::Append(batch) => {
                let before = storage.latest().unwrap();
                let ticket = storage.append(batch).unwrap();
                assert_eq!(ticket.sequence(), before.sequence() + 1);
                storage.wait(ticket, Durability::Immediate).unwrap();
                apply(&mut model, batch);
            }
            Step::Snapshot => snapshots.push((storage.snapshot().unwrap(), model.clone())),
            Step::Range(start, end) => {
                for (reader, model) in &snapshots {
                    check_range(&**reader, model, start, end.as_deref());
                }
                check_range(&*storage.snapshot().unwrap(), &model, start, end.as_deref());
            }
            Step::DropSnapshot => drop((!snapshots.is_empty()).then(|| snapshots.remove(0))),
            Step::Checkpoint => storage.checkpoint().unwrap(),
            Step::Compact => drop(storage.compact().unwrap()),
            Step::Reopen => {
                check_all(&snapshots);
                snapshots.clear();
                storage.close().unwrap();
                storage = opener();
            }
        }
    }
    check_all(&snapshots);
    assert_eq!(contents(&*storage.snapshot().unwrap()), model);
}

fn check_all(snapshots: &[(Box<dyn Reader>, Model)]) {
    for (reader, model) in snapshots {
        assert_eq!(contents(&**reader), *model, "a snapshot changed");
        for (key, value) in model {
            assert_eq!(reader.get(key).unwrap().as_ref(), Some(value));
        }
    }
}

fn check_range(reader: &dyn Reader, model: &Model, start: &[u8], end: Option<&[u8]>) {
    let inside = |key: &[u8]| key >= start && end.is_none_or(|end| key < end);
    let expected: Vec<_> =
        model.iter().filter(|(key, _)| inside(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut found: Vec<_> = reader.range(start, end).unwrap().map(Result::unwrap).collect();
    assert_eq!(found, expected, "{start:?}..{end:?}");
    found = reader.range_back(start, end).unwrap().map(Result::unwrap).collect();
    found.reverse();
    assert_eq!(found, expected, "{start:?}..{end:?}, back");
    assert_eq!(reader.get(start).unwrap().as_ref(), model.get(start));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_engine_behaves_as_the_model(steps in prop::collection::vec(step(), 1..30)) {
        for (name, mut opener) in subjects() {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&mut opener, &steps)));
            prop_assert!(outcome.is_ok(), "{} differs", name);
        }
    }
}

/// Handles and readers go from thread to thread.
const _: () = {
    const fn shared<T: Send + Sync + ?Sized>() {}
    shared::<crate::storage::Storage>();
    shared::<dyn Reader>();
};

#[test]
fn many_entries_keep_their_order() {
    for (name, mut opener) in subjects() {
        let storage = opener();
        let mut model = Model::new();
        // In no order, so that nodes split at all places; then most go again.
        let keys: Vec<u32> = (0..5000_u32).map(|n| n.wrapping_mul(2_654_435_761) % 100_003).collect();
        for chunk in keys.chunks(500) {
            let batch: Vec<_> =
                chunk.iter().map(|key| put(key.to_be_bytes(), vec![7; (key % 90) as usize])).collect();
            storage.append(&batch).unwrap();
            apply(&mut model, &batch);
        }
        let early = storage.snapshot().unwrap();
        let all = model.clone();
        for chunk in keys.chunks(700) {
            let batch: Vec<_> =
                chunk.iter().filter(|key| *key % 16 > 0).map(|key| delete(key.to_be_bytes())).collect();
            storage.append(&batch).unwrap();
            apply(&mut model, &batch);
        }
        assert_eq!(contents(&*storage.snapshot().unwrap()), model, "{name}");
        assert_eq!(contents(&*early), all, "{name}: a snapshot changed");
        check_range(&*early, &all, &500_u32.to_be_bytes(), Some(&9000_u32.to_be_bytes()));
    }
}

#[test]
fn large_values_and_keys_are_kept() {
    for (name, mut opener) in subjects() {
        let storage = opener();
        let large: Vec<u8> = (0..1_048_576_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        let mut model = Model::new();
        let batches = [
            vec![put(b"a", &large), put(b"b", b""), put(b"", &large[..40_000]), put(vec![9; 3000], b"v")],
            vec![put(b"a", b"small"), put(b"b", &large[5..]), delete(b"")],
            vec![put(b"b", &large[..100_000]), put(b"", b"")],
        ];
        for batch in &batches {
            let before = storage.snapshot().unwrap();
            let ticket = storage.append(batch).unwrap();
            storage.wait(ticket, Durability::Eventual).unwrap();
            assert_eq!(contents(&*before), model, "{name}");
            apply(&mut model, batch);
            assert!(contents(&*storage.snapshot().unwrap()) == model, "{name}");
        }
        storage.close().unwrap();
        assert!(contents(&*opener().snapshot().unwrap()) == model, "{name}, reopened");
    }
}

#[test]
fn a_closed_handle_says_so() {
    for (_, mut opener) in subjects() {
        let storage = opener();
        storage.append(&[put(b"k", b"v")]).unwrap();
        storage.close().unwrap();
        storage.close().unwrap();
        assert!(matches!(storage.append(&[]), Err(Error::Closed)));
        assert!(matches!(storage.snapshot().map(drop), Err(Error::Closed)));
    }
}

#[test]
fn readers_and_the_writer_do_not_disturb_each_other() {
    for (name, mut opener) in subjects() {
        let storage = opener();
        // Every batch sets all keys to the same value: a reader must never see two values.
        let batch = |n: u32| -> Vec<_> { (0..40_u8).map(|key| put([key], n.to_be_bytes())).collect() };
        storage.append(&batch(0)).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (storage, done) = (&storage, &done);
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(move || {
                        let mut last = Vec::new();
                        while !done.load(Ordering::Acquire) {
                            let found = contents(&*storage.snapshot().unwrap());
                            let values: std::collections::BTreeSet<_> = found.values().collect();
                            assert_eq!((found.len(), values.len()), (40, 1), "{name}: half a batch");
                            let value = found.values().next().unwrap().clone();
                            assert!(value >= last, "{name}: time went back");
                            last = value;
                        }
                    })
                })
                .collect();
            for n in 1..300 {
                let ticket = storage.append(&batch(n)).unwrap();
                if n % 50 == 0 {
                    storage.wait(ticket, Durability::Immediate).unwrap();
                }
            }
            done.store(true, Ordering::Release);
            readers.into_iter().for_each(|reader| reader.join().unwrap());
        });
    }
}
