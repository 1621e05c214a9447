//! The hybrid logical clock: wall time that never runs backwards and exceeds all it has seen.
//!
//! After Kulkarni et al., "Logical Physical Clocks" (2014), with the counter folded into the
//! microseconds: a reading is `max(wall clock, last reading + 1)`.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::value::Timestamp;

/// A reading of a hybrid logical clock: microseconds since 1970-01-01T00:00:00Z, or more where that
/// would not exceed what the clock has seen.
///
/// See [`HybridClock`] for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hlc(pub u64);

impl Hlc {
    /// The time of this reading, for people.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp(i64::try_from(self.0).unwrap_or(i64::MAX))
    }
}

/// Where the time comes from. Injected, so that tests and scenarios have their own.
///
/// ```
/// use std::sync::Arc;
/// use reunite::{Database, value::Timestamp, version::Clock};
/// /// The time of a device whose owner set it an hour ahead.
/// #[derive(Debug)]
/// struct Ahead<C>(C);
/// impl<C: Clock> Clock for Ahead<C> {
///     fn now(&self) -> Timestamp {
///         Timestamp(self.0.now().0 + 3_600_000_000)
///     }
/// }
/// let clock = Arc::new(Ahead(reunite::version::SystemClock));
/// let db = Database::builder().clock(clock).in_memory()?;
/// # Ok::<(), reunite::Error>(())
/// ```
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall clock's time. It may jump, and it may be wrong.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
///
/// ```
/// use reunite::version::{Clock, SystemClock};
/// assert!(SystemClock.now() > "2020-01-01T00:00:00Z".parse()?);
/// # Ok::<(), reunite::value::ValueError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Timestamp(micros)
    }
}

/// A clock that moves only when told to.
///
/// ```
/// use reunite::value::Timestamp;
/// use reunite::version::{Clock, ManualClock};
/// let clock = ManualClock::new(Timestamp(5));
/// clock.advance(2);
/// assert_eq!(clock.now(), Timestamp(7));
/// ```
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> ManualClock {
        ManualClock(AtomicI64::new(start.0))
    }

    /// Moves it by so many microseconds; backwards if negative.
    pub fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// The state of a hybrid logical clock: its greatest reading so far.
///
/// ```
/// use reunite::value::Timestamp;
/// use reunite::version::{Hlc, HybridClock};
/// let mut clock = HybridClock::default();
/// clock.observe(Hlc(9));
/// assert_eq!(clock.tick(Timestamp(3)), Hlc(10)); // the wall clock is behind what was seen
/// assert_eq!(clock.tick(Timestamp(20)), Hlc(20));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HybridClock {
    last: Hlc,
}

impl HybridClock {
    /// A clock whose next reading exceeds `last`.
    #[must_use]
    pub const fn after(last: Hlc) -> HybridClock {
        HybridClock { last }
    }

    /// The greatest reading so far.
    #[must_use]
    pub const fn last(self) -> Hlc {
        self.last
    }

    /// A reading greater than all before and all observed.
    pub fn tick(&mut self, now: Timestamp) -> Hlc {
        let wall = u64::try_from(now.0).unwrap_or(0);
        self.last = Hlc(wall.max(self.last.0.saturating_add(1)));
        self.last
    }

    /// Takes notice of a reading made elsewhere.
    pub fn observe(&mut self, seen: Hlc) {
        self.last = self.last.max(seen);
    }
}
