//! Exchange Online's mailbox statistics (F11): when a mailbox was last used.
//!
//! `LastUserActionTime` counts, `LastInteractionTime` where that is blank. `LastLogonTime` moves when an assistant of
//! Exchange looks in, so it recognises the file and is not read. Somebody who acts in a shared mailbox has not
//! sent from it, so of those no date is kept; a row that does not say what it is may be about an account. As the file
//! itself lists nobody, its facts wait for a list.
use super::{Format, Hopeless, Row, exchange};
use crate::domain::{
    snapshot::{Observation, Record, Source},
    subject::{Address, Kind},
};
use crate::sources::{
    cells,
    dates::Wall,
    error::Rejected,
    header::{Column, Holds},
    words,
};

const USED: Holds = Holds::Stamp(Wall::Local);

/// Columns that tell of use.
const ACTIVITY: [&str; 2] = ["lastuseractiontime", "lastinteractiontime"];
/// Columns that may hold the address, best first.
const ADDRESSES: [&str; 5] =
    ["primarysmtpaddress", "userprincipalname", "emailaddress", "mailboxaddress", "windowsemailaddress"];
/// Columns that may say what kind of mailbox it is.
const KINDS: [&str; 2] = ["recipienttypedetails", "mailboxtypedetail"];

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::ExchangeStatistics,
    known_by: "LastUserActionTime and a column with the address, such as UserPrincipalName",
    recognises: |has| are_statistics(has) && has_address(has),
    columns: &[
        Column::optional(&["primarysmtpaddress"], Holds::Text).address(),
        Column::optional(&["userprincipalname"], Holds::Text).address(),
        Column::optional(&["emailaddress"], Holds::Text).address(),
        Column::optional(&["mailboxaddress"], Holds::Text).address(),
        Column::optional(&["windowsemailaddress"], Holds::Text).address(),
        Column::wanted("DisplayName", &["displayname"], Holds::Text),
        Column::optional(&["recipienttypedetails"], Holds::Text).of(&words::KINDS),
        Column::optional(&["mailboxtypedetail"], Holds::Text).of(&words::KINDS),
        Column::wanted("LastUserActionTime", &["lastuseractiontime"], USED).anchor(),
        Column::wanted("LastInteractionTime", &["lastinteractiontime"], USED),
    ],
    skips: |_| false,
    read,
};

/// The same file as the command writes it: display names, which may be anybody's.
pub(super) const WITHOUT_ADDRESS: Hopeless = Hopeless {
    recognises: |has| are_statistics(has) && !has_address(has),
    remedy: "these are mailbox statistics without an address, and a display name may be anybody's; add one and export \
             again: Get-EXOMailbox -ResultSize Unlimited | ForEach-Object { $m = $_; Get-EXOMailboxStatistics \
             $m.PrimarySmtpAddress -PropertySets All | Select-Object @{n='PrimarySmtpAddress';e={$m.PrimarySmtpAddress}}, \
             DisplayName, MailboxTypeDetail, LastUserActionTime, LastInteractionTime } | Export-Csv statistics.csv",
};

/// Whether there is a column that tells of use: such a file is statistics, whatever else was selected into it.
pub(super) fn has_activity(has: &dyn Fn(&str) -> bool) -> bool {
    has("lastlogontime") || ACTIVITY.into_iter().any(has)
}

fn are_statistics(has: &dyn Fn(&str) -> bool) -> bool {
    has_activity(has) && (has("mailboxguid") || has("displayname") || has_address(has))
}

fn has_address(has: &dyn Fn(&str) -> bool) -> bool {
    ADDRESSES.into_iter().any(has)
}

fn read(row: &Row) -> Result<Record, Rejected> {
    let address = address(row)?.ok_or_else(|| Rejected::row(row.line(), "the row has no address"))?;
    let kind = KINDS.iter().find_map(|key| row.text(key)).map_or(Kind::Unknown, |text| kind(row, &text));
    let (acted_on, interacted_on) = (row.date("lastuseractiontime")?, row.date("lastinteractiontime")?);
    let observation = Observation {
        line: row.line(),
        address: Some(address),
        display_name: row.text("displayname").and_then(|text| cells::name(&text)),
        kind,
        last_activity_on: acted_on.or(interacted_on).filter(|_| !matches!(kind, Kind::Shared | Kind::Resource)),
        ..Observation::default()
    };
    Ok(Record::Subject(Box::new(observation)))
}

/// Somebody is a user only where the file could tell that they used their mailbox.
fn kind(row: &Row, text: &str) -> Kind {
    let tells_of_use = row.layout.find("lastuseractiontime").is_some();
    if tells_of_use { Kind::parse(text) } else { exchange::kind_without_activity(text) }
}

fn address(row: &Row) -> Result<Option<Address>, Rejected> {
    let named = ADDRESSES.into_iter().find(|key| row.text(key).is_some());
    named.map_or(Ok(None), |key| row.address(key))
}
