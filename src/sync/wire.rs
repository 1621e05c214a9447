//! Messages as bytes. The layouts are in `docs/PROTOCOL.md`; how rows, log entries and
//! knowledge look is the codec's.
//!
//! Bytes of a peer never panic here and never make it allocate more than a multiple of their length.

use super::error::{SyncError, within};
use super::message::{
    Base, Digest, Hello, MAX_CODE_BYTES, MAX_MESSAGE_BYTES, MAX_SCHEMA_BYTES, MAX_SCHEMA_CHANGE_BYTES,
    MAX_TEXT_BYTES, MAX_UNICODE_BYTES, Message, SchemaChange, SchemaState,
};
use crate::codec::Malformed;
use crate::codec::wire::{MessageReader, MessageWriter};
use crate::ids::DatabaseId;
use crate::row::{Batch, LogEntry};

/// The first byte of a message.
mod tag {
    pub(super) const HELLO: u8 = 1;
    pub(super) const WELCOME: u8 = 2;
    pub(super) const SCHEMA: u8 = 3;
    pub(super) const CHANGES: u8 = 4;
    pub(super) const APPLIED: u8 = 5;
    pub(super) const REFUSED: u8 = 6;
    pub(super) const SCHEMA_CHANGES: u8 = 7;
}

/// What is there in a hello or welcome. A welcome leaves out what is as in the hello.
mod flag {
    pub(super) const GIVES: u8 = 1;
    pub(super) const TAKES: u8 = 1 << 1;
    pub(super) const BASE: u8 = 1 << 2;
    pub(super) const STATE: u8 = 1 << 3;
    pub(super) const KNOWLEDGE: u8 = 1 << 4;
    pub(super) const SAME_BASE: u8 = 1 << 5;
    pub(super) const SAME_STATE: u8 = 1 << 6;
    /// Changes of the schema. Without it there are none, or those of the hello.
    pub(super) const SCHEMA: u8 = 1 << 7;
}

/// What a hello says of texts.
mod texts {
    /// Its schema has texts that are compared by the tables of Unicode.
    pub(super) const FOLDS: u8 = 1;
    /// By the version that the hello has named.
    pub(super) const SAME_UNICODE: u8 = 1 << 1;
}

/// Turns the messages of one session into bytes and back. It remembers the hello, because the welcome
/// says only what differs from it: a session in which nothing changed takes a few dozen bytes.
///
/// ```
/// use reunite::ids::ReplicaId;
/// use reunite::sync::{Hello, Message, PROTOCOL_VERSION, Wire};
/// let hello = Hello {
///     protocol: PROTOCOL_VERSION,
///     replica: ReplicaId::from_bytes([1; 16]),
///     base: None,
///     schema: Default::default(),
///     unicode: "16.0.0".to_owned(),
///     folds: false,
///     knowledge: Default::default(),
///     state: None,
///     gives: true,
///     takes: true,
/// };
/// let (mut ours, mut theirs) = (Wire::default(), Wire::default()); // one for each side
/// let bytes = ours.encode(&Message::Hello(hello.clone()))?;
/// assert_eq!(theirs.decode(&bytes)?, Message::Hello(hello));
/// # Ok::<(), reunite::sync::SyncError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Wire {
    hello: Option<Hello>,
}

impl Wire {
    /// The bytes of a message.
    ///
    /// # Errors
    /// [`SyncError::Limit`] if they are too many.
    pub fn encode(&mut self, message: &Message) -> Result<Vec<u8>, SyncError> {
        let mut out = MessageWriter::new();
        match message {
            Message::Hello(hello) => {
                put_hello(&mut out, tag::HELLO, hello, None);
                self.hello = Some(hello.clone());
            }
            Message::Welcome(hello) => put_hello(&mut out, tag::WELCOME, hello, self.hello.as_ref()),
            Message::Schema { database, creator, sql } => {
                out.byte(tag::SCHEMA);
                out.fixed(database.as_bytes());
                out.byte(u8::from(creator.is_some()));
                creator.iter().for_each(|creator| out.replica(*creator));
                out.text(sql);
            }
            Message::SchemaChanges(changes) => {
                out.byte(tag::SCHEMA_CHANGES);
                out.number(length(changes.len()));
                for change in changes {
                    out.dot(change.id);
                    out.text(&change.text);
                }
            }
            Message::Changes { number, batch } => put_batch(&mut out, *number, batch),
            Message::Applied => out.byte(tag::APPLIED),
            Message::Refused { code, message } => {
                out.byte(tag::REFUSED);
                out.text(code);
                out.text(message);
            }
        }
        let bytes = out.finish();
        within("a message", bytes.len(), MAX_MESSAGE_BYTES)?;
        Ok(bytes)
    }

