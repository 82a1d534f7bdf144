//! Exports as operators really get them, read through the public door.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail tests")]
#[path = "sources/accounts.rs"]
mod accounts;
#[path = "sources/exchange.rs"]
mod exchange;
#[path = "sources/rows.rs"]
mod rows;
#[path = "sources/sites.rs"]
mod sites;

use std::{fs, ops::ControlFlow, path::Path};

use jiff::{
    civil::{Date, date},
    tz::TimeZone,
};
use lapsewatch::{
    domain::{
        snapshot::{ContactRole, ContactRow, Observation, Record, Source},
        subject::{Address, Kind, MobileState, OdsCode, Status},
    },
    sources::{self, DateOrder, Encoding, Export, Raw, ReadError, ReadSettings, Rejected},
};
use proptest::prelude::*;

#[path = "sources/reports.rs"]
mod reports;
#[path = "sources/rules.rs"]
mod rules;

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

fn refused(bytes: &[u8]) -> ReadError {
    opened("export.csv", bytes).map(|_| ()).expect_err("refused")
}

fn split(export: &Export) -> (Vec<Record>, Vec<Rejected>) {
    let mut census = export.census(date(2026, 11, 20));
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let mut take = |row: Raw<'_>| {
        match row.read() {
            Ok(record) => good.push(record),
            Err(rejected) => bad.push(rejected),
        }
        ControlFlow::Continue(())
    };
    export.each(&mut census, &mut take).expect("readable");
    (good, bad)
}

fn subjects(records: Vec<Record>) -> Vec<Observation> {
    let subject = |record| match record {
        Record::Subject(observation) => Some(*observation),
        Record::Contact(_) | Record::Member(_) | Record::Site(_) => None,
    };
    records.into_iter().filter_map(subject).collect()
}

fn contacts(records: Vec<Record>) -> Vec<ContactRow> {
    let contact = |record| match record {
        Record::Contact(row) => Some(*row),
        Record::Subject(_) | Record::Member(_) | Record::Site(_) => None,
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
    assert_eq!(
        summary.warnings,
        ["names left out because they hold / : < > @, a web address, a formula or a concealed name: 1"]
    );
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
fn a_trace_is_in_utc_and_only_what_left_counts() {
    let export = fixture("message-trace.csv");
    assert_eq!((export.source(), export.as_of()), (Source::Sends, day(2026, 11, 19)));
    assert_eq!(export.summary().skipped, 1);
    let rows = subjects(split(&export).0);
    assert_eq!(rows.iter().map(|row| row.last_sent_on).collect::<Vec<_>>(), [day(2026, 11, 18), day(2026, 7, 2)]);
    assert_eq!(rows[0].address.as_ref().map(Address::as_str), Some("optometry.tp1a2@nhs.net"));
}

#[test]
fn an_audit_is_in_local_time_and_a_failed_send_is_none() {
    let rows = subjects(split(&fixture("send-audit.csv")).0);
    assert_eq!(rows.iter().map(|row| row.last_sent_on).collect::<Vec<_>>(), [day(2026, 11, 18)]);
}

#[test]
fn of_folders_only_sent_items_tells_and_a_blank_proves_nothing() {
    let rows = subjects(split(&fixture("sent-items.csv")).0);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].address.as_ref().map(Address::as_str), Some("optometry.tp1a2@nhs.net"));
    assert_eq!(rows[0].last_sent_on, day(2026, 11, 17));
}

#[test]
fn the_canonical_file_says_its_own_day_and_is_read_strictly() {
    let export = fixture("canonical.csv");
    assert_eq!((export.source(), export.as_of()), (Source::Canonical, day(2026, 11, 20)));
    let (records, rejected) = split(&export);
    let rows = subjects(records);
    assert_eq!((rows[0].last_activity_on, rows[0].password_changed_on), (day(2026, 7, 2), day(2026, 1, 5)));
    assert_eq!((rows[0].password_never_expires, rows[0].enabled), (Some(false), Some(true)));
    assert_eq!(rows[1].last_sent_on, day(2026, 6, 1));
    let reasons = told(&rejected);
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons[0].starts_with("line 4, kind: \"persson\" is none of"));
    assert_eq!(reasons[1], "line 5, password_never_expires: \"perhaps\" is neither yes nor no");
    assert_eq!(reasons[2], "line 6: the row has neither an address nor an id");
}

