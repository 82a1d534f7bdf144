//! The hours in which messages leave: a window of every day, and open days only where that is asked for.
//!
//! Everything is asked about an instant in the policy's zone, so that a window means what the clock on the wall says,
//! also in the two nights in which that clock is moved. Nothing here knows what waits or how much may leave.

use jiff::{
    ToSpan, Zoned,
    civil::{Date, Time},
};

use super::calendar::Calendar;

/// How far ahead an opening is looked for: no run of closed days is as long.
const LONGEST_REST_DAYS: i64 = 31;

/// The hours of a day in which messages leave, in the policy's zone; `from` is before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub from: Time,
    /// The first moment after.
    pub to: Time,
}

/// When messages leave.
#[derive(Debug, Clone, Copy)]
pub struct Hours<'a> {
    /// The hours of a day; `None` for all of them.
    pub window: Option<Window>,
    /// A message without an `any_day` notice leaves on open days only.
    pub working_days: bool,
    /// Which days are open.
    pub calendar: &'a Calendar,
}

impl Hours<'_> {
    /// Whether a message may leave at `now`, an instant in the policy's zone. `is_any_day`: one of its notices is of
    /// an `any_day` stage, which leaves on closed days too, within the window.
    #[must_use]
    pub fn may_leave(&self, now: &Zoned, is_any_day: bool) -> bool {
        let is_within = self.window.is_none_or(|window| (window.from..window.to).contains(&now.time()));
        is_within && self.is_open(now.date(), is_any_day)
    }

    fn is_open(&self, day: Date, is_any_day: bool) -> bool {
        is_any_day || !self.working_days || !self.calendar.is_closed(day)
    }

    /// The first instant from `now` on at which such a message may leave; a month ahead when none is nearer, to look
    /// again then.
    ///
    /// A clock that is put forward can jump into the window, one that is put back can fall into it a second time: so
    /// both readings of the window's beginning count, and so does the jump itself.
    #[must_use]
    pub fn next_opening(&self, now: &Zoned, is_any_day: bool) -> Zoned {
        let may_leave = |at: &Zoned| at >= now && self.may_leave(at, is_any_day);
        if may_leave(now) {
            return now.clone();
        }
        let zone = now.time_zone();
        let last = now.date().saturating_add(LONGEST_REST_DAYS.days());
        let days = now.date().series(1.day()).take_while(|day| *day <= last);
        let opening = days.flat_map(|day| self.beginnings(now, day)).find(may_leave);
        let jump = zone.following(now.timestamp()).next().map(|at| at.timestamp().to_zoned(zone.clone()));
        let first = opening.into_iter().chain(jump.filter(may_leave)).min();
        first.unwrap_or_else(|| now.saturating_add(LONGEST_REST_DAYS.days()))
    }

    /// The instants at which the window of a day begins, earliest first: two when the clock shows them twice.
    fn beginnings(&self, now: &Zoned, day: Date) -> impl Iterator<Item = Zoned> {
        let at = day.to_datetime(self.window.map_or(Time::midnight(), |window| window.from));
        let ambiguous = now.time_zone().to_ambiguous_zoned(at);
        [ambiguous.clone().earlier(), ambiguous.later()].into_iter().flatten()
    }

    /// When the hours that are open at `now` end: with the window, else with the day. Where the clock shows the end
    /// twice, the second time.
    #[must_use]
    pub(super) fn closing(&self, now: &Zoned) -> Zoned {
        let midnight = || now.date().tomorrow().unwrap_or(Date::MAX).to_datetime(Time::midnight());
        let at = self.window.map_or_else(midnight, |window| now.date().to_datetime(window.to));
        now.time_zone().to_ambiguous_zoned(at).later().unwrap_or_else(|_| now.clone())
    }
}

#[cfg(test)]
mod tests {
    use jiff::{
        civil::{date, time},
        tz::TimeZone,
    };

    use super::*;

    /// The window, in hours and minutes.
    fn window(from: (i8, i8), to: (i8, i8)) -> Window {
        Window { from: time(from.0, from.1, 0, 0), to: time(to.0, to.1, 0, 0) }
    }

    fn christmas() -> Calendar {
        Calendar::new([date(2026, 12, 25), date(2026, 12, 28)])
    }

    /// An instant, shown on a clock in London.
    fn london(text: &str) -> Zoned {
        let at: jiff::Timestamp = text.parse().expect("an instant");
        at.to_zoned(TimeZone::get("Europe/London").expect("bundled"))
    }

