//! The session: a state machine that knows no store, socket, thread or clock.
//!
//! Messages come in by [`Session::receive`], effects come out by [`Session::next_effect`], and the
//! driver reports what became of an effect. After etcd's raft: see the module's own text for the loop.

use std::collections::VecDeque;

use super::check;
use super::effect::{Config, Count, Effect};
use super::enumerate::Source;
use super::error::{SyncError, within};
use super::exchange::{Exchange, Sent, Taken, count, out_of_place};
use super::message::{
    Digest, Hello, MAX_CODE_BYTES, MAX_SCHEMA_BYTES, MAX_TEXT_BYTES, Message, SchemaChange,
};
use crate::ids::ReplicaId;
use crate::version::Knowledge;

/// One sync between this replica and a peer, both directions at once.
///
/// See [the module](super) for an example: a whole driver, and two replicas that sync.
#[derive(Debug)]
pub struct Session {
    ours: Hello,
    creator: Option<ReplicaId>,
    batch_bytes: usize,
    phase: Phase,
    effects: VecDeque<Effect>,
}

#[derive(Debug)]
enum Phase {
    /// Said hello, waits for the welcome.
    Opened,
    /// Waits for the hello.
    Expecting,
    /// Both have introduced themselves.
    Exchanging(Box<Exchange>),
    Finished,
}

impl Session {
    /// The side that speaks first.
    #[must_use]
    pub fn open(config: &Config) -> Session {
        let ours = config.hello();
        let effects = VecDeque::from([Effect::Send(Message::Hello(ours.clone()))]);
        let (creator, batch_bytes) = (config.creator, config.batch_bytes);
        Session { ours, creator, batch_bytes, phase: Phase::Opened, effects }
    }

    /// The side that waits to be spoken to.
    #[must_use]
    pub fn accept(config: &Config) -> Session {
        let (ours, phase) = (config.hello(), Phase::Expecting);
        let (creator, batch_bytes) = (config.creator, config.batch_bytes);
        Session { ours, creator, batch_bytes, phase, effects: VecDeque::new() }
    }

    /// What to do next; none: wait for the peer's next message.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// How the peer introduced itself, once it has.
    #[must_use]
    pub fn peer(&self) -> Option<&Hello> {
        match &self.phase {
            Phase::Exchanging(exchange) => Some(&exchange.theirs),
            _ => None,
        }
    }

    /// Whether the session is over, well or not.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    /// Whether the driver may still be asked to read. Once it may not, it can let go of the state that it
    /// reads from: a store cannot reuse space while such a state is held.
    #[must_use]
    pub fn may_read(&self) -> bool {
        match &self.phase {
            Phase::Opened | Phase::Expecting => true,
            Phase::Exchanging(exchange) => exchange.outgoing.has_more(),
            Phase::Finished => false,
        }
    }

    /// Takes in a message of the peer. One that makes no sense is refused whole and ends the session.
    pub fn receive(&mut self, message: Message) {
        if self.is_finished() {
            return;
        }
        match self.take_in(message) {
            Ok(()) => self.go_on(),
            Err(error) => self.failed(error),
        }
    }

    /// Answers [`Effect::ReadSchema`].
    pub fn supply_schema(&mut self, sql: String) {
        let Some(base) = self.ours.base else { return };
        let Phase::Exchanging(exchange) = &mut self.phase else { return };
        let outgoing = &mut exchange.outgoing;
        if !(outgoing.owes_schema && outgoing.reading) {
            return;
        }
        if let Err(error) = within("the schema", sql.len(), MAX_SCHEMA_BYTES) {
            return self.failed(error);
        }
        (outgoing.owes_schema, outgoing.reading) = (false, false);
        outgoing.in_flight.push_back(Sent::Schema);
        let (database, creator) = (base.database, self.creator);
        self.effects.push_back(Effect::Send(Message::Schema { database, creator, sql }));
        self.go_on();
    }

    /// Answers [`Effect::ReadSchemaChanges`].
    pub fn supply_schema_changes(&mut self, changes: Vec<SchemaChange>) {
        let Phase::Exchanging(exchange) = &mut self.phase else { return };
        let Exchange { outgoing, theirs, .. } = &mut **exchange;
        if outgoing.owes_schema || !(outgoing.owes_schema_changes && outgoing.reading) {
            return;
        }
        if let Err(error) = check::schema_changes(&changes, &self.ours, theirs) {
            return self.failed(error);
        }
        (outgoing.owes_schema_changes, outgoing.reading) = (false, false);
        outgoing.in_flight.push_back(Sent::SchemaChanges(count(changes.len())));
        self.effects.push_back(Effect::Send(Message::SchemaChanges(changes)));
        self.go_on();
    }

    /// Answers [`Effect::ReadChanges`]: reads one batch.
    pub fn supply(&mut self, source: &dyn Source) {
        let Phase::Exchanging(exchange) = &mut self.phase else { return };
        let outgoing = &mut exchange.outgoing;
        let owes = outgoing.owes_schema || outgoing.owes_schema_changes;
        let Some(batcher) = outgoing.batcher.as_mut().filter(|_| outgoing.reading && !owes) else {
            return;
        };
        outgoing.reading = false;
        match batcher.next(source, self.batch_bytes) {
            Ok(Some(batch)) => {
                outgoing.in_flight.push_back(Sent::Batch(batch.teaches(), Count::of(&batch)));
                outgoing.batches += 1;
                self.effects.push_back(Effect::Send(Message::Changes { number: outgoing.batches, batch }));
                self.go_on();
            }
            Ok(None) => self.go_on(),
            Err(error) => self.failed(error),
        }
    }

