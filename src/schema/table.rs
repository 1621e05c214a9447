//! The parts of a schema as data. Columns are named by their position in the table, constraints and
//! tables by permanent ids. Nothing here validates: see the builder.

use serde::{Deserialize, Serialize};

use super::{Expression, Identity};
use crate::ids::{ColumnId, ConstraintId, TableId, UnitId};
use crate::value::{Collation, Type, Value};

/// A table: its columns, its constraints, and how conflicts in it are settled.
///
/// See [`Schema`](super::Schema) for how it is made.
///
/// ```
/// use reunite::schema::{DeleteRule, Schema, Tracking, WinnerRule};
/// let schema = Schema::from_sql("CREATE TABLE customer (code TEXT PRIMARY KEY, name TEXT NOT NULL)")?;
/// let customer = schema.table("customer").ok_or("there is no such table")?;
/// let (position, name) = customer.column("name").ok_or("there is no such column")?;
/// assert_eq!((position, name.nullable), (1, false));
/// assert_eq!(customer.tracking, Tracking::Column);
/// assert_eq!((customer.winner, customer.deletes), (WinnerRule::Latest, DeleteRule::DeleteWins));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The permanent id.
    pub id: TableId,
    /// The name, as written.
    pub name: String,
    /// In the order of their definition. Other fields name columns by their position here.
    pub columns: Vec<Column>,
    /// The change units; every column is in exactly one. Ascending by id.
    pub units: Vec<Unit>,
    /// The unique keys; the primary key comes first if there is one.
    pub keys: Vec<UniqueKey>,
    /// Whether the first of `keys` is the primary key. Without one the row id is the key.
    pub has_primary_key: bool,
    /// The foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// The validation rules.
    pub checks: Vec<Check>,
    /// The secondary indexes, not unique.
    pub indexes: Vec<Index>,
    /// What names a row.
    pub identity: Identity,
    /// What counts as one change.
    pub tracking: Tracking,
    /// Which of two concurrent changes wins.
    pub winner: WinnerRule,
    /// Whether a deletion beats a concurrent change.
    pub deletes: DeleteRule,
    /// False for a table that never leaves this replica.
    pub replicate: bool,
    /// Whether the table was dropped. Its rows stay known, because they may still come from elsewhere;
    /// they have no constraints, and nobody sees them.
    pub dropped: bool,
}

/// A column.
///
/// ```
/// use reunite::schema::Schema;
/// use reunite::value::{Collation, Type, Value};
/// let schema = Schema::from_sql("CREATE TABLE tag (name TEXT COLLATE NOCASE DEFAULT 'new')")?;
/// let name = &schema.tables()[0].columns[0];
/// assert_eq!((name.kind, name.collation), (Type::Text, Collation::NoCase));
/// assert_eq!((name.nullable, &name.default), (true, &Value::from("new")));
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The permanent id.
    pub id: ColumnId,
    /// The name, as written.
    pub name: String,
    /// The type of its values.
    pub kind: Type,
    /// Whether it may hold `Null`.
    pub nullable: bool,
    /// The value of rows that were inserted without naming the column; `Null` unless given.
    pub default: Value,
    /// How its texts compare in keys, indexes, checks and order.
    pub collation: Collation,
    /// The change unit it is in.
    pub unit: UnitId,
    /// What becomes of concurrent values of it.
    pub rule: ColumnRule,
}

/// A change unit: the columns that are versioned together, and win or lose as one.
///
/// ```
/// use reunite::schema::Schema;
/// let schema = Schema::from_sql(
///     "CREATE TABLE address (street TEXT, city TEXT, note TEXT) WITH (units = '(street, city)')",
/// )?;
/// let units = schema.tables()[0].units.iter().map(|unit| unit.columns.clone());
/// assert_eq!(units.collect::<Vec<_>>(), [vec![0, 1], vec![2]]);
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The permanent id: the smallest id of its columns.
    pub id: UnitId,
    /// Its columns by position, as its values hold them: ascending, but for the columns that were
    /// [`Unit::DROPPED`], whose place stays.
    pub columns: Vec<usize>,
}

