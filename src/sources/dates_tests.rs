//! Every shape of a date, and what is none.
use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn reading(day_first: bool) -> Reading {
    Reading { zone: TimeZone::get("Europe/London").expect("bundled"), day_first }
}

#[test]
fn every_shape_of_one_day_is_that_day() {
    for text in [
        "2026-11-21",
        "2026-11-21 07:47:00",
        "2026-11-21T07:47:00.1234567Z",
        "2026-11-21T07:47:00+03:00",
        "20261121",
        "2026/11/21",
        "2026/11/21 07:47:00",
        "21/11/2026",
        "21/11/2026 07:47",
        "21/11/2026 7:47:00 PM",
        "21.11.2026 07:47:00",
        "/Date(1795247220000)/",
        "/Date(1795247220000+0000)/",
        "134397208200000000",
        "0x1dd798c7d90b200",
    ] {
        assert_eq!(reading(true).date(text, Wall::Local), Ok(Some(date(2026, 11, 21))), "{text}");
    }
    assert_eq!(reading(false).date("11/21/2026 12:00:01\u{202f}AM", Wall::Local), Ok(Some(date(2026, 11, 21))));
}

#[test]
fn placeholders_are_blank() {
    for text in [
        "01/01/1601",
        "01/01/0001 00:00:00",
        "0001-01-01T00:00:00Z",
        "0",
        "9223372036854775807",
        "31/12/2003",
        "9999-12-31T23:59:59Z",
        "31/12/9999",
    ] {
        assert_eq!(reading(true).date(text, Wall::Local), Ok(None), "{text}");
    }
}

#[test]
fn what_is_no_date_is_bad() {
    for text in [
        "31/02/2026",
        "2026-02-31",
        "garbage",
        "21/11/26",
        "21/11/2026 25:00",
        "13:00",
        "é/é/éé",
        "20261399",
        "0x",
        "0x-1",
        "",
    ] {
        assert_eq!(reading(true).date(text, Wall::Local), Err(BadDate), "{text}");
    }
}

#[test]
fn an_instant_is_the_day_it_falls_on_in_the_policys_zone() {
    let summer = "2026-07-01T23:30:00";
    assert_eq!(reading(true).date(summer, Wall::Utc), Ok(Some(date(2026, 7, 2))));
    assert_eq!(reading(true).date(summer, Wall::Local), Ok(Some(date(2026, 7, 1))));
    assert_eq!(reading(true).date("2026-07-01T23:30:00Z", Wall::Local), Ok(Some(date(2026, 7, 2))));
}

#[test]
fn one_telling_date_settles_the_order_and_two_orders_are_refused() {
    let decide = |dates: &[&str]| {
        let mut seen = OrderSeen::default();
        for (line, text) in (2..).zip(dates) {
            seen.see(text, line);
        }
        seen.decide(true)
    };
    assert!(matches!(decide(&["2026-01-02"]), Ok(DateOrder::Iso)));
    assert!(matches!(decide(&["03/02/2026"]), Ok(DateOrder::Assumed { day_first: true })));
    assert!(matches!(decide(&["03/02/2026", "21/11/2026"]), Ok(DateOrder::DayFirst { line: 3 })));
    assert!(matches!(decide(&["03/02/2026 1:00:00 PM"]), Ok(DateOrder::MonthFirst { line: 2 })));
    assert!(matches!(decide(&["21/11/2026", "02/31/2026"]), Ok(DateOrder::DayFirst { line: 2 })), "no date, no word");
    let mixed = decide(&["21/11/2026", "11/21/2026"]);
    assert!(matches!(mixed, Err(ReadError::MixedDates { day_line: 2, month_line: 3, .. })));
}

#[test]
fn a_file_name_tells_its_day() {
    assert_eq!(in_file_name("2026-11-20 Mailbox Report.csv"), Some(date(2026, 11, 20)));
    assert_eq!(in_file_name("Mailbox_20261120.csv"), Some(date(2026, 11, 20)));
    assert_eq!(in_file_name("é20261399-1202611201.csv"), None);
    assert_eq!(in_file_name("Mailbox Report.csv"), None);
}

/// Texts that are dates of the quick shapes, nearly are, or are not.
fn near_dates() -> impl Strategy<Value = String> {
    let number = || prop_oneof![5 => "[0-3][0-9]", 1 => "[0-9]", 1 => "[0-9]{3}", 1 => "é"];
    let year = prop_oneof![5 => "(19|20|00)[0-9]{2}", 1 => "[0-9]{2,5}"];
    let mark = || prop_oneof![Just("/"), Just("-"), Just(".")];
    let clock = "(|( |T|  )[012][0-9](:[0-6][0-9]){0,3}(|\\.[0-9]{1,3})(|Z|z|\\+01:00| AM| pm))";
    (number(), mark(), number(), mark(), year, any::<bool>(), clock).prop_map(
        |(first, a, second, b, year, iso, clock)| {
            if iso {
                format!("{year}{a}{first}{b}{second}{clock}")
            } else {
                format!("{first}{a}{second}{b}{year}{clock}")
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_quick_way_and_the_general_one_read_the_same(text in near_dates()) {
        for day_first in [true, false] {
            prop_assert_eq!(read(&text, day_first), read_slowly(&text, day_first));
        }
        prop_assert_eq!(Slash::parse(&text), Slash::parse_slowly(&text));
    }
}

#[test]
fn the_usual_shapes_are_read_the_quick_way() {
    for text in ["21/11/2026", "21/11/2026 07:47", "21/11/2026 07:47:59"] {
        assert!(quick::slash(text).is_some(), "{text}");
    }
    for text in ["2026-11-21", "2026-11-21 07:47:00", "2026-11-21T07:47:00", "2026-11-21T07:47:00Z"] {
        assert!(quick::iso(text).is_some(), "{text}");
    }
}
