//! What stands behind `a:`.

use crate::script::command::{Action, How, RowName};
use crate::script::objects::Object;
use crate::script::words::Words;

pub(super) fn parse(words: &mut Words<'_>) -> Result<Action, String> {
    let verb = words.word("a command")?;
    match verb {
        "insert" => insert(words),
        "update" | "update!" => update(words, verb == "update!"),
        "increment" => increment(words),
        "version" => version(words),
        "update?" => update_if(words),
        "delete?" => delete_if(words),
        "delete" => with_row(words, |table, row| Action::Delete { table, row }),
        "undelete" => with_row(words, |table, row| Action::Undelete { table, row }),
        "merge" => merge(words),
        "prefer" => with_row(words, |table, row| Action::Prefer { table, row }),
        "row" => with_row(words, |table, row| Action::Row { table, row }),
        "explain" => with_row(words, |table, row| Action::Explain { table, row }),
        "rows" => Ok(Action::Rows { table: table(words)? }),
        "conflicts" if words.is_empty() => Ok(Action::Conflicts { table: None }),
        "conflicts" => Ok(Action::Conflicts { table: Some(table(words)?) }),
        "reviews" => Ok(Action::Reviews),
        "accept" => with_row(words, |table, row| Action::Accept { table, row }),
        "resolve" => resolve(words),
        "undo" => Ok(Action::Undo { position: position(words)? }),
        "alter" => {
            Err("the SQL is missing: write `a: alter <<END`, the statements, and a line `END`".to_owned())
        }
        "design" => Ok(Action::Design),
        "schema" => Ok(Action::Schema),
        "begin" => Ok(Action::Begin),
        "commit" => Ok(Action::Commit),
        "rollback" => Ok(Action::Rollback),
        "lock" => Ok(Action::Lock { table: table(words)? }),
        "unlock" => Ok(Action::Unlock { table: table(words)? }),
        "knowledge" => Ok(Action::Knowledge),
        "stats" => Ok(Action::Stats),
        "check" => Ok(Action::Check),
        "sync" | "crash" | "clock" => Err(format!(
            "`{verb}` is not a command of one replica: write it at the line's start, as `{verb} a …`"
        )),
        _ => Err(format!("`{verb}` is not a command of a replica")),
    }
}

/// `insert customer {"code":"ANN"} as ann`
fn insert(words: &mut Words<'_>) -> Result<Action, String> {
    let table = table(words)?;
    let values = words.object("the row")?;
    let name = match words.peek() {
        Some("as") => {
            words.next();
            Some(words.name("the row")?.to_owned())
        }
        _ => None,
    };
    Ok(Action::Insert { table, values, name })
}

/// `update customer ann {"phone":"555"}`
fn update(words: &mut Words<'_>, forced: bool) -> Result<Action, String> {
    let (table, row) = (table(words)?, row(words)?);
    let values = columns(words, "the new values")?;
    Ok(Action::Update { table, row, values, forced })
}

/// `increment page home {"hits":1}`
fn increment(words: &mut Words<'_>) -> Result<Action, String> {
    let (table, row) = (table(words)?, row(words)?);
    Ok(Action::Increment { table, row, amounts: columns(words, "what to add")? })
}

/// `version customer ann as v1`
fn version(words: &mut Words<'_>) -> Result<Action, String> {
    let (table, row) = (table(words)?, row(words)?);
    if !words.skip("as") {
        return Err("a version needs a name: `version TABLE ROW as NAME`".to_owned());
    }
    let name = words.name("the version")?.to_owned();
    Ok(Action::Version { table, row, name })
}

/// `update? customer ann v1 {"phone":"555"}`
fn update_if(words: &mut Words<'_>) -> Result<Action, String> {
    let (table, row) = (table(words)?, row(words)?);
    let version = words.name("the version")?.to_owned();
    let values = columns(words, "the new values")?;
    Ok(Action::UpdateIf { table, row, version, values })
}

/// `delete? customer ann v1`
fn delete_if(words: &mut Words<'_>) -> Result<Action, String> {
    let (table, row) = (table(words)?, row(words)?);
    Ok(Action::DeleteIf { table, row, version: words.name("the version")?.to_owned() })
}

fn with_row(words: &mut Words<'_>, action: impl FnOnce(String, RowName) -> Action) -> Result<Action, String> {
    let table = table(words)?;
    Ok(action(table, row(words)?))
}

/// `merge customer bob into ann`
fn merge(words: &mut Words<'_>) -> Result<Action, String> {
    let table = table(words)?;
    let from = row(words)?;
    match words.word("`into`")? {
        "into" => Ok(Action::Merge { table, row: from, into: row(words)? }),
        other => Err(format!("`into` and a row must follow, not `{other}`")),
    }
}

/// The columns that change where both rows stay; none, if they do not clash any more.
fn keep_both(words: &mut Words<'_>) -> Result<Object, String> {
    if words.is_empty() { Ok(Object::default()) } else { columns(words, "the new key") }
}

/// `resolve 1 set {"phone":"555"}`
fn resolve(words: &mut Words<'_>) -> Result<Action, String> {
    let position = position(words)?;
    let how = match words.word("how to resolve the conflict")? {
        "keep-winner" => How::KeepWinner,
        "keep-loser" => How::KeepLoser,
        "set" => How::Set(columns(words, "the values to set")?),
        "rename" => How::Rename(columns(words, "the new key")?),
        "prefer" => How::Prefer,
        "reparent" => How::Reparent(columns(words, "the new reference")?),
        "restore-parent" => How::RestoreParent,
        "delete" => How::Delete,
        "dismiss" => How::Dismiss,
        "merge" => How::Merge,
        "keep-both" => How::KeepBoth(keep_both(words)?),
        other => {
            return Err(format!(
                "`{other}` is not a resolution; they are keep-winner, keep-loser, set, rename, prefer, \
                 merge, keep-both, reparent, restore-parent, delete and dismiss"
            ));
        }
    };
    Ok(Action::Resolve { position, how })
}

fn position(words: &mut Words<'_>) -> Result<usize, String> {
    match words.number("the position of a conflict in the last listing")? {
        0 => Err("the first conflict of a listing is number 1".to_owned()),
        position => Ok(position),
    }
}

fn table(words: &mut Words<'_>) -> Result<String, String> {
    words.name("the table").map(str::to_owned)
}

/// A row's script name, or `{"key":value,…}`.
fn row(words: &mut Words<'_>) -> Result<RowName, String> {
    if words.rest().starts_with('{') {
        return columns(words, "the key of the row").map(RowName::Key);
    }
    words.name("the row").map(|name| RowName::Script(name.to_owned()))
}

/// An object that names at least one column.
fn columns(words: &mut Words<'_>, what: &str) -> Result<Object, String> {
    let object = words.object(what)?;
    if object.members().len() == 0 {
        return Err(format!("{what} must name at least one column"));
    }
    Ok(object)
}
