//! Drives sessions between a database and a transport: carries out the effects of a [`Session`].
//!
//! The session decides what happens; this module reads, applies and sends. Sessions between two
//! databases of one process run over an in-memory pipe, through the same messages and bytes as over
//! any other transport.
//!
//! [`Session`]: crate::sync::Session

mod decide;
mod driver;
mod handler;
mod local;
mod patience;
mod preview;
mod policy;
mod rename;
mod reviewer;
mod worker;

pub use decide::{Decisions, Outcome, apply_policies};
pub use driver::{Driver, State};
pub use handler::{Action, Case, ConflictHandler};
pub use local::{Direction, Options, Progress, Summary, pull, sync, sync_with};
pub use patience::{Patience, SystemTimer, Timer};
pub use policy::{Policies, Policy};
pub use preview::{Previews, preview, preview_with};
pub use reviewer::{Arrival, Reviewer, Reviews, Verdict};
pub use worker::HandlerError;
