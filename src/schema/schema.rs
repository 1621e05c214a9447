//! The whole schema: tables by name and by id, who refers to whom, and the order to derive tables in.
//! Immutable, and all that can be computed from the tables alone is computed once, when it is built.

use std::collections::{BTreeMap, BTreeSet};

use super::graph;
use super::{Check, DuplicateRule, ForeignKey, Index, SchemaBuilder, Table, UniqueKey};
use crate::ids::{ConstraintId, TableId};
use crate::value::Collation;

/// A valid schema. Share it behind an `Arc`.
///
/// ```
/// use reunite::schema::Schema;
/// use reunite::value::Type;
///
/// let schema = Schema::builder()
///     .table("customer", |t| t.column("code", Type::Text).primary_key(["code"]))
///     .build()?;
/// assert_eq!(schema.table("Customer").map(|table| table.columns.len()), Some(1));
/// # Ok::<(), reunite::schema::SchemaError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Those that were dropped come last.
    tables: Vec<Table>,
    /// How many were not dropped.
    live: usize,
    /// By the name in lower case.
    by_name: BTreeMap<String, usize>,
    by_id: BTreeMap<TableId, usize>,
    constraints: BTreeMap<ConstraintId, (usize, Place)>,
    referrers: BTreeMap<TableId, Vec<(TableId, usize)>>,
    referenced: BTreeSet<ConstraintId>,
    strata: Vec<Stratum>,
    /// Whether a text is compared by the tables of Unicode.
    folds_unicode: bool,
    merges_duplicates: bool,
    /// Under the version of Unicode that the program has: every session asks for it.
    digest: [u8; 16],
}

/// Tables that refer to each other, directly or around a cycle; usually a single table.
///
/// ```
/// use reunite::schema::Schema;
/// let schema = Schema::from_sql(
///     "CREATE TABLE orders (customer TEXT REFERENCES customer);
///      CREATE TABLE customer (code TEXT PRIMARY KEY, friend TEXT REFERENCES customer (code));",
/// )?;
/// let [first, second] = schema.strata() else { unreachable!("two tables that form no cycle") };
/// assert_eq!(schema.table_by_id(first.tables[0]), schema.table("customer")); // parents first
/// assert!(first.cyclic && !second.cyclic);
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stratum {
    /// In the order of their definition.
    pub tables: Vec<TableId>,
    /// Whether the tables form a cycle; a table that refers to itself is one.
    pub cyclic: bool,
}

/// What a [`ConstraintId`] names.
///
/// ```
/// use reunite::schema::{Constraint, Schema};
/// let schema = Schema::from_sql("CREATE TABLE tag (name TEXT PRIMARY KEY)")?;
/// let key = &schema.tables()[0].keys[0];
/// assert_eq!(schema.constraint(key.id), Some((&schema.tables()[0], Constraint::Key(key))));
/// # Ok::<(), reunite::schema::DdlError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint<'a> {
    /// A primary or unique key.
    Key(&'a UniqueKey),
    /// A foreign key.
    ForeignKey(&'a ForeignKey),
    /// A validation rule.
    Check(&'a Check),
    /// A secondary index.
    Index(&'a Index),
}

impl Constraint<'_> {
    /// The name of the constraint.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Constraint::Key(key) => &key.name,
            Constraint::ForeignKey(foreign_key) => &foreign_key.name,
            Constraint::Check(check) => &check.name,
            Constraint::Index(index) => &index.name,
        }
    }
}

/// Where in its table a constraint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Key(usize),
    ForeignKey(usize),
    Check(usize),
    Index(usize),
}

impl Schema {
    /// Begins a schema in Rust. The other way is SQL.
    pub fn builder() -> SchemaBuilder {
        SchemaBuilder::default()
    }

