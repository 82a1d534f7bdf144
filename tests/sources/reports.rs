//! The Portal's MFA report and the usage reports of Microsoft 365.
use jiff::civil::date;
use lapsewatch::{
    domain::{
        snapshot::{Observation, Source},
        subject::{Address, Kind, MfaState, OdsCode, Status},
    },
    sources::DateOrder,
};

use super::{day, fixture, opened, refused, split, subjects, told};

fn observed(name: &str) -> Vec<Observation> {
    subjects(split(&fixture(name)).0)
}

fn rejected(name: &str) -> Vec<String> {
    told(&split(&fixture(name)).1)
}

fn names(rows: &[Observation]) -> Vec<&str> {
    rows.iter().filter_map(|row| row.address.as_ref()).map(Address::as_str).collect()
}

#[test]
fn the_mfa_report_is_american_and_tells_who_has_a_second_factor() {
    let export = fixture("MFAStatusReport.csv");
    assert_eq!((export.source(), export.as_of()), (Source::PortalMfa, None), "no column tells its day");
    assert!(!Source::PortalMfa.lists_subjects(), "it makes nobody known");
    assert_eq!(export.summary().date_order, DateOrder::MonthFirst { line: 2 });
    assert!(export.summary().missing_columns.is_empty());
    let rows = observed("MFAStatusReport.csv");
    let states: Vec<_> = rows.iter().filter_map(|row| row.mfa).collect();
    assert_eq!(states, [MfaState::On, MfaState::Off, MfaState::On, MfaState::Off]);
    let kept = Observation {
        line: 2,
        address: Some(Address::new("ada.example@nhs.net")),
        ods: OdsCode::new("TP1A2"),
        org_name: Some("NORTHTOWN OPTICIANS".into()),
        mfa: Some(MfaState::On),
        ..Observation::default()
    };
    assert_eq!(rows[0], kept, "when an account was compromised is not kept");
}

#[test]
fn an_mfa_row_that_says_nothing_clear_is_named() {
    assert_eq!(
        rejected("mfa-bad.csv"),
        [
            "line 2, MFAStatus: \"Sometimes\" says neither on nor off",
            "line 3, EmailAddress: the row has no address",
            "line 4, EmailAddress: \"kit.hill\" is no email address: it has no @",
            "line 7: the row has 3 cells, the header has 11; put what holds a delimiter or a line end in quotes",
        ]
    );
    assert_eq!(fixture("mfa-bad.csv").summary().skipped, 1, "a guest");
    let [zoe] = &observed("mfa-bad.csv")[..] else { panic!("one row") };
    assert_eq!(zoe.mfa, None, "blank says nothing");
}

#[test]
fn email_activity_tells_of_use_and_cautiously_of_a_send() {
    let export = fixture("EmailActivityUserDetail.csv");
    assert_eq!((export.source(), export.as_of()), (Source::EmailActivity, day(2026, 11, 18)));
    assert_eq!((export.summary().skipped, export.summary().warnings.len()), (1, 0));
    let rows = observed("EmailActivityUserDetail.csv");
    let [ada, kit, zoe, uma] = &rows[..] else { panic!("four rows") };
    assert_eq!((ada.last_activity_on, ada.last_sent_on), (day(2026, 11, 17), day(2026, 11, 11)), "period start");
    assert_eq!((kit.last_activity_on, kit.last_sent_on), (day(2026, 11, 16), None), "a read is no send");
    assert_eq!((zoe.last_activity_on, zoe.kind, &zoe.status), (None, Kind::Unknown, &None), "none recorded");
    assert_eq!(names(&rows)[3], "uma.vale@nhs.net", "the id of a deleted account is no part of its name");
    assert!(uma.status.as_ref().is_some_and(Status::is_deleted));
    assert_eq!(uma.deleted_on, day(2026, 11, 12));
}

#[test]
fn every_bad_row_of_email_activity_is_named_with_its_column() {
    assert_eq!(
        rejected("email-activity-bad.csv"),
        [
            "line 2, Send Count: \"many\" is no number",
            "line 3, Is Deleted: \"Perhaps\" is neither yes nor no",
            "line 4, Last Activity Date: \"2026-13-16\" is no date",
            "line 5, Report Period: \"ALL\" is no period such as 7 or D180",
            "line 6, User Principal Name: \"E5A2B1C0D4F36789E5A2B1C0D4F36789\" is no email address: it is a concealed \
             user name",
            "line 7: the row has neither an address nor an id",
        ]
    );
    let export = fixture("email-activity-bad.csv");
    let [wen] = &subjects(split(&export).0)[..] else { panic!("one row") };
    assert_eq!(wen.last_sent_on, day(2026, 5, 21), "180 days before the row's own refresh");
    assert_eq!(export.as_of(), day(2026, 11, 18), "the newest of two refreshes");
    assert_eq!(export.summary().warnings, ["its rows are of more than one day: the newest counts for all of them"]);
}

