//! Beginnings with pages, whose columns count together: a counter, a maximum, a minimum and a set.

use reunite::value::{Json, Value};

use super::beginnings::number;
use crate::databases::World;
use crate::model::Values;
use crate::world::generate::Operation;
use crate::world::story::Failure;

/// One column of each rule.
pub const SCHEMA: &str = "
CREATE TABLE page (code INTEGER PRIMARY KEY, hits INTEGER, high INTEGER, low INTEGER, tags JSON)
    WITH (sum = 'hits', max = 'high', min = 'low', union = 'tags', deletes = 'RULE');
";

const PAGE: usize = 0;
const HITS: usize = 1;
const HIGH: usize = 2;
const LOW: usize = 3;
const TAGS: usize = 4;

type Told = Result<(), Failure>;

/// The elements of a set.
pub fn set(elements: &str) -> Value {
    Value::Json(Json::parse(elements).expect("JSON"))
}

fn live_calmly(world: &mut World<'_>) -> Told {
    for code in [1, 2, 9] {
        let mut page = world.insert(PAGE, &[code, 10, 10, 10]);
        if let Operation::Insert { values, .. } = &mut page {
            values.insert(TAGS, set(r#"["x"]"#));
        }
        world.perform(0, vec![page])?;
    }
    world.perform(0, vec![Operation::Delete { row: world.row(0, PAGE, 9) }])?;
    world.meet()
}

/// Both wrote every column of one page, and counted on.
pub fn written_together(world: &mut World<'_>) -> Told {
    live_calmly(world)?;
    let tags = [r#"["x", "y"]"#, r#"["z"]"#];
    for i in [0, 1] {
        let n = i as i64;
        let written = [(HITS, 20 + n), (HIGH, 15 - n), (LOW, 3 + n)];
        let mut values: Values = written.iter().flat_map(|(column, value)| number(*column, *value)).collect();
        values.insert(TAGS, set(tags[i]));
        world.perform(i, vec![world.update(i, PAGE, 1, values)])?;
        let row = world.row(i, PAGE, 1);
        world.perform(i, vec![Operation::Increment { row, amounts: number(HITS, 3 + n) }])?;
    }
    Ok(())
}

/// A page was merged into another and written elsewhere.
pub fn merged_while_written(world: &mut World<'_>) -> Told {
    live_calmly(world)?;
    let (row, into) = (world.row(0, PAGE, 2), world.row(0, PAGE, 1));
    world.perform(0, vec![Operation::Merge { row, into }])?;
    let row = world.row(1, PAGE, 2);
    world.perform(1, vec![Operation::Increment { row, amounts: number(HITS, 4) }])?;
    let mut values = number(HIGH, 20);
    values.insert(TAGS, set(r#"["x", "y"]"#));
    world.perform(1, vec![world.update(1, PAGE, 2, values)])
}
