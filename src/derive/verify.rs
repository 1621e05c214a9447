//! Deriving what is stored once more, row by row, to see whether it is right. Reads, changes nothing.
//!
//! Why a look at every row by itself is enough, although it believes what is stored of the others:
//! the rule of `visibility` is a recursion over tables, parents first, and over rows, best rank first.
//! Were anything stored wrong, then one row among the wrong ones would be the first in that order, and
//! everything that the rule reads to decide that row would be right. So the rule says of that row what
//! is true, which is not what is stored: it is found. Other wrong rows may well confirm each other.
//! The rule finds related rows by the indexes, so those have to be compared with the rows as well.
//!
//! Tables that refer to each other in a cycle have no such order: there a row is decided with all that
//! are connected with it ([`rederive_component`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::pass::Pass;
use super::{Rederived, Source, Status};
use crate::error::Error;
use crate::ids::RowKey;
use crate::row::RowState;
use crate::schema::{Schema, Table};

static UNCHANGED: BTreeMap<RowKey, Arc<RowState>> = BTreeMap::new();

/// What a stored row must be if all others are as stored; none if it is not stored. In tables that form
/// a cycle a living row keeps its stored status: see [`rederive_component`].
///
/// # Errors
/// If the source fails.
pub(crate) fn rederive_row<S: Source + ?Sized>(
    schema: &Schema,
    source: &S,
    key: RowKey,
) -> Result<Option<Rederived>, Error> {
    let mut pass = Pass::new(schema, source, &UNCHANGED);
    // What it was merged with is not believed either: that takes the facts of those rows alone.
    pass.identify_rows(vec![key])?;
    let (Some(table), Some(image)) = (schema.table_by_id(key.table), pass.image(key)?) else {
        return Ok(None);
    };
    let cyclic = schema.strata().iter().any(|stratum| stratum.cyclic && stratum.tables.contains(&key.table));
    let status = match pass.status_of(key)? {
        _ if !image.lives || !cyclic => pass.decide(table, key, &image)?,
        Status::Dead | Status::Merged => Status::Parked,
        stored => stored,
    };
    pass.set_status(table, key, &image, status);
    pass.rederived(key)
}

/// Whether nothing can bar a row: it is dead; or it is valid, nobody else claims one of its keys, and
/// visible rows satisfy all its references. If all rows of a cycle of tables are such, then exactly the
/// living ones are visible: the procedure of `cycle` never finds a reason to leave one out.
///
/// # Errors
/// If the source fails.
pub(crate) fn is_unopposed<S: Source + ?Sized>(
    schema: &Schema,
    source: &S,
    key: RowKey,
) -> Result<bool, Error> {
    let mut pass = Pass::new(schema, source, &UNCHANGED);
    let (Some(table), Some(image)) = (schema.table_by_id(key.table), pass.image(key)?) else {
        return Ok(true);
    };
    if !image.lives {
        return Ok(true);
    }
    Ok(image.failed.is_empty()
        && pass.rivals(table, key.row, &image)?.is_empty()
        && pass.stands(table, &[], &BTreeSet::new(), &image)?)
}

/// The status, from scratch, of a row in a cycle of tables and of all rows that are connected with it.
///
/// # Errors
/// If the source fails.
pub(crate) fn rederive_component<S: Source + ?Sized>(
    schema: &Schema,
    source: &S,
    key: RowKey,
) -> Result<BTreeMap<RowKey, Status>, Error> {
    let stratum = schema.strata().iter().find(|stratum| stratum.tables.contains(&key.table));
    let ids = stratum.map_or(&[][..], |stratum| stratum.tables.as_slice());
    let tables: Vec<&Table> = ids.iter().filter_map(|id| schema.table_by_id(*id)).collect();
    let decisions = Pass::new(schema, source, &UNCHANGED).solve(&tables, BTreeSet::from([key]))?;
    Ok(decisions.into_iter().collect())
}
