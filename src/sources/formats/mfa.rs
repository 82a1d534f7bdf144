//! The NHSmail Portal's MFA report: who has a second factor.
//!
//! It holds twice as many accounts as there are, so it makes nobody known: what it says of an address waits until a
//! list has it. When an account was compromised is nobody's business here; those dates only tell the order of day and
//! month, which is the American one although the Mailbox Report's is not.
use super::{Format, Row};
use crate::domain::{
    snapshot::{Observation, Record, Source},
    subject::MfaState,
};
use crate::sources::{
    cells,
    dates::Wall,
    error::Rejected,
    header::{Column, Holds},
};

const LOCAL: Holds = Holds::Date(Wall::Local);

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::PortalMfa,
    known_by: "MFAStatus and MFAAuthenticationType",
    recognises: |has| has("mfastatus") && has("mfaauthenticationtype"),
    columns: &[
        Column::wanted("EmailAddress", &["emailaddress"], Holds::Text).address(),
        Column::wanted("OrganisationName", &["organisationname"], Holds::Text),
        Column::wanted("ODSCode", &["odscode"], Holds::Text),
        Column::wanted("MFAStatus", &["mfastatus"], Holds::Text),
        Column::optional(&["whencompromised"], LOCAL).unkept().omissible(),
        Column::optional(&["whenremediated"], LOCAL).unkept().omissible(),
        Column::optional(&["lastmarkedascompromised"], LOCAL).unkept().omissible(),
    ],
    skips: |row| row.is_guest(&["emailaddress"]),
    read,
};

fn read(row: &Row) -> Result<Record, Rejected> {
    let address = row.address("emailaddress")?.ok_or_else(|| row.reject("emailaddress", "the row has no address"))?;
    Ok(Record::Subject(Box::new(Observation {
        line: row.line(),
        address: Some(address),
        ods: row.ods("odscode"),
        org_name: row.place("organisationname"),
        mfa: mfa(row)?,
        ..Observation::default()
    })))
}

/// The one thing the report is for: a word that is not known costs the row.
fn mfa(row: &Row) -> Result<Option<MfaState>, Rejected> {
    let Some(text) = row.text("mfastatus") else { return Ok(None) };
    let unknown = || row.reject("mfastatus", format!("{} says neither on nor off", cells::quote(&text)));
    MfaState::parse(&text).map(Some).ok_or_else(unknown)
}
