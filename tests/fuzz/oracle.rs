//! What must hold of every input, whatever is in it. The fuzz targets look for one of which it does not; `tests/fuzz.rs`
//! holds the corpus to it with every test run.
//!
//! Nothing panics or goes on without end; that is the fuzzer's own oracle, and these are ours: what is said fits on a
//! screen and moves no cursor; every row is counted; no text of a record holds a control character, no date lies before
//! the first year; rows with equal prints say the same; a text says the same in every encoding.
#[path = "workbook.rs"]
mod workbook;

use std::{
    collections::HashMap,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use jiff::{
    civil::{Date, date},
    tz::TimeZone,
};
use lapsewatch::{
    config::{self, Sources},
    domain::snapshot::{Observation, Record, Source},
    sources::{self, Raw, ReadSettings, Rejected},
};
use tempfile::TempDir;

/// The day on which everything is read.
const TODAY: Date = date(2026, 11, 21);
/// The longest text about a file or a row, in characters.
const LONGEST: usize = 6_000;
/// The longest word of a record, in characters.
const LONGEST_WORD: usize = 256;

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("a temporary folder");
}

/// What a target does with its bytes.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// Reads them as text in every encoding.
    Decoder,
    /// Reads them as dates.
    Dates,
    /// Takes them for a configuration.
    Configuration,
    /// Reads them as a file, and below these headers.
    Table(&'static str),
    /// Reads them as a file, and as an element of a list.
    Json,
    /// Reads them as a file.
    File,
    /// Reads a workbook of which they are a part.
    Workbook,
}

/// Every target by its name.
#[rustfmt::skip]
pub const TARGETS: [(&str, Target); 24] = [
    ("decoder", Target::Decoder),
    ("dates", Target::Dates),
    ("configuration", Target::Configuration),
    ("containers", Target::File),
    ("workbook", Target::Workbook),
    ("f01_portal_mailbox", Target::Table("Id,DisplayName,MailboxType,Status,EmailAddress,CreatedOn,LastUpdated,LastLogIn,\
        ODS Code,OrganisationName,AUPStatus,MarkAsLeaverDate,DaysUntilRemoval,AccountType,Mobile")),
    ("f02_portal_mfa", Target::Table("EmailAddress,OrganisationName,ODSCode,MFAStatus,MFAAuthenticationType,WhenCompromised")),
    ("f03_email_activity", Target::Table("Report Refresh Date,User Principal Name,Is Deleted,Deleted Date,Last Activity Date,\
        Send Count,Read Count,Report Period")),
    ("f04_mailbox_usage", Target::Table("Report Refresh Date,User Principal Name,Is Deleted,Deleted Date,Created Date,\
        Last Activity Date,Item Count,Prohibit Send Quota (Byte),Recipient Type,Report Period")),
    ("f05_active_users", Target::Table("Report Refresh Date,User Principal Name,Is Deleted,Deleted Date,\
        Exchange Last Activity Date,OneDrive Last Activity Date,Teams Last Activity Date")),
    ("f06_app_users", Target::Table("Report Refresh Date,User Principal Name,Last Activation Date,Last Activity Date,\
        Report Period,Outlook (Windows)")),
    ("f07_graph_users", Target::Json),
    ("f08_graph_deleted_users", Target::Json),
    ("f09_entra_download", Target::Table("userPrincipalName,displayName,mail,id,userType,accountEnabled,\
        alternateEmailAddress,createdDateTime")),
    ("f10_exchange_mailboxes", Target::Table("DisplayName,PrimarySmtpAddress,UserPrincipalName,ExternalDirectoryObjectId,\
        RecipientTypeDetails,WhenMailboxCreated,WhenCreated")),
    ("f11_exchange_statistics", Target::Table("DisplayName,MailboxGuid,UserPrincipalName,LastLogonTime,LastUserActionTime,\
        LastInteractionTime")),
    ("f12_exchange_permissions", Target::Table("Identity,User,AccessRights,IsInherited,Deny")),
    ("f13_sends", Target::Table("Received,SenderAddress,Status")),
    ("f14_active_directory", Target::Table("sAMAccountName,mail,userPrincipalName,Enabled,lastLogonTimestamp,pwdLastSet")),
    ("f15_site_contacts", Target::Table("ods_code,sector,site_name,shared_mailbox,address,role,alternate_address,\
        administered_by")),
    ("f16_ods_report", Target::File),
    ("f17_bank_holidays", Target::Json),
    ("f18_canonical", Target::Table("as_of,id,address,display_name,kind,status,ods,created_at,last_activity_at,last_sent_at,\
        last_password_change_at,password_never_expires,leaver_at,deleted_at,enabled,aup_accepted,mfa,mobile_state")),
    ("f19_dspt", Target::Table("ods_code,status,published_on")),
];

