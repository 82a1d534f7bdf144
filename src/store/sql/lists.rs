//! What files list besides subjects: contacts, who may open which mailbox, organisations.

use std::collections::BTreeSet;

use jiff::civil::Date;
use sqlx::AssertSqlSafe;

use super::{Cell, Dialect, Table, Twice};
use crate::{
    domain::{
        sites::Sites,
        snapshot::{ContactRole, ContactRow, Lists, MemberRow, SiteRow, Source},
        subject::{Address, OdsCode},
    },
    store::{SnapshotRow, StoreError, rows},
};

/// Writes what a loaded file lists. A contacts file replaces the one before.
pub(super) async fn write<DB: Dialect>(
    db: &mut DB::Connection,
    snapshot: &SnapshotRow,
    lists: &Lists,
) -> Result<(), StoreError> {
    if snapshot.source == Source::SiteContacts {
        replace_contacts::<DB>(&mut *db, &lists.contacts).await?;
    }
    if !lists.members.is_empty() {
        write_members::<DB>(&mut *db, &lists.members, snapshot.as_of_on).await?;
    }
    if !lists.sites.is_empty() {
        write_sites::<DB>(db, &lists.sites).await?;
    }
    Ok(())
}

const CONTACT: Table<11> = Table {
    name: "contact",
    columns: [
        "position",
        "line",
        "ods",
        "sector",
        "site_name",
        "town",
        "shared_mailbox",
        "address",
        "role",
        "alternate_address",
        "administered_by",
    ],
    twice: Twice::Fails,
};

fn contact_row(position: i64, contact: &ContactRow) -> [Cell<'_>; 11] {
    [
        position.into(),
        i64::from(contact.line).into(),
        contact.ods.as_ref().map(OdsCode::as_str).into(),
        contact.sector.as_ref().into(),
        contact.site_name.as_ref().into(),
        contact.town.as_ref().into(),
        contact.shared_mailbox.as_ref().map(Address::as_str).into(),
        contact.address.as_str().into(),
        contact.role.as_str().into(),
        contact.alternate_address.as_ref().map(Address::as_str).into(),
        contact.administered_by.as_ref().into(),
    ]
}

async fn replace_contacts<DB: Dialect>(db: &mut DB::Connection, contacts: &[ContactRow]) -> Result<(), StoreError> {
    let what = "replacing the contacts";
    DB::execute(&mut *db, what, "DELETE FROM contact", &[]).await?;
    let numbered = (0_i64..).zip(contacts).map(|(position, contact)| contact_row(position, contact));
    DB::fill(db, what, &CONTACT, numbered).await
}

#[derive(sqlx::FromRow)]
struct ContactColumns {
    line: i64,
    ods: Option<String>,
    sector: Option<String>,
    site_name: Option<String>,
    town: Option<String>,
    shared_mailbox: Option<String>,
    address: String,
    role: String,
    alternate_address: Option<String>,
    administered_by: Option<String>,
}

/// The contacts in force, in the order of their file.
pub(super) async fn contacts<DB: Dialect>(db: &mut DB::Connection) -> Result<Vec<ContactRow>, StoreError> {
    let found: Vec<ContactColumns> = DB::all(
        db,
        "reading the contacts",
        "SELECT line, ods, sector, site_name, town, shared_mailbox, address, role, alternate_address, administered_by
         FROM contact ORDER BY position",
        &[],
    )
    .await?;
    let contact = |row: ContactColumns| {
        Some(ContactRow {
            line: u32::try_from(row.line).unwrap_or(0),
            ods: row.ods.as_deref().and_then(OdsCode::new),
            sector: row.sector,
            site_name: row.site_name,
            town: row.town,
            shared_mailbox: row.shared_mailbox.as_deref().map(Address::new),
            address: Address::new(&row.address),
            role: ContactRole::parse(&row.role)?,
            alternate_address: row.alternate_address.as_deref().map(Address::new),
            administered_by: row.administered_by,
        })
    };
    Ok(found.into_iter().filter_map(contact).collect())
}

/// Stands in place of a member of a mailbox that nobody may open: the row keeps the day on which that was so.
const NOBODY: &str = "";

const MEMBER: Table<3> = Table {
    name: "member",
    columns: ["mailbox", "member", "as_of_on"],
    twice: Twice::Replaces(&["mailbox", "member"]),
};

