//! Golden bytes of the key space and of the small records: a change of the format cannot go unnoticed. If
//! one of these fails, either undo the change or raise the version of the format.

use proptest::prelude::*;

use super::conflicts::{Day, Group};
use super::meta::Meta;
use super::snapshot::Counts;
use super::space::{
    Kind, Prefix, Space, conflict_by_age_of, conflict_count_of, end_of, row_key_of, row_of, seq_of,
};
use crate::derive::Kind::{Unique, Update};
use crate::ids::{ConflictId, ConstraintId, DatabaseId, ReplicaId, RowId, RowKey, TableId};
use crate::value::{Value, arbitrary};
use crate::version::{Hlc, Priority};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn row(byte: u8) -> RowId {
    RowId::from_bytes([byte; 16])
}

#[test]
fn golden_keys() {
    let (table, constraint, value) = (TableId(7), ConstraintId(300), [Value::Integer(258)]);
    let (id, conflict) = ("ab".repeat(16), ConflictId::from_bytes([0xab; 16]));
    let group = Group { table, kind: Unique, constraint: Some(constraint) };
    let golden = [
        (Space::Meta, "01".to_owned()),
        (Space::Replica(0), "0200".to_owned()),
        (Space::Knowledge(240), "03f1f0".to_owned()),
        (Space::Row(table, row(0xab)), format!("0407{id}")),
        (Space::Losers(table, row(0xab)), format!("0507{id}")),
        (Space::Claim(constraint, &value), "06f2012c1a0102".to_owned()),
        (Space::Index(constraint, &value, row(0xab)), format!("07f2012c1a0102{id}")),
        (Space::Child(constraint, row(0xcd), row(0xab)), format!("08f2012c{}{id}", "cd".repeat(16))),
        (Space::ChildByValue(constraint, &value, row(0xab)), format!("09f2012c1a0102{id}")),
        (Space::Log(1, 258), "0a010000000000000102".to_owned()),
        (Space::Conflicts(table, row(0xab)), format!("0b07{id}")),
        (Space::ConflictById(conflict), format!("0c{id}")),
        (Space::Count(table), "0d07".to_owned()),
        (Space::Clock, "0e".to_owned()),
        (Space::ConflictByAge(group, Hlc(258), conflict), format!("0f0703f2012c0000000000000102{id}")),
        (Space::ConflictCount(group, Day(19_723)), "100703f2012cf24d0b".to_owned()),
        (Space::Closed(conflict), format!("11{id}")),
        (Space::ClosedPlace(240), "12f1f0".to_owned()),
        (Space::Remembered, "13".to_owned()),
        (Space::Merged(table, row(0xcd), row(0xab)), format!("1407{}{id}", "cd".repeat(16))),
        (Space::Amendment(1, 258), "15010000000000000102".to_owned()),
        (Space::Mark(conflict), format!("16{id}")),
        (Space::Review(table, row(0xab)), format!("1707{id}")),
        (Space::ParkedClaim(constraint, &value, row(0xab)), format!("18f2012c1a0102{id}")),
    ];
    for (space, expected) in &golden {
        assert_eq!(hex(&space.key()), *expected, "{space:?}");
        assert_eq!(Kind::of(&space.key()), Some(space.kind()));
    }
    assert_eq!(golden.map(|(space, _)| space.kind()), Kind::ALL, "every kind has its golden key");
}

#[test]
fn golden_records() {
    let meta = Meta {
        database: Some(DatabaseId::from_bytes([1; 16])),
        replica: ReplicaId::from_bytes([2; 16]),
        priority: Priority::default(),
        schema: "CREATE TABLE t (\n  a TEXT\n);\n".to_owned(),
        creator: Some(ReplicaId::from_bytes([3; 16])),
        design: Some([4; 16]),
        unicode: "16.0.0".to_owned(),
    };
    let bytes = meta.encode().unwrap();
    let expected = concat!(
        r#"{"database":"01010101-0101-0101-0101-010101010101","#,
        r#""replica":"02020202-0202-0202-0202-020202020202","#,
        r#""priority":50,"schema":"CREATE TABLE t (\n  a TEXT\n);\n","#,
        r#""creator":"03030303-0303-0303-0303-030303030303","#,
        r#""design":"04040404040404040404040404040404","unicode":"16.0.0"}"#,
    );
    assert_eq!(std::str::from_utf8(&bytes), Ok(expected));
    assert_eq!(Meta::decode(&bytes).unwrap(), meta);
    let counts = Counts { visible: 258, parked: 3, merging: 1 };
    assert_eq!(hex(&counts.encode()), "000000000000010200000000000000030000000000000001");
    assert_eq!(Counts::decode(&counts.encode()).unwrap(), counts);
}

