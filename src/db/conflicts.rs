//! Finding conflicts among many: by table, kind, constraint, row, replica and age, a page at a time.
//!
//! Conflicts come oldest first, by the time of the losing change and then by id. Neither changes while a
//! conflict is open, so a place in this order is a place for good: pages neither repeat nor skip a
//! conflict while others appear and go. A filter by table, kind, constraint, row or age reads only what
//! it finds; one by replica passes over entries of the list by age, not over rows.

use std::fmt;
use std::iter::Peekable;
use std::ops::Range;
use std::str::FromStr;

use super::conflict::{ConflictRow, Reason, show_conflict};
use crate::commit::WriteError;
use crate::derive::Kind;
use crate::error::Error;
use crate::ids::{ConflictId, ConstraintId, ReplicaId, RowId, RowKey, TableId};
use crate::schema::{self, Schema};
use crate::store::{Age, Group, Listed, Snapshot};
use crate::value::Timestamp;
use crate::version::Hlc;

/// Which conflicts to find. All of them, until something narrows it down.
///
/// ```
/// # use reunite::{Database, replicate, row};
/// # let sql = "CREATE TABLE customer (code TEXT PRIMARY KEY, phone TEXT)";
/// # let [a, b] = [Database::builder().sql(sql)?.in_memory()?, Database::builder().sql(sql)?.in_memory()?];
/// # a.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "1" }))?;
/// # b.write(|tx| tx.table("customer")?.insert(row! { code: "ANN", phone: "2" }))?;
/// # replicate::sync(&a, &b)?;
/// use reunite::db::ConflictFilter;
/// use reunite::derive::Kind;
/// let duplicates = ConflictFilter::new().table("customer").kind(Kind::Unique);
/// let snapshot = a.read()?;
/// assert_eq!(snapshot.count_conflicts(&duplicates)?, 1);
/// let mut page = duplicates.clone();
/// loop {
///     let found: Vec<_> = snapshot.find_conflicts(&page)?.take(50).collect::<Result<_, _>>()?;
///     let Some(last) = found.last() else { break };
///     page = duplicates.clone().after(last.place());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConflictFilter {
    table: Option<String>,
    kind: Option<Kind>,
    reason: Option<Reason>,
    constraint: Option<String>,
    row: Option<RowId>,
    loser: Option<ReplicaId>,
    older_than: Option<Timestamp>,
    newer_than: Option<Timestamp>,
    after: Option<ConflictPlace>,
}

impl ConflictFilter {
    /// All conflicts.
    #[must_use]
    pub fn new() -> ConflictFilter {
        ConflictFilter::default()
    }

    /// Only those of a table.
    ///
    /// ```
    /// use reunite::db::ConflictFilter;
    /// assert_ne!(ConflictFilter::new().table("customer"), ConflictFilter::new());
    /// ```
    #[must_use]
    pub fn table(mut self, table: impl Into<String>) -> ConflictFilter {
        self.table = Some(table.into());
        self
    }

    /// Only those of a kind.
    ///
    /// ```
    /// use reunite::db::ConflictFilter;
    /// use reunite::derive::Kind;
    /// assert_ne!(ConflictFilter::new().kind(Kind::Unique), ConflictFilter::new());
    /// ```
    #[must_use]
    pub const fn kind(mut self, kind: Kind) -> ConflictFilter {
        self.kind = Some(kind);
        self
    }

    /// Only those of a class of kinds.
    ///
    /// ```
    /// use reunite::db::ConflictFilter;
    /// use reunite::db::Reason;
    /// assert_ne!(ConflictFilter::new().reason(Reason::Collision), ConflictFilter::new());
    /// ```
    #[must_use]
    pub const fn reason(mut self, reason: Reason) -> ConflictFilter {
        self.reason = Some(reason);
        self
    }

    /// Only those about a constraint, by its name.
    ///
    /// ```
    /// use reunite::db::ConflictFilter;
    /// assert_ne!(ConflictFilter::new().constraint("customer_email_key"), ConflictFilter::new());
    /// ```
    #[must_use]
    pub fn constraint(mut self, name: impl Into<String>) -> ConflictFilter {
        self.constraint = Some(name.into());
        self
    }

    /// Only those of a row.
    ///
    /// ```
    /// use reunite::db::ConflictFilter;
    /// use reunite::ids::RowId;
    /// assert_ne!(ConflictFilter::new().row(RowId::from_bytes([7; 16])), ConflictFilter::new());
    /// ```
    #[must_use]
    pub const fn row(mut self, row: RowId) -> ConflictFilter {
        self.row = Some(row);
        self
    }

    /// Only those in which this replica lost.
    ///
    /// ```
    /// use reunite::db::ConflictFilter;
    /// use reunite::ids::ReplicaId;
    /// assert_ne!(ConflictFilter::new().loser(ReplicaId::from_bytes([1; 16])), ConflictFilter::new());
    /// ```
    #[must_use]
    pub const fn loser(mut self, replica: ReplicaId) -> ConflictFilter {
        self.loser = Some(replica);
        self
    }

