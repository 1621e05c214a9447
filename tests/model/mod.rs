//! The reference model: what replicas, merges, visible rows and conflicts mean, said as plainly as possible.
//!
//! It is the oracle of the random histories, written to be read and compared with. Everything is
//! computed from scratch; every unit has a version vector of its own; there is no storage, no index and
//! no cache. With the product it shares only words: ids, values, stamps, the schema as data, and the
//! evaluation of checks, which SQLite checks elsewhere. It leaves out what is not built yet.

mod commit;
mod conflicts;
mod derive;
mod duplicates;
mod facts;
mod identity;
mod image;
mod merge;
mod natural;
mod operations;
mod references;
mod replica;
mod resolve;
mod solver;
mod strata;
mod together;
mod undo;
mod view;

pub use commit::{Change, Commit, Done, Hints, Refusal};
pub use conflicts::Conflict;
pub use derive::{Derived, derive, live_table};
pub use duplicates::next_duplicate;
pub use facts::merge_row;
pub use facts::{Cell, ConflictName, Content, Facts, Row, Slot, Vector, covers, join};
pub use identity::{Edge, Rule};
pub use image::{Image, Need, fold, life_order, order, own_values};
pub use operations::Values;
pub use replica::{Replica, pull};
pub use resolve::Choice;
pub use undo::forget_closed;
pub use view::row_state;
