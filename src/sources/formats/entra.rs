//! Entra's "Download users" (F9): who has an account, and whether it is enabled.
//!
//! It knows no sign-in and no password date. So it does not call anybody a user either: an account that nothing else
//! tells of would count as never used from the day it was made, and the file cannot know that.
use super::{Format, Row};
use crate::domain::{
    snapshot::{Observation, Record, Source},
    subject::Address,
};
use crate::sources::{
    cells,
    dates::Wall,
    error::Rejected,
    header::{Column, Holds},
    words,
};

/// The format. The older generation of the file says `objectId`, the newer one `id`.
pub(super) const FORMAT: Format = Format {
    source: Source::EntraUsers,
    known_by: "userPrincipalName, userType and accountEnabled",
    recognises: |has| has("userprincipalname") && has("usertype") && has("accountenabled"),
    columns: &[
        Column::wanted("id", &["id", "objectid"], Holds::Text).id(),
        Column::wanted("mail", &["mail"], Holds::Text).address(),
        Column::wanted("userPrincipalName", &["userprincipalname"], Holds::Text).address(),
        Column::wanted("displayName", &["displayname"], Holds::Text),
        Column::wanted("userType", &["usertype"], Holds::Text),
        Column::wanted("accountEnabled", &["accountenabled"], Holds::Text).of(&words::FLAGS),
        Column::wanted("createdDateTime", &["createddatetime"], Holds::Date(Wall::Utc)).anchor(),
    ],
    skips: is_guest,
    read,
};

/// Whether the account is another organisation's.
fn is_guest(row: &Row) -> bool {
    let is_external = |key: &str| row.text(key).is_some_and(|text| text.to_uppercase().contains("#EXT#"));
    let is_typed = row.text("usertype").is_some_and(|text| text.eq_ignore_ascii_case("guest"));
    is_typed || is_external("userprincipalname") || is_external("mail")
}

fn read(row: &Row) -> Result<Record, Rejected> {
    let observation = Observation {
        line: row.line(),
        id: row.word("id"),
        address: address(row)?,
        display_name: row.text("displayname").and_then(|text| cells::name(&text)),
        created_on: row.date("createddatetime")?,
        enabled: row.flag("accountenabled"),
        ..Observation::default()
    };
    row.about_somebody(observation)
}

fn address(row: &Row) -> Result<Option<Address>, Rejected> {
    row.address("mail")?.map_or_else(|| row.address("userprincipalname"), |own| Ok(Some(own)))
}
