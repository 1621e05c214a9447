//! Commands that look at a replica. In a transaction they see what it wrote; conflicts and
//! explanations are those from before it began.

use std::fmt::Write;

use super::replica::Replica;
use super::{Answer, World};
use crate::db::{ConflictRow, Row, Table};
use crate::error::Error;
use crate::inspect::{Names, conflict_json, explain, review_json, sort_conflicts};
use crate::script::command::RowName;
use crate::script::failure::Failure;
use crate::script::names::ScriptNames;
use crate::script::values::{no_such_row, row_called};
use crate::value::Value;

impl World {
    pub(super) fn rows(&mut self, replica: usize, table: &str) -> Answer {
        let rows = self.replica(replica)?.look(table, rows_of)?;
        if rows.is_empty() {
            return Ok("no rows\n".to_owned());
        }
        Ok(lines(&rows))
    }

    pub(super) fn row(&mut self, replica: usize, table: &str, row: &RowName) -> Answer {
        let (names, replica) = self.names_and_replica(replica)?;
        let found = replica.look(table, |table| match row_called(table, row, names)? {
            Some(row) => Ok(table.get(row)?),
            None => Ok(None),
        })?;
        Ok(found.map_or_else(|| "absent\n".to_owned(), |row| lines(&[row])))
    }

    pub(super) fn conflicts(&mut self, replica: usize, table: Option<&str>) -> Answer {
        let (names, replica) = self.names_and_replica(replica)?;
        let conflicts = replica.conflicts(table, names)?;
        replica.listing = conflicts.iter().map(|conflict| (conflict.id, conflict.table.clone())).collect();
        if conflicts.is_empty() {
            return Ok("no conflicts\n".to_owned());
        }
        let mut text = String::new();
        for conflict in &conflicts {
            let _ = writeln!(text, "{}", conflict_json(conflict, names));
        }
        Ok(text)
    }

    /// The rows that the replica has not accepted.
    pub(super) fn reviews(&mut self, replica: usize) -> Answer {
        let (names, replica) = self.names_and_replica(replica)?;
        let open = replica.db.read()?.open_reviews()?;
        if open.is_empty() {
            return Ok("no open reviews\n".to_owned());
        }
        Ok(open.iter().map(|review| format!("{}\n", review_json(review, names))).collect())
    }

    pub(super) fn explain(&mut self, replica: usize, table: &str, row: &RowName) -> Answer {
        let (names, replica) = self.names_and_replica(replica)?;
        let snapshot = replica.db.read()?;
        let row_id =
            row_called(&snapshot.table(table)?, row, names)?.ok_or_else(|| no_such_row(table, row))?;
        let unknown = || format!("{} of {table} is not known here\n", names.row(row_id));
        Ok(explain(&snapshot, table, row_id, names)?.unwrap_or_else(unknown))
    }

    /// How many changes of each replica this one has applied.
    pub(super) fn knowledge(&mut self, replica: usize) -> Answer {
        let (names, replica) = self.names_and_replica(replica)?;
        let knowledge = replica.db.knowledge()?;
        let known: Vec<String> =
            knowledge.iter().map(|(id, seq)| format!("{}:{seq}", names.replica(id))).collect();
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(" ") };
        Ok(format!("{} knows {known}\n", replica.name))
    }

    /// How many rows and conflicts each table has, and of which sort and age the conflicts are.
    pub(super) fn stats(&mut self, replica: usize) -> Answer {
        let snapshot = self.replica(replica)?.db.read()?;
        let conflicts = snapshot.conflict_statistics()?;
        let mut text = String::new();
        for table in snapshot.schema().tables() {
            let (reading, name) = (snapshot.table(&table.name)?, &table.name);
            let (visible, parked, open) = (reading.len()?, reading.parked()?, conflicts.in_table(name));
            let _ = writeln!(text, "{name}: {visible} visible, {parked} parked, {open} conflicts");
            for one in conflicts.counts.iter().filter(|one| one.table == *name) {
                let constraint = one.constraint.as_ref().map_or_else(String::new, |name| format!(" {name}"));
                let day: String = one.day.to_string().chars().take(10).collect();
                let _ = writeln!(text, "  {}{constraint} of {day}: {}", one.kind.name(), one.count);
            }
        }
        Ok(text)
    }

    /// Everything that is stored, derived from scratch and compared.
    pub(super) fn check(&mut self, replica: usize) -> Answer {
        let replica = self.replica(replica)?;
        let findings = replica.db.check()?;
        if findings.is_empty() {
            return Ok("check: nothing is wrong\n".to_owned());
        }
        let findings: Vec<String> = findings.into_iter().map(|finding| finding.to_string()).collect();
        Err(Failure::new("corrupt", findings.join("; ")))
    }
}

impl Replica {
    /// Reads a table: in the open transaction, if there is one.
    pub(super) fn look<T>(
        &self,
        table: &str,
        read: impl FnOnce(&Table<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match &self.transaction {
            Some(transaction) => read(&transaction.read_table(table)?),
            None => read(&self.db.read()?.table(table)?),
        }
    }

    /// The open conflicts of a table, or of all, in the order of a listing.
    pub(super) fn conflicts(
        &self,
        table: Option<&str>,
        names: &ScriptNames,
    ) -> Result<Vec<ConflictRow>, Failure> {
        let snapshot = self.db.read()?;
        let mut conflicts = match table {
            Some(table) => snapshot.table(table)?.conflicts()?,
            None => snapshot.conflicts()?,
        };
        sort_conflicts(&snapshot, &mut conflicts, names)?;
        Ok(conflicts)
    }
}

/// The rows of a table by primary key; without one, by row id.
pub(super) fn rows_of(table: &Table<'_>) -> Result<Vec<Row>, Failure> {
    let rows: Result<Vec<Row>, Error> = match table.definition().primary_key() {
        Some(key) => table.range::<Value>(&key.name, ..)?.map(|entry| entry.map(|(_, row)| row)).collect(),
        None => table.scan()?.map(|entry| entry.map(|(_, row)| row)).collect(),
    };
    Ok(rows?)
}

fn lines(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "{row}");
    }
    text
}
