//! Rows on disk: there and back, what they cost, and what damage does.

use proptest::collection::vec;
use proptest::prelude::*;
use smallvec::smallvec;

use crate::codec::generate::{Numbers, derivations, rows, table};
use crate::codec::record::{EncodedRow, decode_row, decode_values, encode_row, has_losers, status};
use crate::derive::{Derived, Status, Stored, winner};
use crate::error::Error;
use crate::ids::{Dot, ReplicaId, UnitId};
use crate::row::{Life, RowState, UnitValue};
use crate::schema::Table;
use crate::value::Value;
use crate::version::{Hlc, Priority, Stamp};

fn decode(table: &Table, row: &EncodedRow, numbers: &Numbers) -> Result<Stored, Error> {
    decode_row(table, &row.main, row.losers.as_deref(), &|number| numbers.replica(number))
}

/// What a row shows, computed from the facts.
fn shown(table: &Table, facts: &RowState, derived: &Derived) -> Vec<Value> {
    let mut values: Vec<Value> = table.columns.iter().map(|column| column.default.clone()).collect();
    for unit in &table.units {
        if let Some(winner) = winner(table, facts.unit(unit.id)) {
            for (column, value) in unit.columns.iter().zip(&winner.value.columns) {
                values[*column] = value.clone();
            }
        }
    }
    for (column, value) in &derived.followed {
        values[*column] = value.clone();
    }
    values
}

proptest! {
    #[test]
    fn rows_come_back(facts in rows(), derived in derivations()) {
        let (table, mut numbers) = (table(), Numbers::default());
        let row = encode_row(&table, &facts, &derived, &mut numbers).unwrap();
        let stored = decode(&table, &row, &numbers).unwrap();
        prop_assert_eq!(&*stored.facts, &facts);
        prop_assert_eq!(&stored.derived, &derived);
        prop_assert_eq!(status(&row.main).unwrap(), derived.status);
        prop_assert_eq!(has_losers(&row.main).unwrap(), row.losers.is_some());
        prop_assert_eq!(row.losers.is_some(), facts.units().any(|(_, siblings)| siblings.len() > 1));
        prop_assert_eq!(decode_values(&table, &row.main).unwrap(), shown(&table, &facts, &derived));
        prop_assert_eq!(encode_row(&table, &facts, &derived, &mut numbers).unwrap(), row);
    }

    #[test]
    fn damage_is_an_error_or_another_row(
        facts in rows(),
        derived in derivations(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let (table, mut numbers) = (table(), Numbers::default());
        let mut row = encode_row(&table, &facts, &derived, &mut numbers).unwrap();
        let target = row.losers.as_mut().filter(|_| byte % 2 == 0).unwrap_or(&mut row.main);
        let at = at.index(target.len());
        if cut { target.truncate(at) } else { target[at] = byte }
        let values = decode_values(&table, &row.main);
        if let Ok(stored) = decode(&table, &row, &numbers) {
            prop_assert!(stored.facts.stamps().all(|stamp| stored.facts.vector.covers(stamp.dot)));
            prop_assert!(values.is_ok());
            let again = encode_row(&table, &stored.facts, &stored.derived, &mut numbers).unwrap();
            prop_assert_eq!(&*decode(&table, &again, &numbers).unwrap().facts, &*stored.facts);
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_a_row(main in vec(any::<u8>(), 0..60), losers in prop::option::of(vec(any::<u8>(), 0..60))) {
        let (table, numbers) = (table(), Numbers(vec![ReplicaId::from_bytes([1; 16]); 3]));
        let _ = decode(&table, &EncodedRow { main: main.clone(), losers }, &numbers);
        let _ = decode_values(&table, &main);
        let _ = (status(&main), has_losers(&main));
    }
}

fn stamp(replica: u8, seq: u64, hlc: u64) -> Stamp {
    let dot = Dot { replica: ReplicaId::from_bytes([replica; 16]), seq };
    Stamp::new(Priority::default(), Hlc(hlc), dot)
}

/// Six columns, as one commit inserts them.
fn typical() -> (Table, RowState, Derived) {
    let mut table = table();
    table.columns.truncate(6);
    for (i, unit) in table.units.iter_mut().enumerate() {
        (unit.id, unit.columns) = (UnitId(i as u32 + 1), vec![i]);
    }
    let values = ["C-1047", "Ann Ōno", "ann@example.org", "+44 20 7946 0018", "NW1 6XE", "12"];
    let stamp = stamp(1, 40_000, 1_763_797_350_123_456);
    let mut facts = RowState::new(stamp.dot);
    facts.write_life(stamp, Life::ALIVE, &[]);
    for (i, value) in values.into_iter().enumerate() {
        let value = UnitValue { columns: smallvec![Value::from(value)], ..UnitValue::default() };
        facts.write_unit(UnitId(i as u32 + 1), stamp, value, &[]);
    }
    (table, facts, Derived { status: Status::Visible, followed: Vec::new() })
}

#[test]
fn an_inserted_row_costs_little_over_its_values() {
    let (table, mut facts, derived) = typical();
    let content = |facts: &RowState| -> usize {
        let texts = facts.units().flat_map(|(_, siblings)| siblings.iter()).flat_map(|s| &s.value.columns);
        texts.map(|value| if let Value::Text(text) = value { text.len() } else { 0 }).sum()
    };
    let inserted = encode_row(&table, &facts, &derived, &mut Numbers::default()).unwrap().main.len();
    println!("inserted: {} bytes over {} of values", inserted - content(&facts), content(&facts));
    assert_eq!(inserted - content(&facts), 20);

    let update = stamp(1, 50_000, 1_763_897_350_123_456);
    let old = facts.life.dots().next().unwrap();
    facts.write_life(update, Life::ALIVE, &[old]);
    let value = UnitValue { columns: smallvec![Value::from("Ann Ono")], ..UnitValue::default() };
    facts.write_unit(UnitId(2), update, value, &[old]);
    let updated = encode_row(&table, &facts, &derived, &mut Numbers::default()).unwrap().main.len();
    println!("updated: {} bytes over {} of values", updated - content(&facts), content(&facts));
    assert!(updated - content(&facts) <= 42);
}

#[test]
fn a_row_and_its_losers_belong_together() {
    let (table, facts, derived) = typical();
    let mut numbers = Numbers::default();
    let row = encode_row(&table, &facts, &derived, &mut numbers).unwrap();
    assert_eq!(row.losers, None);
    let wrong = EncodedRow { losers: Some(vec![0]), ..row };
    assert!(matches!(decode(&table, &wrong, &numbers), Err(Error::Corrupt { .. })));
}
