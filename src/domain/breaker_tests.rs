//! Each limit at its boundary, and the words an operator reads.

use jiff::civil::date;

use super::*;

const LIMITS: Limits =
    Limits { enabled: true, max_new_share: 0.10, min_new: 25, max_row_drop: 0.20, max_bad_dates: 0.05 };

/// A thousand rows, a thousand people, like the file before.
fn well() -> Vitals {
    Vitals {
        file: File { name: "Mailbox Report.csv".into(), source: Source::PortalMailbox, as_of: date(2026, 11, 20) },
        rows: 1_000,
        rows_before: Some(1_000),
        listed_before: 1_000,
        gone: 0,
        dates: vec![column(true, (1_000, 14, 0), Some((1_000, 14, 0)))],
        day_first: Some(true),
        day_first_before: Some(true),
        concealed: 0,
    }
}

fn column(is_anchor: bool, now: (u64, u64, u64), before: Option<(u64, u64, u64)>) -> DateColumn {
    let cells = |(all, blank, bad)| Cells { all, blank, bad };
    DateColumn { name: "LastLogIn".into(), is_anchor, cells: cells(now), before: before.map(cells), first_bad: None }
}

fn words(trips: &[Trip]) -> Vec<&'static str> {
    trips.iter().map(Trip::as_str).collect()
}

/// What one snapshot trips in a run that opens nothing.
fn tripped(vitals: Vitals) -> Vec<&'static str> {
    words(&check(&LIMITS, 0, 1_000, &[vitals]))
}

#[test]
fn a_healthy_site_trips_nothing() {
    let first = Vitals { rows_before: None, listed_before: 0, day_first_before: None, ..well() };
    assert_eq!(tripped(well()), [""; 0]);
    assert_eq!(tripped(first), [""; 0]);
    assert_eq!(check(&LIMITS, 0, 0, &[]), []);
}

#[test]
fn new_episodes_trip_above_the_share_and_from_the_least_number_on() {
    let table = [
        (100, 1_000, false, "exactly a tenth"),
        (101, 1_000, true, "more than a tenth"),
        (24, 100, false, "a quarter, but too few"),
        (25, 100, true, "enough"),
        (25, 249, true, "just more than a tenth"),
        (25, 250, false, "exactly a tenth of the least number"),
        (5, 5, false, "a small site"),
        (0, 0, false, "nobody"),
    ];
    for (opening, subjects, trips, why) in table {
        let trip = check(&LIMITS, opening, subjects, &[]);
        assert_eq!(trip, if trips { vec![Trip::TooManyNew { opening, subjects }] } else { vec![] }, "{why}");
    }
}

#[test]
fn a_limit_is_exact_where_a_product_would_not_be() {
    let limits = |max_new_share| Limits { max_new_share, min_new: 1, ..LIMITS };
    for percent in 1..100_u64 {
        let share = format!("0.{percent:02}").parse().expect("a number");
        assert_eq!(check(&limits(share), percent, 100, &[]), [], "{share}");
        assert_eq!(check(&limits(share), percent * 10 + 1, 1_000, &[]).len(), 1, "{share}");
    }
}

#[test]
fn a_list_trips_when_more_than_a_fifth_of_its_rows_are_gone() {
    for (rows, before, trips) in
        [(800, 1_000, false), (799, 1_000, true), (0, 1, true), (4, 5, false), (2_000, 1_000, false)]
    {
        let vitals = Vitals { rows, rows_before: Some(before), ..well() };
        assert_eq!(tripped(vitals), if trips { vec!["rows_fell"] } else { vec![] }, "{rows} of {before}");
    }
    let file = File { source: Source::Sends, ..well().file };
    let quiet_week = Vitals { file, rows: 3, listed_before: 0, ..well() };
    assert_eq!(tripped(quiet_week), [""; 0], "one row is one send");
}

#[test]
fn a_list_of_other_people_trips_though_it_is_as_long() {
    for (gone, trips) in [(200, false), (201, true), (1_000, true)] {
        let vitals = Vitals { gone, ..well() };
        assert_eq!(tripped(vitals), if trips { vec!["other_subjects"] } else { vec![] }, "{gone}");
    }
}

#[test]
fn dates_that_cannot_be_believed_are_counted_among_those_that_are_there() {
    let table = [
        ((1_000, 0, 50), false, "exactly a twentieth"),
        ((1_000, 0, 51), true, "more"),
        ((1_000, 900, 5), false, "a twentieth of a hundred"),
        ((1_000, 900, 6), true, "more than that"),
    ];
    for (cells, trips, why) in table {
        let vitals = Vitals { dates: vec![column(false, cells, None)], ..well() };
        assert_eq!(tripped(vitals), if trips { vec!["dates_unreadable"] } else { vec![] }, "{why}");
    }
}

