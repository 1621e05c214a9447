//! Conflicts as the command line shows them: a table of all, or one in full with what can be done.

use anyhow::bail;
use serde_json::{Value as Json, json};

use super::grid::{Grid, cell, plain, shorten, visible};
use crate::commit::WriteError;
use crate::db::{ConflictRow, Image, ReadTransaction, Row, Side};
use crate::derive::Kind;
use crate::error::Error;
use crate::ids::{ConflictId, ReplicaId};
use crate::inspect::{Ids, Names, conflict_json, sort_conflicts};
use crate::value::Value;

/// How many characters of values a cell shows.
const WIDTH: usize = 18;
/// The fewest characters of a conflict's id that are shown.
pub(super) const SHORTEST_ID: usize = 8;

/// Calls replicas by the beginning of their ids.
pub(super) struct ShortIds;

impl Names for ShortIds {
    fn replica(&self, replica: ReplicaId) -> String {
        replica.to_string().chars().take(8).collect()
    }
}

/// The open conflicts of a table, or of all, in the order that is the same on every replica.
pub(super) fn sorted(snapshot: &ReadTransaction, table: Option<&str>) -> anyhow::Result<Vec<ConflictRow>> {
    let mut conflicts = match table {
        Some(table) => snapshot.table(table)?.conflicts()?,
        None => snapshot.conflicts()?,
    };
    sort_conflicts(snapshot, &mut conflicts, &Ids)?;
    Ok(conflicts)
}

/// The open conflict whose id begins so.
pub(super) fn find(snapshot: &ReadTransaction, prefix: &str) -> anyhow::Result<ConflictRow> {
    let prefix = prefix.to_ascii_lowercase();
    let mut ids = ids_with(snapshot, &prefix)?;
    let (first, several) = (ids.next().transpose()?, ids.next().is_some());
    if several || prefix.is_empty() && first.is_some() {
        bail!("several conflicts have ids that begin with '{prefix}': write more of it");
    }
    let found = first.map(|id| snapshot.conflict(id)).transpose()?.flatten();
    match found {
        Some(conflict) => Ok(conflict),
        None => match super::closed::find(snapshot, &prefix) {
            Ok(closed) => {
                let (by, at) = (Some(closed.by), Some(closed.at));
                Err(WriteError::AlreadyResolved { conflict: closed.id, by, at }.into())
            }
            Err(_) => bail!("there is no open conflict {prefix}, and none that was settled lately"),
        },
    }
}

/// The ids of open conflicts that begin so.
fn ids_with<'a>(
    snapshot: &'a ReadTransaction,
    prefix: &'a str,
) -> anyhow::Result<impl Iterator<Item = Result<ConflictId, Error>> + 'a> {
    // The least id that can begin so: the digits that are missing are zeros.
    let digits = prefix.chars().filter(char::is_ascii_hexdigit).chain(std::iter::repeat('0'));
    let first: ConflictId = digits.take(32).collect::<String>().parse()?;
    let begins = move |id: &Result<ConflictId, Error>| match id {
        Ok(id) => id.to_string().starts_with(prefix),
        Err(_) => true,
    };
    Ok(snapshot.conflict_ids(first)?.take_while(begins))
}

/// A conflict as JSON: what `inspect` says of it, with its id and the times of both sides.
pub(super) fn json_of(conflict: &ConflictRow, names: &dyn Names) -> Json {
    let mut json = conflict_json(conflict, names);
    if let Json::Object(members) = &mut json {
        members.insert("conflict".to_string(), json!(conflict.id.to_string()));
        let sides = [("winner", conflict.winner.as_ref()), ("loser", Some(&conflict.loser))];
        for (name, side) in sides {
            let at = side.map(|side| side.at.to_string());
            if let (Some(Json::Object(side)), Some(at)) = (members.get_mut(name), at) {
                side.insert("at".to_string(), json!(at));
            }
        }
    }
    json
}

/// A conflict in one line: its kind, the row, what lost and to whom.
pub(super) fn sentence(conflict: &ConflictRow, names: &dyn Names) -> String {
    let who = |side: &Side| {
        let replica = names.replica(side.replica);
        match &side.image {
            Image::Deleted => format!("the deletion by {replica}"),
            Image::Values(row) => format!("{} of {replica}", shorten(&visible(&row.to_string()), 60)),
        }
    };
    let winner = conflict.winner.as_ref().map_or_else(String::new, |winner| format!(" to {}", who(winner)));
    let kind = conflict.kind.name();
    format!("{kind} in {}: {} loses{winner}", visible(&conflict.table), who(&conflict.loser))
}

