//! Sends of mailboxes, in three shapes: message trace, audit script, newest item of Sent Items.
//!
//! One row is one send, or the newest one. Who received it and what it was about is dropped here. Rows that prove no
//! send (not delivered, failed, another folder, no date) are passed over: a blank proves nothing.
use super::{Format, Row};
use crate::domain::{
    snapshot::{Observation, Record, Source},
    subject::Address,
};
use crate::sources::{
    cells,
    dates::Wall,
    error::Rejected,
    header::{Column, Holds, normalise},
    words,
};

/// Trace words for a message that left.
const LEFT: [&str; 3] = ["delivered", "expanded", "pending"];
/// Columns that may name the mailbox of a folder, best first.
const MAILBOXES: [&str; 8] = [
    "primarysmtpaddress",
    "emailaddress",
    "mailboxaddress",
    "address",
    "mailbox",
    "userprincipalname",
    "senderaddress",
    "identity",
];
/// Columns that may name the folder.
const FOLDERS: [&str; 3] = ["foldertype", "folderpath", "name"];
/// What the column of a trace's time is called, by the commands and by the service itself.
const RECEIVED: [&str; 3] = ["received", "receivedtime", "receiveddatetime"];
/// The columns of a send's day.
const DATES: [&str; 3] = ["received", "senttime", "newestitemreceiveddate"];

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::Sends,
    known_by: "SenderAddress and Received, or Sent From and Sent Time, or a mailbox column and NewestItemReceivedDate",
    recognises: |has| {
        let is_folder = has("newestitemreceiveddate") && MAILBOXES.into_iter().any(has);
        (has("senderaddress") && RECEIVED.into_iter().any(has)) || (has("sentfrom") && has("senttime")) || is_folder
    },
    columns: &[
        Column::optional(&["senderaddress"], Holds::Text).address(),
        Column::optional(&RECEIVED, Holds::Stamp(Wall::Utc)),
        Column::optional(&["status"], Holds::Text).of(&words::TRACED),
        Column::optional(&["sentfrom"], Holds::Text).address(),
        Column::optional(&["senttime"], Holds::Stamp(Wall::Local)),
        Column::optional(&["result"], Holds::Text),
        Column::optional(&["newestitemreceiveddate"], Holds::Stamp(Wall::Local)),
        Column::optional(&["primarysmtpaddress"], Holds::Text).address(),
        Column::optional(&["emailaddress"], Holds::Text).address(),
        Column::optional(&["mailboxaddress"], Holds::Text).address(),
        Column::optional(&["address"], Holds::Text).address(),
        Column::optional(&["mailbox"], Holds::Text).address(),
        Column::optional(&["userprincipalname"], Holds::Text).address(),
        Column::optional(&["identity"], Holds::Text).address(),
        Column::optional(&["foldertype"], Holds::Text),
        Column::optional(&["folderpath"], Holds::Text),
        Column::optional(&["name"], Holds::Text),
    ],
    skips,
    read,
};

fn skips(row: &Row) -> bool {
    let left = || row.text("status").is_some_and(|word| LEFT.contains(&word.to_lowercase().as_str()));
    let did_not_leave = row.layout.find("status").is_some() && !left();
    let failed = row.text("result").is_some_and(|word| word.to_lowercase().starts_with("fail"));
    let undated = DATES.iter().all(|key| row.text(key).is_none());
    let is_guest = row.is_guest(&["senderaddress", "sentfrom"]);
    is_guest || is_bounce(row) || did_not_leave || failed || undated || is_other_folder(row)
}

/// Nobody sends a message that says that another one could not be delivered.
fn is_bounce(row: &Row) -> bool {
    row.text("senderaddress").is_some_and(|sender| sender == "<>")
}

/// Of a mailbox's folders only Sent Items tells of sends.
fn is_other_folder(row: &Row) -> bool {
    let folder = FOLDERS.iter().find_map(|key| row.text(key)).or_else(|| {
        let identity = row.text("identity")?;
        identity.rsplit_once(['\\', '/']).map(|(_, folder)| folder.to_owned())
    });
    row.text("newestitemreceiveddate").is_some() && folder.is_some_and(|folder| normalise(&folder) != "sentitems")
}

fn read(row: &Row) -> Result<Record, Rejected> {
    let address = sender(row)?.ok_or_else(|| Rejected::row(row.line(), "the row has no sender's address"))?;
    let mut sent_on = None;
    for key in DATES {
        sent_on = sent_on.max(row.date(key)?);
    }
    let observation =
        Observation { line: row.line(), address: Some(address), last_sent_on: sent_on, ..Observation::default() };
    Ok(Record::Subject(Box::new(observation)))
}

fn sender(row: &Row) -> Result<Option<Address>, Rejected> {
    let named = ["senderaddress", "sentfrom"].iter().chain(&MAILBOXES).find_map(|key| Some((*key, row.text(key)?)));
    let Some((key, text)) = named else { return Ok(None) };
    let mailbox = text.split(['\\', '/']).next().unwrap_or_default();
    cells::address(mailbox).map(Some).map_err(|reason| row.reject(key, reason))
}
