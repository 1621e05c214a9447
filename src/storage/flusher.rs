//! The thread that makes eventual commits durable.
//!
//! It starts with the first such commit, sleeps while there is none, and ends with its owner. A sync
//! that fails poisons the handle, so the next call reports it.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use super::Durability;
use super::group::Group;
use crate::error::Error;

/// Owns the thread. Dropping it syncs what is pending and waits for the thread.
#[derive(Debug)]
pub(super) struct Flusher {
    group: Arc<Group>,
    signal: Arc<Signal>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pending: bool,
    closing: bool,
}

impl Flusher {
    pub(super) fn new(group: Arc<Group>) -> Flusher {
        Flusher { group, signal: Arc::default(), thread: Mutex::new(None) }
    }

    /// Sees to it that everything written so far is synced within [`Durability::INTERVAL`].
    pub(super) fn ask(&self) -> Result<(), Error> {
        self.signal.state.lock().pending = true;
        self.signal.changed.notify_all();
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let (group, signal) = (Arc::clone(&self.group), Arc::clone(&self.signal));
            let started =
                thread::Builder::new().name("reunite-sync".to_owned()).spawn(move || run(&group, &signal));
            *thread = Some(started.map_err(|error| Error::io("start the thread that syncs", error))?);
        }
        Ok(())
    }
}

fn run(group: &Group, signal: &Signal) {
    loop {
        let mut state = signal.state.lock();
        signal.changed.wait_while(&mut state, |state| !state.pending && !state.closing);
        // More commits may come within the interval; they share this sync.
        signal.changed.wait_while_for(&mut state, |state| !state.closing, Durability::INTERVAL);
        let closing = state.closing;
        let pending = std::mem::take(&mut state.pending);
        drop(state);
        if pending {
            let _ = group.sync(group.written()); // An error stays in the group's poison.
        }
        if closing {
            return;
        }
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.signal.state.lock().closing = true;
        self.signal.changed.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join(); // It does not panic.
        }
    }
}
