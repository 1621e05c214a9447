//! What the product derived, beside what the model did.

use std::collections::BTreeSet;

use reunite::derive::{Conflict, Footprint, Status};
use reunite::ids::RowKey;
use reunite::schema::Schema;
use reunite::value::Value;

use super::source::{Kept, MemorySource};
use crate::model::{ConflictName, Derived, Image};
use crate::world::story::{Checked, ensure};

/// Every row has the same status, shows the same, and has the same conflicts and index entries.
pub fn compare(schema: &Schema, source: &MemorySource, view: &Derived) -> Checked {
    ensure(source.rows.keys().eq(view.images.keys()), || "the same rows are derived".to_owned())?;
    for (key, kept) in &source.rows {
        let image = &view.images[key];
        compare_row(schema, kept, view, image)?;
        compare_conflicts(view, *key, &kept.conflicts)?;
    }
    Ok(())
}

fn compare_row(schema: &Schema, kept: &Kept, view: &Derived, image: &Image) -> Checked {
    let expected = match (image.lives, view.visible.contains_key(&image.key)) {
        (false, _) if image.root != image.key => Status::Merged,
        (false, _) => Status::Dead,
        (true, true) => Status::Visible,
        (true, false) => Status::Parked,
    };
    let status = kept.stored.derived.status;
    ensure(status == expected, || format!("P7 {:?} is {status:?}, not {expected:?}", image.key))?;
    if !image.lives {
        // These say with whom it is connected, and who has to look at what lost in it.
        let Footprint { merges, parents, .. } = kept.footprint.clone();
        return ensure(kept.footprint == Footprint { merges, parents, ..Footprint::default() }, || {
            format!("{:?} is dead and indexed", image.key)
        });
    }
    let shown = shown(schema, image.key, kept);
    ensure(shown == image.values, || format!("P7 {:?} shows {shown:?}, not {:?}", image.key, image.values))?;
    let keys = &kept.footprint.keys;
    ensure(*keys == image.keys, || format!("P7 {:?} claims {keys:?}, not {:?}", image.key, image.keys))?;
    let needs = kept.footprint.references.iter().map(|need| {
        need.clone().map(|need| crate::model::Need {
            parent: need.parent,
            by_value: need.by_value,
            key: need.key,
        })
    });
    let needs: Vec<_> = needs.collect();
    ensure(needs == image.needs, || format!("P7 {:?} needs {needs:?}, not {:?}", image.key, image.needs))
}

fn shown(schema: &Schema, key: RowKey, kept: &Kept) -> Vec<Value> {
    let table = schema.table_by_id(key.table).expect("a table of the schema");
    kept.stored.values(table)
}

/// The same conflicts, each with the same kind, columns and other rows, under the id that its name has.
pub fn compare_conflicts(view: &Derived, row: RowKey, found: &[Conflict]) -> Checked {
    let expected = view.conflicts.iter().filter(|(name, _)| name.row == row);
    let names: BTreeSet<ConflictName> = expected.map(|(name, _)| *name).collect();
    let name = |conflict: &Conflict| ConflictName { row, about: conflict.about, dot: conflict.loser };
    let found_names: BTreeSet<ConflictName> = found.iter().map(name).collect();
    ensure(names == found_names && found.len() == names.len(), || {
        format!("P7 the conflicts of {row:?} are {found_names:#?}, not {names:#?}")
    })?;
    for conflict in found {
        let name = name(conflict);
        let expected = &view.conflicts[&name];
        let same = conflict.kind == expected.kind
            && conflict.columns.iter().copied().eq(expected.columns.iter().copied())
            && conflict.others.iter().copied().eq(expected.others.iter().copied());
        ensure(same, || format!("P7 {conflict:?} should be {expected:?}"))?;
        ensure(conflict.id == name.id(), || format!("P10 the id of {conflict:?} is not that of {name:?}"))?;
    }
    Ok(())
}
