//! What a reviewer of a random history refuses, and what must be listed after a session that it was asked in: a
//! second, simpler account of it, by comparing what the tables show before and after.

use std::collections::{BTreeMap, BTreeSet};

use reunite::Database;
use reunite::db::{OpenReview, Preview, Row};
use reunite::ids::{ConflictId, RowId};
use reunite::replicate::{Arrival, HandlerError, Reviewer, Verdict};

use crate::world::story::{Checked, ensure};

/// A row of a table, by name.
pub type Place = (String, RowId);

/// What all tables show.
pub type Shown = BTreeMap<Place, Row>;

/// Refuses phones of 3 and orders of 2; has no answer for customers called 4.
pub struct Limits;

impl Reviewer for Limits {
    fn review(&self, arrival: &Arrival) -> Result<Verdict, HandlerError> {
        match says(&arrival.values) {
            Says::Yes => Ok(Verdict::Accept),
            Says::No(reason) => Ok(Verdict::Refuse { reason }),
            Says::Nothing => Err("there is no answer to that".into()),
        }
    }
}

enum Says {
    Yes,
    No(String),
    Nothing,
}

fn says(values: &Row) -> Says {
    let is = |column: &str, text: &str| values.get(column).is_some_and(|value| value.to_string() == text);
    match () {
        () if is("name", "4") => Says::Nothing,
        () if is("phone", "3") || is("number", "2") => Says::No(format!("{values} is too much")),
        () => Says::Yes,
    }
}

pub fn shown(db: &Database) -> Shown {
    let read = db.read().expect("memory does not fail");
    let mut all = Shown::new();
    for table in read.schema().tables() {
        for row in
            read.table(&table.name).and_then(|rows| Ok(rows.scan()?.collect::<Result<Vec<_>, _>>()?)).unwrap()
        {
            all.insert((table.name.clone(), row.0), row.1);
        }
    }
    all
}

pub fn listed(db: &Database) -> BTreeMap<Place, OpenReview> {
    let open = db.read().and_then(|read| read.open_reviews()).expect("memory does not fail");
    open.into_iter().map(|open| ((open.table.clone(), open.row), open)).collect()
}

/// The rows that show another thing than before.
pub fn changed(before: &Shown, after: &Shown) -> BTreeSet<Place> {
    after
        .iter()
        .filter(|(place, row)| before.get(*place) != Some(row))
        .map(|(place, _)| place.clone())
        .collect()
}

/// After the reviewer was asked: what it does not accept is listed, as far as sessions changed it, and what is
/// listed is what it does not accept.
pub fn check(db: &Database, owed: &BTreeSet<Place>) -> Checked {
    let (listed, shown) = (listed(db), shown(db));
    for (place, open) in &listed {
        ensure(shown.get(place) == Some(&open.values), || {
            format!("a row is listed and not in its table: {place:?}")
        })?;
        let reason = open.refusal.as_ref().map(|refusal| refusal.reason.clone());
        let right = match says(&open.values) {
            Says::Yes => false,
            Says::No(expected) => reason == Some(expected),
            Says::Nothing => true,
        };
        ensure(right, || format!("what is listed is not what the reviewer says: {open:?}"))?;
    }
    for place in owed {
        let refused = shown.get(place).is_some_and(|values| !matches!(says(values), Says::Yes));
        ensure(!refused || listed.contains_key(place), || {
            format!("a row that was not accepted is not listed: {place:?}")
        })?;
    }
    Ok(())
}

/// After a session without a reviewer: what was listed still is, as long as it is in its table.
pub fn check_kept(db: &Database, before: &BTreeMap<Place, OpenReview>) -> Checked {
    let (listed, shown) = (listed(db), shown(db));
    for (place, open) in before.iter().filter(|(place, _)| shown.contains_key(*place)) {
        let kept = listed.get(place).is_some_and(|now| now.refusal == open.refusal);
        ensure(kept, || format!("a row is no longer listed: {open:?}"))?;
    }
    Ok(())
}

/// What a preview says that there will be: in the tables, open conflicts, refused rows.
#[derive(PartialEq, Eq, Debug)]
pub struct Foretold {
    shown: Shown,
    conflicts: BTreeSet<ConflictId>,
    refused: BTreeMap<Place, String>,
}

impl Foretold {
    fn now(db: &Database) -> Foretold {
        let conflicts = db.read().and_then(|read| read.conflicts()).expect("memory does not fail");
        let refused = listed(db).into_iter();
        let refused = refused.filter_map(|(place, open)| Some((place, open.refusal?.reason))).collect();
        Foretold {
            shown: shown(db),
            conflicts: conflicts.iter().map(|conflict| conflict.id).collect(),
            refused,
        }
    }
}

/// What there will be after the session of a preview. Who is no longer refused, it does not say.
pub fn foretold(db: &Database, preview: &Preview) -> Foretold {
    let mut told = Foretold::now(db);
    for row in &preview.rows {
        let place = (row.table.clone(), row.row);
        match &row.after {
            Some(after) => told.shown.insert(place, after.clone()),
            None => told.shown.remove(&place),
        };
    }
    told.conflicts.retain(|id| preview.go.iter().all(|conflict| conflict.id != *id));
    told.conflicts.extend(preview.appear.iter().map(|one| one.conflict.id));
    let new = preview.refuse.iter().filter_map(|open| Some((open, open.refusal.as_ref()?)));
    told.refused = new.map(|(open, why)| ((open.table.clone(), open.row), why.reason.clone())).collect();
    told
}

/// The session has done what its preview said.
pub fn check_foretold(db: &Database, told: &Foretold) -> Checked {
    let now = Foretold::now(db);
    let refused = told.refused.iter().all(|(place, reason)| now.refused.get(place) == Some(reason));
    let same = (&now.shown, &now.conflicts) == (&told.shown, &told.conflicts) && refused;
    ensure(same, || format!("a preview said {told:?}, and then there was {now:?}"))
}
