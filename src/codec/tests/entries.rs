//! Conflicts, log entries and canonical rows.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use crate::codec::canonical_row;
use crate::codec::closed::{decode_closed, encode_closed};
use crate::codec::conflict::{
    decode_conflicts, decode_listed, encode_conflicts, encode_listed, kind_number, kind_of,
};
use crate::codec::generate::{Numbers, dots, row_ids, row_keys, rows};
use crate::codec::log::{decode_row_key, decode_stretch, encode_row_key, encode_stretch};
use crate::derive::{About, Conflict, Kind, conflict_id};
use crate::ids::{ColumnId, ConstraintId, ReplicaId, RowId, RowKey, TableId};
use crate::row::{Altered, Closed, Resolved};
use crate::version::Hlc;

fn conflicts() -> impl Strategy<Value = Conflict> {
    let about = prop_oneof![
        Just(About::Update),
        Just(About::Life),
        any::<u32>().prop_map(|id| About::Constraint(ConstraintId(id))),
    ];
    let columns = btree_set((0_u32..400).prop_map(ColumnId), 0..4);
    let change = (dots(), any::<u64>().prop_map(Hlc));
    (row_ids(), prop::sample::select(Kind::ALL.to_vec()), about, change, columns, vec(row_ids(), 0..3))
        .prop_map(|(row, kind, about, (loser, at), columns, others)| {
            let id = conflict_id(row, about, loser);
            Conflict { id, about, kind, loser, at, columns: columns.into_iter().collect(), others }
        })
}

fn closed() -> impl Strategy<Value = Closed> {
    let altered = (row_keys(), any::<bool>(), rows(), rows());
    let altered =
        altered.prop_map(|(key, was_visible, before, after)| Altered { key, was_visible, before, after });
    let resolved = (vec(altered, 0..3), vec(row_keys(), 0..3));
    let resolved = resolved.prop_map(|(rows, returned)| Resolved { rows, returned });
    (row_keys(), dots(), any::<u64>(), any::<bool>(), prop::option::of(resolved))
        .prop_map(|(row, by, at, decided, resolved)| Closed { row, by, at: Hlc(at), decided, resolved })
}

#[test]
fn every_kind_has_a_number() {
    let all: Vec<Kind> = (0..=u8::MAX).map_while(kind_of).collect();
    assert!(
        all.len() == Kind::ALL.len()
            && Kind::ALL.iter().all(|kind| kind_of(kind_number(*kind)) == Some(*kind))
    );
}

/// Lines of a change log: times and ids that are as before, or nearly, and such that are not.
fn lines() -> impl Strategy<Value = Vec<(Hlc, RowKey)>> {
    let times = prop_oneof![Just(5_u64), 0_u64..9, any::<u64>()];
    let near = (0_u32..3, 0_usize..16, 0_u8..3).prop_map(|(table, place, byte)| {
        let mut id = [7; 16];
        id[place] = byte;
        RowKey { table: TableId(table), row: RowId::from_bytes(id) }
    });
    vec((times.prop_map(Hlc), prop_oneof![near, row_keys()]), 1..9)
}

proptest! {
    #[test]
    fn closed_conflicts_come_back(closed in closed(), place in any::<u32>()) {
        let mut numbers = Numbers::default();
        let bytes = encode_closed(&closed, place, &mut numbers);
        prop_assert_eq!(decode_closed(&bytes, &|number| numbers.replica(number)).unwrap(), (closed, place));
    }

    #[test]
    fn conflicts_come_back(conflicts in vec(conflicts(), 0..4)) {
        let mut numbers = Numbers::default();
        let bytes = encode_conflicts(&conflicts, &mut numbers);
        prop_assert_eq!(decode_conflicts(&bytes, &|number| numbers.replica(number)).unwrap(), conflicts);
    }

    #[test]
    fn damaged_conflicts_are_an_error_or_others(
        conflicts in vec(conflicts(), 1..4),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut numbers = Numbers::default();
        let mut bytes = encode_conflicts(&conflicts, &mut numbers);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = decode_conflicts(&bytes, &|number| numbers.replica(number)) {
            prop_assert_eq!(encode_conflicts(&read, &mut numbers), bytes);
        }
    }

    #[test]
    fn listed_conflicts_come_back(row in row_ids(), loser in any::<u32>(), shift in 0_u32..32) {
        let (bytes, id) = (encode_listed(row, loser >> shift), ReplicaId::from_bytes([3; 16]));
        let read = decode_listed(&bytes, &|number| (number == loser >> shift).then_some(id));
        prop_assert_eq!(read.unwrap(), (row, id));
    }

    #[test]
    fn stretches_of_the_log_come_back(lines in lines()) {
        prop_assert_eq!(decode_stretch(&encode_stretch(lines.iter().copied())).unwrap(), lines);
    }

    #[test]
    fn entries_come_back(row in row_keys()) {
        prop_assert_eq!(decode_row_key(&encode_row_key(row)).unwrap(), row);
    }

    #[test]
    fn any_bytes_are_an_error_or_an_entry(bytes in vec(any::<u8>(), 0..40)) {
        if let Ok(lines) = decode_stretch(&bytes) {
            prop_assert_eq!(encode_stretch(lines), bytes.clone());
        }
        if let Ok(row) = decode_row_key(&bytes) {
            prop_assert_eq!(encode_row_key(row), bytes.clone());
        }
        let _ = decode_conflicts(&bytes, &|_| Some(ReplicaId::from_bytes([0; 16])));
        let _ = decode_listed(&bytes, &|_| Some(ReplicaId::from_bytes([0; 16])));
    }

    #[test]
    fn canonical_bytes_tell_rows_apart(
        a in rows(),
        b in rows(),
        keys in (row_keys(), row_keys()),
        same in any::<bool>(),
    ) {
        let (b, other) = if same { (a.clone(), keys.0) } else { (b, keys.1) };
        let canonical = |key, row| {
            let mut bytes = Vec::new();
            canonical_row(key, row, &mut bytes);
            bytes
        };
        let (x, y) = (canonical(&keys.0, &a), canonical(&other, &b));
        prop_assert_eq!(x == y, (keys.0, &a) == (other, &b));
        prop_assert!(x == y || (!x.starts_with(&y) && !y.starts_with(&x)));
    }
}

#[test]
fn canonical_bytes_are_added() {
    let row = crate::row::RowState::new(crate::ids::Dot { replica: ReplicaId::from_bytes([1; 16]), seq: 1 });
    let key = decode_row_key(&[[7].as_slice(), &[2; 16]].concat()).unwrap();
    let mut bytes = b"before".to_vec();
    canonical_row(&key, &row, &mut bytes);
    assert!(bytes.starts_with(b"before\x07\x02"));
}
