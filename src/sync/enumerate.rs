//! Enumeration: from change logs to batches.
//!
//! The replicas' logs are merged in the order of the hybrid clock, so that whatever prefix arrives is
//! causally closed, and cut into batches of bounded size. The cost follows what the peer lacks, not
//! the size of the database. This file does not know where logs and rows are kept (see [`Source`]).

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{Dot, ReplicaId, RowKey, Seq};
use crate::row::{Batch, LogEntry, RowChange, RowState};
use crate::value::Value;
use crate::version::{Hlc, Knowledge};

/// How many rows a session remembers having sent. Forgetting one means sending it again, which is
/// harmless.
pub const REMEMBERED_ROWS: usize = 65_536;

/// The lines of one replica's change log.
///
/// See [`Batcher`] for an example.
pub type Log<'a> = Box<dyn Iterator<Item = Result<LogEntry, Error>> + 'a>;

/// What a session reads of a replica. Different calls may see different snapshots, as long as a later
/// one sees no less.
///
/// See [`Batcher`] for an example.
pub trait Source {
    /// The changes of `replica` with a seq greater than `after`, ascending by seq, without a gap. Read
    /// lazily: a session may take only the first.
    ///
    /// # Errors
    /// If the storage fails.
    fn log(&self, replica: ReplicaId, after: Seq) -> Result<Log<'_>, Error>;

    /// The facts of a row; none if it was purged.
    ///
    /// # Errors
    /// If the storage fails.
    fn row(&self, key: RowKey) -> Result<Option<RowState>, Error>;
}

/// Makes the batches of one session, in one direction.
///
/// ```
/// use reunite::Error;
/// use reunite::ids::{Dot, ReplicaId, RowId, RowKey, Seq, TableId};
/// use reunite::row::{LogEntry, RowState};
/// use reunite::sync::{BATCH_BYTES, Batcher, Log, Source};
/// use reunite::version::{Hlc, Knowledge};
/// /// A replica that has changed one row so often.
/// struct OneRow(Seq);
/// const KEY: RowKey = RowKey { table: TableId(1), row: RowId::from_bytes([7; 16]) };
/// const ANN: ReplicaId = ReplicaId::from_bytes([1; 16]);
/// impl Source for OneRow {
///     fn log(&self, replica: ReplicaId, after: Seq) -> Result<Log<'_>, Error> {
///         let entry = move |seq| Ok(LogEntry { dot: Dot { replica, seq }, hlc: Hlc(seq), key: KEY });
///         Ok(Box::new((after + 1..=self.0).map(entry)))
///     }
///     fn row(&self, _: RowKey) -> Result<Option<RowState>, Error> {
///         Ok(Some(RowState::new(Dot { replica: ANN, seq: 1 })))
///     }
/// }
/// let knows = |seq| Knowledge::from_iter([(ANN, seq)]);
/// let mut batcher = Batcher::new(knows(3), knows(5));
/// let batch = batcher.next(&OneRow(5), BATCH_BYTES)?.ok_or("there is something to send")?;
/// assert_eq!((batch.changes.len(), batch.log.len()), (1, 2)); // the row once, for both changes
/// assert!(batcher.is_done());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Batcher {
    /// What the receiver said it knows: values that this covers are withheld.
    declared: Knowledge,
    /// What the receiver knows once it has applied the batches made so far.
    position: Knowledge,
    /// Where the session ends: what the sender knew when it began, so that a busy writer cannot keep
    /// a session open. A row read later holds at least this much, so it need not be sent twice.
    until: Knowledge,
    sent: Recent,
}

impl Batcher {
    /// Batches from what the receiver knows to what the sender knew when the session began.
    #[must_use]
    pub fn new(receiver_knows: Knowledge, until: Knowledge) -> Batcher {
        let position = receiver_knows.clone();
        Batcher { declared: receiver_knows, position, until, sent: Recent::new(REMEMBERED_ROWS) }
    }

