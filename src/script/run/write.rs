//! Commands that change a replica.

use std::time::Duration;

use super::replica::Replica;
use super::{Answer, World};
use crate::db::{ResolveWith, Transaction};
use crate::ids::{ConflictId, RowId};
use crate::script::command::{How, RowName};
use crate::script::failure::Failure;
use crate::script::objects::Object;
use crate::script::values::{no_such_row, row_called, row_of};

impl World {
    pub(super) fn insert(
        &mut self,
        replica: usize,
        table: &str,
        values: &Object,
        name: Option<&str>,
    ) -> Answer {
        let row = self.replica(replica)?.write(|transaction| {
            let values = row_of(transaction.read_table(table)?.definition(), values)?;
            Ok(transaction.table(table)?.insert(values)?)
        })?;
        if let Some(name) = name {
            self.names.name_row(table, name, row);
            let replica = self.replica(replica)?;
            if replica.transaction.is_some() {
                replica.named.push(row);
            }
        }
        Ok(String::new())
    }

    pub(super) fn update(
        &mut self,
        replica: usize,
        table: &str,
        row: &RowName,
        values: &Object,
        forced: bool,
    ) -> Answer {
        self.change(replica, table, row, |transaction, row| {
            let values = row_of(transaction.read_table(table)?.definition(), values)?;
            let mut rows = transaction.table(table)?;
            let updated = if forced { rows.update_forced(row, values) } else { rows.update(row, values) };
            Ok(updated?)
        })
    }

    pub(super) fn increment(
        &mut self,
        replica: usize,
        table: &str,
        row: &RowName,
        amounts: &Object,
    ) -> Answer {
        self.change(replica, table, row, |transaction, row| {
            let amounts = row_of(transaction.read_table(table)?.definition(), amounts)?;
            Ok(transaction.table(table)?.increment(row, amounts)?)
        })
    }

    pub(super) fn delete(&mut self, replica: usize, table: &str, row: &RowName) -> Answer {
        self.change(replica, table, row, |transaction, row| Ok(transaction.table(table)?.delete(row)?))
    }

    pub(super) fn undelete(&mut self, replica: usize, table: &str, row: &RowName) -> Answer {
        self.change(replica, table, row, |transaction, row| Ok(transaction.table(table)?.undelete(row)?))
    }

    pub(super) fn prefer(&mut self, replica: usize, table: &str, row: &RowName) -> Answer {
        self.change(replica, table, row, |transaction, row| Ok(transaction.table(table)?.prefer(row)?))
    }

    /// Accepts a row that the reviewer has not accepted.
    pub(super) fn accept(&mut self, replica: usize, table: &str, row: &RowName) -> Answer {
        let (names, replica) = self.names_and_replica(replica)?;
        let db = &replica.db;
        let found = row_called(&db.read()?.table(table)?, row, names)?;
        let row_id = found.ok_or_else(|| no_such_row(table, row))?;
        if db.accept(table, row_id)? {
            return Ok(String::new());
        }
        let message =
            format!("table {table}, row {row_id}: nobody has refused it, and nobody is to be asked");
        Err(Failure::new("not-applicable", message))
    }

    pub(super) fn merge(&mut self, replica: usize, table: &str, row: &RowName, into: &RowName) -> Answer {
        let (names, replica) = self.names_and_replica(replica)?;
        replica.write(|transaction| {
            let rows = transaction.read_table(table)?;
            let find = |row| row_called(&rows, row, names)?.ok_or_else(|| no_such_row(table, row));
            let (row, into) = (find(row)?, find(into)?);
            Ok(transaction.table(table)?.merge(row, into)?)
        })?;
        Ok(String::new())
    }

    /// Finds the row that the script means, as the transaction sees it, and changes it.
    pub(super) fn change(
        &mut self,
        replica: usize,
        table: &str,
        row: &RowName,
        work: impl FnOnce(&mut Transaction, RowId) -> Result<(), Failure>,
    ) -> Answer {
        let (names, replica) = self.names_and_replica(replica)?;
        replica.write(|transaction| {
            let found = row_called(&transaction.read_table(table)?, row, names)?;
            work(transaction, found.ok_or_else(|| no_such_row(table, row))?)
        })?;
        Ok(String::new())
    }

    pub(super) fn begin(&mut self, replica: usize) -> Answer {
        let replica = self.without_transaction(replica)?;
        replica.transaction = Some(replica.begin()?);
        Ok(String::new())
    }

    /// A replica that has no open transaction: to begin a second one would wait for ever.
    fn without_transaction(&mut self, replica: usize) -> Result<&mut Replica, Failure> {
        let replica = self.replica(replica)?;
        if replica.transaction.is_none() {
            return Ok(replica);
        }
        let message = format!("{} has an open transaction: commit it or roll it back first", replica.name);
        Err(Failure::new("not-applicable", message))
    }

