//! What must hold of facts and of what is derived from them: P4, P5, P6, P13, and what facts are.

use std::collections::{BTreeMap, BTreeSet};

use reunite::ids::{ConstraintId, RowKey};
use reunite::schema::{Identity, Schema};
use reunite::value::Value;

use super::story::{Checked, ensure};
use crate::model::{Change, Content, Derived, Facts, Image, Need, Replica, Row, Slot, covers, fold};

/// Every change that was ever committed, by row.
pub type Changes = BTreeMap<RowKey, Vec<Change>>;

/// Facts are the changes that no other change replaces, and knowledge claims nothing that is not here.
pub fn check_facts(changes: &Changes, replica: &Replica) -> Checked {
    for (key, changes) in changes {
        let row = replica.facts.get(key);
        let vector = row.map(Row::vector).unwrap_or_default();
        let here = |change: &&Change| covers(&vector, change.stamp.dot);
        let mut expected: BTreeSet<(Slot, reunite::ids::Dot)> =
            changes.iter().filter(here).map(|change| (change.slot, change.stamp.dot)).collect();
        for replaced in changes.iter().filter(here).flat_map(|change| &change.replaces) {
            expected.remove(replaced);
        }
        let live: BTreeSet<_> =
            row.into_iter().flat_map(Row::all).map(|(slot, dot, _)| (slot, dot)).collect();
        ensure(live == expected, || format!("facts are what was not replaced: {live:?}, not {expected:?}"))?;
        for change in changes {
            let honest = !covers(&replica.knowledge, change.stamp.dot) || here(&change);
            ensure(honest, || format!("P13 {} knows {}, which is not there", replica.id, change.stamp.dot))?;
        }
    }
    Ok(())
}

type Holders = BTreeSet<(ConstraintId, Vec<Value>)>;

/// The visible rows satisfy every constraint, and nothing is parked without need.
pub fn check_view(schema: &Schema, view: &Derived) -> Checked {
    let mut holders = Holders::new();
    for row in view.visible.keys() {
        for claim in claims(schema, &view.images[row]) {
            ensure(holders.insert(claim), || format!("P4 two visible rows hold a key of {row:?}"))?;
        }
    }
    for image in view.images.values().filter(|image| image.lives) {
        let needs = needs(schema, image);
        let lacks = |own: bool| {
            needs.iter().any(|(key, need)| match &need.key {
                Some(value) => {
                    let claim = (*key, value.clone());
                    let itself = own && claims(schema, image).any(|own| own == claim);
                    !holders.contains(&claim) && !itself
                }
                None => true,
            })
        };
        if view.visible.contains_key(&image.key) {
            ensure(image.failed.is_empty(), || format!("P4 {:?} fails a check", image.key))?;
            ensure(!lacks(false), || format!("P4 {:?} has no visible parent", image.key))?;
        } else {
            // A row that would be its own parent does not lack it.
            let barred = lacks(true) || claims(schema, image).any(|claim| holders.contains(&claim));
            ensure(barred || !image.failed.is_empty(), || {
                format!("P5 {:?} is parked for nothing", image.key)
            })?;
        }
    }
    Ok(())
}

/// Where a key names the rows, no two rows have one, nor one row two: whatever became of them.
pub fn check_names(schema: &Schema, facts: &Facts) -> Checked {
    for table in schema.tables().iter().filter(|table| table.identity == Identity::Natural) {
        let columns = &table.keys[0].columns;
        let mut names: BTreeMap<Vec<Value>, RowKey> = BTreeMap::new();
        for (row, state) in facts.iter().filter(|(row, _)| row.table == table.id) {
            for (_, entry) in state.live(Slot::Columns(table.columns[columns[0]].unit)) {
                let Content::Columns(cell) = &entry.content else { continue };
                let mut shown = vec![Value::Null; table.columns.len()];
                let unit = table.unit(table.columns[columns[0]].unit).expect("a unit of the table");
                unit.columns.iter().zip(&cell.columns).for_each(|(at, value)| shown[*at] = value.clone());
                let name = fold(table, columns, &shown).expect("a primary key is not null");
                let of = *names.entry(name.clone()).or_insert(*row);
                ensure(of == *row, || format!("NATURAL {of:?} and {row:?} are both called {name:?}"))?;
            }
        }
        let called: BTreeSet<RowKey> = names.values().copied().collect();
        ensure(called.len() == names.len(), || format!("NATURAL a row has two names: {names:?}"))?;
    }
    Ok(())
}

/// The values of unique keys that a row claims.
pub fn claims<'a>(
    schema: &'a Schema,
    image: &'a Image,
) -> impl Iterator<Item = (ConstraintId, Vec<Value>)> + 'a {
    let keys = &schema.table_by_id(image.key.table).expect("a table of the schema").keys;
    keys.iter().zip(&image.keys).filter_map(|(key, value)| Some((key.id, value.clone()?)))
}

/// What the references of a row that are not null need, and of which key.
pub fn needs<'a>(schema: &Schema, image: &'a Image) -> Vec<(ConstraintId, &'a Need)> {
    let keys = &schema.table_by_id(image.key.table).expect("a table of the schema").foreign_keys;
    keys.iter().zip(&image.needs).filter_map(|(key, need)| Some((key.key, need.as_ref()?))).collect()
}
