//! Stamps: the total order on changes. Does not decide which rule a table uses.

use super::Hlc;
use crate::ids::Dot;

/// A replica's priority, 0 to 100, 50 unless set. It travels with the change and is inherited by
/// later writes, so that a write is never beaten by what its writer saw (Access calls this
/// historical priority).
///
/// ```
/// use reunite::{Database, version::Priority};
/// let head_office = Priority::new(90).ok_or("at most 100")?;
/// let db = Database::builder().priority(head_office).in_memory()?;
/// assert!(head_office > Priority::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u8);

impl Priority {
    /// The greatest priority.
    pub const MAX: Priority = Priority(100);

    /// None above 100.
    ///
    /// ```
    /// use reunite::version::Priority;
    /// assert!(Priority::new(90) > Some(Priority::default()));
    /// assert_eq!(Priority::new(101), None);
    /// ```
    #[must_use]
    pub fn new(priority: u8) -> Option<Priority> {
        (priority <= Priority::MAX.0).then_some(Priority(priority))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Priority {
        Priority(50)
    }
}

/// `(priority, hlc, replica, seq)`: a total order on changes. A stamp is greater than everything
/// that its writer could see in the unit it writes.
///
/// ```
/// use reunite::ids::{Dot, ReplicaId};
/// use reunite::version::{Hlc, Priority, Stamp};
/// let dot = |replica| Dot { replica: ReplicaId::from_bytes([replica; 16]), seq: 1 };
/// let stamp = |priority, hlc, replica| Stamp::new(priority, Hlc(hlc), dot(replica));
/// let usual = Priority::default();
/// assert!(stamp(usual, 8, 1) > stamp(usual, 7, 2)); // the later one
/// assert!(stamp(Priority::MAX, 7, 1) > stamp(usual, 8, 1)); // but priority comes before time
/// assert!(stamp(usual, 7, 2) > stamp(usual, 7, 1)); // a tie: any order will do that all agree about
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The writer's priority, or a greater one that it inherited.
    pub priority: Priority,
    /// When, by the writer's hybrid clock.
    pub hlc: Hlc,
    /// Which change.
    pub dot: Dot,
    /// Whether a session's policy or handler made it to decide a conflict. It says so to the policies of
    /// other replicas and orders nothing: no two changes have one dot.
    pub decision: bool,
}

impl Stamp {
    /// The stamp of a change that somebody made, not a policy.
    #[must_use]
    pub const fn new(priority: Priority, hlc: Hlc, dot: Dot) -> Stamp {
        Stamp { priority, hlc, dot, decision: false }
    }
}
