//! Reunite: a replicated embedded database with built-in conflict tracking.
//!
//! Every device has a replica of its own and works offline. Any two replicas can sync, in any order. Keys,
//! references and checks hold in all of them; of two changes that clash, the same one is visible
//! everywhere, and the other is kept in a conflict table until somebody decides.
//!
//! ```
//! use reunite::{Database, ResolveWith, replicate, row};
//!
//! let schema = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
//! let office = Database::builder().sql(schema)?.in_memory()?;
//! let van = Database::builder().in_memory()?; // empty until its first sync
//! office.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
//! replicate::sync(&office, &van)?;
//!
//! // Offline, both write down a new number.
//! office.write(|tx| tx.table("customer")?.update("ANN", row! { phone: "555 01" }))?;
//! van.write(|tx| tx.table("customer")?.update("ANN", row! { phone: "555 02" }))?;
//! replicate::sync(&office, &van)?;
//!
//! // Both show one of them and list the other. A decision is a write, and travels like any other.
//! let conflict = office.read()?.conflicts()?.remove(0);
//! office.write(|tx| tx.resolve(conflict.id, ResolveWith::KeepLoser))?;
//! replicate::sync(&office, &van)?;
//! let ann = van.read()?.table("customer")?.get("ANN")?;
//! assert_eq!(ann, office.read()?.table("customer")?.get("ANN")?);
//! assert!(van.read()?.conflicts()?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Database`] is where to begin; [`schema`] has what SQL can say about tables, [`value`] what columns
//! hold, [`db`] reading, writing and conflicts, [`replicate`] how two databases sync. The other modules
//! are what the database is made of, for those who build on a part of it.
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
