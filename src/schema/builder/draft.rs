//! A schema as it was written down, before it is validated: names instead of positions and ids.
//! Each name remembers where in the SQL text it stands, if it comes from one.

use crate::schema::{
    ColumnRule, DeleteRule, Expression, Identity, OnDelete, OnUpdate, SchemaError, Tracking, WinnerRule,
};
use crate::value::{Collation, Type, Value};

/// A place in SQL text. Both count from 1, columns in characters; both are 0 if there is no text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::schema) struct Position {
    pub line: u64,
    pub column: u64,
}

/// A name, and where it stands.
#[derive(Clone, Debug)]
pub(in crate::schema) struct Name {
    pub text: String,
    pub at: Position,
}

impl Name {
    /// The names of a list that was written in Rust.
    pub fn list<I>(names: I) -> Vec<Name>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        names.into_iter().map(|name| Name::from(name.into())).collect()
    }

    pub fn is(&self, name: &str) -> bool {
        self.text.eq_ignore_ascii_case(name)
    }
}

impl From<String> for Name {
    fn from(text: String) -> Name {
        Name { text, at: Position::default() }
    }
}

/// Why a draft is no schema, and where.
#[derive(Debug)]
pub(in crate::schema) struct Problem {
    pub error: SchemaError,
    pub at: Position,
}

impl SchemaError {
    /// This error, about what stands at `at`.
    pub(in crate::schema) fn at(self, at: Position) -> Problem {
        Problem { error: self, at }
    }
}

#[derive(Clone, Debug)]
pub(in crate::schema) struct TableDraft {
    pub name: Name,
    pub columns: Vec<ColumnDraft>,
    /// More than one is an error, found when the schema is built.
    pub primary_keys: Vec<KeyDraft>,
    pub unique_keys: Vec<KeyDraft>,
    pub foreign_keys: Vec<ForeignKeyDraft>,
    pub checks: Vec<CheckDraft>,
    pub indexes: Vec<KeyDraft>,
    pub units: Vec<Vec<Name>>,
    pub column_rules: Vec<(ColumnRule, Name)>,
    pub identity: Identity,
    /// Where the identity stands.
    pub identity_at: Position,
    pub tracking: Tracking,
    pub winner: WinnerRule,
    pub deletes: DeleteRule,
    pub replicate: bool,
}

impl TableDraft {
    pub fn new(name: Name) -> TableDraft {
        TableDraft {
            name,
            columns: Vec::new(),
            primary_keys: Vec::new(),
            unique_keys: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            indexes: Vec::new(),
            units: Vec::new(),
            column_rules: Vec::new(),
            identity: Identity::default(),
            identity_at: Position::default(),
            tracking: Tracking::default(),
            winner: WinnerRule::default(),
            deletes: DeleteRule::default(),
            replicate: true,
        }
    }
}

#[derive(Clone, Debug)]
pub(in crate::schema) struct ColumnDraft {
    pub name: Name,
    pub kind: Type,
    pub nullable: bool,
    pub default: Value,
    pub default_at: Position,
    /// Unless given, that of the column it refers to.
    pub collation: Option<Collation>,
}

impl ColumnDraft {
    pub fn new(name: Name, kind: Type) -> ColumnDraft {
        let default_at = name.at;
        ColumnDraft { name, kind, nullable: true, default: Value::Null, default_at, collation: None }
    }
}

/// A unique key, or an index.
#[derive(Clone, Debug)]
pub(in crate::schema) struct KeyDraft {
    pub name: Option<Name>,
    pub columns: Vec<Name>,
    /// Rows that clash on it become one.
    pub merge: bool,
    pub at: Position,
}

#[derive(Clone, Debug)]
pub(in crate::schema) struct ForeignKeyDraft {
    pub name: Option<Name>,
    pub columns: Vec<Name>,
    pub parent: Name,
    /// Empty for the parent's primary key.
    pub parent_columns: Vec<Name>,
    pub on_delete: OnDelete,
    pub on_update: OnUpdate,
    pub match_key: bool,
    pub at: Position,
}

#[derive(Clone, Debug)]
pub(in crate::schema) struct CheckDraft {
    pub name: Option<Name>,
    pub rule: Rule,
    pub at: Position,
}

/// The rule of a check: SQL text, or an [`Expression`] that names columns by their position.
///
/// ```
/// use reunite::schema::{Binary, Expression, Rule};
///
/// let text = Rule::from("lo <= hi");
/// let tree = Rule::from(Expression::Binary(
///     Binary::LessOrEqual,
///     Box::new(Expression::Column(0)),
///     Box::new(Expression::Column(1)),
/// ));
/// # let _ = (text, tree);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// SQL, as in `CHECK (…)` without the parentheses.
    Sql(String),
    /// A tree.
    Tree(Expression),
}

impl From<&str> for Rule {
    fn from(sql: &str) -> Rule {
        Rule::Sql(sql.to_owned())
    }
}

impl From<String> for Rule {
    fn from(sql: String) -> Rule {
        Rule::Sql(sql)
    }
}

impl From<Expression> for Rule {
    fn from(tree: Expression) -> Rule {
        Rule::Tree(tree)
    }
}
