//! `conflicts`: what lost, to whom, and why.

use std::path::PathBuf;

use super::output::{Output, count};
use super::rows::limit;
use super::{key, listing, open};
use crate::db::{ConflictFilter, ConflictPlace, ReadTransaction, Reason};
use crate::derive::Kind;
use crate::ids::ReplicaId;
use crate::inspect::Ids;
use crate::value::Timestamp;
use crate::version::{Clock, SystemClock};

/// What makes no sense beside the id of one conflict.
const FILTERS: [&str; 10] =
    ["table", "kind", "reason", "constraint", "key", "replica", "older_than", "newer_than", "limit", "after"];

/// List the open conflicts, oldest first
///
/// Every replica that knows the same lists the same. Each conflict has an id; its first characters are
/// enough for --id and for `resolve`.
#[derive(Debug, clap::Args)]
pub(super) struct Conflicts {
    /// The database
    dir: PathBuf,
    /// Only those of this table
    table: Option<String>,
    /// Print the one conflict whose id begins so, with both sides and what can be done
    #[arg(long, value_name = "ID", conflicts_with_all = FILTERS)]
    id: Option<String>,
    /// Only those of this kind: update, delete-update, update-delete, unique, delete-ri, …
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
    /// Only those of this class: Concurrency, Collision, NoParent, Identity, Other
    #[arg(long, value_parser = reason)]
    reason: Option<Reason>,
    /// Only those about the key, foreign key or rule of this name
    #[arg(long, value_name = "NAME")]
    constraint: Option<String>,
    /// Only those of the row with this key; of a row that is not in the table, its row id
    #[arg(long, value_name = "KEY", requires = "table")]
    key: Option<String>,
    /// Only those in which this replica lost
    #[arg(long, value_name = "ID")]
    replica: Option<ReplicaId>,
    /// Only those whose loser was made before then: a time, or how long ago, as in 30d, 12h, 5m
    #[arg(long, value_name = "WHEN", value_parser = when)]
    older_than: Option<Timestamp>,
    /// Only those whose loser was made after then
    #[arg(long, value_name = "WHEN", value_parser = when)]
    newer_than: Option<Timestamp>,
    /// The most conflicts to print, or `all`. Unless given: 100, with --json all
    #[arg(long, value_name = "N", value_parser = limit)]
    limit: Option<u64>,
    /// Only those behind this place, with which a page ended
    #[arg(long, value_name = "PLACE")]
    after: Option<ConflictPlace>,
}

fn kind(text: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.map(Kind::name).join(", ");
    Kind::called(text).ok_or_else(|| format!("the kinds are {}", names()))
}

fn reason(text: &str) -> Result<Reason, String> {
    let names = || Reason::ALL.map(Reason::name).join(", ");
    Reason::called(text).ok_or_else(|| format!("the classes are {}", names()))
}

/// A time, or how long before now.
fn when(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let wrong = || "a time as in 2024-01-31T12:00:00Z, or how long ago, as in 30d, 12h or 5m".to_string();
    let (number, unit) = text.split_at(text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(0));
    let unit: i64 = match unit {
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return Err(wrong()),
    };
    let ago = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)?;
    Ok(Timestamp(SystemClock.now().0.saturating_sub(ago)))
}

impl Conflicts {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let db = open::read(&self.dir)?;
        let snapshot = db.read()?;
        match &self.id {
            Some(id) => one(&snapshot, id, output),
            None => self.all(&snapshot, output),
        }
    }

    fn all(&self, snapshot: &ReadTransaction, output: &mut Output<'_>) -> anyhow::Result<()> {
        let whole = self.filter(snapshot)?;
        let filter = self.after.into_iter().fold(whole.clone(), ConflictFilter::after);
        let limit = self.limit.unwrap_or(if output.is_json() { u64::MAX } else { 100 });
        let mut found = snapshot.find_conflicts(&filter)?;
        let page = found.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX));
        if output.is_json() {
            for conflict in page {
                output.object(&listing::json_of(&conflict?, &Ids))?;
            }
            return Ok(());
        }
        let page = page.collect::<Result<Vec<_>, _>>()?;
        if !page.is_empty() {
            output.grid(&listing::grid(snapshot, &page, &listing::ShortIds, true)?)?;
        }
        output.line(count(snapshot.count_conflicts(&whole)?, "open conflict"))?;
        match page.last() {
            Some(last) if found.next().is_some() => {
                Ok(output.line(format!("the next page: --after {}", last.place()))?)
            }
            _ => Ok(()),
        }
    }

    fn filter(&self, snapshot: &ReadTransaction) -> anyhow::Result<ConflictFilter> {
        let mut filter = ConflictFilter::new();
        if let Some(name) = &self.table {
            let table = open::table(snapshot.schema(), name)?;
            filter = filter.table(table.name.clone());
            if let Some(key) = &self.key {
                filter = filter.row(key::find_known(snapshot, &table.name, key)?);
            }
        }
        filter = self.kind.into_iter().fold(filter, ConflictFilter::kind);
        filter = self.reason.into_iter().fold(filter, ConflictFilter::reason);
        filter = self.constraint.iter().fold(filter, ConflictFilter::constraint);
        filter = self.replica.into_iter().fold(filter, ConflictFilter::loser);
        filter = self.older_than.into_iter().fold(filter, ConflictFilter::older_than);
        Ok(self.newer_than.into_iter().fold(filter, ConflictFilter::newer_than))
    }
}

/// One conflict in full.
fn one(snapshot: &ReadTransaction, id: &str, output: &mut Output<'_>) -> anyhow::Result<()> {
    let conflict = listing::find(snapshot, id)?;
    if output.is_json() {
        return Ok(output.object(&listing::json_of(&conflict, &Ids))?);
    }
    let (head, grid, choices) = listing::detail(snapshot, &conflict, &listing::ShortIds)?;
    head.iter().try_for_each(|line| output.line(line))?;
    output.grid(&grid)?;
    Ok(output.line(choices)?)
}
