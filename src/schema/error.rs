//! What can be wrong with a schema. Each message says what to do about it.
//!
//! Errors of the SQL text itself are `DdlError`s; one of these below, found in SQL text, becomes a
//! `DdlError` with the position of what it is about.

use crate::value::{Collation, Type};

/// A schema that is not valid. Nothing was made.
///
/// ```
/// use reunite::schema::{Schema, SchemaError};
/// use reunite::value::Type;
/// let built = Schema::builder()
///     .table("tag", |t| t.column("name", Type::Text).unique(["nmae"]))
///     .build();
/// assert_eq!(built, Err(SchemaError::UnknownColumn { table: "tag".into(), column: "nmae".into() }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A name is empty, too long, or has a control character.
    #[error("{what} name {name:?} {problem}")]
    BadName {
        /// What is named: `table`, `column`, `constraint` or `index`.
        what: &'static str,
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Two things have one name. Names compare without regard to the case of ASCII letters.
    #[error("the {what} name {name:?} is taken{place}: choose another")]
    DuplicateName {
        /// What is named: `table`, `column`, `constraint` or `index`.
        what: &'static str,
        /// The name.
        name: String,
        /// Where the name must be unique: empty for the database, else ` in table "t"`.
        place: String,
    },
    /// There is no such table.
    #[error("there is no table {table:?}")]
    UnknownTable {
        /// The name that was looked for.
        table: String,
    },
    /// There is no such column.
    #[error("table {table:?} has no column {column:?}")]
    UnknownColumn {
        /// The table.
        table: String,
        /// The name that was looked for.
        column: String,
    },
    /// A table without columns.
    #[error("table {table:?} has no columns: give it at least one")]
    NoColumns {
        /// The table.
        table: String,
    },
    /// A key, foreign key, index or unit without columns.
    #[error("{what} of table {table:?} names no columns: name at least one")]
    EmptyList {
        /// The table.
        table: String,
        /// `a unique key`, `a unit` …
        what: &'static str,
    },
    /// A column is named twice in one list.
    #[error("{what} of table {table:?} names column {column:?} twice: name it once")]
    RepeatedColumn {
        /// The table.
        table: String,
        /// `a unique key`, `a unit` …
        what: &'static str,
        /// The column.
        column: String,
    },
    /// A table with two primary keys.
    #[error("table {table:?} has two primary keys: make one of them UNIQUE")]
    TwoPrimaryKeys {
        /// The table.
        table: String,
    },
    /// Two unique keys over the same columns.
    #[error("table {table:?} has two unique keys over ({columns}): drop one")]
    RepeatedKey {
        /// The table.
        table: String,
        /// The columns, in the order of the second key.
        columns: String,
    },
    /// A default of another type than its column.
    #[error("the default of {table}.{column} is no {expected} value{hint}")]
    DefaultType {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The column's type.
        expected: Type,
        /// How such a value is written; starts with `: ` or is empty.
        hint: String,
    },
    /// A collation on a column that holds no texts.
    #[error("{table}.{column} is {kind} and has no collation: only TEXT columns have one")]
    CollationOfNonText {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The column's type.
        kind: Type,
    },
    /// A foreign key to a table without a primary key that names no columns.
    #[error(
        "foreign key ({columns}) of table {table:?} names no columns of {parent:?}, which has no \
         primary key: name the columns of one of its unique keys"
    )]
    NoPrimaryKey {
        /// The referring table.
        table: String,
        /// The referring columns.
        columns: String,
        /// The table referred to.
        parent: String,
    },
    /// A foreign key to columns that are no unique key.
    #[error(
        "foreign key ({columns}) of table {table:?} refers to {parent} ({parent_columns}), which is no \
         unique key: declare UNIQUE ({parent_columns}) there, or refer to a key"
    )]
    NotAKey {
        /// The referring table.
        table: String,
        /// The referring columns.
        columns: String,
        /// The table referred to.
        parent: String,
        /// The columns referred to.
        parent_columns: String,
    },
    /// A foreign key with more or fewer columns than the key it refers to.
    #[error(
        "foreign key ({columns}) of table {table:?} must have as many columns as it refers to in \
         {parent:?}: it has {count}, not {expected}"
    )]
    ColumnCount {
        /// The referring table.
        table: String,
        /// The referring columns.
        columns: String,
        /// How many they are.
        count: usize,
        /// The table referred to.
        parent: String,
        /// How many columns are referred to.
        expected: usize,
    },
    /// A foreign-key column of another type than the column it refers to.
    #[error(
        "{table}.{column} is {kind} and refers to {parent}.{parent_column}, which is {parent_kind}: give \
         both one type"
    )]
    TypeMismatch {
        /// The referring table.
        table: String,
        /// The referring column.
        column: String,
        /// Its type.
        kind: Type,
        /// The table referred to.
        parent: String,
        /// The column referred to.
        parent_column: String,
        /// Its type.
        parent_kind: Type,
    },
    /// A foreign-key column with another collation than the column it refers to.
    #[error(
        "{table}.{column} has collation {collation} and refers to {parent}.{parent_column}, which has \
         {parent_collation}: give both one collation"
    )]
    CollationMismatch {
        /// The referring table.
        table: String,
        /// The referring column.
        column: String,
        /// Its collation.
        collation: Collation,
        /// The table referred to.
        parent: String,
        /// The column referred to.
        parent_column: String,
        /// Its collation.
        parent_collation: Collation,
    },
    /// A foreign key that must match by value, because following would leave its value undefined.
    #[error("foreign key ({columns}) of table {table:?} {reason}: add it to the table's match_key")]
    MustMatchKey {
        /// The table.
        table: String,
        /// The referring columns.
        columns: String,
        /// Why it cannot follow.
        reason: String,
    },
    /// `SET NULL` on a column that cannot be null.
    #[error(
        "foreign key ({columns}) of table {table:?} says SET NULL, but column {column:?} cannot be null: \
         let it be null, or choose another action"
    )]
    SetNullOfRequired {
        /// The table.
        table: String,
        /// The referring columns.
        columns: String,
        /// The column that cannot be null.
        column: String,
    },
    /// A replicated table that refers to a local-only one.
    #[error(
        "table {table:?} replicates but refers to {parent:?}, which does not: other replicas would lack \
         the parents; replicate both, or neither"
    )]
    RefersToLocal {
        /// The referring table.
        table: String,
        /// The table referred to.
        parent: String,
    },
    /// An option that names columns of no unique key.
    #[error("merge_duplicates of table {table:?} names ({columns}), which is no unique key")]
    NotAUniqueKey {
        /// The table.
        table: String,
        /// The columns.
        columns: String,
    },
    /// An option that names columns of no foreign key.
    #[error("match_key of table {table:?} names ({columns}), which is no foreign key")]
    NotAForeignKey {
        /// The table.
        table: String,
        /// The columns.
        columns: String,
    },
    /// A table whose rows a primary key is to name, and that has none.
    #[error(
        "table {table:?} has no primary key that could name its rows: give it one, or leave identity out"
    )]
    NaturalWithoutKey {
        /// The table.
        table: String,
    },
    /// A key that names the rows, whose duplicates are to merge.
    #[error(
        "merge_duplicates of table {table:?} names its primary key ({columns}), which names the rows, so \
         there are no duplicates: leave it out"
    )]
    NaturalMerge {
        /// The table.
        table: String,
        /// The columns.
        columns: String,
    },
    /// A key that names the rows is dropped.
    #[error("key {key:?} names the rows of table {table:?}: it and its columns go only with the table")]
    NaturalKeyDropped {
        /// The table.
        table: String,
        /// The key.
        key: String,
    },
    /// A declared unit with columns of the key that names the rows, and others.
    #[error(
        "a unit of table {table:?} has column {column:?} of the key that names the rows, which is a unit by \
         itself: leave it out"
    )]
    NaturalUnit {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Declared units in a table whose rows are one unit.
    #[error("table {table:?} tracks by row, so each row is one unit: drop its option units")]
    UnitsByRow {
        /// The table.
        table: String,
    },
    /// A column that is named by more than one of the options max, min, sum and union.
    #[error("column {column:?} of table {table:?} has two of the rules max, min, sum and union: leave one")]
    TwoRules {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A column of a type that its rule cannot combine.
    #[error("column {column:?} of table {table:?} is {kind}; the rule {rule} needs {hint}")]
    RuleType {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The rule.
        rule: &'static str,
        /// The column's type.
        kind: Type,
        /// Which types it needs.
        hint: &'static str,
    },
    /// A set that does not begin empty.
    #[error("column {column:?} of table {table:?} is a set and begins empty: leave its default out")]
    DefaultOfSet {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A column whose rule combines its values, in something whose columns win or lose as one.
    #[error(
        "column {column:?} of table {table:?} has the rule {rule} and {within}: it must be a unit by itself"
    )]
    RuleNotAlone {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The rule.
        rule: &'static str,
        /// What it is part of.
        within: &'static str,
    },
    /// A rule that cannot be evaluated, or not be written as SQL.
    #[error("check {name}of table {table:?}: {problem}")]
    BadRule {
        /// The table.
        table: String,
        /// The constraint's name in quotes, with a space behind, if it was given.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A column that may not be null is added without a default for the rows that are there.
    #[error(
        "column {column:?} is added to table {table:?}, whose rows have no value for it: give it a DEFAULT, \
         or let it be null"
    )]
    NoDefault {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// There is no such constraint.
    #[error("table {table:?} has no constraint {constraint:?}")]
    UnknownConstraint {
        /// The table.
        table: String,
        /// The name that was looked for.
        constraint: String,
    },
    /// There is no such index.
    #[error("there is no index {index:?}")]
    UnknownIndex {
        /// The name that was looked for.
        index: String,
    },
    /// A constraint needs what was to be dropped.
    #[error("constraint {constraint:?} of table {table:?} needs it: drop that first")]
    InUse {
        /// The table.
        table: String,
        /// The constraint.
        constraint: String,
    },
    /// A constraint or index that says what another one says.
    #[error("constraint {constraint:?} says the same already")]
    RepeatedConstraint {
        /// The other one.
        constraint: String,
    },
    /// A change of the schema that does not fit.
    #[error("cannot {what}: {reason}")]
    NotApplicable {
        /// What was asked for.
        what: String,
        /// Why it cannot be.
        reason: String,
    },
    /// Something exceeds a limit.
    #[error("{what} has {count} {unit}, at most {limit} are allowed")]
    Limit {
        /// What is too large.
        what: String,
        /// Its size.
        count: usize,
        /// What is counted.
        unit: &'static str,
        /// The greatest size allowed.
        limit: usize,
    },
}