    /// The tables, in the order of their definition.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        self.tables.get(..self.live).unwrap_or(&self.tables)
    }

    /// The tables that were dropped: their rows are still known, and nobody sees them.
    #[must_use]
    pub fn dropped_tables(&self) -> &[Table] {
        self.tables.get(self.live..).unwrap_or_default()
    }

    /// The table of this name. As in SQLite, ASCII letters compare without regard to case.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.by_name.get(&name.to_ascii_lowercase()).and_then(|&place| self.tables.get(place))
    }

    /// The table with this id, dropped or not.
    #[must_use]
    pub fn table_by_id(&self, id: TableId) -> Option<&Table> {
        self.by_id.get(&id).and_then(|&place| self.tables.get(place))
    }

    /// The tables in groups, parents before the tables that refer to them.
    #[must_use]
    pub fn strata(&self) -> &[Stratum] {
        &self.strata
    }

    /// The foreign keys that refer to `parent`, each with its table, in the order of their definition.
    pub fn referring(&self, parent: TableId) -> impl Iterator<Item = (&Table, &ForeignKey)> {
        let places = self.referrers.get(&parent).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|(child, at)| {
            let table = self.table_by_id(*child)?;
            Some((table, table.foreign_keys.get(*at)?))
        })
    }

    /// Whether a foreign key refers to this unique key.
    #[must_use]
    pub fn is_referenced(&self, key: ConstraintId) -> bool {
        self.referenced.contains(&key)
    }

    /// The constraint or index with this id, and its table.
    #[must_use]
    pub fn constraint(&self, id: ConstraintId) -> Option<(&Table, Constraint<'_>)> {
        let &(table, place) = self.constraints.get(&id)?;
        let table = self.tables.get(table)?;
        let constraint = match place {
            Place::Key(at) => Constraint::Key(table.keys.get(at)?),
            Place::ForeignKey(at) => Constraint::ForeignKey(table.foreign_keys.get(at)?),
            Place::Check(at) => Constraint::Check(table.checks.get(at)?),
            Place::Index(at) => Constraint::Index(table.indexes.get(at)?),
        };
        Some((table, constraint))
    }

    /// A fingerprint of the definitions and their ids: equal for equal schemas, on every replica.
    ///
    /// ```
    /// use reunite::schema::Schema;
    ///
    /// let one = Schema::from_sql("CREATE TABLE t (a INTEGER PRIMARY KEY)")?;
    /// let other = Schema::from_sql("create table t (a integer not null, primary key (a))")?;
    /// assert_eq!(one.digest(), other.digest());
    /// # Ok::<(), reunite::schema::DdlError>(())
    /// ```
    #[must_use]
    pub const fn digest(&self) -> [u8; 16] {
        self.digest
    }

    /// Whether texts are compared by [`Collation::UnicodeNoCase`], so that replicas need the same version of
    /// Unicode.
    ///
    /// ```
    /// use reunite::schema::Schema;
    /// let schema = Schema::from_sql("CREATE TABLE word (text TEXT COLLATE UNICODE_NOCASE PRIMARY KEY)")?;
    /// assert!(schema.folds_unicode());
    /// # Ok::<(), reunite::schema::DdlError>(())
    /// ```
    #[must_use]
    pub const fn folds_unicode(&self) -> bool {
        self.folds_unicode
    }

    /// Whether rows that clash on some key become one.
    ///
    /// ```
    /// use reunite::schema::Schema;
    /// let sql = "CREATE TABLE contact (email TEXT PRIMARY KEY) WITH (merge_duplicates = 'email')";
    /// assert!(Schema::from_sql(sql)?.merges_duplicates());
    /// # Ok::<(), reunite::schema::DdlError>(())
    /// ```
    #[must_use]
    pub const fn merges_duplicates(&self) -> bool {
        self.merges_duplicates
    }

    /// The fingerprint that a replica with the tables of this version of Unicode would have. Where they
    /// decide which keys are equal, replicas with other tables have other schemas: they refuse each other,
    /// instead of disagreeing row by row.
    pub(super) fn digest_under(&self, unicode: &str) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_derive_key("reunite 2026 schema digest");
        hasher.update(self.to_sql().as_bytes());
        if self.folds_unicode {
            hasher.update(unicode.as_bytes());
        }
        hasher.update(&(self.live as u64).to_le_bytes());
        for table in &self.tables {
            let columns = table.columns.iter().flat_map(|column| [column.id.0, column.unit.0]);
            let constraints = table.keys.iter().map(|key| key.id);
            let constraints = constraints.chain(table.foreign_keys.iter().map(|foreign_key| foreign_key.id));
            let constraints = constraints.chain(table.checks.iter().map(|check| check.id));
            let constraints = constraints.chain(table.indexes.iter().map(|index| index.id));
            for id in std::iter::once(table.id.0).chain(columns).chain(constraints.map(|id| id.0)) {
                hasher.update(&id.to_le_bytes());
            }
        }
        let mut digest = [0; 16];
        hasher.finalize_xof().fill(&mut digest);
        digest
    }

    /// Tables that were validated together, and those that were dropped.
    pub(super) fn of(mut tables: Vec<Table>, dropped: Vec<Table>) -> Schema {
        let live = tables.len();
        let by_name = tables.iter().enumerate().map(|(at, t)| (t.name.to_ascii_lowercase(), at)).collect();
        tables.extend(dropped);
        let by_id: BTreeMap<_, _> = tables.iter().enumerate().map(|(at, table)| (table.id, at)).collect();
        let mut referrers: BTreeMap<TableId, Vec<(TableId, usize)>> = BTreeMap::new();
        let mut referenced = BTreeSet::new();
        for table in &tables {
            for (at, foreign_key) in table.foreign_keys.iter().enumerate() {
                referrers.entry(foreign_key.parent).or_default().push((table.id, at));
                referenced.insert(foreign_key.key);
            }
        }
        let (constraints, strata) = (places(&tables), strata(&tables, &by_id));
        let mut columns = tables.iter().flat_map(|table| &table.columns);
        let folds_unicode = columns.any(|column| column.collation == Collation::UnicodeNoCase);
        let mut keys = tables.iter().take(live).flat_map(|table| &table.keys);
        let merges_duplicates = keys.any(|key| key.duplicates == DuplicateRule::Merge);
        let mut schema = Schema {
            tables,
            live,
            by_name,
            by_id,
            constraints,
            referrers,
            referenced,
            strata,
            folds_unicode,
            merges_duplicates,
            digest: [0; 16],
        };
        schema.digest = schema.digest_under(Collation::UNICODE_VERSION);
        schema
    }
}

