//! What a row must have in indexes and lists; and entries there that no row asks for.

use std::collections::BTreeMap;

use super::Check;
use super::finding::{Problem, Stop};
use crate::codec;
use crate::codec::key::put_ordered_u32;
use crate::derive::{Footprint, Rederived, rederive_row};
use crate::error::Error;
use crate::ids::{ConstraintId, RowId, RowKey, TableId};
use crate::schema::Table;
use crate::store::space::{Kind, Space, conflict_by_age_of, end_of, number_of, row_key_of, row_of};
use crate::store::{Group, Replicas, Snapshot};

/// The keys of one index, or of one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Family {
    kind: Kind,
    /// The constraint or the table; 0 for the list of all conflicts.
    id: u32,
}

/// An entry that a row must have.
pub(super) struct Expected {
    pub(super) family: Family,
    pub(super) key: Vec<u8>,
    /// What it must say; none where that is compared elsewhere.
    pub(super) value: Option<Vec<u8>>,
}

/// How many entries there are, and how many of them rows ask for.
#[derive(Default)]
pub(super) struct Tally {
    families: BTreeMap<Family, (u64, u64)>,
}

impl Tally {
    pub(super) fn found(&mut self, family: Family) {
        self.families.entry(family).or_default().0 += 1;
    }

    pub(super) fn wanted(&mut self, family: Family) {
        self.families.entry(family).or_default().1 += 1;
    }
}

impl Family {
    fn prefix(self) -> Vec<u8> {
        let mut prefix = vec![self.kind as u8];
        if self.kind != Kind::ConflictById {
            put_ordered_u32(self.id, &mut prefix);
        }
        prefix
    }

    /// The name, for people.
    pub(super) fn name(self, snapshot: &Snapshot) -> String {
        let schema = snapshot.schema();
        let constraint = || match schema.constraint(ConstraintId(self.id)) {
            Some((_, constraint)) => constraint.name().to_string(),
            None => format!("{}, which is not in the schema", self.id),
        };
        match self.kind {
            Kind::Losers => "the losing values".to_string(),
            Kind::Claim => format!("key {}", constraint()),
            Kind::ParkedClaim => format!("the parked rows of key {}", constraint()),
            Kind::Index => format!("index {}", constraint()),
            Kind::Child => format!("the references by row of {}", constraint()),
            Kind::ChildByValue => format!("the references by value of {}", constraint()),
            Kind::Merged => "the rows merged into others".to_string(),
            Kind::Conflicts => "the conflicts by row".to_string(),
            Kind::ConflictByAge => "the conflicts by age".to_string(),
            _ => "the conflicts by id".to_string(),
        }
    }
}

/// The family of a key; none if it is too short for one.
pub(super) fn family_of(kind: Kind, key: &[u8]) -> Option<Family> {
    if kind == Kind::ConflictById {
        return (key.len() == 17).then_some(Family { kind, id: 0 });
    }
    let (id, rest) = number_of(key)?;
    if kind == Kind::ConflictByAge {
        return conflict_by_age_of(key).map(|_| Family { kind, id });
    }
    let row_bytes = if kind == Kind::Claim { 0 } else { 16 };
    (rest.len() >= row_bytes).then_some(Family { kind, id })
}

/// Everything that has to be stored beside a row.
pub(super) fn expected(
    table: &Table,
    key: RowKey,
    main: &[u8],
    row: &Rederived,
    replicas: &Replicas,
) -> Result<Vec<Expected>, Error> {
    let mut list = List(Vec::new());
    let old = row.old.as_ref().unwrap_or(&row.new);
    list.footprint(table, key.row, old);
    for into in &old.merges {
        list.add(key.table.0, &Space::Merged(key.table, *into, key.row), Some(Vec::new()));
    }
    // What they say is decoded and compared with the row by itself.
    if codec::record::has_losers(main)? {
        list.add(key.table.0, &Space::Losers(key.table, key.row), None);
    }
    if !row.conflicts.is_empty() {
        list.add(key.table.0, &Space::Conflicts(key.table, key.row), None);
    }
    for conflict in &row.conflicts {
        list.add(0, &Space::ConflictById(conflict.id), Some(codec::log::encode_row_key(key)));
        let by_age = Space::ConflictByAge(Group::of(key.table, conflict), conflict.at, conflict.id);
        let loser = replicas.get(conflict.loser.replica).unwrap_or(u32::MAX);
        list.add(key.table.0, &by_age, Some(codec::conflict::encode_listed(key.row, loser)));
    }
    Ok(list.0)
}

