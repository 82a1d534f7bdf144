//! Any table reads back the same, however it is written: every encoding, delimiter, line end, quoting, spelling and
//! order of the headers, spelling of a blank, and style of dates that exports have. The same of JSON. And bytes of any
//! kind are read or refused.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests fail tests")]

#[path = "reading/json.rs"]
mod json;
#[path = "reading/table.rs"]
mod table;

use std::{fs, ops::ControlFlow};

use jiff::{
    civil::{Date, date},
    tz::TimeZone,
};
use lapsewatch::{
    domain::{
        snapshot::{Observation, Record},
        subject::{Address, Kind, OdsCode, Status},
    },
    sources::{self, DateOrder, Raw, ReadError, ReadSettings, Rejected, Summary},
};
use proptest::prelude::*;

use table::Way;

/// What was read from a file.
struct Back {
    rows: Vec<Observation>,
    rejected: Vec<Rejected>,
    summary: Summary,
}

fn read(bytes: &[u8]) -> Result<Back, ReadError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("export");
    fs::write(&path, bytes).expect("written");
    let time_zone = TimeZone::get("Europe/London").expect("bundled");
    let export = sources::open(&path, &ReadSettings { time_zone: &time_zone, day_first: true })?;
    let mut back = Back { rows: Vec::new(), rejected: Vec::new(), summary: export.summary().clone() };
    let mut take = |row: Raw<'_>| {
        match row.read() {
            Ok(Record::Subject(row)) => back.rows.push(Observation { line: 0, ..*row }),
            Ok(_) => {}
            Err(rejected) => back.rejected.push(rejected),
        }
        ControlFlow::Continue(())
    };
    export.each(&mut export.census(date(2026, 11, 20)), &mut take)?;
    Ok(back)
}

/// Any day of the service.
fn day() -> impl Strategy<Value = Date> {
    (2004..=2026_i16, 1..=12_i8, 1..=28_i8).prop_map(|(year, month, day)| date(year, month, day))
}

/// A name that every encoding can write, with all that makes cells hard, and that mail may show.
fn name() -> impl Strategy<Value = String> {
    let fit = |name: &String| !name.to_lowercase().contains("www") && !name.to_lowercase().contains("http");
    "[A-Z]( |,|;|\"|'|=|\\+|-|é|Ë|ß|[a-z]){0,12}[a-z]".prop_filter("no link", fit)
}

fn word<T: Clone + std::fmt::Debug + 'static>(words: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(words.to_vec())
}

/// Accounts and mailboxes of any kind, each with an address of its own, the blanks anywhere. The first one has a date
/// that tells days from months.
fn accounts() -> impl Strategy<Value = Vec<Observation>> {
    let days = prop::array::uniform6(prop::option::weighted(0.7, day()));
    let flags = prop::array::uniform3(any::<Option<bool>>());
    let kinds = word(&[Kind::User, Kind::Shared, Kind::Resource, Kind::Application, Kind::Unknown]);
    let words = (prop::option::of(name()), prop::option::of(name()), any::<bool>(), any::<bool>());
    let statuses = word(&[None, Some("Active"), Some("Active (Leaver)"), Some("Disabled"), Some("Deleted")]);
    let one = (days, flags, kinds, words, statuses).prop_map(|(days, flags, kind, words, status)| {
        let (display_name, org_name, has_id, has_site) = words;
        Observation {
            id: has_id.then(|| "7c1e4f00-1111-4a00-8000".to_owned()),
            display_name,
            kind,
            status: status.and_then(Status::new),
            ods: if has_site { OdsCode::new("TP1A2") } else { None },
            org_name,
            created_on: days[0],
            last_activity_on: days[1],
            last_sent_on: days[2],
            password_changed_on: days[3],
            leaver_on: days[4],
            deleted_on: days[5],
            password_never_expires: flags[0],
            enabled: flags[1],
            aup_accepted: flags[2],
            ..Observation::default()
        }
    });
    prop::collection::vec(one, 1..10).prop_map(|mut rows| {
        for (at, row) in rows.iter_mut().enumerate() {
            row.address = Some(Address::new(&format!("a{at}@nhs.net")));
            row.id = row.id.take().map(|id| format!("{id}-{at:012}"));
        }
        rows[0].created_on = Some(date(2026, 1, 31));
        rows
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_table_reads_back_the_same(rows in accounts(), way in table::way()) {
        let back = read(&table::written(&rows, &way)).expect("read");
        prop_assert_eq!(&back.rejected, &[]);
        prop_assert_eq!(&back.rows, &rows);
        prop_assert_eq!(back.summary.rows, rows.len());
        prop_assert_eq!(back.summary.delimiter, Some(char::from(way.delimiter)));
        let told = match way.dates.order {
            table::Order::None => back.summary.date_order == DateOrder::Iso,
            table::Order::DayFirst => matches!(back.summary.date_order, DateOrder::DayFirst { .. }),
            table::Order::MonthFirst => matches!(back.summary.date_order, DateOrder::MonthFirst { .. }),
        };
        prop_assert!(told, "{:?}", back.summary.date_order);
    }

    #[test]
    fn a_table_in_two_orders_of_dates_is_refused(rows in accounts(), first in table::way(), second in table::way()) {
        let (day_first, month_first) = (first.in_order(table::Order::DayFirst), second.in_order(table::Order::MonthFirst));
        let half = table::written(&rows, &Way { encoding: 0, ..day_first.clone() });
        let other = table::rows_only(&rows, &Way { dates: month_first.dates, ..day_first });
        let refusal = read(&[half, other].concat()).map(|_| ()).expect_err("refused");
        prop_assert!(matches!(refusal, ReadError::MixedDates { .. }), "{refusal}");
    }

    #[test]
    fn a_table_cut_anywhere_loses_no_row_in_silence(rows in accounts(), way in table::way(), cut in 0.0..1.0_f64) {
        let way = Way { blank_lines_after: 0, ..way };
        let whole = table::written(&rows, &way);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a length")]
        let at = (whole.len() as f64 * cut) as usize;
        if let Ok(back) = read(&whole[..at]) {
            // A cut at the end of a row, or in the last cell of one, cannot be seen: all rows before it are there.
            prop_assert!(back.rows.len() + back.rejected.len() == back.summary.rows);
            for (row, expected) in back.rows.iter().rev().skip(1).rev().zip(&rows) {
                prop_assert_eq!(row, expected);
            }
        }
    }

    #[test]
    fn any_users_of_graph_read_back_the_same(rows in accounts(), way in json::way()) {
        let rows: Vec<_> = rows.into_iter().map(json::known).collect();
        let back = read(&json::written(&rows, &way)).expect("read");
        prop_assert_eq!(&back.rejected, &[]);
        prop_assert_eq!(back.rows, rows);
    }

    #[test]
    fn bytes_of_any_kind_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let header = table::HEADER.join(",").into_bytes();
        let user = b"[{\"userPrincipalName\":\"a@nhs.net\"},".to_vec();
        for bytes in [bytes.clone(), [header, b"\n".to_vec(), bytes.clone()].concat(), [user, bytes].concat()] {
            if let Ok(back) = read(&bytes) {
                prop_assert!(back.rows.len() + back.rejected.len() <= back.summary.rows);
            }
        }
    }
}