#[test]
fn a_blank_column_trips_where_a_rule_counts_from_it() {
    let table = [
        (true, (1_000, 1_000, 0), Some((1_000, 14, 0)), true, "blank from top to bottom"),
        (true, (1_000, 1_000, 0), None, true, "and nothing to compare it with"),
        (true, (1_000, 1_000, 0), Some((900, 900, 0)), false, "it was blank when it was cleared"),
        (false, (1_000, 1_000, 0), Some((1_000, 14, 0)), false, "no rule counts from it"),
        (true, (0, 0, 0), Some((1_000, 14, 0)), false, "no rows"),
        (true, (1_000, 64, 0), Some((1_000, 14, 0)), false, "exactly a twentieth more"),
        (true, (1_000, 65, 0), Some((1_000, 14, 0)), true, "more than that"),
        (false, (1_000, 500, 0), Some((1_000, 14, 0)), false, "no rule counts from it"),
        (true, (100, 24, 0), Some((100, 0, 0)), false, "a few new accounts at a small site"),
        (true, (100, 25, 0), Some((100, 0, 0)), true, "more than a few"),
        (true, (500, 100, 0), Some((1_000, 200, 0)), false, "half the rows, the same share"),
        (true, (100, 20, 0), Some((100, 100, 0)), false, "filled again"),
    ];
    for (is_anchor, now, before, trips, why) in table {
        let vitals = Vitals { dates: vec![column(is_anchor, now, before)], ..well() };
        assert_eq!(tripped(vitals), if trips { vec!["dates_blank"] } else { vec![] }, "{why}");
    }
}

#[test]
fn a_change_of_the_order_of_dates_trips_and_a_file_without_slash_dates_does_not() {
    let table = [
        (Some(false), Some(true), true),
        (Some(true), Some(false), true),
        (Some(false), Some(false), false),
        (Some(false), None, false),
        (None, Some(true), false),
    ];
    for (day_first, day_first_before, trips) in table {
        let vitals = Vitals { day_first, day_first_before, ..well() };
        assert_eq!(tripped(vitals), if trips { vec!["date_order_changed"] } else { vec![] }, "{day_first:?}");
    }
}

#[test]
fn concealed_names_trip_and_one_odd_cell_does_not() {
    for (concealed, trips) in [(1, false), (50, false), (51, true), (1_000, true)] {
        let vitals = Vitals { concealed, ..well() };
        assert_eq!(tripped(vitals), if trips { vec!["names_concealed"] } else { vec![] }, "{concealed}");
    }
}

/// Everything that can be wrong at once.
fn all_wrong() -> Vec<Trip> {
    let bad = Vitals {
        rows: 480,
        gone: 950,
        dates: vec![
            DateColumn { name: "CreatedOn".into(), first_bad: Some(12), ..column(true, (480, 0, 240), None) },
            column(true, (480, 480, 0), Some((1_000, 14, 0))),
            column(true, (480, 300, 0), Some((1_000, 14, 0))),
        ],
        day_first: Some(false),
        concealed: 470,
        ..well()
    };
    check(&LIMITS, 312, 1_000, &[bad])
}

#[test]
fn nothing_trips_while_the_breaker_is_off() {
    let off = Limits { enabled: false, ..LIMITS };
    assert_eq!(all_wrong().len(), 8);
    assert_eq!(check(&off, 1_000, 1_000, &[Vitals { rows: 0, ..well() }]), []);
}

#[test]
fn an_operator_reads_what_was_seen_in_which_file() {
    let said: Vec<String> = all_wrong().iter().map(Trip::to_string).collect();
    let file = "\"Mailbox Report.csv\" (Portal Mailbox Report, 20 November 2026)";
    let expected = [
        "This run would start new warnings for 312 of 1,000 accounts and mailboxes.".to_owned(),
        format!("{file} has 480 rows. The one before had 1,000."),
        format!("{file} leaves out 950 of 1,000 accounts that were listed before. It may be another organisation's."),
        format!("{file} writes the month first. The one before wrote the day first."),
        format!(
            "{file} conceals 470 of 480 user names. Switch that off in the Microsoft 365 admin centre, and export it \
             again."
        ),
        format!(
            "{file} has bad dates. In CreatedOn, 240 of 480 cannot be read or are in the future. The first is on line 12."
        ),
        format!("{file} has no dates. LastLogIn is blank in all 480 rows."),
        format!("{file} has 300 blanks among 480 cells of LastLogIn. The one before had 14 among 1,000."),
    ];
    assert_eq!(said, expected);
}

#[test]
fn every_sentence_is_short() {
    for trip in all_wrong() {
        // The full stop inside the file's name ends no sentence: only one before a blank does.
        for sentence in trip.to_string().split(". ") {
            assert!(sentence.split_whitespace().count() <= 20, "{sentence}");
        }
    }
}
