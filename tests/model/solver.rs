//! L4 for one group of tables, its rows sorted by rank: an index is a rank.
//!
//! Propagate what is certain; accept the best row that can be supported; repeat; park what is left.
//! Where no tables form a cycle, propagation alone decides everything.

use std::collections::BTreeSet;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Undecided,
    In,
    Out,
}

/// What the solver has to know of a row.
pub struct Candidate {
    pub valid: bool,
    /// Per reference that no decided row satisfies, the rows of the group that would.
    pub needs: Vec<Vec<usize>>,
    /// The rows that share one of its unique keys.
    pub rivals: Vec<usize>,
}

pub struct Solver {
    pub rows: Vec<Candidate>,
    pub status: Vec<Status>,
}

impl Solver {
    pub fn new(rows: Vec<Candidate>) -> Solver {
        Solver { status: vec![Status::Undecided; rows.len()], rows }
    }

    /// Decides all rows. `order` is how the propagation visits them: it must not matter.
    pub fn solve(&mut self, order: &[usize]) {
        loop {
            let mut changed = true;
            while changed {
                changed = false;
                for row in order {
                    if self.status[*row] == Status::Undecided {
                        self.status[*row] = self.decide(*row);
                        changed |= self.status[*row] != Status::Undecided;
                    }
                }
            }
            let open = |row: &usize| self.status[*row] == Status::Undecided;
            let undecided: Vec<usize> = (0..self.rows.len()).filter(open).collect();
            if undecided.is_empty() {
                return;
            }
            match undecided.iter().find_map(|row| self.support(*row)) {
                Some(accepted) => accepted.into_iter().for_each(|row| self.status[row] = Status::In),
                None => undecided.into_iter().for_each(|row| self.status[row] = Status::Out),
            }
        }
    }

    fn decide(&self, row: usize) -> Status {
        if !self.rows[row].valid {
            return Status::Out;
        }
        let (mut supported, mut free) = (true, true);
        for need in &self.rows[row].needs {
            if !need.iter().any(|parent| *parent == row || self.status[*parent] == Status::In) {
                if need.iter().all(|parent| self.status[*parent] == Status::Out) {
                    return Status::Out;
                }
                supported = false;
            }
        }
        for rival in &self.rows[row].rivals {
            match self.status[*rival] {
                Status::In => return Status::Out,
                Status::Undecided if *rival < row => free = false,
                _ => {}
            }
        }
        if supported && free { Status::In } else { Status::Undecided }
    }

    /// The row and the best undecided parents it needs, recursively, if they can stand together.
    fn support(&self, row: usize) -> Option<BTreeSet<usize>> {
        let (mut closure, mut todo) = (BTreeSet::new(), vec![row]);
        while let Some(row) = todo.pop() {
            if !closure.insert(row) {
                continue;
            }
            for need in &self.rows[row].needs {
                let held = |parent: &usize| self.status[*parent] == Status::In || closure.contains(parent);
                if !need.iter().any(held) {
                    let open = |parent: &&usize| self.status[**parent] == Status::Undecided;
                    todo.push(*need.iter().filter(open).min()?);
                }
            }
        }
        let clash = |rival: &usize| self.status[*rival] == Status::In || closure.contains(rival);
        let consistent = !closure.iter().any(|row| self.rows[*row].rivals.iter().any(clash));
        consistent.then_some(closure)
    }
}
