//! Schemas: tables, columns, units, keys, foreign keys, checks, indexes, and the rules of a table.
//!
//! A [`Schema`] is valid by construction: it comes out of a [`SchemaBuilder`] or of SQL DDL, which
//! is parsed into the same builder. This module reads no row and decides no conflict.

mod builder;
mod ddl;
mod design;
mod error;
pub(crate) mod expression;
mod graph;
mod identity;
mod limits;
mod lookup;
#[allow(clippy::module_inception, reason = "the file of the type Schema")]
mod schema;
mod table;

pub use builder::{Rule, SchemaBuilder, TableBuilder, last};
pub use ddl::DdlError;
pub(crate) use design::{Amendment, Design};
pub use design::{DesignError, Notice};
pub use error::SchemaError;
pub use expression::{Binary, Expression, ExpressionError, Fault, Unary};
pub use identity::Identity;
pub use limits::{
    MAX_COLUMNS, MAX_CONSTRAINTS, MAX_NAME_BYTES, MAX_SCHEMA_BYTES, MAX_STATEMENT_BYTES, MAX_TABLES,
};
pub use schema::{Constraint, Schema, Stratum};
pub use table::{
    Check, Column, ColumnRule, DeleteRule, DuplicateRule, ForeignKey, Index, OnDelete, OnUpdate, Table,
    Tracking, UniqueKey, Unit, WinnerRule,
};

#[cfg(test)]
mod tests;

/// Compiles the Rust example of the page.
#[cfg(doctest)]
#[doc = include_str!("../../docs/SCHEMA.md")]
mod page {}
