//! The design master: which replica amends. A register that the greatest (term, replica) holds.

use super::{Amendment, Design, DesignError, Operation};
use crate::ids::ReplicaId;
use crate::version::Hlc;

/// Who is design master. The greater term counts, and in one term the greater replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mastership {
    /// Counts from 0; each handing over, and each taking over by force, begins the next one.
    pub term: u64,
    /// The replica.
    pub replica: ReplicaId,
}

impl Amendment {
    /// The greatest term that it speaks of, and who is master in it.
    pub(super) fn terms(&self) -> (u64, ReplicaId) {
        let begun = self.operations.iter().filter_map(|operation| match operation {
            Operation::SetMaster { term, replica } => Some((*term, *replica)),
            _ => None,
        });
        begun.max().unwrap_or((self.term, self.id.replica))
    }
}

impl Design {
    /// The design master, as far as the amendments say: who amended last, or was made master. Before the
    /// first amendment it is the replica that made the database, which the design does not know.
    #[must_use]
    pub fn master(&self) -> Option<Mastership> {
        let named = self.amendments.values().map(|amendment| amendment.terms());
        named.max().map(|(term, replica)| Mastership { term, replica })
    }

    /// The amendment that makes another replica design master: by the present one, or by force. It is not
    /// joined yet.
    #[must_use]
    pub fn hand_over(&self, to: ReplicaId, author: ReplicaId, time: Hlc) -> Amendment {
        let term = self.term(&self.known()).saturating_add(1);
        self.amendment(self.next(author), time, vec![Operation::SetMaster { term, replica: to }])
    }

    /// Refuses a replica that is not design master; `creator` is who made the database.
    ///
    /// # Errors
    /// [`DesignError::NotMaster`].
    pub fn check_master(&self, me: ReplicaId, creator: ReplicaId) -> Result<(), DesignError> {
        let master = self.master().map_or(creator, |mastership| mastership.replica);
        if master == me { Ok(()) } else { Err(DesignError::NotMaster { master }) }
    }
}
