//! Planted bugs, to show that the tests would see them: each is one plausible mistake, switched on by a
//! test for its own thread. Without the feature `testing` none can be, and the switches cost nothing.
//!
//! Nothing here decides what a bug does: that stands where the right thing is done.

/// A mistake that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// Changes of the schema take effect in the order in which they came.
    SchemaByArrival,
    /// A new column is what the dropped one of its name was.
    ColumnByName,
    /// A constraint that comes back is the dropped one of its name.
    ConstraintByName,
    /// A merge brings back values that one side has replaced.
    RemovalsIgnored,
    /// Values withheld because the receiver has them are not filled in.
    WithheldDropped,
    /// A change replaces every sibling its writer has seen, not only what is visible.
    ReplaceAll,
    /// A change replaces the visible value alone, and not what says the same.
    WinnerOnly,
    /// A write carries only its own replica's priority.
    PriorityNotInherited,
    /// A counter adds everything that was ever added to the value that was assigned last.
    SumUnseen,
    /// A counter that is brought back is assigned what it reads, though what was added still counts.
    SumFolded,
    /// A write to a maximum or minimum replaces the winner alone.
    MaxWinnerOnly,
    /// A write to a set writes all its elements anew.
    UnionWhole,
    /// Undoing a deletion leaves the conflicts that the deletion has decided.
    UndeleteKeepsLosers,
    /// A losing value is dismissed by conflict id and stays.
    LoserAcknowledged,
    /// A row that its key names, inserted again, shows values of before where no column is named.
    NaturalFresh,
    /// The key that names a row can be changed.
    NaturalRename,
    /// A transaction accepts whatever the parked rows make of it.
    NoBoost,
    /// A transaction does not look at the rows it leaves behind.
    BystandersUnchecked,
    /// A row's rank looks at its first key alone.
    RankByFirstKey,
    /// Rows that claimed a key at the same time have the same rank.
    RankWithoutTieBreak,
    /// A boost is compared by its writer's priority first.
    BoostByPriority,
    /// Rows that wait for a key are not looked at again when it becomes free.
    RivalNotReconsidered,
    /// Rows that follow a key keep showing the old one.
    StaleFollowedKey,
    /// A deletion that everybody knows leaves its columns' conflicts listed.
    DecidedStillListed,
    /// In a cycle of merges the one goes that was come across first.
    CycleCutByArrival,
    /// A deletion takes rows along that were merged without its knowing.
    VoidNever,
    /// What a merge has absorbed competes again.
    AbsorbedIgnored,
    /// Only the merge that is in force has absorbed what it says, not one that lost to it.
    AbsorbedByWinner,
    /// A merge that lost is listed though the rows are one anyway.
    IdentityNoise,
    /// Rows that somebody kept apart are merged all the same.
    ApartIgnored,
    /// References are compared by the rows that they named when they were written, whatever these became.
    RootsIgnored,
    /// What a merge knows to be removed from a set is in it.
    RemovedElementsBack,
    /// A merge by rule holds whatever keys the rows got meanwhile.
    RuleEdgeSticks,
    /// A rule merges a row once, and never again.
    RuleOnce,
    /// A merge by rule rests on what the merged row's key is, whatever becomes of the other's.
    RuleOfOneRow,
    /// A merge by rule forgets what earlier merges of the two rows have decided.
    RuleForgetsMerges,
    /// The id of a conflict depends on its kind, which may change.
    IdFromKind,
    /// The id of a conflict depends on what it lost to, which may change.
    IdFromWinner,
    /// A conflict that is settled stays in the statistics.
    SettledStillCounted,
    /// An interrupted session teaches all that the sender knows.
    EarlyKnowledge,
    /// A session does not look whether a table is locked.
    LockIgnored,
    /// The change log forgets changes that were replaced since.
    LogOfLiveChanges,
    /// A policy decides also between two decisions.
    DecideDecisions,
    /// A policy decides also what others disagree about, when both sides come.
    DecideForOthers,
    /// A policy decides a conflict again in every session.
    DecideTwice,
    /// A policy changes what is stored, and makes no new version of it.
    DecideInPlace,
    /// A reviewer is not asked again about a row that it refused.
    RefusedOnce,
    /// Taking a resolution back writes both sides as one change.
    UndoInOneChange,
}

impl Bug {
    /// Every bug, in the order of the layers.
    pub const ALL: [Bug; 48] = [
        Bug::SchemaByArrival,
        Bug::ColumnByName,
        Bug::ConstraintByName,
        Bug::RemovalsIgnored,
        Bug::WithheldDropped,
        Bug::ReplaceAll,
        Bug::WinnerOnly,
        Bug::PriorityNotInherited,
        Bug::SumUnseen,
        Bug::SumFolded,
        Bug::MaxWinnerOnly,
        Bug::UnionWhole,
        Bug::UndeleteKeepsLosers,
        Bug::LoserAcknowledged,
        Bug::NaturalFresh,
        Bug::NaturalRename,
        Bug::NoBoost,
        Bug::BystandersUnchecked,
        Bug::RankByFirstKey,
        Bug::RankWithoutTieBreak,
        Bug::BoostByPriority,
        Bug::RivalNotReconsidered,
        Bug::StaleFollowedKey,
        Bug::DecidedStillListed,
        Bug::CycleCutByArrival,
        Bug::VoidNever,
        Bug::AbsorbedIgnored,
        Bug::AbsorbedByWinner,
        Bug::IdentityNoise,
        Bug::ApartIgnored,
        Bug::RootsIgnored,
        Bug::RemovedElementsBack,
        Bug::RuleEdgeSticks,
        Bug::RuleOnce,
        Bug::RuleOfOneRow,
        Bug::RuleForgetsMerges,
        Bug::IdFromKind,
        Bug::IdFromWinner,
        Bug::SettledStillCounted,
        Bug::EarlyKnowledge,
        Bug::LockIgnored,
        Bug::LogOfLiveChanges,
        Bug::DecideDecisions,
        Bug::DecideForOthers,
        Bug::DecideTwice,
        Bug::DecideInPlace,
        Bug::RefusedOnce,
        Bug::UndoInOneChange,
    ];
}

/// Whether this bug is planted on this thread.
#[cfg(feature = "testing")]
#[must_use]
pub fn planted(bug: Bug) -> bool {
    switch::PLANTED.get() == Some(bug)
}

/// No bug is planted: the feature `testing` is off.
#[cfg(not(feature = "testing"))]
#[must_use]
#[inline(always)]
pub const fn planted(_: Bug) -> bool {
    false
}

/// Plants a bug on this thread, or takes it away.
#[cfg(feature = "testing")]
pub fn plant(bug: Option<Bug>) {
    switch::PLANTED.set(bug);
}

#[cfg(feature = "testing")]
mod switch {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        pub(super) static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }
}
