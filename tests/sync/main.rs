//! Sync sessions over replicas in memory: random histories with broken sessions, and hostile peers.
//! Nothing here has a disk, a socket or a schema.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod histories;
mod hostile;
mod link;
mod pipes;
mod sessions;
mod toy;
