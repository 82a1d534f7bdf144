//! What the usage reports of Microsoft 365 have in common: a refresh date that dates the file, a user name that may be
//! concealed, and rows of accounts that are deleted already.
//!
//! Their columns drift from one year and one endpoint to the next, so whatever is not needed to know the report may be
//! missing. A blank date means "none recorded" and is nothing that can be told.
use super::{Row, graph::without_id};
use crate::domain::{
    snapshot::Observation,
    subject::{Address, Status},
};
use crate::sources::{
    cells,
    dates::Wall,
    error::Rejected,
    header::{Column, Holds},
};

/// A day without a time; were there one, it would be in UTC.
pub(super) const DAY: Holds = Holds::Date(Wall::Utc);
/// The day that the report describes.
pub(super) const REFRESHED: Column =
    Column::wanted("Report Refresh Date", &["reportrefreshdate", "reportrefreshdateutc"], Holds::AsOf);
/// The account's name, by which alone it is known.
pub(super) const WHO: Column = Column::wanted("User Principal Name", &["userprincipalname"], Holds::Text).address();
/// The name for people.
pub(super) const NAME: Column = Column::wanted("Display Name", &["displayname"], Holds::Text);
/// Whether the account is deleted.
pub(super) const IS_DELETED: Column = Column::wanted("Is Deleted", &["isdeleted"], Holds::Text);
/// Since when.
pub(super) const DELETED: Column = Column::wanted("Deleted Date", &["deleteddate"], DAY);
/// The newest use of the thing that the report is about.
pub(super) const USED: Column = Column::wanted("Last Activity Date", &["lastactivitydate"], DAY).anchor();

/// Rows about other organisations' people.
pub(super) fn is_guest(row: &Row) -> bool {
    row.is_guest(&["userprincipalname"])
}

/// Whom a row is about, and whether the account is deleted.
///
/// - A row that says "not deleted" says nothing of the status: the report knows two of the Portal's dozen.
/// - Without the column, a date of deletion says it.
pub(super) fn account(row: &Row) -> Result<Observation, Rejected> {
    row.date("reportrefreshdate")?;
    let deleted_on = row.date("deleteddate")?;
    let is_deleted = row.strict_flag("isdeleted")?.unwrap_or(deleted_on.is_some());
    Ok(Observation {
        line: row.line(),
        address: Some(address(row, is_deleted)?),
        display_name: row.text("displayname").and_then(|text| cells::name(&text)),
        status: Status::new("Deleted").filter(|_| is_deleted),
        deleted_on: deleted_on.filter(|_| is_deleted),
        ..Observation::default()
    })
}

fn address(row: &Row, is_deleted: bool) -> Result<Address, Rejected> {
    let text = row.text("userprincipalname").ok_or_else(|| row.nobody())?;
    let own = if is_deleted { without_id(&text) } else { &text };
    let reject = |reason| row.reject("userprincipalname", reason).concealing(cells::is_concealed(&text));
    cells::address(own).map_err(reject)
}

/// The cell as a whole number, with or without commas between its thousands.
pub(super) fn number(row: &Row, key: &str) -> Result<Option<u32>, Rejected> {
    let Some(text) = row.text(key) else { return Ok(None) };
    let bad = |_| row.reject(key, format!("{} is no number", cells::quote(&text)));
    text.replace(',', "").parse().map(Some).map_err(bad)
}
