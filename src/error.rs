//! Infrastructure errors: the disk, the files on it, and limits.
//!
//! What the caller did wrong is a `WriteError`, what a peer did wrong a `SyncError`; a conflict is
//! never an error. This file names no type of an upper layer, so that every module may use it.

use std::path::PathBuf;

/// Something is wrong with the database's storage, or with how it was opened.
///
/// ```
/// use reunite::{Database, Error};
/// match Database::builder().open("no/such/directory") {
///     Err(Error::NotADatabase { path, reason }) => {
///         assert_eq!(path.to_string_lossy(), "no/such/directory");
///         assert_eq!(reason, "there is no such directory");
///     }
///     other => unreachable!("{other:?}"),
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused a read or a write.
    #[error("{action}: {source}")]
    Io {
        /// What was being done, with the path where there is one.
        action: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Bytes on disk are not what was written there. Restore a backup, or make a new replica and sync.
    #[error("corrupt database: {what}")]
    Corrupt {
        /// What was found, and where.
        what: String,
    },
    /// The database was written by a newer version of Reunite.
    #[error("{what} has format version {found}, this program reads up to {supported}: use a newer Reunite")]
    Format {
        /// Which file.
        what: String,
        /// The version found.
        found: u32,
        /// The newest version that this program reads.
        supported: u32,
    },
    /// The texts of the database are compared by other tables than this program has: which keys are equal, and
    /// their order, would change under it.
    #[error(
        "texts of this database are compared by {collation} of Unicode {found}, this program has Unicode {supported}: use a Reunite with Unicode {found}"
    )]
    Collation {
        /// The collation.
        collation: String,
        /// The version of Unicode with which the database was written.
        found: String,
        /// The version of this program.
        supported: String,
    },
    /// Another process, or another handle of this one, has the database open.
    #[error("{path} is already open{holder}: close it there, or use that process")]
    AlreadyOpen {
        /// The directory.
        path: PathBuf,
        /// Who holds it, as far as known; starts with a space or is empty.
        holder: String,
    },
    /// There is no database in this directory.
    #[error("{path} is not a Reunite database: {reason}")]
    NotADatabase {
        /// The directory.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// What was asked for contradicts itself.
    #[error("{what}")]
    Invalid {
        /// What, and what to do instead.
        what: String,
    },
    /// The database is open for reading only.
    #[error("the database is open for reading only")]
    ReadOnly,
    /// The handle was closed. Open the database again.
    #[error("the database is closed: open it again")]
    Closed,
    /// An earlier storage error made this handle unusable. Close it and open the database again.
    #[error("the database handle is unusable since an earlier storage error: reopen it ({cause})")]
    Poisoned {
        /// The first error.
        cause: String,
    },
    /// Something is larger than Reunite stores or sends.
    #[error("{what} takes {size} bytes, at most {limit} are allowed")]
    Limit {
        /// What is too large.
        what: String,
        /// Its size in bytes.
        size: u64,
        /// The greatest size allowed.
        limit: u64,
    },
}

impl Error {
    /// An I/O error with what was being done.
    pub fn io(action: impl Into<String>, source: std::io::Error) -> Error {
        Error::Io { action: action.into(), source }
    }

    /// Bytes on disk that make no sense.
    pub fn corrupt(what: impl Into<String>) -> Error {
        Error::Corrupt { what: what.into() }
    }

    /// A short, stable name of the error, as scripts and other programs use it.
    ///
    /// ```
    /// assert_eq!(reunite::Error::ReadOnly.code(), "read-only");
    /// ```
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Error::Io { .. } => "io",
            Error::Corrupt { .. } | Error::NotADatabase { .. } => "corrupt",
            Error::Format { .. } => "format",
            Error::Collation { .. } => "collation",
            Error::AlreadyOpen { .. } => "already-open",
            Error::Invalid { .. } => "invalid",
            Error::ReadOnly => "read-only",
            Error::Poisoned { .. } => "poisoned",
            Error::Closed => "closed",
            Error::Limit { .. } => "limit",
        }
    }

    /// Whether the same call may succeed later without anything being repaired.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Error::AlreadyOpen { .. })
    }
}