    #[test]
    fn a_message_leaves_within_the_window_and_on_open_days_where_that_is_asked_for() {
        let calendar = christmas();
        let table = [
            ("2026-11-20T07:59:59Z", false, false, false, "before the window"),
            ("2026-11-20T08:00:00Z", true, true, true, "its first moment, a Friday"),
            ("2026-11-20T17:59:59Z", true, true, true, "its last moment"),
            ("2026-11-20T18:00:00Z", false, false, false, "after it"),
            ("2026-11-21T10:00:00Z", true, false, true, "a Saturday"),
            ("2026-12-28T10:00:00Z", true, false, true, "a bank holiday"),
            ("2026-12-28T20:00:00Z", false, false, false, "a bank holiday, too late for any"),
            ("2026-07-01T07:00:00Z", true, true, true, "8am in summer"),
        ];
        for (at, every_day, open_days, open_days_any, why) in table {
            let hours =
                |working_days| Hours { window: Some(window((8, 0), (18, 0))), working_days, calendar: &calendar };
            assert_eq!(hours(false).may_leave(&london(at), false), every_day, "{why}");
            assert_eq!(hours(true).may_leave(&london(at), false), open_days, "{why}");
            assert_eq!(hours(true).may_leave(&london(at), true), open_days_any, "{why}: any day");
        }
    }

    #[test]
    fn the_next_opening_is_the_first_moment_that_is_open() {
        let calendar = christmas();
        let day = Some(window((8, 0), (18, 0)));
        let table = [
            (None, false, "2026-11-21T03:00:00Z", "2026-11-21T03:00:00Z", "always open"),
            (day, true, "2026-11-20T09:30:00Z", "2026-11-20T09:30:00Z", "open now"),
            (day, true, "2026-11-20T06:00:00Z", "2026-11-20T08:00:00Z", "later that day"),
            (day, true, "2026-11-20T18:00:00Z", "2026-11-23T08:00:00Z", "after the weekend"),
            (day, false, "2026-11-20T18:00:00Z", "2026-11-21T08:00:00Z", "the next day"),
            (day, true, "2026-12-24T18:00:00Z", "2026-12-29T08:00:00Z", "after Christmas"),
            (None, true, "2026-12-25T01:00:00Z", "2026-12-29T00:00:00Z", "the midnight after Christmas"),
            (day, false, "2026-03-28T19:00:00Z", "2026-03-29T07:00:00Z", "8am after the clock was put forward"),
            (day, false, "2026-10-24T18:00:00Z", "2026-10-25T08:00:00Z", "8am after it was put back"),
        ];
        for (window, working_days, now, expected, why) in table {
            let hours = Hours { window, working_days, calendar: &calendar };
            let opening = hours.next_opening(&london(now), false);
            assert_eq!(opening, london(expected), "{why}");
            assert!(hours.may_leave(&opening, false), "{why}");
        }
    }

    #[test]
    fn a_window_in_the_night_when_the_clock_is_put_forward_opens_with_the_jump_or_not_at_all() {
        let calendar = Calendar::default();
        let opening = |window, now| {
            let hours = Hours { window: Some(window), working_days: false, calendar: &calendar };
            hours.next_opening(&london(now), false)
        };
        // On 29 March 2026 the clock goes from 00:59:59 to 02:00:00, at 01:00 UTC.
        let before = "2026-03-29T00:30:00Z";
        assert_eq!(opening(window((1, 30), (3, 0)), before), london("2026-03-29T01:00:00Z"), "2am, the jump");
        assert_eq!(opening(window((1, 15), (1, 45)), before), london("2026-03-30T00:15:00Z"), "not in that night");
        assert_eq!(opening(window((2, 30), (3, 0)), before), london("2026-03-29T01:30:00Z"), "half an hour after");
    }

    #[test]
    fn a_window_in_the_night_when_the_clock_is_put_back_opens_twice() {
        let calendar = Calendar::default();
        let opening = |window, now| {
            let hours = Hours { window: Some(window), working_days: false, calendar: &calendar };
            hours.next_opening(&london(now), false)
        };
        // On 25 October 2026 the clock goes from 01:59:59 back to 01:00:00, at 01:00 UTC.
        let quarter = window((1, 15), (1, 45));
        assert_eq!(opening(quarter, "2026-10-25T00:00:00Z"), london("2026-10-25T00:15:00Z"), "the first time");
        assert_eq!(opening(quarter, "2026-10-25T00:50:00Z"), london("2026-10-25T01:15:00Z"), "the second time");
        assert_eq!(opening(quarter, "2026-10-25T01:50:00Z"), london("2026-10-26T01:15:00Z"), "the next night");
        let across = window((0, 30), (1, 20));
        assert_eq!(opening(across, "2026-10-25T00:30:00Z"), london("2026-10-25T01:00:00Z"), "the jump falls into it");
    }

    #[test]
    fn when_nothing_opens_somebody_looks_again_in_a_month() {
        let closed = Calendar::new(date(2026, 11, 1).series(1.day()).take(100));
        let hours = Hours { window: None, working_days: true, calendar: &closed };
        let now = london("2026-11-20T09:00:00Z");
        assert_eq!(hours.next_opening(&now, false), london("2026-12-21T09:00:00Z"));
        assert_eq!(hours.next_opening(&now, true), now);
    }
}
