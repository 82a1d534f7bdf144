//! Bad exports as they really come, and what the reader and the breaker say of each.
//!
//! A site of two hundred invented accounts loads a good report on 13 November 2026. Each test loads one more file and
//! holds it against that day's, which a person has cleared. That nobody is mailed is asserted elsewhere, on the whole
//! program.
#![expect(clippy::expect_used, reason = "helpers of tests fail tests")]
use std::{fmt::Write, fs, ops::Range};

use jiff::civil::{Date, date};
use lapsewatch::{
    config::{self, Config, Sources},
    domain::{
        breaker::{Trip, check},
        facts::{Field, SnapshotId},
        freshness::stale_source,
        policy::Rule,
        register::Register,
        subject::Address,
    },
    jobs::{
        load::{Candidate, LoadReport, merge},
        vitals::vitals,
    },
    sources::ReadSettings,
};
use tempfile::TempDir;

const CLEARED: Date = date(2026, 11, 13);
const TODAY: Date = date(2026, 11, 20);
const PEOPLE: Range<u32> = 0..200;

/// How a machine writes dates.
const DAY_FIRST: &str = "%d/%m/%Y %H:%M";
const MONTH_FIRST: &str = "%m/%d/%Y %H:%M";

/// What is known, and the report of the file that was cleared.
struct Desk {
    config: Config,
    register: Register,
    folder: TempDir,
    loads: i64,
    cleared: Option<LoadReport>,
}

impl Desk {
    fn empty() -> Self {
        let sources = Sources { today: TODAY, ..Sources::default() };
        let config = config::load(&sources).expect("the built-in configuration").config;
        let folder = tempfile::tempdir().expect("a folder");
        Self { config, register: Register::default(), folder, loads: 0, cleared: None }
    }

    /// With last week's report loaded and cleared.
    fn new() -> Self {
        let mut desk = Self::empty();
        desk.cleared = Some(desk.load("last week.csv", &portal(PEOPLE, CLEARED, DAY_FIRST)).expect("loaded"));
        desk
    }

    /// Loads one file, or says why not.
    fn load(&mut self, name: &str, text: &str) -> Result<LoadReport, String> {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("written");
        let settings = ReadSettings { time_zone: &self.config.time_zone, day_first: true };
        let candidate = Candidate::open(&path, &settings).map_err(|refusal| refusal.to_string())?;
        let as_of = candidate.export.as_of().expect("a day of its own");
        self.loads += 1;
        let policy = &self.config.policy;
        let mut register = self.register.clone();
        let merged = merge(&candidate, SnapshotId(self.loads), as_of, &mut register, policy);
        let report = merged.map_err(|refusal| refusal.to_string())?;
        self.register = register;
        Ok(report)
    }

    /// What trips when this report is held against the cleared one.
    fn trips(&self, report: &LoadReport) -> Vec<Trip> {
        let vitals = vitals(report, self.cleared.as_ref()).expect("loaded");
        check(&self.config.breaker, 0, 200, &[vitals])
    }

    /// Loads a file and says what trips.
    #[track_caller]
    fn tripped_by(&mut self, name: &str, text: &str) -> Vec<String> {
        let report = self.load(name, text).expect("loaded");
        self.trips(&report).iter().map(Trip::to_string).collect()
    }

    fn last_used(&self, person: u32) -> Option<Date> {
        let subject = self.register.find_by_address(&Address::new(&address(person))).expect("listed");
        subject.facts.date(Field::LastActivityOn)
    }
}

fn address(person: u32) -> String {
    format!("person{person}.example@nhs.net")
}

/// When somebody was last there: on one of the twenty days before the report, most of them after the twelfth.
fn used_on(person: u32, as_of: Date) -> Date {
    as_of.saturating_sub(jiff::Span::new().days(i64::from(person % 20)))
}

/// One row, and its last log-in in a cell of one's own making.
fn row(person: u32, as_of: Date, format: &str, used: &str) -> String {
    let stamp = |day: Date| day.at(8, 30, 0, 0).strftime(format).to_string();
    let (made, updated) = (stamp(date(2024, 2, 3)), stamp(as_of));
    format!("id-{person},{},User,Active,{made},{updated},{used},,True,TP1A2\n", address(person))
}

const HEADER: &str =
    "Id,EmailAddress,MailboxType,Status,CreatedOn,LastUpdated,LastLogIn,MarkAsLeaverDate,AUPStatus,ODS Code\n";

/// A Portal report whose last log-ins are what `used` makes of them.
fn portal_with(people: Range<u32>, as_of: Date, format: &str, used: impl Fn(u32) -> String) -> String {
    people.fold(HEADER.to_owned(), |text, person| text + &row(person, as_of, format, &used(person)))
}

