//! The table of damages, each with the words that a finding must have.

use reunite::codec::log::{decode_stretch, encode_stretch};
use reunite::derive::Status;
use reunite::ids::{ConstraintId, Dot, ReplicaId, RowId, RowKey, TableId, UnitId};
use reunite::row::{Life, Sibling, UnitValue};
use reunite::value::Value;
use reunite::version::{Hlc, Priority, Stamp};

use crate::world::{Bytes, World, key};

pub struct Corruption {
    pub name: &'static str,
    pub plant: fn(&World, &mut Bytes),
    /// What a finding says.
    pub says: &'static str,
}

const META: u8 = 1;
const REPLICA: u8 = 2;
const KNOWLEDGE: u8 = 3;
const ROW: u8 = 4;
const LOSERS: u8 = 5;
const CLAIM: u8 = 6;
const INDEX: u8 = 7;
const CHILD: u8 = 8;
const CHILD_BY_VALUE: u8 = 9;
const LOG: u8 = 10;
const CONFLICTS: u8 = 11;
const CONFLICT_BY_ID: u8 = 12;
const COUNT: u8 = 13;
const CLOCK: u8 = 14;
const CONFLICT_BY_AGE: u8 = 15;
const CONFLICT_COUNT: u8 = 16;
const CLOSED: u8 = 17;
const CLOSED_PLACE: u8 = 18;
const REMEMBERED: u8 = 19;
const MARK: u8 = 22;
const MERGED: u8 = 20;
const AMENDMENT: u8 = 21;
const PARKED_CLAIM: u8 = 24;

fn first(bytes: &Bytes, tag: u8) -> Vec<u8> {
    bytes.keys().find(|key| key[0] == tag).unwrap_or_else(|| panic!("nothing with tag {tag}")).clone()
}

fn remove_first(bytes: &mut Bytes, tag: u8) {
    let key = first(bytes, tag);
    bytes.remove(&key);
}

/// Changes the lines of a stretch of the change log.
fn edit_log(bytes: &mut Bytes, stretch: Vec<u8>, edit: impl FnOnce(&mut Vec<(Hlc, RowKey)>)) {
    let mut lines = decode_stretch(&bytes.remove(&stretch).unwrap()).unwrap();
    edit(&mut lines);
    if !lines.is_empty() {
        bytes.insert(stretch, encode_stretch(lines));
    }
}

/// Adds an entry like the first one, for a row that does not exist.
fn add_like_first(bytes: &mut Bytes, tag: u8) {
    let mut key = first(bytes, tag);
    let value = bytes[&key].clone();
    key.last_chunk_mut::<16>().unwrap().fill(0xee);
    bytes.insert(key, value);
}

fn ann(world: &World) -> (&'static str, RowId) {
    ("customer", world.row("customer", "code", "ANN"))
}

fn gus(world: &World) -> (&'static str, RowId) {
    ("customer", world.row("customer", "code", "GUS"))
}

/// Merged into [`gus`].
fn gustav(world: &World) -> (&'static str, RowId) {
    ("customer", world.row("customer", "code", "GUSTAV"))
}

fn stamp(replica: u8, seq: u64) -> Stamp {
    let dot = Dot { replica: ReplicaId::from_bytes([replica; 16]), seq };
    Stamp::new(Priority::default(), Hlc(1), dot)
}

fn primary_key(world: &World) -> ConstraintId {
    world.a.schema().table("customer").unwrap().primary_key().unwrap().id
}

fn phone(world: &World) -> UnitId {
    world.a.schema().table("customer").unwrap().column("phone").unwrap().1.unit
}

fn set_status(world: &World, bytes: &mut Bytes, row: (&str, RowId), status: Status) {
    world.edit(bytes, row, |_, derived| derived.status = status);
}

fn value(of: Value) -> UnitValue {
    UnitValue { columns: vec![of].into(), ..UnitValue::default() }
}

