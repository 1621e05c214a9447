//! `CREATE TABLE`: columns and constraints of a table.

use sqlparser::tokenizer::Token;

use super::columns::{column, references};
use super::options::options;
use super::{Cursor, DdlError, expression, no_condition};
use crate::schema::SchemaError;
use crate::schema::builder::{CheckDraft, KeyDraft, Name, Position, TableDraft};

/// A table while it is read. A check may name columns that come later, so checks are read last.
pub(super) struct Reading {
    pub draft: TableDraft,
    pub checks: Vec<UnreadCheck>,
}

/// A check, and where its expression begins.
pub(super) struct UnreadCheck {
    name: Option<Name>,
    at: Position,
    mark: usize,
}

/// What follows `CREATE TABLE`.
pub(super) fn table(cursor: &mut Cursor) -> Result<TableDraft, DdlError> {
    no_condition(cursor)?;
    let name = cursor.name("the name of the table")?;
    let mut reading = Reading { draft: TableDraft::new(name), checks: Vec::new() };
    cursor.expect(&Token::LParen, "( and the columns")?;
    loop {
        if !constraint(cursor, &mut reading)? {
            column(cursor, &mut reading)?;
        }
        if !cursor.eat(&Token::Comma) {
            break;
        }
    }
    cursor.expect(&Token::RParen, ", or )")?;
    read_checks(cursor, &mut reading)?;
    options(cursor, &mut reading.draft, None)?;
    Ok(reading.draft)
}

/// `CONSTRAINT name`, if it is next.
pub(super) fn constraint_name(cursor: &mut Cursor) -> Result<Option<Name>, DdlError> {
    if cursor.eat_words(&["CONSTRAINT"]) {
        cursor.name("the name of the constraint").map(Some)
    } else {
        Ok(None)
    }
}

/// Passes a constraint of the table, if one is next.
pub(super) fn constraint(cursor: &mut Cursor, reading: &mut Reading) -> Result<bool, DdlError> {
    let name = constraint_name(cursor)?;
    let at = cursor.at();
    if cursor.eat_words(&["PRIMARY", "KEY"]) {
        reading.draft.primary_keys.push(KeyDraft {
            name,
            columns: cursor.names("a column")?,
            merge: false,
            at,
        });
    } else if cursor.eat_words(&["UNIQUE"]) {
        reading.draft.unique_keys.push(KeyDraft {
            name,
            columns: cursor.names("a column")?,
            merge: false,
            at,
        });
    } else if cursor.eat_words(&["FOREIGN", "KEY"]) {
        let columns = cursor.names("a column")?;
        cursor.expect_words(&["REFERENCES"])?;
        reading.draft.foreign_keys.push(references(cursor, name, columns, at)?);
    } else if cursor.eat_words(&["CHECK"]) {
        check(cursor, reading, name, at)?;
    } else if name.is_some() {
        return Err(cursor.expected("PRIMARY KEY, UNIQUE, FOREIGN KEY or CHECK"));
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Passes what follows `CHECK`, to be read when all columns are known.
pub(super) fn check(
    cursor: &mut Cursor,
    reading: &mut Reading,
    name: Option<Name>,
    at: Position,
) -> Result<(), DdlError> {
    let opening = cursor.at();
    cursor.expect(&Token::LParen, "( and the rule")?;
    reading.checks.push(UnreadCheck { name, at, mark: cursor.mark() });
    let mut open = 1_usize;
    while open > 0 {
        match cursor.peek() {
            Some(Token::LParen) => open += 1,
            Some(Token::RParen) => open -= 1,
            Some(Token::SemiColon) | None => {
                return Err(DdlError::new(opening, "this ( is never closed"));
            }
            Some(_) => {}
        }
        cursor.skip();
    }
    Ok(())
}

pub(super) fn read_checks(cursor: &mut Cursor, reading: &mut Reading) -> Result<(), DdlError> {
    let end = cursor.mark();
    let Reading { draft, checks } = reading;
    let position = |name: &Name| {
        let place = draft.columns.iter().position(|column| column.name.is(&name.text));
        place.ok_or_else(|| {
            let (table, column) = (draft.name.text.clone(), name.text.clone());
            SchemaError::UnknownColumn { table, column }.at(name.at).into()
        })
    };
    let mut read = Vec::with_capacity(checks.len());
    for UnreadCheck { name, at, mark } in checks.drain(..) {
        cursor.return_to(mark);
        let rule = expression(cursor, &position)?;
        cursor.expect(&Token::RParen, "an operator, or )")?;
        read.push(CheckDraft { name, rule: rule.into(), at });
    }
    draft.checks = read;
    cursor.return_to(end);
    Ok(())
}
