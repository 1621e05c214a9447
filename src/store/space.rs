//! The whole key space: every key that the database stores is one of these, and nothing else knows a
//! prefix. Keys order as their parts do.

use super::conflicts::{Day, Group};
pub(super) use super::kinds::Kind;
use crate::codec::conflict::{kind_number, kind_of};
use crate::codec::key::{encode_values, put_ordered_u32, take_ordered_u32};
use crate::ids::{ConflictId, ConstraintId, RowId, RowKey, Seq, TableId};
use crate::storage::BatchBuilder;
use crate::value::Value;
use crate::version::Hlc;

/// A key, or a prefix of keys. The comment says what is stored under it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Space<'a> {
    /// The meta record: identity, priority, schema.
    Meta,
    /// Replica id by its number here.
    Replica(u32),
    /// The greatest contiguous seq applied of a replica, by its number.
    Knowledge(u32),
    /// The main record of a row.
    Row(TableId, RowId),
    /// The losing values of a row.
    Losers(TableId, RowId),
    /// A value of a unique key that a visible row holds; stores that row.
    Claim(ConstraintId, &'a [Value]),
    /// A parked row that claims a value of a unique key; stores nothing.
    ParkedClaim(ConstraintId, &'a [Value], RowId),
    /// A visible row in a secondary index; stores nothing.
    Index(ConstraintId, &'a [Value], RowId),
    /// A row that refers to a row by its id, or of which a competing value does; stores nothing.
    Child(ConstraintId, RowId, RowId),
    /// A row that refers by value; stores nothing.
    ChildByValue(ConstraintId, &'a [Value], RowId),
    /// A row of which a live merge names another row of the table as the survivor, by that row; stores
    /// nothing.
    Merged(TableId, RowId, RowId),
    /// A stretch of consecutive changes by their replica's number and the seq of the first; stores of each when it was
    /// made and of which row.
    Log(u32, Seq),
    /// The open conflicts of a row.
    Conflicts(TableId, RowId),
    /// The row of an open conflict.
    ConflictById(ConflictId),
    /// How many rows of a table are visible, how many parked, and how many have a live merge.
    Count(TableId),
    /// The greatest time in a row, where that is later than all of the change log.
    Clock,
    /// An open conflict by its group and by when the loser was made; stores its row and who lost.
    ConflictByAge(Group, Hlc, ConflictId),
    /// How many open conflicts of a group lost on a day.
    ConflictCount(Group, Day),
    /// A conflict that is no longer open; stores who closed it, and what a resolution of this replica did.
    Closed(ConflictId),
    /// A place among the closed conflicts that are remembered; stores which one has it.
    ClosedPlace(u32),
    /// How much this replica remembers of conflicts.
    Remembered,
    /// A change of the schema, by its replica's number and its own; stores its text.
    Amendment(u32, Seq),
    /// An open conflict of which something is noted for policies; stores what.
    Mark(ConflictId),
    /// A row that a session brought and the reviewer has not accepted; stores why not.
    Review(TableId, RowId),
}

impl Space<'_> {
    /// The key's bytes.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(48);
        self.write(&mut bytes);
        bytes
    }

    /// Sets what is stored under the key.
    pub fn put(&self, value: &[u8], batch: &mut BatchBuilder) {
        batch.put(|bytes| self.write(bytes), value);
    }

    /// Removes what is stored under the key.
    pub fn delete(&self, batch: &mut BatchBuilder) {
        batch.delete(|bytes| self.write(bytes));
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.tag());
        match self {
            Space::Meta | Space::Clock | Space::Remembered => {}
            Space::Replica(number) | Space::Knowledge(number) | Space::ClosedPlace(number) => {
                put_ordered_u32(*number, bytes);
            }
            Space::Row(table, row)
            | Space::Losers(table, row)
            | Space::Conflicts(table, row)
            | Space::Review(table, row) => {
                put_ordered_u32(table.0, bytes);
                bytes.extend(row.as_bytes());
            }
            Space::Claim(id, value) => {
                put_ordered_u32(id.0, bytes);
                encode_values(value, bytes);
            }
            Space::ParkedClaim(id, value, row)
            | Space::Index(id, value, row)
            | Space::ChildByValue(id, value, row) => {
                put_ordered_u32(id.0, bytes);
                encode_values(value, bytes);
                bytes.extend(row.as_bytes());
            }
            Space::Merged(table, into, row) => {
                put_ordered_u32(table.0, bytes);
                bytes.extend(into.as_bytes());
                bytes.extend(row.as_bytes());
            }
            Space::Child(id, parent, row) => {
                put_ordered_u32(id.0, bytes);
                bytes.extend(parent.as_bytes());
                bytes.extend(row.as_bytes());
            }
            Space::Log(number, seq) | Space::Amendment(number, seq) => {
                put_ordered_u32(*number, bytes);
                bytes.extend(seq.to_be_bytes());
            }
            Space::ConflictById(id) | Space::Closed(id) | Space::Mark(id) => bytes.extend(id.as_bytes()),
            Space::Count(table) => put_ordered_u32(table.0, bytes),
            Space::ConflictByAge(group, at, id) => {
                put_group(*group, bytes);
                bytes.extend(at.0.to_be_bytes());
                bytes.extend(id.as_bytes());
            }
            Space::ConflictCount(group, day) => {
                put_group(*group, bytes);
                put_ordered_u32(day.0, bytes);
            }
        }
    }

    const fn tag(&self) -> u8 {
        self.kind() as u8
    }

    /// Which kind of key it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Space::Meta => Kind::Meta,
            Space::Replica(_) => Kind::Replica,
            Space::Knowledge(_) => Kind::Knowledge,
            Space::Row(..) => Kind::Row,
            Space::Losers(..) => Kind::Losers,
            Space::Claim(..) => Kind::Claim,
            Space::ParkedClaim(..) => Kind::ParkedClaim,
            Space::Index(..) => Kind::Index,
            Space::Child(..) => Kind::Child,
            Space::ChildByValue(..) => Kind::ChildByValue,
            Space::Log(..) => Kind::Log,
            Space::Conflicts(..) => Kind::Conflicts,
            Space::ConflictById(_) => Kind::ConflictById,
            Space::Count(_) => Kind::Count,
            Space::Clock => Kind::Clock,
            Space::ConflictByAge(..) => Kind::ConflictByAge,
            Space::ConflictCount(..) => Kind::ConflictCount,
            Space::Closed(_) => Kind::Closed,
            Space::ClosedPlace(_) => Kind::ClosedPlace,
            Space::Remembered => Kind::Remembered,
            Space::Mark(_) => Kind::Mark,
            Space::Review(..) => Kind::Review,
            Space::Merged(..) => Kind::Merged,
            Space::Amendment(..) => Kind::Amendment,
        }
    }
}

