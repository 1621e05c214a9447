//! What is wrong with SQL text, and where.

use std::fmt;

use crate::schema::SchemaError;
use crate::schema::builder::{Position, Problem};

/// SQL that is no schema. Nothing was made.
///
/// ```
/// use reunite::schema::Schema;
///
/// let sql = "CREATE TABLE t (\n  a VARCHAR(10)\n)";
/// let Err(error) = Schema::from_sql(sql) else { unreachable!("VARCHAR is no type") };
/// assert_eq!((error.line, error.column), (2, 5));
/// assert_eq!(error.to_string(), "line 2, column 5: VARCHAR is no type of Reunite: use TEXT");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DdlError {
    /// The line of the text, from 1.
    pub line: u64,
    /// The character in that line, from 1.
    pub column: u64,
    /// What is wrong, and what to do.
    pub message: String,
    /// The error of the schema, if the text itself is well-formed.
    pub schema: Option<Box<SchemaError>>,
}

impl DdlError {
    pub(in crate::schema) fn new(at: Position, message: impl Into<String>) -> DdlError {
        DdlError { line: at.line, column: at.column, message: message.into(), schema: None }
    }
}

impl From<Problem> for DdlError {
    fn from(problem: Problem) -> DdlError {
        let Problem { error, at } = problem;
        // Only the text as a whole has no position of its own.
        let at = if at == Position::default() { Position { line: 1, column: 1 } } else { at };
        DdlError { schema: Some(Box::new(error.clone())), ..DdlError::new(at, error.to_string()) }
    }
}

impl fmt::Display for DdlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for DdlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.schema.as_deref().map(|error| error as &(dyn std::error::Error + 'static))
    }
}
