//! What the caller of a write did that the database refuses. Typed, recoverable: the transaction can
//! go on, or be repeated with other values. Conflicts with other replicas are never errors.

use crate::error::Error;
use crate::ids::{ConflictId, ReplicaId, RowId};
use crate::value::{FieldError, Timestamp, Type, Value, ValueError};

/// A write that is refused. Nothing of it happened.
///
/// ```
/// use reunite::{Database, WriteError, row};
/// let db = Database::builder().sql("CREATE TABLE tag (name TEXT PRIMARY KEY)")?.in_memory()?;
/// let first = db.write(|tx| tx.table("tag")?.insert(row! { name: "new" }))?;
/// match db.write(|tx| tx.table("tag")?.insert(row! { name: "new" })) {
///     Err(WriteError::DuplicateKey { columns, holder, .. }) => {
///         assert_eq!((&columns[..], holder), (&["name".to_string()][..], first));
///     }
///     other => unreachable!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Another row of the table holds the key.
    #[error("table {table}: key {key} = {} is held by row {holder}: choose another value, or change that row", list(.values))]
    DuplicateKey {
        /// The table.
        table: String,
        /// The name of the key.
        key: String,
        /// The names of the key's columns, in its order.
        columns: Box<[String]>,
        /// The values, in the order of the key's columns.
        values: Vec<Value>,
        /// The row that could not be written.
        row: RowId,
        /// The row that holds the key.
        holder: RowId,
    },
    /// The primary key names the row, and was to be changed.
    #[error(
        "table {table}, row {row}: key {key} = {} names the row and cannot be changed: insert a row with the \
         new key and merge this one into it, or delete this one",
        list(.values)
    )]
    ImmutableKey {
        /// The table.
        table: String,
        /// The row.
        row: RowId,
        /// The name of the key.
        key: String,
        /// The names of the key's columns, in its order.
        columns: Box<[String]>,
        /// The values that it has and keeps, in the order of the key's columns.
        values: Vec<Value>,
    },
    /// No row of the table referred to has this key.
    #[error("table {table}, row {row}: {constraint}: no row of {parent} has the key {}: insert it first, or name another", list(.values))]
    MissingParent {
        /// The referring table.
        table: String,
        /// The referring row.
        row: RowId,
        /// The name of the foreign key.
        constraint: String,
        /// The table referred to.
        parent: String,
        /// The values that no row has.
        values: Vec<Value>,
    },
    /// Rows refer to the row that was to be deleted, or whose key was to be changed.
    #[error(
        "table {parent}: row {row} of table {table} still refers here by {constraint}: delete it or change it first"
    )]
    Restricted {
        /// The referring table.
        table: String,
        /// The referring row.
        row: RowId,
        /// The name of the foreign key.
        constraint: String,
        /// The table referred to.
        parent: String,
    },
    /// A validation rule fails.
    #[error("table {table}, row {row}: the rule {constraint} fails: {rule}")]
    CheckFailed {
        /// The table.
        table: String,
        /// The row.
        row: RowId,
        /// The name of the rule.
        constraint: String,
        /// The rule, as SQL.
        rule: String,
    },
    /// A counter would leave the range of INTEGER.
    #[error(
        "table {table}, row {row}: column {column} cannot count {amount} further: it would leave the range of INTEGER"
    )]
    OutOfRange {
        /// The table.
        table: String,
        /// The row.
        row: RowId,
        /// The counter.
        column: String,
        /// What was to be added.
        amount: i64,
    },
    /// A column that must have a value has none.
    #[error("table {table}: column {column} must have a value")]
    NotNull {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// There is no such table.
    #[error("there is no table {table}")]
    UnknownTable {
        /// What was asked for.
        table: String,
    },
    /// The table has no such column, key or index.
    #[error("table {table} has no column, key or index {column}")]
    UnknownColumn {
        /// The table.
        table: String,
        /// What was asked for.
        column: String,
    },
    /// No table has such a constraint.
    #[error("there is no key, foreign key or rule {constraint}")]
    UnknownConstraint {
        /// What was asked for.
        constraint: String,
    },
    /// A value does not fit its column.
    #[error("table {table}, column {column} ({expected}): {source}")]
    TypeMismatch {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The column's type.
        expected: Type,
        /// What is wrong with the value.
        #[source]
        source: ValueError,
    },
    /// A struct does not become a row of the table, or a row of it not a struct.
    #[error("table {table}, {source}")]
    Field {
        /// The table.
        table: String,
        /// Which field, and what is wrong with it.
        #[source]
        source: FieldError,
    },
    /// The key of a row was given with a wrong number of columns.
    #[error("table {table}: {key} has {expected} columns, {given} values were given")]
    KeyShape {
        /// The table.
        table: String,
        /// The key or index.
        key: String,
        /// How many columns it has.
        expected: usize,
        /// How many values were given.
        given: usize,
    },
    /// The row is in the table already.
    #[error(
        "table {table}: row {row} is there already: change it, or insert another without naming its row id"
    )]
    RowExists {
        /// The table.
        table: String,
        /// The row.
        row: RowId,
    },
    /// There is no such row, or it is not visible.
    #[error("table {table} has no row {row}")]
    NoSuchRow {
        /// The table.
        table: String,
        /// The row id or key asked for.
        row: String,
    },
    /// The row is not as it was when it was read.
    #[error("table {table}, row {row}: {}", since(.columns, .replicas, *.deleted))]
    StaleVersion {
        /// The table.
        table: String,
        /// The row.
        row: RowId,
        /// The columns that were written since.
        columns: Vec<String>,
        /// The replicas that have changed it since; none if this replica lacks changes that were seen.
        replicas: Vec<ReplicaId>,
        /// Whether it was deleted.
        deleted: bool,
    },
    /// The conflict is not open: somebody was faster, here or on another replica.
    #[error("conflict {conflict} {}: list the conflicts again", settled_by(*.by, *.at))]
    AlreadyResolved {
        /// The conflict.
        conflict: ConflictId,
        /// The replica whose change closed it; none if that is not remembered.
        by: Option<ReplicaId>,
        /// When that change was made, by the clock of that replica.
        at: Option<Timestamp>,
    },
    /// A resolution cannot be taken back.
    #[error("conflict {conflict}: {reason}")]
    NotUndone {
        /// The conflict.
        conflict: ConflictId,
        /// Why not, and what can be done instead.
        reason: String,
    },
    /// The operation makes no sense for this row or conflict.
    #[error("table {table}, row {row}: {reason}")]
    NotApplicable {
        /// The table.
        table: String,
        /// The row.
        row: RowId,
        /// Why not, and what can be done instead.
        reason: String,
    },
    /// Somebody else has locked the table, or it cannot be locked now. Try again later.
    #[error("table {table} is locked ({reason}): try again when it is released")]
    Locked {
        /// The table.
        table: String,
        /// What the holder of the lock says.
        reason: String,
    },
    /// The savepoint belongs to another transaction, or was rolled back.
    #[error("the savepoint is not of this transaction, or was rolled back")]
    NoSuchSavepoint,
    /// The storage failed, or the database is read-only, or something is too large.
    #[error(transparent)]
    Storage(#[from] Error),
}