    /// Whether everything is in the batches made so far.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.position.includes(&self.until)
    }

    /// The next batch of about `budget` bytes; none if there is nothing left. A commit that does not
    /// fit beside others is kept whole up to twice that, and a single row is sent whatever its size.
    ///
    /// # Errors
    /// If the storage fails, or if a log has a gap.
    pub fn next(&mut self, source: &dyn Source, budget: usize) -> Result<Option<Batch>, Error> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        let mut news = Merge::open(source, &self.position, &self.until)?;
        while let Some(entry) = news.next()? {
            let change = self.change(source, &entry)?;
            bytes += ENTRY_BYTES + change.as_ref().map_or(0, weight);
            let same_commit = batch.log.last().is_some_and(|last| is_same_commit(last, &entry));
            let limit = if same_commit { budget.saturating_mul(2) } else { budget };
            if bytes > limit && !batch.log.is_empty() {
                if planted(Bug::EarlyKnowledge) {
                    self.position = self.until.clone();
                    batch.log.push(entry);
                    while let Some(entry) = news.next()? {
                        batch.log.push(entry);
                    }
                }
                break;
            }
            if entry.dot.seq != self.position.get(entry.dot.replica) + 1 {
                return Err(gap(&self.position, entry.dot.replica));
            }
            self.position.cover(entry.dot);
            if let Some(change) = change {
                self.sent.insert(entry.key);
                batch.changes.push(change);
            }
            batch.log.push(entry);
        }
        if batch.log.is_empty() && !self.is_done() {
            let short = self.until.iter().find(|(replica, seq)| self.position.get(*replica) < *seq);
            return Err(short.map_or_else(|| Error::corrupt("change log"), |(id, _)| gap(&self.position, id)));
        }
        Ok((!batch.log.is_empty()).then_some(batch))
    }

    /// The entry's row as the receiver needs it, unless it has it already or the row was purged.
    fn change(&self, source: &dyn Source, entry: &LogEntry) -> Result<Option<RowChange>, Error> {
        if self.sent.contains(entry.key) {
            return Ok(None);
        }
        let facts = source.row(entry.key)?;
        let live = |facts: &RowState| facts.stamps().any(|stamp| stamp.dot == entry.dot);
        let facts = facts.filter(|facts| !planted(Bug::LogOfLiveChanges) || live(facts));
        Ok(facts.map(|facts| RowChange::for_peer(entry.key, facts, &self.declared)))
    }
}

fn gap(position: &Knowledge, replica: ReplicaId) -> Error {
    Error::corrupt(format!("the change log lacks change {} of replica {replica}", position.get(replica) + 1))
}

/// The changes of one commit share their writer and their time.
fn is_same_commit(a: &LogEntry, b: &LogEntry) -> bool {
    (a.hlc, a.dot.replica) == (b.hlc, b.dot.replica)
}

/// The logs of several replicas as one, in the order in which changes travel. Holds one line of each.
struct Merge<'a> {
    logs: Vec<(Log<'a>, Seq)>,
    heads: BinaryHeap<Reverse<Head>>,
}

/// The next line of one log. Orders as [`LogEntry::order`].
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    hlc: Hlc,
    replica: ReplicaId,
    seq: Seq,
    key: RowKey,
    log: usize,
}

impl<'a> Merge<'a> {
    fn open(source: &'a dyn Source, after: &Knowledge, until: &Knowledge) -> Result<Merge<'a>, Error> {
        let mut merge = Merge { logs: Vec::new(), heads: BinaryHeap::new() };
        for (replica, until) in until.iter().filter(|(replica, until)| after.get(*replica) < *until) {
            merge.logs.push((source.log(replica, after.get(replica))?, until));
            merge.advance(merge.logs.len() - 1)?;
        }
        Ok(merge)
    }

    fn next(&mut self) -> Result<Option<LogEntry>, Error> {
        let Some(Reverse(Head { hlc, replica, seq, key, log })) = self.heads.pop() else { return Ok(None) };
        self.advance(log)?;
        Ok(Some(LogEntry { dot: Dot { replica, seq }, hlc, key }))
    }

    fn advance(&mut self, log: usize) -> Result<(), Error> {
        let Some((lines, until)) = self.logs.get_mut(log) else { return Ok(()) };
        let Some(entry) = lines.next().transpose()?.filter(|entry| entry.dot.seq <= *until) else {
            return Ok(());
        };
        let LogEntry { dot, hlc, key } = entry;
        self.heads.push(Reverse(Head { hlc, replica: dot.replica, seq: dot.seq, key, log }));
        Ok(())
    }
}

/// The most recent rows: at least half and at most all of the capacity.
#[derive(Debug)]
struct Recent {
    half: usize,
    young: BTreeSet<RowKey>,
    old: BTreeSet<RowKey>,
}

impl Recent {
    fn new(capacity: usize) -> Recent {
        Recent { half: (capacity / 2).max(1), young: BTreeSet::new(), old: BTreeSet::new() }
    }

    fn contains(&self, key: RowKey) -> bool {
        self.young.contains(&key) || self.old.contains(&key)
    }

    fn insert(&mut self, key: RowKey) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key);
    }
}

/// About what a log entry takes in bytes.
const ENTRY_BYTES: usize = 8;

/// About what a changed row takes in bytes. Exact sizes are the codec's; a budget needs only this.
fn weight(change: &RowChange) -> usize {
    const ROW: usize = 48;
    const DOT: usize = 12;
    let state = &change.state;
    let small = state.life.len() + state.boost.len() + state.acks.len() + change.withheld.len();
    let dots = small + state.vector.iter().len();
    let values = state.units().flat_map(|(_, siblings)| siblings.iter());
    let values = values.map(|sibling| {
        let columns = sibling.value.columns.iter().map(value_bytes).sum::<usize>();
        DOT + columns + sibling.value.parents.len() * 20
    });
    ROW + dots * DOT + values.sum::<usize>()
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Boolean(_) => 1,
        Value::Integer(_) | Value::Real(_) | Value::Timestamp(_) => 9,
        Value::Uuid(_) => 17,
        Value::Text(text) => 5 + text.len(),
        Value::Blob(bytes) => 5 + bytes.len(),
        Value::Json(json) => 5 + json.as_str().len(),
    }
}
