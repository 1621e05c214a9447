//! Versions of rows: read somewhere, expected later, by whatever replica. A write with a version is
//! refused if and only if the replica's facts of the row or of what was merged into it, or the keys that it
//! follows, are others.

use std::collections::BTreeMap;

use reunite::WriteError;
use reunite::ids::RowKey;
use reunite::row::Version;
use reunite::value::Value;

use super::World;
use crate::model::{self, Derived, Replica, Vector};
use crate::world::generate::Generator;
use crate::world::random::Random;
use crate::world::story::{Checked, ensure};

/// A version that somebody has read, and what it is a version of.
pub struct Seen {
    row: RowKey,
    version: Version,
    state: State,
}

/// The changes that are there, of a row and those merged into it, and the columns that show another row's key.
type State = (BTreeMap<RowKey, Vector>, Vec<(usize, Value)>);

fn state(schema: &reunite::schema::Schema, model: &Replica, view: &Derived, row: RowKey) -> Option<State> {
    let image = view.images.get(&row)?;
    let table = schema.table_by_id(row.table).expect("a table of the schema");
    let refers = |column: usize| table.foreign_keys.iter().any(|key| key.columns.contains(&column));
    // What the row itself was given there.
    let own = model::own_values(table, &model.facts[&row]);
    let shown = image.values.iter().enumerate().zip(&own).filter(|((_, value), own)| value != own);
    let followed = shown.filter(|((column, _), _)| image.lives && refers(*column));
    let followed = followed.map(|((column, value), _)| (column, value.clone()));
    let one = view.identity.class(row).into_iter().filter(|_| view.identity.root(row) == row).chain([row]);
    let vectors = one.filter_map(|row| Some((row, model.facts.get(&row)?.vector())));
    Some((vectors.collect(), followed.collect()))
}

impl World<'_> {
    /// Reads the version of a visible row now and then, and tries one that was read before.
    pub fn versions(&mut self, i: usize, random: &mut Random) -> Checked {
        let pair = &self.pairs[i];
        if let Some(row) = random.pick(pair.view.visible.keys().copied()) {
            let name = &pair.schema.table_by_id(row.table).expect("a table of the schema").name;
            let snapshot = pair.db.read().expect("memory does not fail");
            let table = snapshot.table(name).expect("a table of the schema");
            let version = table.version(row.row).expect("memory does not fail").expect("it is visible");
            let state = state(&pair.schema, &pair.model, &pair.view, row).expect("it is visible");
            self.seen.push(Seen { row, version, state });
        }
        for _ in 0..3 {
            let at = random.below(self.seen.len().max(1));
            let Some(seen) = self.seen.get(at) else { continue };
            self.story.count("versions tried", 1);
            self.try_version(i, seen, random)?;
        }
        Ok(())
    }

    fn try_version(&self, i: usize, seen: &Seen, random: &mut Random) -> Checked {
        let pair = &self.pairs[i];
        let now = state(&pair.schema, &pair.model, &pair.view, seen.row);
        let stale = now.as_ref().is_some_and(|now| *now != seen.state);
        let (view, facts) = (&pair.view, &pair.model.facts);
        let values = Generator { schema: &pair.schema, view, facts, resolutions: Vec::new(), random }
            .some_values(seen.row, 1);
        let table = pair.schema.table_by_id(seen.row.table).expect("a table of the schema");
        let mut transaction = pair.db.begin().expect("memory does not fail");
        let mut rows = transaction.table(&table.name).expect("a table of the schema");
        let outcome = rows.update_if(seen.row.row, &seen.version, super::perform::named(table, &values));
        let refused = matches!(outcome, Err(WriteError::StaleVersion { .. }));
        ensure(refused == stale, || {
            format!(
                "a version is stale if and only if the row has changed: {outcome:?}, {now:?}, {:?}",
                seen.state
            )
        })
    }
}
