//! The kinds of keys. What a key of each kind is made of stands in `space`.

/// The kinds of keys; the number is the first byte of the key. Numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// `Space::Meta`.
    Meta = 1,
    /// `Space::Replica`.
    Replica,
    /// `Space::Knowledge`.
    Knowledge,
    /// `Space::Row`.
    Row,
    /// `Space::Losers`.
    Losers,
    /// `Space::Claim`.
    Claim,
    /// `Space::Index`.
    Index,
    /// `Space::Child`.
    Child,
    /// `Space::ChildByValue`.
    ChildByValue,
    /// `Space::Log`.
    Log,
    /// `Space::Conflicts`.
    Conflicts,
    /// `Space::ConflictById`.
    ConflictById,
    /// `Space::Count`.
    Count,
    /// `Space::Clock`.
    Clock,
    /// `Space::ConflictByAge`.
    ConflictByAge,
    /// `Space::ConflictCount`.
    ConflictCount,
    /// `Space::Closed`.
    Closed,
    /// `Space::ClosedPlace`.
    ClosedPlace,
    /// `Space::Remembered`.
    Remembered,
    /// `Space::Merged`.
    Merged,
    /// `Space::Amendment`.
    Amendment,
    /// `Space::Mark`.
    Mark,
    /// `Space::Review`.
    Review,
    /// `Space::ParkedClaim`.
    ParkedClaim,
}

impl Kind {
    /// Every kind, in the order of the keys.
    pub const ALL: [Kind; 24] = [
        Kind::Meta,
        Kind::Replica,
        Kind::Knowledge,
        Kind::Row,
        Kind::Losers,
        Kind::Claim,
        Kind::Index,
        Kind::Child,
        Kind::ChildByValue,
        Kind::Log,
        Kind::Conflicts,
        Kind::ConflictById,
        Kind::Count,
        Kind::Clock,
        Kind::ConflictByAge,
        Kind::ConflictCount,
        Kind::Closed,
        Kind::ClosedPlace,
        Kind::Remembered,
        Kind::Merged,
        Kind::Amendment,
        Kind::Mark,
        Kind::Review,
        Kind::ParkedClaim,
    ];

    /// The kind of a key; none if nothing that is stored has such a key.
    #[must_use]
    pub fn of(key: &[u8]) -> Option<Kind> {
        let tag = key.first()?;
        Kind::ALL.into_iter().find(|kind| *kind as u8 == *tag)
    }
}
