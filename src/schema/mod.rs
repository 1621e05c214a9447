//! Schemas: tables, columns, units, keys, foreign keys, checks, indexes, and the rules of a table.
//!
//! A [`Schema`] is valid by construction: it comes out of a [`SchemaBuilder`] or of SQL DDL, which
//! is parsed into the same builder. This module reads no row and decides no conflict.

mod expression;
mod table;

#[cfg(test)]
pub(crate) use expression::arbitrary as arbitrary_expressions;
pub use expression::{Binary, Expression, ExpressionError, Fault, Unary};
pub use table::{
    Check, Column, DeleteRule, ForeignKey, Index, OnDelete, OnUpdate, Table, Tracking, UniqueKey, Unit,
    WinnerRule,
};