/// A table of conflicts. Who changed what stands in parentheses; the time, if asked for, is that of
/// the loser.
pub(super) fn grid(
    snapshot: &ReadTransaction,
    conflicts: &[ConflictRow],
    names: &dyn Names,
    times: bool,
) -> anyhow::Result<Grid> {
    let header = ["id", "kind", "row", "column", "winner", "loser"];
    let mut grid = Grid::new(header.into_iter().chain(times.then_some("loser at (UTC)")));
    let width = width_of_ids(snapshot, conflicts)?;
    for conflict in conflicts {
        let winner = conflict.winner.as_ref().map(|side| brief(snapshot, conflict, side, names));
        let row = shorten(&row_name(snapshot, conflict)?, WIDTH);
        let cells = [
            conflict.id.to_string().chars().take(width).collect(),
            conflict.kind.name().to_string(),
            format!("{} {row}", visible(&conflict.table)),
            visible(&columns(snapshot, conflict)),
            winner.unwrap_or_else(|| "-".to_string()),
            brief(snapshot, conflict, &conflict.loser, names),
        ];
        let time = times.then(|| time(&conflict.loser).chars().take(16).collect());
        grid.row(cells.into_iter().chain(time));
    }
    Ok(grid)
}

/// How many characters tell the ids of these conflicts from those of all that are open.
fn width_of_ids(snapshot: &ReadTransaction, conflicts: &[ConflictRow]) -> anyhow::Result<usize> {
    let mut width = SHORTEST_ID;
    for conflict in conflicts {
        let id = conflict.id.to_string();
        while let Some(prefix) = id.get(..width)
            && ids_with(snapshot, prefix)?.nth(1).is_some()
        {
            width += 1;
        }
    }
    Ok(width)
}

/// The primary key of the losing row; its row id where there is none.
pub(super) fn row_name(snapshot: &ReadTransaction, conflict: &ConflictRow) -> anyhow::Result<String> {
    let Some(table) = snapshot.schema().table(&conflict.table) else { return Ok(conflict.row.to_string()) };
    let Some(key) = table.primary_key() else { return Ok(conflict.row.to_string()) };
    let shown = snapshot.inspect(&table.name, conflict.row)?.map(|row| row.values).unwrap_or_default();
    let value = |position: &usize| {
        let lost = match &conflict.loser.image {
            Image::Values(row) => table.columns.get(*position).and_then(|column| row.get(&column.name)),
            Image::Deleted => None,
        };
        lost.or_else(|| shown.get(*position)).map_or_else(String::new, plain)
    };
    Ok(key.columns.iter().map(value).collect::<Vec<_>>().join(", "))
}

/// The columns that the conflict is about: those that lost, or those of the constraint; the name of a
/// rule.
fn columns(snapshot: &ReadTransaction, conflict: &ConflictRow) -> String {
    let table = snapshot.schema().table(&conflict.table);
    let (Some(table), Some(constraint)) = (table, &conflict.constraint) else {
        return if conflict.units.is_empty() { "-".to_string() } else { conflict.units.join(", ") };
    };
    let keys = table.keys.iter().map(|key| (&key.name, &key.columns));
    let mut all = keys.chain(table.foreign_keys.iter().map(|key| (&key.name, &key.columns)));
    match all.find(|(name, _)| *name == constraint) {
        Some((_, columns)) => table.column_names(columns).join(", "),
        None => constraint.clone(),
    }
}

/// One side in a cell, with who is behind it: the values of the columns that lost; of two rows with
/// one key, and where no column did, what is in the row beside its primary key.
fn brief(snapshot: &ReadTransaction, conflict: &ConflictRow, side: &Side, names: &dyn Names) -> String {
    let who = names.replica(side.replica);
    let Image::Values(row) = &side.image else { return format!("deleted ({who})") };
    let table = snapshot.schema().table(&conflict.table);
    let key = table.and_then(|table| Some(table.column_names(&table.primary_key()?.columns)));
    let key = key.unwrap_or_default();
    let whole = conflict.kind == Kind::Unique || conflict.units.is_empty();
    let shown = |(name, value): &(&str, &Value)| {
        let lost = conflict.units.iter().any(|column| column == name);
        if whole { !key.contains(name) && !value.is_null() } else { lost }
    };
    let values: Vec<String> = row.iter().filter(shown).map(|(_, value)| plain(value)).collect();
    let text = if values.is_empty() { "-".to_string() } else { values.join(", ") };
    format!("{} ({who})", shorten(&text, WIDTH))
}

