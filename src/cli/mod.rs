//! The command line: reads arguments, runs one command, says what went wrong in one line.
//!
//! One file per command; what they share is in `open`, `output`, `grid`, `key` and `listing`. Nothing
//! here decides anything about data: every command is a few calls of the public API. Exit status: 0
//! done, 1 the command failed, 2 the arguments make no command.

mod accept;
mod alter;
mod check;
mod closed;
mod compact;
mod conflicts;
mod csv;
mod delete;
mod demo;
mod expire;
mod explain;
mod export;
mod failure;
mod grid;
mod import;
mod increment;
mod init;
mod insert;
mod key;
mod listing;
mod merge;
mod master;
mod open;
mod output;
mod preview;
mod resolve;
mod reviews;
mod rows;
mod schema;
mod script;
mod source;
mod stats;
mod status;
mod sync;
mod tables;
mod undelete;
mod undo;
mod update;
mod version;

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::panic::{self, Location};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::output::Output;

/// A replicated embedded database with built-in conflict tracking.
///
/// A database is a directory. Every directory made by `init` is a replica; `sync` brings two of them
/// together. Begin with `reunite demo`.
#[derive(Debug, Parser)]
#[command(name = "reunite", version, max_term_width = 100)]
struct Arguments {
    /// Print JSON: one object, or one object a line. Errors too, on the error stream
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Init(init::Init),
    Import(import::Import),
    Export(export::Export),
    Tables(tables::Tables),
    Schema(schema::ShowSchema),
    Alter(alter::Alter),
    Master(master::Master),
    Rows(rows::Rows),
    Insert(insert::Insert),
    Update(update::Update),
    Increment(increment::Increment),
    Delete(delete::Delete),
    Undelete(undelete::Undelete),
    Version(version::ShowVersion),
    Merge(merge::Merge),
    Sync(sync::Sync),
    Preview(preview::ShowPreview),
    Conflicts(conflicts::Conflicts),
    Resolve(resolve::Resolve),
    Reviews(reviews::Reviews),
    Accept(accept::Accept),
    Stats(stats::Stats),
    Closed(closed::Closed),
    Undo(undo::Undo),
    Expire(expire::Expire),
    Status(status::Status),
    Explain(explain::Explain),
    Check(check::Check),
    Compact(compact::Compact),
    Script(script::RunScript),
}

impl Command {
    /// Runs the command; returns the exit status.
    fn run(&self, output: &mut Output<'_>) -> anyhow::Result<u8> {
        match self {
            Command::Demo(command) => command.run(output),
            Command::Init(command) => command.run(output),
            Command::Import(command) => command.run(output),
            Command::Export(command) => command.run(output),
            Command::Tables(command) => command.run(output),
            Command::Schema(command) => command.run(output),
            Command::Alter(command) => command.run(output),
            Command::Master(command) => command.run(output),
            Command::Rows(command) => command.run(output),
            Command::Insert(command) => command.run(output),
            Command::Update(command) => command.run(output),
            Command::Increment(command) => command.run(output),
            Command::Delete(command) => command.run(output),
            Command::Undelete(command) => command.run(output),
            Command::Version(command) => command.run(output),
            Command::Merge(command) => command.run(output),
            Command::Sync(command) => command.run(output),
            Command::Preview(command) => command.run(output),
            Command::Conflicts(command) => command.run(output),
            Command::Resolve(command) => command.run(output),
            Command::Reviews(command) => command.run(output),
            Command::Accept(command) => command.run(output),
            Command::Stats(command) => command.run(output),
            Command::Closed(command) => command.run(output),
            Command::Undo(command) => command.run(output),
            Command::Expire(command) => command.run(output),
            Command::Status(command) => command.run(output),
            Command::Explain(command) => command.run(output),
            Command::Check(command) => command.run(output),
            Command::Compact(command) => command.run(output),
            Command::Script(command) => return command.run(output),
        }
        .map(|()| 0)
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    leave_engine_panics_to_storage();
    let mut out = BufWriter::new(io::stdout().lock());
    let progress = io::stderr().is_terminal();
    ExitCode::from(run(std::env::args_os(), &mut out, &mut io::stderr(), progress))
}

/// An engine that panics over damaged files is an error that storage reports: no second report, with a
/// backtrace, is printed for it.
fn leave_engine_panics_to_storage() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let file = panic.location().map_or("", Location::file);
        let in_engine = ["redb-", "sled-"].iter().any(|engine| file.contains(engine));
        if !in_engine {
            report(panic);
        }
    }));
}

/// Runs a command; `arguments` begin with the program's name. Answers go to `out`, errors to `errors`,
/// progress bars, if they are wanted, to the terminal. Returns the exit status.
///
/// ```
/// let (mut out, mut errors) = (Vec::new(), Vec::new());
/// let status = reunite::cli::run(["reunite", "rows", "nowhere", "customer"], &mut out, &mut errors, false);
/// assert_eq!(status, 1);
/// assert!(String::from_utf8_lossy(&errors).starts_with("error: nowhere is not a Reunite database"));
/// ```
pub fn run<A: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = A>,
    out: &mut dyn Write,
    errors: &mut dyn Write,
    progress: bool,
) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error, out, errors),
    };
    let mut output = Output::new(out, arguments.json, progress && !arguments.json);
    let result = arguments.command.run(&mut output);
    let flushed = out.flush().map_err(anyhow::Error::from);
    match result.and_then(|status| flushed.map(|()| status)) {
        Ok(status) => status,
        // Who reads the answer has read enough, as in `reunite rows … | head`.
        Err(error) if failure::is_broken_pipe(&error) => 0,
        Err(error) => {
            let _ = failure::report(&error, arguments.json, errors); // There is no other place to say it.
            1
        }
    }
}

/// Prints help, the version, or what is wrong with the arguments.
fn usage(error: &clap::Error, out: &mut dyn Write, errors: &mut dyn Write) -> u8 {
    let text = error.render();
    let _ = if error.use_stderr() { write!(errors, "{text}") } else { write!(out, "{text}") };
    let _ = out.flush();
    u8::try_from(error.exit_code()).unwrap_or(2)
}
