//! `WITH (…)`: what SQL has no words for. Each value is a text.

use std::collections::BTreeSet;

use sqlparser::tokenizer::Token;

use super::{Cursor, DdlError};
use crate::schema::builder::{Name, Position, TableDraft};
use crate::schema::design::Operation;
use crate::schema::{ColumnRule, DeleteRule, Identity, SchemaError, Table, Tracking, WinnerRule};

/// The value of an option, and where it stands.
struct Text {
    text: String,
    at: Position,
}

/// Passes the options of a table, if there are any; `only` says which ones may be given here.
pub(super) fn options(
    cursor: &mut Cursor,
    draft: &mut TableDraft,
    only: Option<&[&str]>,
) -> Result<(), DdlError> {
    if cursor.eat_words(&["WITH"]) { list_of_options(cursor, draft, only) } else { Ok(()) }
}

/// What follows `ALTER TABLE … SET`.
pub(super) fn settings(cursor: &mut Cursor, table: &Table) -> Result<Vec<Operation>, DdlError> {
    let mut draft = TableDraft::new(Name::from(table.name.clone()));
    (draft.winner, draft.deletes) = (table.winner, table.deletes);
    list_of_options(cursor, &mut draft, Some(&["winner", "deletes"]))?;
    let mut operations = Vec::new();
    if draft.winner != table.winner {
        operations.push(Operation::SetWinner { table: table.id, winner: draft.winner });
    }
    if draft.deletes != table.deletes {
        operations.push(Operation::SetDeletes { table: table.id, deletes: draft.deletes });
    }
    Ok(operations)
}

fn list_of_options(
    cursor: &mut Cursor,
    draft: &mut TableDraft,
    only: Option<&[&str]>,
) -> Result<(), DdlError> {
    cursor.expect(&Token::LParen, "( and options")?;
    let mut seen = BTreeSet::new();
    loop {
        let at = cursor.at();
        let option = option_name(cursor)?;
        if !seen.insert(option.clone()) {
            return Err(DdlError::new(at, format!("option {option} is given twice: leave one out")));
        }
        if only.is_some_and(|only| !only.contains(&option.as_str())) {
            let only = only.unwrap_or_default().join(" and ");
            let message = format!("option {option} cannot be changed: here there is {only}");
            return Err(DdlError::new(at, message));
        }
        cursor.expect(&Token::Eq, "=")?;
        let value = text(cursor)?;
        apply(draft, &option, at, &value)?;
        if !cursor.eat(&Token::Comma) {
            break;
        }
    }
    cursor.expect(&Token::RParen, ", or )")
}

/// The option `union` is a keyword elsewhere.
fn option_name(cursor: &mut Cursor) -> Result<String, DdlError> {
    let Some(word) = cursor.peek_word() else { return Err(cursor.expected("the name of an option")) };
    let option = word.to_ascii_lowercase();
    cursor.skip();
    Ok(option)
}

fn text(cursor: &mut Cursor) -> Result<Text, DdlError> {
    let at = cursor.at();
    let Some(Token::SingleQuotedString(text)) = cursor.peek() else {
        return Err(cursor.expected("a value in single quotes"));
    };
    let text = text.clone();
    cursor.skip();
    Ok(Text { text, at })
}

fn apply(draft: &mut TableDraft, option: &str, at: Position, value: &Text) -> Result<(), DdlError> {
    match option {
        "identity" => {
            let kinds = [("random", Identity::Random), ("natural", Identity::Natural)];
            (draft.identity, draft.identity_at) = (one_of(option, value, &kinds)?, value.at);
        }
        "tracking" => {
            draft.tracking = one_of(option, value, &[("column", Tracking::Column), ("row", Tracking::Row)])?;
        }
        "winner" => {
            let rules = [("latest", WinnerRule::Latest), ("priority", WinnerRule::Priority)];
            draft.winner = one_of(option, value, &rules)?;
        }
        "deletes" => {
            let rules = [
                ("delete wins", DeleteRule::DeleteWins),
                ("update wins", DeleteRule::UpdateWins),
                ("latest wins", DeleteRule::LatestWins),
            ];
            draft.deletes = one_of(option, value, &rules)?;
        }
        "replicate" => draft.replicate = one_of(option, value, &[("true", true), ("false", false)])?,
        "units" => draft.units = lists(value)?,
        "max" => combine(draft, ColumnRule::Max, value)?,
        "min" => combine(draft, ColumnRule::Min, value)?,
        "sum" => combine(draft, ColumnRule::Sum, value)?,
        "union" => combine(draft, ColumnRule::Union, value)?,
        "match_key" => lists(value)?.iter().try_for_each(|columns| match_key(draft, columns, value.at))?,
        "merge_duplicates" => {
            lists(value)?.iter().try_for_each(|columns| merge_duplicates(draft, columns, value.at))?;
        }
        unknown => {
            let known = "identity, tracking, winner, deletes, merge_duplicates, match_key, units, max, min, sum, union and replicate";
            return Err(DdlError::new(at, format!("there is no option {unknown}: there are {known}")));
        }
    }
    Ok(())
}

