//! SQL that changes a schema: `ALTER TABLE`, `DROP`, and `CREATE` over a schema that is there already.
//!
//! What is added is read into drafts of the whole schema, built and validated like a first schema, and
//! then compared with what was there (`additions`). Everything that a single master can do wrong is
//! refused here with its position.

use sqlparser::tokenizer::Token;

use super::columns::column;
use super::options::{options, settings};
use super::table::{Reading, constraint, read_checks, table};
use super::{Cursor, DdlError, find, index};
use crate::ids::{ConstraintId, TableId};
use crate::schema::builder::{self, Name, Position, TableDraft};
use crate::schema::design::{Effect, Fold, Numbers, Operation, Unfit};
use crate::schema::{SchemaError, Table};

/// A schema that SQL changes, and the source of the numbers of new objects.
pub(in crate::schema) struct Target<'a> {
    pub fold: Fold,
    pub numbers: Numbers<'a>,
}

/// The operations that the statements ask for. There must be at least one.
pub(in crate::schema) fn alter(target: &mut Target<'_>, sql: &str) -> Result<Vec<Operation>, DdlError> {
    let mut cursor = Cursor::new(sql)?;
    let mut operations = Vec::new();
    while cursor.peek().is_some() {
        if cursor.eat(&Token::SemiColon) {
            continue;
        }
        let at = cursor.at();
        let asked = statement(&mut cursor, target)?;
        if !matches!(cursor.peek(), None | Some(Token::SemiColon)) {
            return Err(cursor.expected("; or the end of the statement"));
        }
        for operation in &asked {
            let done = target.fold.apply(operation);
            refuse(operation, done, &target.fold).map_err(|error| DdlError::from(error.at(at)))?;
        }
        operations.extend(asked);
    }
    if operations.is_empty() {
        return Err(cursor.expected("a statement that changes the schema"));
    }
    Ok(operations)
}

/// What a single master is not allowed to do, though two may.
fn refuse(operation: &Operation, done: Result<Effect, Unfit>, fold: &Fold) -> Result<(), SchemaError> {
    let effect = match done {
        Ok(effect) => effect,
        Err(Unfit::Invalid(error)) => return Err(*error),
        Err(unfit) => {
            let what = operation.describe();
            return Err(SchemaError::NotApplicable { what, reason: unfit.reason() });
        }
    };
    if let Some((what, name, _)) = effect.renamed {
        return Err(SchemaError::DuplicateName { what, name, place: String::new() });
    }
    if let Some(constraint) = effect.same {
        return Err(SchemaError::RepeatedConstraint { constraint });
    }
    match effect.swept.into_iter().next() {
        Some((table, constraint)) => Err(SchemaError::InUse { table, constraint }),
        None => {
            debug_assert!(!fold.tables.iter().any(|table| table.dropped), "dropped tables stand apart");
            Ok(())
        }
    }
}

fn statement(cursor: &mut Cursor, target: &mut Target<'_>) -> Result<Vec<Operation>, DdlError> {
    if cursor.eat_words(&["CREATE", "TABLE"]) {
        let new = table(cursor)?;
        return additions(target, |drafts| {
            drafts.push(new);
            Ok(())
        });
    }
    if cursor.eat_words(&["CREATE", "INDEX"]) {
        let (table, new) = index(cursor)?;
        return additions(target, |drafts| {
            find(drafts, &table)?.indexes.push(new);
            Ok(())
        });
    }
    if cursor.eat_words(&["CREATE", "UNIQUE", "INDEX"]) {
        let (table, key) = index(cursor)?;
        return additions(target, |drafts| {
            find(drafts, &table)?.unique_keys.push(key);
            Ok(())
        });
    }
    if cursor.eat_words(&["ALTER", "TABLE"]) {
        let name = cursor.name("a table")?;
        return alter_table(cursor, target, &name);
    }
    if cursor.eat_words(&["DROP", "TABLE"]) {
        let table = named(target, &cursor.name("a table")?)?.id;
        return Ok(vec![Operation::DropTable { table }]);
    }
    if cursor.eat_words(&["DROP", "INDEX"]) {
        let name = cursor.name("an index")?;
        let (table, constraint) = index_named(target, &name)?;
        return Ok(vec![Operation::DropConstraint { table, constraint }]);
    }
    Err(cursor
        .expected("ALTER TABLE, CREATE TABLE, CREATE INDEX, CREATE UNIQUE INDEX, DROP TABLE or DROP INDEX"))
}

