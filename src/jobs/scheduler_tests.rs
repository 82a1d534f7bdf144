//! The decision about civil days, over both clock changes, downtime and odd schedules.
use jiff::civil::date;

use super::*;

const DAILY: &str = "30 7 * * *";

fn timetable(expression: &str) -> Timetable {
    Timetable::new(expression, TimeZone::get("Europe/London").unwrap()).unwrap()
}

fn zoned(text: &str) -> Zoned {
    text.parse().unwrap()
}

fn at(expression: &str, now: &str, last: Option<Date>) -> Due {
    due(&zoned(now), &timetable(expression), last)
}

fn run(day: Date) -> Due {
    Due::Run { day, skipped: Vec::new() }
}

fn nothing_until(next: &str) -> Due {
    Due::Nothing { next: Some(zoned(next)) }
}

/// Rings the bell every `step` over a span, runs what is due, and returns each run with its local instant.
fn live(expression: &str, from: &str, to: &str, step: jiff::Span) -> Vec<(Date, String)> {
    let timetable = timetable(expression);
    let (mut now, to) = (zoned(from), zoned(to));
    let (mut last, mut runs) = (None, Vec::new());
    while now < to {
        match due(&now, &timetable, last) {
            Due::Baseline { day } => last = Some(day),
            Due::Run { day, skipped } => {
                assert!(skipped.is_empty(), "{now}: {skipped:?}");
                last = Some(day);
                runs.push((day, now.strftime("%H:%M:%S %Z").to_string()));
            }
            Due::Nothing { next } => assert!(next.is_some_and(|next| next > now && Some(next.date()) > last)),
        }
        now = now.checked_add(step).unwrap();
    }
    runs
}

/// The days from `from` on, one for each of `times`.
fn daily(from: Date, times: &[(usize, &str)]) -> Vec<(Date, String)> {
    let times = times.iter().flat_map(|(count, time)| std::iter::repeat_n((*time).to_owned(), *count));
    from.series(jiff::Span::new().days(1)).zip(times).collect()
}

#[test]
fn the_first_start_notes_the_newest_day_and_runs_the_next() {
    let before = at(DAILY, "2026-11-21T06:00:00[Europe/London]", None);
    assert_eq!(before, Due::Baseline { day: date(2026, 11, 20) });
    let after = at(DAILY, "2026-11-21T13:00:00[Europe/London]", None);
    assert_eq!(after, Due::Baseline { day: date(2026, 11, 21) });
    let next = nothing_until("2026-11-22T07:30:00[Europe/London]");
    assert_eq!(at(DAILY, "2026-11-21T13:00:00[Europe/London]", Some(date(2026, 11, 21))), next);
}

#[test]
fn a_run_is_due_from_its_second_on_and_not_before() {
    let (friday, saturday) = (Some(date(2026, 11, 20)), date(2026, 11, 21));
    let next = nothing_until("2026-11-21T07:30:00[Europe/London]");
    assert_eq!(at(DAILY, "2026-11-21T07:29:59.999[Europe/London]", friday), next);
    assert_eq!(at(DAILY, "2026-11-21T07:30:00[Europe/London]", friday), run(saturday));
    assert_eq!(at(DAILY, "2026-11-21T07:30:00.5[Europe/London]", friday), run(saturday));
    assert_eq!(at(DAILY, "2026-11-21T23:59:59[Europe/London]", friday), run(saturday));
    assert_eq!(at(DAILY, "2026-11-22T07:29:59[Europe/London]", friday), run(saturday));
}

#[test]
fn every_day_runs_once_at_half_past_seven_local_through_all_four_clock_changes() {
    for (from, to, day) in [
        ("2026-03-22T12:00:00[Europe/London]", "2026-04-05T12:00:00[Europe/London]", date(2026, 3, 23)),
        ("2027-03-21T12:00:00[Europe/London]", "2027-04-04T12:00:00[Europe/London]", date(2027, 3, 22)),
    ] {
        let runs = live(DAILY, from, to, jiff::Span::new().minutes(1));
        assert_eq!(runs, daily(day, &[(6, "07:30:00 GMT"), (8, "07:30:00 BST")]));
    }
    for (from, to, day) in [
        ("2026-10-18T12:00:00[Europe/London]", "2026-11-01T12:00:00[Europe/London]", date(2026, 10, 19)),
        ("2027-10-24T12:00:00[Europe/London]", "2027-11-07T12:00:00[Europe/London]", date(2027, 10, 25)),
    ] {
        let runs = live(DAILY, from, to, jiff::Span::new().minutes(1));
        assert_eq!(runs, daily(day, &[(6, "07:30:00 BST"), (8, "07:30:00 GMT")]));
    }
}

#[test]
fn a_schedule_in_the_lost_hour_runs_right_after_it() {
    let (from, to) = ("2027-03-26T12:00:00[Europe/London]", "2027-03-30T12:00:00[Europe/London]");
    let runs = live("30 1 * * *", from, to, jiff::Span::new().minutes(1));
    let expected = [(1, "01:30:00 GMT"), (1, "02:00:00 BST"), (2, "01:30:00 BST")];
    assert_eq!(runs, daily(date(2027, 3, 27), &expected));
}

#[test]
fn a_schedule_in_the_repeated_hour_runs_the_first_time() {
    let (from, to) = ("2026-10-23T12:00:00[Europe/London]", "2026-10-27T12:00:00[Europe/London]");
    let runs = live("30 1 * * *", from, to, jiff::Span::new().minutes(1));
    let expected = [(2, "01:30:00 BST"), (2, "01:30:00 GMT")];
    assert_eq!(runs, daily(date(2026, 10, 24), &expected));
}

