//! Text to commands. The whole language is recognised here; what this version cannot do is refused
//! with the line it stands on, and so is everything else that is wrong without running anything.

mod action;
mod header;
mod session;

use std::collections::BTreeMap;
use std::time::Duration;

use super::command::{Action, CODES, Command, ReplicaLine, Step};
use super::duration::duration;
use super::words::{Words, is_name};
use super::{Options, ScriptError};
use crate::schema::Schema;

/// A script that can be run.
///
/// See [`Script::parse`] for an example.
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) replicas: Vec<ReplicaLine>,
    pub(super) schema: Option<Schema>,
    pub(super) steps: Vec<Step>,
    /// The source, line by line, to print commands between their answers.
    pub(super) lines: Vec<String>,
}

impl Script {
    /// Reads a script.
    ///
    /// ```
    /// use reunite::script::{Options, Script};
    /// assert!(Script::parse("replicas a b\n", &Options::default()).is_ok());
    /// let error = Script::parse("replicas a b\nsink a b\n", &Options::default()).err();
    /// assert_eq!(error.map(|error| error.line), Some(2));
    /// ```
    ///
    /// # Errors
    /// The first line that is not a command of this version, or cannot be run where it stands.
    pub fn parse(text: &str, options: &Options) -> Result<Script, ScriptError> {
        let lines: Vec<&str> = text.lines().collect();
        let mut parser =
            Parser { options, lines: &lines, at: 0, names: BTreeMap::new(), script: Script::empty() };
        while let Some(line) = parser.take_line() {
            parser.line(parser.at, line)?;
        }
        let mut script = parser.script;
        script.lines = lines.into_iter().map(str::to_owned).collect();
        Ok(script)
    }

    fn empty() -> Script {
        Script { replicas: Vec::new(), schema: None, steps: Vec::new(), lines: Vec::new() }
    }
}

struct Parser<'a> {
    options: &'a Options,
    lines: &'a [&'a str],
    /// How many lines were taken: the number of the last one.
    at: usize,
    /// Replicas by name.
    names: BTreeMap<&'a str, usize>,
    script: Script,
}

