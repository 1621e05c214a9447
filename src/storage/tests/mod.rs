//! Tests of the storage layer over every engine.

mod conformance;
mod directory;
mod failures;
mod journal;
mod model;
mod power_cut;
#[cfg(feature = "sled")]
mod sled;
