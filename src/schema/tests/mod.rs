//! Tests of schemas as a whole.

mod arbitrary;
mod builder;
mod docs;
mod errors;
mod fuzz;
mod precedence;
mod round_trip;
