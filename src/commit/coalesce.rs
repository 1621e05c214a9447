//! The duplicate rule MERGE: rows that clash on a key become one. It is a policy of whoever sees the clash,
//! not part of deriving: a merge is a fact.
//!
//! The merge alone is written, and no column: the values of both compete like any siblings, losers are
//! listed, and two replicas that do it at once agree. It is never refused, and shows or boosts no row.

use std::collections::BTreeSet;

use super::stage::Stage;
use crate::derive::{Kind, Source, class_of, derive, fold, is_apart, merges};
use crate::error::Error;
use crate::fault::{Bug, planted};
use crate::ids::{ConstraintId, Dot, RowId, RowKey, UnitId};
use crate::row::{Life, Merge, MergeRule};
use crate::schema::{DuplicateRule, Table};
use crate::store::{Changes, Group, Listed, Snapshot};
use crate::version::Hlc;

/// A row that clashes with another on a key whose duplicates merge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duplicate {
    /// The parked row.
    row: RowKey,
    /// The row that holds the key.
    holder: RowKey,
    key: ConstraintId,
}

/// The oldest clash on a key whose duplicates merge, in a table that `may` be written.
pub(crate) fn next_duplicate(
    base: &Snapshot,
    may: impl Fn(&Table) -> bool,
) -> Result<Option<Duplicate>, Error> {
    for table in base.schema().tables() {
        let keys = table.keys.iter().filter(|key| key.duplicates == DuplicateRule::Merge);
        for key in keys.filter(|_| may(table)) {
            let group = Group { table: table.id, kind: Kind::Unique, constraint: Some(key.id) };
            for listed in base.conflicts_by_age(group, &(Hlc(0)..Hlc(u64::MAX)), None)? {
                let Listed { age: (_, id), row, .. } = listed?;
                let conflict = base.conflict(row, id)?;
                let Some(holder) = conflict.and_then(|conflict| conflict.others.first().copied()) else {
                    continue;
                };
                let holder = RowKey { row: holder, ..row };
                let once = planted(Bug::RuleOnce) && was_merged(base, row)?;
                if !once && !is_kept_apart(base, row, holder)? {
                    return Ok(Some(Duplicate { row, holder, key: key.id }));
                }
            }
        }
    }
    Ok(None)
}

/// Whether somebody decided that two rows, or rows merged into them, are not one. No rule overrides that.
fn is_kept_apart(base: &Snapshot, a: RowKey, b: RowKey) -> Result<bool, Error> {
    let class = |key: RowKey| -> Result<BTreeSet<RowId>, Error> {
        let class = class_of(base.schema(), base, key)?;
        Ok(class.into_iter().flat_map(|class| class.members).chain([key.row]).collect())
    };
    let (a_rows, b_rows) = (class(a)?, class(b)?);
    for (rows, others) in [(&a_rows, &b_rows), (&b_rows, &a_rows)] {
        for row in rows {
            let stored = base.row(RowKey { row: *row, ..a })?;
            if stored.is_some_and(|stored| others.iter().any(|other| is_apart(&stored.facts, *other))) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Whether a rule merged a row before. Only a planted bug asks.
fn was_merged(base: &Snapshot, key: RowKey) -> Result<bool, Error> {
    let stored = base.row(key)?;
    Ok(stored.is_some_and(|stored| merges(&stored.facts).any(|(_, merge)| merge.rule.is_some())))
}

impl Stage<'_> {
    /// Merges a row into the one that holds its key, and nothing else.
    pub fn coalesce(mut self, duplicate: &Duplicate, now: Hlc) -> Result<Changes, Error> {
        let Duplicate { row, holder, key } = *duplicate;
        let table = self.table(row)?;
        let unknown = || Error::corrupt(format!("table {} has no key {}", table.name, key.0));
        let columns = &table.key(key).ok_or_else(unknown)?.columns;
        let shown = self.before(row)?.map(|stored| stored.values(table)).unwrap_or_default();
        let value = fold(table, columns, |column| shown.get(column));
        let mut seen: BTreeSet<(UnitId, Dot)> = BTreeSet::new();
        let holder_facts = self.facts(holder)?.filter(|_| !planted(Bug::RuleOfOneRow));
        for facts in [self.facts(row)?, holder_facts].into_iter().flatten() {
            for unit in table.units_of(columns) {
                seen.extend(facts.unit(unit).dots().map(|dot| (unit, dot)));
            }
        }
        let rule = Some(MergeRule { key, value, seen: seen.into_iter().collect() });
        let merge = Merge { rule, ..self.merged_before(row, holder)? };
        self.write_life(row, Life::Merged(merge), |_| true)?;
        self.writes.restamp(now);
        let delta = derive(self.schema(), &self.writes.before.of(self.base), &self.changed())?;
        Ok(self.to_store(delta, now))
    }

    /// A merge of a row into another that has decided what earlier ones into it, or into what became it, had.
    fn merged_before(&self, row: RowKey, holder: RowKey) -> Result<Merge, Error> {
        let (mut absorbed, mut removed) = (BTreeSet::new(), BTreeSet::new());
        if let (Some(component), Some(facts)) = (self.component(row)?, self.facts(row)?) {
            let same = merges(&facts).filter(|(_, merge)| component.root(merge.into) == holder.row);
            let same = same.filter(|_| !planted(Bug::RuleForgetsMerges));
            for (_, merge) in same {
                absorbed.extend(merge.absorbed.iter().copied());
                removed.extend(merge.removed.iter().cloned());
            }
        }
        let (absorbed, removed) = (absorbed.into_iter().collect(), removed.into_iter().collect());
        Ok(Merge { into: holder.row, absorbed, removed, rule: None })
    }
}