    /// Only those whose losing change was made before this time.
    ///
    /// ```
    /// use reunite::db::ConflictFilter;
    /// use reunite::value::Timestamp;
    /// assert_ne!(ConflictFilter::new().older_than(Timestamp(1_700_000_000_000_000)), ConflictFilter::new());
    /// ```
    #[must_use]
    pub const fn older_than(mut self, time: Timestamp) -> ConflictFilter {
        self.older_than = Some(time);
        self
    }

    /// Only those whose losing change was made after this time.
    ///
    /// ```
    /// use reunite::db::ConflictFilter;
    /// use reunite::value::Timestamp;
    /// assert_ne!(ConflictFilter::new().newer_than(Timestamp(1_700_000_000_000_000)), ConflictFilter::new());
    /// ```
    #[must_use]
    pub const fn newer_than(mut self, time: Timestamp) -> ConflictFilter {
        self.newer_than = Some(time);
        self
    }

    /// Only those behind a place: see [`ConflictRow::place`].
    #[must_use]
    pub const fn after(mut self, place: ConflictPlace) -> ConflictFilter {
        self.after = Some(place);
        self
    }
}

/// The place of a conflict in the order by age. Its text can be given out and taken back.
///
/// ```
/// use reunite::db::ConflictPlace;
/// let place: ConflictPlace = "00060de0a1b2c3d4-0192d4e0-7b1a-7c3e-9f00-112233445566".parse()?;
/// assert_eq!(place.to_string().parse(), Ok(place));
/// # Ok::<(), reunite::db::NotAPlace>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConflictPlace {
    at: Hlc,
    id: ConflictId,
}

impl ConflictRow {
    /// Its place in the order by age: for the next page, see [`ConflictFilter::after`].
    #[must_use]
    pub fn place(&self) -> ConflictPlace {
        ConflictPlace { at: Hlc(u64::try_from(self.loser.at.0).unwrap_or(0)), id: self.id }
    }
}

impl fmt::Display for ConflictPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.at.0, self.id)
    }
}

/// A text that names no place.
///
/// ```
/// use reunite::db::{ConflictPlace, NotAPlace};
/// let error = NotAPlace { text: "page 2".to_string() };
/// assert_eq!("page 2".parse::<ConflictPlace>(), Err(error));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no place in a list of conflicts: give the one that the page before ended with")]
pub struct NotAPlace {
    /// The text.
    pub text: String,
}

impl FromStr for ConflictPlace {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<ConflictPlace, NotAPlace> {
        let wrong = || NotAPlace { text: text.to_string() };
        let (at, id) = text.split_once('-').ok_or_else(wrong)?;
        let at = u64::from_str_radix(at, 16).map_err(|_| wrong())?;
        Ok(ConflictPlace { at: Hlc(at), id: id.parse().map_err(|_| wrong())? })
    }
}

/// Conflicts that were found, oldest first. Each is read when it is asked for.
///
/// See [`ConflictFilter`] for an example.
pub struct Conflicts<'a> {
    snapshot: &'a Snapshot,
    loser: Option<ReplicaId>,
    groups: Vec<Peekable<Entries<'a>>>,
}

type Entries<'a> = Box<dyn Iterator<Item = Result<Listed, Error>> + 'a>;

impl fmt::Debug for Conflicts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conflicts").field("groups", &self.groups.len()).finish_non_exhaustive()
    }
}

impl Iterator for Conflicts<'_> {
    type Item = Result<ConflictRow, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_listed().map(|listed| show_listed(self.snapshot, &listed?))
    }
}

impl Conflicts<'_> {
    /// The oldest of what is left in the groups. Errors come as soon as they are met.
    fn next_listed(&mut self) -> Option<Result<Listed, Error>> {
        loop {
            let age = |entries: &mut Peekable<Entries<'_>>| match entries.peek() {
                Some(Ok(listed)) => Some(Some(listed.age)),
                Some(Err(_)) => Some(None),
                None => None,
            };
            let heads = self.groups.iter_mut().filter_map(|entries| Some((age(entries)?, entries)));
            let (_, oldest) = heads.min_by_key(|(age, _)| *age)?;
            match oldest.next()? {
                Ok(listed) if self.loser.is_some_and(|loser| loser != lost(self.snapshot, &listed)) => {}
                found => return Some(found),
            }
        }
    }
}

fn lost(snapshot: &Snapshot, listed: &Listed) -> ReplicaId {
    snapshot.author(listed.loser)
}

fn show_listed(snapshot: &Snapshot, listed: &Listed) -> Result<ConflictRow, Error> {
    let (_, id) = listed.age;
    let found = snapshot.conflict(listed.row, id)?;
    let missing = || Error::corrupt(format!("the conflict {id} is listed and not stored"));
    show_conflict(snapshot, listed.row, &found.ok_or_else(missing)?)
}