/// The number that a key begins with after its kind, and what follows it: of a table, a constraint or a
/// replica.
#[must_use]
pub(super) fn number_of(key: &[u8]) -> Option<(u32, &[u8])> {
    take_ordered_u32(key.get(1..)?)
}

/// A prefix that several keys share, for range scans.
#[derive(Clone, Copy, Debug)]
pub(super) enum Prefix<'a> {
    /// All replicas.
    Replicas,
    /// All knowledge.
    Knowledge,
    /// The rows of a table.
    Rows(TableId),
    /// The rows of all tables.
    AllRows,
    /// The losing values of the rows of a table.
    Losers(TableId),
    /// The values of a unique key that visible rows hold.
    Claims(ConstraintId),
    /// The parked rows that claim values of a unique key which begin like this.
    ParkedClaims(ConstraintId, &'a [Value]),
    /// The entries of an index whose values begin like this.
    Index(ConstraintId, &'a [Value]),
    /// The rows that refer to a row.
    Children(ConstraintId, RowId),
    /// The rows that refer to rows, of a foreign key.
    AllChildren(ConstraintId),
    /// The rows that refer to a value.
    ChildrenByValue(ConstraintId, &'a [Value]),
    /// The rows of which a live merge names a row as the survivor.
    Merged(TableId, RowId),
    /// The rows of a table of which a live merge names another one.
    AllMerged(TableId),
    /// The changes of a replica.
    Log(u32),
    /// The open conflicts of a table.
    Conflicts(TableId),
    /// The conflicts of a table, in the list by age.
    TableConflictsByAge(TableId),
    /// The counts of a table's conflicts.
    TableConflictCounts(TableId),
    /// The counts of a group.
    GroupConflictCounts(Group),
    /// All closed conflicts that are remembered.
    Closed,
    /// The count of a table: a single key.
    Count(TableId),
    /// All changes of the schema.
    Amendments,
    /// All conflicts of which something is noted.
    Marks,
    /// All rows that a reviewer has not accepted.
    Reviews,
}

impl Prefix<'_> {
    /// The prefix's bytes.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        const NO_ROW: RowId = RowId::from_bytes([0; 16]);
        let (space, cut) = match self {
            Prefix::Replicas => return vec![Space::Replica(0).tag()],
            Prefix::Knowledge => return vec![Space::Knowledge(0).tag()],
            Prefix::Closed => return vec![Kind::Closed as u8],
            Prefix::Marks => return vec![Kind::Mark as u8],
            Prefix::Reviews => return vec![Kind::Review as u8],
            Prefix::AllRows => return vec![Space::Row(TableId(0), NO_ROW).tag()],
            Prefix::TableConflictsByAge(table) => {
                let mut key = vec![Kind::ConflictByAge as u8];
                put_ordered_u32(table.0, &mut key);
                return key;
            }
            Prefix::TableConflictCounts(table) => {
                let mut key = vec![Kind::ConflictCount as u8];
                put_ordered_u32(table.0, &mut key);
                return key;
            }
            Prefix::GroupConflictCounts(group) => {
                let mut key = vec![Kind::ConflictCount as u8];
                put_group(*group, &mut key);
                return key;
            }
            Prefix::Count(table) => (Space::Count(*table), 0),
            Prefix::Amendments => return vec![Space::Amendment(0, 0).tag()],
            Prefix::AllMerged(table) => (Space::Merged(*table, NO_ROW, NO_ROW), 32),
            Prefix::Losers(table) => (Space::Losers(*table, NO_ROW), 16),
            Prefix::AllChildren(id) => (Space::Child(*id, NO_ROW, NO_ROW), 32),
            Prefix::Rows(table) => (Space::Row(*table, NO_ROW), 16),
            Prefix::Claims(id) => (Space::Claim(*id, &[]), 0),
            Prefix::ParkedClaims(id, values) => (Space::ParkedClaim(*id, values, NO_ROW), 16),
            Prefix::Index(id, values) => (Space::Index(*id, values, NO_ROW), 16),
            Prefix::Children(id, parent) => (Space::Child(*id, *parent, NO_ROW), 16),
            Prefix::ChildrenByValue(id, values) => (Space::ChildByValue(*id, values, NO_ROW), 16),
            Prefix::Merged(table, into) => (Space::Merged(*table, *into, NO_ROW), 16),
            Prefix::Log(number) => (Space::Log(*number, 0), 8),
            Prefix::Conflicts(table) => (Space::Conflicts(*table, NO_ROW), 16),
        };
        let mut key = space.key();
        key.truncate(key.len() - cut);
        key
    }
}

