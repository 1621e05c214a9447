//! L1 for columns whose concurrent values are combined: counters, sets, maxima, minima.
//!
//! Pure functions of the values, counts and elements of one row. (For rows that are merged into one, of
//! the union of theirs: a count and a sum name their row, so what belongs to another row is left out.)

use std::cmp::Ordering;
use std::collections::BTreeMap;

use smallvec::smallvec;

use super::roots::Roots;
use super::units::{says_the_same, winner};
use crate::fault::{Bug, planted};
use crate::ids::{RowId, UnitId};
use crate::row::{RowState, Sibling, UnitValue};
use crate::schema::{ColumnRule, Table, Unit};
use crate::value::{Collation, Json, Value};

/// What a unit shows by its column's rule; none where just the winner counts.
#[must_use]
pub(crate) fn combined(table: &Table, unit: &Unit, facts: &RowState) -> Option<Value> {
    let column = unit.columns.first().and_then(|column| table.columns.get(*column))?;
    match column.rule {
        ColumnRule::Winner => None,
        ColumnRule::Sum => {
            let assigned = winner(table, facts.unit(unit.id)).map(|sibling| &sibling.value);
            let unwritten = UnitValue { columns: smallvec![column.default.clone()], ..UnitValue::default() };
            Some(Value::Integer(saturated(total(assigned.unwrap_or(&unwritten), unit.id, facts))))
        }
        ColumnRule::Max | ColumnRule::Min => {
            extreme(table, unit, facts).and_then(|s| only(&s.value)).cloned()
        }
        ColumnRule::Union => {
            Some(Value::Json(set_of(facts.elements.of(unit.id).map(|(element, _)| element))))
        }
    }
}

/// How a counter reads if this value of it wins: with all that was added beyond what its writer saw.
/// Sums wrap around at 128 bits, so that no order of adding matters.
#[must_use]
pub(crate) fn total(assigned: &UnitValue, unit: UnitId, facts: &RowState) -> i128 {
    let base = match assigned.columns.first() {
        Some(Value::Integer(base)) => i128::from(*base),
        _ => 0,
    };
    let before = |row: &RowId| assigned.seen.iter().find(|(seen, _)| seen == row).map_or(0, |(_, sum)| *sum);
    facts.counts.by_row(unit).iter().fold(base, |total, (row, sum)| {
        let seen = if planted(Bug::SumUnseen) { 0 } else { before(row) };
        total.wrapping_add(sum.wrapping_sub(seen))
    })
}

/// What a reader sees of a sum: the greatest or least INTEGER if it is beyond.
#[must_use]
pub(crate) fn saturated(total: i128) -> i64 {
    i64::try_from(total).unwrap_or(if total < 0 { i64::MIN } else { i64::MAX })
}

/// What has been added to a counter by now, as an assignment remembers it.
#[must_use]
pub(crate) fn seen_sums(unit: UnitId, facts: &RowState) -> Vec<(RowId, i128)> {
    let sums: BTreeMap<RowId, i128> = facts.counts.by_row(unit);
    sums.into_iter().filter(|(_, sum)| *sum != 0).collect()
}

/// Whether two values of a unit would show the same. Two assignments of a counter do if they read alike,
/// whatever they were based on.
#[must_use]
pub(crate) fn shows_the_same(
    table: &Table,
    unit: &Unit,
    facts: &RowState,
    roots: &Roots,
    a: &UnitValue,
    b: &UnitValue,
) -> bool {
    match table.rule_of(unit) {
        ColumnRule::Sum => total(a, unit.id, facts) == total(b, unit.id, facts),
        _ => says_the_same(table, unit, roots, a, b),
    }
}

/// The greatest or the least value of a unit. Nulls count only if there is nothing else; of values that
/// are equal by their collation the later in the binary order is taken, so that all replicas agree.
fn extreme<'a>(table: &Table, unit: &Unit, facts: &'a RowState) -> Option<&'a Sibling<UnitValue>> {
    let collation = unit.columns.first().and_then(|column| table.columns.get(*column));
    let collation = collation.map_or(Collation::Binary, |column| column.collation);
    let least = table.rule_of(unit) == ColumnRule::Min;
    facts.unit(unit.id).iter().max_by(|a, b| {
        let (a, b) = (only(&a.value), only(&b.value));
        let nulls = a.is_some_and(Value::is_null).cmp(&b.is_some_and(Value::is_null)).reverse();
        let values = compare(collation, a, b);
        nulls.then(if least { values.reverse() } else { values })
    })
}

fn only(value: &UnitValue) -> Option<&Value> {
    value.columns.first()
}

fn compare(collation: Collation, a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(Value::Text(a)), Some(Value::Text(b))) => {
            collation.fold(a).cmp(&collation.fold(b)).then_with(|| a.cmp(b))
        }
        (a, b) => a.cmp(&b),
    }
}

/// A set as a JSON array in its canonical order: `null`, `false`, `true`, numbers by value, texts, arrays,
/// objects; each element once.
#[must_use]
pub(crate) fn set_of<'a>(elements: impl Iterator<Item = &'a Json>) -> Json {
    let mut sorted: Vec<(u8, f64, &'a Json)> = elements
        .map(|element| {
            let (class, number) = place(element);
            (class, number, element)
        })
        .collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then_with(|| a.2.cmp(b.2)));
    sorted.dedup_by(|a, b| a.2 == b.2);
    let texts: Vec<&str> = sorted.iter().map(|(_, _, element)| element.as_str()).collect();
    // An array of canonical texts is canonical.
    Json::from_stored(format!("[{}]", texts.join(",")))
}

/// The class of an element in the order of a set, and its number if it is one.
fn place(element: &Json) -> (u8, f64) {
    match element.as_str().as_bytes().first() {
        Some(b'n') => (0, 0.0),
        Some(b'f') => (1, 0.0),
        Some(b't') => (2, 0.0),
        Some(b'"') => (4, 0.0),
        Some(b'[') => (5, 0.0),
        Some(b'{') => (6, 0.0),
        _ => (3, element.as_str().parse().unwrap_or(0.0)),
    }
}
