//! Previews: what a session is said to do, against what the model sees it do; and nothing is done by it.

use std::collections::{BTreeMap, BTreeSet};

use reunite::Row;
use reunite::db::{Change, Preview};
use reunite::ids::{ConflictId, RowKey};
use reunite::replicate::{Direction, Options, Previews, preview_with};
use reunite::schema::Schema;
use reunite::value::Value;

use super::World;
use super::pair::Pair;
use crate::model::{ConflictName, Derived, Replica, covers};
use crate::world::story::{Checked, Failure, ensure};

/// What a replica was before a session.
struct Before {
    model: Replica,
    view: Derived,
}

impl Before {
    fn of(pair: &Pair) -> Before {
        Before { model: pair.model.clone(), view: pair.view.clone() }
    }
}

/// What is said of a row: what becomes of it, its values before and after, what wins and what loses.
type Told = (Change, Option<Vec<Value>>, Option<Vec<Value>>, Vec<String>, Vec<String>);

impl World<'_> {
    /// A whole session, with a look at what it will do.
    pub(super) fn session_with_preview(
        &mut self,
        [a, b]: [usize; 2],
        direction: Direction,
        batch_bytes: usize,
    ) -> Checked {
        let before = [a, b].map(|i| Before::of(&self.pairs[i]));
        let previews = self.foresee([a, b], direction)?;
        self.session(a, b, direction, None, batch_bytes)?;
        self.foreseen(a, &before[0], &previews.first)?;
        self.foreseen(b, &before[1], &previews.second)
    }

    /// What a whole session would do. Neither database changes by it.
    fn foresee(&mut self, pairs: [usize; 2], direction: Direction) -> Result<Previews, Failure> {
        let [a, b] = pairs.map(|i| &self.pairs[i]);
        let bytes = [a.bytes(), b.bytes()];
        let previews =
            preview_with(&a.db, &b.db, Options { direction, batch_bytes: 500, ..Options::default() });
        ensure([a.bytes(), b.bytes()] == bytes, || "P14 a preview has written something".to_owned())?;
        self.story.count("previews", 1);
        previews.map_err(|error| Failure(format!("P13 a preview failed: {error}")))
    }

    /// After the session: it did what was foreseen.
    fn foreseen(&self, i: usize, before: &Before, preview: &Preview) -> Checked {
        let now = &self.pairs[i];
        let name = |key: &RowKey| now.schema.table_by_id(key.table).expect("a table").name.clone();
        let expected = appearing(before, now);
        let found: BTreeMap<ConflictId, bool> =
            preview.appear.iter().map(|one| (one.conflict.id, one.loser_comes)).collect();
        let said = expected.iter().map(|(name, comes)| (name.id(), *comes)).collect();
        ensure(found == said, || format!("P10 conflicts said to appear: {found:?}, not {said:?}"))?;
        let listed = now.db.read().expect("memory does not fail").conflicts().expect("memory does not fail");
        let unlisted = preview.appear.iter().find(|one| !listed.contains(&one.conflict));
        ensure(unlisted.is_none(), || format!("P10 foreseen otherwise than it came: {unlisted:#?}"))?;
        let gone = before.view.conflicts.keys().filter(|name| !now.view.conflicts.contains_key(name));
        let gone: BTreeSet<ConflictId> = gone.map(ConflictName::id).collect();
        let said: BTreeSet<ConflictId> = preview.go.iter().map(|conflict| conflict.id).collect();
        ensure(gone == said, || format!("P10 conflicts said to go: {said:?}, not {gone:?}"))?;
        let mut told: BTreeMap<(String, _), Told> = BTreeMap::new();
        for row in &preview.rows {
            let values =
                |shown: &Option<Row>| shown.as_ref().map(|row| row.iter().map(|(_, v)| v.clone()).collect());
            let (wins, loses) = (row.wins.clone(), row.loses.clone());
            let what = (row.change, values(&row.before), values(&row.after), wins, loses);
            told.insert((row.table.clone(), row.row), what);
        }
        let rows =
            now.model.facts.keys().filter_map(|key| {
                Some(((name(key), key.row), tell(&now.schema, before, now, key, &expected)?))
            });
        let rows: BTreeMap<_, Told> = rows.collect();
        ensure(told == rows, || format!("P7 foreseen: {told:#?}, and came: {rows:#?}"))
    }
}

/// The conflicts that appear, each with whether its loser was unknown before.
fn appearing(before: &Before, now: &Pair) -> BTreeMap<ConflictName, bool> {
    let new = now.view.conflicts.keys().filter(|name| !before.view.conflicts.contains_key(name));
    new.map(|name| (*name, !covers(&before.model.knowledge, name.dot))).collect()
}

/// What becomes of a row; none if nobody can see it.
fn tell(
    schema: &Schema,
    before: &Before,
    now: &Pair,
    key: &RowKey,
    appearing: &BTreeMap<ConflictName, bool>,
) -> Option<Told> {
    let (old, new) = (before.view.visible.get(key).cloned(), now.view.visible.get(key).cloned());
    let lives = |view: &Derived| view.images.get(key).is_some_and(|image| image.lives);
    let change = match (&old, &new) {
        (Some(old), Some(new)) if old == new => Change::Stay,
        (Some(_), Some(_)) => Change::Update,
        (None, Some(_)) if before.model.facts.contains_key(key) => Change::Return,
        (None, Some(_)) => Change::Insert,
        (Some(_), None) if lives(&now.view) => Change::Park,
        (Some(_), None) => Change::Delete,
        (None, None) if lives(&before.view) == lives(&now.view) => Change::Stay,
        (None, None) if lives(&now.view) => Change::Park,
        (None, None) => Change::Delete,
    };
    let columns = |wanted: bool| -> Vec<String> {
        let table = schema.table_by_id(key.table).expect("a table of the schema");
        let mine = appearing.iter().filter(|(name, comes)| name.row == *key && **comes == wanted);
        let ids = mine.flat_map(|(name, _)| &now.view.conflicts[name].columns);
        let names: BTreeSet<String> =
            ids.map(|id| table.column_by_id(*id).expect("a column of the table").1.name.clone()).collect();
        names.into_iter().collect()
    };
    let (wins, loses) = (columns(false), columns(true));
    let visible = change != Change::Stay || !wins.is_empty() || !loses.is_empty();
    visible.then_some((change, old, new, wins, loses))
}
