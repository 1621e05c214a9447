//! Transports: how the messages of a session get to the other side. A transport carries frames whole
//! and in order, or reports that it broke. It knows no session and no database.

mod pipe;

pub use pipe::{Arrival, Pipe, PipeEnd};

use crate::sync::SyncError;

/// One end of a connection between two replicas.
///
/// See [`Pipe`] for an example.
pub trait Transport {
    /// Hands a message over. It may wait for room, but never for the other side to send: both sides
    /// may be sending at once.
    ///
    /// # Errors
    /// [`SyncError::Interrupted`] if the connection is gone.
    fn send(&mut self, message: &[u8]) -> Result<(), SyncError>;

    /// Waits for the next message; none if the other side has closed and everything was received.
    ///
    /// # Errors
    /// [`SyncError::Interrupted`] if the connection broke, [`SyncError::Corrupt`] or
    /// [`SyncError::Limit`] if what arrived is no message.
    fn receive(&mut self) -> Result<Option<Vec<u8>>, SyncError>;

    /// Says that nothing more will be sent. What was sent still arrives.
    fn close(&mut self);
}
