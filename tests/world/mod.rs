//! What random histories are made of: random numbers, schemas, operations, and the checks of what holds.
//!
//! Nothing here knows a database. Everything follows from a seed.

pub mod checks;
pub mod events;
pub mod explain;
pub mod generate;
pub mod losses;
pub mod random;
pub mod schemas;
pub mod stable;
pub mod story;
