//! P6 by force: among all subsets of the living rows exactly one is stable, and it is the visible one.
//!
//! A set is stable if it holds exactly the rows that are valid, find their parents in it, and are beaten
//! for none of their keys by a better row in it. Only where no foreign keys form a cycle.

use reunite::schema::Schema;

use super::checks::{claims, needs};
use super::story::{Checked, ensure};
use crate::model::{Derived, Image};

/// More rows than this are too many for all subsets.
const MOST_ROWS: usize = 11;

/// Says whether the instance was small enough to be checked.
pub fn check_stable(schema: &Schema, view: &Derived) -> Result<bool, super::story::Failure> {
    let rows: Vec<&Image> = view.images.values().filter(|image| image.lives).collect();
    if rows.len() > MOST_ROWS || schema.strata().iter().any(|stratum| stratum.cyclic) {
        return Ok(false);
    }
    let visible = |i: usize| usize::from(view.visible.contains_key(&rows[i].key)) << i;
    let visible: usize = (0..rows.len()).map(visible).sum();
    let facts = Facts::new(schema, &rows);
    let stable: Vec<usize> = (0..1_usize << rows.len()).filter(|set| facts.is_stable(*set)).collect();
    check(&stable, visible)?;
    Ok(true)
}

fn check(stable: &[usize], visible: usize) -> Checked {
    ensure(*stable == [visible], || format!("P6 the stable sets are {stable:?}, visible is {visible}"))
}

/// Per row: whether it is valid, the sets of rows of which it needs one, the better rivals.
struct Facts(Vec<(bool, Vec<usize>, usize)>);

impl Facts {
    fn new(schema: &Schema, rows: &[&Image]) -> Facts {
        let set = |which: &dyn Fn(&Image) -> bool| -> usize {
            rows.iter().enumerate().map(|(i, row)| usize::from(which(row)) << i).sum()
        };
        let row = |image: &&Image| {
            let own: Vec<_> = claims(schema, image).collect();
            let better = set(&|other| {
                other.key != image.key
                    && other.rank < image.rank
                    && claims(schema, other).any(|c| own.contains(&c))
            });
            let parents = needs(schema, image).into_iter().map(|(key, need)| {
                let claim = need.key.clone().map(|value| (key, value));
                set(&|other| claim.clone().is_some_and(|claim| claims(schema, other).any(|c| c == claim)))
            });
            (image.failed.is_empty(), parents.collect(), better)
        };
        Facts(rows.iter().map(row).collect())
    }

    fn is_stable(&self, set: usize) -> bool {
        self.0.iter().enumerate().all(|(i, (valid, needs, better))| {
            let belongs = *valid && needs.iter().all(|parents| parents & set != 0) && better & set == 0;
            belongs == (set >> i & 1 == 1)
        })
    }
}
