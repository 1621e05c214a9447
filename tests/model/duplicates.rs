//! The duplicate rule MERGE: what a replica writes when rows clash on a key whose duplicates merge. It is no part of
//! deriving. It writes the merge alone, and no value; what follows from that is in `identity`.

use std::collections::BTreeSet;

use reunite::derive::{About, Kind};
use reunite::ids::{ConstraintId, Dot, RowKey, UnitId};
use reunite::schema::{DuplicateRule, Schema};

use super::commit::Commit;
use super::derive::Derived;
use super::facts::{Content, Facts, Slot};
use super::identity::{Edge, Rule};
use super::image::fold;
use super::replica::Replica;

/// A parked row, the row that holds its key, and the key.
#[derive(Clone, Copy, Debug)]
pub struct Duplicate {
    pub row: RowKey,
    pub holder: RowKey,
    pub key: ConstraintId,
}

/// What the rule merges next: tables and keys in their order, and of the rows that clash on one key the one that lost it
/// first.
pub fn next_duplicate(schema: &Schema, replica: &Replica, view: &Derived) -> Option<Duplicate> {
    let tables = schema.tables().iter();
    let keys =
        tables.flat_map(|table| table.keys.iter().filter(|key| key.duplicates == DuplicateRule::Merge));
    keys.filter_map(|key| {
        let about = About::Constraint(key.id);
        let open = view.conflicts.iter();
        let clashes = open.filter(|(name, it)| it.kind == Kind::Unique && name.about == about);
        let pairs = clashes.filter_map(|(name, conflict)| {
            let holder = RowKey { row: *conflict.others.first()?, ..name.row };
            let apart = is_kept_apart(&replica.facts, view, name.row, holder);
            let age = replica.log.get(&name.dot).map(|(hlc, _)| *hlc);
            (!apart).then_some(((age, name.id()), Duplicate { row: name.row, holder, key: key.id }))
        });
        pairs.min_by_key(|(age, _)| *age).map(|(_, duplicate)| duplicate)
    })
    .next()
}

/// Whether somebody decided that two rows, or rows that became them, are not one.
fn is_kept_apart(facts: &Facts, view: &Derived, a: RowKey, b: RowKey) -> bool {
    let class = |row: RowKey| view.identity.class(view.identity.root(row));
    let says = |rows: &BTreeSet<RowKey>, others: &BTreeSet<RowKey>| {
        let lives = rows.iter().filter_map(|row| facts.get(row)).flat_map(|row| row.live(Slot::Life));
        let mut apart = lives.filter_map(|(_, entry)| match &entry.content {
            Content::Alive(apart) => Some(apart),
            _ => None,
        });
        apart.any(|apart| others.iter().any(|other| apart.contains(&other.row)))
    };
    let (a, b) = (class(a), class(b));
    says(&a, &b) || says(&b, &a)
}

impl Commit<'_> {
    /// Merges a row into the one that holds its key. Earlier merges of the two rows have decided what they have decided.
    pub fn coalesce(&mut self, Duplicate { row, holder, key }: Duplicate) {
        let table = self.table(row);
        let columns = &table.key(key).expect("a key of the table").columns;
        let value = fold(table, columns, &self.before.images[&row].values).expect("it claims the key");
        let of_key = |unit: UnitId| {
            table.unit(unit).is_some_and(|unit| unit.columns.iter().any(|c| columns.contains(c)))
        };
        let mut seen: BTreeSet<(UnitId, Dot)> = BTreeSet::new();
        for facts in [row, holder].iter().filter_map(|row| self.replica.facts.get(row)) {
            seen.extend(facts.all().filter_map(|(slot, dot, _)| match slot {
                Slot::Columns(unit) if of_key(unit) => Some((unit, dot)),
                _ => None,
            }));
        }
        let identity = self.identity();
        let rule = Some(Rule { key, value, seen });
        let mut edge = Edge { into: holder.row, absorbed: BTreeSet::new(), removed: BTreeSet::new(), rule };
        for (_, content) in self.live(row, Slot::Life) {
            if let Content::Merged(earlier) = content
                && identity.root(RowKey { row: earlier.into, ..row }) == holder
            {
                edge.absorbed.extend(earlier.absorbed);
                edge.removed.extend(earlier.removed);
            }
        }
        let lives = self.dots_of(row, Slot::Life, |_| true);
        self.write(row, Slot::Life, Content::Merged(edge), lives);
    }
}