/// A Portal report as it should be.
fn portal(people: Range<u32>, as_of: Date, format: &str) -> String {
    portal_with(people, as_of, format, |person| used_on(person, as_of).at(0, 0, 0, 0).strftime(format).to_string())
}

#[test]
fn the_next_report_trips_nothing() {
    let mut desk = Desk::new();
    assert_eq!(desk.tripped_by("report.csv", &portal(PEOPLE, TODAY, DAY_FIRST)), [""; 0]);
    let first = desk.load("report.csv", &portal(PEOPLE, TODAY, DAY_FIRST)).expect("loaded");
    let alone = vitals(&first, None).expect("loaded");
    assert_eq!(check(&desk.config.breaker, 0, 200, &[alone]), [], "nor does the very first");
}

#[test]
fn a_report_with_every_row_twice_does_not_make_the_next_look_cut() {
    let mut desk = Desk::new();
    let good = portal(PEOPLE, CLEARED, DAY_FIRST);
    let twice = good.clone() + good.trim_start_matches(HEADER);
    desk.cleared = Some(desk.load("twice.csv", &twice).expect("loaded"));
    assert_eq!(desk.tripped_by("report.csv", &portal(PEOPLE, TODAY, DAY_FIRST)), [""; 0]);
    let half = portal(0..100, TODAY, DAY_FIRST);
    assert!(
        desk.tripped_by("half.csv", &half).iter().any(|said| said.contains("has 100 rows. The one before had 200."))
    );
}

#[test]
fn a_blank_column_of_log_ins_trips() {
    let mut desk = Desk::new();
    let blank = portal_with(PEOPLE, TODAY, DAY_FIRST, |_| String::new());
    let said =
        "\"report.csv\" (Portal Mailbox Report, 20 November 2026) has no dates. LastLogIn is blank in all 200 rows.";
    assert_eq!(desk.tripped_by("report.csv", &blank), [said]);
    assert_eq!(desk.last_used(0), Some(CLEARED), "a blank erases nothing");
}

#[test]
fn a_file_cut_in_the_middle_of_a_row_is_refused_and_one_cut_between_rows_trips() {
    let whole = portal(PEOPLE, TODAY, DAY_FIRST);
    let end_of_row = whole.match_indices('\n').nth(100).expect("a hundred rows").0 + 1;
    let mut desk = Desk::new();
    let refusal = desk.load("cut.csv", &whole[..end_of_row + 20]).expect_err("cut");
    assert_eq!(
        refusal,
        "line 102: the file stops in the middle of a record; it was copied only in part, copy it again"
    );
    let said = desk.tripped_by("cut.csv", &whole[..end_of_row]);
    let file = "\"cut.csv\" (Portal Mailbox Report, 20 November 2026)";
    let expected = [
        format!("{file} has 100 rows. The one before had 200."),
        format!("{file} leaves out 100 of 200 accounts that were listed before. It may be another organisation's."),
    ];
    assert_eq!(said, expected);
}

#[test]
fn month_first_dates_are_read_right_and_trip_because_they_were_day_first() {
    let mut desk = Desk::new();
    let said = "\"report.csv\" (Portal Mailbox Report, 20 November 2026) writes the month first. \
                The one before wrote the day first.";
    assert_eq!(desk.tripped_by("report.csv", &portal(PEOPLE, TODAY, MONTH_FIRST)), [said]);
    for person in PEOPLE {
        assert_eq!(desk.last_used(person), Some(used_on(person, TODAY)), "{person}");
    }
}

#[test]
fn month_first_dates_among_others_are_refused() {
    let mut text = portal(0..100, TODAY, DAY_FIRST);
    text += portal(100..200, TODAY, MONTH_FIRST).strip_prefix(HEADER).expect("the same header");
    let refusal = Desk::new().load("report.csv", &text).expect_err("two orders");
    let said = "line 2 has the day first (20/11/2026 08:30), line 102 the month first (11/20/2026 08:30); \
                one file has one order of dates, export it again on one machine or write the dates as 2026-11-21";
    assert_eq!(refusal, said);
}

#[test]
fn month_first_dates_that_nothing_settles_trip_because_they_are_read_day_first() {
    let mut desk = Desk::empty();
    desk.cleared = Some(desk.load("before.csv", &portal(PEOPLE, CLEARED, MONTH_FIRST)).expect("loaded"));
    // Every day is at most the twelfth: 12/05/2026 is 5 December, and is read as 12 May.
    let as_of = date(2026, 12, 5);
    let early = |person: u32| format!("12/0{}/2026 00:00", person % 5 + 1);
    let said = desk.tripped_by("early.csv", &portal_with(PEOPLE, as_of, MONTH_FIRST, early));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].ends_with("writes the day first. The one before wrote the month first."), "{said:?}");
}