#[test]
fn graph_tells_of_passwords_and_sign_ins_and_guests_are_passed_over() {
    let export = fixture("2026-11-20 passwords.json");
    assert_eq!((export.source(), export.as_of()), (Source::GraphUsers, day(2026, 11, 20)));
    assert_eq!((export.summary().rows, export.summary().skipped), (6, 2));
    assert_eq!(export.summary().ignored_columns, ["officeLocation"]);
    assert!(export.summary().warnings.iter().any(|warning| warning.starts_with("partial file")));
    let (records, rejected) = split(&export);
    let [ada, zoe] = &subjects(records)[..] else { panic!("two users") };
    assert_eq!((ada.line, ada.kind), (5, Kind::Unknown));
    assert_eq!(ada.password_changed_on, day(2026, 7, 2), "an instant becomes a day in the policy's zone");
    assert_eq!((ada.password_never_expires, ada.enabled), (Some(true), Some(true)));
    assert_eq!(ada.last_activity_on, day(2026, 11, 9), "success before attempts");
    assert_eq!((zoe.last_activity_on, zoe.password_changed_on), (day(2026, 11, 12), None));
    assert_eq!(
        told(&rejected),
        ["line 15, lastPasswordChangeDateTime: \"yesterday\" is no date", "line 16: the record is not an object"]
    );
}

#[test]
fn powershells_json_is_read_whatever_its_envelope() {
    let user = fs::read_to_string(Path::new(FIXTURES).join("powershell-users.json")).expect("there");
    let object = user.trim().trim_start_matches('[').trim_end_matches(']').trim().to_owned();
    let line = object.replace('\n', "");
    for text in [user, format!("{line}\n{line}\n"), format!("{{\"value\":[{object}]}}"), object] {
        let rows = subjects(read(text.as_bytes()).0);
        assert_eq!(rows[0].password_changed_on, day(2019, 11, 19), "{text}");
        assert_eq!(rows[0].last_activity_on, day(2025, 11, 13));
        assert_eq!(rows[0].address.as_ref().map(Address::as_str), Some("ada.example@nhs.net"));
    }
}

#[test]
fn a_deleted_user_of_graph_loses_the_id_before_the_name() {
    let text = br#"[{"id":"x","userPrincipalName":"0123456789abcdef0123456789abcdefada@nhs.net","deletedDateTime":"2026-11-01T09:00:00Z"}]"#;
    let rows = subjects(read(text).0);
    assert_eq!(rows[0].address.as_ref().map(Address::as_str), Some("ada@nhs.net"));
    assert!(rows[0].status.as_ref().is_some_and(Status::is_deleted) && rows[0].deleted_on.is_some());
}

#[test]
fn the_name_of_a_file_dates_it_before_its_content_does() {
    let trace = b"SenderAddress,Received\na@nhs.net,2026-11-18T10:00:00Z\n";
    for (name, as_of) in [("2026-11-20 x.csv", day(2026, 11, 20)), ("x_20261119.csv", day(2026, 11, 19))] {
        assert_eq!(opened(name, trace).expect("read").export.as_of(), as_of);
    }
    assert_eq!(opened("x.csv", trace).expect("read").export.as_of(), day(2026, 11, 18));
}