impl Target {
    /// The target of a name.
    pub fn of(name: &str) -> Self {
        TARGETS.into_iter().find(|(known, _)| *known == name).expect("a target of that name").1
    }

    /// Does it; panics when something does not hold.
    pub fn take(self, bytes: &[u8]) {
        let prints = &mut Prints::default();
        match self {
            Self::Decoder => decoder(bytes, prints),
            Self::Dates => dates(bytes, prints),
            Self::Configuration => configuration(bytes),
            Self::Table(header) => table(header, bytes, prints),
            Self::Json => json(bytes, prints),
            Self::File => file("export", bytes, prints),
            Self::Workbook => file("export.xlsx", &workbook::with(bytes), prints),
        }
    }
}

/// What the rows of one source said, by their prints: the same in every file, for a store keeps prints from one file to
/// the next.
type Prints = HashMap<(Source, u64), (Option<u64>, Option<String>)>;

/// A file of these bytes, and rows of them below the format's header.
fn table(header: &str, bytes: &[u8], prints: &mut Prints) {
    file("export.csv", bytes, prints);
    file("export.csv", &[header.as_bytes(), b"\n", bytes].concat(), prints);
}

/// A file of these bytes, and an element of a list.
fn json(bytes: &[u8], prints: &mut Prints) {
    file("export.json", bytes, prints);
    file("export.json", &[b"{\"value\":[", bytes, b"]}"].concat(), prints);
}

fn file(name: &str, bytes: &[u8], prints: &mut Prints) {
    _ = read(&kept(name, bytes), true, prints);
}

/// How many rows are read from the workbook of which the bytes are a part.
#[cfg(test)]
pub fn rows_of_workbook(bytes: &[u8]) -> Result<usize, String> {
    read(&kept("export.xlsx", &workbook::with(bytes)), true, &mut Prints::default()).map(|rows| rows.len())
}

/// One text in every encoding that can write it.
fn decoder(bytes: &[u8], prints: &mut Prints) {
    const HEADER: &str = "address,kind,created_at,display_name\n";
    file("export.csv", bytes, prints);
    file("export.csv", &[HEADER.as_bytes(), bytes].concat(), prints);
    // What holds a NUL is refused as text, or guessed to be UTF-16.
    let Some(body) = std::str::from_utf8(bytes).ok().filter(|body| !body.contains('\0')) else { return };
    // A mark in the text is one only at its beginning; what is no character has no other spelling.
    let text = [HEADER, body].concat();
    let utf16 = |to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect::<Vec<_>>();
    let expected = read(&kept("export.csv", text.as_bytes()), true, prints);
    for bytes in [
        [b"\xEF\xBB\xBF".to_vec(), text.clone().into_bytes()].concat(),
        [b"\xFF\xFE".to_vec(), utf16(u16::to_le_bytes)].concat(),
        [b"\xFE\xFF".to_vec(), utf16(u16::to_be_bytes)].concat(),
    ] {
        assert_eq!(read(&kept("export.csv", &bytes), true, prints), expected, "{text:?}");
    }
    let (old, _, has_losses) = encoding_rs::WINDOWS_1252.encode(&text);
    if !has_losses && std::str::from_utf8(&old).is_err() {
        assert_eq!(read(&kept("export.csv", &old), true, prints), expected, "{text:?} in Windows-1252");
    }
}