#[test]
fn a_start_within_the_changed_hours_finds_the_right_day() {
    for (now, day) in [
        ("2026-10-25T01:30:00+01:00[Europe/London]", date(2026, 10, 25)),
        ("2026-10-25T01:10:00+00:00[Europe/London]", date(2026, 10, 25)),
        ("2026-10-25T01:29:59+01:00[Europe/London]", date(2026, 10, 24)),
        ("2027-03-28T00:59:59+00:00[Europe/London]", date(2027, 3, 27)),
        ("2027-03-28T02:00:00+01:00[Europe/London]", date(2027, 3, 28)),
    ] {
        assert_eq!(at("30 1 * * *", now, Some(date(2026, 10, 1))).day(), Some(day), "{now}");
    }
    for now in ["2026-10-25T01:30:00+01:00[Europe/London]", "2026-10-25T01:30:00+00:00[Europe/London]"] {
        let next = nothing_until("2026-10-25T07:30:00+00:00[Europe/London]");
        assert_eq!(at(DAILY, now, Some(date(2026, 10, 24))), next);
    }
}

impl Due {
    fn day(&self) -> Option<Date> {
        match self {
            Self::Run { day, .. } | Self::Baseline { day } => Some(*day),
            Self::Nothing { .. } => None,
        }
    }
}

#[test]
fn three_days_down_give_one_run_and_name_the_days_between() {
    let now = "2026-10-26T09:00:00[Europe/London]";
    let skipped = vec![date(2026, 10, 24), date(2026, 10, 25)];
    assert_eq!(at(DAILY, now, Some(date(2026, 10, 23))), Due::Run { day: date(2026, 10, 26), skipped });
    let now = "2026-10-26T07:00:00[Europe/London]";
    let skipped = vec![date(2026, 10, 24)];
    assert_eq!(at(DAILY, now, Some(date(2026, 10, 23))), Due::Run { day: date(2026, 10, 25), skipped });
}

#[test]
fn days_without_an_occurrence_are_not_missed() {
    let now = "2026-11-24T09:00:00[Europe/London]";
    let skipped = vec![date(2026, 11, 20), date(2026, 11, 23)];
    let expected = Due::Run { day: date(2026, 11, 24), skipped };
    assert_eq!(at("30 7 * * 1-5", now, Some(date(2026, 11, 19))), expected);
    let monday = nothing_until("2026-11-23T07:30:00[Europe/London]");
    assert_eq!(at("30 7 * * 1-5", "2026-11-21T09:00:00[Europe/London]", Some(date(2026, 11, 20))), monday);
}

#[test]
fn of_several_occurrences_a_day_the_first_counts() {
    let (from, to) = ("2026-11-19T23:00:00[Europe/London]", "2026-11-22T23:00:00[Europe/London]");
    let runs = live("0 */6 * * *", from, to, jiff::Span::new().minutes(1));
    assert_eq!(runs, daily(date(2026, 11, 20), &[(3, "00:00:00 GMT")]));
    let tomorrow = nothing_until("2026-11-21T09:00:00[Europe/London]");
    assert_eq!(at("0 9,14 * * *", "2026-11-20T09:00:01[Europe/London]", Some(date(2026, 11, 20))), tomorrow);
    let friday = Some(date(2026, 11, 20));
    assert_eq!(at("0 9,14 * * *", "2026-11-21T15:00:00[Europe/London]", friday), run(date(2026, 11, 21)));
}

#[test]
fn a_schedule_by_the_minute_runs_once_a_day_through_the_repeated_hour() {
    let (from, to) = ("2026-10-24T12:00:00[Europe/London]", "2026-10-26T12:00:00[Europe/London]");
    let runs = live("* * * * *", from, to, jiff::Span::new().minutes(1));
    let expected = [(date(2026, 10, 25), "00:00:00 BST".into()), (date(2026, 10, 26), "00:00:00 GMT".into())];
    assert_eq!(runs, expected);
}

#[test]
fn a_schedule_that_moves_later_in_the_day_does_not_run_that_day_again() {
    let today = Some(date(2026, 11, 21));
    let tomorrow = nothing_until("2026-11-22T12:00:00[Europe/London]");
    assert_eq!(at("0 12 * * *", "2026-11-21T09:00:00[Europe/London]", today), tomorrow);
    assert_eq!(at("0 12 * * *", "2026-11-21T12:00:00[Europe/London]", today), tomorrow);
}

#[test]
fn a_day_claimed_under_a_clock_that_ran_ahead_does_not_silence_the_daemon() {
    let now = "2026-11-21T07:30:00[Europe/London]";
    assert_eq!(at(DAILY, now, Some(date(2036, 1, 1))), run(date(2026, 11, 21)));
}

#[test]
fn a_clock_set_back_a_little_runs_nothing_again() {
    let next = nothing_until("2026-11-22T07:30:00[Europe/London]");
    assert_eq!(at(DAILY, "2026-11-21T07:29:00[Europe/London]", Some(date(2026, 11, 21))), next);
}

#[test]
fn an_expression_of_six_fields_begins_with_seconds() {
    let now = "2026-11-21T07:30:15[Europe/London]";
    assert_eq!(at("15 30 7 * * *", now, Some(date(2026, 11, 20))), run(date(2026, 11, 21)));
    assert!(Timetable::new("every day", TimeZone::UTC).is_err());
}

#[tokio::test(start_paused = true)]
async fn rings_that_nobody_waited_for_become_one_and_a_silent_bell_is_noticed() {
    let rope = Rope::default();
    rope.ring();
    rope.ring();
    rope.rung().await;
    assert!(tokio::time::timeout(Duration::from_secs(1), rope.rung()).await.is_err());
    assert!(rope.is_alive());
    tokio::time::sleep(PATIENCE).await;
    assert!(!rope.is_alive());
}