impl WriteError {
    /// A short, stable name of the error, as scripts and other programs use it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            WriteError::DuplicateKey { .. } => "duplicate-key",
            WriteError::ImmutableKey { .. } => "immutable-key",
            WriteError::MissingParent { .. } => "missing-parent",
            WriteError::Restricted { .. } => "restricted",
            WriteError::CheckFailed { .. } | WriteError::OutOfRange { .. } => "check-failed",
            WriteError::NotNull { .. } => "not-null",
            WriteError::UnknownTable { .. } => "unknown-table",
            WriteError::UnknownColumn { .. } | WriteError::UnknownConstraint { .. } => "unknown-column",
            WriteError::TypeMismatch { .. } | WriteError::KeyShape { .. } | WriteError::Field { .. } => {
                "type-mismatch"
            }
            WriteError::RowExists { .. } => "row-exists",
            WriteError::NoSuchRow { .. } => "no-such-row",
            WriteError::StaleVersion { .. } => "stale-version",
            WriteError::AlreadyResolved { .. } => "already-resolved",
            WriteError::NotApplicable { .. } | WriteError::NotUndone { .. } | WriteError::NoSuchSavepoint => {
                "not-applicable"
            }
            WriteError::Locked { .. } => "locked",
            WriteError::Storage(error) => error.code(),
        }
    }

    /// Whether the same write may succeed later without anything being changed.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            WriteError::Locked { .. } => true,
            WriteError::Storage(error) => error.is_retryable(),
            _ => false,
        }
    }
}

fn settled_by(by: Option<ReplicaId>, at: Option<Timestamp>) -> String {
    match (by, at) {
        (Some(by), Some(at)) => format!("was already resolved by replica {by}, at {at}"),
        (Some(by), None) => format!("was already resolved by replica {by}"),
        (None, _) => "is not open any more, and it is not remembered who closed it".to_string(),
    }
}

fn list(values: &[Value]) -> String {
    let values: Vec<String> = values.iter().map(|value| value.to_json().to_string()).collect();
    format!("({})", values.join(", "))
}

/// What has become of a row since it was read.
fn since(columns: &[String], replicas: &[ReplicaId], deleted: bool) -> String {
    if replicas.is_empty() && columns.is_empty() {
        return "this replica does not have all that was read of it elsewhere: sync, then repeat".to_owned();
    }
    let by: Vec<String> = replicas.iter().map(ReplicaId::to_string).collect();
    let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(", ")) };
    let of = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
    if deleted {
        return format!("it was deleted{by} since it was read{of}");
    }
    format!("it was changed{by} since it was read{of}: read it again, then repeat")
}
