//! Columns whose concurrent values are combined: which columns may have such a rule.
//!
//! Such a column is a unit by itself. In a key, a reference, a declared unit or a check over several
//! columns its value would have to win or lose with others, which is what the rule is there to avoid.

use super::columns::Columns;
use super::draft::{Problem, TableDraft};
use crate::schema::{Column, ColumnRule, SchemaError, Table, Tracking};
use crate::value::{Json, Value};

/// Gives columns their rules. A counter and a set are never null: they begin with 0 and `[]`.
pub(super) fn apply(draft: &TableDraft, columns: &mut [Column]) -> Result<(), Problem> {
    for (rule, name) in &draft.column_rules {
        let position = Columns { table: &draft.name, columns }.position(name)?;
        let Some(column) = columns.get_mut(position) else { continue };
        let (table, name_of) = (draft.name.text.clone(), column.name.clone());
        if column.rule != ColumnRule::Winner {
            return Err(SchemaError::TwoRules { table, column: name_of }.at(name.at));
        }
        if !rule.admits(column.kind) {
            let (rule, kind, hint) = (rule.name(), column.kind, hint(*rule));
            return Err(SchemaError::RuleType { table, column: name_of, rule, kind, hint }.at(name.at));
        }
        column.rule = *rule;
        begin(column);
        if *rule == ColumnRule::Union
            && !matches!(&column.default, Value::Json(json) if json.as_str() == "[]")
        {
            return Err(SchemaError::DefaultOfSet { table, column: name_of }.at(name.at));
        }
    }
    Ok(())
}

const fn hint(rule: ColumnRule) -> &'static str {
    match rule {
        ColumnRule::Sum => {
            "INTEGER: sums of REAL depend on their order, so count in the smallest unit, as cents"
        }
        ColumnRule::Union => "JSON: a set is an array",
        _ => "any type but JSON, which has no order",
    }
}

fn begin(column: &mut Column) {
    let first = match column.rule {
        ColumnRule::Sum => Value::Integer(0),
        ColumnRule::Union => Json::parse("[]").map_or(Value::Null, Value::Json),
        _ => return,
    };
    column.nullable = false;
    if column.default.is_null() {
        column.default = first;
    }
}

/// Refuses a column with a rule that is not a unit by itself.
pub(super) fn validate(draft: &TableDraft, table: &Table) -> Result<(), Problem> {
    for (rule, name) in &draft.column_rules {
        let Some((position, column)) = table.column(&name.text) else { continue };
        let shared = table.unit(column.unit).is_some_and(|unit| unit.columns.len() > 1);
        let within = if table.keys.iter().any(|key| key.columns.contains(&position)) {
            "is part of a key"
        } else if table.foreign_keys.iter().any(|key| key.columns.contains(&position)) {
            "is part of a foreign key"
        } else if table.tracking == Tracking::Row {
            "is in a table that tracks by row"
        } else if shared {
            "is in one unit with other columns, by a declared unit or a check over several columns"
        } else {
            continue;
        };
        let (table, column, rule) = (table.name.clone(), column.name.clone(), rule.name());
        return Err(SchemaError::RuleNotAlone { table, column, rule, within }.at(name.at));
    }
    Ok(())
}
