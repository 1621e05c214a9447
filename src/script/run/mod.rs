//! Runs the commands of a script, one after the other, and prints their answers.
//!
//! A command that fails prints its error, names nothing, and the script goes on. The run as a whole
//! has failed if an assertion did, or if a failed command is not followed by its `expect error`.

mod optimistic;
mod design;
mod read;
mod replica;
mod session;
mod write;

use std::io::{self, Write};
use std::sync::Arc;

use super::command::{Action, Command, Step};
use super::failure::Failure;
use super::names::ScriptNames;
use super::{ExitStatus, Script};
use replica::Replica;

/// Microseconds that every clock advances before a command that names a replica.
const TICK: i64 = 1_000;

/// The replicas of a running script.
struct World {
    replicas: Vec<Replica>,
    names: ScriptNames,
}

/// What a command answers: whole lines.
type Answer = Result<String, Failure>;

impl Script {
    /// Runs the script and prints what it answers. With `echo`, also the script's own lines, commands
    /// behind `> `.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn run(&self, echo: bool, out: &mut impl Write) -> io::Result<ExitStatus> {
        let mut report = Report { script: self, echo, printed: 0, failed: None, passed: true, out };
        match World::new(self) {
            Ok(mut world) => {
                for step in &self.steps {
                    report.lines_up_to(step.line)?;
                    let answer = world.step(&step.command);
                    report.step(step, answer, &world.names)?;
                }
            }
            Err(failure) => report.fault(&format!("cannot make the replicas: {}", failure.message))?,
        }
        report.lines_up_to(self.lines.len())?;
        report.end()
    }
}

impl World {
    fn new(script: &Script) -> Result<World, Failure> {
        let mut world = World { replicas: Vec::new(), names: ScriptNames::default() };
        let Some(schema) = script.schema.clone().map(Arc::new) else { return Ok(world) };
        for (position, line) in script.replicas.iter().enumerate() {
            let creator = world.replicas.first().map(|replica| replica.id);
            let replica = Replica::new(position, line, &schema, creator)?;
            world.names.name_replica(replica.id, &replica.name);
            world.replicas.push(replica);
        }
        Ok(world)
    }

    fn step(&mut self, command: &Command) -> Answer {
        if names_a_replica(command) {
            self.replicas.iter().for_each(|replica| replica.clock.advance(TICK));
        }
        match command {
            Command::On { replica, action } => self.act(*replica, action),
            Command::Sync { first, second, one_way, cut, policies } => {
                self.sync((*first, *second), *one_way, *cut, policies)
            }
            Command::SyncAll => self.sync_all(),
            Command::Master { from, to } => self.master(*from, *to),
            Command::Preview { from, to, policies } => self.preview(*from, *to, policies),
            Command::Crash { replica } => self.crash(*replica),
            Command::Clock { replica, micros } => {
                self.replica(*replica)?.clock.advance(*micros);
                Ok(String::new())
            }
            Command::Expire { replica, age } => self.expire(*replica, *age),
            Command::AssertConverged => self.converged(),
            // Looks at the command before it: see `Report`.
            Command::ExpectError(_) => Ok(String::new()),
        }
    }

    fn act(&mut self, replica: usize, action: &Action) -> Answer {
        match action {
            Action::Insert { table, values, name } => self.insert(replica, table, values, name.as_deref()),
            Action::Update { table, row, values, forced } => {
                self.update(replica, table, row, values, *forced)
            }
            Action::Increment { table, row, amounts } => self.increment(replica, table, row, amounts),
            Action::Version { table, row, name } => self.version(replica, table, row, name),
            Action::UpdateIf { table, row, version, values } => {
                self.update_if(replica, table, row, version, values)
            }
            Action::DeleteIf { table, row, version } => self.delete_if(replica, table, row, version),
            Action::Delete { table, row } => self.delete(replica, table, row),
            Action::Undelete { table, row } => self.undelete(replica, table, row),
            Action::Prefer { table, row } => self.prefer(replica, table, row),
            Action::Merge { table, row, into } => self.merge(replica, table, row, into),
            Action::Alter { sql } => self.alter(replica, sql),
            Action::Design => self.design(replica),
            Action::Schema => self.schema(replica),
            Action::Begin => self.begin(replica),
            Action::Commit => self.commit(replica),
            Action::Rollback => self.rollback(replica),
            Action::Reviews => self.reviews(replica),
            Action::Accept { table, row } => self.accept(replica, table, row),
            Action::Resolve { position, how } => self.resolve(replica, *position, how),
            Action::Undo { position } => self.undo(replica, *position),
            Action::Rows { table } => self.rows(replica, table),
            Action::Row { table, row } => self.row(replica, table, row),
            Action::Conflicts { table } => self.conflicts(replica, table.as_deref()),
            Action::Explain { table, row } => self.explain(replica, table, row),
            Action::Lock { table } => self.lock(replica, table),
            Action::Unlock { table } => self.unlock(replica, table),
            Action::Knowledge => self.knowledge(replica),
            Action::Stats => self.stats(replica),
            Action::Check => self.check(replica),
        }
    }

