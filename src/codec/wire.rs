//! What messages between replicas are made of: replicas by number, rows, log entries, knowledge.
//!
//! A message names each replica once, at its front, and each row once. What the messages are is decided
//! in `sync`; here are their parts. A peer's bytes are hostile until read: everything that a row's
//! facts promise (ascending, no duplicates, every live change in the vector) is checked while reading.

use std::collections::BTreeMap;

use super::ReplicaNumbers;
use super::bytes::{Input, Malformed, Origin, Output, unzigzag, zigzag};
use super::change::{put_change, take_change};
use super::log::{put_row_key, take_row_key};
use super::stamps::{put_dot, replica, take_dot};
use crate::ids::{Dot, ReplicaId, RowKey, Seq};
use crate::row::RowChange;
use crate::version::{Hlc, Knowledge};

/// The most replicas that one message may name.
pub const MAX_MESSAGE_REPLICAS: usize = 1 << 16;

/// Writes the parts of a message, one after the other.
///
/// ```
/// use reunite::codec::wire::{MessageReader, MessageWriter};
/// use reunite::ids::ReplicaId;
/// use reunite::version::Knowledge;
/// let knowledge = Knowledge::from_iter([(ReplicaId::from_bytes([1; 16]), 7)]);
/// let mut message = MessageWriter::new();
/// message.byte(1);
/// message.knowledge(&knowledge);
/// let bytes = message.finish();
/// let mut message = MessageReader::new(&bytes)?;
/// assert_eq!(message.byte()?, 1);
/// assert_eq!(message.knowledge()?, knowledge);
/// message.end()?;
/// # Ok::<(), reunite::codec::Malformed>(())
/// ```
pub struct MessageWriter {
    body: Output,
    replicas: MessageReplicas,
    /// The rows named so far, by the order in which they were.
    rows: BTreeMap<RowKey, usize>,
    log: LogState,
}

/// The last log entry, from which the next one differs little.
#[derive(Default)]
struct LogState {
    hlc: Hlc,
    seqs: BTreeMap<ReplicaId, Seq>,
}

/// The replicas that a message names.
#[derive(Default)]
struct MessageReplicas {
    ids: Vec<ReplicaId>,
    numbers: BTreeMap<ReplicaId, u32>,
}

impl ReplicaNumbers for MessageReplicas {
    fn number(&mut self, id: ReplicaId) -> u32 {
        let next = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(id).or_insert_with(|| {
            self.ids.push(id);
            next
        })
    }
}

impl Default for MessageWriter {
    fn default() -> MessageWriter {
        MessageWriter::new()
    }
}

impl MessageWriter {
    /// An empty message.
    #[must_use]
    pub fn new() -> MessageWriter {
        MessageWriter {
            body: Output::with_capacity(256),
            replicas: MessageReplicas::default(),
            rows: BTreeMap::new(),
            log: LogState::default(),
        }
    }

    /// One byte.
    pub fn byte(&mut self, byte: u8) {
        self.body.byte(byte);
    }

    /// A number; small ones take one byte.
    pub fn number(&mut self, number: u64) {
        self.body.integer(number);
    }

    /// Bytes of a length that the reader knows.
    pub fn fixed<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.body.raw(bytes);
    }

    /// A text with its length.
    pub fn text(&mut self, text: &str) {
        self.body.sized(text.as_bytes());
    }

    /// A replica.
    pub fn replica(&mut self, id: ReplicaId) {
        let number = self.replicas.number(id);
        self.body.integer(number);
    }

    /// A change.
    pub fn dot(&mut self, dot: Dot) {
        put_dot(&mut self.body, dot, &mut self.replicas);
    }

    /// What a replica knows, or any version vector.
    pub fn knowledge(&mut self, knowledge: &Knowledge) {
        self.body.length(knowledge.iter().len());
        knowledge.iter().for_each(|(replica, seq)| self.dot(Dot { replica, seq }));
    }

    /// A changed row.
    pub fn change(&mut self, change: &RowChange) {
        self.row(change.key);
        put_change(&mut self.body, change, &mut self.replicas);
    }

    /// A row by its key; in full the first time.
    pub fn row(&mut self, key: RowKey) {
        let next = self.rows.len();
        match *self.rows.entry(key).or_insert(next) {
            place if place < next => self.body.length(place + 1),
            _ => {
                self.body.length(0);
                put_row_key(&mut self.body, key);
            }
        }
    }

    /// One line of a change log: which change, when, in which row. Lines that follow each other take
    /// few bytes.
    pub fn log_entry(&mut self, dot: Dot, hlc: Hlc, row: RowKey) {
        let (later, last) = self.log.next(dot.replica, hlc);
        self.replica(dot.replica);
        self.body.integer(zigzag(dot.seq.wrapping_sub(last).cast_signed()));
        self.body.integer(zigzag(later));
        self.log.set(dot, hlc);
        self.row(row);
    }

    /// How many bytes the message has so far, about.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.body.size() + 16 * self.replicas.ids.len()
    }

    /// The message's bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let body = self.body.into_bytes();
        let mut out = Output::with_capacity(body.len() + 16 * self.replicas.ids.len() + 9);
        out.length(self.replicas.ids.len());
        self.replicas.ids.iter().for_each(|id| out.raw(id.as_bytes()));
        out.raw(&body);
        out.into_bytes()
    }
}