fn places(tables: &[Table]) -> BTreeMap<ConstraintId, (usize, Place)> {
    let mut places = BTreeMap::new();
    for (at, table) in tables.iter().enumerate() {
        places.extend(table.keys.iter().enumerate().map(|(i, key)| (key.id, (at, Place::Key(i)))));
        places.extend(table.foreign_keys.iter().enumerate().map(|(i, k)| (k.id, (at, Place::ForeignKey(i)))));
        places.extend(table.checks.iter().enumerate().map(|(i, check)| (check.id, (at, Place::Check(i)))));
        places.extend(table.indexes.iter().enumerate().map(|(i, index)| (index.id, (at, Place::Index(i)))));
    }
    places
}

fn strata(tables: &[Table], by_id: &BTreeMap<TableId, usize>) -> Vec<Stratum> {
    let parents_of = |table: &Table| {
        table.foreign_keys.iter().filter_map(|key| by_id.get(&key.parent).copied()).collect::<Vec<_>>()
    };
    let edges: Vec<Vec<usize>> = tables.iter().map(parents_of).collect();
    let stratum = |component: Vec<usize>| Stratum {
        cyclic: graph::is_cyclic(&edges, &component),
        tables: component.into_iter().filter_map(|at| tables.get(at)).map(|table| table.id).collect(),
    };
    graph::components(&edges).into_iter().map(stratum).collect()
}
