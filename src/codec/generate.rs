//! Random rows for property tests, as only changes of replicas that saw some of each other could make
//! them: every live change is in the vector.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::derive::{Derived, Status};
use crate::ids::{ColumnId, ConflictId, ConstraintId, Dot, ReplicaId, RowId, RowKey, TableId, UnitId};
use crate::row::{Ack, Count, Life, Merge, MergeRule, RowState, Sibling, UnitValue};
use crate::schema::{Column, ColumnRule, DeleteRule, Identity, Table, Tracking, Unit, WinnerRule};
use crate::value::arbitrary;
use crate::value::{Collation, Json, Type, Value};
use crate::version::{Hlc, Priority, Stamp};

/// Any value, with long texts and blobs among them.
pub(crate) fn values() -> BoxedStrategy<Value> {
    let long = prop_oneof![Just(127_usize), Just(128), Just(129), 200_usize..400];
    prop_oneof![
        12 => arbitrary::values(),
        1 => long.clone().prop_map(|length| Value::from("x".repeat(length))),
        1 => long.prop_map(|length| Value::Blob(vec![1; length])),
    ]
    .boxed()
}

/// One of four replicas.
pub(crate) fn replicas() -> impl Strategy<Value = ReplicaId> {
    (1_u8..5).prop_map(|byte| ReplicaId::from_bytes([byte * 17; 16]))
}

/// Small numbers of changes, and those at the ends of each width.
pub(crate) fn dots() -> impl Strategy<Value = Dot> {
    let edges = prop::sample::select(vec![250, 251, 255, 256, 65_535, 65_536, 1 << 32, u64::MAX]);
    let seq = prop_oneof![6 => 1_u64..8, 1 => edges];
    (replicas(), seq).prop_map(|(replica, seq)| Dot { replica, seq })
}

/// A stamp, mostly of one time and priority.
pub(crate) fn stamps() -> impl Strategy<Value = Stamp> {
    let hlc = prop_oneof![4 => 1_700_000_000_000_000_u64..1_700_000_000_000_300, 1 => any::<u64>()];
    let priority = prop_oneof![4 => Just(50_u8), 1 => 0_u8..=100];
    let decision = prop_oneof![4 => Just(false), 1 => Just(true)];
    (dots(), hlc, priority, decision).prop_map(|(dot, hlc, priority, decision)| Stamp {
        priority: Priority::new(priority).unwrap(),
        hlc: Hlc(hlc),
        dot,
        decision,
    })
}

/// A row of the table [`table`].
pub(crate) fn rows() -> impl Strategy<Value = RowState> {
    let ids = prop::collection::btree_set(any::<[u8; 16]>().prop_map(ConflictId::from_bytes), 0..3);
    let ack = ids.prop_map(|ids| Ack(ids.into_iter().collect()));
    let changes = vec(stamps(), 1..5);
    let pick = 0_usize..4;
    let units = vec((0_usize..UNITS.len(), pick.clone(), unit_values()), 0..12);
    let lives = vec((pick.clone(), lives()), 0..3);
    let acks = vec((pick.clone(), ack), 0..2);
    let boosts = vec(pick, 0..2);
    let seen = btree_map(replicas(), 1_u64..1000, 0..3);
    (changes, prop::option::of(dots()), lives, units, boosts, acks, (seen, joined())).prop_map(
        |(changes, born, lives, units, boosts, acks, (seen, (counts, elements)))| {
            // One stamp per change.
            let changes: BTreeMap<Dot, Stamp> = changes.into_iter().map(|stamp| (stamp.dot, stamp)).collect();
            let changes: Vec<Stamp> = changes.into_values().collect();
            let stamp = |pick: usize| changes[pick % changes.len()];
            let mut row = RowState::new(born.unwrap_or(changes[0].dot));
            row.vector = seen.into_iter().collect();
            row.vector.cover(row.born);
            lives.into_iter().for_each(|(pick, life)| row.write_life(stamp(pick), life, &[]));
            for (unit, pick, (values, parents, claim, seen)) in units {
                let (id, columns) = UNITS[unit];
                let columns = values.into_iter().cycle().take(columns.len()).collect();
                let (parents, seen) = (parents.into_iter().collect(), seen.into_iter().collect());
                let value = UnitValue { columns, parents, claim, seen };
                row.write_unit(UnitId(id), stamp(pick), value, &[]);
            }
            for pick in boosts {
                row.boost.insert(Sibling { stamp: stamp(pick), value: () });
                row.vector.cover(stamp(pick).dot);
            }
            acks.into_iter().for_each(|(pick, ack)| row.write_ack(stamp(pick), ack));
            for (unit, id, dot, total) in counts {
                row.counts.join(unit, id, dot.replica, Count { seq: dot.seq, total });
                row.vector.cover(dot);
            }
            for (unit, element, pick) in elements {
                let mut added = row.elements.get(unit, &element);
                added.insert(Sibling { stamp: stamp(pick), value: () });
                row.elements.set(unit, element, added);
                row.vector.cover(stamp(pick).dot);
            }
            row
        },
    )
}

