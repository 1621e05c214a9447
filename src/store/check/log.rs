//! The change log: without a gap, up to the knowledge, each change under a row that has taken it in.

use super::Check;
use super::finding::{Problem, Stop};
use crate::codec;
use crate::derive::Source;
use crate::error::Error;
use crate::ids::{Dot, RowKey};
use crate::store::LOCAL;
use crate::store::space::number_of;

impl Check<'_> {
    /// Checks a stretch of the log; false if there is no such key. Stretches come by replica and seq.
    pub(super) fn logged(&mut self, key: &[u8], value: &[u8]) -> Result<bool, Stop> {
        let Some((number, first)) = number_of(key) else { return Ok(false) };
        let Ok(first) = first.try_into().map(u64::from_be_bytes) else { return Ok(false) };
        let Some(replica) = self.snapshot.replicas.id(number) else { return Ok(false) };
        let last = self.logged.get(&replica).copied().unwrap_or(0);
        if first <= last {
            return Ok(false);
        }
        if first > last + 1 {
            self.report_general(Problem::LogGap { replica, first: last + 1, last: first - 1 })?;
        }
        let record = format!("change log from change {first} of replica {replica}");
        let stretch = self.findings.read(None, None, &record, codec::log::decode_stretch(value))?;
        self.logged.insert(replica, first);
        for (seq, (_, row)) in (first..).zip(stretch.into_iter().flatten()) {
            self.logged.insert(replica, seq);
            self.line(row, Dot { replica, seq })?;
        }
        Ok(true)
    }

    fn line(&mut self, row: RowKey, dot: Dot) -> Result<(), Stop> {
        if dot.replica == LOCAL
            || self.snapshot.schema.table_by_id(row.table).is_some_and(|table| !table.replicate)
        {
            self.report(row, Problem::LogLocal { dot })?;
        } else if !self.knowledge.covers(dot) {
            self.report(row, Problem::LogBeyondKnowledge { dot })?;
        } else if !self.has_taken_in(row, dot)? {
            self.report(row, Problem::LogWrongRow { dot })?;
        }
        Ok(())
    }

    fn has_taken_in(&self, row: RowKey, dot: Dot) -> Result<bool, Error> {
        match self.snapshot.row(row) {
            Ok(stored) => Ok(stored.is_some_and(|stored| stored.facts.vector.covers(dot))),
            // That the row cannot be read was found already.
            Err(Error::Corrupt { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Nothing is missing at the end of any log.
    pub(super) fn log_ends(&mut self) -> Result<(), Stop> {
        let known: Vec<_> = self.knowledge.iter().filter(|(replica, _)| *replica != LOCAL).collect();
        for (replica, last) in known {
            let logged = self.logged.get(&replica).copied().unwrap_or(0);
            if logged < last {
                self.report_general(Problem::LogGap { replica, first: logged + 1, last })?;
            }
        }
        Ok(())
    }
}
