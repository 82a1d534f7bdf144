//! Microsoft 365's mailbox usage report: which mailboxes there are, of what kind, and when a person's was last used.
//!
//! It lists shared mailboxes, but they have no activity of their own: the date in their row is no use and no send.
use super::{Format, Row, usage};
use crate::domain::{
    snapshot::{Observation, Record, Source},
    subject::Kind,
};
use crate::sources::{
    error::Rejected,
    header::{Column, Holds},
    words,
};

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::MailboxUsage,
    known_by: "Item Count and Prohibit Send Quota (Byte)",
    recognises: |has| has("itemcount") && has("prohibitsendquotabyte"),
    columns: &[
        usage::REFRESHED,
        usage::WHO,
        usage::NAME,
        usage::IS_DELETED,
        usage::DELETED,
        Column::wanted("Created Date", &["createddate"], usage::DAY).anchor(),
        usage::USED,
        Column::wanted("Recipient Type", &["recipienttype"], Holds::Text).of(&words::KINDS),
    ],
    skips: usage::is_guest,
    read,
};

fn read(row: &Row) -> Result<Record, Rejected> {
    let kind = row.text("recipienttype").map_or(Kind::Unknown, |text| Kind::parse(&text));
    let used_on = row.date("lastactivitydate")?;
    Ok(Record::Subject(Box::new(Observation {
        kind,
        created_on: row.date("createddate")?,
        last_activity_on: used_on.filter(|_| !matches!(kind, Kind::Shared | Kind::Resource)),
        ..usage::account(row)?
    })))
}
