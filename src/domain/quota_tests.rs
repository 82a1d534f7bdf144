//! What a quota leaves, and when a backlog is done.

use jiff::{
    civil::{date, time},
    tz::TimeZone,
};

use super::{
    super::{calendar::Calendar, hours::Window},
    *,
};

const NONE: Quota = Quota { per_minute: None, per_day: None, connections: None };

fn london(text: &str) -> Zoned {
    let at: jiff::Timestamp = text.parse().expect("an instant");
    at.to_zoned(TimeZone::get("Europe/London").expect("bundled"))
}

const DAY: Window = Window { from: time(8, 0, 0, 0), to: time(18, 0, 0, 0) };

#[test]
fn the_smaller_rest_decides_and_its_limit_is_named() {
    use Limit::{PerDay, PerMinute};
    let exchange = Quota::EXCHANGE;
    let table = [
        (NONE, 500, (1_000, 100_000), (500, None)),
        (exchange, 6, (0, 0), (6, None)),
        (exchange, 30, (0, 0), (30, None)),
        (exchange, 31, (0, 0), (30, Some(PerMinute))),
        (exchange, 6, (29, 0), (1, Some(PerMinute))),
        (exchange, 6, (30, 0), (0, Some(PerMinute))),
        (exchange, 6, (31, 0), (0, Some(PerMinute))),
        (exchange, 6, (0, 9_998), (2, Some(PerDay))),
        (exchange, 6, (30, 10_000), (0, Some(PerDay))),
        (exchange, 6, (0, u64::MAX), (0, Some(PerDay))),
        (Quota::RELAY, 9, (1_000, 100_000), (9, None)),
    ];
    for (quota, wanted, (minute, day), expected) in table {
        assert_eq!(quota.room(wanted, minute, day), expected, "{quota:?} {wanted} {minute} {day}");
    }
    assert!(NONE.is_open() && !exchange.is_open());
}

/// When so many messages are done, by a quota, with or without a window and working days.
fn done(waiting: u64, sent: u64, quota: Quota, window: Option<Window>, working_days: bool, now: &str) -> Option<Zoned> {
    let calendar = Calendar::new([date(2026, 12, 25), date(2026, 12, 28)]);
    finish_estimate(waiting, sent, &quota, Hours { window, working_days, calendar: &calendar }, &london(now))
}

#[test]
fn a_backlog_is_done_when_the_slowest_limit_lets_the_last_message_out() {
    let exchange = Quota::EXCHANGE;
    let morning = "2026-11-20T08:00:00Z";
    let table = [
        (0, 0, exchange, None, None, "nothing waits"),
        (30, 0, exchange, None, Some("2026-11-20T08:01:00Z"), "a minute's worth"),
        (31, 0, exchange, None, Some("2026-11-20T08:01:02Z"), "and one more"),
        (10_000, 0, exchange, None, Some("2026-11-20T13:33:20Z"), "a day's worth"),
        (10_001, 0, exchange, None, Some("2026-11-21T08:00:02Z"), "and one more, a day after the first"),
        (20_000, 0, exchange, None, Some("2026-11-21T13:33:20Z"), "two days' worth"),
        (100, 9_950, exchange, None, Some("2026-11-21T08:01:40Z"), "today's quota was nearly spent"),
        (10, 20_000, exchange, None, Some("2026-11-21T08:00:20Z"), "and more than spent"),
        (20_000, 0, exchange, Some(DAY), Some("2026-11-21T13:33:20Z"), "ten hours a day are enough"),
        (500_000, 0, NONE, None, Some(morning), "no limit: as fast as the server"),
        (400, 0, Quota { per_day: Some(1), ..NONE }, None, None, "more than a year"),
    ];
    for (waiting, sent, quota, window, expected, why) in table {
        assert_eq!(done(waiting, sent, quota, window, false, morning), expected.map(london), "{why}");
    }
}