fn alter_table(
    cursor: &mut Cursor,
    target: &mut Target<'_>,
    name: &Name,
) -> Result<Vec<Operation>, DdlError> {
    let altered = named(target, name)?;
    let table = altered.id;
    if cursor.eat_words(&["ADD"]) {
        return add(cursor, target, name);
    }
    let operation = if cursor.eat_words(&["DROP", "CONSTRAINT"]) {
        let name = cursor.name("a constraint")?;
        Operation::DropConstraint { table, constraint: constraint_named(altered, &name)? }
    } else if cursor.eat_words(&["DROP"]) {
        cursor.eat_words(&["COLUMN"]);
        Operation::DropColumn { table, column: column_named(altered, &cursor.name("a column")?)? }
    } else if cursor.eat_words(&["RENAME", "TO"]) {
        Operation::RenameTable { table, name: cursor.name("the new name")?.text }
    } else if cursor.eat_words(&["RENAME", "CONSTRAINT"]) {
        let constraint = constraint_named(altered, &cursor.name("a constraint")?)?;
        cursor.expect_words(&["TO"])?;
        Operation::RenameConstraint { table, constraint, name: cursor.name("the new name")?.text }
    } else if cursor.eat_words(&["RENAME"]) {
        cursor.eat_words(&["COLUMN"]);
        let column = column_named(altered, &cursor.name("a column")?)?;
        cursor.expect_words(&["TO"])?;
        Operation::RenameColumn { table, column, name: cursor.name("the new name")?.text }
    } else if cursor.eat_words(&["SET"]) {
        return settings(cursor, altered);
    } else {
        return Err(cursor.expected("ADD, DROP, RENAME or SET"));
    };
    Ok(vec![operation])
}

/// What follows `ADD`: a column with its constraints, or a constraint; then `WITH (…)` for what SQL has
/// no words for.
fn add(cursor: &mut Cursor, target: &mut Target<'_>, name: &Name) -> Result<Vec<Operation>, DdlError> {
    let is_column = cursor.eat_words(&["COLUMN"]);
    additions(target, |drafts| {
        let draft = find(drafts, name)?;
        let checks = std::mem::take(&mut draft.checks);
        let columns = draft.columns.len();
        let mut reading = Reading { draft: draft.clone(), checks: Vec::new() };
        let at = cursor.at();
        if is_column || !constraint(cursor, &mut reading)? {
            column(cursor, &mut reading)?;
        }
        read_checks(cursor, &mut reading)?;
        options(cursor, &mut reading.draft, Some(&["match_key"]))?;
        if let Some(added) = reading.draft.columns.get(columns)
            && !added.nullable
            && added.default == crate::value::Value::Null
        {
            let (table, column) = (name.text.clone(), added.name.text.clone());
            return Err(SchemaError::NoDefault { table, column }.at(at).into());
        }
        reading.draft.checks.splice(0..0, checks);
        *draft = reading.draft;
        Ok(())
    })
}

/// Reads into the drafts of the whole schema, builds it, and finds what is new.
fn additions(
    target: &mut Target<'_>,
    read: impl FnOnce(&mut Vec<TableDraft>) -> Result<(), DdlError>,
) -> Result<Vec<Operation>, DdlError> {
    let mut drafts = builder::drafts(&target.fold.tables);
    read(&mut drafts)?;
    let built = builder::build(&drafts)?;
    Ok(super::additions::find(&target.fold.tables, built.tables(), &mut target.numbers))
}

fn named<'a>(target: &'a Target<'_>, name: &Name) -> Result<&'a Table, DdlError> {
    let found = target.fold.tables.iter().find(|table| name.is(&table.name));
    found.ok_or_else(|| SchemaError::UnknownTable { table: name.text.clone() }.at(name.at).into())
}

fn column_named(table: &Table, name: &Name) -> Result<crate::ids::ColumnId, DdlError> {
    table.column(&name.text).map(|(_, column)| column.id).ok_or_else(|| {
        let (table, column) = (table.name.clone(), name.text.clone());
        SchemaError::UnknownColumn { table, column }.at(name.at).into()
    })
}

fn constraint_named(table: &Table, name: &Name) -> Result<ConstraintId, DdlError> {
    let keys = table.keys.iter().map(|key| (key.id, &key.name));
    let foreign_keys = table.foreign_keys.iter().map(|key| (key.id, &key.name));
    let mut all = keys.chain(foreign_keys).chain(table.checks.iter().map(|check| (check.id, &check.name)));
    all.find(|(_, other)| name.is(other)).map(|(id, _)| id).ok_or_else(|| {
        let (table, constraint) = (table.name.clone(), name.text.clone());
        SchemaError::UnknownConstraint { table, constraint }.at(name.at).into()
    })
}

/// An index, or a unique key, by its name: `CREATE UNIQUE INDEX` makes the latter.
fn index_named(target: &Target<'_>, name: &Name) -> Result<(TableId, ConstraintId), DdlError> {
    let all = target.fold.tables.iter().flat_map(|table| {
        let indexes = table.indexes.iter().map(|index| (table.id, index.id, &index.name));
        let keys = table.keys.iter().map(|key| (table.id, key.id, &key.name));
        indexes.chain(keys).collect::<Vec<_>>()
    });
    let found = all.into_iter().find(|(_, _, other)| name.is(other));
    found.map(|(table, id, _)| (table, id)).ok_or_else(|| {
        let at: Position = name.at;
        SchemaError::UnknownIndex { index: name.text.clone() }.at(at).into()
    })
}