    /// The message of these bytes.
    ///
    /// # Errors
    /// [`SyncError::Corrupt`] if there is no such message, [`SyncError::Limit`] if it is too large.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Message, SyncError> {
        within("a message", bytes.len(), MAX_MESSAGE_BYTES)?;
        let mut input = MessageReader::new(bytes)?;
        let message = match input.byte()? {
            tag::HELLO => {
                let hello = take_hello(&mut input, None)?;
                self.hello = Some(hello.clone());
                Message::Hello(hello)
            }
            tag::WELCOME => Message::Welcome(take_hello(&mut input, self.hello.as_ref())?),
            tag::SCHEMA => Message::Schema {
                database: DatabaseId::from_bytes(input.fixed()?),
                creator: match input.byte()? {
                    0 => None,
                    1 => Some(input.replica()?),
                    other => return Err(corrupt(format!("there is no creator of the form {other}"))),
                },
                sql: input.text(MAX_SCHEMA_BYTES)?.to_owned(),
            },
            tag::SCHEMA_CHANGES => take_schema_changes(&mut input)?,
            tag::CHANGES => take_batch(&mut input)?,
            tag::APPLIED => Message::Applied,
            tag::REFUSED => Message::Refused {
                code: input.text(MAX_CODE_BYTES)?.to_owned(),
                message: input.text(MAX_TEXT_BYTES)?.to_owned(),
            },
            other => return Err(corrupt(format!("there is no message {other}"))),
        };
        input.end()?;
        Ok(message)
    }
}

impl From<Malformed> for SyncError {
    fn from(malformed: Malformed) -> SyncError {
        corrupt(malformed.what)
    }
}

const fn corrupt(what: String) -> SyncError {
    SyncError::Corrupt { what }
}

fn put_hello(out: &mut MessageWriter, tag: u8, hello: &Hello, first: Option<&Hello>) {
    let same_base = first.is_some_and(|first| first.base == hello.base);
    let same_state = first.is_some_and(|first| first.state == hello.state);
    let same_knowledge = first.is_some_and(|first| first.knowledge == hello.knowledge);
    let schema = first.map(|first| first.schema.clone()).unwrap_or_default() != hello.schema;
    let base = hello.base.filter(|_| !same_base);
    let state = hello.state.filter(|_| !same_state);
    let flags = [
        (hello.gives, flag::GIVES),
        (hello.takes, flag::TAKES),
        (base.is_some(), flag::BASE),
        (state.is_some(), flag::STATE),
        (!same_knowledge, flag::KNOWLEDGE),
        (same_base, flag::SAME_BASE),
        (same_state, flag::SAME_STATE),
        (schema, flag::SCHEMA),
    ];
    out.byte(tag);
    out.number(u64::from(hello.protocol));
    out.byte(flags.iter().filter(|(set, _)| *set).fold(0, |flags, (_, flag)| flags | flag));
    out.replica(hello.replica);
    let same_unicode = first.is_some_and(|first| first.unicode == hello.unicode);
    let (folds, same) = (u8::from(hello.folds) * texts::FOLDS, u8::from(same_unicode) * texts::SAME_UNICODE);
    out.byte(folds | same);
    if !same_unicode {
        out.text(&hello.unicode);
    }
    if let Some(base) = base {
        out.fixed(base.database.as_bytes());
        out.fixed(&base.schema.0);
    }
    if schema {
        out.fixed(&hello.schema.digest.0);
        out.knowledge(&hello.schema.known);
    }
    if let Some(state) = state {
        out.fixed(&state.0);
    }
    if !same_knowledge {
        out.knowledge(&hello.knowledge);
    }
}

