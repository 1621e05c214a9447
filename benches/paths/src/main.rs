//! How long the hot paths take, each by itself: a row as bytes, keys, the join, the derivation of a clean write, a
//! session. For whoever changes one of them and wants to see what that does.
//!
//! `cargo bench --manifest-path benches/paths/Cargo.toml -- [FILTER]`; criterion compares with the run before. Everything
//! is in memory and goes through what the library makes public, without the feature `testing`, whose switches for
//! planted bugs cost time. Nothing is judged here: `benches/instructions` does that, and `benches/peers` compares with
//! others.

mod contacts;
mod derive;
mod known;
mod rows;
mod sessions;

use std::error::Error;

use criterion::Criterion;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut criterion = Criterion::default().configure_from_args();
    rows::measure(&mut criterion)?;
    derive::measure(&mut criterion)?;
    sessions::measure(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}
