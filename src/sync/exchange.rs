//! Both directions of a session under way: what may be sent, what is expected, what is outstanding.

use std::collections::VecDeque;

use super::check::{self, Received};
use super::effect::{Count, Effect, Report};
use super::enumerate::Batcher;
use super::error::{SyncError, within};
use super::message::{Hello, MAX_SCHEMA_BYTES, Message, WINDOW};
use crate::ids::{DatabaseId, ReplicaId};
use crate::row::Batch;
use crate::version::Knowledge;

/// Both directions of a session under way.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) theirs: Hello,
    pub(super) report: Report,
    pub(super) outgoing: Outgoing,
    pub(super) incoming: Incoming,
}

#[derive(Debug)]
pub(super) struct Outgoing {
    /// None if there is nothing to give.
    pub(super) batcher: Option<Batcher>,
    /// The peer is empty and was not yet sent the schema.
    pub(super) owes_schema: bool,
    /// The peer lacks changes of the schema, and was not yet sent them.
    pub(super) owes_schema_changes: bool,
    /// The driver was asked for something and has not answered.
    pub(super) reading: bool,
    /// How many batches were made.
    pub(super) batches: u64,
    /// What is not acknowledged yet.
    pub(super) in_flight: VecDeque<Sent>,
}

/// Something that was sent.
#[derive(Debug)]
pub(super) enum Sent {
    Schema,
    /// How many changes of the schema.
    SchemaChanges(u64),
    /// What a batch teaches and how much it is.
    Batch(Knowledge, Count),
}

impl Outgoing {
    /// Whether there is something left to read, or being read.
    pub(super) fn has_more(&self) -> bool {
        let batches = self.batcher.as_ref().is_some_and(|batcher| !batcher.is_done());
        self.owes_schema || self.owes_schema_changes || self.reading || batches
    }

    pub(super) fn wants_to_read(&self) -> bool {
        self.has_more() && !self.reading && self.in_flight.len() < WINDOW
    }

    pub(super) fn is_done(&self) -> bool {
        let owes = self.owes_schema || self.owes_schema_changes;
        !owes && self.in_flight.is_empty() && self.batcher.as_ref().is_none_or(Batcher::is_done)
    }
}

#[derive(Debug)]
pub(super) struct Incoming {
    /// None if there is nothing to take.
    pub(super) received: Option<Received>,
    /// This replica is empty: the schema comes before anything else.
    pub(super) expects_schema: bool,
    /// This replica lacks changes of the schema: they come before all changes.
    pub(super) expects_schema_changes: bool,
    /// How many batches came.
    pub(super) batches: u64,
    /// What was handed to the driver, oldest first.
    pub(super) unapplied: VecDeque<Taken>,
}

/// Something that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Schema,
    /// How many changes of the schema.
    SchemaChanges(u64),
    Batch(Count),
}

impl Incoming {
    pub(super) fn is_done(&self) -> bool {
        let done = self.received.as_ref().is_none_or(Received::is_done);
        let expects = self.expects_schema || self.expects_schema_changes;
        !expects && self.unapplied.is_empty() && done
    }
}

impl Exchange {
    pub(super) fn new(ours: &Hello, theirs: Hello) -> Exchange {
        let batcher = check::has_news(ours, &theirs)
            .then(|| Batcher::new(theirs.knowledge.clone(), ours.knowledge.clone()));
        let received = check::has_news(&theirs, ours)
            .then(|| Received::new(ours.knowledge.clone(), theirs.knowledge.clone()));
        Exchange {
            report: Report {
                peer: theirs.replica,
                peer_knows: theirs.knowledge.clone(),
                knowledge: ours.knowledge.clone(),
                adopted: false,
                schema_sent: 0,
                schema_received: 0,
                sent: Count::default(),
                received: Count::default(),
            },
            outgoing: Outgoing {
                batcher,
                owes_schema: theirs.base.is_none(),
                owes_schema_changes: check::has_schema_news(ours, &theirs),
                reading: false,
                batches: 0,
                in_flight: VecDeque::new(),
            },
            incoming: Incoming {
                received,
                expects_schema: ours.base.is_none(),
                expects_schema_changes: check::has_schema_news(&theirs, ours),
                batches: 0,
                unapplied: VecDeque::new(),
            },
            theirs,
        }
    }

    pub(super) fn take_in(
        &mut self,
        ours: &Hello,
        message: Message,
        effects: &mut VecDeque<Effect>,
    ) -> Result<(), SyncError> {
        let Incoming { expects_schema, expects_schema_changes, .. } = self.incoming;
        match message {
            Message::Applied => self.acknowledged(),
            Message::Schema { database, creator, sql } if expects_schema => {
                let effect = self.schema(database, creator, sql)?;
                effects.push_back(effect);
                Ok(())
            }
            Message::SchemaChanges(changes) if expects_schema_changes && !expects_schema => {
                check::schema_changes(&changes, &self.theirs, ours)?;
                self.incoming.expects_schema_changes = false;
                self.incoming.unapplied.push_back(Taken::SchemaChanges(count(changes.len())));
                effects.push_back(Effect::ChangeSchema(changes));
                Ok(())
            }
            Message::Changes { number, batch } if !expects_schema && !expects_schema_changes => {
                let effect = self.changes(number, batch)?;
                effects.push_back(effect);
                Ok(())
            }
            message => Err(out_of_place(&message)),
        }
    }

    fn acknowledged(&mut self) -> Result<(), SyncError> {
        match self.outgoing.in_flight.pop_front() {
            None => return Err(SyncError::protocol("it acknowledges what was not sent")),
            Some(Sent::Schema) => {}
            Some(Sent::SchemaChanges(count)) => self.report.schema_sent += count,
            Some(Sent::Batch(taught, count)) => {
                self.report.peer_knows.join(&taught);
                self.report.sent.add(count);
            }
        }
        Ok(())
    }

    fn schema(
        &mut self,
        database: DatabaseId,
        creator: Option<ReplicaId>,
        sql: String,
    ) -> Result<Effect, SyncError> {
        if self.theirs.base.map(|base| base.database) != Some(database) {
            return Err(SyncError::protocol("the schema is of another database than the hello"));
        }
        within("the schema", sql.len(), MAX_SCHEMA_BYTES)?;
        self.incoming.expects_schema = false;
        self.incoming.unapplied.push_back(Taken::Schema);
        Ok(Effect::AdoptSchema { database, creator, sql })
    }

    fn changes(&mut self, number: u64, batch: Batch) -> Result<Effect, SyncError> {
        if self.incoming.unapplied.len() >= WINDOW {
            return Err(SyncError::protocol("it did not wait for an acknowledgement"));
        }
        let Some(received) = &mut self.incoming.received else {
            return Err(SyncError::protocol("it sends changes that were not announced or not wanted"));
        };
        if number != self.incoming.batches + 1 {
            return Err(SyncError::protocol(format!(
                "batch {number} comes after batch {}",
                self.incoming.batches
            )));
        }
        received.accept(&batch)?;
        self.incoming.batches = number;
        self.incoming.unapplied.push_back(Taken::Batch(Count::of(&batch)));
        Ok(Effect::Apply(batch))
    }
}

/// A usize always fits into 64 bits where this runs.
pub(super) fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

pub(super) fn out_of_place(message: &Message) -> SyncError {
    SyncError::protocol(format!("a `{}` message is out of place here", message.name()))
}
