//! Golden bytes: a change of the format cannot go unnoticed. If one of these fails, either undo the
//! change or raise the version of the format and say how old databases are read.

use smallvec::smallvec;

use crate::codec::conflict::{encode_conflicts, encode_listed};
use crate::codec::frame::encode_frame;
use crate::codec::generate::{Numbers, table};
use crate::codec::log::encode_stretch;
use crate::codec::record::encode_row;
use crate::codec::wire::MessageWriter;
use crate::codec::{canonical_row, natural_row_id};
use crate::derive::{About, Conflict, Derived, Kind, Status};
use crate::ids::{ColumnId, ConflictId, ConstraintId, Dot, ReplicaId, RowId, RowKey, TableId, UnitId};
use crate::row::{Ack, Life, Merge, MergeRule, RowChange, RowState, UnitValue};
use crate::schema::Schema;
use crate::value::{Json, Timestamp, Value};
use crate::version::{Hlc, Knowledge, Priority, Stamp};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn stamp(replica: u8, seq: u64, hlc: u64, priority: u8) -> Stamp {
    let dot = Dot { replica: ReplicaId::from_bytes([replica; 16]), seq };
    Stamp::new(Priority::new(priority).unwrap(), Hlc(hlc), dot)
}

fn bare(value: Value) -> UnitValue {
    UnitValue { columns: smallvec![value], ..UnitValue::default() }
}

const VISIBLE: Derived = Derived { status: Status::Visible, followed: Vec::new() };

fn key() -> RowKey {
    RowKey { table: TableId(7), row: RowId::from_bytes([0xab; 16]) }
}

/// As inserted.
fn inserted() -> RowState {
    let made = stamp(1, 1, 0x1234, 50);
    let mut row = RowState::new(made.dot);
    row.write_life(made, Life::ALIVE, &[]);
    row.write_unit(UnitId(1), made, bare(Value::Integer(-3)), &[]);
    row.write_unit(UnitId(2), made, bare(Value::from("ann")), &[]);
    row
}

