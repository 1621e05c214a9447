//! A random transaction of one replica, and what holds of every transaction: its reads show its writes,
//! a statement that fails does nothing, a commit shows what the transaction read, a refusal changes
//! nothing.

use reunite::db::ConflictRow;
use reunite::derive::Status;
use reunite::ids::RowKey;
use reunite::schema::{Schema, Stratum};
use reunite::{Database, Transaction, WriteError};

use crate::random::Random;
use crate::reads::agree;
use crate::sqlite;
use crate::statement::{Generator, Statement};
use crate::story::{Checked, Story, ensure};
use crate::view::{State, View, of_transaction, show, unspelled};

/// Why a transaction may be refused.
const CODES: [&str; 9] = [
    "duplicate-key",
    "immutable-key",
    "missing-parent",
    "restricted",
    "check-failed",
    "not-null",
    "no-such-row",
    "not-applicable",
    "already-resolved",
];

/// One transaction at work.
struct Work<'a> {
    schema: &'a Schema,
    hidden: Vec<RowKey>,
    conflicts: Vec<ConflictRow>,
    random: &'a mut Random,
    story: &'a mut Story,
    done: Vec<Statement>,
}

/// Runs a random transaction of a replica that knows these rows.
pub fn transact(db: &Database, known: &[RowKey], random: &mut Random, story: &mut Story) -> Checked {
    let schema = db.schema();
    let before = State::of(db);
    let hidden = known.iter().filter(|key| status(db, &schema, **key).is_some_and(|s| s != Status::Visible));
    let mut work = Work {
        schema: &schema,
        hidden: hidden.copied().collect(),
        conflicts: before.conflicts.clone(),
        random,
        story,
        done: Vec::new(),
    };
    let mut transaction = db.begin().expect("memory does not fail");
    let goes_on = work.statements(&mut transaction)?;
    let view = of_transaction(&transaction);
    let done = work.done;
    if !goes_on || random.chance(6) {
        drop(transaction);
        story.note(|| "  dropped".to_owned());
        story.count("dropped transactions", 1);
        return unchanged(&before, db);
    }
    match transaction.commit() {
        Ok(()) => committed(db, &schema, &before.view, &view, &done, story),
        Err(error) => {
            story.note(|| format!("  refused: {error}"));
            unchanged(&before, db)?;
            refused(&schema, &view, &done, &error, story)
        }
    }
}

pub fn status(db: &Database, schema: &Schema, key: RowKey) -> Option<Status> {
    let table = schema.table_by_id(key.table).expect("a table of the schema");
    let inspected = db.read().unwrap().inspect(&table.name, key.row).unwrap();
    inspected.map(|inspected| inspected.derived.status)
}

fn unchanged(before: &State, db: &Database) -> Checked {
    let after = State::of(db);
    ensure(*before == after, || format!("P11 nothing was committed, and {before:#?} became {after:#?}"))
}

