//! Why a Rust struct does not become a row, or a row not a struct. Names the field; knows no table.

use std::fmt;

use super::ValueError;

/// A field of a Rust struct and a column's value do not fit each other. Nothing was changed.
///
/// ```
/// use reunite::{row, value::FieldProblem};
/// #[derive(Debug, serde::Deserialize)]
/// struct Customer {
///     code: String,
///     phone: String,
/// }
/// let phoneless = row! { code: "ANN", phone: None::<&str> };
/// let Err(error) = phoneless.to_typed::<Customer>() else { unreachable!("a String is never NULL") };
/// assert_eq!((error.field.as_deref(), &error.problem), (Some("phone"), &FieldProblem::Null));
/// assert_eq!(error.to_string(), "field phone: the column is NULL: make the field an Option");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field, by the name that serde gives it; none if the whole struct is meant.
    pub field: Option<String>,
    /// What is wrong.
    pub problem: FieldProblem,
}

/// What is wrong with a field.
///
/// See [`FieldError`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// The value does not fit.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The column is `NULL`, and the field is not an `Option`.
    #[error("the column is NULL: make the field an Option")]
    Null,
    /// The row does not have the field's column.
    #[error("the row has no such column: give the field a #[serde(default)], or make it an Option")]
    Missing,
    /// The whole is no struct and no map with text keys.
    #[error("this is not a row: only a struct, or a map with texts as keys, is one")]
    NotARow,
    /// What the type's own code said.
    #[error("{0}")]
    Message(String),
}

impl FieldError {
    /// The same error of a field, unless a field inside is known already.
    #[must_use]
    pub fn at(mut self, field: &str) -> FieldError {
        self.field.get_or_insert_with(|| field.to_string());
        self
    }
}

impl<P: Into<FieldProblem>> From<P> for FieldError {
    fn from(problem: P) -> FieldError {
        FieldError { field: None, problem: problem.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "field {field}: {}", self.problem),
            None => self.problem.fmt(f),
        }
    }
}

impl std::error::Error for FieldError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.problem)
    }
}

impl serde::ser::Error for FieldError {
    fn custom<T: fmt::Display>(message: T) -> FieldError {
        FieldProblem::Message(message.to_string()).into()
    }
}

impl serde::de::Error for FieldError {
    fn custom<T: fmt::Display>(message: T) -> FieldError {
        FieldProblem::Message(message.to_string()).into()
    }

    fn missing_field(field: &'static str) -> FieldError {
        FieldError::from(FieldProblem::Missing).at(field)
    }
}
