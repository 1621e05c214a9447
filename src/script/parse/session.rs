//! `sync` and `preview`: who exchanges with whom, and whether the session breaks.

use super::Parser;
use crate::replicate::Policies;
use crate::script::command::{Command, SessionPolicies};
use crate::script::handlers::{HANDLERS, REVIEWERS};
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
        Ok(Command::Preview { from, to, policies: policies(words)? })
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
        let policies = policies(words)?;
        let mut cut = None;
        if words.skip("cut") {
            cut = Some(words.number("the number of bytes after which the session breaks")?);
        }
        Ok(Command::Sync { first, second, one_way, cut, policies })
    }
}

/// `policy source-wins collisions=merge customer=skip`, or `handler NAME`; behind it `review NAME`
fn policies(words: &mut Words<'_>) -> Result<SessionPolicies, String> {
    let mut policies = SessionPolicies::default();
    if words.skip("handler") {
        policies.handler = Some(named(words, "handler", &HANDLERS)?);
    } else if words.skip("policy") {
        policies.words.push(words.word("a policy")?.to_owned());
        while let Some(word) = words.peek().filter(|word| word.contains('=')) {
            policies.words.push(word.to_owned());
            words.next();
        }
    }
    if words.skip("review") {
        policies.reviewer = Some(named(words, "reviewer", &REVIEWERS)?);
    }
    Policies::spelled(policies.words.iter().map(String::as_str))?;
    Ok(policies)
}

fn named(words: &mut Words<'_>, what: &str, names: &[&str]) -> Result<String, String> {
    let name = words.word(&format!("the name of a {what}"))?;
    if !names.contains(&name) {
        return Err(format!("there is no {what} `{name}`; they are {}", names.join(", ")));
    }
    Ok(name.to_owned())
}
