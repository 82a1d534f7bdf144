//! Dates as sentences need them.

use jiff::civil::Date;
use serde::Serialize;

/// A date in each of the forms that a sentence can need. A guessed date says "about" in every one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_field_names, reason = "content files read these names: act_by.day, act_by.by_day")]
pub struct Day {
    /// `Monday 23 November 2026`.
    pub day: String,
    /// `23 November 2026`.
    pub long: String,
    /// The same.
    pub short: String,
    /// `23 November`.
    pub short_noyear: String,
    /// `by Monday 23 November 2026`, or `today`.
    pub by_day: String,
    /// `by the end of Monday 23 November 2026`, or `today`.
    pub by_end: String,
    /// `by 23 November 2026`, or `today`.
    pub by: String,
    /// `by 23 November`, or `today`.
    pub by_short: String,
    /// `23 November`, or `Today`: a cell of a table.
    pub cell: String,
}

impl Day {
    /// A date; `about` when it is a guess.
    #[must_use]
    pub fn new(date: Date, about: bool) -> Self {
        let format = |how: &str| format!("{}{}", if about { "about " } else { "" }, date.strftime(how));
        let (day, long, short) = (format("%A %-d %B %Y"), format("%-d %B %Y"), format("%-d %B"));
        Self {
            by_day: format!("by {day}"),
            by_end: format!("by the end of {day}"),
            by: format!("by {long}"),
            by_short: format!("by {short}"),
            short: long.clone(),
            short_noyear: short.clone(),
            cell: short,
            day,
            long,
        }
    }

    /// The last day on which acting helps: the day before `deadline`; `today` when that day is past.
    #[must_use]
    pub fn act_by(deadline: Date, today: Date) -> Self {
        let last = last_day(deadline);
        if last < today { Self::today() } else { Self::new(last, false) }
    }

    fn today() -> Self {
        let today = || "today".to_owned();
        Self {
            day: today(),
            long: today(),
            short: today(),
            short_noyear: today(),
            by_day: today(),
            by_end: today(),
            by: today(),
            by_short: today(),
            cell: "Today".to_owned(),
        }
    }
}

/// The day before a deadline.
#[must_use]
pub fn last_day(deadline: Date) -> Date {
    deadline.yesterday().unwrap_or(deadline)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn act_by_is_the_day_before_or_today() {
        let deadline = date(2026, 11, 24);
        assert_eq!(Day::act_by(deadline, date(2026, 11, 23)).by_day, "by Monday 23 November 2026");
        assert_eq!(Day::act_by(deadline, deadline).by_end, "today");
        assert_eq!(Day::act_by(deadline, date(2026, 12, 1)).cell, "Today");
    }

    #[test]
    fn a_guess_says_about() {
        assert_eq!(Day::new(date(2026, 3, 1), true).day, "about Sunday 1 March 2026");
        assert_eq!(Day::new(date(2026, 3, 1), true).by_short, "by about 1 March");
    }
}