/// A newer file has the whole say on the mailboxes it names; two of one day add up, and an older one says nothing.
async fn write_members<DB: Dialect>(
    db: &mut DB::Connection,
    members: &[MemberRow],
    as_of: Date,
) -> Result<(), StoreError> {
    let what = "writing who may open which mailbox";
    let named: BTreeSet<&str> = members.iter().map(|row| row.mailbox.as_str()).collect();
    let named: Vec<&str> = named.into_iter().collect();
    let terms = [Cell::Texts(&named), as_of.into()];
    let newer =
        AssertSqlSafe(format!("SELECT DISTINCT mailbox FROM member WHERE mailbox IN {} AND as_of_on > $2", DB::LISTED));
    let newer: Vec<(String,)> = DB::all(&mut *db, what, newer, &terms).await?;
    let newer: BTreeSet<String> = newer.into_iter().map(|(mailbox,)| mailbox).collect();
    let older = AssertSqlSafe(format!("DELETE FROM member WHERE mailbox IN {} AND as_of_on < $2", DB::LISTED));
    DB::execute(&mut *db, what, older, &terms).await?;
    let pairs: BTreeSet<(&str, &str)> = members.iter().map(pair).collect();
    let written = pairs.into_iter().filter(|(mailbox, _)| !newer.contains(*mailbox));
    DB::fill(db, what, &MEMBER, written.map(|(mailbox, member)| [mailbox.into(), member.into(), as_of.into()])).await
}

fn pair(row: &MemberRow) -> (&str, &str) {
    (row.mailbox.as_str(), row.member.as_ref().map_or(NOBODY, Address::as_str))
}

/// Who may open which mailbox, as of when.
type Permission = (Address, Option<Address>, Date);

/// Every mailbox of which is known who may open it, with each of these.
pub(super) async fn members<DB: Dialect>(db: &mut DB::Connection) -> Result<Vec<Permission>, StoreError> {
    let all = "SELECT mailbox, member, as_of_on FROM member";
    let found: Vec<(String, String, String)> = DB::all(db, "reading who may open which mailbox", all, &[]).await?;
    let row = |(mailbox, member, as_of): (String, String, String)| {
        let member = (member != NOBODY).then(|| Address::new(&member));
        Ok((Address::new(&mailbox), member, rows::date(&as_of)?))
    };
    found.into_iter().map(row).collect()
}

const SITE: Table<10> = Table {
    name: "site",
    columns: [
        "ods_key",
        "ods",
        "name",
        "town",
        "sector",
        "parent",
        "opened_on",
        "closed_on",
        "dspt_status",
        "dspt_published_on",
    ],
    twice: Twice::Replaces(&["ods_key"]),
};

async fn write_sites<DB: Dialect>(db: &mut DB::Connection, news: &[SiteRow]) -> Result<(), StoreError> {
    let mut known = Sites::new(sites::<DB>(&mut *db).await?);
    let named: BTreeSet<Box<str>> = news.iter().map(|row| row.ods.key()).collect();
    for row in news {
        known.learn(row.clone());
    }
    let written = known.iter().filter(|row| named.contains(&row.ods.key())).map(|row| {
        [
            row.ods.key().into_string().into(),
            row.ods.as_str().into(),
            row.name.as_ref().into(),
            row.town.as_ref().into(),
            row.sector.as_ref().into(),
            row.parent.as_ref().map(OdsCode::as_str).into(),
            row.opened_on.into(),
            row.closed_on.into(),
            row.dspt_status.as_ref().into(),
            row.dspt_published_on.into(),
        ]
    });
    DB::fill(db, "writing organisations", &SITE, written).await
}

#[derive(sqlx::FromRow)]
struct SiteColumns {
    ods: String,
    name: Option<String>,
    town: Option<String>,
    sector: Option<String>,
    parent: Option<String>,
    opened_on: Option<String>,
    closed_on: Option<String>,
    dspt_status: Option<String>,
    dspt_published_on: Option<String>,
}

/// What lists of organisations have said.
pub(super) async fn sites<DB: Dialect>(db: &mut DB::Connection) -> Result<Vec<SiteRow>, StoreError> {
    let all = "SELECT ods, name, town, sector, parent, opened_on, closed_on, dspt_status, dspt_published_on FROM site";
    let found: Vec<SiteColumns> = DB::all(db, "reading organisations", all, &[]).await?;
    let mut sites = Vec::with_capacity(found.len());
    for row in found {
        let Some(ods) = OdsCode::new(&row.ods) else { continue };
        sites.push(SiteRow {
            line: 0,
            ods,
            name: row.name,
            town: row.town,
            sector: row.sector,
            parent: row.parent.as_deref().and_then(OdsCode::new),
            opened_on: rows::optional_date(row.opened_on.as_deref())?,
            closed_on: rows::optional_date(row.closed_on.as_deref())?,
            dspt_status: row.dspt_status,
            dspt_published_on: rows::optional_date(row.dspt_published_on.as_deref())?,
        });
    }
    Ok(sites)
}
