//! How many conflicts are open, by table, kind, constraint and day: kept with every commit, never counted.

use crate::derive::Kind;
use crate::error::Error;
use crate::store::Snapshot;
use crate::value::Timestamp;

/// Open conflicts of one kind in one table, about one constraint if they are about any, that lost on one
/// day.
///
/// See [`ConflictStatistics`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictCount {
    /// The table.
    pub table: String,
    /// The kind.
    pub kind: Kind,
    /// The constraint that bars the rows.
    pub constraint: Option<String>,
    /// When the day on which the losing changes were made began, in UTC.
    pub day: Timestamp,
    /// How many there are.
    pub count: u64,
}

/// Everything that is open, in numbers.
///
/// ```
/// # use reunite::{Database, replicate, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
/// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
/// # replicate::sync(&a, &b)?;
/// use reunite::derive::Kind;
/// let statistics = a.read()?.conflict_statistics()?;
/// assert_eq!(statistics.total(), 1);
/// let duplicates = statistics.counts.iter().filter(|one| one.kind == Kind::Unique);
/// assert_eq!(duplicates.map(|one| one.count).sum::<u64>(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConflictStatistics {
    /// By table, kind, constraint and day, in the order of the schema; no zeros.
    pub counts: Vec<ConflictCount>,
}

impl ConflictStatistics {
    /// How many conflicts are open.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|one| one.count).sum()
    }

    /// How many are open in a table.
    #[must_use]
    pub fn in_table(&self, table: &str) -> u64 {
        let of_table = self.counts.iter().filter(|one| one.table.eq_ignore_ascii_case(table));
        of_table.map(|one| one.count).sum()
    }

    /// The same by table, kind and constraint, whatever the day: each with the first day it has, and the
    /// number of all days.
    #[must_use]
    pub fn by_constraint(&self) -> Vec<ConflictCount> {
        let mut groups: Vec<ConflictCount> = Vec::new();
        for one in &self.counts {
            match groups.last_mut() {
                Some(last)
                    if (&last.table, last.kind, &last.constraint)
                        == (&one.table, one.kind, &one.constraint) =>
                {
                    last.count += one.count;
                }
                _ => groups.push(one.clone()),
            }
        }
        groups
    }
}

/// Reads the counts of all tables.
pub(super) fn statistics(snapshot: &Snapshot) -> Result<ConflictStatistics, Error> {
    let mut counts = Vec::new();
    for table in snapshot.schema().tables() {
        for entry in snapshot.conflict_counts(table.id)? {
            let (group, day, count) = entry?;
            counts.push(ConflictCount {
                table: table.name.clone(),
                kind: group.kind,
                constraint: group.constraint.and_then(|id| table.constraint_name(id)),
                day: day.start().timestamp(),
                count,
            });
        }
    }
    Ok(ConflictStatistics { counts })
}
