//! One row: as a record and back, its keys as bytes, and two versions of it joined.

use std::hint::black_box;
use std::slice;

use criterion::Criterion;
use reunite::codec::key::encode_values;
use reunite::codec::record::{decode_row, encode_row};
use reunite::derive::{Stored, fold};
use reunite::merge::merge;
use reunite::replicate::sync;
use reunite::schema::Table;
use reunite::store::Replicas;
use reunite::{Database, row};

use crate::Outcome;
use crate::contacts::{change, full, replica, stored};

/// Contacts as two replicas have them that sync, change and sync again.
struct Versions {
    /// Nobody has changed it.
    plain: Stored,
    /// Each has changed another column.
    beside: [Stored; 2],
    /// Both have changed the same column.
    against: [Stored; 2],
    /// That one after the second sync: with a value that lost.
    disputed: Stored,
}

impl Versions {
    fn make() -> Outcome<Self> {
        let (first, second) = (full()?, replica(2)?);
        sync(&second, &first)?;
        change(&first, 1..2, &row! { phone: "+44 1" })?;
        change(&second, 1..2, &row! { zip: "00001" })?;
        change(&first, 2..3, &row! { phone: "+44 1" })?;
        change(&second, 2..3, &row! { phone: "+44 2" })?;
        let beside = [contact(&first, 1)?, contact(&second, 1)?];
        let against = [contact(&first, 2)?, contact(&second, 2)?];
        sync(&second, &first)?;
        Ok(Self { plain: contact(&first, 0)?, beside, against, disputed: contact(&first, 2)? })
    }
}

fn contact(db: &Database, id: i64) -> Outcome<Stored> {
    Ok(stored(db, "contacts", id)?.1)
}

pub fn measure(criterion: &mut Criterion) -> Outcome<()> {
    let schema = full()?.schema();
    let contacts = schema.table("contacts").ok_or("no contacts")?;
    let versions = Versions::make()?;
    record(criterion, contacts, "a row", &versions.plain)?;
    record(criterion, contacts, "a row with a losing value", &versions.disputed)?;
    keys(criterion, contacts, &versions.plain);

    let mut group = criterion.benchmark_group("join");
    let same = [versions.plain.clone(), versions.plain];
    for (name, [mine, theirs]) in
        [("equal rows", &same), ("other columns", &versions.beside), ("the same column", &versions.against)]
    {
        let (mine, theirs) = (&mine.facts, &theirs.facts);
        group.bench_function(name, |bencher| bencher.iter(|| merge(black_box(mine), black_box(theirs))));
    }
    group.finish();
    Ok(())
}

fn record(criterion: &mut Criterion, table: &Table, name: &str, row: &Stored) -> Outcome<()> {
    let mut replicas = Replicas::default();
    let bytes = encode_row(table, &row.facts, &row.derived, &mut replicas)?;
    let decode = || {
        let (main, losers) = (black_box(bytes.main.as_slice()), bytes.losers.as_deref());
        decode_row(table, main, losers, &|number| replicas.id(number))
    };
    if decode()?.facts != row.facts {
        return Err("the record has become another row".into());
    }
    let mut group = criterion.benchmark_group("record");
    group.bench_function(format!("decode {name}"), |bencher| bencher.iter(decode));
    let mut encode = || encode_row(table, black_box(&row.facts), &row.derived, &mut replicas);
    group.bench_function(format!("encode {name}"), |bencher| bencher.iter(&mut encode));
    group.finish();
    Ok(())
}

/// Folded, as it is looked up, and as bytes.
fn keys(criterion: &mut Criterion, table: &Table, row: &Stored) {
    let values = row.values(table);
    let mut group = criterion.benchmark_group("key");
    for (column, definition) in table.columns.iter().enumerate().take(3) {
        let encode = || {
            let mut bytes = Vec::new();
            encode_values(
                &fold(table, slice::from_ref(black_box(&column)), |column| values.get(column)),
                &mut bytes,
            );
            bytes
        };
        group.bench_function(&definition.name, |bencher| bencher.iter(encode));
    }
    group.finish();
}
