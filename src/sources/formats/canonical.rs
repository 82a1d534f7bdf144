//! The canonical CSV: one column per fact, for spreadsheets and tests.
//!
//! It is written for this program, so a word it does not know rejects the row instead of passing for a blank.
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

const STAMP: Holds = Holds::Stamp(Wall::Local);

/// The columns of evidence; one of them must be there.
const DATES: [&[&str]; 6] = [
    &["createdat", "createdon"],
    &["lastactivityat", "lastactivityon"],
    &["lastsentat", "lastsenton"],
    &["lastpasswordchangeat", "lastpasswordchangeon"],
    &["leaverat", "leaveron"],
    &["deletedat", "deletedon"],
];

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::Canonical,
    known_by: "address, kind and a date such as last_activity_at",
    recognises: |has| has("address") && has("kind") && DATES.into_iter().flatten().any(|key| has(key)),
    columns: &[
        Column::optional(&["asof"], Holds::AsOf),
        Column::wanted("id", &["id"], Holds::Text).id(),
        Column::wanted("address", &["address"], Holds::Text).address(),
        Column::optional(&["upn"], Holds::Text).address(),
        Column::wanted("display_name", &["displayname"], Holds::Text),
        Column::wanted("kind", &["kind"], Holds::Text),
        Column::wanted("status", &["status"], Holds::Text).of(&words::STATUSES),
        Column::wanted("ods", &["ods", "odscode"], Holds::Text),
        Column::wanted("org_name", &["orgname"], Holds::Text),
        Column::wanted("created_at", DATES[0], STAMP).anchor(),
        Column::wanted("last_activity_at", DATES[1], STAMP).anchor(),
        Column::wanted("last_sent_at", DATES[2], STAMP),
        Column::wanted("last_password_change_at", DATES[3], STAMP).anchor(),
        Column::wanted("password_never_expires", &["passwordneverexpires"], Holds::Text),
        Column::wanted("leaver_at", DATES[4], STAMP),
        Column::wanted("deleted_at", DATES[5], STAMP),
        Column::wanted("enabled", &["enabled"], Holds::Text),
        Column::wanted("aup_accepted", &["aupaccepted"], Holds::Text),
        Column::wanted("mfa", &["mfa"], Holds::Text),
        Column::wanted("mobile_state", &["mobilestate"], Holds::Text),
    ],
    skips: |row| row.is_guest(&["address", "upn"]),
    read,
};

fn read(row: &Row) -> Result<Record, Rejected> {
    row.date("asof")?;
    let observation = Observation {
        line: row.line(),
        id: row.word("id"),
        address: row.address("address")?.map_or_else(|| row.address("upn"), |own| Ok(Some(own)))?,
        display_name: row.text("displayname").and_then(|text| cells::name(&text)),
        kind: kind(row)?,
        status: row.word("status").and_then(|word| Status::new(&word)),
        ods: row.ods("ods"),
        org_name: row.place("orgname"),
        created_on: row.date("createdat")?,
        last_activity_on: row.date("lastactivityat")?,
        last_sent_on: row.date("lastsentat")?,
        password_changed_on: row.date("lastpasswordchangeat")?,
        password_never_expires: row.strict_flag("passwordneverexpires")?,
        leaver_on: row.date("leaverat")?,
        deleted_on: row.date("deletedat")?,
        enabled: row.strict_flag("enabled")?,
        aup_accepted: row.strict_flag("aupaccepted")?,
        mfa: mfa(row)?,
        mobile: mobile(row)?,
        ..Observation::default()
    };
    row.about_somebody(observation)
}

fn kind(row: &Row) -> Result<Kind, Rejected> {
    let word = row.word("kind").unwrap_or_else(|| Kind::Unknown.as_str().to_owned());
    match Kind::parse(&word) {
        Kind::Unknown if !word.eq_ignore_ascii_case(Kind::Unknown.as_str()) => Err(row.reject(
            "kind",
            format!("{} is none of user, shared, resource, application, role, unknown", cells::quote(&word)),
        )),
        kind => Ok(kind),
    }
}

fn mfa(row: &Row) -> Result<Option<MfaState>, Rejected> {
    let reject = |text: &str| row.reject("mfa", format!("{} is neither on nor off", cells::quote(text)));
    row.text("mfa").map(|text| MfaState::parse(&text).ok_or_else(|| reject(&text))).transpose()
}

fn mobile(row: &Row) -> Result<Option<MobileState>, Rejected> {
    let reject = |text: &str| {
        row.reject("mobilestate", format!("{} is none of well_formed, malformed, hidden", cells::quote(text)))
    };
    row.text("mobilestate").map(|text| cells::mobile_state(&text).ok_or_else(|| reject(&text))).transpose()
}
