//! Rows of tables that refer to each other in a cycle, decided from scratch: there, a row that looks
//! right beside its neighbours may be wrong together with them.

use std::collections::BTreeSet;

use super::Check;
use super::finding::{Problem, Stop};
use crate::derive::{Source, Status, is_unopposed, rederive_component};
use crate::error::Error;
use crate::ids::{RowKey, TableId};
use crate::store::space::{Prefix, row_key_of};

impl Check<'_> {
    pub(super) fn cycles(&mut self) -> Result<(), Stop> {
        let snapshot = self.snapshot;
        for stratum in snapshot.schema.strata().iter().filter(|stratum| stratum.cyclic) {
            // Usually nothing bars any row; then there is nothing to decide together.
            if !self.all_stand(&stratum.tables)? {
                self.decide(&stratum.tables)?;
            }
        }
        Ok(())
    }

    fn all_stand(&self, tables: &[TableId]) -> Result<bool, Stop> {
        for table in tables {
            for entry in self.snapshot.prefixed(&Prefix::Rows(*table))? {
                let (key, main) = entry?;
                let Some(key) = row_key_of(&key) else { continue };
                let parked = crate::codec::record::status(&main).map(|status| status == Status::Parked);
                let stands = parked.and_then(|parked| {
                    Ok(!parked && is_unopposed(&self.snapshot.schema, self.snapshot, key)?)
                });
                match stands {
                    Ok(true) | Err(Error::Corrupt { .. }) => {}
                    Ok(false) => return Ok(false),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(true)
    }

    /// Decides every connected group of rows once, when its first row comes up.
    fn decide(&mut self, tables: &[TableId]) -> Result<(), Stop> {
        let snapshot = self.snapshot;
        let mut decided: BTreeSet<RowKey> = BTreeSet::new();
        for table in tables.iter().copied().collect::<BTreeSet<TableId>>() {
            for entry in snapshot.prefixed(&Prefix::Rows(table))? {
                let Some(key) = row_key_of(&entry?.0) else { continue };
                // Rows that the walk has passed are not asked for again.
                decided = decided.split_off(&key);
                if decided.contains(&key) {
                    continue;
                }
                match rederive_component(&snapshot.schema, snapshot, key) {
                    Ok(statuses) => {
                        for (key, derived) in statuses {
                            decided.insert(key);
                            self.compare(key, derived)?;
                        }
                    }
                    // What cannot be read was found already.
                    Err(Error::Corrupt { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    fn compare(&mut self, key: RowKey, derived: Status) -> Result<(), Stop> {
        let Some(row) = self.snapshot.row(key)? else { return Ok(()) };
        let stored = row.derived.status;
        // A row that is dead, or should be, was found by itself.
        if stored != derived && stored != Status::Dead && derived != Status::Dead {
            self.report(key, Problem::WrongStatus { stored, derived })?;
        }
        Ok(())
    }
}
