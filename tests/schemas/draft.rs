//! Random schemas, written as SQL: whatever a schema may have, in few tables with few columns.

use std::sync::Arc;

use reunite::schema::Schema;
use reunite::value::{Collation, Type};

use crate::random::Random;

struct Column {
    name: String,
    kind: Type,
    collation: Collation,
    not_null: bool,
    default: Option<&'static str>,
}

struct Reference {
    columns: Vec<usize>,
    parent: usize,
    parent_columns: Vec<usize>,
    on_delete: &'static str,
    on_update: &'static str,
    match_key: bool,
}

#[derive(Default)]
struct Table {
    columns: Vec<Column>,
    /// The first is the primary key, if the table has one.
    keys: Vec<Vec<usize>>,
    has_primary_key: bool,
    /// Whether a key may still be changed: nothing refers to it.
    referred: Vec<bool>,
    references: Vec<Reference>,
    checks: Vec<String>,
    indexes: Vec<Vec<usize>>,
    options: Vec<String>,
    by_row: bool,
}

/// A random schema of one to four tables. For SQLite it has neither a collation that SQLite does not
/// know, nor references that share a column: there their actions depend on their order. What a first draft gets wrong is put right as the error says.
pub fn schema(random: &mut Random, for_sqlite: bool) -> Arc<Schema> {
    let mut tables = draft(random, !for_sqlite);
    for _ in 0..100 {
        let error = match Schema::from_sql(&sql(&tables)) {
            Ok(schema) => return Arc::new(schema),
            Err(error) => error.to_string(),
        };
        if !mend(&mut tables, &error) {
            panic!("{error}\n{}", sql(&tables));
        }
    }
    panic!("no valid schema was found: {}", sql(&tables));
}

fn draft(random: &mut Random, free: bool) -> Vec<Table> {
    let mut tables: Vec<Table> = (0..1 + random.below(4)).map(|_| base(random, free)).collect();
    let cycles = random.chance(35);
    for child in 0..tables.len() {
        for _ in 0..[0, 1, 1, 2][random.below(4)] {
            let parents = if cycles { tables.len() } else { child };
            if parents > 0 {
                let parent = random.below(parents);
                refer(&mut tables, child, parent, free, random);
            }
        }
        key_of_references(&mut tables[child], random);
    }
    let referred: Vec<bool> = (0..tables.len())
        .map(|at| tables.iter().any(|t| t.references.iter().any(|r| r.parent == at)))
        .collect();
    for (table, referred) in tables.iter_mut().zip(referred) {
        checks(table, random);
        options(table, referred, random);
        // SQLite lets keys change. This takes no number of the others' series.
        if free && table.has_primary_key && random.clone().chance(30) {
            table.options.push("identity = 'natural'".into());
        }
    }
    tables
}

/// Columns and keys of its own.
fn base(random: &mut Random, unicode: bool) -> Table {
    let mut table = Table { has_primary_key: random.chance(80), ..Table::default() };
    for at in 0..2 + random.below(3) {
        let common = [Type::Text, Type::Integer];
        let kind = if random.chance(60) { common[random.below(2)] } else { Type::ALL[random.below(8)] };
        let collations = if unicode { 3 } else { 2 };
        let collation = match kind {
            Type::Text => Collation::ALL[random.below(collations)],
            _ => Collation::Binary,
        };
        let default = if random.chance(25) { default(kind, random) } else { None };
        table.columns.push(Column {
            name: format!("c{at}"),
            kind,
            collation,
            not_null: random.chance(25),
            default,
        });
    }
    for at in 0..1 + random.below(2) {
        if at > 0 || table.has_primary_key || random.chance(50) {
            let columns = some_columns(table.columns.len(), random);
            add_key(&mut table, columns);
        }
    }
    table.has_primary_key &= !table.keys.is_empty();
    table
}

fn default(kind: Type, random: &mut Random) -> Option<&'static str> {
    let choices: [&'static str; 2] = match kind {
        Type::Integer => ["0", "1"],
        Type::Text => ["'a'", "'B'"],
        Type::Boolean => ["TRUE", "FALSE"],
        Type::Real => ["0.5", "1.0"],
        _ => return None,
    };
    Some(choices[random.below(2)])
}

/// One column, or now and then two.
fn some_columns(from: usize, random: &mut Random) -> Vec<usize> {
    let mut all: Vec<usize> = (0..from).collect();
    random.shuffle(&mut all);
    all.truncate(1 + usize::from(random.chance(40)));
    all
}

