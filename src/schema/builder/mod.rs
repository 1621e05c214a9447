//! Schemas built in Rust. Collects what was said; `build` validates all of it.
//!
//! What follows a column is about that column, what follows a constraint about that constraint. The
//! type of [`TableBuilder`] remembers what came last, so that a stray `.not_null()` does not compile.

mod build;
mod column_rules;
mod columns;
mod draft;
mod follow;
mod names;
mod natural;
mod rebuild;
mod references;
mod rules;
mod units;

use std::marker::PhantomData;

pub(super) use columns::convert;
pub use draft::Rule;
pub(super) use draft::{
    CheckDraft, ColumnDraft, ForeignKeyDraft, KeyDraft, Name, Position, Problem, TableDraft,
};
pub(super) use names::{default_check, default_foreign_key, default_key};
pub(super) use rebuild::{build, drafts, validate};
pub(super) use units::{constraint_groups, joined};

use super::{
    ColumnRule, DeleteRule, Identity, OnDelete, OnUpdate, Schema, SchemaError, Tracking, WinnerRule,
};
use crate::value::{Collation, Type, Value};

/// A schema in the making; see [`Schema::builder`].
///
/// ```
/// use reunite::schema::{OnDelete, Schema};
/// use reunite::value::{Collation, Type};
///
/// let schema = Schema::builder()
///     .table("customer", |t| {
///         t.column("code", Type::Text).collate(Collation::NoCase)
///             .column("email", Type::Text).collate(Collation::NoCase)
///             .column("name", Type::Text).not_null()
///             .primary_key(["code"])
///             .unique(["email"])
///     })
///     .table("orders", |t| {
///         t.column("number", Type::Integer)
///             .column("customer", Type::Text).not_null()
///             .column("status", Type::Text).not_null().default("open")
///             .primary_key(["number"])
///             .foreign_key(["customer"], "customer", ["code"]).on_delete(OnDelete::Restrict)
///             .index("orders_customer", ["customer"])
///     })
///     .build()?;
/// assert_eq!(schema.tables().len(), 2);
/// # Ok::<(), reunite::schema::SchemaError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until build()"]
pub struct SchemaBuilder {
    pub(super) tables: Vec<TableDraft>,
}

impl SchemaBuilder {
    /// Adds a table. Tables may refer to tables that are added later.
    pub fn table<Last>(
        mut self,
        name: impl Into<String>,
        define: impl FnOnce(TableBuilder) -> TableBuilder<Last>,
    ) -> SchemaBuilder {
        let draft = TableDraft::new(Name::from(name.into()));
        self.tables.push(define(TableBuilder { draft, last: PhantomData }).draft);
        self
    }

    /// Validates the whole.
    ///
    /// # Errors
    ///
    /// The first thing found that is wrong, in the order of definition where that is possible.
    pub fn build(self) -> Result<Schema, SchemaError> {
        self.build_located().map_err(|problem| problem.error)
    }

    /// As [`SchemaBuilder::build`], with the position of what is wrong.
    pub(super) fn build_located(self) -> Result<Schema, Problem> {
        build::schema(&self.tables)
    }
}

/// What a method of [`TableBuilder`] may be about: the type parameter of it. These types have no values.
pub mod last {
    /// The table as a whole, or an index.
    #[derive(Clone, Copy, Debug)]
    pub enum Anything {}
    /// A column.
    #[derive(Clone, Copy, Debug)]
    pub enum Column {}
    /// A unique key.
    #[derive(Clone, Copy, Debug)]
    pub enum Key {}
    /// A primary key.
    #[derive(Clone, Copy, Debug)]
    pub enum PrimaryKey {}
    /// A foreign key.
    #[derive(Clone, Copy, Debug)]
    pub enum ForeignKey {}
    /// A check.
    #[derive(Clone, Copy, Debug)]
    pub enum Check {}
}

/// A table in the making; `Last` is what was added last.
///
/// See [`SchemaBuilder`] for an example.
#[derive(Clone, Debug)]
#[must_use = "return the table from the closure"]
pub struct TableBuilder<Last = last::Anything> {
    draft: TableDraft,
    last: PhantomData<Last>,
}

impl<Last> TableBuilder<Last> {
    fn then<Next>(self) -> TableBuilder<Next> {
        TableBuilder { draft: self.draft, last: PhantomData }
    }

