//! Conflicts as JSON, and the order in which they are listed.

use serde_json::{Value as Tree, json};

use super::Names;
use crate::commit::WriteError;
use crate::db::{ConflictRow, Image, ReadTransaction, Side};
use crate::schema::Table;
use crate::value::Value;

/// A conflict as a JSON object: `kind`, `reason`, `table`, `row`, `units`, `constraint`, `others`,
/// `winner` and `loser`. Members and lists of names are sorted; what does not apply is null.
///
/// A side is `{"replica":…,"values":{…}}` or `{"replica":…,"deleted":true}`.
///
/// ```
/// # use reunite::{Database, replicate, row};
/// use reunite::inspect::{Ids, conflict_json};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
/// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
/// # replicate::sync(&a, &b)?;
/// let conflict = a.read()?.conflicts()?.remove(0);
/// let json = conflict_json(&conflict, &Ids);
/// assert_eq!((&json["kind"], &json["constraint"]), (&"unique".into(), &"customer_pkey".into()));
/// assert_eq!(json["loser"]["values"].to_string(), r#"{"code":"ANN","phone":"2"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn conflict_json(conflict: &ConflictRow, names: &dyn Names) -> Tree {
    let mut others: Vec<String> = conflict.others.iter().map(|row| names.row(*row)).collect();
    others.sort();
    let mut units = conflict.units.clone();
    units.sort();
    json!({
        "kind": conflict.kind.name(),
        "reason": conflict.reason.name(),
        "table": conflict.table,
        "row": names.row(conflict.row),
        "units": units,
        "constraint": conflict.constraint,
        "others": others,
        "winner": conflict.winner.as_ref().map(|winner| side_json(winner, names)),
        "loser": side_json(&conflict.loser, names),
    })
}

fn side_json(side: &Side, names: &dyn Names) -> Tree {
    let replica = names.replica(side.replica);
    match &side.image {
        Image::Deleted => json!({ "replica": replica, "deleted": true }),
        Image::Values(row) => json!({ "replica": replica, "values": row.to_json() }),
    }
}

/// Sorts conflicts by table, primary key of the losing image, row, kind, constraint, units and the
/// loser's replica, by the names that are shown.
///
/// ```
/// # use reunite::Database;
/// use reunite::inspect::{Ids, sort_conflicts};
/// # let db = Database::builder().in_memory()?;
/// let snapshot = db.read()?;
/// let mut conflicts = snapshot.conflicts()?;
/// sort_conflicts(&snapshot, &mut conflicts, &Ids)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the storage fails.
pub fn sort_conflicts(
    snapshot: &ReadTransaction,
    conflicts: &mut Vec<ConflictRow>,
    names: &dyn Names,
) -> Result<(), WriteError> {
    let mut sorted = Vec::new();
    for conflict in conflicts.drain(..) {
        sorted.push((Place::of(snapshot, &conflict, names)?, conflict));
    }
    sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
    conflicts.extend(sorted.into_iter().map(|(_, conflict)| conflict));
    Ok(())
}

/// A conflict's place in a listing.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    table: String,
    key: Vec<Value>,
    row: String,
    kind: &'static str,
    constraint: Option<String>,
    units: Vec<String>,
    replica: String,
}

impl Place {
    fn of(
        snapshot: &ReadTransaction,
        conflict: &ConflictRow,
        names: &dyn Names,
    ) -> Result<Place, WriteError> {
        let mut units = conflict.units.clone();
        units.sort();
        Ok(Place {
            table: conflict.table.clone(),
            key: losing_key(snapshot, conflict)?,
            row: names.row(conflict.row),
            kind: conflict.kind.name(),
            constraint: conflict.constraint.clone(),
            units,
            replica: names.replica(conflict.loser.replica),
        })
    }
}

/// The primary key of a row with the losing values in it, as it compares.
fn losing_key(snapshot: &ReadTransaction, conflict: &ConflictRow) -> Result<Vec<Value>, WriteError> {
    let Some(table) = snapshot.schema().table(&conflict.table) else { return Ok(Vec::new()) };
    let Some(key) = table.primary_key() else { return Ok(Vec::new()) };
    let shown = snapshot.inspect(&table.name, conflict.row)?.map(|row| row.values).unwrap_or_default();
    let value = |position: &usize| {
        let column = table.columns.get(*position)?;
        let lost = match &conflict.loser.image {
            Image::Values(row) => row.get(&column.name),
            Image::Deleted => None,
        };
        lost.or_else(|| shown.get(*position)).map(|value| folded(table, *position, value))
    };
    Ok(key.columns.iter().map(|position| value(position).unwrap_or_default()).collect())
}

fn folded(table: &Table, position: usize, value: &Value) -> Value {
    match (value, table.columns.get(position)) {
        (Value::Text(text), Some(column)) => Value::Text(column.collation.fold(text).into_owned()),
        (value, _) => value.clone(),
    }
}