/// Constraints are numbered from 1.
fn put_group(group: Group, bytes: &mut Vec<u8>) {
    put_ordered_u32(group.table.0, bytes);
    bytes.push(kind_number(group.kind));
    put_ordered_u32(group.constraint.map_or(0, |constraint| constraint.0), bytes);
}

fn take_group(key: &[u8]) -> Option<(Group, &[u8])> {
    let (table, rest) = number_of(key)?;
    let (kind, rest) = rest.split_first()?;
    let (constraint, rest) = take_ordered_u32(rest)?;
    let constraint = (constraint > 0).then_some(ConstraintId(constraint));
    Some((Group { table: TableId(table), kind: kind_of(*kind)?, constraint }, rest))
}

/// The group and the day of a key of [`Space::ConflictCount`].
#[must_use]
pub(super) fn conflict_count_of(key: &[u8]) -> Option<(Group, Day)> {
    let (group, rest) = take_group(key)?;
    let (day, rest) = take_ordered_u32(rest)?;
    rest.is_empty().then_some((group, Day(day)))
}

/// The group, the time and the id of a key of [`Space::ConflictByAge`].
#[must_use]
pub(super) fn conflict_by_age_of(key: &[u8]) -> Option<(Group, Hlc, ConflictId)> {
    let (group, rest) = take_group(key)?;
    let (at, id) = rest.split_first_chunk::<8>()?;
    Some((group, Hlc(u64::from_be_bytes(*at)), ConflictId::from_bytes(id.try_into().ok()?)))
}

/// The first key after all keys that begin with `prefix`; none if there is no such key.
#[must_use]
pub(super) fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

/// The row id that a key ends with.
#[must_use]
pub(super) fn row_of(key: &[u8]) -> Option<RowId> {
    key.last_chunk::<16>().map(|bytes| RowId::from_bytes(*bytes))
}

/// The table and row of a key of [`Space::Row`], [`Space::Losers`], [`Space::Conflicts`] or [`Space::Review`].
#[must_use]
pub(super) fn row_key_of(key: &[u8]) -> Option<RowKey> {
    let (table, rest) = number_of(key)?;
    let row: [u8; 16] = rest.try_into().ok()?;
    Some(RowKey { table: TableId(table), row: RowId::from_bytes(row) })
}

/// The seq that a key of [`Space::Log`] ends with.
#[must_use]
pub(super) fn seq_of(key: &[u8]) -> Option<Seq> {
    key.last_chunk::<8>().map(|bytes| Seq::from_be_bytes(*bytes))
}
