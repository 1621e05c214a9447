//! What holds of a replica at any time.

use std::collections::BTreeMap;
use std::sync::Arc;

use reunite::Database;
use reunite::db::ConflictRow;
use reunite::derive::{About, Derived, Nothing, Status, derive};
use reunite::ids::{ConflictId, RowKey};
use reunite::row::{Ack, RowState};
use reunite::schema::Schema;

use crate::random::Random;
use crate::reads::agree;
use crate::sqlite;
use crate::story::{Checked, ensure};
use crate::view::of_database;

/// All that can be checked of one replica. `known`: every row that was ever inserted anywhere.
pub fn check(db: &Database, known: &[RowKey], random: &mut Random) -> Checked {
    let findings = db.check().expect("memory does not fail");
    ensure(findings.is_empty(), || format!("the self-check finds {findings:#?}"))?;
    let schema = db.schema();
    from_scratch(db, &schema, known)?;
    let snapshot = db.read().expect("memory does not fail");
    for table in schema.tables() {
        agree(&snapshot.table(&table.name).expect("a table of the schema"), random)?;
    }
    sqlite::loads(&schema, &of_database(db))
}

/// P7: what is stored is what derives from all facts at once. P5: a parked row has an obstacle.
fn from_scratch(db: &Database, schema: &Schema, known: &[RowKey]) -> Checked {
    let snapshot = db.read().expect("memory does not fail");
    let mut facts: BTreeMap<RowKey, Arc<RowState>> = BTreeMap::new();
    let mut stored: BTreeMap<RowKey, Derived> = BTreeMap::new();
    for key in known {
        let table = schema.table_by_id(key.table).expect("a table of the schema");
        if let Some(row) = snapshot.inspect(&table.name, key.row).expect("memory does not fail") {
            facts.insert(*key, row.facts);
            stored.insert(*key, row.derived);
        }
    }
    let listed = snapshot.conflicts().expect("memory does not fail");
    let mut listed: BTreeMap<ConflictId, ConflictRow> = listed.into_iter().map(|row| (row.id, row)).collect();
    let delta = derive(schema, &Nothing, &facts).expect("nothing does not fail");
    ensure(delta.len() == facts.len(), || "every row is derived".to_owned())?;
    for (key, row) in &delta {
        ensure(stored[key] == row.derived, || {
            format!("P7 {key:?} is stored as {:?}, and derives as {:?}", stored[key], row.derived)
        })?;
        for conflict in &row.conflicts {
            let same = listed.remove(&conflict.id).is_some_and(|listed| {
                (listed.row, listed.kind, &listed.others) == (key.row, conflict.kind, &conflict.others)
            });
            ensure(same, || format!("P7 {key:?} has {conflict:?}, which is not listed so"))?;
        }
        let dismissed = row.facts.acks.iter().any(|ack| ack.value != Ack::REMOVAL);
        let obstacle = row.conflicts.iter().any(|conflict| matches!(conflict.about, About::Constraint(_)));
        let maximal = row.derived.status != Status::Parked || dismissed || obstacle;
        ensure(maximal, || format!("P5 nothing bars {key:?}, and it is parked"))?;
    }
    ensure(listed.is_empty(), || format!("P7 conflicts that nothing derives: {listed:#?}"))
}
