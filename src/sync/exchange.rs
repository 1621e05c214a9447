//! Both directions of a session under way: what may be sent, what is expected, what is outstanding.

use std::collections::VecDeque;

use super::check::{self, Received};
use super::effect::{Count, Effect, Report};
use super::enumerate::Batcher;
use super::error::{SyncError, within};
use super::message::{Hello, MAX_SCHEMA_BYTES, Message, WINDOW};
use crate::ids::DatabaseId;
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
    /// The driver was asked for something and has not answered.
    pub(super) reading: bool,
    /// How many batches were made.
    pub(super) batches: u64,
    /// What is not acknowledged yet: what it teaches and how much it is.
    pub(super) in_flight: VecDeque<(Knowledge, Count)>,
}

impl Outgoing {
    /// Whether there is something left to read, or being read.
    pub(super) fn has_more(&self) -> bool {
        let batches = self.batcher.as_ref().is_some_and(|batcher| !batcher.is_done());
        self.owes_schema || self.reading || batches
    }

    pub(super) fn wants_to_read(&self) -> bool {
        self.has_more() && !self.reading && self.in_flight.len() < WINDOW
    }

    pub(super) fn is_done(&self) -> bool {
        !self.owes_schema && self.in_flight.is_empty() && self.batcher.as_ref().is_none_or(Batcher::is_done)
    }
}

#[derive(Debug)]
pub(super) struct Incoming {
    /// None if there is nothing to take.
    pub(super) received: Option<Received>,
    /// This replica is empty: the schema comes before anything else.
    pub(super) expects_schema: bool,
    /// How many batches came.
    pub(super) batches: u64,
    /// What was handed to the driver, oldest first; none stands for the schema.
    pub(super) unapplied: VecDeque<Option<Count>>,
}

impl Incoming {
    pub(super) fn is_done(&self) -> bool {
        let done = self.received.as_ref().is_none_or(Received::is_done);
        !self.expects_schema && self.unapplied.is_empty() && done
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
                sent: Count::default(),
                received: Count::default(),
            },
            outgoing: Outgoing {
                batcher,
                owes_schema: theirs.base.is_none(),
                reading: false,
                batches: 0,
                in_flight: VecDeque::new(),
            },
            incoming: Incoming {
                received,
                expects_schema: ours.base.is_none(),
                batches: 0,
                unapplied: VecDeque::new(),
            },
            theirs,
        }
    }

    pub(super) fn take_in(
        &mut self,
        message: Message,
        effects: &mut VecDeque<Effect>,
    ) -> Result<(), SyncError> {
        match message {
            Message::Applied => self.acknowledged(),
            Message::Schema { database, sql } if self.incoming.expects_schema => {
                let effect = self.schema(database, sql)?;
                effects.push_back(effect);
                Ok(())
            }
            Message::Changes { number, batch } if !self.incoming.expects_schema => {
                let effect = self.changes(number, batch)?;
                effects.push_back(effect);
                Ok(())
            }
            message => Err(out_of_place(&message)),
        }
    }

    fn acknowledged(&mut self) -> Result<(), SyncError> {
        let Some((taught, count)) = self.outgoing.in_flight.pop_front() else {
            return Err(SyncError::protocol("it acknowledges what was not sent"));
        };
        self.report.peer_knows.join(&taught);
        self.report.sent.add(count);
        Ok(())
    }

    fn schema(&mut self, database: DatabaseId, sql: String) -> Result<Effect, SyncError> {
        if self.theirs.base.map(|base| base.database) != Some(database) {
            return Err(SyncError::protocol("the schema is of another database than the hello"));
        }
        within("the schema", sql.len(), MAX_SCHEMA_BYTES)?;
        self.incoming.expects_schema = false;
        self.incoming.unapplied.push_back(None);
        Ok(Effect::AdoptSchema { database, sql })
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
        self.incoming.unapplied.push_back(Some(Count::of(&batch)));
        Ok(Effect::Apply(batch))
    }
}

pub(super) fn out_of_place(message: &Message) -> SyncError {
    SyncError::protocol(format!("a `{}` message is out of place here", message.name()))
}
