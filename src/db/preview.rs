//! What a rehearsal has done, as data: rows that change, win, lose, park and return; conflicts that appear
//! and go. How it is shown is in `inspect`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::conflict::{ConflictRow, show_conflict};
use super::reviews::{OpenReview, open_reviews};
use super::row::Row;
use crate::derive::{Conflict, Source, Status, Stored};
use crate::error::Error;
use crate::ids::{ConflictId, RowId, RowKey};
use crate::schema::Table;
use crate::store::{LOCAL, Snapshot};
use crate::version::Knowledge;

/// What would happen to a database: see [`Rehearsal`](super::Rehearsal) and
/// [`replicate::preview`](crate::replicate::preview) for examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The rows that change or are contested, by table and row id.
    pub rows: Vec<RowPreview>,
    /// The conflicts that would appear, by table, row id and id.
    pub appear: Vec<ConflictPreview>,
    /// The conflicts that would go, in the same order.
    pub go: Vec<ConflictRow>,
    /// The rows that the reviewer would refuse, and has not refused for this reason before, by table and row id.
    pub refuse: Vec<OpenReview>,
}

/// What would happen to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPreview {
    /// The table.
    pub table: String,
    /// The row.
    pub row: RowId,
    /// What becomes of it in its table.
    pub change: Change,
    /// What it shows now, if it is in its table.
    pub before: Option<Row>,
    /// What it would show, if it would be in its table.
    pub after: Option<Row>,
    /// The columns in which a change that comes beats one that is here; sorted.
    pub wins: Vec<String>,
    /// The columns in which a change that comes loses; sorted.
    pub loses: Vec<String>,
}

/// What becomes of a row in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It is new.
    Insert,
    /// It shows other values.
    Update,
    /// It is deleted.
    Delete,
    /// It is parked: it leaves the table, or does not get there, because a constraint bars it.
    Park,
    /// It was parked or deleted, and returns.
    Return,
    /// It shows what it shows, or stays away.
    Stay,
}

impl Change {
    /// Every change.
    ///
    /// ```
    /// use reunite::db::Change;
    /// assert_eq!(Change::ALL.map(Change::name), ["insert", "update", "delete", "park", "return", "stay"]);
    /// ```
    pub const ALL: [Change; 6] =
        [Change::Insert, Change::Update, Change::Delete, Change::Park, Change::Return, Change::Stay];

    /// The name, as in JSON.
    ///
    /// ```
    /// assert_eq!(reunite::db::Change::Return.name(), "return");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Change::Insert => "insert",
            Change::Update => "update",
            Change::Delete => "delete",
            Change::Park => "park",
            Change::Return => "return",
            Change::Stay => "stay",
        }
    }
}

/// A conflict that would appear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictPreview {
    /// The conflict, as it would be listed.
    pub conflict: ConflictRow,
    /// Whether the change that would lose is one that comes; else it is here already.
    pub loser_comes: bool,
}

impl Preview {
    /// Whether nothing would change that anybody could see.
    ///
    /// ```
    /// assert!(reunite::db::Preview::default().is_empty());
    /// ```
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.appear.is_empty() && self.go.is_empty() && self.refuse.is_empty()
    }

    /// How many rows would change in this way.
    ///
    /// ```
    /// use reunite::db::{Change, Preview};
    /// assert_eq!(Preview::default().count(Change::Park), 0);
    /// ```
    #[must_use]
    pub fn count(&self, change: Change) -> usize {
        self.rows.iter().filter(|row| row.change == change).count()
    }
}

/// Compares what is stored of these rows before and after.
pub(super) fn compare(before: &Snapshot, after: &Snapshot, rows: BTreeSet<RowKey>) -> Result<Preview, Error> {
    let (mut preview, known) = (Preview::default(), before.knowledge()?);
    for key in rows {
        let Some(table) = after.schema().table_by_id(key.table) else { continue };
        let appear = compare_conflicts(before, after, key, &known, &mut preview)?;
        // A replica that is empty until now has no tables to look into.
        let was = match before.schema().table_by_id(key.table) {
            Some(_) => before.row(key)?,
            None => None,
        };
        let row = row_preview(table, key.row, was.as_ref(), after.row(key)?.as_ref(), &appear);
        preview.rows.extend(row);
        preview.appear.extend(appear);
    }
    let before = open_reviews(before)?;
    let known = |open: &OpenReview| {
        before.iter().any(|earlier| earlier.row == open.row && earlier.refusal == open.refusal)
    };
    preview.refuse = open_reviews(after)?;
    preview.refuse.retain(|open| open.refusal.is_some() && !known(open));
    Ok(preview)
}

/// Returns the conflicts of the row that appear; those that go are added to the preview.
fn compare_conflicts(
    before: &Snapshot,
    after: &Snapshot,
    key: RowKey,
    known: &Knowledge,
    preview: &mut Preview,
) -> Result<Vec<ConflictPreview>, Error> {
    let by_id = |conflicts: Vec<Conflict>| -> BTreeMap<ConflictId, Conflict> {
        conflicts.into_iter().map(|conflict| (conflict.id, conflict)).collect()
    };
    let (old, new) = (by_id(before.conflicts_of(key)?), by_id(after.conflicts_of(key)?));
    for conflict in old.values().filter(|conflict| !new.contains_key(&conflict.id)) {
        preview.go.push(show_conflict(before, key, conflict)?);
    }
    let mut appear = Vec::new();
    for conflict in new.values().filter(|conflict| !old.contains_key(&conflict.id)) {
        let here = conflict.loser.replica == LOCAL || known.covers(conflict.loser);
        appear.push(ConflictPreview { conflict: show_conflict(after, key, conflict)?, loser_comes: !here });
    }
    Ok(appear)
}

/// Where a row is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    InTable,
    Parked,
    Nowhere,
}

fn place(stored: Option<&Stored>) -> Place {
    match stored.map(|stored| stored.derived.status) {
        Some(Status::Visible) => Place::InTable,
        Some(Status::Parked) => Place::Parked,
        _ => Place::Nowhere,
    }
}

/// None if nothing becomes of the row that anybody could see.
fn row_preview(
    table: &Table,
    row: RowId,
    was: Option<&Stored>,
    now: Option<&Stored>,
    appear: &[ConflictPreview],
) -> Option<RowPreview> {
    let names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let names = Arc::new(names);
    let shown = |stored: Option<&Stored>| {
        let stored = stored.filter(|stored| stored.derived.status == Status::Visible)?;
        Some(Row::of(Arc::clone(&names), stored.values(table)))
    };
    let (before, after) = (shown(was), shown(now));
    let change = match (place(was), place(now)) {
        (Place::InTable, Place::InTable) if before != after => Change::Update,
        (Place::Nowhere, Place::InTable) if was.is_none() => Change::Insert,
        (Place::Nowhere | Place::Parked, Place::InTable) => Change::Return,
        (Place::Nowhere | Place::InTable, Place::Parked) => Change::Park,
        (Place::InTable | Place::Parked, Place::Nowhere) => Change::Delete,
        _ => Change::Stay,
    };
    let columns = |comes: bool| -> Vec<String> {
        let of_side = appear.iter().filter(|one| one.loser_comes == comes);
        let columns: BTreeSet<&String> = of_side.flat_map(|one| &one.conflict.units).collect();
        columns.into_iter().cloned().collect()
    };
    let (wins, loses) = (columns(false), columns(true));
    let nothing = change == Change::Stay && wins.is_empty() && loses.is_empty();
    let table = table.name.clone();
    (!nothing).then_some(RowPreview { table, row, change, before, after, wins, loses })
}
