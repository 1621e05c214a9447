//! The peers, by name.

mod reunite;
#[cfg(feature = "session")]
mod session;
mod sqlite;

use anyhow::{Result, bail};

use crate::measure::Measurement;
use crate::peer::Peer;
use crate::workloads::Workload;

/// What all others are compared with.
pub const BASELINE: &str = "sqlite";

/// All that are built in.
pub const NAMES: &[&str] = &[
    BASELINE,
    "reunite",
    #[cfg(feature = "session")]
    "session",
];

/// Runs a workload once.
pub fn run(peer: &str, workload: Workload, rows: usize) -> Result<Vec<Measurement>> {
    match peer {
        BASELINE => workload.run::<sqlite::Sqlite>(rows),
        "reunite" => workload.run::<reunite::Reunite>(rows),
        #[cfg(feature = "session")]
        "session" => workload.run::<session::Session>(rows),
        _ => bail!("there is no peer {peer} in this build: there are {}", NAMES.join(", ")),
    }
}

/// What a peer does not do that Reunite does.
pub fn lacks(peer: &str) -> &'static str {
    match peer {
        BASELINE => sqlite::Sqlite::LACKS,
        #[cfg(feature = "session")]
        "session" => session::Session::LACKS,
        _ => reunite::Reunite::LACKS,
    }
}
