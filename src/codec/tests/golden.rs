//! Golden bytes: a change of the format cannot go unnoticed. If one of these fails, either undo the
//! change or raise the version of the format and say how old databases are read.

use crate::codec::canonical_row;
use crate::codec::conflict::encode_conflicts;
use crate::codec::frame::encode_frame;
use crate::codec::generate::{Numbers, table};
use crate::codec::log::encode_entry;
use crate::codec::record::encode_row;
use crate::codec::wire::MessageWriter;
use crate::derive::{About, Conflict, Derived, Kind, Status};
use crate::ids::{ColumnId, ConflictId, ConstraintId, Dot, ReplicaId, RowId, RowKey, TableId, UnitId};
use crate::row::{Ack, Life, RowChange, RowState, UnitValue};
use crate::value::{Json, Timestamp, Value};
use crate::version::{Hlc, Knowledge, Priority, Stamp};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn stamp(replica: u8, seq: u64, hlc: u64, priority: u8) -> Stamp {
    let dot = Dot { replica: ReplicaId::from_bytes([replica; 16]), seq };
    Stamp { priority: Priority::new(priority).unwrap(), hlc: Hlc(hlc), dot }
}

fn bare(value: Value) -> UnitValue {
    UnitValue { columns: vec![value], ..UnitValue::default() }
}

const VISIBLE: Derived = Derived { status: Status::Visible, followed: Vec::new() };

fn key() -> RowKey {
    RowKey { table: TableId(7), row: RowId::from_bytes([0xab; 16]) }
}

/// As inserted.
fn inserted() -> RowState {
    let made = stamp(1, 1, 0x1234, 50);
    let mut row = RowState::new(made.dot);
    row.write_life(made, Life::Alive, &[]);
    row.write_unit(UnitId(1), made, bare(Value::Integer(-3)), &[]);
    row.write_unit(UnitId(2), made, bare(Value::from("ann")), &[]);
    row
}

/// With one of everything.
fn eventful() -> RowState {
    let mut row = inserted();
    let made = row.born;
    let (ann, bob) = (stamp(1, 9, 0x2000, 50), stamp(2, 300, 0x1fff, 60));
    row.write_life(ann, Life::Alive, &[made]);
    row.write_life(bob, Life::Dead, &[]);
    row.write_unit(UnitId(1), ann, bare(Value::Boolean(true)), &[made]);
    row.write_unit(UnitId(1), bob, bare(Value::Null), &[]);
    let parents = vec![(ConstraintId(11), RowId::from_bytes([0xcd; 16]))];
    let columns = vec![Value::Blob(vec![1, 2]), Value::Timestamp(Timestamp(5))];
    row.write_unit(UnitId(3), ann, UnitValue { columns, parents, claim: Some(stamp(1, 2, 3, 50)) }, &[]);
    row.write_boost(ann);
    row.write_ack(bob, Ack::of(ConflictId::from_bytes([0xef; 16])));
    row.write_ack(ann, Ack::REMOVAL);
    row.vector.cover(Dot { replica: ReplicaId::from_bytes([1; 16]), seq: 12 });
    row
}

#[test]
fn an_inserted_row() {
    let row = encode_row(&table(), &inserted(), &VISIBLE, &mut Numbers::default()).unwrap();
    // Flags; stamp: shape, time (0x1234 twice), seq, replica; run of two: form, gap; -3; "ann".
    assert_eq!(hex(&row.main), "1010682401000401090583616e6e");
    assert_eq!(row.losers, None);
}

#[test]
fn an_eventful_row() {
    let derived = Derived { status: Status::Parked, followed: vec![(5, Value::Integer(300))] };
    let row = encode_row(&table(), &eventful(), &derived, &mut Numbers::default()).unwrap();
    assert_eq!(hex(&row.main), MAIN);
    assert_eq!(row.losers.as_deref().map(hex).as_deref(), Some(LOSERS));
}

