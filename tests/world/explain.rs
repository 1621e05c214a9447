//! What a step did, in words: for whoever has to understand a history that fails.

use std::fmt::Write as _;

use reunite::ids::{RowId, RowKey};
use reunite::schema::Schema;

use super::generate::Operation;
use crate::model::{Derived, Image, Values};

/// The last characters of an id are enough to tell rows apart.
pub fn short(row: RowId) -> String {
    row.to_string().chars().skip(32).collect()
}

pub fn name(schema: &Schema, row: RowKey) -> String {
    let table = schema.table_by_id(row.table).map_or("?", |table| table.name.as_str());
    format!("{table} {}", short(row.row))
}

fn values(schema: &Schema, row: RowKey, values: &Values) -> String {
    let columns = &schema.table_by_id(row.table).expect("a table of the schema").columns;
    let all = values.iter().map(|(column, value)| format!("{} = {value:?}", columns[*column].name));
    all.collect::<Vec<_>>().join(", ")
}

pub fn operation(schema: &Schema, operation: &Operation) -> String {
    match operation {
        Operation::Insert { row, values: all } => {
            format!("insert {}: {}", name(schema, *row), values(schema, *row, all))
        }
        Operation::Update { row, values: all, force } => {
            let force = if *force { "!" } else { "" };
            format!("update{force} {}: {}", name(schema, *row), values(schema, *row, all))
        }
        Operation::Increment { row, amounts } => {
            format!("increment {}: {}", name(schema, *row), values(schema, *row, amounts))
        }
        Operation::Delete { row } => format!("delete {}", name(schema, *row)),
        Operation::Undelete { row } => format!("undelete {}", name(schema, *row)),
        Operation::Merge { row, into } => {
            format!("merge {} into {}", name(schema, *row), name(schema, *into))
        }
        Operation::Prefer { row } => format!("prefer {}", name(schema, *row)),
        Operation::Undo { conflict } => {
            format!("undo {} {:?} of {}", name(schema, conflict.row), conflict.about, conflict.dot)
        }
        Operation::Resolve { conflict, choice } => {
            format!(
                "resolve {} {:?} of {}: {choice:?}",
                name(schema, conflict.row),
                conflict.about,
                conflict.dot
            )
        }
    }
}

/// Every row, with what bars it.
pub fn view(schema: &Schema, view: &Derived) -> String {
    let mut text = String::new();
    for image in view.images.values() {
        let state = match (image.lives, view.visible.contains_key(&image.key)) {
            (false, _) if image.root != image.key => "merged",
            (false, _) => "dead",
            (true, true) => "visible",
            (true, false) => "parked",
        };
        writeln!(text, "    {} {state} {}", name(schema, image.key), shown(image)).unwrap();
    }
    for (name, conflict) in &view.conflicts {
        writeln!(text, "    conflict {name:?} {conflict:?}").unwrap();
    }
    text
}

fn shown(image: &Image) -> String {
    let values: Vec<String> = image.values.iter().map(|value| format!("{value:?}")).collect();
    format!("({}) needs {:?}", values.join(", "), image.needs)
}
