//! Civil dates as numbers: days from one to another, and one number each where many are kept in little room.

use jiff::civil::Date;

/// The oldest year there is, so that no year is below nought.
const YEAR_ZERO: i32 = -9_999;

/// A civil date as a number that grows with it.
#[must_use]
pub fn number(date: Date) -> u32 {
    let year = u32::try_from(i32::from(date.year()) - YEAR_ZERO).unwrap_or(0);
    let small = |part: i8| u32::from(part.unsigned_abs());
    (year << 9) | (small(date.month()) << 5) | small(date.day())
}

/// The civil date of its number.
#[must_use]
pub fn date(number: u32) -> Option<Date> {
    let part = |value: u32| i8::try_from(value).unwrap_or(0);
    let year = i32::try_from(number >> 9).ok()? + YEAR_ZERO;
    Date::new(i16::try_from(year).ok()?, part((number >> 5) & 15), part(number & 31)).ok()
}

/// Whole days from one date to another; negative when the other is earlier.
#[must_use]
pub fn days_between(from: Date, to: Date) -> i32 {
    to.since((jiff::Unit::Day, from)).map(|span| span.get_days()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::civil;

    use super::*;

    #[test]
    fn days_keep_their_order_and_come_back() {
        let days = [Date::MIN, civil::date(-1, 12, 31), civil::date(2026, 2, 28), civil::date(2026, 11, 21), Date::MAX];
        let numbers = days.map(number);
        assert!(numbers.is_sorted());
        assert_eq!(numbers.map(date), days.map(Some));
        assert_eq!(date(number(civil::date(2026, 2, 28)) + 1), None);
    }
}
