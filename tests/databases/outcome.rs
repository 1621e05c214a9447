//! What a session's policies decide, said once more on the model: which conflicts are a session's own, which are
//! between two decisions, and which operation an action is. After `models/decisions.rs`, and independent of the
//! product.

use std::collections::BTreeMap;

use reunite::derive::{About, Kind};
use reunite::ids::{ConstraintId, Dot, ReplicaId, RowId, RowKey};
use reunite::replicate::Action;
use reunite::schema::{ForeignKey, Schema, Table, UniqueKey};
use reunite::value::{Type, Value};
use reunite::version::Stamp;

use crate::model::Derived;
use crate::model::{Choice, Conflict, ConflictName, Replica, Slot, Values, Vector, covers, life_order};
use crate::world::generate::Operation;

/// What a conflict of the model is about, with all that a decision looks at.
pub struct Contest<'a> {
    pub schema: &'a Schema,
    pub model: &'a Replica,
    pub view: &'a Derived,
    pub name: ConflictName,
    pub conflict: &'a Conflict,
}

impl<'a> Contest<'a> {
    fn table(&self) -> &'a Table {
        self.schema.table_by_id(self.name.row.table).expect("a table of the schema")
    }

    fn key(&self) -> Option<&'a UniqueKey> {
        let About::Constraint(id) = self.name.about else { return None };
        self.table().key(id)
    }

    fn foreign_key(&self) -> Option<&'a ForeignKey> {
        let About::Constraint(id) = self.name.about else { return None };
        self.table().foreign_keys.iter().find(|key| key.id == id)
    }

    /// The row that holds the key, or that is referred to.
    fn other(&self) -> Option<RowKey> {
        let table = self.foreign_key().map_or(self.name.row.table, |key| key.parent);
        self.conflict.others.first().map(|row| RowKey { table, row: *row })
    }

    /// The change that stands against the loser.
    fn winner(&self) -> Option<Stamp> {
        let root = self.view.images[&self.name.row].root;
        match self.conflict.kind {
            Kind::Update => {
                let table = self.table();
                let of = |id| table.column_by_id(id).map(|(position, _)| position);
                let columns: Vec<usize> = self.conflict.columns.iter().filter_map(|id| of(*id)).collect();
                self.newest(root, &columns)
            }
            Kind::DeleteUpdate => self.life(root),
            Kind::UpdateDelete => self.life(self.name.row),
            Kind::Unique => self.newest(self.other()?, &self.key()?.columns),
            Kind::DeleteRi => self.life(self.other()?),
            Kind::UpdateRi => self.newest(self.other()?, &self.key_of(self.foreign_key()?.key)?.columns),
            Kind::ForeignKey | Kind::Validation | Kind::Identity => None,
        }
    }

    fn key_of(&self, id: ConstraintId) -> Option<&'a UniqueKey> {
        self.schema.tables().iter().find_map(|table| table.key(id))
    }

    fn life(&self, row: RowKey) -> Option<Stamp> {
        let table = self.schema.table_by_id(row.table)?;
        let lives = self.model.facts.get(&row)?.live(Slot::Life);
        lives.map(|(_, entry)| entry).max_by_key(|entry| life_order(table, entry)).map(|entry| entry.stamp)
    }

    /// The newest of the changes that wrote what a row shows in these columns.
    fn newest(&self, row: RowKey, columns: &[usize]) -> Option<Stamp> {
        let table = self.schema.table_by_id(row.table)?;
        let image = self.view.images.get(&self.view.images.get(&row)?.root)?;
        let units = columns.iter().filter_map(|column| image.winners.get(&table.columns[*column].unit));
        units.map(|(_, _, stamp)| *stamp).max_by_key(|stamp| (stamp.hlc, stamp.dot))
    }

    /// Whether exactly one side was unknown before a session; then, whether that is the loser.
    pub fn came(&self, me: ReplicaId, known: &Vector) -> Option<bool> {
        let came = |dot: Dot| dot.replica != me && !covers(known, dot);
        let winner = self.winner().is_some_and(|stamp| came(stamp.dot));
        (came(self.name.dot) != winner).then_some(!winner)
    }

    /// Whether both sides are decisions of policies.
    pub fn is_decided(&self) -> bool {
        let row = &self.model.facts[&self.name.row];
        let own = row.all().any(|(_, dot, entry)| dot == self.name.dot && entry.stamp.decision);
        let parked = matches!(self.name.about, About::Constraint(_));
        let loser = own || parked && self.is_preferred(self.name.row);
        let by_preference = matches!(self.conflict.kind, Kind::Unique | Kind::UpdateRi);
        let other = self.other().filter(|_| by_preference);
        let winner = self
            .winner()
            .is_some_and(|stamp| stamp.decision || other.is_some_and(|row| self.is_preferred(row)));
        loser && winner
    }

    fn is_preferred(&self, row: RowKey) -> bool {
        let facts = self.model.facts.get(&row).into_iter();
        facts.flat_map(|facts| facts.live(Slot::Boost)).any(|(_, entry)| entry.stamp.decision)
    }

    /// What an action does about the conflict, if it does anything.
    pub fn operation(&self, action: &Action, loser_came: bool) -> Option<Operation> {
        let unique = self.conflict.kind == Kind::Unique;
        let choice = match action {
            Action::KeepSource => return self.keep(loser_came),
            Action::KeepDestination => return self.keep(!loser_came),
            Action::RenameSource(None) if unique => return self.rename(loser_came),
            Action::RenameDestination(None) if unique => return self.rename(!loser_came),
            Action::Merge if unique => Choice::Merge,
            Action::RestoreParent => Choice::RestoreParent,
            Action::Delete => Choice::Delete,
            _ => return None,
        };
        Some(self.resolve(choice))
    }

    fn resolve(&self, choice: Choice) -> Operation {
        Operation::Resolve { conflict: self.name, choice }
    }

    fn keep(&self, loser: bool) -> Option<Operation> {
        let choice = match (self.conflict.kind, loser) {
            (Kind::Update | Kind::DeleteUpdate | Kind::UpdateDelete, true) => Choice::KeepLoser,
            (Kind::Update | Kind::DeleteUpdate | Kind::UpdateDelete, false) => Choice::KeepWinner,
            (Kind::Unique, true) => Choice::Prefer,
            (Kind::Unique, false) => return Some(Operation::Prefer { row: self.other()? }),
            (Kind::DeleteRi, true) => Choice::RestoreParent,
            (Kind::DeleteRi, false) => Choice::Delete,
            (Kind::UpdateRi, false) => Choice::Reparent(self.key_of_parent()?),
            _ => return None,
        };
        Some(self.resolve(choice))
    }

    fn key_of_parent(&self) -> Option<Values> {
        let (foreign_key, shown) = (self.foreign_key()?, self.view.visible.get(&self.other()?)?);
        let columns = foreign_key.columns.iter().zip(&self.key_of(foreign_key.key)?.columns);
        Some(columns.map(|(to, from)| (*to, shown[*from].clone())).collect())
    }

    fn rename(&self, loser: bool) -> Option<Operation> {
        let holder = self.other()?;
        let (row, shown) = match loser {
            true => (self.name.row, self.view.images.get(&self.name.row).map(|image| &image.values)),
            false => (holder, self.view.visible.get(&holder)),
        };
        let values = new_key(self.table(), self.key()?, shown?, row.row)?;
        Some(match loser {
            true => self.resolve(Choice::Rename(values)),
            false => Operation::Update { row, values, force: false },
        })
    }
}

/// A key made of the old one and the row's id.
fn new_key(table: &Table, key: &UniqueKey, shown: &[Value], row: RowId) -> Option<Values> {
    let refers = |column: &usize| table.foreign_keys.iter().any(|other| other.columns.contains(column));
    let own: Vec<usize> = key.columns.iter().copied().filter(|column| !refers(column)).collect();
    let last = |kind: Type| own.iter().rfind(|column| table.columns[**column].kind == kind).copied();
    let id = row.to_string();
    let value = match (last(Type::Text), last(Type::Integer)) {
        (Some(column), _) => match &shown[column] {
            Value::Text(old) => (column, Value::Text(format!("{old}-{}", &id[id.len() - 8..]))),
            _ => return None,
        },
        (None, Some(column)) => {
            let bytes: [u8; 8] = [&[0], &row.as_bytes()[9..]].concat().try_into().expect("eight bytes");
            (column, Value::Integer(1 + i64::from_be_bytes(bytes) % ((1 << 53) - 1)))
        }
        // The schemas of the histories have keys of nothing else.
        (None, None) => return None,
    };
    Some(BTreeMap::from([value]))
}
