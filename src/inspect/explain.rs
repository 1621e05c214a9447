//! Why a row shows what it shows: its values with those that lost, whether it is visible and what
//! bars it if not, and which changes were taken in.
//!
//! Reasons are found anew from the tables, not read from the conflicts: a dismissed conflict is not
//! listed any more, and still is the reason.

use std::fmt::Write;

use super::Names;
use crate::commit::WriteError;
use crate::db::{Inspected, ReadTransaction, RowRef};
use crate::derive::{Roots, Status, unit_losers, winner, winning_life};
use crate::ids::{Dot, ReplicaId, RowId, RowKey};
use crate::row::{Life, RowState, Sibling, UnitValue};
use crate::schema::{ColumnRule, ForeignKey, Table, Unit};
use crate::store::LOCAL;
use crate::value::{Collation, Value};
use crate::version::Stamp;

/// A row in plain words, in several lines. None if nothing is known of the row here.
///
/// ```
/// # use reunite::{Database, replicate, row};
/// use reunite::inspect::{Ids, explain};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
/// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
/// # replicate::sync(&a, &b)?;
/// let snapshot = a.read()?;
/// let parked = snapshot.conflicts()?.remove(0).row;
/// let text = explain(&snapshot, "customer", parked, &Ids)?.ok_or("the row is not here")?;
/// assert!(text.contains("is parked: kept, but not in the table\n  because customer_pkey"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If there is no such table, or the storage fails.
pub fn explain(
    snapshot: &ReadTransaction,
    table: &str,
    row: RowId,
    names: &dyn Names,
) -> Result<Option<String>, WriteError> {
    let definition = snapshot.table(table)?.definition();
    let Some(inspected) = snapshot.inspect(table, row)? else { return Ok(None) };
    let mut explained = Explained { snapshot, table: definition, row, names, text: String::new() };
    explained.status(&inspected)?;
    explained.life(&inspected.facts);
    for unit in &definition.units {
        explained.unit(&inspected, unit)?;
    }
    explained.changes(&inspected.facts);
    Ok(Some(explained.text))
}

struct Explained<'a> {
    snapshot: &'a ReadTransaction,
    table: &'a Table,
    row: RowId,
    names: &'a dyn Names,
    text: String,
}