    pub(super) fn lock(&mut self, replica: usize, table: &str) -> Answer {
        let replica = self.without_transaction(replica)?;
        match &mut replica.lock {
            Some(lock) => lock.add(table)?,
            None => replica.lock = Some(replica.db.lock(table, "by the script")?),
        }
        Ok(String::new())
    }

    pub(super) fn unlock(&mut self, replica: usize, table: &str) -> Answer {
        let replica = self.replica(replica)?;
        let name = replica.db.read()?.table(table)?.definition().name.clone();
        match &mut replica.lock {
            Some(lock) if lock.tables().contains(&name) => lock.release(&name),
            _ => {
                return Err(Failure::new(
                    "not-applicable",
                    format!("{name} of {} is not locked", replica.name),
                ));
            }
        }
        Ok(String::new())
    }

    pub(super) fn commit(&mut self, replica: usize) -> Answer {
        let (transaction, named) = self.end(replica)?;
        if let Err(error) = transaction.commit() {
            let failure = Failure::from(error);
            // Said while the rows still have their names.
            let message = self.names.put_into(failure.message);
            self.names.forget(&named);
            return Err(Failure { message, ..failure });
        }
        Ok(String::new())
    }

    pub(super) fn rollback(&mut self, replica: usize) -> Answer {
        let (transaction, named) = self.end(replica)?;
        drop(transaction);
        self.names.forget(&named);
        Ok(String::new())
    }

    /// The open transaction, taken out, with the rows that it named.
    fn end(&mut self, replica: usize) -> Result<(Transaction, Vec<RowId>), Failure> {
        let replica = self.replica(replica)?;
        let none = || Failure::new("not-applicable", format!("{} has no open transaction", replica.name));
        let transaction = replica.transaction.take().ok_or_else(none)?;
        Ok((transaction, std::mem::take(&mut replica.named)))
    }

    pub(super) fn resolve(&mut self, replica: usize, position: usize, how: &How) -> Answer {
        let replica = self.replica(replica)?;
        let (id, table) = replica.listed(position)?;
        replica.write(|transaction| {
            let how = resolution(transaction, &table, how)?;
            Ok(transaction.resolve(id, how)?)
        })?;
        Ok(String::new())
    }

    /// Takes back the replica's last resolution of a conflict.
    pub(super) fn undo(&mut self, replica: usize, position: usize) -> Answer {
        let replica = self.replica(replica)?;
        let (id, _) = replica.listed(position)?;
        replica.write(|transaction| Ok(transaction.undo(id)?))?;
        Ok(String::new())
    }

    /// Dismisses conflicts that are older than this.
    pub(super) fn expire(&mut self, replica: usize, age: Duration) -> Answer {
        let replica = self.replica(replica)?;
        let count = replica.write(|transaction| Ok(transaction.expire_conflicts(age)?))?;
        let conflicts = if count == 1 { "1 conflict".to_owned() } else { format!("{count} conflicts") };
        Ok(format!("expire {}: {conflicts} dismissed\n", replica.name))
    }
}

impl Replica {
    /// The conflict at a position of the last listing, with its table.
    fn listed(&self, position: usize) -> Result<(ConflictId, String), Failure> {
        let listed = position.checked_sub(1).and_then(|i| self.listing.get(i).cloned());
        listed.ok_or_else(|| {
            let (listed, name) = (self.listing.len(), &self.name);
            let message =
                format!("the last `conflicts` of {name} listed {listed}: there is no number {position}");
            Failure::new("no-such-conflict", message)
        })
    }
}

/// A resolution with values for columns of the conflict's table.
fn resolution(transaction: &Transaction, table: &str, how: &How) -> Result<ResolveWith, Failure> {
    let values = |object: &Object| row_of(transaction.read_table(table)?.definition(), object);
    Ok(match how {
        How::KeepWinner => ResolveWith::KeepWinner,
        How::KeepLoser => ResolveWith::KeepLoser,
        How::Set(object) => ResolveWith::Set(values(object)?),
        How::Rename(object) => ResolveWith::Rename(values(object)?),
        How::Prefer => ResolveWith::Prefer,
        How::Reparent(object) => ResolveWith::Reparent(values(object)?),
        How::RestoreParent => ResolveWith::RestoreParent,
        How::Merge => ResolveWith::Merge,
        How::KeepBoth(object) => ResolveWith::KeepBoth(values(object)?),
        How::Delete => ResolveWith::Delete,
        How::Dismiss => ResolveWith::Dismiss,
    })
}
