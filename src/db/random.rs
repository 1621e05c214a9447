//! Where random bits come from. Injected, so that tests and scenarios have their own.

use std::fmt;

use crate::error::Error;
use crate::ids::{ReplicaId, RowId};
use crate::value::Timestamp;

/// A source of random bytes for ids.
///
/// ```
/// use reunite::Database;
/// use reunite::db::Random;
/// use reunite::error::Error;
/// /// Counts, so that tests have ids that people can read.
/// #[derive(Debug)]
/// struct Counting(u8);
/// impl Random for Counting {
///     fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
///         self.0 += 1;
///         bytes.fill(self.0);
///         Ok(())
///     }
/// }
/// let db = Database::builder().random(Counting(0)).in_memory()?;
/// assert!(db.replica_id().to_string().starts_with("01010101"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Random: Send + fmt::Debug {
    /// Fills the bytes.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error>;
}

/// The operating system's random source.
///
/// ```
/// use reunite::db::{Random, SystemRandom};
/// let mut bytes = [0; 32];
/// SystemRandom.fill(&mut bytes)?;
/// assert_ne!(bytes, [0; 32]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        getrandom::fill(bytes).map_err(|error| Error::io("reading random bytes", error.into()))
    }
}

/// Random bytes that follow from a seed (SplitMix64). Not for anything secret.
///
/// ```
/// use reunite::db::{Random, SeededRandom};
/// let (mut a, mut b) = ([0; 4], [0; 4]);
/// SeededRandom::new(7).fill(&mut a)?;
/// SeededRandom::new(7).fill(&mut b)?;
/// assert_eq!(a, b);
/// # Ok::<(), reunite::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SeededRandom(u64);

impl SeededRandom {
    /// Equal seeds give equal bytes.
    ///
    /// ```
    /// use reunite::{Database, db::SeededRandom};
    /// let db = Database::builder().random(SeededRandom::new(1)).in_memory()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn new(seed: u64) -> SeededRandom {
        SeededRandom(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl Random for SeededRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next().to_be_bytes();
            chunk.iter_mut().zip(random).for_each(|(byte, random)| *byte = random);
        }
        Ok(())
    }
}

/// A new row id: a UUIDv7, so that rows inserted later come later.
pub(super) fn row_id(random: &mut dyn Random, now: Timestamp) -> Result<RowId, Error> {
    let mut bytes = [0; 10];
    random.fill(&mut bytes)?;
    let millis = u64::try_from(now.0 / 1000).unwrap_or(0);
    Ok(RowId(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()))
}

/// A new replica id.
pub(super) fn replica_id(random: &mut dyn Random) -> Result<ReplicaId, Error> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    Ok(ReplicaId(uuid::Builder::from_random_bytes(bytes).into_uuid()))
}
