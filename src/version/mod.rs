//! Causality, and nothing else: stamps, version vectors, the hybrid logical clock.
//!
//! Vectors decide *whether* two changes are concurrent; stamps only order winners and label changes.
//! No file here reads a clock: time comes in through the [`Clock`] trait.

mod clock;
mod stamp;
mod vector;

pub use clock::{Clock, Hlc, HybridClock, ManualClock, SystemClock};
pub use stamp::{Priority, Stamp};
pub use vector::{Knowledge, VersionVector};
