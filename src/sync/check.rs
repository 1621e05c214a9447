//! What a session believes of a peer: pure checks of hellos and batches, before anything is done with
//! them. What needs the store or a clock to be checked is the driver's to check when it applies.

use std::collections::{BTreeMap, BTreeSet};

use super::error::{SyncError, within};
use super::message::{Hello, MAX_SCHEMA_CHANGE_BYTES, SchemaChange};
use crate::ids::{Dot, RowKey};
use crate::row::{Batch, LogEntry};
use crate::row::{RowChange, RowState};
use crate::value::Collation;
use crate::version::{Hlc, Knowledge};

/// Whether the two may exchange changes. Symmetric, so that both sides find the same fault.
pub(super) fn compatible(ours: &Hello, theirs: &Hello) -> Result<(), SyncError> {
    if ours.protocol != theirs.protocol {
        return Err(SyncError::VersionMismatch { ours: ours.protocol, theirs: theirs.protocol });
    }
    if ours.replica == theirs.replica {
        return Err(SyncError::SameReplica { replica: ours.replica });
    }
    if (ours.folds || theirs.folds) && ours.unicode != theirs.unicode {
        return Err(SyncError::CollationMismatch {
            collation: Collation::UnicodeNoCase,
            ours: ours.unicode.clone(),
            theirs: theirs.unicode.clone(),
        });
    }
    if theirs.base.is_none() && !(theirs.knowledge.is_empty() && theirs.schema.known.is_empty()) {
        return Err(SyncError::protocol("it calls itself empty and knows changes"));
    }
    match (ours.base, theirs.base) {
        (Some(base), Some(other)) if base.database != other.database => {
            Err(SyncError::WrongDatabase { ours: base.database, theirs: other.database })
        }
        (Some(base), Some(other)) if base.schema != other.schema => {
            Err(SyncError::SchemaMismatch { ours: base.schema, theirs: other.schema })
        }
        (Some(_), Some(_)) if ours.schema.known == theirs.schema.known && ours.schema != theirs.schema => {
            Err(SyncError::SchemaMismatch { ours: ours.schema.digest, theirs: theirs.schema.digest })
        }
        (Some(_), Some(_)) => same_facts(ours, theirs),
        (None, Some(_)) if ours.takes && theirs.gives => Ok(()),
        (Some(_), None) if theirs.takes && ours.gives => Ok(()),
        (None, _) => Err(SyncError::Empty { replica: ours.replica }),
        (Some(_), None) => Err(SyncError::Empty { replica: theirs.replica }),
    }
}

/// Equal knowledge must mean equal facts.
fn same_facts(ours: &Hello, theirs: &Hello) -> Result<(), SyncError> {
    match (ours.state, theirs.state) {
        (Some(our), Some(their)) if ours.knowledge == theirs.knowledge && our != their => {
            Err(SyncError::Diverged { peer: theirs.replica })
        }
        _ => Ok(()),
    }
}

/// Whether one side has changes that the other one lacks and may have. Both sides come to the same
/// answer, so a direction in which nothing is to be said needs no message.
pub(super) fn has_news(giver: &Hello, taker: &Hello) -> bool {
    giver.gives && taker.takes && !taker.knowledge.includes(&giver.knowledge)
}

/// The same for changes of the schema.
pub(super) fn has_schema_news(giver: &Hello, taker: &Hello) -> bool {
    giver.gives && taker.takes && !taker.schema.known.includes(&giver.schema.known)
}

/// Refuses changes of the schema that are not exactly those that are expected: what `giver` announced
/// and `taker` lacks.
pub(super) fn schema_changes(
    changes: &[SchemaChange],
    giver: &Hello,
    taker: &Hello,
) -> Result<(), SyncError> {
    let mut position = taker.schema.known.clone();
    for SchemaChange { id, text } in changes {
        within("a change of the schema", text.len(), MAX_SCHEMA_CHANGE_BYTES)?;
        if position.get(id.replica).checked_add(1) != Some(id.seq) || !giver.schema.known.covers(*id) {
            return Err(SyncError::protocol(format!("schema change {id} is not the next one")));
        }
        position.cover(*id);
    }
    if position.includes(&giver.schema.known) {
        Ok(())
    } else {
        Err(SyncError::protocol("it keeps back changes of the schema that it announced"))
    }
}