fn one_of<T: Copy>(option: &str, value: &Text, choices: &[(&str, T)]) -> Result<T, DdlError> {
    let found = choices.iter().find(|(name, _)| value.text.trim().eq_ignore_ascii_case(name));
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("'{name}'")).collect();
        let message = format!("option {option} cannot be '{}': it is {}", value.text, names.join(" or "));
        DdlError::new(value.at, message)
    })
}

/// Lists of columns, each in parentheses unless it is a single column. What is wrong in them has the
/// position of the text.
fn lists(value: &Text) -> Result<Vec<Vec<Name>>, DdlError> {
    let located =
        |error: DdlError| DdlError::new(value.at, format!("in '{}': {}", value.text, error.message));
    let mut cursor = Cursor::new(&value.text).map_err(located)?;
    let mut lists = Vec::new();
    loop {
        lists.push(list(&mut cursor).map_err(located)?);
        if !cursor.eat(&Token::Comma) {
            break;
        }
    }
    if cursor.peek().is_some() {
        return Err(located(cursor.expected(", or the end")));
    }
    for name in lists.iter_mut().flatten() {
        name.at = value.at;
    }
    Ok(lists)
}

fn list(cursor: &mut Cursor) -> Result<Vec<Name>, DdlError> {
    if cursor.peek() == Some(&Token::LParen) {
        cursor.names("a column")
    } else {
        Ok(vec![cursor.name("a column, or columns in parentheses")?])
    }
}

/// Columns, one by one, whose concurrent values are combined.
fn combine(draft: &mut TableDraft, rule: ColumnRule, value: &Text) -> Result<(), DdlError> {
    for columns in lists(value)? {
        let [column] = <[Name; 1]>::try_from(columns).map_err(|_| {
            let message =
                format!("option {} names columns one by one: leave the parentheses out", rule.name());
            DdlError::new(value.at, message)
        })?;
        draft.column_rules.push((rule, column));
    }
    Ok(())
}

/// Lets rows that clash on the key over these columns become one; the order of the columns does not matter.
fn merge_duplicates(draft: &mut TableDraft, columns: &[Name], at: Position) -> Result<(), DdlError> {
    let folded = |names: &[Name]| {
        names.iter().map(|name| name.text.to_ascii_lowercase()).collect::<BTreeSet<String>>()
    };
    let wanted = folded(columns);
    let mut keys = draft.primary_keys.iter_mut().chain(&mut draft.unique_keys);
    if let Some(key) = keys.find(|key| folded(&key.columns) == wanted) {
        key.merge = true;
        return Ok(());
    }
    let columns = columns.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(", ");
    Err(SchemaError::NotAUniqueKey { table: draft.name.text.clone(), columns }.at(at).into())
}

/// Lets the foreign keys over these columns match by value; the order of the columns does not matter.
fn match_key(draft: &mut TableDraft, columns: &[Name], at: Position) -> Result<(), DdlError> {
    let folded = |names: &[Name]| {
        names.iter().map(|name| name.text.to_ascii_lowercase()).collect::<BTreeSet<String>>()
    };
    let wanted = folded(columns);
    let mut found = false;
    for foreign_key in draft.foreign_keys.iter_mut().filter(|key| folded(&key.columns) == wanted) {
        foreign_key.match_key = true;
        found = true;
    }
    if found {
        return Ok(());
    }
    let columns = columns.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(", ");
    Err(SchemaError::NotAForeignKey { table: draft.name.text.clone(), columns }.at(at).into())
}