    /// Forgets what was added last: for loops, where the type must stay the same.
    ///
    /// ```
    /// use reunite::schema::Schema;
    /// use reunite::value::Type;
    ///
    /// let schema = Schema::builder()
    ///     .table("hours", |t| {
    ///         (0..24).fold(t, |t, hour| t.column(format!("h{hour}"), Type::Integer).done())
    ///     })
    ///     .build()?;
    /// # Ok::<(), reunite::schema::SchemaError>(())
    /// ```
    pub fn done(self) -> TableBuilder {
        self.then()
    }

    /// Adds a column: nullable, without a default, of collation `BINARY` or, if it refers to
    /// another column, with the collation of that.
    pub fn column(mut self, name: impl Into<String>, kind: Type) -> TableBuilder<last::Column> {
        self.draft.columns.push(ColumnDraft::new(Name::from(name.into()), kind));
        self.then()
    }

    /// The primary key. Its columns are never null. Named `table_pkey` unless named otherwise.
    pub fn primary_key<I>(mut self, columns: I) -> TableBuilder<last::PrimaryKey>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.draft.primary_keys.push(key(None, columns));
        self.then()
    }

    /// A unique key. Rows with a null in one of its columns never collide. Named `table_column_key`
    /// unless named otherwise.
    pub fn unique<I>(mut self, columns: I) -> TableBuilder<last::Key>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.draft.unique_keys.push(key(None, columns));
        self.then()
    }

    /// A reference of `columns` to a unique key of `parent`; no `parent_columns` mean its primary key.
    /// It follows the parent row when its key changes. Named `table_column_fkey` unless named otherwise.
    pub fn foreign_key<I, P>(
        mut self,
        columns: I,
        parent: impl Into<String>,
        parent_columns: P,
    ) -> TableBuilder<last::ForeignKey>
    where
        I: IntoIterator,
        I::Item: Into<String>,
        P: IntoIterator,
        P::Item: Into<String>,
    {
        self.draft.foreign_keys.push(ForeignKeyDraft {
            name: None,
            columns: Name::list(columns),
            parent: Name::from(parent.into()),
            parent_columns: Name::list(parent_columns),
            on_delete: OnDelete::default(),
            on_update: OnUpdate::default(),
            match_key: false,
            at: Position::default(),
        });
        self.then()
    }

    /// A validation rule, as SQL or as a tree. Named `table_columns_check` unless named otherwise.
    pub fn check(mut self, rule: impl Into<Rule>) -> TableBuilder<last::Check> {
        let check = CheckDraft { name: None, rule: rule.into(), at: Position::default() };
        self.draft.checks.push(check);
        self.then()
    }

    /// A secondary index, not unique. Its name is unique in the database.
    pub fn index<I>(mut self, name: impl Into<String>, columns: I) -> TableBuilder
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.draft.indexes.push(key(Some(Name::from(name.into())), columns));
        self.then()
    }

    /// Columns that win or lose as one, beyond those that a constraint joins.
    pub fn unit<I>(mut self, columns: I) -> TableBuilder
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.draft.units.push(Name::list(columns));
        self.then()
    }

    /// A column whose concurrent values are combined: a counter, a set, a maximum, a minimum.
    ///
    /// ```
    /// use reunite::schema::{ColumnRule, Schema};
    /// use reunite::value::Type;
    ///
    /// let schema = Schema::builder()
    ///     .table("page", |t| {
    ///         t.column("name", Type::Text).column("hits", Type::Integer).combine("hits", ColumnRule::Sum)
    ///     })
    ///     .build()?;
    /// assert!(schema.to_sql().contains("sum = 'hits'"));
    /// # Ok::<(), reunite::schema::SchemaError>(())
    /// ```
    pub fn combine(mut self, column: impl Into<String>, rule: ColumnRule) -> TableBuilder {
        if rule != ColumnRule::Winner {
            self.draft.column_rules.push((rule, Name::from(column.into())));
        }
        self.then()
    }

    /// What names a row; [`Identity::Random`] unless given.
    ///
    /// ```
    /// use reunite::schema::{Identity, Schema};
    /// use reunite::value::Type;
    /// let tag = |t: reunite::schema::TableBuilder| t.column("name", Type::Text).primary_key(["name"]).identity(Identity::Natural);
    /// let schema = Schema::builder().table("tag", tag).build()?;
    /// assert!(schema.to_sql().contains("identity = 'natural'"));
    /// # Ok::<(), reunite::schema::SchemaError>(())
    /// ```
    pub fn identity(mut self, identity: Identity) -> TableBuilder {
        self.draft.identity = identity;
        self.then()
    }

    /// What counts as one change; [`Tracking::Column`] unless given.
    pub fn tracking(mut self, tracking: Tracking) -> TableBuilder {
        self.draft.tracking = tracking;
        self.then()
    }

    /// Which of two concurrent changes wins; [`WinnerRule::Latest`] unless given.
    pub fn winner(mut self, winner: WinnerRule) -> TableBuilder {
        self.draft.winner = winner;
        self.then()
    }

    /// Whether a deletion beats a concurrent change; [`DeleteRule::DeleteWins`] unless given.
    pub fn deletes(mut self, deletes: DeleteRule) -> TableBuilder {
        self.draft.deletes = deletes;
        self.then()
    }

    /// The table never leaves this replica.
    pub fn local_only(mut self) -> TableBuilder {
        self.draft.replicate = false;
        self.then()
    }
}

