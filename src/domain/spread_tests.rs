use jiff::{civil::date, tz::TimeZone};

use super::*;

fn london(text: &str) -> Zoned {
    let at: jiff::Timestamp = text.parse().expect("an instant");
    at.to_zoned(TimeZone::get("Europe/London").expect("bundled"))
}

/// Messages with deadlines so many days after 20 November 2026, a Friday.
fn waiting(needs_open_day: bool, deadlines: &[i64]) -> Vec<Waiting> {
    let on = |days: &i64| date(2026, 11, 20).saturating_add(days.days());
    deadlines.iter().map(|days| Waiting { deadline_on: on(days), needs_open_day }).collect()
}

/// On which day after 20 November each leaves.
fn days_of(messages: &[Waiting], days: u16, now: &str) -> Vec<i32> {
    let now = london(now);
    let calendar = Calendar::new([]);
    let day = |at: &Zoned| {
        assert_eq!(at.time(), now.time(), "at the same time of day");
        at.date().since((jiff::Unit::Day, date(2026, 11, 20))).expect("near").get_days()
    };
    spread(messages, days, &now, &calendar).iter().map(day).collect()
}

const FRIDAY: &str = "2026-11-20T08:00:00Z";
const SATURDAY: &str = "2026-11-21T08:00:00Z";

#[test]
fn every_day_takes_an_equal_share_and_the_urgent_go_first() {
    let table: [(&[i64], u16, &[i32], &str); 8] = [
        (&[], 5, &[], "nothing"),
        (&[30, 31, 32, 33, 34, 35], 3, &[0, 0, 1, 1, 2, 2], "two a day"),
        (&[35, 34, 33, 32, 31, 30], 3, &[2, 2, 1, 1, 0, 0], "whatever their order"),
        (&[30, 30, 30, 30, 30, 30, 30], 3, &[0, 0, 0, 1, 1, 2, 2], "never more than one apart"),
        (&[30, 40], 5, &[0, 2], "fewer messages than days"),
        (&[30, 40, 50], 1, &[0, 0, 0], "one day"),
        (&[30], 0, &[0], "no day is today"),
        (&[1, 2, 3, 90], 4, &[0, 1, 2, 3], "each in time"),
    ];
    for (deadlines, days, expected, why) in table {
        assert_eq!(days_of(&waiting(false, deadlines), days, FRIDAY), expected, "{why}");
    }
}

#[test]
fn nothing_leaves_later_than_the_day_before_its_deadline() {
    let table: [(&[i64], u16, &[i32], &str); 3] = [
        (&[1, 1, 1, 1], 4, &[0, 0, 0, 0], "a deadline tomorrow"),
        (&[0, -3, 2, 2, 30, 30], 6, &[0, 0, 1, 1, 4, 5], "a deadline today or past leaves now"),
        (&[3, 3, 3, 3, 3, 3], 6, &[0, 1, 2, 2, 2, 2], "all on the last days"),
    ];
    for (deadlines, days, expected, why) in table {
        assert_eq!(days_of(&waiting(false, deadlines), days, FRIDAY), expected, "{why}");
    }
}

#[test]
fn what_needs_an_open_day_leaves_on_one_and_the_rest_on_any() {
    assert_eq!(days_of(&waiting(true, &[30, 31, 32, 33]), 4, FRIDAY), [0, 0, 3, 3], "Friday and Monday");
    assert_eq!(days_of(&waiting(true, &[2, 2, 40]), 4, FRIDAY), [0, 0, 3], "the last open day in time");
    assert_eq!(days_of(&waiting(true, &[30, 31]), 2, SATURDAY), [3, 3], "no open day: the next");
    assert_eq!(days_of(&waiting(true, &[2]), 3, SATURDAY), [3], "none in time: the first");
    let both = [waiting(true, &[30, 31]), waiting(false, &[30, 31])].concat();
    assert_eq!(days_of(&both, 2, FRIDAY), [0, 0, 0, 1], "each kind in its own days");
}

#[test]
fn the_clock_on_the_wall_shows_the_same_time_on_every_day() {
    let now = london("2026-10-24T07:00:00Z");
    let message = Waiting { deadline_on: date(2026, 12, 1), needs_open_day: false };
    let at = spread(&[message, message], 2, &now, &Calendar::new([]));
    assert_eq!(at, [now, london("2026-10-25T08:00:00Z")]);
}