/// One text as every date of a row, in both orders.
fn dates(bytes: &[u8], prints: &mut Prints) {
    let text = String::from_utf8_lossy(bytes).replace('"', "\"\"");
    let cell = format!("\"{text}\"");
    let canonical = format!("address,kind,created_at,last_activity_at\nada@nhs.net,user,{cell},{cell}\n");
    let portal = format!(
        "EmailAddress,MailboxType,AUPStatus,CreatedOn,LastUpdated,LastLogIn\nada@nhs.net,User,True,{cell},{cell},{cell}\n"
    );
    let sends = format!("SenderAddress,Received\nada@nhs.net,{cell}\n");
    for text in [canonical, portal, sends] {
        let path = kept("export.csv", text.as_bytes());
        for day_first in [true, false] {
            _ = read(&path, day_first, prints);
        }
    }
}

/// A configuration file of these bytes.
fn configuration(bytes: &[u8]) {
    let path = kept("lapsewatch.toml", bytes);
    let sources = Sources { file: Some(&path), today: TODAY, ..Sources::default() };
    if let Err(problems) = config::load(&sources) {
        assert!(!problems.render(false).is_empty());
    }
}

fn kept(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.with(|folder| folder.path().join(name));
    fs::write(&path, bytes).expect("written");
    path
}

/// What is read from a file, held to all that must hold of it: the refusal, or a line for each row.
fn read(path: &Path, day_first: bool, prints: &mut Prints) -> Result<Vec<String>, String> {
    static LONDON: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("Europe/London").expect("bundled"));
    let export = match sources::open(path, &ReadSettings { time_zone: &LONDON, day_first }) {
        Ok(export) => export,
        Err(refusal) => return Err(said(&refusal.to_string())),
    };
    let summary = export.summary();
    summary.warnings.iter().chain(&summary.ignored_columns).for_each(|text| _ = said(text));
    let mut rows = Vec::new();
    let mut take = |row: Raw<'_>| {
        let read = row.read();
        // Rejected rows are read again every day: their reasons may name what is not in the print.
        let kept = read.as_ref().ok().map(|record| told(row.line(), Ok(record.clone())));
        let first = prints.entry((export.source(), row.print())).or_insert_with(|| (row.key(), kept.clone()));
        assert_eq!(*first, (row.key(), kept), "equal prints");
        rows.push(told(row.line(), read));
        ControlFlow::Continue(())
    };
    let mut census = export.census(TODAY);
    export.each(&mut census, &mut take).expect("what was opened can be read");
    assert_eq!(rows.len() + summary.skipped, summary.rows, "every row is counted");
    Ok(rows)
}

/// A record without its line, or the reason why there is none.
fn told(line: u32, read: Result<Record, Rejected>) -> String {
    match read {
        Ok(Record::Subject(row)) => {
            hold(&row);
            // The count-down and the day of the row move every day, and say nothing that has to be kept.
            format!("{:?}", Observation { line: 0, removal_in_days: None, updated_on: None, ..*row })
        }
        Ok(record) => format!("{record:?}").replace(&format!("line: {line}"), "line: 0"),
        Err(rejected) => said(&rejected.to_string()).replace(&format!("line {line}"), "line 0"),
    }
}

/// A record about a subject is fit to be kept and to be written into mail.
fn hold(row: &Observation) {
    assert!(row.id.is_some() || row.address.is_some() || row.display_name.is_some(), "about somebody: {row:?}");
    for text in [&row.id, &row.display_name, &row.org_name].into_iter().flatten() {
        assert!(
            !text.is_empty() && text.chars().count() <= LONGEST_WORD && !text.contains(char::is_control),
            "{text:?}"
        );
    }
    let days = [
        row.created_on,
        row.last_activity_on,
        row.last_sent_on,
        row.password_changed_on,
        row.leaver_on,
        row.deleted_on,
    ];
    assert!(days.into_iter().flatten().all(|day| day.year() >= 2004), "{row:?}");
}

/// A text that is shown: on a screen it is short and moves no cursor.
fn said(text: &str) -> String {
    assert!(!text.trim().is_empty() || text.is_empty(), "{text:?}");
    assert!(text.chars().count() <= LONGEST && !text.contains(char::is_control), "{text:?}");
    text.to_owned()
}