impl LogState {
    /// What the next entry is told against: how much later, and the replica's last seq.
    fn next(&self, replica: ReplicaId, hlc: Hlc) -> (i64, Seq) {
        let later = hlc.0.wrapping_sub(self.hlc.0).cast_signed();
        (later, self.seqs.get(&replica).copied().unwrap_or(0))
    }

    fn set(&mut self, dot: Dot, hlc: Hlc) {
        self.hlc = hlc;
        self.seqs.insert(dot.replica, dot.seq);
    }
}

/// Reads the parts of a message in the order in which they were written.
///
/// See [`MessageWriter`] for an example.
pub struct MessageReader<'a> {
    input: Input<'a>,
    replicas: Vec<ReplicaId>,
    rows: Vec<RowKey>,
    log: LogState,
}

impl<'a> MessageReader<'a> {
    /// A message of at most [`MAX_RECORD_BYTES`](super::MAX_RECORD_BYTES).
    ///
    /// # Errors
    /// It is longer, or does not begin with the replicas that it names.
    pub fn new(bytes: &'a [u8]) -> Result<MessageReader<'a>, Malformed> {
        let mut input = Input::new(bytes, Origin::Peer)?;
        let length = input.length(16)?;
        if length > MAX_MESSAGE_REPLICAS {
            return Err(Malformed::new(format!("a message names {length} replicas")));
        }
        let mut replicas = Vec::with_capacity(length);
        for _ in 0..length {
            replicas.push(ReplicaId::from_bytes(input.array()?));
        }
        Ok(MessageReader { input, replicas, rows: Vec::new(), log: LogState::default() })
    }

    /// One byte.
    ///
    /// # Errors
    /// The message ends before, as for all of these.
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.input.byte()
    }

    /// A number.
    ///
    /// # Errors
    /// It is not in its shortest form.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        self.input.integer()
    }

    /// How many parts follow, each of at least `least` bytes: never more than can be there.
    ///
    /// # Errors
    /// It is more.
    pub fn count(&mut self, least: usize) -> Result<usize, Malformed> {
        self.input.length(least)
    }

    /// Bytes of a known length.
    ///
    /// # Errors
    /// The message ends before.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.input.array()
    }

    /// A text of at most `limit` bytes.
    ///
    /// # Errors
    /// It is longer, or not UTF-8.
    pub fn text(&mut self, limit: usize) -> Result<&'a str, Malformed> {
        let bytes = self.input.sized()?;
        if bytes.len() > limit {
            return Err(Malformed::new(format!(
                "a text of {} bytes, at most {limit} are allowed",
                bytes.len()
            )));
        }
        std::str::from_utf8(bytes).map_err(|_| Malformed::new("a text is not UTF-8"))
    }

    /// A replica.
    ///
    /// # Errors
    /// The message did not name it at its front.
    pub fn replica(&mut self) -> Result<ReplicaId, Malformed> {
        let number = self.input.integer()?;
        replica(&|number| named(&self.replicas, number), number)
    }

    /// A change.
    ///
    /// # Errors
    /// Its number is 0, or its replica unknown.
    pub fn dot(&mut self) -> Result<Dot, Malformed> {
        take_dot(&mut self.input, &|number| named(&self.replicas, number))
    }

    /// What a replica knows.
    ///
    /// # Errors
    /// Its entries are not ascending by replica.
    pub fn knowledge(&mut self) -> Result<Knowledge, Malformed> {
        let mut knowledge = Knowledge::default();
        let mut last = None;
        for _ in 0..self.count(2)? {
            let dot = self.dot()?;
            if last >= Some(dot.replica) {
                return Err(Malformed::new("the entries of a version vector are not ascending"));
            }
            last = Some(dot.replica);
            knowledge.cover(dot);
        }
        Ok(knowledge)
    }

    /// A changed row.
    ///
    /// # Errors
    /// Its facts do not fit together.
    pub fn change(&mut self) -> Result<RowChange, Malformed> {
        let key = self.row()?;
        take_change(&mut self.input, key, &|number| named(&self.replicas, number))
    }

    /// A row by its key.
    ///
    /// # Errors
    /// It refers to a row that the message has not named.
    pub fn row(&mut self) -> Result<RowKey, Malformed> {
        match self.input.length(0)?.checked_sub(1) {
            Some(place) => {
                let row = self.rows.get(place).copied();
                row.ok_or_else(|| Malformed::new("a message refers to a row that it has not named"))
            }
            None => {
                let row = take_row_key(&mut self.input)?;
                self.rows.push(row);
                Ok(row)
            }
        }
    }

    /// One line of a change log.
    ///
    /// # Errors
    /// Its change has the number 0.
    pub fn log_entry(&mut self) -> Result<(Dot, Hlc, RowKey), Malformed> {
        let replica = self.replica()?;
        let (_, last) = self.log.next(replica, Hlc(0));
        let seq = last.wrapping_add(unzigzag(self.input.integer()?).cast_unsigned());
        let hlc = Hlc(self.log.hlc.0.wrapping_add(unzigzag(self.input.integer()?).cast_unsigned()));
        let dot = Dot { replica, seq };
        if seq == 0 {
            return Err(Malformed::new("a change without a number"));
        }
        self.log.set(dot, hlc);
        Ok((dot, hlc, self.row()?))
    }

    /// The end of the message.
    ///
    /// # Errors
    /// Bytes follow.
    pub fn end(self) -> Result<(), Malformed> {
        self.input.end()
    }
}

fn named(replicas: &[ReplicaId], number: u32) -> Option<ReplicaId> {
    replicas.get(usize::try_from(number).ok()?).copied()
}
