//! Sync: how two replicas come to know what either of them knew.
//!
//! A [`Session`] is a state machine. It knows no store, socket, thread or clock: messages of the peer
//! go in, [`Effect`]s come out, and a driver carries these out and reports back. Each batch is applied
//! in one commit together with the knowledge that it teaches, so a session may break at any byte, and
//! the next one goes on from there. Nothing changed costs one round trip.
//!
//! The schema goes first: what a peer lacks of it is sent and acknowledged before any change, so that
//! nobody has to make sense of data that is newer than his schema. What a schema is, is not known here.
//!
//! What is left to the driver, because it needs the store or a clock: to refuse stamps too far in the
//! future, withheld values that are not there, and log entries of rows that are not there.
//!
//! This is all there is to a driver, here between two stores in memory:
//!
//! ```
//! use std::collections::{BTreeMap, VecDeque};
//! use reunite::error::Error;
//! use reunite::ids::{DatabaseId, Dot, ReplicaId, RowId, RowKey, Seq, TableId};
//! use reunite::merge::merge;
//! use reunite::row::{Batch, Life, LogEntry, RowState};
//! use reunite::sync::{Base, Config, Digest, Effect, Log, Message, Report, Session, Source, SyncError};
//! use reunite::version::{Hlc, Knowledge, Priority, Stamp};
//!
//! #[derive(Default)]
//! struct Store {
//!     rows: BTreeMap<RowKey, RowState>,
//!     log: BTreeMap<Dot, LogEntry>,
//!     knowledge: Knowledge,
//! }
//!
//! impl Source for Store {
//!     fn log(&self, replica: ReplicaId, after: Seq) -> Result<Log<'_>, Error> {
//!         let range = Dot { replica, seq: after + 1 }..=Dot { replica, seq: Seq::MAX };
//!         Ok(Box::new(self.log.range(range).map(|(_, entry)| Ok(*entry))))
//!     }
//!
//!     fn row(&self, key: RowKey) -> Result<Option<RowState>, Error> {
//!         Ok(self.rows.get(&key).cloned())
//!     }
//! }
//!
//! impl Store {
//!     fn insert(&mut self, replica: ReplicaId, seq: Seq) {
//!         let (dot, hlc) = (Dot { replica, seq }, Hlc(seq));
//!         let key = RowKey { table: TableId(1), row: RowId::from_bytes(u128::from(seq).to_be_bytes()) };
//!         let mut row = RowState::new(dot);
//!         row.write_life(Stamp::new(Priority::default(), hlc, dot), Life::ALIVE, &[]);
//!         self.rows.insert(key, row);
//!         self.log.insert(dot, LogEntry { dot, hlc, key });
//!         self.knowledge.cover(dot);
//!     }
//!
//!     // A real store does this in one commit.
//!     fn apply(&mut self, batch: Batch) -> Result<Knowledge, SyncError> {
//!         self.knowledge.join(&batch.teaches());
//!         self.log.extend(batch.log.into_iter().map(|entry| (entry.dot, entry)));
//!         for change in batch.changes {
//!             let (key, mine) = (change.key, self.rows.get(&change.key));
//!             let what = || SyncError::Protocol { what: "withheld what is not here".into() };
//!             let theirs = change.complete(mine).ok_or_else(what)?;
//!             let merged = mine.map_or(theirs.clone(), |mine| merge(mine, &theirs));
//!             self.rows.insert(key, merged);
//!         }
//!         Ok(self.knowledge.clone())
//!     }
//!
//!     /// Carries out effects until the session waits for the peer, or is over.
//!     fn drive(&mut self, session: &mut Session, out: &mut VecDeque<Message>) -> Option<Result<Report, SyncError>> {
//!         while let Some(effect) = session.next_effect() {
//!             match effect {
//!                 Effect::Send(message) => out.push_back(message),
//!                 Effect::ReadSchema => session.supply_schema("CREATE TABLE t (a TEXT)".into()),
//!                 Effect::AdoptSchema { .. } => session.adopted(Digest([1; 16])),
//!                 Effect::ReadChanges => session.supply(self),
//!                 Effect::Apply(batch) => match self.apply(batch) {
//!                     Ok(knowledge) => session.applied(knowledge),
//!                     Err(error) => session.failed(error),
//!                 },
//!                 Effect::Finished(outcome) => return Some(outcome),
//!                 _ => {}
//!             }
//!         }
//!         None
//!     }
//! }
//!
//! let [ann, bob] = [1, 2].map(|n| ReplicaId::from_bytes([n; 16]));
//! let (mut a, mut b) = (Store::default(), Store::default());
//! (1..=9).for_each(|seq| a.insert(ann, seq));
//!
//! // Bob is empty: he takes over Ann's database, schema and data.
//! let base = Base { database: DatabaseId::from_bytes([7; 16]), schema: Digest([1; 16]) };
//! let mut at_ann = Session::open(&Config::new(ann, Some(base), a.knowledge.clone()));
//! let mut at_bob = Session::accept(&Config::new(bob, None, b.knowledge.clone()));
//! let (mut to_bob, mut to_ann) = (VecDeque::new(), VecDeque::new());
//! let (mut report, mut other) = (None, None);
//! while report.is_none() || other.is_none() {
//!     report = report.or(a.drive(&mut at_ann, &mut to_bob));
//!     to_bob.drain(..).for_each(|message| at_bob.receive(message));
//!     other = other.or(b.drive(&mut at_bob, &mut to_ann));
//!     to_ann.drain(..).for_each(|message| at_ann.receive(message));
//! }
//! let (Some(report), Some(other)) = (report, other) else { unreachable!("both are over") };
//! assert_eq!(report?.sent.rows, 9);
//! assert!(other?.adopted);
//! assert_eq!((a.rows, a.knowledge), (b.rows, b.knowledge));
//! # Ok::<(), SyncError>(())
//! ```
//!
//! The messages, in words and in bytes, are described in `docs/PROTOCOL.md`.

mod check;
mod effect;
mod enumerate;
mod error;
mod exchange;
mod message;
mod session;
mod wire;

pub use effect::{Config, Count, Effect, Report};
pub use enumerate::{Batcher, Log, REMEMBERED_ROWS, Source};
pub use error::SyncError;
pub use message::{
    BATCH_BYTES, Base, Digest, Hello, MAX_CODE_BYTES, MAX_MESSAGE_BYTES, MAX_SCHEMA_BYTES,
    MAX_SCHEMA_CHANGE_BYTES, MAX_TEXT_BYTES, MAX_UNICODE_BYTES, Message, PROTOCOL_VERSION, SchemaChange,
    SchemaState, WINDOW,
};
pub use session::Session;
pub use wire::Wire;
