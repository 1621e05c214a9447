//! Reals without NaN. Does not print or parse them: see `text.rs`.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A 64-bit floating point number that is never NaN and never `-0.0`, hence totally ordered.
///
/// ```
/// use reunite::value::Real;
/// let mut prices = [Real::try_from(8.5)?, Real::try_from(8.2)?];
/// prices.sort(); // f64 has no total order, and so no sort()
/// assert_eq!(prices.map(Real::get), [8.2, 8.5]);
/// assert!(Real::try_from(f64::NAN).is_err());
/// # Ok::<(), reunite::value::ValueError>(())
/// ```
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

impl Real {
    /// The real that is exactly this integer; none if there is none.
    ///
    /// ```
    /// use reunite::value::Real;
    /// assert_eq!(Real::exactly(3), Real::new(3.0));
    /// assert_eq!(Real::exactly((1 << 53) + 1), None);
    /// ```
    #[must_use]
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // Compared exactly, in i128.
    pub fn exactly(integer: i64) -> Option<Real> {
        let number = integer as f64;
        (number as i128 == i128::from(integer)).then_some(Real(number))
    }
}
