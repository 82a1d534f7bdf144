//! Exchange Online's permissions (F12): who may open a shared mailbox or send as it.
//!
//! Being allowed in makes nobody an owner: those are in the contacts file. What tells of no member is passed over: the
//! mailbox itself, inherited and denied rights, lesser rights, groups of the system. A right of somebody who is gone (an
//! orphan) makes nobody a member either, but says of its mailbox that it was looked at: one with orphans alone has no
//! member left. A name that is not an address may be anybody's, so such a row is rejected with the remedy.
use super::{Format, Row};
use crate::domain::{
    snapshot::{MemberRow, Record, Source},
    subject::Address,
};
use crate::sources::{
    cells,
    error::Rejected,
    header::{Column, Holds, normalise},
    words,
};

/// Columns that may hold the mailbox, best first; `Identity` is what the commands write.
const MAILBOXES: [&str; 5] = ["primarysmtpaddress", "mailboxaddress", "emailaddress", "mailbox", "identity"];
/// Columns that may hold the member.
const MEMBERS: [&str; 2] = ["user", "trustee"];
/// The rights that count.
const RIGHTS: [&str; 2] = ["fullaccess", "sendas"];

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::ExchangePermissions,
    known_by: "AccessRights and User or Trustee",
    recognises: |has| has("accessrights") && MEMBERS.into_iter().any(has),
    columns: &[
        Column::optional(&["primarysmtpaddress"], Holds::Text),
        Column::optional(&["mailboxaddress"], Holds::Text),
        Column::optional(&["emailaddress"], Holds::Text),
        Column::optional(&["mailbox"], Holds::Text),
        Column::wanted("Identity", &["identity"], Holds::Text),
        Column::optional(&["user"], Holds::Text),
        Column::optional(&["trustee"], Holds::Text),
        Column::wanted("AccessRights", &["accessrights"], Holds::Text),
        Column::optional(&["accesscontroltype"], Holds::Text),
        Column::wanted("IsInherited", &["isinherited"], Holds::Text).of(&words::FLAGS),
        Column::optional(&["deny"], Holds::Text).of(&words::FLAGS),
    ],
    skips,
    read,
};

fn skips(row: &Row) -> bool {
    let is_denied = row.flag("deny") == Some(true)
        || row.text("accesscontroltype").is_some_and(|text| text.eq_ignore_ascii_case("deny"));
    let is_lesser = row.text("accessrights").is_some_and(|text| !tells_of_access(&text));
    // `NT AUTHORITY\SELF` and the system's groups have a backslash.
    let is_nobody = member(row).is_some_and(|(_, text)| text.contains('\\'));
    let is_idle = || is_orphan(row) && mailbox(row).is_none_or(|(_, text)| cells::address(&text).is_err());
    is_denied || row.flag("isinherited") == Some(true) || is_lesser || is_nobody || is_idle()
}

/// Whether the right is one of somebody who is deleted, of whom only a number is left.
fn is_orphan(row: &Row) -> bool {
    member(row).is_some_and(|(_, text)| cells::is_sid(&text))
}

/// Whether one of several rights, in whatever brackets, is one that counts.
fn tells_of_access(text: &str) -> bool {
    text.split([',', ';', ' ']).any(|right| RIGHTS.contains(&normalise(right).as_str()))
}

fn mailbox(row: &Row) -> Option<(&'static str, String)> {
    MAILBOXES.into_iter().find_map(|key| Some((key, row.text(key)?)))
}

fn member(row: &Row) -> Option<(&'static str, String)> {
    MEMBERS.into_iter().find_map(|key| Some((key, row.text(key)?)))
}

fn read(row: &Row) -> Result<Record, Rejected> {
    if row.text("accessrights").is_none() {
        return Err(row.reject(
            "accessrights",
            "the rights are not written out; select @{n='AccessRights';e={$_.AccessRights -join ','}}",
        ));
    }
    let remedy = "add a column PrimarySmtpAddress with the mailbox's address, by Select-Object, and export again";
    let mailbox = address(row, mailbox(row), "the row has no mailbox", remedy)?;
    let remedy = "take a group apart into its members, give a person's address";
    let person = || address(row, member(row), "the row has no member", remedy);
    let member = if is_orphan(row) { None } else { Some(person()?) };
    Ok(Record::Member(Box::new(MemberRow { line: row.line(), mailbox, member })))
}

/// The address in a cell that may hold a name, or what to do about it.
fn address(row: &Row, cell: Option<(&str, String)>, missing: &str, remedy: &str) -> Result<Address, Rejected> {
    let (key, text) = cell.ok_or_else(|| Rejected::row(row.line(), missing))?;
    cells::address(&text).map_err(|reason| row.reject(key, format!("{reason}; {remedy}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_access_and_send_as_count_and_no_other_right() {
        for rights in ["FullAccess", "{FullAccess}", "ReadPermission, FullAccess", "{SendAs}", "FullAccess;DeleteItem"]
        {
            assert!(tells_of_access(rights), "{rights}");
        }
        for rights in ["ReadPermission", "{ExternalAccount}", "NotFullAccess"] {
            assert!(!tells_of_access(rights), "{rights}");
        }
    }
}
