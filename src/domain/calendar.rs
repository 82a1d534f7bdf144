//! Open and closed days (domain rules 4 and 7).
//!
//! A closed day is a Saturday, a Sunday or a bank holiday of the configured division; every other day is open.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};

/// Fewer holidays than this in a year's list, and that year is taken from the embedded list.
const FEWEST_HOLIDAYS_IN_A_YEAR: usize = 6;

/// The days on which nobody is at work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    holidays: BTreeSet<Date>,
}

impl Calendar {
    /// A calendar of exactly these holidays; weekends are closed in any case.
    #[must_use]
    pub fn new(holidays: impl IntoIterator<Item = Date>) -> Self {
        Self { holidays: holidays.into_iter().collect() }
    }

    /// The configured list, with every year of which it holds fewer than 6 days taken from `embedded`.
    /// Returns the calendar and the years so replaced, for a warning.
    #[must_use]
    pub fn with_fallback(configured: &BTreeSet<Date>, embedded: &BTreeSet<Date>) -> (Self, Vec<i16>) {
        let years: BTreeSet<i16> = configured.iter().chain(embedded).map(|day| day.year()).collect();
        let mut holidays = BTreeSet::new();
        let mut replaced = Vec::new();
        for year in years {
            let of = |list: &BTreeSet<Date>| list.iter().copied().filter(|day| day.year() == year).collect::<Vec<_>>();
            let own = of(configured);
            if own.len() >= FEWEST_HOLIDAYS_IN_A_YEAR {
                holidays.extend(own);
            } else {
                holidays.extend(of(embedded));
                replaced.push(year);
            }
        }
        (Self { holidays }, replaced)
    }

    /// The last holiday known.
    #[must_use]
    pub fn ends_on(&self) -> Option<Date> {
        self.holidays.last().copied()
    }

    /// Whether nobody is expected to read anything on this day.
    #[must_use]
    pub fn is_closed(&self, day: Date) -> bool {
        matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) || self.holidays.contains(&day)
    }

    /// `day` itself when open, else the nearest open day before it.
    #[must_use]
    pub fn open_on_or_before(&self, day: Date) -> Date {
        self.nearest_open(day, Date::yesterday)
    }

    /// `day` itself when open, else the nearest open day after it.
    #[must_use]
    pub fn open_on_or_after(&self, day: Date) -> Date {
        self.nearest_open(day, Date::tomorrow)
    }

    fn nearest_open(&self, day: Date, step: impl Fn(Date) -> Result<Date, jiff::Error>) -> Date {
        let mut day = day;
        while self.is_closed(day) {
            match step(day) {
                Ok(next) => day = next,
                Err(_) => break,
            }
        }
        day
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn weekends_and_holidays_are_closed_and_the_nearest_open_day_is_found() {
        let calendar = Calendar::new([date(2026, 12, 25), date(2026, 12, 28)]);
        assert!(calendar.is_closed(date(2026, 12, 26)), "a Saturday");
        assert_eq!(calendar.open_on_or_before(date(2026, 12, 28)), date(2026, 12, 24));
        assert_eq!(calendar.open_on_or_after(date(2026, 12, 25)), date(2026, 12, 29));
        assert_eq!(calendar.open_on_or_after(date(2026, 12, 29)), date(2026, 12, 29));
    }

    #[test]
    fn a_year_with_fewer_than_six_days_comes_from_the_embedded_list() {
        let embedded = BTreeSet::from([date(2026, 12, 25), date(2027, 1, 1)]);
        let six = (1..=6).map(|day| date(2027, 6, day));
        let configured: BTreeSet<_> = six.chain([date(2026, 7, 1)]).collect();
        let (calendar, replaced) = Calendar::with_fallback(&configured, &embedded);
        assert_eq!(replaced, [2026]);
        assert!(calendar.is_closed(date(2026, 12, 25)) && !calendar.is_closed(date(2026, 7, 1)));
        assert!(calendar.is_closed(date(2027, 6, 1)) && !calendar.is_closed(date(2027, 1, 1)));
    }
}
