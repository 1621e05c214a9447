//! Column definitions, and what follows `REFERENCES`.

use sqlparser::tokenizer::Token;

use super::expression::constant;
use super::table::{Reading, check, constraint_name};
use super::{Cursor, DdlError};
use crate::schema::builder::{ColumnDraft, ForeignKeyDraft, KeyDraft, Name, Position};
use crate::schema::{OnDelete, OnUpdate};
use crate::value::Type;

/// Type names of other databases, and what they are here.
const OTHER_TYPES: [(&str, Type); 31] = [
    ("BIGINT", Type::Integer),
    ("BINARY", Type::Blob),
    ("BOOL", Type::Boolean),
    ("BYTEA", Type::Blob),
    ("CHAR", Type::Text),
    ("CHARACTER", Type::Text),
    ("CLOB", Type::Text),
    ("DATE", Type::Timestamp),
    ("DATETIME", Type::Timestamp),
    ("DECIMAL", Type::Real),
    ("DOUBLE", Type::Real),
    ("FLOAT", Type::Real),
    ("INT", Type::Integer),
    ("INT2", Type::Integer),
    ("INT4", Type::Integer),
    ("INT8", Type::Integer),
    ("JSONB", Type::Json),
    ("LONGTEXT", Type::Text),
    ("MEDIUMINT", Type::Integer),
    ("NCHAR", Type::Text),
    ("NUMERIC", Type::Real),
    ("NVARCHAR", Type::Text),
    ("SERIAL", Type::Integer),
    ("SMALLINT", Type::Integer),
    ("STRING", Type::Text),
    ("TIMESTAMPTZ", Type::Timestamp),
    ("TINYINT", Type::Integer),
    ("UNIQUEIDENTIFIER", Type::Uuid),
    ("VARBINARY", Type::Blob),
    ("VARCHAR", Type::Text),
    ("VARCHAR2", Type::Text),
];

/// What a column was said to be so far, to refuse what is said twice.
#[derive(Default)]
struct Said {
    null: bool,
    default: bool,
    collation: bool,
}

/// Passes the definition of a column.
pub(super) fn column(cursor: &mut Cursor, reading: &mut Reading) -> Result<(), DdlError> {
    let name = cursor.name("a column or a constraint")?;
    let kind = kind(cursor, &name)?;
    let mut column = ColumnDraft::new(name, kind);
    let mut said = Said::default();
    loop {
        let constraint = constraint_name(cursor)?;
        let passed = match &constraint {
            None => attribute(cursor, &mut column, &mut said)?,
            Some(_) => false,
        };
        if !passed && !column_constraint(cursor, reading, &column.name, constraint)? {
            break;
        }
    }
    if cursor.peek_words(&["AUTOINCREMENT"]) {
        let message =
            "AUTOINCREMENT is not supported, since two replicas would give the same number: use a UUID";
        return Err(DdlError::new(cursor.at(), message));
    }
    reading.draft.columns.push(column);
    Ok(())
}

/// Passes the type of a column.
fn kind(cursor: &mut Cursor, column: &Name) -> Result<Type, DdlError> {
    const ALL: &str = "BOOLEAN, INTEGER, REAL, TEXT, BLOB, UUID, TIMESTAMP or JSON";
    let at = cursor.at();
    let Some(Token::Word(word)) = cursor.peek() else {
        return Err(cursor.expected(&format!("the type of column {:?}: {ALL}", column.text)));
    };
    let word = word.value.clone();
    let Ok(kind) = word.parse::<Type>() else {
        let known = OTHER_TYPES.iter().find(|(other, _)| other.eq_ignore_ascii_case(&word));
        let supported = known.map_or_else(|| ALL.to_owned(), |(_, kind)| kind.to_string());
        return Err(DdlError::new(at, format!("{word} is no type of Reunite: use {supported}")));
    };
    cursor.skip();
    if cursor.peek() == Some(&Token::LParen) {
        let message = format!("{kind} takes no length: leave it out, or use a check");
        return Err(DdlError::new(cursor.at(), message));
    }
    Ok(kind)
}

