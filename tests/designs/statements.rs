//! Random changes of a schema. Many do not fit what has become of it: those have to be refused.

use reunite::schema::Schema;

use crate::world::random::Random;

/// What every history begins with.
pub const FIRST: &str = "
CREATE TABLE item (code INTEGER PRIMARY KEY, low INTEGER, high INTEGER, note INTEGER);
CREATE TABLE line (number INTEGER PRIMARY KEY, item INTEGER, note INTEGER) WITH (tracking = 'row');
";

/// Rules, each with the statement that takes it back.
pub const ADDED_AND_DROPPED: [(&str, &str); 4] = [
    ("ALTER TABLE item ADD CONSTRAINT p17 UNIQUE (note)", "ALTER TABLE item DROP CONSTRAINT p17"),
    ("ALTER TABLE item ADD CONSTRAINT p17 CHECK (low < high)", "ALTER TABLE item DROP CONSTRAINT p17"),
    (
        "ALTER TABLE line ADD CONSTRAINT p17 FOREIGN KEY (note) REFERENCES item (code)",
        "ALTER TABLE line DROP CONSTRAINT p17",
    ),
    ("CREATE INDEX p17 ON line (note, item)", "DROP INDEX p17"),
];

const STATEMENTS: [&str; 17] = [
    "ALTER TABLE item ADD CONSTRAINT one_note UNIQUE (note)",
    "ALTER TABLE item ADD UNIQUE (note)",
    "ALTER TABLE item DROP CONSTRAINT one_note",
    "ALTER TABLE item ADD CONSTRAINT ordered CHECK (low <= high)",
    "ALTER TABLE item DROP CONSTRAINT ordered",
    "ALTER TABLE line ADD CONSTRAINT of_item FOREIGN KEY (item) REFERENCES item (code) ON DELETE CASCADE",
    "ALTER TABLE line DROP CONSTRAINT of_item",
    "ALTER TABLE line ADD CONSTRAINT of_note FOREIGN KEY (note) REFERENCES item (note) WITH (match_key = 'note')",
    "ALTER TABLE line DROP CONSTRAINT of_note",
    "ALTER TABLE item SET (winner = 'priority', deletes = 'update wins')",
    "ALTER TABLE item SET (winner = 'latest', deletes = 'latest wins')",
    "CREATE INDEX by_note ON item (note)",
    "DROP INDEX by_note",
    "CREATE TABLE tag (name INTEGER PRIMARY KEY, item INTEGER REFERENCES item); CREATE INDEX by_item ON tag (item)",
    "DROP TABLE tag",
    "ALTER TABLE tag RENAME TO label",
    "DROP TABLE label",
];

/// A change, and what it does to the added columns.
pub struct Statement {
    pub sql: String,
    /// The default of a column that it adds.
    pub adds: Option<i64>,
    /// That of a column that it drops.
    pub drops: Option<i64>,
}

impl Statement {
    /// One of all kinds. `serial` is a number that no column has as its default.
    pub fn some(schema: &Schema, serial: i64, random: &mut Random) -> Statement {
        let table = ["item", "line"][random.below(2)];
        let plain = |sql: &str| Statement { sql: sql.to_owned(), adds: None, drops: None };
        let columns = schema.table(table).map_or(&[][..], |table| &table.columns);
        let added: Vec<(&str, i64)> = columns
            .iter()
            .filter_map(|column| Some((column.name.as_str(), column.default.as_integer()?)))
            .filter(|(_, serial)| *serial >= 1000)
            .collect();
        // Few names, so that two masters take the same one, and a name comes back.
        let name = ["extra", "more"][random.below(2)];
        match random.below(10) {
            0..=2 => {
                let not_null = if random.chance(50) { "NOT NULL" } else { "" };
                let sql =
                    format!("ALTER TABLE {table} ADD COLUMN {name} INTEGER {not_null} DEFAULT {serial}");
                Statement { sql, adds: Some(serial), drops: None }
            }
            3 if !added.is_empty() => {
                let (column, serial) = added[random.below(added.len())];
                let sql = format!("ALTER TABLE {table} DROP COLUMN {column}");
                Statement { sql, adds: None, drops: Some(serial) }
            }
            4 if !added.is_empty() => {
                let (column, _) = added[random.below(added.len())];
                plain(&format!("ALTER TABLE {table} RENAME COLUMN {column} TO renamed"))
            }
            5 if !added.is_empty() => {
                let (column, _) = added[random.below(added.len())];
                plain(&format!("ALTER TABLE {table} ADD CONSTRAINT on_added UNIQUE ({column}, note)"))
            }
            6 => plain(&format!("ALTER TABLE {table} DROP CONSTRAINT on_added")),
            _ => plain(STATEMENTS[random.below(STATEMENTS.len())]),
        }
    }
}