#[test]
fn the_end_of_a_prefix_is_the_first_key_behind_it() {
    assert_eq!(end_of(&[1, 2]), Some(vec![1, 3]));
    assert_eq!(end_of(&[1, 255]), Some(vec![2]));
    assert_eq!(end_of(&[255]), None);
}

proptest! {
    /// What a prefix names is what begins with its bytes, and nothing else.
    #[test]
    fn a_prefix_holds_its_own_keys_alone(
        ids in (any::<u32>(), any::<u32>(), 0_u32..32),
        rows in (any::<u8>(), any::<u8>()),
        values in (prop::collection::vec(arbitrary::values(), 1..3), prop::collection::vec(arbitrary::values(), 1..3)),
    ) {
        let (own, other) = (ids.0 >> ids.2, ids.1 >> ids.2);
        prop_assume!(own != other);
        let (table, stranger) = (TableId(own), TableId(other));
        let (id, foreign) = (ConstraintId(own), ConstraintId(other));
        let (first, second) = (row(rows.0), row(rows.1));
        let begins = |key: &Space<'_>, prefix: &Prefix<'_>| key.key().starts_with(&prefix.key());
        prop_assert!(begins(&Space::Row(table, first), &Prefix::Rows(table)));
        prop_assert!(!begins(&Space::Row(stranger, first), &Prefix::Rows(table)));
        prop_assert!(begins(&Space::Row(table, first), &Prefix::AllRows));
        prop_assert!(begins(&Space::Conflicts(table, first), &Prefix::Conflicts(table)));
        prop_assert!(!begins(&Space::Conflicts(stranger, first), &Prefix::Conflicts(table)));
        prop_assert!(begins(&Space::Log(own, 9), &Prefix::Log(own)));
        prop_assert!(!begins(&Space::Log(other, 9), &Prefix::Log(own)));
        prop_assert!(begins(&Space::Child(id, first, second), &Prefix::Children(id, first)));
        prop_assert!(!begins(&Space::Child(foreign, first, second), &Prefix::Children(id, first)));
        let (mine, theirs) = (values.0.as_slice(), values.1.as_slice());
        prop_assert!(begins(&Space::Claim(id, mine), &Prefix::Claims(id)));
        prop_assert!(!begins(&Space::Claim(foreign, mine), &Prefix::Claims(id)));
        prop_assert!(begins(&Space::ParkedClaim(id, mine, first), &Prefix::ParkedClaims(id, mine)));
        prop_assert_eq!(
            begins(&Space::ParkedClaim(id, theirs, first), &Prefix::ParkedClaims(id, mine)),
            theirs.starts_with(mine)
        );
        prop_assert!(begins(&Space::Index(id, mine, first), &Prefix::Index(id, mine)));
        prop_assert!(begins(&Space::ChildByValue(id, mine, first), &Prefix::ChildrenByValue(id, mine)));
        // Beside another kind of key, nothing.
        prop_assert!(!begins(&Space::Index(id, mine, first), &Prefix::ParkedClaims(id, mine)));
        // What a key ends with is read back.
        let key = RowKey { table, row: first };
        prop_assert_eq!(row_key_of(&Space::Losers(table, first).key()), Some(key));
        prop_assert_eq!(row_of(&Space::ParkedClaim(id, mine, first).key()), Some(first));
        prop_assert_eq!(seq_of(&Space::Log(own, 9).key()), Some(9));
        // So are the groups of conflicts; one about nothing that has a number is none about number 1.
        for (kind, constraint) in [(Update, None), (Unique, Some(ConstraintId(own.max(1))))] {
            let group = Group { table: stranger, kind, constraint };
            let count = Space::ConflictCount(group, Day(other));
            prop_assert!(begins(&count, &Prefix::GroupConflictCounts(group)));
            prop_assert!(begins(&count, &Prefix::TableConflictCounts(stranger)));
            prop_assert!(!begins(&count, &Prefix::TableConflictCounts(table)));
            prop_assert_eq!(conflict_count_of(&count.key()), Some((group, Day(other))));
            let (at, conflict) = (Hlc(u64::from(own)), ConflictId::from_bytes([rows.0; 16]));
            let listed = Space::ConflictByAge(group, at, conflict).key();
            prop_assert_eq!(conflict_by_age_of(&listed), Some((group, at, conflict)));
        }
    }
}
