//! The scenario language: a story of several replicas as text, run on in-memory databases with a
//! virtual clock. Two runs print the same bytes.
//!
//! Golden tests are such scripts, the docs quote them, and users attach them to bug reports.
//! `docs/SCRIPTS.md` describes the language. A script is read whole before anything runs
//! ([`Script::parse`]): one that does not parse runs nothing. Nothing here touches a disk, but for
//! reading the file that a `schema FILE` line names.

mod command;
mod duration;
mod failure;
mod handlers;
mod names;
mod objects;
mod parse;
mod run;
mod values;
mod words;

use std::io::{self, Write};
use std::path::PathBuf;

#[cfg(feature = "cli")]
pub(crate) use duration::duration;
#[cfg(feature = "cli")]
pub(crate) use objects::Object;
pub use parse::Script;

/// How to read and run a script.
///
/// See [`run()`] for an example.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The directory that a `schema FILE` line is relative to; empty for the working directory.
    pub base_dir: PathBuf,
    /// Whether to print the script's own lines between the answers, commands behind `> `.
    pub echo: bool,
}

/// How a script ended. The numbers are those that the command line exits with.
///
/// See [`run()`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitStatus {
    /// Everything went as the script says.
    Passed = 0,
    /// An assertion failed, or a command failed that was not expected to.
    Failed = 1,
    /// The script does not parse. Nothing ran.
    NotAScript = 2,
}

impl ExitStatus {
    /// The exit status of a process.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Reads a script and runs it; what it prints goes to `out`. A script that does not parse prints the
/// line and the reason.
///
/// ```
/// use reunite::script::{ExitStatus, Options, run};
/// let story = r#"
/// replicas office van
/// schema <<END
/// CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT);
/// END
/// office: insert customer {"code":"ANN","phone":"1"} as ann
/// sync office van
/// van: rows customer
/// "#;
/// let mut output = Vec::new();
/// assert_eq!(run(story, &Options::default(), &mut output)?, ExitStatus::Passed);
/// assert!(String::from_utf8_lossy(&output).contains(r#"{"code":"ANN","phone":"1"}"#));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If `out` cannot be written.
pub fn run(text: &str, options: &Options, out: &mut impl Write) -> io::Result<ExitStatus> {
    match Script::parse(text, options) {
        Ok(script) => script.run(options.echo, out),
        Err(error) => {
            writeln!(out, "{error}")?;
            Ok(ExitStatus::NotAScript)
        }
    }
}

/// A script that does not parse.
///
/// See [`Script::parse`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ScriptError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}
