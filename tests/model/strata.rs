//! The order in which tables are decided: parents first, tables that refer to each other together.

use std::collections::BTreeSet;

use reunite::ids::TableId;
use reunite::schema::Schema;

/// The groups of tables, each after all the groups that it refers to.
pub fn strata(schema: &Schema) -> Vec<BTreeSet<TableId>> {
    let all: BTreeSet<TableId> = schema.tables().iter().map(|table| table.id).collect();
    let (mut groups, mut done) = (Vec::new(), BTreeSet::<TableId>::new());
    while done.len() < all.len() {
        let ready = |table: &&TableId| {
            let below = reached(schema, **table);
            let mutual = |other: &TableId| reached(schema, *other).contains(*table);
            !done.contains(*table) && below.iter().all(|o| o == *table || done.contains(o) || mutual(o))
        };
        let first = *all.iter().find(ready).expect("some table refers to decided tables only");
        let below = reached(schema, first);
        let with = below.into_iter().filter(|other| reached(schema, *other).contains(&first));
        let group: BTreeSet<TableId> = with.chain([first]).collect();
        done.extend(&group);
        groups.push(group);
    }
    groups
}

/// The tables that a table refers to, directly or not.
fn reached(schema: &Schema, from: TableId) -> BTreeSet<TableId> {
    let (mut found, mut todo) = (BTreeSet::new(), vec![from]);
    while let Some(table) = todo.pop() {
        let keys = schema.table_by_id(table).into_iter().flat_map(|table| &table.foreign_keys);
        todo.extend(keys.map(|key| key.parent).filter(|parent| found.insert(*parent)));
    }
    found
}
