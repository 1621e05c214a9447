//! A failed command: a code that scripts can expect, and a message for people.

use crate::commit::WriteError;
use crate::db::AlterError;
use crate::error::Error;
use crate::sync::SyncError;

/// Why a command failed. Nothing of it happened, but for what a broken session had applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub code: String,
    pub message: String,
}

impl Failure {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Failure {
        Failure { code: code.to_owned(), message: message.into() }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Failure {
        Failure::new(error.code(), error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::new(error.code(), error.to_string())
    }
}

impl From<AlterError> for Failure {
    fn from(error: AlterError) -> Failure {
        Failure::new(error.code(), error.to_string())
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Failure {
        Failure::new(error.code(), error.to_string())
    }
}