macro_rules! corruptions {
    ($($name:literal, $says:literal, $plant:expr;)*) => {
        pub fn all() -> Vec<Corruption> {
            vec![$(Corruption { name: $name, says: $says, plant: $plant }),*]
        }
    };
}

corruptions! {
    "a row that is none", "the row cannot be read", |_, bytes| {
        let key = first(bytes, ROW);
        bytes.insert(key, vec![0xff]);
    };
    "a cut row", "the row cannot be read", |_, bytes| {
        let key = first(bytes, ROW);
        bytes.get_mut(&key).unwrap().pop();
    };
    "a row of no table", "the schema has no table", |_, bytes| {
        let row = bytes[&first(bytes, ROW)].clone();
        bytes.insert(key(ROW, 99, &[7; 16]), row);
    };
    "a row's key with a byte too many", "a key that nothing stored has", |_, bytes| {
        let mut key = first(bytes, ROW);
        key.push(0);
        bytes.insert(key, vec![]);
    };
    "an unknown unit", "it has a unit 4000", |world, bytes| {
        world.edit(bytes, ann(world), |facts, _| {
            let dot = facts.born;
            let sibling = Sibling { stamp: Stamp { dot, ..stamp(1, 1) }, value: value(Value::Null) };
            facts.add_to_unit(UnitId(4000), sibling);
        });
    };
    "a value of a wrong type", "column phone holds what is not a TEXT", |world, bytes| {
        world.edit(bytes, ann(world), |facts, _| {
            let dot = facts.born;
            let sibling = Sibling { stamp: Stamp { dot, ..stamp(1, 1) }, value: value(Value::Integer(5)) };
            facts.set_unit(phone(world), std::iter::once(sibling).collect());
        });
    };
    "a schema change that is lost", "are not those that were stored last", |_, bytes| {
        remove_first(bytes, AMENDMENT);
    };
    "a schema change that is none", "a stored schema change", |_, bytes| {
        bytes.insert(first(bytes, AMENDMENT), b"{}".to_vec());
    };
    "a schema change twice", "a key that nothing stored has", |_, bytes| {
        let text = bytes[&first(bytes, AMENDMENT)].clone();
        let mut key = first(bytes, AMENDMENT);
        *key.last_mut().unwrap() += 1;
        bytes.insert(key, text);
    };
    "a reference where none is", "names a row for a foreign key", |world, bytes| {
        world.edit(bytes, ann(world), |facts, _| {
            let dot = facts.born;
            let mut value = value(Value::Null);
            value.parents.push((primary_key(world), RowId::from_bytes([1; 16])));
            let sibling = Sibling { stamp: Stamp { dot, ..stamp(1, 1) }, value };
            facts.set_unit(phone(world), std::iter::once(sibling).collect());
        });
    };
    "a change of a local table", "numbered as one of a table of another kind", |world, bytes| {
        world.edit(bytes, ann(world), |facts, _| facts.write_life(stamp(0, 1), Life::ALIVE, &[]));
    };
    "a change of this replica from the future", "was made here, but is not in the knowledge", |world, bytes| {
        world.edit(bytes, ann(world), |facts, _| facts.write_life(stamp(1, 99), Life::ALIVE, &[]));
    };
    "a change later than the clock", "is later than the stored time", |world, bytes| {
        world.edit(bytes, ann(world), |facts, _| {
            let stamp = Stamp { hlc: Hlc(u64::MAX), ..stamp(2, 99) };
            facts.write_life(stamp, Life::ALIVE, &[]);
        });
    };
    "a known change of another row", "under a wrong row", |world, bytes| {
        world.edit(bytes, ann(world), |facts, _| facts.write_life(stamp(1, 3), Life::ALIVE, &[]));
    };
    "a visible row stored as parked", "it is stored as parked, and is visible", |world, bytes| {
        set_status(world, bytes, ann(world), Status::Parked);
    };
    "a living row stored as deleted", "it is stored as deleted, and is visible", |world, bytes| {
        set_status(world, bytes, ann(world), Status::Dead);
    };
    "a tombstone stored as visible", "it is stored as visible, and is deleted", |world, bytes| {
        set_status(world, bytes, ("customer", world.row("customer", "code", "CAT")), Status::Visible);
    };
    "a parked row without its parent stored as visible", "it is stored as visible, and is parked", |world, bytes| {
        set_status(world, bytes, ("orders", world.row("orders", "number", 2)), Status::Visible);
    };
    "an invalid row stored as visible", "it is stored as visible, and is parked", |world, bytes| {
        set_status(world, bytes, ("orders", world.row("orders", "number", 3)), Status::Visible);
    };
    "a wrong row in a cycle of tables", "it is stored as visible, and is parked", |world, bytes| {
        set_status(world, bytes, ("folder", world.row("folder", "name", "/b")), Status::Visible);
    };
    "a wrong pair in a cycle of tables, counted and indexed as visible",
    "it is stored as visible, and is parked", |world, bytes| {
        for name in ["/b", "/b/c"] {
            let row = world.row("folder", "name", name);
            set_status(world, bytes, ("folder", row), Status::Visible);
            let parked = |key: &Vec<u8>| key[0] == PARKED_CLAIM && key.ends_with(row.as_bytes());
            for mut key in bytes.keys().filter(|key| parked(key)).cloned().collect::<Vec<_>>() {
                bytes.remove(&key);
                key[0] = CLAIM;
                key.truncate(key.len() - 16);
                bytes.insert(key, row.as_bytes().to_vec());
            }
        }
    };
    "a followed key forgotten", "customer does not show the key of the row", |world, bytes| {
        let row = world.row("orders", "number", 4);
        world.edit(bytes, ("orders", row), |_, derived| derived.followed.clear());
    };
    "a key followed that is none", "customer does not show the key of the row", |world, bytes| {
        let row = world.row("orders", "number", 1);
        world.edit(bytes, ("orders", row), |_, derived| derived.followed.push((1, Value::from("X"))));
    };
    "losing values gone", "the row cannot be read", |_, bytes| remove_first(bytes, LOSERS);
    "losing values of nobody", "the losing values has an entry that no row justifies",
    |_, bytes| add_like_first(bytes, LOSERS);
    "a claim gone", "its entry in key customer_pkey is missing", |_, bytes| remove_first(bytes, CLAIM);
    "a claim of nobody", "key customer_pkey has an entry that no row justifies",
    |_, bytes| {
        let mut key = first(bytes, CLAIM);
        key.push(0xee);
        bytes.insert(key, vec![0xee; 16]);
    };
    "a claim of another row", "its entry in key customer_pkey is wrong", |world, bytes| {
        let row = ann(world).1;
        let claims = bytes.iter_mut().filter(|(key, value)| key[0] == CLAIM && *value == row.as_bytes());
        claims.for_each(|(_, holder)| *holder = vec![0xee; 16]);
    };
    "a parked claim gone", "its entry in the parked rows of key customer_pkey is missing",
    |_, bytes| remove_first(bytes, PARKED_CLAIM);
    "a parked claim of nobody", "the parked rows of key customer_pkey has an entry that no row justifies",
    |_, bytes| add_like_first(bytes, PARKED_CLAIM);
    "an index entry gone", "its entry in index orders_customer is missing",
    |_, bytes| remove_first(bytes, INDEX);
    "an index entry of nobody", "index orders_customer has an entry that no row justifies",
    |_, bytes| add_like_first(bytes, INDEX);
    "an index entry with a value", "its entry in index orders_customer is wrong", |_, bytes| {
        let key = first(bytes, INDEX);
        bytes.insert(key, vec![1]);
    };
    "an entry of no index", "which is not in the schema has an entry that no row justifies", |_, bytes| {
        bytes.insert(key(INDEX, 999, &[1; 20]), Vec::new());
    };
    "a reference by row gone", "its entry in the references by row of orders_customer_fkey is missing",
    |_, bytes| remove_first(bytes, CHILD);
    "a reference by row of nobody",
    "the references by row of orders_customer_fkey has an entry that no row justifies",
    |_, bytes| add_like_first(bytes, CHILD);
    "a reference by value gone", "its entry in the references by value of invoice_customer_fkey is missing",
    |_, bytes| remove_first(bytes, CHILD_BY_VALUE);
    "a reference by value of nobody",
    "the references by value of invoice_customer_fkey has an entry that no row justifies",
    |_, bytes| add_like_first(bytes, CHILD_BY_VALUE);
    "conflicts gone", "the stored conflicts are wrong in", |_, bytes| remove_first(bytes, CONFLICTS);
    "conflicts cut", "the list of the row's conflicts cannot be read", |_, bytes| {
        let key = first(bytes, CONFLICTS);
        bytes.get_mut(&key).unwrap().pop();
    };
    "conflicts of nobody", "the conflicts by row has an entry that no row justifies",
    |_, bytes| add_like_first(bytes, CONFLICTS);
    "a conflict of a row without any", "the stored conflicts are wrong in", |world, bytes| {
        let conflicts = bytes[&first(bytes, CONFLICTS)].clone();
        let row = world.row("orders", "number", 1);
        bytes.insert(key(CONFLICTS, world.table("orders"), row.as_bytes()), conflicts);
    };
    "a conflict's id gone", "its entry in the conflicts by id is missing",
    |_, bytes| remove_first(bytes, CONFLICT_BY_ID);
    "a conflict's id of nothing", "the conflicts by id has an entry that no row justifies",
    |_, bytes| add_like_first(bytes, CONFLICT_BY_ID);
    "a conflict's id under another row", "its entry in the conflicts by id is wrong", |world, bytes| {
        let row = RowKey {
            table: TableId(world.table("customer")),
            row: RowId::from_bytes([9; 16]),
        };
        let key = first(bytes, CONFLICT_BY_ID);
        bytes.insert(key, reunite::codec::log::encode_row_key(row));
    };
    "a conflict's age gone", "its entry in the conflicts by age is missing",
    |_, bytes| remove_first(bytes, CONFLICT_BY_AGE);
    "a conflict's age of nothing", "the conflicts by age has an entry that no row justifies",
    |_, bytes| add_like_first(bytes, CONFLICT_BY_AGE);
    "a conflict's age under another row", "its entry in the conflicts by age is wrong", |_, bytes| {
        let key = first(bytes, CONFLICT_BY_AGE);
        bytes.get_mut(&key).unwrap()[3] ^= 1;
    };
    "a conflict moved to another time", "the conflicts by age has an entry that no row justifies", |_, bytes| {
        let mut key = first(bytes, CONFLICT_BY_AGE);
        let entry = bytes.remove(&key).unwrap();
        let time = key.len() - 17;
        key[time] ^= 1;
        bytes.insert(key, entry);
    };
    "a conflict of another time", "the stored conflicts are wrong in", |_, bytes| {
        let key = first(bytes, CONFLICTS);
        let record = bytes.get_mut(&key).unwrap();
        // Behind the length, the id, the kind, what it is about and a dot of two bytes: width and time.
        assert_eq!(record[21], 7);
        record[22] ^= 1;
    };
    "too many conflicts counted", "is said to have 9 update conflicts of day 19675, and has 1", |_, bytes| {
        let key = first(bytes, CONFLICT_COUNT);
        bytes.insert(key, 9_u64.to_be_bytes().to_vec());
    };
    "conflicts not counted", "is said to have 0 update conflicts of day 19675, and has 1",
    |_, bytes| remove_first(bytes, CONFLICT_COUNT);
    "conflicts counted on another day", "is said to have 1 update conflicts of day 19674, and has 0", |_, bytes| {
        let mut key = first(bytes, CONFLICT_COUNT);
        let count = bytes.remove(&key).unwrap();
        *key.last_mut().unwrap() -= 1;
        bytes.insert(key, count);
    };
    "a count of conflicts cut", "the count of conflicts cannot be read", |_, bytes| {
        let key = first(bytes, CONFLICT_COUNT);
        bytes.get_mut(&key).unwrap().pop();
    };
    "a count of conflicts of no table", "a key that nothing stored has", |_, bytes| {
        bytes.insert(key(CONFLICT_COUNT, 99, &[0, 0, 9]), vec![0; 8]);
    };
    "a stretch of the log gone", "the change log lacks the changes 1 to",
    |_, bytes| remove_first(bytes, LOG);
    "a live change not logged", "is not in the change log", |_, bytes| remove_first(bytes, LOG);
    "the end of a log gone", "the change log lacks change", |_, bytes| {
        let last = bytes.keys().rfind(|key| key[0] == LOG).unwrap().clone();
        edit_log(bytes, last, |lines| lines.truncate(lines.len() - 1));
    };
    "a stretch of the log cut", "the change log from change 1 of replica", |_, bytes| {
        let key = first(bytes, LOG);
        bytes.get_mut(&key).unwrap().pop();
    };
    "an empty stretch of the log", "a stretch of the change log without a change", |_, bytes| {
        let key = first(bytes, LOG);
        bytes.get_mut(&key).unwrap().clear();
    };
    "a change logged twice", "a key that nothing stored has", |_, bytes| {
        let stretch = first(bytes, LOG);
        let mut second = stretch.clone();
        *second.last_mut().unwrap() += 1;
        bytes.insert(second, bytes[&stretch].clone());
    };
    "a change of another row in the log", "under a wrong row", |_, bytes| {
        let stretch = first(bytes, LOG);
        edit_log(bytes, stretch, |lines| lines[0].1.row = RowId::from_bytes([3; 16]));
    };
    "a change with another time in the log", "with a wrong time", |_, bytes| {
        let stretches: Vec<_> = bytes.keys().filter(|key| key[0] == LOG).cloned().collect();
        let later = |lines: &mut Vec<(Hlc, RowKey)>| lines.iter_mut().for_each(|(hlc, _)| hlc.0 ^= 1);
        stretches.into_iter().for_each(|stretch| edit_log(bytes, stretch, later));
    };
    "a log beyond the knowledge", "which is not known", |_, bytes| {
        let last = bytes.keys().rfind(|key| key[0] == LOG).unwrap().clone();
        edit_log(bytes, last, |lines| lines.extend_from_within(..1));
    };
    "a change of a local table in the log", "of a table that never leaves this replica", |world, bytes| {
        let row = world.row("note", "text", "mine");
        let row = RowKey { table: TableId(world.table("note")), row };
        let stretch = first(bytes, LOG);
        edit_log(bytes, stretch, |lines| lines[0].1 = row);
    };
    "knowledge gone", "which is not known", |_, bytes| {
        let keys: Vec<_> = bytes.keys().filter(|key| key[0] == KNOWLEDGE).cloned().collect();
        keys.iter().for_each(|key| drop(bytes.remove(key)));
    };
    "knowledge of an unknown replica", "the knowledge entry 77 cannot be read", |_, bytes| {
        bytes.insert(key(KNOWLEDGE, 77, &[]), 5_u64.to_be_bytes().to_vec());
    };
    "too much knowledge", "the change log lacks the changes", |_, bytes| {
        let key = first(bytes, KNOWLEDGE);
        bytes.insert(key, 1000_u64.to_be_bytes().to_vec());
    };
    "a replica twice", "the list of replicas is not right at number", |_, bytes| {
        let last = bytes.range(vec![REPLICA]..vec![REPLICA + 1]).next_back().unwrap().0.clone();
        bytes.insert(last, vec![1; 16]);
    };
    "a replica too many", "the list of replicas is not right at number", |_, bytes| {
        bytes.insert(key(REPLICA, 9, &[]), vec![1; 16]);
    };
    "a replica gone", "the list of replicas is not right at number", |_, bytes| remove_first(bytes, REPLICA);
    "a wrong count", "visible rows, and has", |_, bytes| {
        let key = first(bytes, COUNT);
        bytes.insert(key, [9_u64.to_be_bytes(); 3].concat());
    };
    "no count", "it is said to have 0 parked rows", |world, bytes| {
        bytes.remove(&key(COUNT, world.table("orders"), &[]));
    };
    "a count cut", "the row count cannot be read", |_, bytes| {
        let key = first(bytes, COUNT);
        bytes.get_mut(&key).unwrap().pop();
    };
    "a count of no table", "a key that nothing stored has", |_, bytes| {
        bytes.insert(key(COUNT, 99, &[]), vec![0; 24]);
    };
    "a merge not listed", "the rows merged into others", |_, bytes| remove_first(bytes, MERGED);
    "a merge listed that is none", "the rows merged into others", |_, bytes| add_like_first(bytes, MERGED);
    "a merge of no table", "the rows merged into others", |_, bytes| {
        bytes.insert(key(MERGED, 99, &[7; 32]), Vec::new());
    };
    "a merged row that is deleted", "it is stored as deleted, and is merged", |world, bytes| {
        set_status(world, bytes, gustav(world), Status::Dead);
    };
    "a merged row that is parked", "it is stored as parked, and is merged", |world, bytes| {
        set_status(world, bytes, gustav(world), Status::Parked);
    };
    "a merge forgotten", "it is stored as visible, and is merged", |world, bytes| {
        set_status(world, bytes, gustav(world), Status::Visible);
    };
    "a survivor without the value of the merged row", "or the value of a row merged into it", |world, bytes| {
        world.edit(bytes, gus(world), |_, derived| derived.followed.clear());
    };
    "no merges counted", "it is said to have 0 merging rows, and has 1", |world, bytes| {
        let key = key(COUNT, world.table("customer"), &[]);
        bytes.get_mut(&key).unwrap()[16..].fill(0);
    };
    "a cut closed conflict", "record of the closed conflict", |_, bytes| {
        let key = first(bytes, CLOSED);
        bytes.get_mut(&key).unwrap().pop();
    };
    "a closed conflict without a place", "and its place do not belong together", |_, bytes| {
        remove_first(bytes, CLOSED_PLACE);
    };
    "a place without a closed conflict", "and its place do not belong together", |_, bytes| {
        remove_first(bytes, CLOSED);
    };
    "two places of one closed conflict", "closed conflicts should be remembered, and", |_, bytes| {
        let place = bytes[&first(bytes, CLOSED_PLACE)].clone();
        bytes.insert(key(CLOSED_PLACE, 99, &[]), place);
    };
    "a wrong count of closed conflicts", "99 closed conflicts should be remembered", |_, bytes| {
        bytes.insert(vec![REMEMBERED], [99_u64.to_be_bytes(), 0_u64.to_be_bytes()].concat());
    };
    "a note that is none", "note about the conflict", |_, bytes| {
        let key = first(bytes, MARK);
        bytes.insert(key, vec![9]);
    };
    "a note about a conflict that is not open", "do not belong together", |_, bytes| add_like_first(bytes, MARK);
    "no note", "something should be noted of 1 open conflicts, and is of 0", |_, bytes| {
        remove_first(bytes, MARK);
    };
    "a key of an unknown kind", "a key that nothing stored has: c8", |_, bytes| {
        bytes.insert(vec![200], Vec::new());
    };
    "a long meta key", "a key that nothing stored has: 0100", |_, bytes| {
        bytes.insert(vec![META, 0], Vec::new());
    };
    "a long clock key", "a key that nothing stored has: 0e00", |_, bytes| {
        bytes.insert(vec![CLOCK, 0], Vec::new());
    };
}