#[test]
fn values() {
    let golden = |value: Value, expected: &str| {
        let made = stamp(1, 1, 0, 50);
        let mut row = RowState::new(made.dot);
        row.write_life(made, Life::Alive, &[]);
        row.write_unit(UnitId(1), made, bare(value.clone()), &[]);
        let row = encode_row(&table(), &row, &VISIBLE, &mut Numbers::default()).unwrap();
        assert_eq!(hex(&row.main[6..]), expected, "{value:?}");
    };
    golden(Value::Null, "00");
    golden(Value::Boolean(false), "01");
    golden(Value::Uuid(uuid::Uuid::from_bytes([9; 16])), &format!("03{}", "09".repeat(16)));
    golden(Value::Blob(vec![7]), "040107");
    golden(Value::Json(Json::parse("[1]").unwrap()), "05035b315d");
    golden(Value::Integer(0), "08");
    golden(Value::Integer(i64::MIN), "10ffffffffffffffff");
    golden(Value::try_from(-2.5).unwrap(), "13c004");
    golden(Value::Timestamp(Timestamp(-1)), "1b01");
    golden(Value::from(""), "80");
    golden(Value::from("x".repeat(128)), &format!("0680{}", "78".repeat(128)));
}

#[test]
fn entries() {
    let conflict = Conflict {
        id: ConflictId::from_bytes([0xef; 16]),
        about: About::Constraint(ConstraintId(11)),
        kind: Kind::Unique,
        loser: Dot { replica: ReplicaId::from_bytes([2; 16]), seq: 300 },
        columns: vec![ColumnId(1), ColumnId(4)],
        others: vec![RowId::from_bytes([0xcd; 16])],
    };
    let bytes = encode_conflicts(&[conflict], &mut Numbers::default());
    let (id, other) = ("ef".repeat(16), "cd".repeat(16));
    assert_eq!(hex(&bytes), format!("01{id}03020b00fb2c0102010401{other}"));
    assert_eq!(hex(&encode_entry(Hlc(0x1234), key())), format!("02341207{}", "ab".repeat(16)));
    assert_eq!(hex(&encode_frame(b"ab")), FRAME);
}

#[test]
fn a_message() {
    let known: Knowledge = [(ReplicaId::from_bytes([2; 16]), 299)].into_iter().collect();
    let mut message = MessageWriter::new();
    message.change(&RowChange::for_peer(key(), &eventful(), &known));
    message.change(&RowChange::for_peer(
        key(),
        &eventful(),
        &[(ReplicaId::from_bytes([1; 16]), 9)].into_iter().collect(),
    ));
    message.log_entry(Dot { replica: ReplicaId::from_bytes([1; 16]), seq: 9 }, Hlc(0x2000), key());
    message.knowledge(&known);
    assert_eq!(hex(&message.finish()), MESSAGE);
}

#[test]
fn canonical_bytes() {
    let mut bytes = Vec::new();
    canonical_row(&key(), &eventful(), &mut bytes);
    assert_eq!(hex(&bytes), CANONICAL);
}

const MAIN: &str = "\
     6d01050a580203106824010010981b0900893c012c010101020205010202020501efefefefefefefefefefefef\
     efefefef0100030201010202010083616e6e170101040201021b0a010bcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd\
     0008060200";
const LOSERS: &str = "01913cfe3f2c0101020100";
const FRAME: &str = "0102000000532f89a96162";
const MESSAGE: &str = "\
     0201010101010101010101010101010101020202020202020202020202020202020007abababababababababab\
     abababababab5e6003106824010010981b0900893c012c010101020205010202020501efefefefefefefefefef\
     efefefefefef010003020101020200020002010083616e6e170101040201021b0a010bcdcdcdcdcdcdcdcdcdcd\
     cdcdcdcdcdcd0008060200013a6103010009020001030009021000400900893c012c0101000001020003010002\
     000301efefefefefefefefefefefefefefefef010003020101000012fb0040010101fb2b01";
const CANONICAL: &str = "\
     07abababababababababababababababab01010101010101010101010101010101010201010101010101010101\
     0101010101010c02020202020202020202020202020202fb2c010232fb00200101010101010101010101010101\
     010109003cfbff1f02020202020202020202020202020202fb2c01010132fb0020010101010101010101010101\
     01010101090232fb00200101010101010101010101010101010109003cfbff1f02020202020202020202020202\
     020202fb2c0101efefefefefefefefefefefefefefefef03010232fb0020010101010101010101010101010101\
     0109010200003cfbff1f02020202020202020202020202020202fb2c0101000000020132fb3412010101010101\
     01010101010101010101010183616e6e0000030132fb0020010101010101010101010101010101010902040201\
     021b0a010bcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd0132030101010101010101010101010101010102";