fn add_key(table: &mut Table, columns: Vec<usize>) {
    let same = |key: &Vec<usize>| key.len() == columns.len() && key.iter().all(|c| columns.contains(c));
    if !table.keys.iter().any(same) {
        table.keys.push(columns);
        table.referred.push(false);
    }
}

/// A reference to a random key of a table, mostly in columns of its own.
fn refer(tables: &mut [Table], child: usize, parent: usize, share: bool, random: &mut Random) {
    if tables[parent].keys.is_empty() {
        return;
    }
    let key = random.below(tables[parent].keys.len());
    tables[parent].referred[key] = true;
    let parent_columns = tables[parent].keys[key].clone();
    let null = random.chance(70);
    let mut columns = Vec::new();
    for at in &parent_columns {
        let (kind, collation) = (tables[parent].columns[*at].kind, tables[parent].columns[*at].collation);
        let table = &mut tables[child];
        let fits = |i: &usize| {
            let column = &table.columns[*i];
            (column.kind, column.collation) == (kind, collation)
                && !columns.contains(i)
                && (share || table.references.iter().all(|reference| !reference.columns.contains(i)))
        };
        let shared = (0..table.columns.len()).filter(fits).collect::<Vec<_>>();
        if random.chance(12) && !shared.is_empty() {
            columns.push(shared[random.below(shared.len())]);
            continue;
        }
        let default = if random.chance(8) { default(kind, random) } else { None };
        let name = format!("c{}", table.columns.len());
        columns.push(table.columns.len());
        table.columns.push(Column { name, kind, collation, not_null: !null, default });
    }
    let table = &tables[child];
    let primary = |column: &usize| table.has_primary_key && table.keys[0].contains(column);
    let nulls = columns.iter().all(|c| !table.columns[*c].not_null && !primary(c));
    let actions = |random: &mut Random| match random.below(if nulls { 4 } else { 3 }) {
        0 => "",
        1 => "RESTRICT",
        2 => "CASCADE",
        _ => "SET NULL",
    };
    let (on_delete, on_update) = (actions(random), actions(random));
    let match_key = random.chance(25);
    tables[child].references.push(Reference {
        columns,
        parent,
        parent_columns,
        on_delete,
        on_update,
        match_key,
    });
}

/// Keys that hold referring columns: chains of keys that follow.
fn key_of_references(table: &mut Table, random: &mut Random) {
    for at in 0..table.references.len() {
        if !random.chance(40) {
            continue;
        }
        let mut columns = table.references[at].columns.clone();
        let nulls = [table.references[at].on_delete, table.references[at].on_update].contains(&"SET NULL");
        if random.chance(50) {
            let other = random.below(table.columns.len());
            columns.extend(Some(other).filter(|other| !columns.contains(other)));
        }
        let other_nulls = table.references.iter().any(|reference| {
            [reference.on_delete, reference.on_update].contains(&"SET NULL")
                && reference.columns.iter().any(|column| columns.contains(column))
        });
        if random.chance(40) && table.has_primary_key && !table.referred[0] && !nulls && !other_nulls {
            table.keys[0] = columns;
        } else {
            add_key(table, columns);
        }
    }
    let mut seen: Vec<Vec<usize>> = Vec::new();
    for key in &mut table.keys {
        let mut sorted = key.clone();
        sorted.sort_unstable();
        if seen.contains(&sorted) {
            key.clear();
        }
        seen.push(sorted);
    }
    let keep: Vec<bool> = table.keys.iter().map(|key| !key.is_empty()).collect();
    let mut kept = keep.iter();
    table.keys.retain(|_| *kept.next().unwrap());
    let mut kept = keep.iter();
    table.referred.retain(|_| *kept.next().unwrap());
}

fn checks(table: &mut Table, random: &mut Random) {
    for _ in 0..random.below(3) {
        if random.chance(50) {
            continue;
        }
        let (one, two) = (random.below(table.columns.len()), random.below(table.columns.len()));
        let (left, right) = (&table.columns[one], &table.columns[two]);
        let (a, b) = (&left.name, &right.name);
        let unicode = [left, right].iter().any(|column| column.collation == Collation::UnicodeNoCase);
        let pair = one != two && left.kind == right.kind && left.kind != Type::Json && !unicode;
        table.checks.push(match (left.kind, random.below(4)) {
            (_, 0) if one != two => format!("{a} IS NULL OR {b} IS NOT NULL"),
            (_, 1) if pair => format!("{a} <= {b}"),
            (_, 2) if pair => format!("{a} <> {b}"),
            (Type::Integer, _) => format!("{a} < 3"),
            (Type::Real, _) => format!("{a} BETWEEN -1.0 AND 2.0"),
            (Type::Text, 3) if !unicode => format!("{a} <> 'b'"),
            (Type::Text, 1) if !unicode => format!("{a} IN ('a', 'B', 'ß') OR {a} LIKE 's%'"),
            (Type::Text | Type::Blob, _) => format!("length({a}) < 2"),
            (Type::Boolean, _) => format!("{a} OR {a} IS NULL"),
            _ => format!("{a} IS NOT NULL"),
        });
    }
}