/// The conflicts that a filter lets through.
pub(super) fn find<'a>(snapshot: &'a Snapshot, filter: &ConflictFilter) -> Result<Conflicts<'a>, WriteError> {
    let scope = Scope::of(snapshot.schema(), filter)?;
    let mut groups: Vec<Peekable<Entries<'a>>> = Vec::new();
    if let Some(row) = filter.row {
        groups.push(scope.of_row(snapshot, row)?.peekable());
    } else {
        for group in scope.groups(snapshot)? {
            let entries: Entries<'a> =
                Box::new(snapshot.conflicts_by_age(group, &scope.times, scope.after)?);
            groups.push(entries.peekable());
        }
    }
    Ok(Conflicts { snapshot, loser: filter.loser, groups })
}

/// How many there are. Days that lie wholly in the filter's time are not looked into.
pub(super) fn count(snapshot: &Snapshot, filter: &ConflictFilter) -> Result<u64, WriteError> {
    if filter.row.is_some() || filter.loser.is_some() || filter.after.is_some() {
        let mut found = find(snapshot, filter)?;
        let mut count = 0;
        while let Some(listed) = found.next_listed() {
            listed?;
            count += 1;
        }
        return Ok(count);
    }
    let scope = Scope::of(snapshot.schema(), filter)?;
    let mut total = 0;
    for group in scope.groups(snapshot)? {
        for entry in snapshot.group_counts(group)? {
            let (_, day, count) = entry?;
            let (start, end) = (day.start().max(scope.times.start), day.end().min(scope.times.end));
            if (start, end) == (day.start(), day.end()) {
                total += count;
            } else if start < end {
                for listed in snapshot.conflicts_by_age(group, &(start..end), None)? {
                    listed?;
                    total += 1;
                }
            }
        }
    }
    Ok(total)
}

/// A filter by ids.
struct Scope {
    tables: Vec<TableId>,
    kind: Option<Kind>,
    reason: Option<Reason>,
    constraints: Option<Vec<ConstraintId>>,
    times: Range<Hlc>,
    after: Option<Age>,
}

impl Scope {
    fn of(schema: &Schema, filter: &ConflictFilter) -> Result<Scope, WriteError> {
        let table = filter.table.as_deref().map(|name| {
            schema.table(name).ok_or_else(|| WriteError::UnknownTable { table: name.to_string() })
        });
        let table = table.transpose()?;
        let tables: Vec<&schema::Table> = match table {
            Some(table) => vec![table],
            None => schema.tables().iter().collect(),
        };
        let constraints = filter.constraint.as_deref().map(|name| constraints_called(&tables, name));
        let micros = |time: Timestamp| u64::try_from(time.0).unwrap_or(0);
        let start = filter.newer_than.map_or(0, |time| micros(time).saturating_add(1));
        let end = filter.older_than.map_or(u64::MAX, micros);
        Ok(Scope {
            tables: tables.iter().map(|table| table.id).collect(),
            kind: filter.kind,
            reason: filter.reason,
            constraints: constraints.transpose()?,
            times: Hlc(start)..Hlc(end),
            after: filter.after.map(|place| (place.at, place.id)),
        })
    }

    fn admits(&self, group: Group) -> bool {
        self.kind.is_none_or(|kind| kind == group.kind)
            && self.reason.is_none_or(|reason| reason == group.kind.into())
            && self
                .constraints
                .as_ref()
                .is_none_or(|all| group.constraint.is_some_and(|id| all.contains(&id)))
    }

    fn groups(&self, snapshot: &Snapshot) -> Result<Vec<Group>, Error> {
        let mut all = Vec::new();
        for table in &self.tables {
            all.extend(snapshot.conflict_groups(*table)?.into_iter().filter(|group| self.admits(*group)));
        }
        Ok(all)
    }

    /// The conflicts of one row, in the same order.
    fn of_row<'a>(&self, snapshot: &Snapshot, row: RowId) -> Result<Entries<'a>, Error> {
        let mut all = Vec::new();
        for table in &self.tables {
            let row = RowKey { table: *table, row };
            for conflict in snapshot.conflicts_of(row)? {
                let age = (conflict.at, conflict.id);
                let in_time = self.times.contains(&conflict.at) && self.after.is_none_or(|after| age > after);
                if in_time && self.admits(Group::of(*table, &conflict)) {
                    all.push(Listed { age, row, loser: conflict.loser.replica });
                }
            }
        }
        all.sort_unstable_by_key(|listed| listed.age);
        Ok(Box::new(all.into_iter().map(Ok)))
    }
}

/// The constraints with this name. Tables may use the same one.
fn constraints_called(tables: &[&schema::Table], name: &str) -> Result<Vec<ConstraintId>, WriteError> {
    let found: Vec<ConstraintId> = tables.iter().filter_map(|table| table.constraint_called(name)).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let constraint = name.to_string();
    Err(WriteError::UnknownConstraint { constraint })
}