/// The peer's log as far as it was received: every batch must go on exactly where the last one ended.
#[derive(Debug)]
pub(super) struct Received {
    /// What this replica said it knows: only values of these changes may be withheld.
    declared: Knowledge,
    /// What this replica knows once it has applied what was received.
    position: Knowledge,
    /// What the peer said it knows: it sends this and no more.
    until: Knowledge,
    /// The last entry received.
    last: Option<(Hlc, Dot)>,
}

impl Received {
    pub(super) fn new(declared: Knowledge, until: Knowledge) -> Received {
        Received { position: declared.clone(), declared, until, last: None }
    }

    /// Whether the peer has sent all that it announced.
    pub(super) fn is_done(&self) -> bool {
        self.position.includes(&self.until)
    }

    /// Takes note of a batch that makes sense; otherwise nothing changes.
    pub(super) fn accept(&mut self, batch: &Batch) -> Result<(), SyncError> {
        if batch.log.is_empty() {
            return Err(SyncError::protocol("a batch covers no change"));
        }
        let mut position = self.position.clone();
        let mut last = self.last;
        for entry in &batch.log {
            self.follows(&position, last, entry)?;
            position.cover(entry.dot);
            last = Some(entry.order());
        }
        self.check_rows(batch)?;
        self.position = position;
        self.last = last;
        Ok(())
    }

    fn follows(
        &self,
        position: &Knowledge,
        last: Option<(Hlc, Dot)>,
        entry: &LogEntry,
    ) -> Result<(), SyncError> {
        let dot = entry.dot;
        if position.get(dot.replica).checked_add(1) != Some(dot.seq) {
            return Err(SyncError::protocol(format!(
                "change {dot} does not follow the last one of its replica"
            )));
        }
        if !self.until.covers(dot) {
            return Err(SyncError::protocol(format!("change {dot} was not announced")));
        }
        if last >= Some(entry.order()) {
            return Err(SyncError::protocol(format!("change {dot} is out of order")));
        }
        Ok(())
    }

    fn check_rows(&self, batch: &Batch) -> Result<(), SyncError> {
        let mut rows: BTreeMap<RowKey, &RowChange> = BTreeMap::new();
        for change in &batch.changes {
            if rows.insert(change.key, change).is_some() {
                return Err(SyncError::protocol("a batch has a row twice"));
            }
            self.check_change(change)?;
        }
        let mut unnamed: BTreeSet<RowKey> = rows.keys().copied().collect();
        for entry in &batch.log {
            unnamed.remove(&entry.key);
            if rows.get(&entry.key).is_some_and(|change| !change.state.vector.covers(entry.dot)) {
                return Err(SyncError::protocol(format!("the row of change {} lacks it", entry.dot)));
            }
        }
        if unnamed.is_empty() {
            Ok(())
        } else {
            Err(SyncError::protocol("a batch has a row without a change"))
        }
    }

    /// Facts must be causal: a row has taken in whatever lives in it.
    fn check_change(&self, change: &RowChange) -> Result<(), SyncError> {
        let RowState { born, vector, .. } = &change.state;
        let dots = change.state.stamps().map(|stamp| stamp.dot).chain([*born]);
        let mut withheld = change.withheld.iter().map(|(_, dot)| *dot);
        if let Some(dot) = dots.chain(withheld.clone()).find(|dot| dot.seq == 0 || !vector.covers(*dot)) {
            return Err(SyncError::protocol(format!("a row holds change {dot} without having taken it in")));
        }
        if let Some(dot) = withheld.find(|dot| !self.declared.covers(*dot)) {
            return Err(SyncError::protocol(format!(
                "the value of change {dot} was withheld, which is not known here"
            )));
        }
        Ok(())
    }
}
