//! The `reunite` command. Everything is in `reunite::cli`.

fn main() {}
