//! Exports as operators really get them, read through the public door.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail tests")]
use std::{fs, path::Path};

use jiff::{civil::Date, tz::TimeZone};
use lapsewatch::{
    domain::{
        snapshot::{ContactRole, ContactRow, Observation, Record, Source},
        subject::{Address, Kind, MobileState, OdsCode, Status},
    },
    sources::{self, DateOrder, Encoding, Export, ReadError, ReadSettings, Rejected},
};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/exports");

fn open(path: &Path) -> Result<Export, ReadError> {
    let time_zone = TimeZone::get("Europe/London").expect("bundled");
    sources::open(path, &ReadSettings { time_zone: &time_zone, day_first: true })
}

fn fixture(name: &str) -> Export {
    open(&Path::new(FIXTURES).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// An export and the folder its file is in, which goes when this goes.
struct Opened {
    export: Export,
    _folder: tempfile::TempDir,
}

fn opened(name: &str, bytes: &[u8]) -> Result<Opened, ReadError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    Ok(Opened { export: open(&path)?, _folder: folder })
}

fn read(bytes: &[u8]) -> (Vec<Record>, Vec<Rejected>) {
    split(&opened("export.csv", bytes).unwrap_or_else(|error| panic!("{error}")).export)
}

fn split(export: &Export) -> (Vec<Record>, Vec<Rejected>) {
    let (good, bad): (Vec<_>, Vec<_>) = export.rows().expect("readable").partition(Result::is_ok);
    (good.into_iter().filter_map(Result::ok).collect(), bad.into_iter().filter_map(Result::err).collect())
}

fn subjects(records: Vec<Record>) -> Vec<Observation> {
    let subject = |record| match record {
        Record::Subject(observation) => Some(*observation),
        Record::Contact(_) => None,
    };
    records.into_iter().filter_map(subject).collect()
}

fn contacts(records: Vec<Record>) -> Vec<ContactRow> {
    let contact = |record| match record {
        Record::Contact(row) => Some(*row),
        Record::Subject(_) => None,
    };
    records.into_iter().filter_map(contact).collect()
}

/// A date as records hold it; panics on one that does not exist.
fn day(year: i16, month: i8, day: i8) -> Option<Date> {
    Date::new(year, month, day).map(Some).expect("a date")
}

fn told(rejected: &[Rejected]) -> Vec<String> {
    rejected.iter().map(ToString::to_string).collect()
}

#[test]
fn the_mailbox_report_tells_who_there_is_and_when_accounts_were_used() {
    let export = fixture("Mailbox Report.csv");
    assert_eq!((export.source(), export.as_of()), (Source::PortalMailbox, day(2026, 11, 20)));
    let (records, rejected) = split(&export);
    let [ada, shared, kit, scanner] = &subjects(records)[..] else { panic!("four rows") };

    assert_eq!(ada.line, 2);
    assert_eq!(ada.id.as_deref(), Some("7c1e0000-0000-4000-8000-000000000001"));
    assert_eq!(ada.address.as_ref().map(Address::as_str), Some("ada.example@nhs.net"));
    assert_eq!(ada.display_name.as_deref(), Some("EXAMPLE, Ada (NORTHTOWN OPTICIANS)"));
    assert_eq!((ada.kind, ada.aup_accepted, ada.mobile), (Kind::User, Some(true), Some(MobileState::Hidden)));
    assert_eq!((ada.created_on, ada.last_activity_on), (day(2024, 2, 3), day(2026, 10, 23)));
    assert_eq!(ada.ods.as_ref().map(OdsCode::as_str), Some("TP1A2"));
    assert_eq!(ada.org_name.as_deref(), Some("NORTHTOWN OPTICIANS"));

    assert_eq!(shared.kind, Kind::Shared);
    assert_eq!((shared.last_activity_on, shared.last_sent_on), (None, None), "opened is not sent");

    assert_eq!(kit.address.as_ref().map(Address::as_str), Some("kit.hill@nhs.net"), "from the user principal name");
    assert_eq!((kit.display_name.as_deref(), kit.last_activity_on), (None, None), "the name holds a link");
    assert_eq!((kit.leaver_on, kit.mobile), (day(2026, 11, 18), Some(MobileState::WellFormed)));
    assert!(kit.status.as_ref().is_some_and(Status::is_leaver));

    assert_eq!((scanner.kind, scanner.created_on), (Kind::Application, None), "1601 is no date");
    assert_eq!(told(&rejected), ["line 5, CreatedOn: \"31/02/2026 10:00\" is no date"]);
}

#[test]
fn the_summary_says_how_a_file_was_read() {
    let export = fixture("Mailbox Report.csv");
    let summary = export.summary();
    assert_eq!((summary.encoding, summary.delimiter, summary.rows), (Encoding::Utf8, Some(','), 5));
    assert_eq!(summary.date_order, DateOrder::DayFirst { line: 2 });
    assert!(summary.ignored_columns.iter().any(|name| name == "Telephone") && summary.missing_columns.is_empty());
    assert_eq!(summary.warnings, ["names left out because they hold / : < > @ or a web address: 1"]);
}

#[test]
fn the_same_report_reads_the_same_in_every_encoding_and_delimiter() {
    let (expected, _) = split(&fixture("Mailbox Report.csv"));
    let (utf16, _) = split(&fixture("mailbox-utf16le.csv"));
    assert_eq!(utf16, expected);
    let old = fixture("mailbox-semicolon-1252.csv");
    assert_eq!((old.summary().encoding, old.summary().delimiter), (Encoding::Windows1252, Some(';')));
    assert!(old.summary().warnings[0].starts_with("read as Windows-1252"));
    let shifted = subjects(split(&old).0).into_iter().map(|row| Observation { line: row.line - 2, ..row });
    assert_eq!(shifted.collect::<Vec<_>>(), subjects(expected));
}

#[test]
fn nothing_of_a_dropped_column_is_in_a_record() {
    let (records, rejected) = split(&fixture("Mailbox Report.csv"));
    let all = format!("{records:?}{rejected:?}");
    for secret in ["secret note", "01632", "Receptionist", "900123", "two\nlines"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn contacts_come_with_their_role_and_bad_ones_are_named() {
    let export = fixture("site-contacts.csv");
    assert_eq!((export.source(), export.as_of()), (Source::SiteContacts, None));
    let (records, rejected) = split(&export);
    let rows = contacts(records);
    assert_eq!(
        rows.iter().map(|row| row.role).collect::<Vec<_>>(),
        [ContactRole::Owner, ContactRole::Member, ContactRole::Site]
    );
    assert_eq!((rows[0].sector.as_deref(), rows[0].town.as_deref()), (Some("optometry"), Some("Northtown")));
    assert_eq!(rows[0].alternate_address.as_ref().map(Address::as_str), Some("ada@example.org"));
    assert_eq!(rows[0].administered_by.as_deref(), Some("NAS"));
    let reasons = told(&rejected);
    assert_eq!(
        reasons,
        ["line 4, role: \"keeper\" is none of owner, member, site, admin", "line 5, address: the row has no address"]
    );
}

#[test]
fn a_row_of_the_wrong_length_costs_that_row_only() {
    let (records, rejected) =
        read(b"address,role,ods_code\na@nhs.net,owner\nb@nhs.net,owner,A,B\nc@nhs.net,owner,C\n,,\n\n");
    assert_eq!(contacts(records).len(), 1);
    let reasons = told(&rejected);
    assert_eq!(
        reasons,
        ["line 2: the row has 2 cells, the header has 3", "line 3: the row has 4 cells, the header has 3"]
    );
}

#[test]
fn a_bad_address_costs_its_row() {
    let (records, rejected) = read(b"address,role,ods_code\n<b>@nhs.net,owner,A\na@nhs.net,owner,A\n");
    assert_eq!((records.len(), rejected.len()), (1, 1));
    assert_eq!((rejected[0].line, rejected[0].column.as_deref()), (2, Some("address")));
}

#[test]
fn a_header_without_rows_is_read_with_a_warning() {
    let Opened { export, _folder } = opened("x.csv", b"address,role,ods_code\n").expect("read");
    assert_eq!((export.summary().rows, export.rows().expect("readable").count()), (0, 0));
    assert_eq!(export.summary().warnings, ["the file has no rows"]);
}
