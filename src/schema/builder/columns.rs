//! Columns of a draft: their types and defaults, and lists of columns by name.

use super::draft::{ColumnDraft, Name, Position, Problem, TableDraft};
use crate::ids::{ColumnId, UnitId};
use crate::schema::{Column, ColumnRule, SchemaError};
use crate::value::{Collation, Type, Value};

/// The columns of a table, to look names up in.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub table: &'a Name,
    pub columns: &'a [Column],
}

impl Columns<'_> {
    /// The position of a column.
    pub fn position(self, name: &Name) -> Result<usize, Problem> {
        self.columns.iter().position(|column| name.is(&column.name)).ok_or_else(|| {
            let (table, column) = (self.table.text.clone(), name.text.clone());
            SchemaError::UnknownColumn { table, column }.at(name.at)
        })
    }

    /// The positions of columns; there must be at least one, and none twice.
    pub fn positions(self, what: &'static str, names: &[Name], at: Position) -> Result<Vec<usize>, Problem> {
        let table = self.table.text.clone();
        if names.is_empty() {
            return Err(SchemaError::EmptyList { table, what }.at(at));
        }
        let mut positions = Vec::with_capacity(names.len());
        for name in names {
            let position = self.position(name)?;
            if positions.contains(&position) {
                let column = name.text.clone();
                return Err(SchemaError::RepeatedColumn { table, what, column }.at(name.at));
            }
            positions.push(position);
        }
        Ok(positions)
    }
}

/// Names as they stand in a message.
pub(super) fn list(names: &[Name]) -> String {
    names.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(", ")
}

/// The columns of a draft. Their units and rules are assigned later, and so are inherited
/// collations.
pub(super) fn resolve(
    draft: &TableDraft,
    mut next_id: impl FnMut() -> ColumnId,
) -> Result<Vec<Column>, Problem> {
    let column = |column: &ColumnDraft| {
        let id = next_id();
        Ok(Column {
            id,
            name: column.name.text.clone(),
            kind: column.kind,
            nullable: column.nullable,
            default: default(draft, column)?,
            collation: collation(draft, column)?,
            unit: UnitId(id.0),
            rule: ColumnRule::Winner,
        })
    };
    draft.columns.iter().map(column).collect()
}

fn collation(draft: &TableDraft, column: &ColumnDraft) -> Result<Collation, Problem> {
    match column.collation {
        Some(collation) if collation != Collation::Binary && column.kind != Type::Text => {
            let (table, name) = (draft.name.text.clone(), column.name.text.clone());
            let error = SchemaError::CollationOfNonText { table, column: name, kind: column.kind };
            Err(error.at(column.name.at))
        }
        given => Ok(given.unwrap_or_default()),
    }
}

fn default(draft: &TableDraft, column: &ColumnDraft) -> Result<Value, Problem> {
    convert(&column.default, column.kind).ok_or_else(|| {
        let (table, name, expected) = (draft.name.text.clone(), column.name.text.clone(), column.kind);
        let hint = hint(column.kind).to_owned();
        SchemaError::DefaultType { table, column: name, expected, hint }.at(column.default_at)
    })
}

/// SQL writes UUID, TIMESTAMP and JSON as texts, and has no infinite numbers.
pub(in crate::schema) fn convert(value: &Value, kind: Type) -> Option<Value> {
    let value = match (value, kind) {
        (Value::Text(text), Type::Uuid | Type::Timestamp | Type::Json) => kind.parse(text),
        _ => kind.coerce(value.clone()),
    };
    value.ok().filter(|value| value.as_real().is_none_or(f64::is_finite))
}

fn hint(kind: Type) -> &'static str {
    match kind {
        Type::Boolean => ": write TRUE or FALSE",
        Type::Integer => ": write a whole number between -9223372036854775808 and 9223372036854775807",
        Type::Real => ": write a finite number; an integer must have an exact REAL",
        Type::Text => ": write a text in single quotes",
        Type::Blob => ": write x'…' with two hexadecimal digits a byte",
        Type::Uuid => ": write '00000000-0000-0000-0000-000000000000'",
        Type::Timestamp => ": write '2024-01-31T12:00:00Z'",
        Type::Json => ": write JSON in single quotes",
    }
}