fn take_hello(input: &mut MessageReader<'_>, first: Option<&Hello>) -> Result<Hello, SyncError> {
    let protocol = input.number()?;
    let protocol =
        u32::try_from(protocol).map_err(|_| corrupt(format!("there is no protocol version {protocol}")))?;
    let flags = input.byte()?;
    let has = |flag| flags & flag != 0;
    let both = |a, b| has(a) && has(b);
    let refers = has(flag::SAME_BASE) || has(flag::SAME_STATE) || !has(flag::KNOWLEDGE);
    let twice = both(flag::BASE, flag::SAME_BASE) || both(flag::STATE, flag::SAME_STATE);
    if twice || (refers && first.is_none()) {
        return Err(corrupt(format!("there is no hello with the flags {flags:#04x}")));
    }
    let replica = input.replica()?;
    let (folds, unicode) = take_texts(input, first)?;
    let base = match has(flag::BASE) {
        true => {
            Some(Base { database: DatabaseId::from_bytes(input.fixed()?), schema: Digest(input.fixed()?) })
        }
        false => first.filter(|_| has(flag::SAME_BASE)).and_then(|first| first.base),
    };
    let schema = match has(flag::SCHEMA) {
        true => SchemaState { digest: Digest(input.fixed()?), known: input.knowledge()? },
        false => first.map(|first| first.schema.clone()).unwrap_or_default(),
    };
    let state = match has(flag::STATE) {
        true => Some(Digest(input.fixed()?)),
        false => first.filter(|_| has(flag::SAME_STATE)).and_then(|first| first.state),
    };
    let knowledge = match first.filter(|_| !has(flag::KNOWLEDGE)) {
        Some(first) => first.knowledge.clone(),
        None => input.knowledge()?,
    };
    let (gives, takes) = (has(flag::GIVES), has(flag::TAKES));
    Ok(Hello { protocol, replica, base, schema, unicode, folds, knowledge, state, gives, takes })
}

/// How the peer compares texts.
fn take_texts(input: &mut MessageReader<'_>, first: Option<&Hello>) -> Result<(bool, String), SyncError> {
    let flags = input.byte()?;
    let wrong = || corrupt(format!("there is no hello with texts {flags:#04x}"));
    if flags & !(texts::FOLDS | texts::SAME_UNICODE) != 0 {
        return Err(wrong());
    }
    let unicode = match flags & texts::SAME_UNICODE {
        0 => input.text(MAX_UNICODE_BYTES)?.to_owned(),
        _ => first.ok_or_else(wrong)?.unicode.clone(),
    };
    Ok((flags & texts::FOLDS != 0, unicode))
}

fn put_batch(out: &mut MessageWriter, number: u64, batch: &Batch) {
    out.byte(tag::CHANGES);
    out.number(number);
    out.number(length(batch.changes.len()));
    batch.changes.iter().for_each(|change| out.change(change));
    out.number(length(batch.log.len()));
    batch.log.iter().for_each(|entry| out.log_entry(entry.dot, entry.hlc, entry.key));
}

fn take_batch(input: &mut MessageReader<'_>) -> Result<Message, SyncError> {
    let number = input.number()?;
    let mut batch = Batch::default();
    for _ in 0..input.count(LEAST_CHANGE)? {
        batch.changes.push(input.change()?);
    }
    for _ in 0..input.count(LEAST_ENTRY)? {
        let (dot, hlc, key) = input.log_entry()?;
        batch.log.push(LogEntry { dot, hlc, key });
    }
    Ok(Message::Changes { number, batch })
}

fn take_schema_changes(input: &mut MessageReader<'_>) -> Result<Message, SyncError> {
    let mut changes = Vec::new();
    for _ in 0..input.count(LEAST_SCHEMA_CHANGE)? {
        let id = input.dot()?;
        changes.push(SchemaChange { id, text: input.text(MAX_SCHEMA_CHANGE_BYTES)?.to_owned() });
    }
    Ok(Message::SchemaChanges(changes))
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The fewest bytes of a change of the schema: replica, number, length of the text.
const LEAST_SCHEMA_CHANGE: usize = 3;

/// The fewest bytes of a row: key and head.
const LEAST_CHANGE: usize = 2;

/// The fewest bytes of a log entry: replica, seq, time, row.
const LEAST_ENTRY: usize = 4;