/// With one of everything.
fn eventful() -> RowState {
    let mut row = inserted();
    let made = row.born;
    let (ann, bob) = (stamp(1, 9, 0x2000, 50), stamp(2, 300, 0x1fff, 60));
    let other = |byte| RowId::from_bytes([byte; 16]);
    row.write_life(ann, Life::Alive { apart: vec![other(0xaa)] }, &[made]);
    row.write_life(bob, Life::Dead { with: vec![other(0xba), other(0xbb)] }, &[]);
    let absorbed = vec![(UnitId(2), made)];
    let rule =
        MergeRule { key: ConstraintId(9), value: vec![Value::from("ann")], seen: vec![(UnitId(2), bob.dot)] };
    let (by_hand, by_rule) = (stamp(3, 1, 0x1ffd, 50), stamp(3, 2, 0x1ffe, 50));
    let merge = Merge {
        into: other(0xac),
        absorbed,
        removed: vec![(UnitId(4), Json::parse("\"vip\"").unwrap(), made)],
        rule: None,
    };
    row.write_life(by_hand, Life::Merged(merge), &[]);
    let merge = Merge { into: other(0xac), absorbed: Vec::new(), removed: Vec::new(), rule: Some(rule) };
    row.write_life(by_rule, Life::Merged(merge), &[]);
    row.write_unit(UnitId(1), ann, bare(Value::Boolean(true)), &[made]);
    row.write_unit(UnitId(1), bob, bare(Value::Null), &[]);
    let parents = vec![(ConstraintId(11), RowId::from_bytes([0xcd; 16]))];
    let columns = smallvec![Value::Blob(vec![1, 2]), Value::Timestamp(Timestamp(5))];
    row.write_unit(
        UnitId(3),
        ann,
        UnitValue { columns, parents, claim: Some(stamp(1, 2, 3, 50)), ..UnitValue::default() },
        &[],
    );
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
fn a_row_of_a_policy() {
    let decided = |priority| {
        let made = Stamp { decision: true, ..stamp(1, 1, 0x1234, priority) };
        let mut row = RowState::new(made.dot);
        row.write_life(made, Life::ALIVE, &[]);
        hex(&encode_row(&table(), &row, &VISIBLE, &mut Numbers::default()).unwrap().main)
    };
    // The priority stands there, with its highest bit set.
    assert_eq!(decided(50), "1090b268240100");
    assert_eq!(decided(60), "1090bc68240100");
}

#[test]
fn an_eventful_row() {
    let derived = Derived { status: Status::Parked, followed: vec![(5, Value::Integer(300))] };
    let row = encode_row(&table(), &eventful(), &derived, &mut Numbers::default()).unwrap();
    assert_eq!(hex(&row.main), MAIN);
    assert_eq!(row.losers.as_deref().map(hex).as_deref(), Some(LOSERS));
}

/// A row with a counter, a set, and an assignment of the counter that had seen what was added before.
#[test]
fn a_row_whose_values_are_combined() {
    let mut row = inserted();
    let (made, later) = (row.born, stamp(1, 2, 0x1235, 50));
    let seen = vec![(key().row, -7)];
    row.write_unit(UnitId(1), later, UnitValue { seen, ..bare(Value::Integer(5)) }, &[made]);
    row.increment(UnitId(1), key().row, later.dot, -7);
    row.add_element(UnitId(4), Json::parse("\"a\"").unwrap(), later);
    row.write_life(later, Life::ALIVE, &[made]);
    let stored = encode_row(&table(), &row, &VISIBLE, &mut Numbers::default()).unwrap();
    assert_eq!(hex(&stored.main), COMBINED);
}

#[test]
fn values() {
    let golden = |value: Value, expected: &str| {
        let made = stamp(1, 1, 0, 50);
        let mut row = RowState::new(made.dot);
        row.write_life(made, Life::ALIVE, &[]);
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
        at: Hlc(0x1234),
        columns: vec![ColumnId(1), ColumnId(4)],
        others: vec![RowId::from_bytes([0xcd; 16])],
    };
    let bytes = encode_conflicts(&[conflict], &mut Numbers::default());
    let (id, other) = ("ef".repeat(16), "cd".repeat(16));
    assert_eq!(hex(&bytes), format!("01{id}03020b00fb2c0102341202010401{other}"));
    assert_eq!(hex(&encode_listed(RowId::from_bytes([0xcd; 16]), 2)), format!("{other}02"));
    let next =
        RowKey { row: RowId::from_bytes([[0xab; 8], [0xcd; 8]].concat().try_into().unwrap()), ..key() };
    let lines = [(Hlc(0x1234), key()), (Hlc(0x1234), next), (Hlc(0x1235), next)];
    let (same, other) = ("ab".repeat(16), "cd".repeat(8));
    assert_eq!(hex(&encode_stretch(lines)), format!("60fb682407{same}08{other}5002"));
    assert_eq!(hex(&encode_frame(b"ab")), FRAME);
}

#[test]
fn a_message() {
    let known: Knowledge = [(ReplicaId::from_bytes([2; 16]), 299)].into_iter().collect();
    let mut message = MessageWriter::new();
    message.change(&RowChange::for_peer(key(), eventful(), &known));
    message.change(&RowChange::for_peer(
        key(),
        eventful(),
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
     6d01060a580205106824010010981b0900893c012c0101080301020802020201040702aaaaaaaaaaaaaaaaaaaa\
     aaaaaaaaaaaa0b05bababababababababababababababababbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0eacacacac\
     acacacacacacacacacacacac020200010104052276697022000112acacacacacacacacacacacacacacacac0100\
     090183616e6e010201fb2c01010202020501efefefefefefefefefefefefefefefef0100030201010202010083\
     616e6e270101040201021b0a010bcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd0008060200";
const COMBINED: &str = "\
     80021068240100080202000101040101abababababababababababababababab00020d00010403226122010119\
     0101090a01abababababababababababababababab0d0002010083616e6e";
const LOSERS: &str = "01913cfe3f2c0101020100";
const FRAME: &str = "0102000000532f89a96162";
const MESSAGE: &str = "\
     030101010101010101010101010101010102020202020202020202020202020202030303030303030303030303\
     030303030007ababababababababababababababababd66005106824010010981b0900893c012c010108030102\
     0802020201040702aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0b05bababababababababababababababababbbbbb\
     bbbbbbbbbbbbbbbbbbbbbbbbbb0eacacacacacacacacacacacacacacacac020200010104052276697022000112\
     acacacacacacacacacacacacacacacac0100090183616e6e010201fb2c01010202020501efefefefefefefefef\
     efefefefefefef010003020101020200020002010083616e6e270101040201021b0a010bcdcdcdcdcdcdcdcdcd\
     cdcdcdcdcdcdcd000806020001b26103010109020101030109041000400900893c012c01010803010208020202\
     000001040302aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0705bababababababababababababababababbbbbbbbbb\
     bbbbbbbbbbbbbbbbbbbbbb0aacacacacacacacacacacacacacacacac02020001010405227669702200010eacac\
     acacacacacacacacacacacacacac0100090183616e6e010201fb2c01010002000301efefefefefefefefefefef\
     efefefefef010003020101000012fb0040010101fb2b01";
const CANONICAL: &str = "\
     07abababababababababababababababab01010101010101010101010101010101010301010101010101010101\
     0101010101010c02020202020202020202020202020202fb2c0103030303030303030303030303030303020432\
     fb002001010101010101010101010101010101090001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa3cfbff1f020202\
     02020202020202020202020202fb2c010102bababababababababababababababababbbbbbbbbbbbbbbbbbbbbb\
     bbbbbbbbbb32fbfd1f030303030303030303030303030303030102acacacacacacacacacacacacacacacac0102\
     01010101010101010101010101010101010104052276697022010101010101010101010101010101010132fbfe\
     1f030303030303030303030303030303030203acacacacacacacacacacacacacacacac0000090183616e6e0102\
     02020202020202020202020202020202fb2c010132fb002001010101010101010101010101010101090232fb00\
     200101010101010101010101010101010109003cfbff1f02020202020202020202020202020202fb2c0101efef\
     efefefefefefefefefefefefefef03010232fb0020010101010101010101010101010101010901020000003cfb\
     ff1f02020202020202020202020202020202fb2c010100000000020132fb341201010101010101010101010101\
     010101010183616e6e000000030132fb0020010101010101010101010101010101010902040201021b0a010bcd\
     cdcdcdcdcdcdcdcdcdcdcdcdcdcdcd0132030101010101010101010101010101010102000000";

/// The ids of rows that their primary key names. Changed, every such row would be another.
#[test]
fn golden_row_ids_of_keys() {
    let sql = "CREATE TABLE seat (row TEXT COLLATE NOCASE, place INTEGER, PRIMARY KEY (place, row))
        WITH (identity = 'natural')";
    let schema = Schema::from_sql(sql).unwrap();
    let id = |row: &str, place: i64| {
        let values = [Value::from(row), Value::Integer(place)];
        natural_row_id(&schema.tables()[0], |column| values.get(column)).unwrap().to_string()
    };
    assert_eq!(id("Ann", 7), "351ad3ff-60e9-8d71-8d93-d4bec6dd598b");
    assert_eq!(id("ANN", 7), id("ann", 7));
    assert_ne!(id("ann", 8), id("ann", 7));
}