impl Work<'_> {
    /// Runs some statements; says whether to commit.
    fn statements(&mut self, transaction: &mut Transaction) -> Checked<bool> {
        let mut savepoints = Vec::new();
        let count = [1, 1, 1, 2, 3, 4][self.random.below(6)];
        let mut view = of_transaction(transaction);
        for _ in 0..count {
            if self.random.chance(15) {
                savepoints.push((transaction.savepoint(), view.clone(), self.done.len()));
            }
            if let Err(error) = self.statement(transaction, &view)? {
                let after = of_transaction(transaction);
                ensure(view == after, || {
                    format!("a statement failed, and changed\n{view:?} into\n{after:?}")
                })?;
                known_code(&error)?;
                if self.random.chance(50) {
                    return Ok(false);
                }
            }
            view = of_transaction(transaction);
            let back = self.random.chance(15);
            if let Some((savepoint, then, length)) = savepoints.pop_if(|_| back) {
                self.story.note(|| "  rollback to savepoint".to_owned());
                self.story.count("savepoints", 1);
                transaction.rollback_to(savepoint).map_err(|error| error.to_string())?;
                view = of_transaction(transaction);
                ensure(view == then, || format!("a savepoint restores\n{view:?}, not\n{then:?}"))?;
                self.done.truncate(length);
            }
        }
        for table in self.schema.tables().iter().filter(|_| self.random.chance(30)).collect::<Vec<_>>() {
            agree(&transaction.read_table(&table.name).expect("a table of the schema"), self.random)
                .map_err(|error| format!("in a transaction, {error}"))?;
        }
        Ok(true)
    }

    fn statement(&mut self, transaction: &mut Transaction, view: &View) -> Checked<Result<(), WriteError>> {
        let (hidden, conflicts) = (&self.hidden, &self.conflicts);
        let mut generator = Generator { schema: self.schema, view, hidden, conflicts, random: self.random };
        let statement = generator.statement();
        let result = statement.run(self.schema, transaction);
        let failed = result.as_ref().err().map(|error| format!(" -> {error}"));
        let schema = self.schema;
        self.story.note(|| format!("  {}{}", statement.explain(schema), failed.unwrap_or_default()));
        match result {
            Ok(row) => {
                self.story.count("statements", 1);
                let row = row.or(match &statement {
                    Statement::Update(_, id, _) | Statement::UpdateForced(_, id, _) => Some(*id),
                    _ => None,
                });
                if let Some(row) = row {
                    self.shows(transaction, &statement, row)?;
                }
                self.done.push(statement);
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// The columns that a statement named are as it wrote them.
    fn shows(&self, transaction: &Transaction, statement: &Statement, row: reunite::ids::RowId) -> Checked {
        let (Statement::Insert(at, named)
        | Statement::Upsert(at, named)
        | Statement::Update(at, _, named)
        | Statement::UpdateForced(at, _, named)) = statement
        else {
            return Ok(());
        };
        let table = &self.schema.tables()[*at];
        let shown = transaction.read_table(&table.name).unwrap().get(row).unwrap();
        let shown = shown.ok_or_else(|| "P11 a row that was written is not there".to_owned())?;
        // Around a cycle of tables a change may come back to the row.
        let cyclic = |stratum: &Stratum| stratum.cyclic && stratum.tables.contains(&table.id);
        let cyclic = self.schema.strata().iter().any(cyclic);
        for (name, value) in named.iter() {
            ensure(cyclic || shown.get(name) == Some(value), || {
                format!("P11 {name} shows {:?}, not {value:?}", shown.get(name))
            })?;
        }
        Ok(())
    }
}

fn known_code(error: &WriteError) -> Checked {
    ensure(CODES.contains(&error.code()), || format!("an unexpected refusal: {}: {error}", error.code()))
}

/// A commit shows what the transaction read, and beside that only rows that were parked before.
fn committed(
    db: &Database,
    schema: &Schema,
    before: &View,
    read: &View,
    done: &[Statement],
    story: &mut Story,
) -> Checked {
    story.count("commits", 1);
    let after = crate::view::of_database(db);
    story.note(|| format!("  committed:\n{}", show(schema, &after)));
    let swaps = done.iter().any(Statement::swaps);
    for (key, values) in read {
        match after.get(key) {
            // A key that was null between two statements: what followed it is shown as null until the commit.
            Some(_) if done.len() > 1 && done.iter().any(Statement::writes_null) => {}
            Some(found) => ensure(unspelled(schema, *key, found) == unspelled(schema, *key, values), || {
                format!("P11 {key:?} shows {found:?} after the commit, and {values:?} before it")
            })?,
            None => ensure(swaps, || format!("P11 {key:?} is gone with the commit"))?,
        }
    }
    let deletes = done.iter().any(|statement| statement.deletes() || statement.swaps());
    let vanished = before.keys().find(|key| !after.contains_key(key));
    ensure(deletes || vanished.is_none(), || format!("P11 nothing was deleted, and {vanished:?} is gone"))?;
    let back = after.keys().filter(|key| !read.contains_key(key)).count();
    story.count("parked rows came back", back);
    Ok(())
}

/// A refusal has a reason that SQLite sees too. Only a reference that means a row, and not whoever
/// holds its key, is stricter.
fn refused(
    schema: &Schema,
    view: &View,
    done: &[Statement],
    error: &WriteError,
    story: &mut Story,
) -> Checked {
    story.count("refused commits", 1);
    known_code(error)?;
    if sqlite::load(schema, view).is_err() {
        return Ok(());
    }
    story.count("refusals that SQLite does not see", 1);
    story.count(format!("[{}]", error.code()), 1);
    // An update conflict of a deleted row can be settled only where a change beats the deletion.
    // A reference shows how its parent is spelled: that may break a rule where its own spelling did not.
    let meant = ["restricted", "missing-parent", "not-applicable", "check-failed"].contains(&error.code())
        || done.iter().any(Statement::swaps);
    // A row without a key satisfies no reference, though the transaction shows that as null.
    let meant = meant || done.iter().any(Statement::writes_null);
    ensure(meant, || format!("P11 refused, though what it shows is valid: {error}"))
}
