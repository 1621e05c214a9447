//! All ways to read a table agree: by row id, by every key, over ranges of every key and index, forward
//! and backward, and by count.

use std::ops::Bound;

use reunite::db::Table;
use reunite::derive::fold;
use reunite::ids::RowId;
use reunite::value::Value;

use crate::random::Random;
use crate::story::{Checked, ensure};
use crate::view::{Values, rows_of, values_of};

type Rows = Vec<(RowId, Values)>;

/// What the table says in every way, beside what its scan says.
pub fn agree(table: &Table<'_>, random: &mut Random) -> Checked {
    let definition = table.definition();
    let rows = rows_of(table);
    let name = &definition.name;
    ensure(rows.windows(2).all(|pair| pair[0].0 < pair[1].0), || {
        format!("a scan of {name} is out of order")
    })?;
    let length = table.len().unwrap();
    ensure(length == rows.len() as u64, || format!("{name} counts {length}, and shows {rows:?}"))?;
    for (id, values) in &rows {
        let found = table.get(*id).unwrap().map(|row| values_of(definition, &row));
        ensure(found.as_ref() == Some(values), || format!("{name} gets {found:?}, not {values:?}"))?;
        for key in &definition.keys {
            let value: Vec<Value> = key.columns.iter().map(|column| values[*column].clone()).collect();
            if value.iter().any(Value::is_null) {
                continue;
            }
            // A transaction may hold a key twice until it commits.
            let entry = |values: &Values| fold(definition, &key.columns, |column| values.get(column));
            let alone = rows.iter().filter(|(_, other)| entry(other) == entry(values)).count() == 1;
            let found = table.get_by_key(&key.name, value).unwrap();
            let same = found.is_some_and(|(row, shown)| {
                (row == *id && values_of(definition, &shown) == *values) || !alone
            });
            ensure(same, || format!("{} does not find {values:?}", key.name))?;
        }
    }
    let keys = definition.keys.iter().map(|key| (&key.name, &key.columns, false));
    let indexes = definition.indexes.iter().map(|index| (&index.name, &index.columns, true));
    for (index, columns, nulls) in keys.chain(indexes) {
        ranges(table, &rows, index, columns, nulls, random)?;
    }
    Ok(())
}

fn ranges(
    table: &Table<'_>,
    rows: &Rows,
    index: &str,
    columns: &[usize],
    nulls: bool,
    random: &mut Random,
) -> Checked {
    let entry = |values: &Values| fold(table.definition(), columns, |column| values.get(column));
    let mut expected: Vec<(Vec<Value>, RowId, &Values)> = rows
        .iter()
        .map(|(id, values)| (entry(values), *id, values))
        .filter(|(entry, ..)| nulls || !entry.iter().any(Value::is_null))
        .collect();
    expected.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    for turn in 0..3 {
        let mut bound = || match random.below(3) {
            _ if turn == 0 => Bound::Unbounded,
            0 => Bound::Unbounded,
            kind => {
                let Some((_, values)) = random.pick(rows) else { return Bound::Unbounded };
                let columns = &columns[..1 + random.below(columns.len())];
                let value: Vec<Value> = columns.iter().map(|column| values[*column].clone()).collect();
                if kind == 1 { Bound::Included(value) } else { Bound::Excluded(value) }
            }
        };
        let bounds = (bound(), bound());
        let within = |entry: &[Value]| {
            let compare = |value: &Vec<Value>| {
                let folded = fold(table.definition(), &columns[..value.len()], |column| {
                    value.get(columns.iter().position(|other| *other == column).unwrap())
                });
                entry[..value.len()].cmp(&folded)
            };
            (match &bounds.0 {
                Bound::Included(value) => compare(value).is_ge(),
                Bound::Excluded(value) => compare(value).is_gt(),
                Bound::Unbounded => true,
            }) && (match &bounds.1 {
                Bound::Included(value) => compare(value).is_le(),
                Bound::Excluded(value) => compare(value).is_lt(),
                Bound::Unbounded => true,
            })
        };
        let expected = expected.iter().filter(|(entry, ..)| within(entry));
        let mut expected: Rows = expected.map(|(_, id, values)| (*id, (*values).clone())).collect();
        let read = |row: Result<(RowId, reunite::Row), reunite::Error>| {
            let (id, row) = row.unwrap();
            (id, values_of(table.definition(), &row))
        };
        let found: Rows = table.range(index, bounds.clone()).unwrap().map(read).collect();
        ensure(found == expected, || format!("{index} {bounds:?} gives {found:?}, not {expected:?}"))?;
        let found: Rows = table.range_back(index, bounds.clone()).unwrap().map(read).collect();
        expected.reverse();
        ensure(found == expected, || format!("{index} {bounds:?} gives back {found:?}, not {expected:?}"))?;
    }
    Ok(())
}
