//! Points in time: microseconds in UTC, and their RFC 3339 text. Reads no clock and no time zone.

use super::{Type, ValueError};
use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use std::fmt;
use std::str::FromStr;

/// Microseconds since 1970-01-01T00:00:00Z. Negative before.
///
/// A column holds those from [`Timestamp::MIN`] to [`Timestamp::MAX`], the years of RFC 3339.
///
/// ```
/// use reunite::value::Timestamp;
/// let moment: Timestamp = "2024-02-29T23:59:59.5Z".parse()?;
/// assert_eq!(moment, Timestamp(1_709_251_199_500_000));
/// assert_eq!(moment.to_string(), "2024-02-29T23:59:59.500000Z");
/// # Ok::<(), reunite::value::ValueError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// 1970-01-01T00:00:00.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

impl Timestamp {
    /// 0000-01-01T00:00:00.000000Z.
    pub const MIN: Timestamp = Timestamp(-62_167_219_200_000_000);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999_999);

    /// Whether a column may hold it: it is from [`Timestamp::MIN`] to [`Timestamp::MAX`].
    #[must_use]
    pub const fn in_range(self) -> bool {
        self.0 >= Timestamp::MIN.0 && self.0 <= Timestamp::MAX.0
    }
}

impl FromStr for Timestamp {
    type Err = ValueError;

    /// Reads RFC 3339. The offset is required: a time of day without one is a guess.
    fn from_str(text: &str) -> Result<Timestamp, ValueError> {
        let refused = |reason: &str| ValueError::syntax(Type::Timestamp, text, reason);
        let pieces = Pieces::parse(text).map_err(|error| ValueError::syntax(Type::Timestamp, text, error))?;
        let time = pieces.time().ok_or_else(|| refused("the time of day is missing"))?;
        let offset = pieces
            .to_numeric_offset()
            .ok_or_else(|| refused("the offset from UTC is missing: add Z for UTC, or one like +01:00"))?;
        if pieces.time_zone_annotation().is_some() {
            return Err(refused("time zone names are not read"));
        }
        if time.nanosecond() != 0 {
            return Err(refused("it is finer than a microsecond"));
        }
        let local = EPOCH.duration_until(pieces.date().to_datetime(time));
        let utc = local.as_micros() - i128::from(offset.seconds()) * 1_000_000;
        i64::try_from(utc)
            .ok()
            .map(Timestamp)
            .filter(|timestamp| timestamp.in_range())
            .ok_or_else(|| refused("the year is not from 0000 to 9999 in UTC"))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with six digits of a second. What is out of range, and so in no column, prints
    /// as a count of microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match EPOCH.checked_add(SignedDuration::from_micros(self.0)) {
            Ok(civil) if self.in_range() => write!(f, "{civil:.6}Z"),
            _ => write!(f, "{} microseconds", self.0),
        }
    }
}
