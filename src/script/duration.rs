//! Durations as people write them: a number and one unit, as `30d`.

/// Microseconds of a duration with one unit; none if it is no duration, or longer than a thousand years.
pub(crate) fn duration(amount: &str) -> Option<i64> {
    let digits = amount.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = amount.split_at(digits);
    let unit: i64 = match unit {
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return None,
    };
    // A thousand years: beyond that sums of durations could leave the range of time.
    const MOST: i64 = 1_000 * 366 * 86_400_000_000;
    number.parse::<i64>().ok()?.checked_mul(unit).filter(|micros| *micros <= MOST)
}