impl Unit {
    /// The position of a column that was dropped: no column of any table has it.
    pub const DROPPED: usize = usize::MAX;

    /// Its columns that were not dropped, by position.
    pub fn live_columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.columns.iter().copied().filter(|column| *column != Unit::DROPPED)
    }
}

/// A unique key. Rows with `Null` in one of its columns have no key and never collide.
///
/// ```
/// use reunite::schema::Schema;
/// let schema = Schema::from_sql("CREATE TABLE line (item TEXT, number INTEGER, UNIQUE (number, item))")?;
/// let key = &schema.tables()[0].keys[0];
/// assert_eq!((key.name.as_str(), &key.columns), ("line_number_item_key", &vec![1, 0]));
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueKey {
    /// The permanent id.
    pub id: ConstraintId,
    /// The name: given, or `customer_pkey`, `customer_email_key`.
    pub name: String,
    /// Its columns by position, in the order of the key.
    pub columns: Vec<usize>,
    /// What becomes of rows that clash on it.
    pub duplicates: DuplicateRule,
}

/// What becomes of two rows that replicas made with one unique key.
///
/// ```
/// use reunite::schema::{DuplicateRule, Schema};
/// let sql = "CREATE TABLE contact (email TEXT PRIMARY KEY) WITH (merge_duplicates = 'email')";
/// let schema = Schema::from_sql(sql)?;
/// assert_eq!(schema.tables()[0].keys[0].duplicates, DuplicateRule::Merge);
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateRule {
    /// The first claim stays; the other row is parked, and in conflict.
    #[default]
    Park,
    /// They become one row.
    Merge,
}

impl DuplicateRule {
    pub(super) const fn is_park(&self) -> bool {
        matches!(self, DuplicateRule::Park)
    }
}

/// A reference to a unique key of another table, or of the same.
///
/// ```
/// use reunite::schema::{OnDelete, Schema};
/// let schema = Schema::from_sql(
///     "CREATE TABLE customer (code TEXT PRIMARY KEY);
///      CREATE TABLE orders (customer TEXT REFERENCES customer (code) ON DELETE CASCADE);",
/// )?;
/// let [customer, orders] = schema.tables() else { unreachable!("it has two tables") };
/// let reference = &orders.foreign_keys[0];
/// assert_eq!((reference.parent, reference.key), (customer.id, customer.keys[0].id));
/// assert_eq!((reference.follow, reference.on_delete), (true, OnDelete::Cascade));
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The permanent id.
    pub id: ConstraintId,
    /// The name: given, or `orders_customer_fkey`.
    pub name: String,
    /// The referring columns by position, in the order of the key.
    pub columns: Vec<usize>,
    /// The table referred to.
    pub parent: TableId,
    /// The unique key of it that is referred to.
    pub key: ConstraintId,
    /// The unit that holds the referring columns. A foreign key that was added over columns of several
    /// units has [`ForeignKey::NO_UNIT`]: it matches by value and remembers no row.
    pub unit: UnitId,
    /// Whether the reference means the parent *row* and shows that row's current key (the default),
    /// or the stored key value (`match_key`).
    pub follow: bool,
    /// What a local deletion of the parent does.
    pub on_delete: OnDelete,
    /// What a local change of the parent's key does.
    pub on_update: OnUpdate,
}

impl ForeignKey {
    /// Stands for the unit where there is not one: no table has it.
    pub const NO_UNIT: UnitId = UnitId(0);
}

/// A validation rule over one row.
///
/// ```
/// use reunite::schema::Schema;
/// use reunite::value::Value;
/// let schema = Schema::from_sql("CREATE TABLE t (price INTEGER CHECK (price > 0))")?;
/// let check = &schema.tables()[0].checks[0];
/// assert_eq!(check.name, "t_price_check");
/// assert!(!check.rule.passes(&[Value::from(-1)], &[]));
/// assert!(check.rule.passes(&[Value::Null], &[])); // as in SQL
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The permanent id.
    pub id: ConstraintId,
    /// The name: given, or `customer_name_check`.
    pub name: String,
    /// The rule; a row fails it if it is false. Columns by position.
    pub rule: Expression,
}

