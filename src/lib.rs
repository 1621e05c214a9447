//! Reunite: a replicated embedded database with built-in conflict tracking.
//!
//! Modules are declared in the order of their layers: a module uses only those above it
//! (`tests/tidy.rs` enforces it).

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::print_stdout,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss
    )
)]

pub mod error;
#[doc(hidden)]
pub mod fault;
pub mod ids;
pub mod value;
pub mod version;
pub mod schema;
pub mod row;
pub mod merge;
pub mod derive;
pub mod codec;
pub mod storage;
pub mod store;
pub mod commit;
pub mod sync;
pub mod transport;
pub mod db;
pub mod replicate;
pub mod inspect;
pub mod script;
#[cfg(feature = "cli")]
pub mod cli;

pub use commit::WriteError;
pub use db::{Builder, Database, ReadTransaction, ResolveWith, Row, Table, TableMut, Transaction};
pub use error::Error;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
