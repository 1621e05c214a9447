//! The facts of a row as bytes that are the same on every replica: what the state hash is made of.
//!
//! Never stored and never read back, so it names replicas in full and saves nothing.

use super::bytes::Output;
use super::joined::put_sum;
use super::log::put_row_key;
use super::values::{put_json, put_value};
use crate::ids::{Dot, RowId, RowKey, UnitId};
use crate::row::{Ack, Life, RowState, Siblings, UnitValue};
use crate::version::Stamp;

/// Adds the canonical bytes of a row: equal if and only if its key and its facts are equal. No row's
/// bytes begin another's.
pub(crate) fn canonical_row(key: &RowKey, facts: &RowState, bytes: &mut Vec<u8>) {
    let mut out = Output::onto(std::mem::take(bytes));
    put_row_key(&mut out, *key);
    put_dot(&mut out, facts.born);
    out.length(facts.vector.iter().len());
    facts.vector.iter().for_each(|(replica, seq)| put_dot(&mut out, Dot { replica, seq }));
    put_siblings(&mut out, &facts.life, put_life);
    put_siblings(&mut out, &facts.boost, |_, ()| {});
    put_siblings(&mut out, &facts.acks, put_ack);
    out.length(facts.units().len());
    for (id, siblings) in facts.units() {
        out.integer(id.0);
        put_siblings(&mut out, siblings, put_unit);
    }
    out.length(facts.counts.iter().len());
    for (unit, row, replica, count) in facts.counts.iter() {
        out.integer(unit.0);
        out.raw(row.as_bytes());
        put_dot(&mut out, Dot { replica, seq: count.seq });
        put_sum(&mut out, count.total);
    }
    out.length(facts.elements.iter().len());
    for (unit, element, siblings) in facts.elements.iter() {
        out.integer(unit.0);
        put_json(&mut out, element);
        put_siblings(&mut out, siblings, |_, ()| {});
    }
    *bytes = out.into_bytes();
}

fn put_siblings<V>(out: &mut Output, siblings: &Siblings<V>, mut put: impl FnMut(&mut Output, &V)) {
    out.length(siblings.len());
    for sibling in siblings.iter() {
        put_stamp(out, &sibling.stamp);
        put(out, &sibling.value);
    }
}

fn put_life(out: &mut Output, life: &Life) {
    let put_rows = |out: &mut Output, rows: &[RowId]| {
        out.length(rows.len());
        rows.iter().for_each(|row| out.raw(row.as_bytes()));
    };
    match life {
        Life::Alive { apart } => {
            out.byte(0);
            put_rows(out, apart);
        }
        Life::Dead { with } => {
            out.byte(1);
            put_rows(out, with);
        }
        Life::Merged(merge) => {
            out.byte(if merge.rule.is_some() { 3 } else { 2 });
            out.raw(merge.into.as_bytes());
            put_spots(out, &merge.absorbed);
            out.length(merge.removed.len());
            for (unit, element, dot) in &merge.removed {
                out.integer(unit.0);
                put_json(out, element);
                put_dot(out, *dot);
            }
            if let Some(rule) = &merge.rule {
                out.integer(rule.key.0);
                out.length(rule.value.len());
                rule.value.iter().for_each(|value| put_value(out, value));
                put_spots(out, &rule.seen);
            }
        }
    }
}

fn put_spots(out: &mut Output, spots: &[(UnitId, Dot)]) {
    out.length(spots.len());
    for (unit, dot) in spots {
        out.integer(unit.0);
        put_dot(out, *dot);
    }
}

fn put_ack(out: &mut Output, ack: &Ack) {
    out.length(ack.0.len());
    ack.0.iter().for_each(|id| out.raw(id.as_bytes()));
}

fn put_unit(out: &mut Output, value: &UnitValue) {
    out.length(value.columns.len());
    value.columns.iter().for_each(|column| put_value(out, column));
    out.length(value.parents.len());
    for (foreign_key, row) in &value.parents {
        out.integer(foreign_key.0);
        out.raw(row.as_bytes());
    }
    out.byte(u8::from(value.claim.is_some()));
    value.claim.iter().for_each(|claim| put_stamp(out, claim));
    out.length(value.seen.len());
    for (row, sum) in &value.seen {
        out.raw(row.as_bytes());
        put_sum(out, *sum);
    }
}

fn put_stamp(out: &mut Output, stamp: &Stamp) {
    out.byte(stamp.priority.get() | u8::from(stamp.decision) << 7);
    out.integer(stamp.hlc.0);
    put_dot(out, stamp.dot);
}

fn put_dot(out: &mut Output, dot: Dot) {
    out.raw(dot.replica.as_bytes());
    out.integer(dot.seq);
}
