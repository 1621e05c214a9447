//! `sync` and `preview`: who exchanges with whom, and whether the session breaks.

use super::{Parser, unsupported};
use crate::script::command::Command;
use crate::script::words::Words;

impl<'a> Parser<'a> {
    /// What follows `preview`.
    pub(super) fn preview(&self, words: &mut Words<'a>) -> Result<Command, String> {
        let from = self.replica(words)?;
        if !words.skip("->") {
            return Err("a preview goes one way: write it as `preview a -> b`".to_owned());
        }
        let to = self.replica(words)?;
        if from == to {
            return Err("a replica does not sync with itself".to_owned());
        }
        Ok(Command::Preview { from, to })
    }

    /// What follows `sync`.
    pub(super) fn sync(&self, words: &mut Words<'a>) -> Result<Command, String> {
        if words.skip("all") {
            return Ok(Command::SyncAll);
        }
        let first = self.replica(words)?;
        let one_way = words.skip("->");
        let second = self.replica(words)?;
        if first == second {
            return Err("a replica does not sync with itself".to_owned());
        }
        let mut cut = None;
        match words.peek() {
            Some("cut") => {
                words.next();
                cut = Some(words.number("the number of bytes after which the session breaks")?);
            }
            Some(other @ ("policy" | "handler")) => return Err(unsupported(&format!("sync … {other}"))),
            _ => {}
        }
        Ok(Command::Sync { first, second, one_way, cut })
    }
}