#[test]
fn a_backlog_rests_outside_the_window_and_on_closed_days() {
    let slow = Quota { per_minute: Some(1), ..NONE };
    let table = [
        (60, "2026-11-20T17:30:00Z", "2026-11-23T08:30:00Z", "half on Friday, half on Monday"),
        (600, "2026-11-20T08:00:00Z", "2026-11-20T18:00:00Z", "a day to the last minute"),
        (601, "2026-12-24T08:00:00Z", "2026-12-29T08:01:00Z", "one more, after Christmas"),
        (30, "2026-11-21T12:00:00Z", "2026-11-23T08:30:00Z", "from a Saturday"),
    ];
    for (waiting, now, expected, why) in table {
        assert_eq!(done(waiting, 0, slow, Some(DAY), true, now), Some(london(expected)), "{why}");
    }
    assert_eq!(done(1, 0, NONE, Some(DAY), true, "2026-11-21T12:00:00Z"), Some(london("2026-11-23T08:00:00Z")));
}

#[test]
fn a_night_of_a_changed_clock_has_as_many_minutes_as_it_has() {
    let slow = Quota { per_minute: Some(1), ..NONE };
    let night = Some(Window { from: time(0, 0, 0, 0), to: time(4, 0, 0, 0) });
    let table = [
        (240, "2026-03-27T00:00:00Z", "2026-03-27T04:00:00Z", "four hours of an ordinary night"),
        (180, "2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z", "three when the clock is put forward"),
        (181, "2026-03-29T00:00:00Z", "2026-03-29T23:01:00Z", "the next begins at midnight, summer time"),
        (300, "2026-10-24T23:00:00Z", "2026-10-25T04:00:00Z", "five when it is put back"),
        (301, "2026-10-24T23:00:00Z", "2026-10-26T00:01:00Z", "the next begins at midnight, winter time"),
    ];
    for (waiting, now, expected, why) in table {
        assert_eq!(done(waiting, 0, slow, night, false, now), Some(london(expected)), "{why}");
    }
}

/// Sends a backlog attempt by attempt, each as soon as the true sliding quota lets it out.
fn last_sent(waiting: usize, quota: Quota, now: &str) -> Zoned {
    let mut sent: Vec<Zoned> = Vec::new();
    let mut at = london(now);
    while sent.len() < waiting {
        let within = |length: SignedDuration| {
            let count = sent.iter().rev().take_while(|before| at.duration_since(before) < length).count();
            u64::try_from(count).expect("small")
        };
        let minute = within(SignedDuration::from_secs(60));
        match quota.room(1, minute, within(SignedDuration::from_hours(24))) {
            (0, Some(Limit::PerDay)) => at = at.saturating_add(SignedDuration::from_mins(1)),
            (0, _) => at = at.saturating_add(SignedDuration::from_secs(1)),
            _ => sent.push(at.clone()),
        }
    }
    sent.pop().expect("somebody waited")
}

#[test]
fn the_estimate_is_where_asking_for_room_each_time_ends() {
    for (waiting, per_minute, per_day) in [(90, 30, 1_000), (250, 10, 100), (100, 7, 33)] {
        let quota = Quota { per_minute: Some(per_minute), per_day: Some(per_day), connections: None };
        let now = "2026-11-20T08:00:00Z";
        let count = u64::try_from(waiting).expect("small");
        let estimate = done(count, 0, quota, None, false, now).expect("within a year");
        let off = estimate.duration_since(&last_sent(waiting, quota, now)).abs();
        assert!(off <= SignedDuration::from_mins(5), "{waiting} at {quota:?}: {off} off");
    }
}

#[test]
fn presets_have_words_and_the_end_of_the_calendar_is_no_trap() {
    assert_eq!(Quota::PRESETS.map(|(word, _)| word), ["exchange", "hve", "relay"]);
    let last = jiff::Timestamp::MAX.to_zoned(TimeZone::UTC);
    let calendar = Calendar::default();
    let hours = Hours { window: None, working_days: false, calendar: &calendar };
    assert_eq!(finish_estimate(5, 0, &Quota::EXCHANGE, hours, &last), None, "the calendar ends");
}
