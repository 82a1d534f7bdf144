//! The NHSmail Portal's Mailbox Report: who has an account or a shared mailbox, and when an account was last used.
//!
//! Of some forty columns a dozen are read; names, numbers, job titles and notes never leave this file. `LastLogIn` of a
//! shared mailbox means that somebody opened it, not that it sent anything: it is no evidence and is not kept.
use super::{Format, Row};
use crate::domain::{
    snapshot::{Observation, Record, Source},
    subject::{Kind, MfaState, MobileState, Status},
};
use crate::sources::{
    cells,
    dates::Wall,
    error::Rejected,
    header::{Column, Holds},
    words,
};

const LOCAL: Holds = Holds::Date(Wall::Local);

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::PortalMailbox,
    known_by: "MailboxType, LastLogIn and AUPStatus",
    recognises: |has| has("mailboxtype") && has("lastlogin") && has("aupstatus"),
    columns: &[
        Column::wanted("Id", &["id"], Holds::Text).id(),
        Column::wanted("EmailAddress", &["emailaddress"], Holds::Text).address(),
        Column::wanted("UserPrincipalName", &["userprincipalname"], Holds::Text).address(),
        Column::wanted("DisplayName", &["displayname"], Holds::Text),
        Column::wanted("MailboxType", &["mailboxtype"], Holds::Text).of(&words::KINDS),
        Column::wanted("AccountType", &["accounttype"], Holds::Text).of(&words::KINDS),
        Column::wanted("Status", &["status"], Holds::Text).of(&words::STATUSES),
        Column::wanted("CreatedOn", &["createdon"], LOCAL).anchor(),
        Column::wanted("LastUpdated", &["lastupdated"], Holds::Stamp(Wall::Local)).unkept(),
        Column::wanted("LastLogIn", &["lastlogin"], LOCAL).anchor(),
        Column::wanted("MarkAsLeaverDate", &["markasleaverdate"], LOCAL),
        // One less every day in every row: it must not make a row a new one.
        Column::optional(&["daysuntilremoval"], Holds::Text).unkept(),
        Column::wanted("AUPStatus", &["aupstatus"], Holds::Text).of(&words::FLAGS),
        Column::wanted("Mobile", &["mobile"], Holds::Text),
        Column::wanted("ODS Code", &["odscode"], Holds::Text),
        Column::wanted("OrganisationName", &["organisationname"], Holds::Text),
        Column::optional(&["mfastatus"], Holds::Text).of(&words::MFA),
    ],
    skips: |_| false,
    read,
};

fn read(row: &Row) -> Result<Record, Rejected> {
    let kind = kind(row);
    let opened_on = row.date("lastlogin")?;
    let observation = Observation {
        line: row.line(),
        id: row.word("id"),
        address: row.address("emailaddress")?.map_or_else(|| row.address("userprincipalname"), |own| Ok(Some(own)))?,
        display_name: row.text("displayname").and_then(|text| cells::name(&text)),
        kind,
        status: row.word("status").and_then(|word| Status::new(&word)),
        ods: row.ods("odscode"),
        org_name: row.place("organisationname"),
        created_on: row.date("createdon")?,
        last_activity_on: opened_on.filter(|_| !matches!(kind, Kind::Shared | Kind::Resource)),
        leaver_on: row.date("markasleaverdate")?,
        aup_accepted: row.flag("aupstatus"),
        mfa: row.text("mfastatus").and_then(|text| MfaState::parse(&text)),
        mobile: row.text("mobile").and_then(|cell| MobileState::of_cell(&cell)),
        updated_on: row.date("lastupdated")?,
        removal_in_days: row.text("daysuntilremoval").and_then(|text| text.parse().ok()),
        ..Observation::default()
    };
    row.about_somebody(observation)
}

fn kind(row: &Row) -> Kind {
    let named = |key: &str| row.text(key).map_or(Kind::Unknown, |text| Kind::parse(&text));
    if named("accounttype") == Kind::Application { Kind::Application } else { named("mailboxtype") }
}
