//! Messages: there and back, and hostile ones.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::codec::Malformed;
use crate::codec::generate::{dots, replicas, row_keys, rows};
use crate::codec::wire::{MessageReader, MessageWriter};
use crate::ids::{Dot, RowKey};
use crate::row::RowChange;
use crate::value::{Json, Value};
use crate::version::{Hlc, Knowledge};

fn changes() -> impl Strategy<Value = RowChange> {
    let known = btree_map(replicas(), 1_u64..8, 0..3);
    (row_keys(), rows(), known)
        .prop_map(|(key, facts, known)| RowChange::for_peer(key, facts, &known.into_iter().collect()))
}

fn message(changes: &[RowChange], log: &[(Dot, Hlc, RowKey)], knowledge: &Knowledge) -> Vec<u8> {
    let mut message = MessageWriter::new();
    message.number(changes.len() as u64);
    changes.iter().for_each(|change| message.change(change));
    message.number(log.len() as u64);
    log.iter().for_each(|(dot, hlc, row)| message.log_entry(*dot, *hlc, *row));
    message.knowledge(knowledge);
    message.finish()
}

type Parts = (Vec<RowChange>, Vec<(Dot, Hlc, RowKey)>, Knowledge);

fn read(bytes: &[u8]) -> Result<Parts, Malformed> {
    let mut message = MessageReader::new(bytes)?;
    let length = message.count(2)?;
    let changes = (0..length).map(|_| message.change()).collect::<Result<_, _>>()?;
    let length = message.count(4)?;
    let log = (0..length).map(|_| message.log_entry()).collect::<Result<_, _>>()?;
    let knowledge = message.knowledge()?;
    message.end()?;
    Ok((changes, log, knowledge))
}

/// What every row state promises, and the receiver relies on.
fn well_formed(change: &RowChange) -> bool {
    let state = &change.state;
    let withheld = change.withheld.iter().map(|(_, dot)| *dot);
    let live = state.stamps().map(|stamp| stamp.dot).chain([state.born]).chain(withheld);
    live.into_iter().all(|dot| dot.seq > 0 && state.vector.covers(dot))
        && change.withheld.is_sorted_by(|a, b| a < b)
        && state.life.dots().is_sorted_by(|a, b| a < b)
        && state.units().all(|(_, siblings)| siblings.dots().is_sorted_by(|a, b| a < b))
        && state.units().is_sorted_by(|(a, _), (b, _)| a < b)
}

proptest! {
    #[test]
    fn messages_come_back(
        changes in vec(changes(), 0..4),
        log in vec((dots(), any::<u64>(), row_keys()), 0..4),
        known in btree_map(replicas(), 1_u64..1 << 40, 0..4),
    ) {
        let mut log: Vec<_> = log.into_iter().map(|(dot, hlc, row)| (dot, Hlc(hlc), row)).collect();
        if let Some(change) = changes.first() {
            log.push((change.state.born, Hlc(7), change.key));
        }
        let knowledge: Knowledge = known.into_iter().collect();
        let bytes = message(&changes, &log, &knowledge);
        prop_assert_eq!(read(&bytes).unwrap(), (changes, log, knowledge));
    }

    #[test]
    fn a_damaged_message_is_an_error_or_well_formed(
        change in changes(),
        known in btree_map(replicas(), 1_u64..9, 0..3),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = message(&[change], &[], &known.into_iter().collect());
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok((changes, log, knowledge)) = read(&bytes) {
            prop_assert!(changes.iter().all(well_formed));
            prop_assert_eq!(read(&message(&changes, &log, &knowledge)).unwrap(), (changes, log, knowledge));
        }
    }

    #[test]
    fn a_claim_of_a_great_length_is_refused(change in changes(), at in any::<prop::sample::Index>()) {
        let mut bytes = message(&[change], &[], &Knowledge::default());
        let at = at.index(bytes.len());
        bytes.splice(at..=at, [&[253][..], &[0xff; 7], &[0x0f]].concat());
        // A list that believed this would ask for more memory than there is, and abort.
        if let Ok((changes, ..)) = read(&bytes) {
            prop_assert!(changes.iter().all(well_formed));
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_well_formed(mut bytes in vec(any::<u8>(), 0..80)) {
        // Past the front, so that the parts behind it are reached.
        let front = [vec![2], vec![1; 16], vec![2; 16], vec![1, 0, 3], vec![4; 16]].concat();
        prop_assert!(read(&bytes).is_ok_and(|(changes, ..)| changes.iter().all(well_formed)) || read(&bytes).is_err());
        bytes.splice(0..0, front);
        if let Ok((changes, ..)) = read(&bytes) {
            prop_assert!(changes.iter().all(well_formed));
        }
    }
}

#[test]
fn parts_come_back() {
    let mut message = MessageWriter::new();
    message.byte(3);
    message.fixed(&[9; 4]);
    message.text("Łódź");
    message.number(70_000);
    assert!(message.size() >= 17);
    let bytes = message.finish();
    let mut message = MessageReader::new(&bytes).unwrap();
    assert_eq!((message.byte(), message.fixed(), message.text(7)), (Ok(3), Ok([9; 4]), Ok("Łódź")));
    assert_eq!(message.number(), Ok(70_000));
    message.end().unwrap();
    let mut message = MessageReader::new(&bytes).unwrap();
    assert_eq!((message.byte(), message.fixed()), (Ok(3), Ok([9; 4])));
    assert!(message.text(6).unwrap_err().what.contains("at most 6"));
    assert!(message.end().is_err(), "bytes follow");
}

#[test]
fn a_peer_must_send_canonical_json() {
    let change = |text: &str| {
        let dot = Dot { replica: crate::ids::ReplicaId::from_bytes([1; 16]), seq: 1 };
        let stamp = crate::version::Stamp::new(crate::version::Priority::default(), Hlc(1), dot);
        let mut state = crate::row::RowState::new(dot);
        let columns = smallvec::smallvec![Value::Json(Json::from_stored(text.to_owned()))];
        let value = crate::row::UnitValue { columns, ..crate::row::UnitValue::default() };
        state.write_unit(crate::ids::UnitId(1), stamp, value, &[]);
        let key = RowKey { table: crate::ids::TableId(1), row: crate::ids::RowId::from_bytes([1; 16]) };
        message(&[RowChange { key, state, withheld: Vec::new() }], &[], &Knowledge::default())
    };
    assert!(read(&change("{\"a\":1}")).is_ok());
    assert!(read(&change("{ \"a\":1}")).is_err());
    assert!(read(&change("{")).is_err());
}