    /// Answers [`Effect::AdoptSchema`] with the digest that the schema has here.
    pub fn adopted(&mut self, schema: Digest) {
        let Phase::Exchanging(exchange) = &mut self.phase else { return };
        if exchange.incoming.unapplied.front() != Some(&Taken::Schema) {
            return;
        }
        exchange.incoming.unapplied.pop_front();
        match exchange.theirs.base.map(|base| base.schema) {
            Some(theirs) if theirs != schema => {
                return self.failed(SyncError::SchemaMismatch { ours: schema, theirs });
            }
            _ => exchange.report.adopted = true,
        }
        self.effects.push_back(Effect::Send(Message::Applied));
        self.go_on();
    }

    /// Answers [`Effect::ChangeSchema`].
    pub fn schema_changed(&mut self) {
        let Phase::Exchanging(exchange) = &mut self.phase else { return };
        let Some(Taken::SchemaChanges(count)) = exchange.incoming.unapplied.front().copied() else { return };
        exchange.incoming.unapplied.pop_front();
        exchange.report.schema_received += count;
        self.effects.push_back(Effect::Send(Message::Applied));
        self.go_on();
    }

    /// Answers [`Effect::Apply`] with what the replica now knows.
    pub fn applied(&mut self, knowledge: Knowledge) {
        let Phase::Exchanging(exchange) = &mut self.phase else { return };
        let Some(Taken::Batch(count)) = exchange.incoming.unapplied.front().copied() else { return };
        exchange.incoming.unapplied.pop_front();
        exchange.report.received.add(count);
        exchange.report.knowledge = knowledge;
        self.effects.push_back(Effect::Send(Message::Applied));
        self.go_on();
    }

    /// Ends the session because an effect could not be done. What was applied before stays.
    pub fn failed(&mut self, error: impl Into<SyncError>) {
        if self.is_finished() {
            return;
        }
        let error = error.into();
        let tell = !matches!(error, SyncError::Interrupted { .. } | SyncError::Refused { .. });
        self.phase = Phase::Finished;
        // A welcome still goes out: the peer then finds the fault itself, with both sides' figures.
        self.effects.retain(|effect| matches!(effect, Effect::Send(Message::Welcome(_))));
        if tell {
            let (code, message) =
                (clip(error.code(), MAX_CODE_BYTES), clip(&error.for_peer(), MAX_TEXT_BYTES));
            self.effects.push_back(Effect::Send(Message::Refused { code, message }));
        }
        self.effects.push_back(Effect::Finished(Err(error)));
    }

    /// The connection is gone.
    pub fn interrupted(&mut self, reason: impl Into<String>) {
        self.failed(SyncError::Interrupted { reason: reason.into() });
    }

    fn take_in(&mut self, message: Message) -> Result<(), SyncError> {
        match (&mut self.phase, message) {
            (_, Message::Refused { code, message }) => Err(SyncError::Refused { code, message }),
            (Phase::Expecting, Message::Hello(theirs)) => {
                self.effects.push_back(Effect::Send(Message::Welcome(self.ours.clone())));
                self.introduced(theirs)
            }
            (Phase::Opened, Message::Welcome(theirs)) => self.introduced(theirs),
            (Phase::Exchanging(exchange), message) => {
                exchange.take_in(&self.ours, message, &mut self.effects)
            }
            (_, message) => Err(out_of_place(&message)),
        }
    }

    fn introduced(&mut self, theirs: Hello) -> Result<(), SyncError> {
        check::compatible(&self.ours, &theirs)?;
        let exchange = Exchange::new(&self.ours, theirs);
        if exchange.incoming.received.is_some() || exchange.incoming.expects_schema_changes {
            self.effects.push_back(Effect::Prepare);
        }
        self.phase = Phase::Exchanging(Box::new(exchange));
        Ok(())
    }

    /// Asks for what can be sent, and ends the session when both directions are done.
    fn go_on(&mut self) {
        let Phase::Exchanging(exchange) = &mut self.phase else { return };
        if exchange.outgoing.wants_to_read() {
            exchange.outgoing.reading = true;
            self.effects.push_back(if exchange.outgoing.owes_schema {
                Effect::ReadSchema
            } else if exchange.outgoing.owes_schema_changes {
                Effect::ReadSchemaChanges { known: exchange.theirs.schema.known.clone() }
            } else {
                Effect::ReadChanges
            });
        }
        if exchange.outgoing.is_done() && exchange.incoming.is_done() {
            self.effects.push_back(Effect::Finished(Ok(exchange.report.clone())));
            self.phase = Phase::Finished;
        }
    }
}

/// The text up to a length in bytes, without cutting a character.
fn clip(text: &str, limit: usize) -> String {
    let end = (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}