fn options(table: &mut Table, referred: bool, random: &mut Random) {
    if random.chance(30) {
        table.by_row = true;
        table.options.push("tracking = 'row'".into());
    }
    if random.chance(30) {
        table.options.push("winner = 'priority'".into());
    }
    let deletes = ["delete wins", "update wins", "latest wins"][random.below(3)];
    table.options.push(format!("deletes = '{deletes}'"));
    if !table.by_row && random.chance(30) {
        let names: Vec<&str> = some_columns(table.columns.len(), random)
            .iter()
            .map(|at| table.columns[*at].name.as_str())
            .collect();
        let unit = format!("units = '({})'", names.join(", "));
        table.options.push(unit);
    }
    if !referred && random.chance(12) {
        table.options.push("replicate = 'false'".into());
    }
    for _ in 0..random.below(2) {
        let columns = some_columns(table.columns.len(), random);
        table.indexes.push(columns);
    }
}

/// Does what the error says.
fn mend(tables: &mut [Table], error: &str) -> bool {
    for (at, table) in tables.iter_mut().enumerate() {
        for i in 0..table.references.len() {
            let what =
                format!("foreign key ({}) of table \"t{at}\"", names(table, &table.references[i].columns));
            let reference = &mut table.references[i];
            if !reference.match_key && error.contains(&what) && error.contains("match_key") {
                reference.match_key = true;
                return true;
            }
            if error.contains(&what) && error.contains("SET NULL") {
                (reference.on_delete, reference.on_update) = ("", "");
                return true;
            }
        }
        if error.contains(&format!("a unit of table \"t{at}\"")) {
            table.options.retain(|option| !option.starts_with("units"));
            return true;
        }
        if error.contains(&format!("check of table \"t{at}\"")) {
            table.checks.clear();
            return true;
        }
    }
    false
}

fn names(table: &Table, columns: &[usize]) -> String {
    columns.iter().map(|at| table.columns[*at].name.as_str()).collect::<Vec<_>>().join(", ")
}

fn sql(tables: &[Table]) -> String {
    tables.iter().enumerate().map(|(at, table)| table_sql(at, table)).collect::<Vec<_>>().join("\n")
}

fn table_sql(at: usize, table: &Table) -> String {
    let mut parts: Vec<String> = table.columns.iter().map(column_sql).collect();
    for (i, key) in table.keys.iter().enumerate() {
        let what = if i == 0 && table.has_primary_key { "PRIMARY KEY" } else { "UNIQUE" };
        parts.push(format!("{what} ({})", names(table, key)));
    }
    for reference in &table.references {
        let parents: Vec<String> = reference.parent_columns.iter().map(|at| format!("c{at}")).collect();
        let mut part = format!(
            "FOREIGN KEY ({}) REFERENCES t{} ({})",
            names(table, &reference.columns),
            reference.parent,
            parents.join(", ")
        );
        if !reference.on_delete.is_empty() {
            part += &format!(" ON DELETE {}", reference.on_delete);
        }
        if !reference.on_update.is_empty() {
            part += &format!(" ON UPDATE {}", reference.on_update);
        }
        parts.push(part);
    }
    parts.extend(table.checks.iter().map(|check| format!("CHECK ({check})")));
    let mut options = table.options.clone();
    let by_value = table.references.iter().filter(|reference| reference.match_key);
    let by_value: Vec<String> = by_value.map(|r| format!("({})", names(table, &r.columns))).collect();
    if !by_value.is_empty() {
        options.push(format!("match_key = '{}'", by_value.join(", ")));
    }
    let mut sql = format!("CREATE TABLE t{at} ({})", parts.join(", "));
    sql += &format!(" WITH ({});", options.join(", "));
    for (i, columns) in table.indexes.iter().enumerate() {
        sql += &format!("\nCREATE INDEX i{at}_{i} ON t{at} ({});", names(table, columns));
    }
    sql
}

fn column_sql(column: &Column) -> String {
    let mut sql = format!("{} {}", column.name, column.kind);
    if column.kind == Type::Text {
        sql += &format!(" COLLATE {}", column.collation);
    }
    if column.not_null {
        sql += " NOT NULL";
    }
    if let Some(default) = column.default {
        sql += &format!(" DEFAULT {default}");
    }
    sql
}