/// Passes `NULL`, `NOT NULL`, `DEFAULT` or `COLLATE`, if one is next.
fn attribute(cursor: &mut Cursor, column: &mut ColumnDraft, said: &mut Said) -> Result<bool, DdlError> {
    let at = cursor.at();
    let (repeated, what) = if cursor.eat_words(&["NOT", "NULL"]) {
        column.nullable = false;
        (&mut said.null, "NULL or NOT NULL")
    } else if cursor.eat_words(&["NULL"]) {
        (&mut said.null, "NULL or NOT NULL")
    } else if cursor.eat_words(&["DEFAULT"]) {
        column.default_at = cursor.at();
        column.default = constant(cursor)?;
        (&mut said.default, "DEFAULT")
    } else if cursor.eat_words(&["COLLATE"]) {
        let name_at = cursor.at();
        let name = cursor.name("a collation")?;
        let unknown = |error: crate::value::ValueError| DdlError::new(name_at, error.to_string());
        column.collation = Some(name.text.parse().map_err(unknown)?);
        (&mut said.collation, "COLLATE")
    } else {
        return Ok(false);
    };
    if std::mem::replace(repeated, true) {
        return Err(DdlError::new(at, format!("column {:?} says {what} twice", column.name.text)));
    }
    Ok(true)
}

/// Passes `PRIMARY KEY`, `UNIQUE`, `CHECK` or `REFERENCES`, if one is next.
fn column_constraint(
    cursor: &mut Cursor,
    reading: &mut Reading,
    column: &Name,
    name: Option<Name>,
) -> Result<bool, DdlError> {
    let at = cursor.at();
    let columns = vec![column.clone()];
    if cursor.eat_words(&["PRIMARY", "KEY"]) {
        reading.draft.primary_keys.push(KeyDraft { name, columns, merge: false, at });
    } else if cursor.eat_words(&["UNIQUE"]) {
        reading.draft.unique_keys.push(KeyDraft { name, columns, merge: false, at });
    } else if cursor.eat_words(&["CHECK"]) {
        check(cursor, reading, name, at)?;
    } else if cursor.eat_words(&["REFERENCES"]) {
        reading.draft.foreign_keys.push(references(cursor, name, columns, at)?);
    } else if name.is_some() {
        return Err(cursor.expected("PRIMARY KEY, UNIQUE, CHECK or REFERENCES, which alone have names"));
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Passes what follows `REFERENCES`.
pub(super) fn references(
    cursor: &mut Cursor,
    name: Option<Name>,
    columns: Vec<Name>,
    at: Position,
) -> Result<ForeignKeyDraft, DdlError> {
    let parent = cursor.name("a table")?;
    let named = cursor.peek() == Some(&Token::LParen);
    let parent_columns = if named { cursor.names("a column")? } else { Vec::new() };
    let (mut on_delete, mut on_update) = (None, None);
    loop {
        let at = cursor.at();
        let repeated = if cursor.eat_words(&["ON", "DELETE"]) {
            on_delete.replace(action(cursor)?).is_some()
        } else if cursor.eat_words(&["ON", "UPDATE"]) {
            on_update.replace(action(cursor)?).is_some()
        } else {
            break;
        };
        if repeated {
            return Err(DdlError::new(at, "this action is given twice: leave one out"));
        }
    }
    if cursor.peek_words(&["DEFERRABLE"]) || cursor.peek_words(&["NOT", "DEFERRABLE"]) {
        let message =
            "DEFERRABLE is not supported, since constraints are checked at the commit: leave it out";
        return Err(DdlError::new(cursor.at(), message));
    }
    let on_delete = match on_delete {
        None | Some(Action::Restrict) => OnDelete::Restrict,
        Some(Action::Cascade) => OnDelete::Cascade,
        Some(Action::SetNull) => OnDelete::SetNull,
    };
    let on_update = match on_update {
        None => OnUpdate::Default,
        Some(Action::Restrict) => OnUpdate::Restrict,
        Some(Action::Cascade) => OnUpdate::Cascade,
        Some(Action::SetNull) => OnUpdate::SetNull,
    };
    Ok(ForeignKeyDraft { name, columns, parent, parent_columns, on_delete, on_update, match_key: false, at })
}

enum Action {
    Restrict,
    Cascade,
    SetNull,
}

fn action(cursor: &mut Cursor) -> Result<Action, DdlError> {
    if cursor.eat_words(&["RESTRICT"]) || cursor.eat_words(&["NO", "ACTION"]) {
        Ok(Action::Restrict)
    } else if cursor.eat_words(&["CASCADE"]) {
        Ok(Action::Cascade)
    } else if cursor.eat_words(&["SET", "NULL"]) {
        Ok(Action::SetNull)
    } else {
        Err(cursor.expected("RESTRICT, NO ACTION, CASCADE or SET NULL"))
    }
}
