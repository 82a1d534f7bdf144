//! The site contacts file, the product's own: who owns a site's mailbox, who its members are, who administers it.
use super::{Format, Row};
use crate::domain::snapshot::{ContactRole, ContactRow, Record, Source};
use crate::sources::{
    cells,
    error::Rejected,
    header::{Column, Holds},
};

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::SiteContacts,
    known_by: "ods_code, address and role",
    recognises: |has| has("address") && has("role") && (has("odscode") || has("sharedmailbox")),
    columns: &[
        Column::wanted("ods_code", &["odscode"], Holds::Text),
        Column::wanted("sector", &["sector"], Holds::Text),
        Column::wanted("site_name", &["sitename"], Holds::Text),
        Column::optional(&["town"], Holds::Text),
        Column::wanted("shared_mailbox", &["sharedmailbox"], Holds::Text),
        Column::wanted("address", &["address"], Holds::Text),
        Column::wanted("role", &["role"], Holds::Text),
        Column::wanted("alternate_address", &["alternateaddress"], Holds::Text).omissible(),
        Column::wanted("administered_by", &["administeredby"], Holds::Text).omissible(),
    ],
    skips: |_| false,
    read,
};

fn read(row: &Row) -> Result<Record, Rejected> {
    let address = row.address("address")?;
    Ok(Record::Contact(Box::new(ContactRow {
        line: row.line(),
        ods: row.ods("odscode"),
        sector: row.word("sector").map(|word| word.to_lowercase()),
        site_name: row.place("sitename"),
        town: row.place("town"),
        shared_mailbox: row.address("sharedmailbox")?,
        address: address.ok_or_else(|| row.reject("address", "the row has no address"))?,
        role: role(row)?,
        alternate_address: row.address("alternateaddress")?,
        administered_by: row.word("administeredby"),
    })))
}

fn role(row: &Row) -> Result<ContactRole, Rejected> {
    let word = row.word("role").ok_or_else(|| row.reject("role", "the row has no role"))?;
    let unknown = || row.reject("role", format!("{} is none of owner, member, site, admin", cells::quote(&word)));
    ContactRole::parse(&word).ok_or_else(unknown)
}