/// What a change may say about the life of a row.
fn lives() -> impl Strategy<Value = Life> {
    let spots = || vec(((1_u32..300).prop_map(UnitId), dots()), 0..4).prop_map(ascending);
    let rows = || vec(row_ids(), 0..3).prop_map(ascending);
    let key = (1_u32..300).prop_map(ConstraintId);
    let rule =
        (key, vec(values(), 1..3), spots()).prop_map(|(key, value, seen)| MergeRule { key, value, seen });
    let element =
        prop::sample::select(vec!["1", "\"a\"", "[true]"]).prop_map(|text| Json::parse(text).unwrap());
    let removed = vec(((1_u32..300).prop_map(UnitId), element, dots()), 0..3).prop_map(ascending);
    let merge = (row_ids(), spots(), removed, prop::option::of(rule));
    prop_oneof![
        4 => Just(Life::ALIVE),
        1 => rows().prop_map(|apart| Life::Alive { apart }),
        2 => rows().prop_map(|with| Life::Dead { with }),
        1 => merge.prop_map(|(into, absorbed, removed, rule)| {
            Life::Merged(Merge { into, absorbed, removed, rule })
        }),
    ]
}

fn ascending<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

type RawUnit = (Vec<Value>, BTreeMap<ConstraintId, RowId>, Option<Stamp>, BTreeMap<RowId, i128>);

fn unit_values() -> impl Strategy<Value = RawUnit> {
    let parents = btree_map((1_u32..300).prop_map(ConstraintId), row_ids(), 0..3);
    let seen = btree_map(row_ids(), sums().prop_filter("zeros are not kept", |sum| *sum != 0), 0..3);
    let extras = prop_oneof![
        3 => Just((BTreeMap::new(), None, BTreeMap::new())),
        1 => (parents, prop::option::of(stamps()), Just(BTreeMap::new())),
        1 => (Just(BTreeMap::new()), Just(None), seen),
    ];
    (vec(values(), 1..3), extras).prop_map(|(values, (parents, claim, seen))| (values, parents, claim, seen))
}

fn sums() -> impl Strategy<Value = i128> {
    prop_oneof![4 => -100_i128..100, 1 => any::<i64>().prop_map(i128::from), 1 => any::<i128>()]
}

/// Counts by unit, row and change; elements by unit, with the changes that added them.
type Joined = (Vec<(UnitId, RowId, Dot, i128)>, Vec<(UnitId, Json, usize)>);

/// What counts together.
fn joined() -> impl Strategy<Value = Joined> {
    let unit = || (1_u32..5).prop_map(UnitId);
    let element = prop::sample::select(vec!["1", "2", "[]", "\"a\"", "\"b\"", "{\"a\":null}"]);
    let element = element.prop_map(|text| Json::parse(text).unwrap());
    let some = (vec((unit(), row_ids(), dots(), sums()), 0..4), vec((unit(), element, 0_usize..4), 0..6));
    prop_oneof![2 => Just((Vec::new(), Vec::new())), 1 => some]
}

/// Any row id.
pub(crate) fn row_ids() -> impl Strategy<Value = RowId> {
    any::<[u8; 16]>().prop_map(RowId::from_bytes)
}

/// Any row of some table.
pub(crate) fn row_keys() -> impl Strategy<Value = RowKey> {
    (0_u32..1000, row_ids()).prop_map(|(table, row)| RowKey { table: TableId(table), row })
}

/// What may have been derived from a row of the table [`table`].
pub(crate) fn derivations() -> impl Strategy<Value = Derived> {
    let status = prop::sample::select(vec![Status::Visible, Status::Parked, Status::Dead, Status::Merged]);
    let followed = btree_map(0..COLUMNS, values(), 0..3);
    let followed = prop_oneof![2 => Just(BTreeMap::new()), 1 => followed];
    (status, followed)
        .prop_map(|(status, followed)| Derived { status, followed: followed.into_iter().collect() })
}

const COLUMNS: usize = 9;

/// The units of the table: neighbours, a gap, one of several columns that do not stand together.
const UNITS: [(u32, &[usize]); 6] =
    [(1, &[0]), (2, &[1]), (3, &[2, 4]), (4, &[3]), (6, &[5]), (300, &[6, 7, 8])];

/// The table of the rows here: nine columns in six units.
pub(crate) fn table() -> Table {
    let column = |i: usize| Column {
        id: ColumnId(i as u32 + 1),
        unit: UnitId(UNITS.iter().find(|(_, columns)| columns.contains(&i)).map_or(0, |(id, _)| *id)),
        name: format!("c{i}"),
        kind: Type::Integer,
        nullable: true,
        default: Value::from(i as i64),
        collation: Collation::Binary,
        rule: ColumnRule::Winner,
    };
    let units = UNITS.iter().map(|(id, columns)| Unit { id: UnitId(*id), columns: columns.to_vec() });
    Table {
        id: TableId(7),
        name: "t".to_owned(),
        columns: (0..COLUMNS).map(column).collect(),
        units: units.collect(),
        keys: Vec::new(),
        has_primary_key: false,
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        indexes: Vec::new(),
        identity: Identity::Random,
        tracking: Tracking::Column,
        winner: WinnerRule::Latest,
        deletes: DeleteRule::DeleteWins,
        dropped: false,
        replicate: true,
    }
}

/// Replica numbers for tests: in the order in which they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Numbers(pub(crate) Vec<ReplicaId>);

impl super::ReplicaNumbers for Numbers {
    fn number(&mut self, id: ReplicaId) -> u32 {
        let found = self.0.iter().position(|known| *known == id);
        found.unwrap_or_else(|| {
            self.0.push(id);
            self.0.len() - 1
        }) as u32
    }
}

impl Numbers {
    pub(crate) fn replica(&self, number: u32) -> Option<ReplicaId> {
        self.0.get(number as usize).copied()
    }
}