/// A secondary index, not unique.
///
/// ```
/// use reunite::schema::Schema;
/// let schema = Schema::from_sql("CREATE TABLE t (a TEXT, city TEXT); CREATE INDEX by_city ON t (city);")?;
/// let index = &schema.tables()[0].indexes[0];
/// assert_eq!((index.name.as_str(), &index.columns), ("by_city", &vec![1]));
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The permanent id.
    pub id: ConstraintId,
    /// The name, unique in the database.
    pub name: String,
    /// Its columns by position, in the order of the index.
    pub columns: Vec<usize>,
}

/// What counts as one change (Sync Framework's change units).
///
/// ```
/// use reunite::{Database, replicate, row};
/// // Two people change two columns of one row: a conflict only if the row counts as a whole.
/// for (tracking, conflicts) in [("column", 0), ("row", 1)] {
///     let sql = format!("CREATE TABLE c (code TEXT PRIMARY KEY, a TEXT, b TEXT) WITH (tracking = '{tracking}')");
///     let [x, y] = [Database::builder().sql(&sql)?.in_memory()?, Database::builder().in_memory()?];
///     x.write(|tx| tx.table("c")?.insert(row! { code: "ANN" }))?;
///     replicate::sync(&x, &y)?;
///     x.write(|tx| tx.table("c")?.update("ANN", row! { a: "1" }))?;
///     y.write(|tx| tx.table("c")?.update("ANN", row! { b: "2" }))?;
///     replicate::sync(&x, &y)?;
///     assert_eq!(x.read()?.conflicts()?.len(), conflicts);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tracking {
    /// Every column by itself, but for those that a composite constraint or a declared unit joins.
    #[default]
    Column,
    /// The whole row.
    Row,
}

/// What becomes of concurrent values of a column. All but the first combine them; a column that has
/// such a rule is a unit by itself, and its values are in conflict only where it says so here.
///
/// ```
/// use reunite::schema::{ColumnRule, Schema};
/// let sql = "CREATE TABLE page (name TEXT PRIMARY KEY, hits INTEGER) WITH (sum = 'hits')";
/// let schema = Schema::from_sql(sql)?;
/// let page = &schema.tables()[0];
/// assert_eq!(page.columns[1].rule, ColumnRule::Sum);
/// assert_eq!(page.rule_of(&page.units[0]), ColumnRule::Winner);
/// assert_eq!((ColumnRule::Sum.name(), ColumnRule::Max.is_joined()), ("sum", true));
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColumnRule {
    /// One value wins by the table's rule, the others are in conflict with it.
    #[default]
    Winner,
    /// The greatest counts.
    Max,
    /// The least counts.
    Min,
    /// A counter: what replicas add to it adds up. Two assignments at the same time are in conflict.
    Sum,
    /// A set: what one replica adds stays, unless somebody who saw it removed it.
    Union,
}

impl ColumnRule {
    /// The name, as the option of the table that lists such columns.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ColumnRule::Winner => "winner",
            ColumnRule::Max => "max",
            ColumnRule::Min => "min",
            ColumnRule::Sum => "sum",
            ColumnRule::Union => "union",
        }
    }

    /// Whether values of this type can be combined so.
    pub(in crate::schema) const fn admits(self, kind: Type) -> bool {
        match self {
            ColumnRule::Winner => true,
            ColumnRule::Max | ColumnRule::Min => !matches!(kind, Type::Json),
            ColumnRule::Sum => matches!(kind, Type::Integer),
            ColumnRule::Union => matches!(kind, Type::Json),
        }
    }

    /// Whether the column begins with something, and never is `Null`.
    pub(in crate::schema) const fn is_never_null(self) -> bool {
        matches!(self, ColumnRule::Sum | ColumnRule::Union)
    }

    /// Whether all concurrent values count, so that none of them is in conflict.
    #[must_use]
    pub const fn is_joined(self) -> bool {
        matches!(self, ColumnRule::Max | ColumnRule::Min | ColumnRule::Union)
    }
}

