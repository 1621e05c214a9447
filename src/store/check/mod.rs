//! The full self-check: everything that is stored, against everything else. Reads, never repairs.
//!
//! One walk over all keys. Each row is decoded, derived anew (`derive::rederive_row` has the reason why
//! row by row is enough) and compared with its index entries, its conflicts and the change log. In the
//! other direction entries are only counted, by index; where there are more than rows ask for, a second
//! walk names them. Rows of tables that refer to each other in a cycle are decided once more with all
//! that they are connected with. At no time are more rows in memory than one such connected group.

mod closed;
mod cycles;
mod entries;
mod finding;
mod log;
mod rows;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use self::closed::ClosedTally;
use self::entries::Tally;
use self::finding::{Findings, Stop};
use super::conflicts::{Day, Group};
use super::snapshot::{Counts, Snapshot};
use crate::error::Error;
use crate::ids::{ReplicaId, RowKey, Seq, TableId};
use crate::version::{Hlc, Knowledge};

pub use self::finding::{Finding, MAX_FINDINGS, Problem};

/// Checks a state of the database. Returns what is wrong; nothing, if all is well.
///
/// # Errors
/// If the storage fails. What is damaged is not an error but a finding.
pub(crate) fn check(snapshot: &Snapshot) -> Result<Vec<Finding>, Error> {
    let mut check = Check::new(snapshot);
    match check.run() {
        Ok(()) | Err(Stop::Enough) => Ok(check.findings.into_vec()),
        Err(Stop::Failed(Error::Corrupt { what: reason })) => {
            // The engine itself met damage in a place that nothing above could read around.
            let mut findings = check.findings.into_vec();
            let problem = Problem::Unreadable { record: "store".to_string(), reason };
            findings.push(Finding { table: None, row: None, problem });
            Ok(findings)
        }
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// A check under way.
struct Check<'a> {
    snapshot: &'a Snapshot,
    findings: Findings,
    /// This replica, by its meta record.
    me: Option<ReplicaId>,
    /// With the changes to local tables.
    knowledge: Knowledge,
    /// The time that the clock continues from.
    last_time: Hlc,
    replicas: BTreeSet<ReplicaId>,
    /// The rows counted, by table.
    counted: BTreeMap<TableId, Counts>,
    /// The conflicts counted, by group and day.
    conflicts: BTreeMap<(Group, Day), u64>,
    /// Per replica, the last change of its log seen so far.
    logged: BTreeMap<ReplicaId, Seq>,
    tally: Tally,
    closed_tally: ClosedTally,
}

impl<'a> Check<'a> {
    fn new(snapshot: &'a Snapshot) -> Check<'a> {
        Check {
            snapshot,
            findings: Findings::default(),
            me: None,
            knowledge: Knowledge::default(),
            last_time: Hlc::default(),
            replicas: BTreeSet::new(),
            counted: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            logged: BTreeMap::new(),
            tally: Tally::default(),
            closed_tally: ClosedTally::default(),
        }
    }

    fn run(&mut self) -> Result<(), Stop> {
        let last = self.snapshot.last_time();
        self.last_time = self.findings.read(None, None, "stored time", last)?.unwrap_or(Hlc(u64::MAX));
        self.meta()?;
        self.walk()?;
        self.log_ends()?;
        self.counts()?;
        self.conflict_counts()?;
        self.closed_counts()?;
        self.unjustified()?;
        self.cycles()
    }

    fn report(&mut self, key: RowKey, problem: Problem) -> Result<(), Stop> {
        let table = self.snapshot.schema.table_by_id(key.table).map(|table| table.name.as_str());
        self.findings.add(table, Some(key.row), problem)
    }

    fn report_general(&mut self, problem: Problem) -> Result<(), Stop> {
        self.findings.add(None, None, problem)
    }
}
