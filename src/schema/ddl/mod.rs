//! SQL DDL: a schema as text. Reads `CREATE TABLE` and `CREATE INDEX`, refuses all else with its
//! position, and prints a canonical form that reads back as the same schema, ids included.
//!
//! Text becomes the same drafts as the builder's, so both forms are validated by the same code.

mod additions;
mod alter;
mod columns;
mod error;
mod expression;
mod literal;
mod options;
mod print;
mod table;
mod tokens;
mod words;

use sqlparser::tokenizer::Token;

pub(super) use alter::{Target, alter};
pub use error::DdlError;
pub(super) use expression::{default_value, expression, rule_of};
pub(super) use print::statements;
pub(super) use tokens::Cursor;

use super::builder::{KeyDraft, Name, SchemaBuilder, TableDraft};
use super::{Schema, SchemaError};

impl Schema {
    /// The schema that SQL describes: `CREATE TABLE` and `CREATE [UNIQUE] INDEX` statements.
    ///
    /// ```
    /// use reunite::schema::Schema;
    ///
    /// let schema = Schema::from_sql(
    ///     "CREATE TABLE customer (
    ///        code TEXT COLLATE NOCASE PRIMARY KEY,
    ///        name TEXT NOT NULL CHECK (length(name) > 0)
    ///      ) WITH (deletes = 'update wins');",
    /// )?;
    /// assert_eq!(schema.tables().len(), 1);
    /// # Ok::<(), reunite::schema::DdlError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its position.
    pub fn from_sql(sql: &str) -> Result<Schema, DdlError> {
        let mut cursor = Cursor::new(sql)?;
        let mut builder = SchemaBuilder::default();
        while cursor.peek().is_some() {
            if !cursor.eat(&Token::SemiColon) {
                statement(&mut cursor, &mut builder.tables)?;
            }
        }
        Ok(builder.build_located()?)
    }

    /// The schema as SQL: each schema has one such text, and reads back from it with the same ids.
    ///
    /// ```
    /// use reunite::schema::Schema;
    ///
    /// let schema = Schema::from_sql("create table T (a integer primary key) with (tracking = 'row')")?;
    /// let sql = "CREATE TABLE T (\n  a INTEGER,\n  PRIMARY KEY (a)\n) WITH (tracking = 'row');\n";
    /// assert_eq!(schema.to_sql(), sql);
    /// assert_eq!(Schema::from_sql(sql)?, schema);
    /// # Ok::<(), reunite::schema::DdlError>(())
    /// ```
    #[must_use]
    pub fn to_sql(&self) -> String {
        statements(self.tables(), |id| self.table_by_id(id)).concat()
    }
}

/// Passes one statement and its semicolon.
fn statement(cursor: &mut Cursor, tables: &mut Vec<TableDraft>) -> Result<(), DdlError> {
    if cursor.eat_words(&["CREATE", "TABLE"]) {
        tables.push(table::table(cursor)?);
    } else if cursor.eat_words(&["CREATE", "INDEX"]) {
        let (table, index) = index(cursor)?;
        find(tables, &table)?.indexes.push(index);
    } else if cursor.eat_words(&["CREATE", "UNIQUE", "INDEX"]) {
        let (table, key) = index(cursor)?;
        find(tables, &table)?.unique_keys.push(key);
    } else if cursor.eat_words(&["CREATE"]) {
        return Err(cursor.expected("TABLE, INDEX or UNIQUE INDEX"));
    } else {
        return Err(cursor.expected("CREATE TABLE, CREATE INDEX or CREATE UNIQUE INDEX"));
    }
    match cursor.peek() {
        None | Some(Token::SemiColon) => Ok(()),
        Some(_) => Err(cursor.expected("; or the end of the statement")),
    }
}

/// The table that an index is on. It must have been created before.
fn find<'a>(tables: &'a mut [TableDraft], name: &Name) -> Result<&'a mut TableDraft, DdlError> {
    tables
        .iter_mut()
        .find(|table| table.name.is(&name.text))
        .ok_or_else(|| SchemaError::UnknownTable { table: name.text.clone() }.at(name.at).into())
}

/// What follows `CREATE INDEX`.
fn index(cursor: &mut Cursor) -> Result<(Name, KeyDraft), DdlError> {
    no_condition(cursor)?;
    let name = cursor.name("the name of the index")?;
    cursor.expect_words(&["ON"])?;
    let table = cursor.name("a table")?;
    let at = name.at;
    Ok((table, KeyDraft { name: Some(name), columns: cursor.names("a column")?, merge: false, at }))
}

/// A schema is what its text says, so there is nothing that may exist already.
fn no_condition(cursor: &Cursor) -> Result<(), DdlError> {
    if cursor.peek_words(&["IF", "NOT", "EXISTS"]) {
        return Err(DdlError::new(cursor.at(), "IF NOT EXISTS is not supported: leave it out"));
    }
    Ok(())
}
