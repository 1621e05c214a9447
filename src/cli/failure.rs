//! Errors as the command line shows them: one line that says what is wrong and what to do.

use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::commit::WriteError;
use crate::db::AlterError;
use crate::error::Error;
use crate::sync::SyncError;
use crate::value::Value;

/// Prints `error: …`, or `{"error":{"code":…,"message":…}}`, with what else a program may want to know.
pub(super) fn report(error: &anyhow::Error, json: bool, errors: &mut dyn Write) -> io::Result<()> {
    let message = message(error);
    if json {
        let mut report = serde_json::Map::from_iter([
            ("code".to_owned(), code(error).into()),
            ("message".to_owned(), message.into()),
        ]);
        report.extend(error.chain().find_map(details).unwrap_or_default());
        writeln!(errors, "{}", serde_json::json!({ "error": report }))
    } else {
        writeln!(errors, "error: {message}")
    }
}

/// The error and its causes, each said once: a cause that the message above it quotes is left out.
fn message(error: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !message.contains(&cause) {
            let separator = if message.is_empty() { "" } else { ": " };
            message = format!("{message}{separator}{cause}");
        }
    }
    message.trim_end().replace('\n', " ")
}

/// The stable name of the error, where it has one.
fn code(error: &anyhow::Error) -> &str {
    error.chain().find_map(code_of).unwrap_or("failed")
}

fn code_of<'e>(cause: &'e (dyn std::error::Error + 'static)) -> Option<&'e str> {
    if let Some(error) = cause.downcast_ref::<WriteError>() {
        Some(error.code())
    } else if let Some(error) = cause.downcast_ref::<Error>() {
        Some(error.code())
    } else if let Some(error) = cause.downcast_ref::<AlterError>() {
        Some(error.code())
    } else if let Some(error) = cause.downcast_ref::<SyncError>() {
        Some(error.code())
    } else {
        cause.is::<io::Error>().then_some("io")
    }
}

/// Which key is a duplicate and who holds it; what has changed since a version was read.
fn details(cause: &(dyn std::error::Error + 'static)) -> Option<serde_json::Map<String, Json>> {
    let details = match cause.downcast_ref::<WriteError>()? {
        WriteError::DuplicateKey { table, key, columns, values, holder, .. } => {
            let values: Vec<Json> = values.iter().map(Value::to_json).collect();
            json!({
                "table": table, "key": key, "columns": columns, "values": values,
                "holder": holder.to_string(),
            })
        }
        WriteError::ImmutableKey { table, row, key, columns, values } => {
            let values: Vec<Json> = values.iter().map(Value::to_json).collect();
            json!({
                "table": table, "row": row.to_string(), "key": key, "columns": columns, "values": values,
            })
        }
        WriteError::StaleVersion { table, row, columns, replicas, deleted } => {
            let replicas: Vec<String> = replicas.iter().map(ToString::to_string).collect();
            json!({
                "table": table, "row": row.to_string(), "columns": columns, "replicas": replicas,
                "deleted": deleted,
            })
        }
        _ => return None,
    };
    details.as_object().cloned()
}

/// Whether the reader of the answer has closed its end.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.downcast_ref::<io::Error>().is_some_and(broken)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn causes_are_said_once() {
        let source = io::Error::other("the disk is full");
        let error: Result<(), _> = Err(Error::io("write journal", source));
        let error = error.context("customers.csv").unwrap_err();
        assert_eq!(message(&error), "customers.csv: write journal: the disk is full");
        assert_eq!(code(&error), "io");
    }
}
