//! The peers, by name.

#[cfg(feature = "automerge")]
mod automerge;
#[cfg(any(feature = "automerge", feature = "loro", feature = "yrs"))]
mod document;
#[cfg(feature = "loro")]
mod loro;
mod reunite;
#[cfg(feature = "session")]
mod session;
mod sqlite;
#[cfg(feature = "yrs")]
mod yrs;

use anyhow::{Result, bail};

use crate::measure::Measurement;
use crate::peer::Peer;
use crate::task::Task;

/// What all others are compared with.
pub const BASELINE: &str = "sqlite";

/// What a figure is compared with: the first of these that has one. Plain SQLite does not sync.
pub const BASELINES: &[&str] = &[BASELINE, "session"];

/// The engines under Reunite that are built in; the first is what the others are compared with.
pub const ENGINES: &[&str] = &[
    "redb",
    #[cfg(feature = "sled")]
    "sled",
    "memory",
];

/// Those that are built in without a feature. The feature of another one has its name.
pub const ALWAYS: &[&str] = &[BASELINE, "reunite"];

/// All that are built in.
pub const NAMES: &[&str] = &[
    BASELINE,
    "reunite",
    #[cfg(feature = "session")]
    "session",
    #[cfg(feature = "automerge")]
    "automerge",
    #[cfg(feature = "loro")]
    "loro",
    #[cfg(feature = "yrs")]
    "yrs",
];

/// Runs a task once.
pub fn run(task: &Task) -> Result<Vec<Measurement>> {
    match task.peer.as_str() {
        BASELINE => task.run::<sqlite::Sqlite>(),
        "reunite" | "redb" => task.run::<reunite::Reunite>(),
        #[cfg(feature = "sled")]
        "sled" => task.run::<reunite::Reunite<reunite::Sled>>(),
        "memory" => task.run::<reunite::Reunite<reunite::Memory>>(),
        #[cfg(feature = "session")]
        "session" => task.run::<session::Session>(),
        #[cfg(feature = "automerge")]
        "automerge" => task.run::<automerge::Automerge>(),
        #[cfg(feature = "loro")]
        "loro" => task.run::<loro::Loro>(),
        #[cfg(feature = "yrs")]
        "yrs" => task.run::<yrs::Yrs>(),
        peer => bail!("there is no peer {peer} in this build: there are {}", NAMES.join(", ")),
    }
}

/// What a peer does not do that Reunite does.
pub fn lacks(peer: &str) -> &'static str {
    match peer {
        BASELINE => sqlite::Sqlite::LACKS,
        #[cfg(feature = "session")]
        "session" => session::Session::LACKS,
        #[cfg(feature = "automerge")]
        "automerge" => automerge::Automerge::LACKS,
        #[cfg(feature = "loro")]
        "loro" => loro::Loro::LACKS,
        #[cfg(feature = "yrs")]
        "yrs" => yrs::Yrs::LACKS,
        _ => <reunite::Reunite>::LACKS,
    }
}
