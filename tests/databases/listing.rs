//! Finding conflicts by filters and in pages, and their statistics: against the list of all of them.

use reunite::Database;
use reunite::db::{ConflictCount, ConflictFilter, ConflictRow, ReadTransaction};
use reunite::value::Timestamp;

use crate::world::story::{Checked, ensure};

/// Every conflict has its place, and every way to it finds it.
pub fn compare_listing(db: &Database, found: &[ConflictRow]) -> Checked {
    let snapshot = db.read().expect("memory does not fail");
    let mut expected = found.to_vec();
    expected.sort_by_key(ConflictRow::place);
    let listed = list(&snapshot, &ConflictFilter::new());
    ensure(listed == expected, || format!("P10 listed by age: {listed:#?}, not {expected:#?}"))?;
    compare_statistics(&snapshot, &expected)?;
    // The oldest, the middle and the newest one: what has the same as these. Mostly they have much in common, or are one:
    // no filter is tried twice.
    let samples = [0, expected.len() / 2, expected.len().saturating_sub(1)];
    let mut tried: Vec<ConflictFilter> = Vec::new();
    for (filter, admits) in samples.iter().filter_map(|at| expected.get(*at)).flat_map(filters) {
        if tried.contains(&filter) {
            continue;
        }
        let expected: Vec<ConflictRow> = expected.iter().filter(|row| admits(row)).cloned().collect();
        let listed = list(&snapshot, &filter);
        ensure(listed == expected, || format!("P10 {filter:?} finds {listed:#?}, not {expected:#?}"))?;
        let count = snapshot.count_conflicts(&filter).expect("memory does not fail");
        ensure(count == expected.len() as u64, || format!("P10 {filter:?} counts {count} conflicts"))?;
        tried.push(filter);
    }
    pages(&snapshot, &expected)
}

fn list(snapshot: &ReadTransaction, filter: &ConflictFilter) -> Vec<ConflictRow> {
    let found = snapshot.find_conflicts(filter).expect("memory does not fail");
    found.collect::<Result<_, _>>().expect("memory does not fail")
}

type Admits<'a> = Box<dyn Fn(&ConflictRow) -> bool + 'a>;

/// Filters that this conflict passes, or only just does not; and what they let through.
fn filters(sample: &ConflictRow) -> Vec<(ConflictFilter, Admits<'_>)> {
    let (new, at) = (ConflictFilter::new, sample.loser.at);
    let mut all: Vec<(ConflictFilter, Admits<'_>)> = vec![
        (new().table(sample.table.clone()), Box::new(|row| row.table == sample.table)),
        (new().kind(sample.kind), Box::new(|row| row.kind == sample.kind)),
        (new().reason(sample.reason), Box::new(|row| row.reason == sample.reason)),
        (new().row(sample.row), Box::new(|row| row.row == sample.row)),
        (new().loser(sample.loser.replica), Box::new(|row| row.loser.replica == sample.loser.replica)),
        (new().older_than(at), Box::new(move |row| row.loser.at < at)),
        (new().newer_than(at), Box::new(move |row| row.loser.at > at)),
        (new().newer_than(Timestamp(at.0 - 1)).older_than(Timestamp(at.0 + 1)), {
            Box::new(move |row| row.loser.at == at)
        }),
        (new().after(sample.place()), Box::new(|row| row.place() > sample.place())),
        (new().row(sample.row).after(sample.place()).kind(sample.kind), {
            Box::new(|row| (row.row, row.kind) == (sample.row, sample.kind) && row.place() > sample.place())
        }),
    ];
    if let Some(constraint) = &sample.constraint {
        let admits = |row: &ConflictRow| row.constraint == sample.constraint;
        all.push((new().constraint(constraint.clone()), Box::new(admits)));
    }
    all
}

/// Page by page: each once, in the same order.
fn pages(snapshot: &ReadTransaction, expected: &[ConflictRow]) -> Checked {
    let (mut listed, mut filter): (Vec<ConflictRow>, _) = (Vec::new(), ConflictFilter::new());
    loop {
        let page = snapshot.find_conflicts(&filter).expect("memory does not fail").take(2);
        let page: Vec<ConflictRow> = page.collect::<Result<_, _>>().expect("memory does not fail");
        let Some(last) = page.last() else { break };
        filter = ConflictFilter::new().after(last.place());
        listed.extend(page);
    }
    ensure(listed == expected, || format!("P10 in pages: {listed:#?}, not {expected:#?}"))
}

fn compare_statistics(snapshot: &ReadTransaction, expected: &[ConflictRow]) -> Checked {
    const DAY: i64 = 86_400_000_000;
    let statistics = snapshot.conflict_statistics().expect("memory does not fail");
    let counted = |one: &ConflictCount| {
        let same = |row: &&ConflictRow| {
            (&row.table, row.kind, &row.constraint) == (&one.table, one.kind, &one.constraint)
                && row.loser.at.0.div_euclid(DAY) * DAY == one.day.0
        };
        expected.iter().filter(same).count() as u64
    };
    let wrong = statistics.counts.iter().find(|one| one.count == 0 || one.count != counted(one));
    ensure(wrong.is_none() && statistics.total() == expected.len() as u64, || {
        format!("P10 statistics of {} conflicts: {statistics:#?}", expected.len())
    })
}
