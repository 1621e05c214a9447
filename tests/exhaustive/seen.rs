//! What can be seen of a database: it has to be the same wherever the same is known.

use reunite::Database;
use reunite::ids::{ConflictId, RowId};
use reunite::value::Value;

use crate::databases::perform::rows_of;
use crate::world::story::{Checked, ensure};

/// What can be seen of a database, beside its facts.
#[derive(Debug, PartialEq)]
pub struct Seen {
    schema: String,
    digest: [u8; 16],
    rows: Vec<Vec<(RowId, Vec<Value>)>>,
    conflicts: Vec<(ConflictId, &'static str, Vec<String>, Vec<RowId>)>,
}

impl Seen {
    pub fn of(db: &Database) -> Seen {
        let schema = db.schema();
        let conflicts = db.read().and_then(|read| read.conflicts()).expect("memory does not fail");
        Seen {
            schema: schema.to_sql(),
            digest: db.digest().expect("memory does not fail"),
            rows: schema.tables().iter().map(|table| rows_of(db, table)).collect(),
            conflicts: conflicts.into_iter().map(|c| (c.id, c.kind.name(), c.units, c.others)).collect(),
        }
    }
}

/// The database finds nothing wrong with itself.
pub fn self_check(db: &Database) -> Checked {
    let findings = db.check().expect("memory does not fail");
    ensure(findings.is_empty(), || format!("the self-check finds {findings:?}"))
}
