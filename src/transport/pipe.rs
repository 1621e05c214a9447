//! A connection in memory, which counts its bytes and can be made to break at any of them: for
//! replicas in one process, for scripts and for tests. Nothing here waits but [`Transport::receive`].

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::Transport;
use crate::codec::frame::{FrameReader, encode_frame};
use crate::sync::{MAX_MESSAGE_BYTES, SyncError};

/// What both ends of a pipe share, and what an observer sees of it.
///
/// ```
/// use reunite::transport::{Pipe, Transport};
/// let (pipe, mut ann, mut bob) = Pipe::new();
/// ann.send(b"hello")?;
/// assert_eq!(bob.receive()?, Some(b"hello".to_vec()));
/// assert_eq!(pipe.carried(), 14); // a frame has 9 bytes beside the message
/// ann.close();
/// assert_eq!(bob.receive()?, None);
/// # Ok::<(), reunite::sync::SyncError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Pipe(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes under way to each end.
    lanes: [Lane; 2],
    carried: u64,
    /// The pipe breaks after so many bytes.
    cut: Option<u64>,
    broken: bool,
}

#[derive(Debug, Default)]
struct Lane {
    bytes: Vec<u8>,
    /// The sender sends no more.
    closed: bool,
}

/// One of the two ends.
///
/// See [`Pipe`] for an example.
#[derive(Debug)]
pub struct PipeEnd {
    pipe: Pipe,
    side: Side,
    reader: FrameReader,
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Left,
    Right,
}

/// What there is to receive, without waiting.
///
/// ```
/// use reunite::transport::{Arrival, Pipe, Transport};
/// let (_, mut ann, mut bob) = Pipe::new();
/// assert_eq!(bob.poll()?, Arrival::Nothing);
/// ann.send(b"hello")?;
/// ann.close();
/// assert_eq!(bob.poll()?, Arrival::Message(b"hello".to_vec()));
/// assert_eq!(bob.poll()?, Arrival::Closed);
/// # Ok::<(), reunite::sync::SyncError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A message.
    Message(Vec<u8>),
    /// Nothing yet.
    Nothing,
    /// Nothing any more: the other side has closed.
    Closed,
}

impl Pipe {
    /// A pipe that holds, and its two ends.
    #[must_use]
    pub fn new() -> (Pipe, PipeEnd, PipeEnd) {
        Pipe::with_cut(None)
    }

    /// A pipe that breaks after so many bytes, counted over both directions in the order of sending.
    ///
    /// ```
    /// use reunite::transport::{Pipe, Transport};
    /// let (_, mut ann, mut bob) = Pipe::with_cut(Some(20));
    /// ann.send(b"hello")?; // 14 bytes
    /// assert_eq!(bob.receive()?, Some(b"hello".to_vec()));
    /// ann.send(b"again")?; // like a socket, it does not tell the sender at once
    /// assert!(bob.receive().is_err() && ann.send(b"again").is_err());
    /// # Ok::<(), reunite::sync::SyncError>(())
    /// ```
    #[must_use]
    pub fn with_cut(cut: Option<u64>) -> (Pipe, PipeEnd, PipeEnd) {
        let pipe = Pipe::default();
        pipe.0.state.lock().cut = cut;
        let end = |side| PipeEnd { pipe: pipe.clone(), side, reader: FrameReader::new(MAX_MESSAGE_BYTES) };
        let (left, right) = (end(Side::Left), end(Side::Right));
        (pipe, left, right)
    }

    /// How many bytes went through it, over both directions.
    #[must_use]
    pub fn carried(&self) -> u64 {
        self.0.state.lock().carried
    }
}

impl State {
    /// The bytes on their way to this end.
    const fn to(&mut self, side: Side) -> &mut Lane {
        let [left, right] = &mut self.lanes;
        match side {
            Side::Left => left,
            Side::Right => right,
        }
    }
}

impl Side {
    const fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }
}

impl PipeEnd {
    /// What has arrived, without waiting for more.
    ///
    /// # Errors
    /// As [`Transport::receive`].
    pub fn poll(&mut self) -> Result<Arrival, SyncError> {
        let mut state = self.pipe.0.state.lock();
        let broken = state.broken;
        let lane = state.to(self.side);
        self.reader.push(&std::mem::take(&mut lane.bytes));
        if let Some(message) = self.reader.pop()? {
            return Ok(Arrival::Message(message));
        }
        match (broken, lane.closed) {
            (true, _) => Err(interrupted("the connection broke")),
            (false, true) if self.reader.waiting() > 0 => {
                Err(interrupted("the peer closed within a message"))
            }
            (false, true) => Ok(Arrival::Closed),
            (false, false) => Ok(Arrival::Nothing),
        }
    }
}

fn interrupted(reason: &str) -> SyncError {
    SyncError::Interrupted { reason: reason.to_owned() }
}

impl Transport for PipeEnd {
    fn send(&mut self, message: &[u8]) -> Result<(), SyncError> {
        let frame = encode_frame(message);
        let mut state = self.pipe.0.state.lock();
        if state.broken || state.to(self.side.other()).closed {
            return Err(interrupted("the connection is closed"));
        }
        let length = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        let room = state.cut.map_or(u64::MAX, |cut| cut.saturating_sub(state.carried));
        let passes = length.min(room);
        state.carried += passes;
        // Like a socket, it may break without the sender hearing of it now.
        state.broken = passes < length;
        let passes = usize::try_from(passes).unwrap_or(usize::MAX);
        let passed = frame.get(..passes).unwrap_or(&frame);
        state.to(self.side.other()).bytes.extend_from_slice(passed);
        drop(state);
        self.pipe.0.changed.notify_all();
        Ok(())
    }

    fn receive(&mut self) -> Result<Option<Vec<u8>>, SyncError> {
        loop {
            match self.poll()? {
                Arrival::Message(message) => return Ok(Some(message)),
                Arrival::Closed => return Ok(None),
                Arrival::Nothing => {}
            }
            let mut state = self.pipe.0.state.lock();
            let broken = state.broken;
            let lane = state.to(self.side);
            if lane.bytes.is_empty() && !lane.closed && !broken {
                self.pipe.0.changed.wait(&mut state);
            }
        }
    }

    fn close(&mut self) {
        self.pipe.0.state.lock().to(self.side.other()).closed = true;
        self.pipe.0.changed.notify_all();
    }
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        self.close();
    }
}
