//! Group commit: callers that wait at the same time share one sync.
//!
//! One of the waiting callers syncs, for every frame written up to that moment; the others wait for
//! it, and whoever came too late for this sync starts the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use super::disk::DiskFile;
use super::poison::Poison;
use crate::error::Error;

/// What is written and what is durable.
#[derive(Debug)]
pub(super) struct Group {
    file: Arc<dyn DiskFile>,
    pub(super) poison: Poison,
    /// The last frame written.
    written: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// The last frame that survives a power cut.
    durable: u64,
    /// Whether some caller is syncing now.
    syncing: bool,
}

impl Group {
    /// Everything up to this frame is durable.
    pub(super) fn new(file: Arc<dyn DiskFile>, durable: u64) -> Group {
        Group {
            file,
            poison: Poison::default(),
            written: AtomicU64::new(durable),
            state: Mutex::new(State { durable, syncing: false }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn set_written(&self, sequence: u64) {
        self.written.store(sequence, Ordering::Release);
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// A checkpoint made everything up to this frame durable without the journal.
    pub(super) fn set_durable(&self, sequence: u64) {
        let mut state = self.state.lock();
        state.durable = state.durable.max(sequence);
        self.changed.notify_all();
    }

    /// Returns when this frame survives a power cut.
    pub(super) fn sync(&self, sequence: u64) -> Result<(), Error> {
        let mut state = self.state.lock();
        loop {
            if state.durable >= sequence {
                return Ok(());
            }
            self.poison.check()?;
            if !state.syncing {
                break;
            }
            self.changed.wait(&mut state);
        }
        state.syncing = true;
        drop(state);
        let target = self.written();
        let result = self.file.sync().map_err(|error| Error::io("sync the file journal", error));
        let result = self.poison.watch(result);
        let mut state = self.state.lock();
        state.syncing = false;
        if result.is_ok() {
            state.durable = state.durable.max(target);
        }
        self.changed.notify_all();
        result
    }
}