#[test]
fn concealed_names_are_told_apart_from_other_bad_ones() {
    let (records, rejected) = split(&fixture("email-activity-concealed.csv"));
    assert!(records.is_empty() && rejected.iter().all(|row| row.is_concealed));
    let (_, rejected) = split(&fixture("app-users-bad.csv"));
    assert_eq!(rejected.iter().map(|row| row.is_concealed).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn mailbox_usage_tells_kinds_and_never_a_send() {
    let export = fixture("MailboxUsageDetail.csv");
    assert_eq!((export.source(), export.as_of()), (Source::MailboxUsage, day(2026, 11, 18)));
    assert!(export.summary().missing_columns.is_empty());
    let rows = observed("MailboxUsageDetail.csv");
    let kinds: Vec<_> = rows.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, [Kind::User, Kind::Shared, Kind::User, Kind::Shared, Kind::Resource]);
    let used: Vec<_> = rows.iter().map(|row| row.last_activity_on).collect();
    assert_eq!(used, [day(2026, 11, 17), None, None, None, None], "a shared mailbox has no activity of its own");
    assert!(rows.iter().all(|row| row.last_sent_on.is_none()));
    assert_eq!(rows[2].created_on, day(2026, 10, 30));
    assert!(rows[3].status.as_ref().is_some_and(Status::is_deleted));
    assert_eq!(rows[3].deleted_on, day(2026, 11, 2));
}

#[test]
fn an_older_mailbox_usage_report_says_no_kinds() {
    let export = fixture("mailbox-usage-older.csv");
    assert_eq!(export.summary().missing_columns, ["Recipient Type"]);
    assert_eq!(export.as_of(), day(2026, 11, 19));
    let rows = observed("mailbox-usage-older.csv");
    assert!(rows.iter().all(|row| row.kind == Kind::Unknown && row.last_sent_on.is_none()));
}

#[test]
fn a_usage_report_in_two_orders_of_dates_is_refused() {
    let bytes = std::fs::read("tests/data/exports/mailbox-usage-bad.csv").expect("readable");
    let message = refused(&bytes).to_string();
    assert!(
        message.starts_with("line 3 has the day first (30/10/2026), line 2 the month first (11/17/2026)"),
        "{message}"
    );
}

#[test]
fn any_service_keeps_an_account_alive() {
    let export = fixture("ActiveUserDetail.csv");
    assert_eq!((export.source(), export.as_of()), (Source::ActiveUsers, day(2026, 11, 18)));
    let rows = observed("ActiveUserDetail.csv");
    let used: Vec<_> = rows.iter().map(|row| row.last_activity_on).collect();
    assert_eq!(used, [day(2026, 11, 16), day(2026, 11, 11), day(2026, 11, 14), None], "a licence is no use");
    assert_eq!((rows[2].deleted_on, rows[3].created_on), (day(2026, 11, 15), None));
    let [kit] = &observed("active-users-renamed.csv")[..] else { panic!("one row") };
    assert_eq!(kit.last_activity_on, day(2026, 11, 11), "Yammer is called Viva Engage");
}

#[test]
fn bad_rows_of_active_users_are_named() {
    assert_eq!(
        rejected("active-users-bad.csv"),
        [
            "line 2, Teams Last Activity Date: \"soon\" is no date",
            "line 3: the row has 25 cells, the header has 24; put what holds a delimiter or a line end in quotes",
            "line 4, Report Refresh Date: \"yesterday\" is no date",
        ]
    );
}

#[test]
fn to_activate_an_app_is_not_to_use_it() {
    let export = fixture("M365AppUserDetail.csv");
    assert_eq!((export.source(), export.as_of()), (Source::AppUsers, day(2026, 11, 18)));
    assert!(export.summary().ignored_columns.iter().any(|name| name == "Last Activation Date"));
    let used: Vec<_> = observed("M365AppUserDetail.csv").iter().map(|row| row.last_activity_on).collect();
    assert_eq!(used, [day(2026, 10, 5), None]);
}

#[test]
fn a_refresh_date_dates_a_report_before_its_file_name_does() {
    let bytes = std::fs::read("tests/data/exports/M365AppUserDetail.csv").expect("readable");
    let opened = opened("AppUsers 2026-11-20.csv", &bytes).expect("read");
    assert_eq!(opened.export.as_of(), Some(date(2026, 11, 18)));
}