impl Explained<'_> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// What the row is, and why.
    fn status(&mut self, row: &Inspected) -> Result<(), WriteError> {
        let name = self.names.row(self.row);
        let table = &self.table.name;
        match row.derived.status {
            Status::Dead => self.line(&format!("{name} of {table} is deleted")),
            Status::Merged => {
                let into = self.names.row(row.class.root.row);
                self.line(&format!("{name} of {table} was merged: it is {into} now"));
            }
            Status::Visible => {
                let why = "no check fails, what it refers to is visible, and its keys are its own";
                self.line(&format!("{name} of {table} is visible: {why}"));
            }
            Status::Parked => {
                self.line(&format!("{name} of {table} is parked: kept, but not in the table"));
                for obstacle in self.obstacles(row)? {
                    self.line(&format!("  because {obstacle}"));
                }
            }
        }
        if row.class.root.row == self.row && !row.class.members.is_empty() {
            let mut members: Vec<String> = row.class.members.iter().map(|row| self.names.row(*row)).collect();
            members.sort();
            self.line(&format!("  with {}, merged into it", members.join(", ")));
        }
        if let Some(wish) = row.facts.boost.iter().max_by_key(|boost| (boost.stamp.hlc, boost.stamp.dot)) {
            self.line(&format!("  preferred to its rivals by {}", self.change(&wish.stamp)));
        }
        Ok(())
    }

    fn obstacles(&self, row: &Inspected) -> Result<Vec<String>, WriteError> {
        let mut found = self.failed_rules(row);
        for foreign_key in &self.table.foreign_keys {
            found.extend(self.missing_parent(row, foreign_key)?);
        }
        for key in &self.table.keys {
            let Some(value) = values_at(row, &key.columns) else { continue };
            let holder =
                self.snapshot.table(&self.table.name)?.get_by_key(&key.name, RowRef::Key(value.clone()))?;
            if let Some((holder, _)) = holder {
                let (value, holder) = (list(&value), self.names.row(holder));
                found.push(format!("{} {value} is held by {holder}", key.name));
            }
        }
        Ok(found)
    }

    fn failed_rules(&self, row: &Inspected) -> Vec<String> {
        let collations: Vec<Collation> = self.table.columns.iter().map(|column| column.collation).collect();
        let columns = self.table.columns.iter().zip(&row.values);
        let missing = columns.filter(|(column, value)| !column.nullable && value.is_null());
        let missing = missing.map(|(column, _)| format!("{} must have a value", column.name));
        let checks = self.table.checks.iter();
        let failed = checks.filter(|check| !check.rule.passes(row.values.as_slice(), &collations));
        missing.chain(failed.map(|check| format!("the rule {} fails", check.name))).collect()
    }

    /// Why nobody satisfies a reference; none if somebody does.
    fn missing_parent(
        &self,
        row: &Inspected,
        foreign_key: &ForeignKey,
    ) -> Result<Option<String>, WriteError> {
        let Some(value) = values_at(row, &foreign_key.columns) else { return Ok(None) };
        let Some(parent) = self.snapshot.schema().table_by_id(foreign_key.parent) else { return Ok(None) };
        let Some(key) = parent.key(foreign_key.key) else { return Ok(None) };
        let unit = winner(self.table, row.class.facts.unit(foreign_key.unit));
        let meant = unit.and_then(|unit| unit.value.parent(foreign_key.id));
        let mut known = match meant {
            Some(meant) => self.snapshot.inspect(&parent.name, meant)?,
            None => None,
        };
        let meant = known.as_ref().map(|known| known.class.root.row).or(meant);
        if let Some(root) =
            meant.filter(|_| known.as_ref().is_some_and(|known| known.derived.status == Status::Merged))
        {
            known = self.snapshot.inspect(&parent.name, root)?;
        }
        let dead =
            foreign_key.follow && known.as_ref().is_some_and(|known| known.derived.status == Status::Dead);
        let holder = self.snapshot.table(&parent.name)?.get_by_key(&key.name, RowRef::Key(value.clone()))?;
        if !dead && holder.is_some() {
            return Ok(None);
        }
        let what = match (meant.map(|meant| self.names.row(meant)), known.map(|known| known.derived.status)) {
            (Some(meant), Some(Status::Dead)) => format!("{meant} of {} is deleted", parent.name),
            (Some(meant), Some(Status::Parked)) => format!("{meant} of {} is parked itself", parent.name),
            (Some(meant), None) => format!("{meant} of {} is not here", parent.name),
            _ => format!("no row of {} has the key {}", parent.name, list(&value)),
        };
        Ok(Some(format!("{} needs {} in {}: {what}", foreign_key.name, list(&value), parent.name)))
    }

    fn life(&mut self, facts: &RowState) {
        let holds = winning_life(self.table, facts).map(|sibling| sibling.stamp.dot);
        let siblings = facts.life.iter();
        let mut lines: Vec<(bool, String)> = siblings
            .map(|sibling| {
                let what = self.said(&sibling.value);
                let lost = holds != Some(sibling.stamp.dot);
                (lost, format!("{what} by {}", self.change(&sibling.stamp)))
            })
            .collect();
        lines.sort_by_key(|(lost, _)| *lost);
        for (lost, line) in lines {
            self.line(&format!("  {}{line}", if lost { "concurrently " } else { "" }));
        }
    }

    /// What a change said of the life of the row.
    fn said(&self, life: &Life) -> String {
        let names = |rows: &[RowId]| {
            let mut names: Vec<String> = rows.iter().map(|row| self.names.row(*row)).collect();
            names.sort();
            names.join(", ")
        };
        match life {
            Life::Alive { apart } if apart.is_empty() => "inserted or changed".to_owned(),
            Life::Alive { apart } => format!("inserted or changed, and kept apart from {},", names(apart)),
            Life::Dead { with } if with.is_empty() => "deleted".to_owned(),
            Life::Dead { with } => format!("deleted with {}", names(with)),
            Life::Merged(merge) if merge.rule.is_some() => {
                format!("merged into {}, which has the same key,", self.names.row(merge.into))
            }
            Life::Merged(merge) => format!("merged into {}", self.names.row(merge.into)),
        }
    }

    /// A unit: what it shows, where that comes from, and what else is live.
    fn unit(&mut self, row: &Inspected, unit: &Unit) -> Result<(), WriteError> {
        if unit.live_columns().next().is_none() {
            return Ok(()); // Everything in it was dropped.
        }
        let columns = self.table.column_names(&unit.columns).join(", ");
        let facts = if row.derived.status == Status::Merged { &row.facts } else { &row.class.facts };
        if self.table.rule_of(unit) != ColumnRule::Winner {
            self.combined(row, facts, unit, &columns);
            return Ok(());
        }
        let siblings = facts.unit(unit.id);
        let Some(winner) = winner(self.table, siblings) else {
            let value = shown(unit.columns.iter().filter_map(|column| row.values.get(*column)));
            self.line(&format!("  {columns}: {value}, the default"));
            return Ok(());
        };
        self.line(&format!("  {columns}: {}", self.written(unit, winner)));
        let pairs = unit.columns.iter().zip(&winner.value.columns);
        let followed = pairs.filter_map(|(column, own)| {
            let shown =
                row.values.get(*column).filter(|shown| *shown != own && row.derived.status != Status::Merged);
            shown.map(|shown| (column, shown))
        });
        let mut notes = String::new();
        for (column, value) in followed {
            let name = self.table.column_names(&[*column]).join("");
            let _ = writeln!(
                notes,
                "    shows {} in {name}: the key of the row it refers to changed",
                value.to_json()
            );
        }
        let values = siblings.iter().map(|sibling| &sibling.value);
        let roots = Roots::of(self.table, unit, values, |parent| self.root(parent))?;
        for loser in unit_losers(self.table, unit, facts, &roots) {
            let _ = writeln!(notes, "    lost: {}", self.written(unit, loser));
        }
        self.text.push_str(&notes);
        Ok(())
    }

    /// What a row has become.
    fn root(&self, key: RowKey) -> Result<RowId, WriteError> {
        let table = self.snapshot.schema().table_by_id(key.table);
        let row = table.map(|table| self.snapshot.inspect(&table.name, key.row)).transpose()?.flatten();
        Ok(row.map_or(key.row, |row| row.class.root.row))
    }

    /// A unit whose concurrent values are combined: what it shows, and everything that counts for it.
    fn combined(&mut self, row: &Inspected, facts: &RowState, unit: &Unit, column: &str) {
        let value = shown(unit.columns.iter().filter_map(|column| row.values.get(*column)));
        self.line(&format!("  {column}: {value}, the {} of what counts", self.table.rule_of(unit).name()));
        let losers: Vec<Dot> = unit_losers(self.table, unit, facts, &Roots::default())
            .map(|sibling| sibling.stamp.dot)
            .collect();
        for sibling in facts.unit(unit.id).iter() {
            let lost = if losers.contains(&sibling.stamp.dot) { "lost: " } else { "" };
            let seen = sibling.value.seen.iter().fold(0_i128, |sum, (_, seen)| sum.wrapping_add(*seen));
            let seen = if seen == 0 { String::new() } else { format!(", in which {seen:+} is contained") };
            self.line(&format!("    {lost}{}{seen}", self.written(unit, sibling)));
        }
        for (_, _, replica, count) in facts.counts.iter().filter(|(of, ..)| *of == unit.id) {
            self.line(&format!("    {:+} by {}, up to {}", count.total, self.replica(replica), count.seq));
        }
        for (element, siblings) in facts.elements.of(unit.id) {
            let by: Vec<String> = siblings.stamps().map(|stamp| self.change(stamp)).collect();
            self.line(&format!("    {} by {}", element.as_str(), by.join(" and ")));
        }
    }

    fn written(&self, unit: &Unit, sibling: &Sibling<UnitValue>) -> String {
        let columns = unit.columns.iter().zip(&sibling.value.columns);
        let live = columns.filter(|(column, _)| **column != Unit::DROPPED).map(|(_, value)| value);
        format!("{} by {}", shown(live), self.change(&sibling.stamp))
    }

    /// Changes to a table that never leaves this replica have no replica of their own.
    fn replica(&self, id: ReplicaId) -> String {
        if id == LOCAL { "here".to_owned() } else { self.names.replica(id) }
    }

    /// A change: who made it, which of his it was, and when.
    fn change(&self, stamp: &Stamp) -> String {
        let (replica, seq) = (self.replica(stamp.dot.replica), stamp.dot.seq);
        format!("{replica}:{seq} at {}", stamp.hlc.timestamp())
    }

    fn changes(&mut self, facts: &RowState) {
        let vector = facts.vector.iter().map(|(replica, seq)| format!("{}:{seq}", self.replica(replica)));
        let vector: Vec<String> = vector.collect();
        self.line(&format!("  taken in up to: {}", vector.join(" ")));
    }
}

/// The values of some columns; none if one of them is null.
fn values_at(row: &Inspected, columns: &[usize]) -> Option<Vec<Value>> {
    let values: Vec<Value> = columns.iter().filter_map(|column| row.values.get(*column)).cloned().collect();
    (!values.iter().any(Value::is_null)).then_some(values)
}

fn list(values: &[Value]) -> String {
    let values: Vec<String> = values.iter().map(|value| value.to_json().to_string()).collect();
    format!("({})", values.join(", "))
}

/// One value as it is, several in parentheses.
fn shown<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| value.to_json().to_string()).collect();
    match values.as_slice() {
        [value] => value.clone(),
        _ => format!("({})", values.join(", ")),
    }
}
