//! One replica that never syncs, beside SQLite: the same statements are accepted, and show the same.
//!
//! SQLite checks some things after each statement that a commit of ours checks once: keys, rules, and
//! the order of key changes. So of transactions with several statements, SQLite may refuse what we
//! accept; what we then show must still load.
//!
//! Where we differ on purpose:
//! - A reference that follows means a row. In SQLite a child whose parent is deleted is content with
//!   another row that takes the parent's key in the same transaction; here it is not.
//! - A row whose key becomes null has no key that a reference could follow: while one does, it is
//!   refused. SQLite's cascade makes the reference null.
//! - Of two references that share a column, one with SET NULL and one with CASCADE, SQLite does what
//!   comes first. Here the row goes. The schemas have no such references.
//! - A following column shows how the parent's key is spelled now. SQLite passes on a new spelling only
//!   where the collation tells it from the old one.

use std::sync::Arc;

use reunite::Database;
use reunite::db::SeededRandom;
use reunite::derive::Status;
use reunite::ids::{RowId, RowKey};
use reunite::schema::{OnDelete, OnUpdate, Schema, Table};
use reunite::value::{Collation, Value};
use reunite::version::ManualClock;
use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;

use crate::draft;
use crate::random::Random;
use crate::sqlite;
use crate::statement::{Generator, Statement};
use crate::story::{Checked, Plan, Story, ensure};
use crate::transaction::status;
use crate::view::{View, of_database, of_transaction, show};

struct Alone<'a> {
    schema: Arc<Schema>,
    db: Database,
    sqlite: Connection,
    rows: Vec<RowKey>,
    story: &'a mut Story,
    /// Whether a row was ever brought back.
    undeleted: bool,
}

/// One history.
pub fn history(plan: &Plan, story: &mut Story) -> Checked {
    let mut random = Random::new(plan.seed);
    let schema = draft::schema(&mut random, true);
    story.note(|| schema.to_sql());
    let builder = Database::builder().schema(Arc::clone(&schema)).random(SeededRandom::new(random.next()));
    let builder = builder.clock(Arc::new(ManualClock::default()));
    let db = builder.in_memory().expect("memory does not fail");
    let sqlite = sqlite::load(&schema, &View::new())?;
    let mut alone = Alone { schema, db, sqlite, rows: Vec::new(), story, undeleted: false };
    for step in &plan.steps {
        alone.step(&mut Random::new(step.seed))?;
    }
    let known = alone.rows.clone();
    crate::oracles::check(&alone.db, &known, &mut random)
}

