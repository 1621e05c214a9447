//! P1: the laws of merging, over arbitrary states of a row.
//!
//! States need not be reachable: any set of live values under any vector that covers them must obey the
//! laws. That one vector per row merges like one per unit holds for reachable states only; the histories
//! (`tests/histories.rs`) check it on every row that is synced.

use proptest::collection::vec;
use proptest::prelude::*;
use reunite::ids::{ConflictId, ConstraintId, Dot, ReplicaId, RowId, RowKey, TableId, UnitId};
use reunite::merge::merge;
use reunite::row::{Ack, Count, Life, RowChange, RowState, Sibling, Siblings, UnitValue};
use reunite::value::{Json, Value};
use reunite::version::{Hlc, Priority, Stamp, VersionVector};

const REPLICAS: u8 = 3;
const CHANGES: u64 = 4;
const UNITS: u32 = 3;
const ELEMENTS: [&str; 2] = ["1", "\"a\""];

fn dot(replica: u8, seq: u64) -> Dot {
    Dot { replica: ReplicaId::from_bytes([replica; 16]), seq }
}

/// The stamp of a change: the same wherever the change is met.
fn stamp(dot: Dot) -> Stamp {
    let replica = dot.replica.as_bytes()[0];
    let priority = Priority::new(replica * 10).unwrap_or_default();
    Stamp::new(priority, Hlc(dot.seq * 7 % 5 + u64::from(replica)), dot)
}

fn unit_value(dot: Dot, unit: u32) -> UnitValue {
    let number = i64::try_from(dot.seq).unwrap_or(0) % 2;
    let parents = vec![(ConstraintId(unit), RowId::from_bytes(*dot.replica.as_bytes()))];
    UnitValue { columns: vec![Value::Integer(number), Value::Null].into(), parents, ..UnitValue::default() }
}

/// Which of the changes that a vector covers are live in one slot.
fn live<V>(vector: &VersionVector, chosen: &[bool], value: impl Fn(Dot) -> V) -> Siblings<V> {
    let dots = vector.iter().flat_map(|(replica, last)| (1..=last).map(move |seq| Dot { replica, seq }));
    let chosen = dots.zip(chosen).filter(|(_, chosen)| **chosen);
    chosen.map(|(dot, _)| Sibling { stamp: stamp(dot), value: value(dot) }).collect()
}

prop_compose! {
    fn states()(
        seqs in vec(0..=CHANGES, usize::from(REPLICAS)),
        chosen in vec(vec(any::<bool>(), usize::from(REPLICAS) * 4), UNITS as usize * 3 + 3),
    ) -> RowState {
        let mut state = RowState::new(dot(1, 1));
        state.vector = (1..=REPLICAS).zip(&seqs).map(|(r, seq)| (dot(r, 1).replica, *seq)).collect();
        let mut slots = chosen.iter();
        let mut next = || slots.next().map_or(&[][..], Vec::as_slice);
        state.life = live(&state.vector, next(), |dot| if dot.seq % 3 == 0 { Life::DEAD } else { Life::ALIVE });
        state.boost = live(&state.vector, next(), |_| ());
        state.acks = live(&state.vector, next(), |dot| match dot.seq % 2 {
            0 => Ack::REMOVAL,
            _ => Ack::of(ConflictId::from_bytes([u8::try_from(dot.seq).unwrap_or(0); 16])),
        });
        for unit in 1..=UNITS {
            let siblings = live(&state.vector, next(), |dot| unit_value(dot, unit));
            state.set_unit(UnitId(unit), siblings);
            for element in ELEMENTS {
                let added = live(&state.vector, next(), |_| ());
                state.elements.set(UnitId(unit), Json::parse(element).unwrap_or_else(|_| unreachable!()), added);
            }
        }
        // A replica's count is of one of its changes, and says the same wherever it is met.
        for (replica, last) in state.vector.clone().iter().filter(|(_, last)| *last > 0) {
            let seq = 1 + last / 2;
            let count = Count { seq, total: i128::from(seq) * 10 };
            state.counts.join(UnitId(1), RowId::from_bytes([9; 16]), replica, count);
        }
        state
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn merge_is_idempotent(a in states()) {
        prop_assert_eq!(merge(&a, &a), a);
    }

    #[test]
    fn merge_is_commutative(a in states(), b in states()) {
        prop_assert_eq!(merge(&a, &b), merge(&b, &a));
    }

    #[test]
    fn merge_is_associative(a in states(), b in states(), c in states()) {
        prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
    }

    #[test]
    fn merging_what_was_merged_changes_nothing(a in states(), b in states()) {
        let both = merge(&a, &b);
        prop_assert_eq!(merge(&both, &a), both.clone());
        prop_assert_eq!(merge(&both, &b), both);
    }

    /// A value stays live exactly if everybody who has taken it in still has it live.
    #[test]
    fn merge_keeps_what_nobody_replaced(a in states(), b in states()) {
        let both = merge(&a, &b);
        for replica in 1..=REPLICAS {
            for dot in (1..=CHANGES).map(|seq| dot(replica, seq)) {
                let known = [&a, &b].into_iter().filter(|state| state.vector.covers(dot));
                let kept = known.clone().count() > 0 && known.clone().all(|state| state.life.contains(dot));
                prop_assert_eq!(both.life.contains(dot), kept);
                for unit in (1..=UNITS).map(UnitId) {
                    let kept = known.clone().count() > 0
                        && known.clone().all(|state| state.unit(unit).contains(dot));
                    prop_assert_eq!(both.unit(unit).contains(dot), kept);
                    for element in ELEMENTS.iter().filter_map(|text| Json::parse(text).ok()) {
                        let has = |state: &RowState| state.elements.get(unit, &element).contains(dot);
                        let kept = known.clone().count() > 0 && known.clone().all(has);
                        prop_assert_eq!(has(&both), kept);
                    }
                }
            }
        }
        prop_assert!(both.vector.includes(&a.vector) && both.vector.includes(&b.vector));
    }

    /// Values that the receiver has need not travel: it fills them in, and the merge is the same.
    #[test]
    fn withheld_values_change_no_merge(mine in states(), theirs in states(), fewer in vec(0..=CHANGES, 3)) {
        let key = RowKey { table: TableId(1), row: RowId::from_bytes([9; 16]) };
        let known = mine.vector.iter().zip(&fewer).map(|((replica, last), fewer)| (replica, last.min(*fewer)));
        let sent = RowChange::for_peer(key, theirs.clone(), &known.collect());
        let received = sent.complete(Some(&mine));
        prop_assert!(received.is_some());
        if let Some(received) = received {
            prop_assert_eq!(merge(&mine, &received), merge(&mine, &theirs));
        }
    }

    /// Who has never taken in a withheld value notices it, instead of losing it.
    #[test]
    fn a_value_withheld_in_error_is_noticed(theirs in states()) {
        let key = RowKey { table: TableId(1), row: RowId::from_bytes([9; 16]) };
        let sent = RowChange::for_peer(key, theirs.clone(), &theirs.vector);
        let nothing_withheld = sent.withheld.is_empty();
        prop_assert_eq!(sent.complete(None).is_some(), nothing_withheld);
    }
}
