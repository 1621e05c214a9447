//! A replica of the model, and how one pulls from another.

use std::collections::BTreeMap;

use reunite::ids::{Dot, ReplicaId, RowKey};
use reunite::version::{Hlc, Priority};

use super::facts::{ConflictName, Facts, Vector, covers, join, merge_row};
use super::undo::Resolution;

#[derive(Clone, Debug)]
pub struct Replica {
    pub id: ReplicaId,
    pub priority: Priority,
    /// The greatest time seen.
    pub clock: Hlc,
    pub knowledge: Vector,
    pub facts: Facts,
    /// When and in which row each change was made. Replaced changes keep their entry: see `pull`.
    pub log: BTreeMap<Dot, (Hlc, RowKey)>,
    /// Its last resolutions of conflicts that are closed: this does not replicate.
    pub resolutions: BTreeMap<ConflictName, Resolution>,
}

impl Replica {
    pub fn new(id: ReplicaId, priority: Priority, clock: Hlc) -> Replica {
        let (knowledge, facts, log, resolutions) = Default::default();
        Replica { id, priority, clock, knowledge, facts, log, resolutions }
    }

    /// Takes in one row of another replica, with its entries of the log.
    pub fn receive(&mut self, from: &Replica, key: RowKey) {
        let theirs = &from.facts[&key];
        let merged = self.facts.get(&key).map_or_else(|| theirs.clone(), |mine| merge_row(mine, theirs));
        let newest = merged.all().map(|(_, _, entry)| entry.stamp.hlc).max();
        self.clock = self.clock.max(newest.unwrap_or_default());
        self.facts.insert(key, merged);
        let entries = from.log.iter().filter(|(_, (_, row))| *row == key);
        self.log.extend(entries.map(|(dot, at)| (*dot, *at)));
    }
}

/// `to` pulls from `from`, and stops after `limit` rows. Changes come in the order of their clocks, so
/// whatever prefix arrives is causally closed; rows travel whole; the knowledge taught ends before the
/// first change of a row that is missing. For this the log still lists changes that were replaced since.
pub fn pull(to: &mut Replica, from: &Replica, limit: usize) {
    let unknown = from.log.iter().filter(|(dot, _)| !covers(&to.knowledge, **dot));
    let mut news: Vec<(Hlc, Dot, RowKey)> = unknown.map(|(dot, (hlc, row))| (*hlc, *dot, *row)).collect();
    news.sort();
    let mut rows: Vec<RowKey> = Vec::new();
    for (_, _, row) in &news {
        if !rows.contains(row) {
            rows.push(*row);
        }
    }
    rows.truncate(limit);
    rows.iter().for_each(|row| to.receive(from, *row));
    let end = news.iter().position(|(_, _, row)| !rows.contains(row)).unwrap_or(news.len());
    for (_, dot, _) in news[..end].iter().filter(|(_, dot, _)| covers(&from.knowledge, *dot)) {
        join(&mut to.knowledge, &Vector::from([(dot.replica, dot.seq)]));
    }
    if end == news.len() {
        join(&mut to.knowledge, &from.knowledge);
    }
}