fn time(side: &Side) -> String {
    side.at.to_string().replace('T', " ").chars().take(19).collect()
}

/// A conflict in full, and how it can be settled.
pub(super) fn detail(
    snapshot: &ReadTransaction,
    conflict: &ConflictRow,
    names: &dyn Names,
) -> anyhow::Result<(Vec<String>, Grid, String)> {
    let head = vec![
        format!("conflict  {}", conflict.id),
        format!("kind      {}: {}", conflict.kind.name(), explanation(conflict.kind)),
        format!("row       {} {}", visible(&conflict.table), row_name(snapshot, conflict)?),
        format!(
            "about     {}",
            visible(conflict.constraint.as_deref().unwrap_or(&columns(snapshot, conflict)))
        ),
    ];
    let mut grid = Grid::new(["", "winner", "loser"]);
    let (winner, loser) = (conflict.winner.as_ref(), &conflict.loser);
    let both = |text: &dyn Fn(&Side) -> String| [winner.map_or_else(|| "-".to_string(), text), text(loser)];
    let line = |name: &str, [winner, loser]: [String; 2]| [format!("({name})"), winner, loser];
    grid.row(line("replica", both(&|side| names.replica(side.replica))));
    grid.row(line("time, UTC", both(&time)));
    let (winner, loser) = (winner.and_then(values), values(loser));
    let columns = loser.or(winner).into_iter().flat_map(Row::iter);
    for (name, _) in columns {
        let value = |row: Option<&Row>| match row {
            Some(row) => row.get(name).map_or_else(|| "-".to_string(), |value: &Value| cell(value, 60)),
            None => "-".to_string(),
        };
        grid.row([visible(name), value(winner), value(loser)]);
    }
    if winner.is_none() && conflict.winner.is_some() || loser.is_none() {
        let word = |deleted: bool| if deleted { "deleted" } else { "" }.to_string();
        let gone = conflict.winner.as_ref().is_some_and(|side| side.image == Image::Deleted);
        grid.row(["(row)".to_string(), word(gone), word(loser.is_none())]);
    }
    Ok((head, grid, format!("resolve   {}", choices(conflict.kind).join(" | "))))
}

fn values(side: &Side) -> Option<&Row> {
    match &side.image {
        Image::Values(row) => Some(row),
        Image::Deleted => None,
    }
}

/// What a kind of conflict means.
pub(super) const fn explanation(kind: Kind) -> &'static str {
    match kind {
        Kind::Update => "two replicas changed these columns without knowing of each other",
        Kind::DeleteUpdate => "one replica deleted the row, another changed it: it stays deleted",
        Kind::UpdateDelete => "one replica deleted the row, another changed it: it stays",
        Kind::Unique => "another row holds the key: this one is parked, that is kept, but not shown",
        Kind::DeleteRi => "it refers to a row that was deleted elsewhere: it is parked",
        Kind::UpdateRi => "the key that it refers to was changed elsewhere: it is parked",
        Kind::ForeignKey => "it refers to a row that is not shown itself: it is parked",
        Kind::Identity => "replicas disagree about whether two rows are one",
        Kind::Validation => "it fails a rule of the table: it is parked",
    }
}

/// How a kind of conflict can be resolved.
const fn choices(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Update => &["keep-winner", "keep-loser", "set JSON", "dismiss"],
        Kind::DeleteUpdate | Kind::UpdateDelete => &["keep-winner", "keep-loser", "dismiss"],
        Kind::Unique => &["rename JSON", "prefer", "merge", "keep-both JSON", "delete", "dismiss"],
        Kind::Identity => &["keep-winner", "keep-loser", "keep-both JSON", "dismiss"],
        Kind::DeleteRi => &["restore-parent", "reparent JSON", "delete", "dismiss"],
        Kind::UpdateRi | Kind::ForeignKey => &["reparent JSON", "delete", "dismiss"],
        Kind::Validation => &["set JSON", "delete", "dismiss"],
    }
}
