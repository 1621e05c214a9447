//! The scalar types that need more than a Rust primitive: reals without NaN, timestamps, canonical JSON.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A 64-bit floating point number that is never NaN and never `-0.0`, hence totally ordered.
#[derive(Clone, Copy, Debug)]
pub struct Real(f64);

impl Real {
    /// None for NaN. `-0.0` becomes `0.0`.
    ///
    /// ```
    /// use reunite::value::Real;
    /// assert_eq!(Real::new(-0.0), Real::new(0.0));
    /// assert_eq!(Real::new(f64::NAN), None);
    /// ```
    #[must_use]
    pub fn new(number: f64) -> Option<Real> {
        (!number.is_nan()).then_some(Real(number + 0.0))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl PartialEq for Real {
    fn eq(&self, other: &Real) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Real {}

impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Real) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Real {
    fn cmp(&self, other: &Real) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for Real {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// Microseconds since 1970-01-01T00:00:00Z. Negative before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A JSON value as canonical text (RFC 8785): equal values are equal text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json(String);

impl Json {
    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
