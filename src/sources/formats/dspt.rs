//! The DSPT list (F19), the operator's own: what each site's newest self-assessment of data security came to, and when.
use super::{Format, Row, ods};
use crate::domain::snapshot::{Record, SiteRow, Source};
use crate::sources::{
    dates::Wall,
    error::Rejected,
    header::{Column, Holds},
};

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::Dspt,
    known_by: "ods_code, status and published_on",
    recognises: |has| has("odscode") && has("status") && has("publishedon") && !has("address"),
    columns: &[
        Column::wanted("ods_code", &["odscode"], Holds::Text),
        Column::wanted("status", &["status"], Holds::Text),
        Column::wanted("published_on", &["publishedon"], Holds::Date(Wall::Local)).omissible(),
    ],
    skips: |_| false,
    read,
};

fn read(row: &Row) -> Result<Record, Rejected> {
    Ok(Record::Site(Box::new(SiteRow {
        line: row.line(),
        ods: ods::code(row, "odscode")?,
        name: None,
        town: None,
        sector: None,
        parent: None,
        opened_on: None,
        closed_on: None,
        dspt_status: row.word("status"),
        dspt_published_on: row.date("publishedon")?,
    })))
}