impl Alone<'_> {
    fn step(&mut self, random: &mut Random) -> Checked {
        let hidden =
            self.rows.iter().filter(|key| status(&self.db, &self.schema, **key) == Some(Status::Dead));
        let hidden: Vec<RowKey> = hidden.copied().collect();
        let mut transaction = self.db.begin().expect("memory does not fail");
        let count = [1, 1, 1, 2, 3][random.below(5)];
        let (mut ours, mut theirs) = (Ok(()), Ok(()));
        let mut done = Vec::new();
        self.story.note(|| "begin".to_owned());
        self.sqlite.execute_batch("BEGIN").unwrap();
        for _ in 0..count {
            let view = of_transaction(&transaction);
            let mut generator =
                Generator { schema: &self.schema, view: &view, hidden: &hidden, conflicts: &[], random };
            let statement = generator.statement();
            if statement.swaps() {
                continue;
            }
            let result = statement.run(&self.schema, &mut transaction);
            let after = of_transaction(&transaction);
            let failed = result.as_ref().err().map(|error| format!(" -> {error}")).unwrap_or_default();
            self.story.note(|| format!("  {}{failed}", statement.explain(&self.schema)));
            if theirs.is_ok() {
                theirs = self.mirror(&statement, &view, &after, result.as_ref().ok().copied());
                self.story.note(|| {
                    theirs.as_ref().err().map_or(String::new(), |error| format!("  SQLite: {error}"))
                });
            }
            self.undeleted |= matches!(statement, Statement::Undelete(..));
            done.push(statement);
            if let Err(error) = result {
                ours = Err(error);
                break;
            }
        }
        if random.chance(5) {
            drop(transaction);
            self.sqlite.execute_batch("ROLLBACK").unwrap();
            return self.same();
        }
        let ours = match ours {
            Ok(()) => transaction.commit(),
            Err(error) => {
                drop(transaction);
                Err(error)
            }
        };
        let theirs = theirs.and_then(|()| self.sqlite.execute_batch("COMMIT"));
        if theirs.is_err() {
            self.sqlite.execute_batch("ROLLBACK").unwrap();
        }
        self.compare(&done, ours, theirs)
    }

    fn compare(
        &mut self,
        done: &[Statement],
        ours: Result<(), reunite::WriteError>,
        theirs: rusqlite::Result<()>,
    ) -> Checked {
        let view = of_database(&self.db);
        self.story.note(|| format!("  ours {ours:?}, SQLite {theirs:?}:\n{}", show(&self.schema, &view)));
        let new: Vec<RowKey> = view.keys().filter(|key| !self.rows.contains(key)).copied().collect();
        self.rows.extend(new);
        match (ours, theirs) {
            (Ok(()), Ok(())) => {
                self.story.count("both accept", 1);
                // A key that was null between two statements: what followed it follows it again.
                let null = self.sets_null() || done.iter().any(Statement::writes_null);
                if null && done.len() > 1 && self.same().is_err() {
                    self.story.count("keys that were null for a moment", 1);
                    self.sqlite = sqlite::load(&self.schema, &view)?;
                }
            }
            (Err(_), Err(_)) => self.story.count("both refuse", 1),
            (Ok(()), Err(error)) => {
                ensure(done.len() > 1 || self.is_recursive() || self.spells(), || {
                    format!("SQLite refuses what we accept: {error}")
                })?;
                self.story.count("only SQLite refuses", 1);
                self.sqlite = sqlite::load(&self.schema, &view)?;
            }
            (Err(error), Ok(())) => {
                // A reference may mean a row that is deleted, though another has its key.
                // So may one of a row that was written and deleted at once: it goes by value when it is back.
                let others = |statement: &Statement| {
                    statement.deletes() || matches!(statement, Statement::Undelete(..))
                };
                let others = done.iter().any(|statement| others(statement) || statement.writes_null());
                let others = others || self.sets_null() || self.undeleted;
                let meant = others && ["restricted", "missing-parent"].contains(&error.code());
                let endless = error.code() == "not-applicable" && error.to_string().contains("without end");
                let spelled = endless || self.spells() && error.code() == "check-failed";
                ensure(meant || spelled, || format!("SQLite accepts what we refuse: {error}"))?;
                self.story.count("only we refuse", 1);
                self.sqlite = sqlite::load(&self.schema, &view)?;
            }
        }
        self.same()
    }

    /// Whether an action may make a key null.
    fn sets_null(&self) -> bool {
        let mut references = self.schema.tables().iter().flat_map(|table| &table.foreign_keys);
        references.any(|key| key.on_update == OnUpdate::SetNull || key.on_delete == OnDelete::SetNull)
    }

    /// Whether a column may show another spelling than was written, which a rule may tell from it.
    fn spells(&self) -> bool {
        self.schema.tables().iter().any(|table| {
            let mut columns = table.foreign_keys.iter().filter(|key| key.follow).flat_map(|key| &key.columns);
            columns.any(|at| table.columns[*at].collation == Collation::NoCase)
        })
    }

    /// Where a row refers to its own key, SQLite goes by the bytes, whatever the collation, and checks
    /// rules before the reference follows.
    fn is_recursive(&self) -> bool {
        let refers =
            |table: &Table| table.foreign_keys.iter().any(|foreign_key| foreign_key.parent == table.id);
        self.schema.tables().iter().any(refers)
    }

    /// The same statement in SQLite.
    fn mirror(
        &self,
        statement: &Statement,
        before: &View,
        after: &View,
        result: Option<Option<RowId>>,
    ) -> rusqlite::Result<()> {
        let tables = self.schema.tables();
        let (inserted, inserted_all) = (result.flatten(), result.is_some());
        match statement {
            Statement::Insert(at, row) => self.insert(&tables[*at], row, inserted),
            Statement::InsertAll(at, rows) => {
                // Which row has which id is told by what they show.
                let mut fresh = after.iter().filter(|(key, _)| !before.contains_key(key));
                match inserted_all {
                    true => fresh.try_for_each(|(key, values)| {
                        sqlite::insert(&self.sqlite, &self.schema, *key, values)
                    }),
                    false => rows.iter().try_for_each(|row| self.insert(&tables[*at], row, None)),
                }
            }
            Statement::Upsert(at, row) => {
                let table = &tables[*at];
                match inserted.map(|row| RowKey { table: table.id, row }).and_then(|key| before.get(&key)) {
                    Some(shown) => {
                        let changes =
                            columns(table, row).into_iter().filter(|(at, value)| shown[*at] != *value);
                        let changes: Vec<(usize, Value)> = changes.collect();
                        let row = inserted.expect("the row that was changed");
                        if changes.is_empty() {
                            Ok(())
                        } else {
                            sqlite::update(&self.sqlite, table, row, &changes)
                        }
                    }
                    None => self.insert(table, row, inserted),
                }
            }
            Statement::Update(at, id, row) | Statement::UpdateForced(at, id, row) => {
                sqlite::update(&self.sqlite, &tables[*at], *id, &columns(&tables[*at], row))
            }
            Statement::Delete(at, id) => sqlite::delete(&self.sqlite, &tables[*at], *id),
            // There is no such thing in SQLite: the row as it is then.
            Statement::Undelete(at, id) => {
                let key = RowKey { table: tables[*at].id, row: *id };
                match after.get(&key).filter(|_| !before.contains_key(&key)) {
                    Some(values) => sqlite::insert(&self.sqlite, &self.schema, key, values),
                    None => Err(rusqlite::Error::InvalidQuery),
                }
            }
            Statement::Prefer(..) | Statement::Resolve(..) => Err(rusqlite::Error::InvalidQuery),
        }
    }

    fn insert(&self, table: &Table, row: &reunite::Row, id: Option<RowId>) -> rusqlite::Result<()> {
        let mut values: Vec<Value> = table.columns.iter().map(|column| column.default.clone()).collect();
        for (at, value) in columns(table, row) {
            values[at] = value;
        }
        // Where we refuse the row, it has no id: any will do, but not one twice.
        let count = self.sqlite.total_changes();
        let row = id.unwrap_or_else(|| RowId::from_bytes(u128::from(count).to_be_bytes()));
        sqlite::insert(&self.sqlite, &self.schema, RowKey { table: table.id, row }, &values)
    }

    fn same(&self) -> Checked {
        let view = of_database(&self.db);
        for table in self.schema.tables() {
            let ours = view.iter().filter(|(key, _)| key.table == table.id);
            let ours = ours.map(|(key, values)| {
                (key.row.to_string(), unspelled(table, values.iter().map(sqlite::sql_value)))
            });
            let ours: Vec<(String, Vec<SqlValue>)> = ours.collect();
            let theirs = sqlite::rows(&self.sqlite, table).into_iter();
            let theirs: Vec<_> =
                theirs.map(|(id, values)| (id, unspelled(table, values.into_iter()))).collect();
            ensure(ours == theirs, || format!("{} shows {ours:?}, and in SQLite {theirs:?}", table.name))?;
        }
        Ok(())
    }
}

/// The columns that a row names, by position, in their types.
fn columns(table: &Table, row: &reunite::Row) -> Vec<(usize, Value)> {
    row.iter().map(|(name, value)| (table.column(name).expect("a column").0, value.clone())).collect()
}

fn unspelled(table: &Table, values: impl Iterator<Item = SqlValue>) -> Vec<SqlValue> {
    let follows = |at: usize| table.foreign_keys.iter().any(|key| key.follow && key.columns.contains(&at));
    let fold = |(at, value)| match value {
        SqlValue::Text(text) if follows(at) => {
            SqlValue::Text(table.columns[at].collation.fold(&text).into_owned())
        }
        other => other,
    };
    debug_assert!(table.columns.iter().all(|column| column.collation != Collation::UnicodeNoCase));
    values.enumerate().map(fold).collect()
}