fn key<I>(name: Option<Name>, columns: I) -> KeyDraft
where
    I: IntoIterator,
    I::Item: Into<String>,
{
    KeyDraft { name, columns: Name::list(columns), merge: false, at: Position::default() }
}

impl TableBuilder<last::Column> {
    fn edit(mut self, change: impl FnOnce(&mut ColumnDraft)) -> TableBuilder<last::Column> {
        self.draft.columns.last_mut().map(change);
        self
    }

    /// The column is never null. Without a default it must be named in every insert.
    pub fn not_null(self) -> TableBuilder<last::Column> {
        self.edit(|column| column.nullable = false)
    }

    /// The value of rows that are inserted without naming the column. Texts are converted to the
    /// types that SQL writes as texts: UUID, TIMESTAMP and JSON.
    pub fn default(self, value: impl Into<Value>) -> TableBuilder<last::Column> {
        self.edit(|column| column.default = value.into())
    }

    /// How the texts of the column compare in keys, indexes, checks and order.
    pub fn collate(self, collation: Collation) -> TableBuilder<last::Column> {
        self.edit(|column| column.collation = Some(collation))
    }
}

impl TableBuilder<last::PrimaryKey> {
    /// Rows that clash on the key become one, where otherwise the later one is parked.
    pub fn merge_duplicates(mut self) -> TableBuilder<last::PrimaryKey> {
        if let Some(key) = self.draft.primary_keys.last_mut() {
            key.merge = true;
        }
        self
    }

    /// Names the primary key. The name is unique in the database.
    pub fn named(mut self, name: impl Into<String>) -> TableBuilder<last::PrimaryKey> {
        if let Some(key) = self.draft.primary_keys.last_mut() {
            key.name = Some(Name::from(name.into()));
        }
        self
    }
}

impl TableBuilder<last::Key> {
    /// Rows that clash on the key become one, where otherwise the later one is parked.
    pub fn merge_duplicates(mut self) -> TableBuilder<last::Key> {
        if let Some(key) = self.draft.unique_keys.last_mut() {
            key.merge = true;
        }
        self
    }

    /// Names the unique key. The name is unique in the database.
    pub fn named(mut self, name: impl Into<String>) -> TableBuilder<last::Key> {
        if let Some(key) = self.draft.unique_keys.last_mut() {
            key.name = Some(Name::from(name.into()));
        }
        self
    }
}

impl TableBuilder<last::Check> {
    /// Names the check. The name is unique in the table.
    pub fn named(mut self, name: impl Into<String>) -> TableBuilder<last::Check> {
        if let Some(check) = self.draft.checks.last_mut() {
            check.name = Some(Name::from(name.into()));
        }
        self
    }
}

impl TableBuilder<last::ForeignKey> {
    fn edit(mut self, change: impl FnOnce(&mut ForeignKeyDraft)) -> TableBuilder<last::ForeignKey> {
        self.draft.foreign_keys.last_mut().map(change);
        self
    }

    /// Names the foreign key. The name is unique in the table.
    pub fn named(self, name: impl Into<String>) -> TableBuilder<last::ForeignKey> {
        self.edit(|foreign_key| foreign_key.name = Some(Name::from(name.into())))
    }

    /// What a local deletion of the parent does; [`OnDelete::Restrict`] unless given.
    pub fn on_delete(self, action: OnDelete) -> TableBuilder<last::ForeignKey> {
        self.edit(|foreign_key| foreign_key.on_delete = action)
    }

    /// What a local change of the parent's key does; [`OnUpdate::Default`] unless given.
    pub fn on_update(self, action: OnUpdate) -> TableBuilder<last::ForeignKey> {
        self.edit(|foreign_key| foreign_key.on_update = action)
    }

    /// The reference means the stored value, not the row: it does not follow.
    pub fn match_key(self) -> TableBuilder<last::ForeignKey> {
        self.edit(|foreign_key| foreign_key.match_key = true)
    }
}
