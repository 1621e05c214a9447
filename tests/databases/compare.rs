//! What a database shows, beside the model: facts, tables, conflict tables, knowledge.

use std::collections::BTreeMap;

use reunite::Database;
use reunite::derive::About;
use reunite::ids::{ConflictId, RowKey};
use reunite::row::RowState;
use reunite::schema::{Schema, Table};

use super::listing::compare_listing;
use super::perform::rows_of;
use crate::model::{Conflict, ConflictName, Derived, Facts, Replica, live_table, row_state};
use crate::world::story::{Checked, ensure};

/// The facts of a row as the database has them; nothing can be seen of a table that was dropped.
pub fn facts_of(db: &Database, schema: &Schema, row: RowKey) -> Option<RowState> {
    let table = live_table(schema, row.table)?;
    let inspected = db.read().expect("memory does not fail").inspect(&table.name, row.row);
    inspected.expect("memory does not fail").map(|inspected| (*inspected.facts).clone())
}

/// Everything that can be seen.
pub fn compare(db: &Database, schema: &Schema, model: &Replica, view: &Derived) -> Checked {
    compare_facts(db, schema, &model.facts)?;
    schema.tables().iter().try_for_each(|table| compare_table(db, table, view))?;
    compare_conflicts(db, schema, model, view)?;
    let knowledge = db.knowledge().expect("memory does not fail");
    let same = knowledge.iter().eq(model.knowledge.iter().map(|(replica, seq)| (*replica, *seq)));
    ensure(same, || format!("P2 other knowledge than the model's: {knowledge:?}, not {:?}", model.knowledge))
}

pub fn compare_facts(db: &Database, schema: &Schema, facts: &Facts) -> Checked {
    for (key, row) in facts.iter().filter(|(key, _)| live_table(schema, key.table).is_some()) {
        let (found, expected) = (facts_of(db, schema, *key), row_state(key.row, row));
        ensure(found.as_ref() == Some(&expected), || {
            format!("P9 other facts than the model's in {key:?}: {found:#?}, not {expected:#?}")
        })?;
    }
    Ok(())
}

fn compare_table(db: &Database, table: &Table, view: &Derived) -> Checked {
    let expected = view.visible.iter().filter(|(row, _)| row.table == table.id);
    let expected: Vec<_> = expected.map(|(row, values)| (row.row, values.clone())).collect();
    let found = rows_of(db, table);
    ensure(found == expected, || {
        format!("P7 other rows than the model's in {}: {found:?}, not {expected:?}", table.name)
    })?;
    let snapshot = db.read().expect("memory does not fail");
    let count =
        snapshot.table(&table.name).expect("a table of the schema").len().expect("memory does not fail");
    ensure(count == expected.len() as u64, || format!("P7 table {} counts {count} rows", table.name))
}

/// The same conflicts, one entry each, under the ids that their names have (P10).
fn compare_conflicts(db: &Database, schema: &Schema, model: &Replica, view: &Derived) -> Checked {
    let found = db.read().expect("memory does not fail").conflicts().expect("memory does not fail");
    let expected: BTreeMap<ConflictId, (&ConflictName, &Conflict)> =
        view.conflicts.iter().map(|(name, conflict)| (name.id(), (name, conflict))).collect();
    ensure(expected.len() == view.conflicts.len(), || "P10 two conflicts have one id".to_owned())?;
    let ids = |found: &[reunite::db::ConflictRow]| found.iter().map(|row| row.id).collect::<Vec<_>>();
    let mut sorted = ids(&found);
    sorted.sort_unstable();
    ensure(sorted.iter().eq(expected.keys()), || {
        format!("P10 other conflicts than the model's: {found:#?}, not {expected:#?}")
    })?;
    for row in &found {
        let (name, conflict) = expected[&row.id];
        let table = schema.table_by_id(name.row.table).expect("a table of the schema");
        let column = |id| table.column_by_id(id).map(|(_, column)| column.name.clone()).unwrap_or_default();
        let mut units: Vec<String> = conflict.columns.iter().map(|id| column(*id)).collect();
        units.sort();
        let same = (&row.table, row.row, row.kind) == (&table.name, name.row.row, conflict.kind)
            && row.units == units
            && row.others.iter().eq(&conflict.others)
            && row.constraint.is_some() == matches!(name.about, About::Constraint(_))
            && row.loser.replica == name.dot.replica;
        ensure(same, || {
            format!("P10 another conflict than the model's: {row:#?}, not {name:?} {conflict:?}")
        })?;
        // Where the losing change is live, the conflict has its time.
        let live = model.facts[&name.row].all().find(|(_, dot, _)| *dot == name.dot);
        let at = live.map_or(row.loser.at, |(_, _, entry)| entry.stamp.hlc.timestamp());
        ensure(row.loser.at == at, || format!("P10 {row:#?} lost at {at}"))?;
    }
    compare_listing(db, &found)
}
