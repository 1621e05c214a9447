//! Facts to visible rows and conflicts, all of it from scratch.

use std::collections::{BTreeMap, BTreeSet};

use reunite::ids::{ConstraintId, RowId, RowKey, TableId};
use reunite::schema::{Schema, Table};
use reunite::value::Value;

use super::conflicts::{Conflict, conflicts};
use super::facts::{ConflictName, Facts};
use super::identity::Identity;
use super::image::Image;
use super::solver::{Candidate, Solver, Status};
use super::strata::strata;

/// Which visible row holds which value of which unique key.
pub type Holders = BTreeMap<(ConstraintId, Vec<Value>), RowId>;

#[derive(Clone, Debug)]
pub struct Derived {
    /// What each visible row shows.
    pub visible: BTreeMap<RowKey, Vec<Value>>,
    pub conflicts: BTreeMap<ConflictName, Conflict>,
    pub images: BTreeMap<RowKey, Image>,
    pub holders: Holders,
    pub identity: Identity,
}

/// A table that was not dropped.
pub fn live_table(schema: &Schema, id: TableId) -> Option<&Table> {
    schema.table_by_id(id).filter(|table| !table.dropped)
}

/// `shuffle` permutes an iteration whose order must not matter.
pub fn derive(schema: &Schema, facts: &Facts, mut shuffle: impl FnMut(&mut [usize])) -> Derived {
    let identity = Identity::of(schema, facts);
    let image = |key: &RowKey| (*key, Image::new(schema, facts, &identity, *key));
    let mut derived = Derived {
        visible: BTreeMap::new(),
        conflicts: BTreeMap::new(),
        images: facts.keys().filter(|row| live_table(schema, row.table).is_some()).map(image).collect(),
        holders: Holders::new(),
        identity: identity.clone(),
    };
    for group in strata(schema) {
        let mut rows: Vec<&Image> =
            derived.images.values().filter(|image| image.lives && group.contains(&image.key.table)).collect();
        rows.sort_by_key(|image| image.rank);
        let candidates = (0..rows.len()).map(|i| candidate(schema, &group, &rows, i, &derived.holders));
        let mut solver = Solver::new(candidates.collect());
        let mut visit: Vec<usize> = (0..rows.len()).collect();
        shuffle(&mut visit);
        solver.solve(&visit);
        for (image, _) in rows.iter().zip(&solver.status).filter(|(_, status)| **status == Status::In) {
            let keys = &schema.table_by_id(image.key.table).expect("a table of the schema").keys;
            for (key, value) in keys.iter().zip(&image.keys) {
                let claimed = value.clone().map(|value| ((key.id, value), image.key.row));
                derived.holders.extend(claimed);
            }
            derived.visible.insert(image.key, image.values.clone());
        }
    }
    derived.conflicts = conflicts(schema, facts, &derived);
    derived
}

fn candidate(
    schema: &Schema,
    group: &BTreeSet<TableId>,
    rows: &[&Image],
    i: usize,
    holders: &Holders,
) -> Candidate {
    let image = rows[i];
    let table = schema.table_by_id(image.key.table).expect("a table of the schema");
    let claims = |a: &Image, b: &Image| a.keys.iter().zip(&b.keys).any(|(a, b)| a.is_some() && a == b);
    let rival = |j: &usize| *j != i && rows[*j].key.table == table.id && claims(rows[*j], image);
    let mut needs = Vec::new();
    for (foreign_key, need) in table.foreign_keys.iter().zip(&image.needs) {
        let Some(need) = need else { continue };
        let Some(value) = &need.key else {
            needs.push(Vec::new());
            continue;
        };
        let parent = schema.table_by_id(foreign_key.parent).expect("a table of the schema");
        let key = parent.keys.iter().position(|key| key.id == foreign_key.key).expect("a key of the parent");
        if group.contains(&parent.id) {
            let holds =
                |j: &usize| rows[*j].key.table == parent.id && rows[*j].keys[key].as_ref() == Some(value);
            needs.push((0..rows.len()).filter(holds).collect());
        } else if !holders.contains_key(&(foreign_key.key, value.clone())) {
            needs.push(Vec::new());
        }
    }
    let rivals = (0..rows.len()).filter(rival).collect();
    Candidate { valid: image.failed.is_empty(), needs, rivals }
}
