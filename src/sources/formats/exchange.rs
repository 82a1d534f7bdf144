//! Exchange Online's list of mailboxes (F10): which there are, what kind, since when.
//!
//! `Get-Mailbox`, `Get-EXOMailbox` and `Get-Recipient` all write it. Recipients that are no mailbox (groups, contacts,
//! guests) and the system's own mailboxes are passed over.
use super::{Format, Row};
use crate::domain::{
    snapshot::{Observation, Record, Source},
    subject::{Address, Kind},
};
use crate::sources::{
    cells,
    dates::Wall,
    error::Rejected,
    header::{Column, Holds},
};

const LOCAL: Holds = Holds::Date(Wall::Local);

/// Words for a mailbox that somebody uses; before each may stand `Remote`.
const MAILBOXES: [&str; 6] =
    ["usermailbox", "linkedmailbox", "legacymailbox", "sharedmailbox", "roommailbox", "equipmentmailbox"];

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::ExchangeMailboxes,
    known_by: "RecipientTypeDetails and PrimarySmtpAddress",
    recognises: |has| has("recipienttypedetails") && has("primarysmtpaddress") && !super::statistics::has_activity(has),
    columns: &[
        Column::wanted("ExternalDirectoryObjectId", &["externaldirectoryobjectid"], Holds::Text).id(),
        Column::wanted("PrimarySmtpAddress", &["primarysmtpaddress"], Holds::Text).address(),
        Column::optional(&["emailaddresses"], Holds::Text),
        Column::wanted("DisplayName", &["displayname"], Holds::Text),
        Column::wanted("RecipientTypeDetails", &["recipienttypedetails"], Holds::Text),
        Column::optional(&["whenmailboxcreated"], LOCAL).anchor(),
        Column::wanted("WhenCreated", &["whencreated"], LOCAL).anchor(),
    ],
    skips: is_no_mailbox,
    read,
};

fn is_no_mailbox(row: &Row) -> bool {
    row.text("recipienttypedetails").is_some_and(|text| !MAILBOXES.contains(&bare(&text).as_str()))
}

/// The type of a recipient, whichever side of a hybrid it lives on.
fn bare(text: &str) -> String {
    let lower = text.to_lowercase();
    lower.strip_prefix("remote").map_or_else(|| lower.clone(), str::to_owned)
}

/// What the list may say of the kind: shared, or a resource. It has no activity column, so an account that only it
/// knows must not count as a user who never used it.
pub(super) fn kind_without_activity(text: &str) -> Kind {
    match Kind::parse(&bare(text)) {
        kind if kind.is_user() => Kind::Unknown,
        kind => kind,
    }
}

fn read(row: &Row) -> Result<Record, Rejected> {
    let made_on = (row.date("whenmailboxcreated")?, row.date("whencreated")?);
    let observation = Observation {
        line: row.line(),
        id: row.word("externaldirectoryobjectid"),
        address: address(row)?,
        display_name: row.text("displayname").and_then(|text| cells::name(&text)),
        kind: row.text("recipienttypedetails").map_or(Kind::Unknown, |text| kind_without_activity(&text)),
        created_on: made_on.0.or(made_on.1),
        ..Observation::default()
    };
    row.about_somebody(observation)
}

/// The primary address: its own column, else the one of all addresses whose `SMTP:` is in capitals.
fn address(row: &Row) -> Result<Option<Address>, Rejected> {
    if let Some(own) = row.address("primarysmtpaddress")? {
        return Ok(Some(own));
    }
    let all = row.text("emailaddresses").unwrap_or_default();
    let primary = all.split([' ', ',', ';', '{', '}', '\n']).find(|text| text.starts_with("SMTP:"));
    primary.map(|text| cells::address(text).map_err(|reason| row.reject("emailaddresses", reason))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_of_a_person_is_of_unknown_kind_here() {
        let kinds = ["UserMailbox", "RemoteUserMailbox", "SharedMailbox", "RemoteSharedMailbox", "RoomMailbox"];
        assert_eq!(
            kinds.map(kind_without_activity),
            [Kind::Unknown, Kind::Unknown, Kind::Shared, Kind::Shared, Kind::Resource]
        );
    }
}