#[test]
fn a_row_of_the_wrong_length_costs_that_row_only() {
    let (records, rejected) =
        read(b"address,role,ods_code\na@nhs.net,owner\nb@nhs.net,owner,A,B\nc@nhs.net,owner,C\n,,\n\n");
    assert_eq!(contacts(records).len(), 1);
    let reasons = told(&rejected);
    assert_eq!(
        reasons,
        [
            "line 2: the row has 2 cells, the header has 3; put what holds a delimiter or a line end in quotes",
            "line 3: the row has 4 cells, the header has 3; put what holds a delimiter or a line end in quotes"
        ]
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
    assert_eq!((export.summary().rows, split(&export)), (0, (Vec::new(), Vec::new())));
    assert_eq!(export.summary().warnings, ["the file has no rows"]);
}

#[test]
fn a_file_that_cannot_be_trusted_is_refused_with_the_place_and_the_remedy() {
    let contacts = "address,role,ods_code\na@nhs.net,owner,A\n";
    let dates = "SenderAddress,Received\na@nhs.net,21/11/2026\na@nhs.net,11/21/2026\n";
    let table: [(&[u8], &str); 13] = [
        (b"", "the file is empty"),
        (b"\xEF\xBB\xBF \r\n\r\n", "the file is empty"),
        (b"PK\x03\x04xyz", "zip archive is damaged"),
        (b"Colour,Shape\nred,round\n", "\"Colour\", \"Shape\". Known are: Active Directory accounts"),
        (b"\"ClassId2e4f51ef21dd47e99d3c952918aff9cd\",\"x\"\n", "Format-Table"),
        (b"address,role,ods_code,Role\na@nhs.net,owner,A,x\n", "line 1: the column \"Role\" is there twice"),
        (&[contacts.as_bytes(), b"\"b@nhs.net,owner,A\nc@nhs.net,owner,A\n"].concat(), "line 3: a quote opens here"),
        (&[contacts.as_bytes(), b"b@nhs"].concat(), "line 3: the file stops"),
        (&[contacts.as_bytes(), b"b@nhs.net,owner,\0"].concat(), "line 3: there is a NUL"),
        (dates.as_bytes(), "line 2 has the day first (21/11/2026), line 3 the month first (11/21/2026)"),
        (b"{\"value\":[\n{\"userPrincipalName\":\"a@nhs.net\"", "line 2: the file stops"),
        (b"{\"value\":[\n{\"userPrincipalName\" \"a@nhs.net\"}]}", "line 2, column 22: the JSON is broken"),
        (b"[{\"colour\":\"red\"}]", "\"colour\". Known are"),
    ];
    for (bytes, words) in table {
        let message = refused(bytes).to_string();
        assert!(message.contains(words), "{message}\nlacks: {words}");
    }
    assert!(matches!(open(Path::new("nowhere.csv")), Err(ReadError::Io(_))));
}

#[test]
fn microsoft_365_app_reports_are_not_taken_for_graph_users() {
    let text = br#"{"value":[{"userPrincipalName":"a@nhs.net","reportRefreshDate":"2026-11-20"}]}"#;
    assert!(matches!(refused(text), ReadError::UnknownHeader { .. }));
}

fn encoded(text: &str, encoding: u8) -> Vec<u8> {
    let utf16 = || text.encode_utf16();
    match encoding {
        0 => text.as_bytes().to_vec(),
        1 => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        2 => [vec![0xFF, 0xFE], utf16().flat_map(u16::to_le_bytes).collect()].concat(),
        // No mark: the NULs tell.
        3 => utf16().flat_map(u16::to_le_bytes).collect(),
        4 => [vec![0xFE, 0xFF], utf16().flat_map(u16::to_be_bytes).collect()].concat(),
        _ => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_cells_are_read_or_rejected_and_never_panic(cell in "(\\PC|[0-9/@:. -]){0,40}") {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["address", "kind", "created_at", "display_name", "id"]).expect("written");
        for at in 0..5 {
            let row: Vec<_> = (0..5).map(|column| if column == at { cell.as_str() } else { "" }).collect();
            writer.write_record(row).expect("written");
        }
        let (records, rejected) = read(&writer.into_inner().expect("flushed"));
        prop_assert!(records.len() + rejected.len() <= 5);
    }
}
