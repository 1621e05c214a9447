//! What the indexes say of one row: which keys it claims, which rows it refers to and was merged into.

use std::collections::BTreeSet;

use super::identity::merges;
use super::image::{Image, Key, Need};
use crate::ids::{ConstraintId, RowId};
use crate::row::RowState;
use crate::schema::Table;

/// The index entries of one row. Empty for a row that does not exist.
///
/// See [`derive()`](super::derive()) for an example: each [`Rederived`](super::Rederived) has the old one and
/// the new one of its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Per unique key of the table, the value it claims; none with a `Null` in it.
    pub keys: Vec<Option<Key>>,
    /// Per foreign key of the table, what it refers to; none with a `Null` in it.
    pub references: Vec<Option<Need>>,
    /// The rows by which it is found as one that refers to them, with the foreign key, ascending: those that
    /// it means, and those that any of its competing values named, for whether these agree depends on them.
    pub parents: Vec<(ConstraintId, RowId)>,
    /// Per secondary index of the table, the entry, folded; only while the row is visible.
    pub entries: Vec<Key>,
    /// Whether the row is visible.
    pub visible: bool,
    /// The rows that live merges of the row name as the survivor, in force or not, ascending. A row that
    /// is not alive has these and `parents` alone.
    pub merges: Vec<RowId>,
}

impl Footprint {
    /// The footprint of a row with these facts of its own; `visible` says whether it is in its table.
    pub(super) fn of(table: &Table, facts: &RowState, image: &Image, visible: bool) -> Footprint {
        let (keys, references) = (image.keys.clone(), image.references.clone());
        Footprint { keys, references, ..Footprint::without_keys(table, facts, image, visible) }
    }

    /// The same, with the keys and references of the image, which has them no longer.
    pub(super) fn taken_from(image: &mut Image, table: &Table, facts: &RowState, visible: bool) -> Footprint {
        let footprint = Footprint::without_keys(table, facts, image, visible);
        let keys = std::mem::take(&mut image.keys);
        Footprint { keys, references: std::mem::take(&mut image.references), ..footprint }
    }

    fn without_keys(table: &Table, facts: &RowState, image: &Image, visible: bool) -> Footprint {
        let merges: BTreeSet<RowId> = merges(facts).map(|(_, merge)| merge.into).collect();
        let merges = merges.into_iter().collect();
        let parents = parents(table, facts, image);
        if !image.lives {
            return Footprint { merges, parents, ..Footprint::default() };
        }
        let entries = table.indexes.iter().filter(|_| visible);
        Footprint {
            parents,
            entries: entries.map(|index| image.folded(table, &index.columns)).collect(),
            visible,
            merges,
            ..Footprint::default()
        }
    }
}

fn parents(table: &Table, facts: &RowState, image: &Image) -> Vec<(ConstraintId, RowId)> {
    let needs = table.foreign_keys.iter().zip(&image.references);
    let meant = needs.filter_map(|(foreign_key, need)| Some((foreign_key.id, need.as_ref()?.parent?)));
    let mut parents: BTreeSet<(ConstraintId, RowId)> = meant.collect();
    // A deletion that nobody contests has decided what competed.
    if facts.life.iter().any(|sibling| !sibling.value.is_dead()) {
        for foreign_key in &table.foreign_keys {
            let siblings = facts.unit(foreign_key.unit).iter();
            let named = siblings.filter_map(|sibling| sibling.value.parent(foreign_key.id));
            parents.extend(named.map(|row| (foreign_key.id, row)));
        }
    }
    parents.into_iter().collect()
}
