//! The first storage error makes a handle unusable.
//!
//! After a failed write or sync nobody knows what is on disk; a retry could report as durable what
//! is not. So the first error is kept, and everything later is refused with it until reopened.

use std::sync::OnceLock;

use crate::error::Error;

/// The first error of a handle, if there was one.
#[derive(Debug, Default)]
pub(super) struct Poison {
    cause: OnceLock<String>,
}

impl Poison {
    /// Refuses if there was an error.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.cause.get() {
            Some(cause) => Err(Error::Poisoned { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    /// Passes a result on and remembers the first error.
    pub(super) fn watch<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result {
            let _ = self.cause.set(error.to_string());
        }
        result
    }
}