struct List(Vec<Expected>);

impl List {
    fn add(&mut self, id: u32, space: &Space<'_>, value: Option<Vec<u8>>) {
        self.0.push(Expected { family: Family { kind: space.kind(), id }, key: space.key(), value });
    }

    fn footprint(&mut self, table: &Table, row: RowId, footprint: &Footprint) {
        for (key, value) in table.keys.iter().zip(&footprint.keys) {
            if let Some(value) = value {
                match footprint.visible {
                    true => {
                        self.add(key.id.0, &Space::Claim(key.id, value), Some(row.as_bytes().to_vec()));
                    }
                    false => {
                        self.add(key.id.0, &Space::ParkedClaim(key.id, value, row), Some(Vec::new()));
                    }
                }
            }
        }
        for (index, value) in table.indexes.iter().zip(&footprint.entries) {
            self.add(index.id.0, &Space::Index(index.id, value, row), Some(Vec::new()));
        }
        for (id, parent) in &footprint.parents {
            self.add(id.0, &Space::Child(*id, *parent, row), Some(Vec::new()));
        }
        for (foreign_key, need) in table.foreign_keys.iter().zip(&footprint.references) {
            let Some(need) = need else { continue };
            let id = foreign_key.id;
            if let Some(value) = need.key.as_ref().filter(|_| need.by_value) {
                self.add(id.0, &Space::ChildByValue(id, value, row), Some(Vec::new()));
            }
        }
    }
}

impl Check<'_> {
    /// Names the entries that no row asks for, of families that have more entries than rows ask for.
    pub(super) fn unjustified(&mut self) -> Result<(), Stop> {
        let families = std::mem::take(&mut self.tally.families);
        for (family, (found, wanted)) in families {
            if found != wanted {
                self.unjustified_in(family)?;
            }
        }
        Ok(())
    }

    fn unjustified_in(&mut self, family: Family) -> Result<(), Stop> {
        let (snapshot, prefix) = (self.snapshot, family.prefix());
        for entry in snapshot.bytes.range(&prefix, end_of(&prefix).as_deref())? {
            let (key, value) = entry?;
            let row = self.row_of_entry(family, &key, &value);
            let justified = match row {
                Some(row) => self.asks_for(row, &key)?,
                None => false,
            };
            if justified {
                continue;
            }
            let table = row.and_then(|row| snapshot.schema.table_by_id(row.table));
            let table = table.map(|table| table.name.as_str());
            let entry = family.name(snapshot);
            self.findings.add(table, row.map(|row| row.row), Problem::UnjustifiedEntry { entry })?;
        }
        Ok(())
    }

    fn row_of_entry(&self, family: Family, key: &[u8], value: &[u8]) -> Option<RowKey> {
        match family.kind {
            Kind::Losers | Kind::Conflicts => row_key_of(key),
            Kind::Merged => Some(RowKey { table: TableId(family.id), row: row_of(key)? }),
            Kind::ConflictById => codec::log::decode_row_key(value).ok(),
            Kind::ConflictByAge => {
                let replica = |number| self.snapshot.replicas.id(number);
                let (row, _) = codec::conflict::decode_listed(value, &replica).ok()?;
                Some(RowKey { table: TableId(family.id), row })
            }
            _ => {
                let (table, _) = self.snapshot.schema.constraint(ConstraintId(family.id))?;
                Some(RowKey { table: table.id, row: row_of(key)? })
            }
        }
    }

    /// Whether a row asks for an entry. One that cannot be read asks for none.
    fn asks_for(&self, row: RowKey, entry: &[u8]) -> Result<bool, Error> {
        let snapshot = self.snapshot;
        let Some(table) = snapshot.schema.table_by_id(row.table) else { return Ok(false) };
        let Some(main) = snapshot.bytes.get(&Space::Row(row.table, row.row).key())? else { return Ok(false) };
        match rederive_row(&snapshot.schema, snapshot, row) {
            Ok(Some(derived)) => {
                let expected = expected(table, row, &main, &derived, &snapshot.replicas)?;
                Ok(expected.iter().any(|expected| expected.key == entry))
            }
            Ok(None) | Err(Error::Corrupt { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
