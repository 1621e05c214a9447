//! P9: every committed change is visible, in a conflict table, or replaced by an identified later change.

use std::collections::BTreeSet;

use reunite::derive::About;
use reunite::ids::{Dot, RowKey};

use super::checks::Changes;
use super::story::{Checked, ensure};
use crate::model::{ConflictName, Content, Derived, Facts, Slot};

pub fn check_losses(changes: &Changes, facts: &Facts, view: &Derived) -> Checked {
    let losses = Losses { changes, facts, view, acks: acks(facts) };
    // Nobody can see what is in a table that was dropped.
    for (key, row) in facts.iter().filter(|(key, _)| view.images.contains_key(key)) {
        for (slot, dot, entry) in row.all() {
            ensure(losses.is_accounted_for(*key, slot, dot, &entry.content), || {
                format!("P9 the change {dot} of {slot:?} in {key:?} is silently lost")
            })?;
        }
    }
    Ok(())
}

fn acks(facts: &Facts) -> BTreeSet<ConflictName> {
    let acks = facts.values().flat_map(|row| row.live(Slot::Acks));
    let names = acks.filter_map(|(_, entry)| match &entry.content {
        Content::Ack(names) => Some(names),
        _ => None,
    });
    names.flatten().copied().collect()
}

struct Losses<'a> {
    changes: &'a Changes,
    facts: &'a Facts,
    view: &'a Derived,
    acks: BTreeSet<ConflictName>,
}

impl Losses<'_> {
    fn is_accounted_for(&self, row: RowKey, slot: Slot, dot: Dot, content: &Content) -> bool {
        // A change of a merged row joins what the row became.
        let root = self.view.images[&row].root;
        let image = &self.view.images[&root];
        match (slot, content) {
            (Slot::Life, Content::Alive(apart)) => {
                let apart = apart.iter().all(|other| self.is_apart(row, dot, RowKey { row: *other, ..row }));
                (image.lives && apart) || self.listed(row, About::Life, dot)
            }
            (Slot::Life, Content::Dead(_)) => {
                (root == row && !image.lives) || self.listed(row, About::Life, dot)
            }
            (Slot::Life, Content::Merged(edge)) => {
                let name = ConflictName { row, about: About::Identity, dot };
                let into = RowKey { row: edge.into, ..row };
                // What a rule merged it may merge again: nobody needs to know.
                self.view.identity.is_one(self.facts, row, into)
                    || edge.rule.is_some()
                    || self.view.conflicts.contains_key(&name)
                    || self.acks.contains(&name)
            }
            (Slot::Columns(unit), _) => {
                if !self.view.identity.spots(self.facts, root, unit).contains(&(row, dot)) {
                    return true; // Whoever merged the row, or wrote it since, has decided it.
                }
                let wins = image.agreeing.contains(&(unit, dot));
                let listed = self.listed(row, About::Update, dot);
                match image.lives {
                    true if wins => self.view.visible.contains_key(&root) || self.is_parked(root),
                    true => listed,
                    false => listed || self.decided(row, dot),
                }
            }
            _ => true,
        }
    }

    /// Whether a decision to stay apart holds, or is listed with one of the two rows.
    fn is_apart(&self, row: RowKey, dot: Dot, other: RowKey) -> bool {
        let of_other = |name: &ConflictName| name.row == other && name.about == About::Identity;
        !self.view.identity.is_one(self.facts, row, other)
            || self.listed(row, About::Identity, dot)
            || self.view.conflicts.keys().any(of_other)
    }

    fn listed(&self, row: RowKey, about: About, dot: Dot) -> bool {
        self.view.conflicts.contains_key(&ConflictName { row, about, dot })
    }

    /// A constraint that bars the row is listed, or was dismissed.
    fn is_parked(&self, row: RowKey) -> bool {
        let mut names = self.view.conflicts.keys().chain(&self.acks);
        names.any(|name| name.row == row && matches!(name.about, About::Constraint(_)))
    }

    /// Is the change to a deleted row listed, or has somebody who knew it deleted the row or dismissed it? One
    /// that does not say that the row lives settled columns of a row that its writer knew to be deleted.
    fn decided(&self, row: RowKey, dot: Dot) -> bool {
        let mut same = self.changes[&row].iter().filter(|change| change.stamp.dot == dot);
        if !same.clone().any(|change| change.slot == Slot::Life) {
            return true;
        }
        let mut later =
            self.changes[&row].iter().filter(|change| change.replaces.contains(&(Slot::Life, dot)));
        self.listed(row, About::Life, dot)
            || same.any(|change| !change.entry.is_alive())
            || later.any(|change| !change.entry.is_alive() || self.decided(row, change.stamp.dot))
    }
}
