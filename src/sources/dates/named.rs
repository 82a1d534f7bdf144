//! Dates with the name of the month, which are in no doubt: `20-Oct-2026`, `3 February 2026 09:12`.
use jiff::civil::Date;

use super::{Moment, digits, read_clock};

/// The months in English.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// As much of a month as tells it from the others.
const SHORTEST: usize = 3;

/// Reads one: the day, the month, the year in four digits, and perhaps a time of day.
pub(super) fn read(text: &str) -> Option<Moment> {
    let mut parts = text.split([' ', '-']).filter(|part| !part.is_empty());
    let (day, name, year) = (parts.next()?, parts.next()?, parts.next()?);
    let name = name.to_ascii_lowercase();
    let is_meant = |month: &&str| name.len() >= SHORTEST && month.starts_with(&name);
    let month = (1..).zip(&MONTHS).find(|(_, month)| is_meant(month)).map(|(month, _)| month)?;
    let year = year.trim_end_matches(',');
    let year = digits(year).filter(|_| year.len() == 4)?;
    let date = Date::new(year, month, digits(day)?).ok()?;
    let (clock, half) = (parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    match clock {
        Some(clock) => Some(Moment::Wall(date.to_datetime(read_clock(clock, half)?))),
        None => Some(Moment::Day(date)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_month_by_its_name_leaves_no_doubt() {
        let day = date(2026, 10, 3);
        for text in ["3-Oct-2026", "03 October 2026", "3 OCT 2026"] {
            assert_eq!(read(text), Some(Moment::Day(day)), "{text}");
        }
        for text in ["3 Oct 2026 14:05", "03-Oct-2026, 2:05 PM"] {
            assert_eq!(read(text), Some(Moment::Wall(day.at(14, 5, 0, 0))), "{text}");
        }
        for text in [
            "31-Feb-2026",
            "3-Oct-26",
            "3 Oc 2026",
            "3 Octopus 2026",
            "Oct 3 2026",
            "3 Oct",
            "3 Oct 2026 noon",
            "3 Oct 226,",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