impl std::fmt::Display for ColumnRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for ColumnRule {
    type Err = String;

    fn from_str(name: &str) -> Result<ColumnRule, String> {
        let all = [ColumnRule::Winner, ColumnRule::Max, ColumnRule::Min, ColumnRule::Sum, ColumnRule::Union];
        let found = all.into_iter().find(|rule| rule.name() == name);
        found.ok_or_else(|| format!("{name:?} is no rule of a column"))
    }
}

/// Which of two concurrent changes to a unit wins.
///
/// ```
/// use reunite::schema::{Schema, WinnerRule};
/// let schema = Schema::from_sql("CREATE TABLE price (item TEXT, cents INTEGER) WITH (winner = 'priority')")?;
/// assert_eq!(schema.tables()[0].winner, WinnerRule::Priority);
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WinnerRule {
    /// The later stamp.
    #[default]
    Latest,
    /// The greater priority, then the later stamp.
    Priority,
}

/// Whether a deletion beats a concurrent change of the same row. The loser is in the conflict table.
///
/// ```
/// use reunite::{Database, replicate, row};
/// let sql = "CREATE TABLE tag (name TEXT PRIMARY KEY, color TEXT) WITH (deletes = 'update wins')";
/// let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().in_memory()?];
/// a.write(|tx| tx.table("tag")?.insert(row! { name: "new" }))?;
/// replicate::sync(&a, &b)?;
/// a.write(|tx| tx.table("tag")?.update("new", row! { color: "red" }))?;
/// b.write(|tx| tx.table("tag")?.delete("new"))?;
/// replicate::sync(&a, &b)?;
/// assert!(b.read()?.table("tag")?.get("new")?.is_some()); // with 'delete wins' it would be gone
/// assert_eq!(b.read()?.conflicts()?[0].kind.name(), "update-delete");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteRule {
    /// The deletion wins.
    #[default]
    DeleteWins,
    /// The change wins.
    UpdateWins,
    /// The later stamp wins.
    LatestWins,
}

/// What a local deletion does to the rows that refer to the deleted one.
///
/// ```
/// use reunite::{Database, row};
/// let db = Database::builder().sql(
///     "CREATE TABLE customer (code TEXT PRIMARY KEY);
///      CREATE TABLE orders (customer TEXT REFERENCES customer ON DELETE CASCADE);",
/// )?.in_memory()?;
/// db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// db.write(|tx| tx.table("orders")?.insert(row! { customer: "ANN" }))?;
/// db.write(|tx| tx.table("customer")?.delete("ANN"))?;
/// assert!(db.read()?.table("orders")?.is_empty()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// Refuses the commit while such rows remain. `NO ACTION` means the same.
    #[default]
    Restrict,
    /// Deletes them too.
    Cascade,
    /// Sets their referring columns to `Null`.
    SetNull,
}

/// What a local change of a parent's key does to the rows that refer to it.
///
/// ```
/// use reunite::{Database, row};
/// let db = Database::builder().sql(
///     "CREATE TABLE customer (code TEXT PRIMARY KEY);
///      CREATE TABLE orders (number INTEGER PRIMARY KEY, customer TEXT REFERENCES customer);",
/// )?.in_memory()?;
/// db.write(|tx| tx.table("customer")?.insert(row! { code: "ANN" }))?;
/// db.write(|tx| tx.table("orders")?.insert(row! { number: 7, customer: "ANN" }))?;
/// db.write(|tx| tx.table("customer")?.update("ANN", row! { code: "ANNA" }))?;
/// assert_eq!(db.read()?.table("orders")?.get(7)?, Some(row! { number: 7, customer: "ANNA" }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUpdate {
    /// A following reference follows; a `match_key` reference refuses the commit (`Restrict`).
    #[default]
    Default,
    /// Refuses the commit while such rows remain.
    Restrict,
    /// Gives them the new key.
    Cascade,
    /// Sets their referring columns to `Null`.
    SetNull,
}