#[test]
fn another_tenants_report_trips_and_the_right_one_after_it_does_not() {
    let mut desk = Desk::new();
    let said = "\"theirs.csv\" (Portal Mailbox Report, 20 November 2026) leaves out 200 of 200 accounts that were \
                listed before. It may be another organisation's.";
    assert_eq!(desk.tripped_by("theirs.csv", &portal(1_000..1_200, TODAY, DAY_FIRST)), [said]);
    let right = portal(PEOPLE, TODAY, DAY_FIRST);
    assert_eq!(desk.tripped_by("ours.csv", &right), [""; 0], "on the same day");
    let tomorrow = portal(PEOPLE, date(2026, 11, 21), DAY_FIRST);
    assert_eq!(desk.tripped_by("ours.csv", &tomorrow), [""; 0], "nor the day after");
}

#[test]
fn another_tenants_report_of_the_very_day_that_was_cleared_trips() {
    let mut desk = Desk::new();
    let said = desk.tripped_by("theirs.csv", &portal(1_000..1_200, CLEARED, DAY_FIRST));
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn what_nobody_cleared_hides_no_other_tenant() {
    let theirs = |as_of| portal(1_000..1_200, as_of, DAY_FIRST);
    let (thursday, friday) = (date(2026, 11, 19), TODAY);
    let mut desk = Desk::new();
    assert_eq!(desk.tripped_by("ours.csv", &portal(PEOPLE, thursday, DAY_FIRST)), [""; 0]);
    assert_eq!(desk.tripped_by("theirs.csv", &theirs(friday)).len(), 1, "after a good one");
    let mut desk = Desk::new();
    assert_eq!(desk.tripped_by("theirs.csv", &theirs(thursday)).len(), 1, "once");
    assert_eq!(desk.tripped_by("theirs.csv", &theirs(friday)).len(), 1, "and again");
}

#[test]
fn last_months_report_changes_nothing_and_trips_nothing() {
    let mut desk = Desk::new();
    let report = desk.load("old.csv", &portal(PEOPLE, date(2026, 10, 20), DAY_FIRST)).expect("loaded");
    assert_eq!((report.new, report.changed, report.unchanged), (0, 0, 200));
    let said = "one of 2026-11-13 is loaded already and is newer: its word stands where the two differ";
    assert_eq!(report.warnings, [said]);
    assert_eq!(desk.trips(&report), []);
    assert_eq!(stale(&desk), None, "last week's is still the newest");
}

#[test]
fn last_months_report_alone_is_too_old_to_warn_anybody() {
    let mut desk = Desk::empty();
    desk.load("old.csv", &portal(PEOPLE, date(2026, 10, 20), DAY_FIRST)).expect("loaded");
    let said = "Portal Mailbox Report is out of date: the newest is of 20 October 2026. That is 31 days ago, and 8 are \
                allowed.";
    assert_eq!(stale(&desk).as_deref(), Some(said));
}

/// Why nothing about the first person's last use may be told today.
fn stale(desk: &Desk) -> Option<String> {
    let subject = desk.register.find_by_address(&Address::new(&address(0))).expect("listed");
    let stale = stale_source(&desk.register, subject, Rule::Inactivity, TODAY, &desk.config.snapshots.max_age);
    stale.map(|stale| stale.to_string())
}

/// A report of which `bad` rows hold `cell` as their last log-in.
fn with_bad(bad: u32, cell: &str) -> String {
    portal_with(
        PEOPLE,
        TODAY,
        DAY_FIRST,
        |person| {
            if person < bad { cell.to_owned() } else { "19/11/2026 00:00".to_owned() }
        },
    )
}

#[test]
fn unreadable_dates_cost_their_rows_and_trip_when_they_are_many() {
    let mut desk = Desk::new();
    assert_eq!(desk.tripped_by("few.csv", &with_bad(10, "soon")), [""; 0], "a twentieth");
    let report = desk.load("many.csv", &with_bad(11, "soon")).expect("the rest loads");
    assert_eq!((report.rejected_count, report.subjects), (11, 189));
    let counts = |report: &LoadReport| {
        let of =
            |column: &lapsewatch::sources::DateColumn| (column.name.clone(), column.cells, column.blank, column.bad);
        report.dates.iter().map(of).collect::<Vec<_>>()
    };
    let expected = [
        ("CreatedOn".to_owned(), 200, 0, 0),
        ("LastUpdated".to_owned(), 200, 0, 0),
        ("LastLogIn".to_owned(), 200, 0, 11),
        ("MarkAsLeaverDate".to_owned(), 200, 200, 0),
    ];
    assert_eq!(counts(&report), expected, "rejected rows are counted too");
    let said: Vec<_> = desk.trips(&report).iter().map(Trip::to_string).collect();
    let file = "\"many.csv\" (Portal Mailbox Report, 20 November 2026)";
    let bad = "In LastLogIn, 11 of 200 cannot be read or are in the future. The first is on line 2.";
    assert_eq!(said, [format!("{file} has bad dates. {bad}")]);
}

#[test]
fn dates_in_the_future_keep_their_rows_and_trip_when_they_are_many() {
    let mut desk = Desk::new();
    assert_eq!(desk.tripped_by("tomorrow.csv", &with_bad(200, "21/11/2026 00:00")), [""; 0], "a day after is good");
    let report = desk.load("later.csv", &with_bad(11, "22/11/2026 00:00")).expect("loaded");
    assert_eq!((report.rejected_count, report.subjects), (0, 200));
    assert_eq!(desk.trips(&report).iter().map(Trip::as_str).collect::<Vec<_>>(), ["dates_unreadable"]);
}

/// Graph users, each with what `name` makes of them and, if so wanted, a password date.
fn graph(name: impl Fn(u32) -> String, has_password_dates: bool) -> String {
    let mut text = String::from("{\"value\":[");
    for person in PEOPLE {
        let comma = if person == 0 { "" } else { "," };
        let changed = if has_password_dates { ",\"lastPasswordChangeDateTime\":\"2026-03-04T08:00:00Z\"" } else { "" };
        let created = "\"createdDateTime\":\"2026-11-19T08:00:00Z\"";
        write!(text, "{comma}\n{{\"userPrincipalName\":\"{}\",{created}{changed}}}", name(person)).expect("text");
    }
    text + "]}"
}

/// What stands in place of a name.
fn code(person: u32) -> String {
    format!("FE7CC8C15246EDCCA289C9A4{person:08X}")
}

#[test]
fn concealed_names_are_refused_and_trip_where_some_can_be_read() {
    let mut desk = Desk::empty();
    let refusal = desk.load("users.json", &graph(code, true)).expect_err("nobody can be told from anybody");
    assert!(refusal.starts_with("200 of its 200 user names are concealed; "), "{refusal}");
    let some = |most: u32| graph(move |person| if person < most { code(person) } else { address(person) }, true);
    assert_eq!(desk.tripped_by("users.json", &some(10)), [""; 0], "a twentieth");
    let said = "\"users.json\" (Graph users, 19 November 2026) conceals 11 of 200 user names. Switch that off in the \
                Microsoft 365 admin centre, and export it again.";
    assert_eq!(desk.tripped_by("users.json", &some(11)), [said]);
}

#[test]
fn a_column_that_is_gone_is_as_blank_as_can_be() {
    let mut desk = Desk::empty();
    desk.cleared = Some(desk.load("users.json", &graph(address, true)).expect("loaded"));
    let said = "\"users.json\" (Graph users, 19 November 2026) has no dates. lastPasswordChangeDateTime is blank in all \
                200 rows.";
    assert_eq!(desk.tripped_by("users.json", &graph(address, false)), [said]);
}

#[test]
fn a_report_survives_the_store_and_an_older_ones_gaps_trip_nothing() {
    let mut desk = Desk::new();
    let report = desk.load("report.csv", &portal(PEOPLE, TODAY, DAY_FIRST)).expect("loaded");
    let stored = serde_json::to_string(&report).expect("text");
    let read: LoadReport = serde_json::from_str(&stored).expect("the same");
    assert_eq!(read, report);
    let mut older: serde_json::Value = serde_json::to_value(desk.cleared.take()).expect("an object");
    for added in ["dates", "day_first", "concealed", "absent", "relisted"] {
        older.as_object_mut().and_then(|fields| fields.remove(added)).expect("it is stored");
    }
    desk.cleared = Some(serde_json::from_value(older).expect("an older report"));
    assert_eq!(desk.trips(&report), []);
    let theirs = desk.load("theirs.csv", &portal(1_000..1_200, TODAY, DAY_FIRST)).expect("loaded");
    let tripped: Vec<_> = desk.trips(&theirs).iter().map(Trip::as_str).collect();
    assert_eq!(tripped, ["other_subjects"], "it still says how many it listed");
}
