//! What the indexes say of one row: which keys it claims, which rows it refers to.

use super::image::{Image, Key, Need};
use crate::schema::Table;

/// The index entries of one row. Empty for a dead row and for a row that does not exist.
///
/// See [`derive()`](super::derive()) for an example: each [`Rederived`](super::Rederived) has the old one and
/// the new one of its row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Per unique key of the table, the value it claims; none with a `Null` in it.
    pub keys: Vec<Option<Key>>,
    /// Per foreign key of the table, what it refers to; none with a `Null` in it.
    pub references: Vec<Option<Need>>,
    /// Per secondary index of the table, the entry, folded; only while the row is visible.
    pub entries: Vec<Key>,
    /// Whether the row is visible.
    pub visible: bool,
}

impl Footprint {
    /// The footprint of a living row; `visible` says whether it is in its table.
    pub(super) fn of(table: &Table, image: &Image, visible: bool) -> Footprint {
        if !image.lives {
            return Footprint::default();
        }
        let entries = table.indexes.iter().filter(|_| visible);
        Footprint {
            keys: image.keys.clone(),
            references: image.references.clone(),
            entries: entries.map(|index| image.folded(table, &index.columns)).collect(),
            visible,
        }
    }
}
