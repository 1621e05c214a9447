//! Checks of a draft: from SQL text or a tree to a rule that is known to be evaluable.

use super::columns::Columns;
use super::draft::{CheckDraft, Name, Problem, Rule, TableDraft};
use crate::schema::ddl::{self, Cursor, DdlError};
use crate::schema::{Expression, ExpressionError, SchemaError};
use crate::value::Type;

/// The rule of a check, with constants of the types of the columns beside them.
pub(super) fn read(
    draft: &TableDraft,
    check: &CheckDraft,
    columns: Columns<'_>,
) -> Result<Expression, Problem> {
    let types: Vec<Type> = columns.columns.iter().map(|column| column.kind).collect();
    let rule = match &check.rule {
        Rule::Sql(sql) => parse(sql, columns).map_err(|problem| bad(draft, check, problem))?,
        Rule::Tree(tree) => tree.clone(),
    };
    fit(rule, &types).map_err(|error| bad(draft, check, error.to_string()))
}

fn fit(rule: Expression, types: &[Type]) -> Result<Expression, ExpressionError> {
    let (operators, limit) = (rule.operators(), Expression::MAX_OPERATORS);
    if operators > limit {
        return Err(ExpressionError::TooLarge { operators, limit });
    }
    let rule = rule.fit(types)?;
    rule.validate(types)?;
    Ok(rule)
}

fn parse(sql: &str, columns: Columns<'_>) -> Result<Expression, String> {
    let position = |name: &Name| {
        columns.position(name).map_err(|problem| DdlError::from(Problem { at: name.at, ..problem }))
    };
    let read = || {
        let mut cursor = Cursor::new(sql)?;
        let rule = ddl::expression(&mut cursor, &position)?;
        if cursor.peek().is_some() { Err(cursor.expected("an operator, or the end")) } else { Ok(rule) }
    };
    read().map_err(|error| format!("at {error}"))
}

fn bad(draft: &TableDraft, check: &CheckDraft, problem: String) -> Problem {
    let name = check.name.as_ref().map(|name| format!("{:?} ", name.text)).unwrap_or_default();
    SchemaError::BadRule { table: draft.name.text.clone(), name, problem }.at(check.at)
}