impl<'a> Parser<'a> {
    fn take_line(&mut self) -> Option<&'a str> {
        let line = self.lines.get(self.at)?;
        self.at += 1;
        Some(line)
    }

    fn line(&mut self, number: usize, line: &'a str) -> Result<(), ScriptError> {
        let mut words = Words::new(line);
        let fault = |message| ScriptError { line: number, message };
        match words.next() {
            None => Ok(()),
            Some("replicas") => self.replicas(words).map_err(fault),
            Some("schema") => self.schema(number, words),
            Some(first) => {
                let command = self.command(first, line).map_err(fault)?;
                // Its last line, if text follows it: the answer comes after that.
                self.script.steps.push(Step { line: self.at, command });
                Ok(())
            }
        }
    }

    /// A line that does something, of which `first` is the first word.
    fn command(&mut self, first: &str, line: &'a str) -> Result<Command, String> {
        let mut words = Words::new(line);
        words.next();
        let command = match first {
            "sync" => self.sync(&mut words)?,
            "master" | "master!" => self.master(&mut words, first == "master!")?,
            "preview" => self.preview(&mut words)?,
            "crash" => Command::Crash { replica: self.replica(&mut words)? },
            "clock" => self.clock(&mut words)?,
            "expire" => self.expire(&mut words)?,
            "assert" => assertion(&mut words)?,
            "expect" => expectation(&mut words)?,
            "purge" | "retire" => return Err(unsupported(first)),
            _ => match line.trim().split_once(':') {
                Some((name, rest)) if is_name(name) => {
                    words = Words::new(rest);
                    let replica = self.replica_named(name)?;
                    if let Some(marker) = alteration(words) {
                        let sql = self.here_document(marker)?;
                        self.begun()?;
                        return Ok(Command::On { replica, action: Action::Alter { sql } });
                    }
                    Command::On { replica, action: action::parse(&mut words)? }
                }
                _ => {
                    return Err(format!(
                        "`{first}` is not a command; one on a replica is written `a: {first} …`"
                    ));
                }
            },
        };
        words.end()?;
        self.begun()?;
        Ok(command)
    }

    /// Nothing can be done before there is a schema.
    fn begun(&self) -> Result<(), String> {
        match self.script.schema {
            Some(_) => Ok(()),
            None => Err("a `schema` must come first: the replicas have no tables yet".to_owned()),
        }
    }

    /// `master a -> b`, `master! b`
    fn master(&self, words: &mut Words<'_>, forced: bool) -> Result<Command, String> {
        if forced {
            return Ok(Command::Master { from: None, to: self.replica(words)? });
        }
        let from = Some(self.replica(words)?);
        if !words.skip("->") {
            return Err("write `master a -> b`, or `master! b` to take the role by force".to_owned());
        }
        Ok(Command::Master { from, to: self.replica(words)? })
    }

    /// The next word, which must be a replica.
    fn replica(&self, words: &mut Words<'_>) -> Result<usize, String> {
        let name = words.word("the name of a replica")?;
        self.replica_named(name)
    }

    fn replica_named(&self, name: &str) -> Result<usize, String> {
        if let Some(replica) = self.names.get(name) {
            return Ok(*replica);
        }
        let known: Vec<&str> = self.script.replicas.iter().map(|replica| replica.name.as_str()).collect();
        if known.is_empty() {
            return Err(format!(
                "there is no replica `{name}`: name the replicas first, as in `replicas a b`"
            ));
        }
        Err(format!("there is no replica `{name}`: the replicas are {}", known.join(", ")))
    }

    /// `clock a +5s`
    fn clock(&self, words: &mut Words<'_>) -> Result<Command, String> {
        let replica = self.replica(words)?;
        let amount = words.word("how far to move the clock")?;
        let micros = movement(amount).ok_or_else(|| {
            format!("`{amount}` does not move a clock: write it like +5s, -10m, +250ms, +1h or +3d")
        })?;
        Ok(Command::Clock { replica, micros })
    }

    /// `expire a older-than 30d`
    fn expire(&self, words: &mut Words<'_>) -> Result<Command, String> {
        let replica = self.replica(words)?;
        if !words.skip("older-than") {
            return Err("what is to expire is missing: write it like `expire a older-than 30d`".to_owned());
        }
        let amount = words.word("an age like 30d")?;
        let micros = duration(amount).and_then(|micros| u64::try_from(micros).ok());
        let micros =
            micros.ok_or_else(|| format!("`{amount}` is no age: write it like 5s, 10m, 250ms, 1h or 30d"))?;
        Ok(Command::Expire { replica, age: Duration::from_micros(micros) })
    }
}

/// Microseconds of a signed duration.
fn movement(text: &str) -> Option<i64> {
    let (sign, amount) = match text.split_at_checked(1)? {
        ("+", amount) => (1, amount),
        ("-", amount) => (-1, amount),
        _ => return None,
    };
    Some(sign * duration(amount)?)
}

/// What ends the text, if these words are `alter <<` and a marker.
fn alteration(mut words: Words<'_>) -> Option<&str> {
    words.skip("alter").then(|| words.rest().strip_prefix("<<")).flatten().map(str::trim)
}

fn assertion(words: &mut Words<'_>) -> Result<Command, String> {
    match words.word("what to assert")? {
        "converged" => Ok(Command::AssertConverged),
        other => Err(format!("`{other}` cannot be asserted: write `assert converged`")),
    }
}

fn expectation(words: &mut Words<'_>) -> Result<Command, String> {
    let what = words.word("what to expect")?;
    if what != "error" {
        return Err(format!("`{what}` cannot be expected: write `expect error CODE`"));
    }
    let code = words.word("the code of the error")?;
    match CODES.iter().find(|known| **known == code) {
        Some(known) => Ok(Command::ExpectError(known)),
        None => Err(format!("there is no error code `{code}`; the codes are {}", CODES.join(", "))),
    }
}

fn unsupported(what: &str) -> String {
    format!("`{what}` is not supported by this version of Reunite")
}