    fn crash(&mut self, replica: usize) -> Answer {
        let crashed = self.replica(replica)?;
        crashed.crash()?;
        let lost = std::mem::take(&mut crashed.named);
        self.names.forget(&lost);
        Ok(String::new())
    }

    fn replica(&mut self, replica: usize) -> Result<&mut Replica, Failure> {
        Ok(self.names_and_replica(replica)?.1)
    }

    fn names_and_replica(&mut self, replica: usize) -> Result<(&ScriptNames, &mut Replica), Failure> {
        // Parsing has looked up every replica.
        let none = || Failure::new("not-applicable", "there is no such replica");
        Ok((&self.names, self.replicas.get_mut(replica).ok_or_else(none)?))
    }
}

const fn names_a_replica(command: &Command) -> bool {
    match command {
        Command::On { .. }
        | Command::Preview { .. }
        | Command::Sync { .. }
        | Command::Crash { .. }
        | Command::Master { .. }
        | Command::Clock { .. }
        | Command::Expire { .. } => true,
        Command::SyncAll | Command::AssertConverged | Command::ExpectError(_) => false,
    }
}

/// What was printed so far, and whether the script has passed so far.
struct Report<'a, W> {
    script: &'a Script,
    echo: bool,
    /// How many lines of the script were printed.
    printed: usize,
    /// The line and the code of the command before, if it failed.
    failed: Option<(usize, String)>,
    passed: bool,
    out: &'a mut W,
}

impl<W: Write> Report<'_, W> {
    /// Prints the script's own lines, if they are wanted.
    fn lines_up_to(&mut self, line: usize) -> io::Result<()> {
        while self.echo && self.printed < line {
            let text = self.script.lines.get(self.printed).map_or("", |line| line.trim_end());
            if text.is_empty() || text.trim_start().starts_with('#') {
                writeln!(self.out, "{text}")?;
            } else {
                writeln!(self.out, "> {text}")?;
            }
            self.printed += 1;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step, answer: Answer, names: &ScriptNames) -> io::Result<()> {
        let before = self.failed.take();
        if let Command::ExpectError(code) = step.command {
            return self.expected(step.line, code, before);
        }
        self.unexpected(before);
        match answer {
            Ok(text) => self.out.write_all(text.as_bytes()),
            Err(failure) if step.command == Command::AssertConverged => {
                self.fault(&format!("line {}: {}", step.line, names.put_into(failure.message)))
            }
            Err(failure) => {
                writeln!(self.out, "error {}: {}", failure.code, one_line(&names.put_into(failure.message)))?;
                self.failed = Some((step.line, failure.code));
                Ok(())
            }
        }
    }

    /// `expect error`: the command before must have failed with this code.
    fn expected(&mut self, line: usize, code: &str, before: Option<(usize, String)>) -> io::Result<()> {
        match before {
            Some((_, found)) if found == code => Ok(()),
            Some((at, found)) => {
                self.fault(&format!("line {line}: expected error {code}, but line {at} failed with {found}"))
            }
            None => self
                .fault(&format!("line {line}: expected error {code}, but the command before did not fail")),
        }
    }

    /// A failed command that no `expect error` follows: its error is printed already.
    fn unexpected(&mut self, before: Option<(usize, String)>) {
        self.passed &= before.is_none();
    }

    fn fault(&mut self, message: &str) -> io::Result<()> {
        self.passed = false;
        writeln!(self.out, "assertion failed: {}", one_line(message))
    }

    fn end(mut self) -> io::Result<ExitStatus> {
        let before = self.failed.take();
        self.unexpected(before);
        self.out.flush()?;
        Ok(if self.passed { ExitStatus::Passed } else { ExitStatus::Failed })
    }
}

/// Messages may quote values with line breaks; a line that begins with `{` must be an answer.
fn one_line(text: &str) -> String {
    text.replace('\r', "\\r").replace('\n', "\\n")
}
