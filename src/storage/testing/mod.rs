//! Engines and a disk that misbehave on purpose, for the tests of this crate and of its users.
//!
//! [`RecordingDisk`] keeps files in memory, records what is done to them and shows how a power cut
//! would leave them; [`FailingEngine`] fails one operation; [`MirrorEngine`] compares two engines;
//! [`CountingEngine`] counts what is read.
//! Nothing here is for keeping data.

mod counting;
mod cut;
mod failing;
mod mirror;
mod recording;

pub use counting::CountingEngine;
pub use cut::Cut;
pub use failing::FailingEngine;
pub use mirror::MirrorEngine;
pub use recording::RecordingDisk;

/// Seeded numbers without order: splitmix64, by Sebastiano Vigna (public domain).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }
}
